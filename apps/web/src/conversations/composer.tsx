import { signal } from '@preact/signals'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { IconButton } from '../app/button.tsx'
import { answersFromDocuments, documents } from '../documents/documents.ts'
import { canAnswer, session } from '../models/session.ts'
import { changeSettings } from '../settings/settings.ts'
import { ask, isAnswering, stop } from './answering.ts'
import { attach, attachments, isMeasuring, shownOf, takeAttachments } from './attachments.ts'
import { Attachments, Choosers } from './attachments-view.tsx'
import { isSendKey } from './keys.ts'

/** What is being written; it outlives a look at another screen. */
export const draft = signal('')

/** Where questions are written. */
export function Composer() {
  const area = useRef<HTMLTextAreaElement>(null)
  useLayoutEffect(() => {
    // On a phone the keyboard would cover half of the page.
    if (matchMedia('(pointer: fine)').matches) area.current?.focus()
  }, [])
  const isEmpty = draft.value.trim() === '' && attachments.value.length === 0
  const mayNotSend = isEmpty || isMeasuring.value || !canAnswer.value
  const send = (): void => {
    const pictures = attachments.value.map((attachment) => ({ shown: shownOf(attachment), file: attachment.file }))
    if (mayNotSend || !ask(draft.value.trim(), pictures)) return
    draft.value = ''
    takeAttachments()
  }
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      <Attachments />
      <div class="composer-box">
        <Choosers />
        <DocumentsSwitch />
        <textarea
          ref={area}
          class="growing"
          rows={1}
          aria-label="Message"
          placeholder={placeholder()}
          value={draft.value}
          onInput={({ currentTarget }) => (draft.value = currentTarget.value)}
          onPaste={(event) => {
            const files = [...(event.clipboardData?.files ?? [])]
            if (files.length === 0) return
            event.preventDefault()
            attach(files)
          }}
          onKeyDown={(event) => {
            if (!isSendKey(event)) return
            event.preventDefault()
            send()
          }}
        />
        {isAnswering.value ? (
          <IconButton class="round" icon="stop" label="Stop" onClick={stop} />
        ) : (
          <IconButton class="round" icon="send" label="Send" disabled={mayNotSend} onClick={send} />
        )}
      </div>
    </form>
  )
}

function placeholder(): string {
  if (session.value.state === 'empty') return 'Choose a model first'
  return answersFromDocuments.value ? 'Ask your files' : 'Ask something'
}

/** Whether the next question is answered from documents; where there are none, so is no switch. */
function DocumentsSwitch() {
  if (documents.value.length === 0) return undefined
  const isOn = answersFromDocuments.value
  return (
    <IconButton
      class="documents-switch"
      icon="document"
      label="Answer from documents"
      pressed={isOn}
      onClick={() => changeSettings({ fromDocuments: !isOn })}
    />
  )
}
