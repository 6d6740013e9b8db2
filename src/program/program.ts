import { formatType, type TensorType } from '../base/dtype.ts'

/**
 * A program is plain data: a list of operations over values of static shape. It can be printed, compared, sized and
 * refused before a byte of weights is loaded; backends lower, plan and run it.
 */
export type ValueId = number

/**
 * Where a value comes from. `computed` lives in scratch memory that the plan lays out; `parameter` and `state` live in
 * the store, bound by name, and outlive every plan; `input` is written by the caller before each run (ids, positions,
 * page tables, the learning rate).
 */
export type Origin = 'computed' | 'parameter' | 'state' | 'input'

export interface Value {
  readonly id: ValueId
  readonly type: TensorType
  readonly origin: Origin
  /** The name in the store or among the inputs; empty for computed values. */
  readonly name: string
}

export type Attribute = number | boolean | string | readonly number[]
export type Attributes = Readonly<Record<string, Attribute>>

export interface Operation {
  readonly kind: string
  readonly inputs: readonly ValueId[]
  readonly outputs: readonly ValueId[]
  readonly attributes: Attributes
  /** Where in the model the operation was traced, such as `model.layers.3.mlp`; for printing and recomputation. */
  readonly scope: string
}

export interface Program {
  readonly name: string
  readonly values: readonly Value[]
  readonly operations: readonly Operation[]
  /** Results that a caller can read after a run, by name. */
  readonly outputs: Readonly<Record<string, ValueId>>
}

/** The value with this id; a program that names a missing one is a defect. */
export function valueOf(program: Program, id: ValueId): Value {
  const value = program.values[id]
  if (value === undefined) throw new Error(`defect: program "${program.name}" has no value %${id}`)
  return value
}

/** Values that the store or the caller must hold for this program, in order of first use. */
export function boundValues(program: Program, origin: Exclude<Origin, 'computed'>): Value[] {
  return program.values.filter((value) => value.origin === origin)
}

function formatAttribute(attribute: Attribute): string {
  if (typeof attribute !== 'object') return String(attribute)
  return attribute.length > 8
    ? `[${attribute.slice(0, 8).join(' ')} … ${attribute.length}]`
    : `[${attribute.join(' ')}]`
}

/** The program as text, one line an operation; the same program always prints the same text. */
export function printProgram(program: Program): string {
  const reference = (id: ValueId): string => {
    const value = valueOf(program, id)
    return value.origin === 'computed' ? `%${id}` : `${value.origin === 'input' ? '$' : '@'}${value.name}`
  }
  const lines = [`program ${program.name}`]
  for (const value of program.values) {
    if (value.origin !== 'computed') lines.push(`  ${value.origin} ${value.name}: ${formatType(value.type)}`)
  }
  let scope = ''
  for (const operation of program.operations) {
    if (operation.scope !== scope) {
      scope = operation.scope
      lines.push(`  # ${scope}`)
    }
    const results = operation.outputs.map((id) => `%${id}: ${formatType(valueOf(program, id).type)}`).join(', ')
    const attributes = Object.entries(operation.attributes).map(([key, value]) => `${key}=${formatAttribute(value)}`)
    const operands = [...operation.inputs.map(reference), ...attributes].join(', ')
    lines.push(`  ${results === '' ? '' : `${results} = `}${operation.kind}(${operands})`)
  }
  for (const [name, id] of Object.entries(program.outputs)) lines.push(`  return ${name} = ${reference(id)}`)
  return `${lines.join('\n')}\n`
}
