import { useSignal } from '@preact/signals'
import { IconButton } from '../app/button.tsx'

interface CopyButtonProps {
  readonly text: string
  readonly label: string
}

/** How long it says that it has copied. */
const shown = 1600

export function CopyButton({ text, label }: CopyButtonProps) {
  const copied = useSignal(false)
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text)
    copied.value = true
    setTimeout(() => (copied.value = false), shown)
  }
  return (
    <IconButton
      icon={copied.value ? 'check' : 'copy'}
      label={copied.value ? 'Copied' : label}
      onClick={() => void copy().catch(() => undefined)}
    />
  )
}
