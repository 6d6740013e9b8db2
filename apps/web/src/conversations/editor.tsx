import { useSignal } from '@preact/signals'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { Button } from '../app/button.tsx'
import { isSendKey } from './keys.ts'

interface EditorProps {
  readonly text: string
  readonly label: string
  /** What the button says that takes the text. */
  readonly action: string
  /** Whether the text cannot be taken now. */
  readonly isBusy?: boolean
  readonly onSubmit: (text: string) => void
  readonly onCancel: () => void
}

/** A text that is changed in its place. */
export function Editor({ text, label, action, isBusy = false, onSubmit, onCancel }: EditorProps) {
  const area = useRef<HTMLTextAreaElement>(null)
  const value = useSignal(text)
  // Before anything can be typed, which would otherwise land where the cursor was moved from.
  useLayoutEffect(() => {
    area.current?.focus()
    area.current?.setSelectionRange(text.length, text.length)
  }, [])
  const submit = (): void => {
    if (value.value.trim() !== '') onSubmit(value.value.trim())
  }
  return (
    <div class="editor">
      <textarea
        ref={area}
        class="growing"
        aria-label={label}
        value={value.value}
        onInput={({ currentTarget }) => (value.value = currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') onCancel()
          if (!isSendKey(event)) return
          event.preventDefault()
          submit()
        }}
      />
      <div class="row end">
        <Button onClick={onCancel}>Cancel</Button>
        <Button kind="primary" disabled={isBusy || value.value.trim() === ''} onClick={submit}>
          {action}
        </Button>
      </div>
    </div>
  )
}
