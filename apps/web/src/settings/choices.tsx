import { useId } from 'preact/hooks'

interface ChoicesProps<Value extends string> {
  /** What is chosen, for those who do not see the heading above. */
  readonly legend: string
  readonly options: readonly (readonly [Value, string])[]
  readonly value: Value
  readonly disabled?: boolean
  readonly onChange: (value: Value) => void
}

/** One of a few things. */
export function Choices<Value extends string>({ legend, options, value, disabled, onChange }: ChoicesProps<Value>) {
  const name = useId()
  return (
    <fieldset class="choices" disabled={disabled}>
      <legend class="unseen">{legend}</legend>
      {options.map(([option, label]) => (
        <label>
          <input type="radio" name={name} checked={value === option} onChange={() => onChange(option)} />
          <span>{label}</span>
        </label>
      ))}
    </fieldset>
  )
}
