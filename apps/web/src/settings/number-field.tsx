import { useId } from 'preact/hooks'

interface NumberFieldProps {
  readonly label: string
  readonly about: string
  readonly min: number
  readonly max?: number
  readonly step: number
  readonly value: number | undefined
  /** What holds while it is empty. */
  readonly placeholder: string
  readonly onChange: (value: number | undefined) => void
}

/** A number that may be left out. What is out of range is not taken. */
export function NumberField({ label, about, value, placeholder, onChange, ...limits }: NumberFieldProps) {
  const help = useId()
  return (
    <label class="number-field">
      <span>
        {label}
        <small id={help}>{about}</small>
      </span>
      <input
        type="number"
        inputMode="decimal"
        aria-describedby={help}
        placeholder={placeholder}
        defaultValue={value}
        {...limits}
        onInput={({ currentTarget }) => {
          if (currentTarget.validity.valid)
            onChange(currentTarget.value === '' ? undefined : currentTarget.valueAsNumber)
        }}
      />
    </label>
  )
}
