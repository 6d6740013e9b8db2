import type { ComponentChildren } from 'preact'
import { Icon, type IconName } from './icons.tsx'

interface IconButtonProps {
  readonly icon: IconName
  /** What it does, for a screen reader and as a hint. */
  readonly label: string
  readonly onClick: () => void
  readonly disabled?: boolean
  readonly class?: string
  readonly expanded?: boolean
  /** Of a switch: whether it is on. */
  readonly pressed?: boolean
}

export function IconButton({ icon, label, onClick, disabled = false, expanded, pressed, ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      class={`icon-button ${rest.class ?? ''}`}
      aria-label={label}
      title={label}
      aria-expanded={expanded}
      aria-pressed={pressed}
      disabled={disabled}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  )
}

interface ButtonProps {
  readonly onClick: () => void
  readonly children: ComponentChildren
  readonly kind?: 'primary' | 'plain' | 'danger'
  readonly icon?: IconName
  readonly disabled?: boolean
}

export function Button({ onClick, children, kind = 'plain', icon, disabled = false }: ButtonProps) {
  return (
    <button type="button" class={`button ${kind}`} disabled={disabled} onClick={onClick}>
      {icon === undefined ? undefined : <Icon name={icon} />}
      {children}
    </button>
  )
}
