import { signal } from '@preact/signals'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { IconButton } from '../app/button.tsx'
import { canAnswer, session } from '../models/session.ts'
import { ask, isAnswering, stop } from './answering.ts'
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
  const isEmpty = draft.value.trim() === ''
  const send = (): void => {
    if (!isEmpty && canAnswer.value && ask(draft.value.trim())) draft.value = ''
  }
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      <div class="composer-box">
        <textarea
          ref={area}
          class="growing"
          rows={1}
          aria-label="Message"
          placeholder={session.value.state === 'empty' ? 'Choose a model first' : 'Ask something'}
          value={draft.value}
          onInput={({ currentTarget }) => (draft.value = currentTarget.value)}
          onKeyDown={(event) => {
            if (!isSendKey(event)) return
            event.preventDefault()
            send()
          }}
        />
        {isAnswering.value ? (
          <IconButton class="round" icon="stop" label="Stop" onClick={stop} />
        ) : (
          <IconButton class="round" icon="send" label="Send" disabled={isEmpty || !canAnswer.value} onClick={send} />
        )}
      </div>
    </form>
  )
}
