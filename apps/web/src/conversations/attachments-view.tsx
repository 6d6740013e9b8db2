import { Button, IconButton } from '../app/button.tsx'
import { Icon } from '../app/icons.tsx'
import { ErrorNotice } from '../app/notice.tsx'
import { attach, attachments, detach, refusal, type Attachment } from './attachments.ts'
import { Picture } from './picture.tsx'

const formats = 'image/png,image/jpeg,image/webp,image/gif'

/** How pictures are chosen: from files, and on a device that one holds in the hand by its camera. */
export function Choosers() {
  const choose = ({ currentTarget }: { readonly currentTarget: HTMLInputElement }): void => {
    attach([...(currentTarget.files ?? [])])
    // The same file can be chosen again.
    currentTarget.value = ''
  }
  return (
    <>
      <label class="icon-button" title="Attach pictures">
        <Icon name="picture" />
        <input class="unseen" type="file" multiple accept={formats} aria-label="Attach pictures" onChange={choose} />
      </label>
      <label class="icon-button by-hand" title="Take a picture">
        <Icon name="camera" />
        <input
          class="unseen"
          type="file"
          accept="image/*"
          capture="environment"
          aria-label="Take a picture"
          onChange={choose}
        />
      </label>
    </>
  )
}

/** What goes with the next question, and what it costs; or why something does not. */
export function Attachments() {
  return (
    <>
      {refusal.value === undefined ? undefined : (
        <ErrorNotice error={refusal.value}>
          <Button onClick={() => (refusal.value = undefined)}>Dismiss</Button>
        </ErrorNotice>
      )}
      {attachments.value.length === 0 ? undefined : (
        <ul class="attachments" aria-label="Attached pictures">
          {attachments.value.map((attachment) => (
            <Attached key={attachment.id} attachment={attachment} />
          ))}
        </ul>
      )}
    </>
  )
}

function Attached({ attachment: { id, name, cost } }: { readonly attachment: Attachment }) {
  return (
    <li>
      {/* What is no picture is not shown as one. */}
      {cost === undefined ? <span class="picture" /> : <Picture id={id} name={name} />}
      <span class="attached">
        <span class="name">{name}</span>
        <span class="quiet figures">
          {cost === undefined ? 'being read …' : `${cost.width} × ${cost.height}, ${cost.tokens} tokens`}
        </span>
      </span>
      <IconButton icon="close" label={`Remove ${name}`} onClick={() => detach(id)} />
    </li>
  )
}
