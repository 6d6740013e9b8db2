import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useId, useRef } from 'preact/hooks'
import { Button } from './button.tsx'

interface ConfirmProps {
  readonly title: string
  readonly children: ComponentChildren
  /** What the button that goes ahead says. */
  readonly action: string
  readonly onConfirm: () => void
  readonly onClose: () => void
}

/** Asks before something is lost. The platform's dialog keeps the focus and closes on Escape. */
export function Confirm({ title, children, action, onConfirm, onClose }: ConfirmProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const heading = useId()
  useLayoutEffect(() => dialog.current?.showModal(), [])
  const confirm = (): void => {
    onConfirm()
    onClose()
  }
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby={heading} onClose={onClose}>
      <h2 id={heading}>{title}</h2>
      <p class="quiet">{children}</p>
      <div class="row end">
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="danger" onClick={confirm}>
          {action}
        </Button>
      </div>
    </dialog>
  )
}
