import { formatType, type TensorType } from '../base/dtype.ts'
import { PocketPhiError } from '../base/errors.ts'
import { definitionOf } from './ops/definition.ts'
import type { Attributes, Operation, Origin, Program, Value, ValueId } from './program.ts'

/** A symbolic tensor: model code computes with these, and each operation on them appends to the trace. */
export interface Tensor {
  readonly trace: Trace
  readonly id: ValueId
  readonly type: TensorType
}

/** Records operations into a program. */
export class Trace {
  readonly name: string
  readonly #values: Value[] = []
  readonly #operations: Operation[] = []
  readonly #outputs: Record<string, ValueId> = {}
  readonly #bound = new Map<string, Tensor>()
  #scope = ''

  constructor(name: string) {
    this.name = name
  }

  /** The value of the store or of the caller that has this name; asked for twice, it is the same tensor. */
  bind(origin: Exclude<Origin, 'computed'>, name: string, type: TensorType): Tensor {
    const key = `${origin}:${name}`
    const known = this.#bound.get(key)
    if (known !== undefined) {
      if (formatType(known.type) !== formatType(type)) {
        throw new PocketPhiError('shape', `The ${origin} "${name}" is used with two types.`, {
          expected: formatType(known.type),
          found: formatType(type),
        })
      }
      return known
    }
    const tensor = this.#newValue(type, origin, name)
    this.#bound.set(key, tensor)
    return tensor
  }

  /** Appends one operation and returns its results. Throws `shape` when the operands do not fit. */
  apply(kind: string, inputs: readonly Tensor[], attributes: Attributes = {}): readonly Tensor[] {
    const definition = definitionOf(kind)
    for (const input of inputs) {
      if (input.trace !== this) throw new Error(`defect: ${kind} mixes tensors of two traces`)
    }
    const types = definition.infer(
      inputs.map((input) => input.type),
      attributes,
    )
    const outputs = types.map((type) => this.#newValue(type, 'computed', ''))
    this.#operations.push({
      kind,
      inputs: inputs.map((input) => input.id),
      outputs: outputs.map((output) => output.id),
      attributes,
      scope: this.#scope,
    })
    return outputs
  }

  /** Runs `body` with a scope name on every operation that it appends. */
  within<T>(scope: string, body: () => T): T {
    const outer = this.#scope
    this.#scope = scope
    try {
      return body()
    } finally {
      this.#scope = outer
    }
  }

  /** Names a result that the caller can read after a run. */
  output(name: string, tensor: Tensor): void {
    this.#outputs[name] = tensor.id
  }

  /** A symbolic tensor for a value that this trace already holds. */
  tensor(id: ValueId): Tensor {
    const value = this.#values[id]
    if (value === undefined) throw new Error(`defect: trace "${this.name}" has no value %${id}`)
    return { trace: this, id, type: value.type }
  }

  /** What has been recorded so far. */
  get operations(): readonly Operation[] {
    return this.#operations
  }

  /** The finished program, without operations whose results nobody reads. */
  finish(): Program {
    return removeUnused({
      name: this.name,
      values: this.#values,
      operations: this.#operations,
      outputs: this.#outputs,
    })
  }

  #newValue(type: TensorType, origin: Origin, name: string): Tensor {
    const id = this.#values.length
    this.#values.push({ id, type, origin, name })
    return { trace: this, id, type }
  }
}

/**
 * Drops operations without effect whose results nobody reads, and numbers the remaining values afresh. Inputs that
 * nothing reads go as well, so that what a program asks of its caller is what it needs.
 */
export function removeUnused(program: Program): Program {
  const wanted = new Set<ValueId>(Object.values(program.outputs))
  const kept: Operation[] = []
  for (const operation of program.operations.toReversed()) {
    const effect = definitionOf(operation.kind).mutates.length > 0
    if (!effect && !operation.outputs.some((id) => wanted.has(id))) continue
    for (const id of operation.inputs) wanted.add(id)
    for (const id of operation.outputs) wanted.add(id)
    kept.push(operation)
  }
  const renumbered = new Map<ValueId, ValueId>()
  const values: Value[] = []
  for (const value of program.values) {
    if (!wanted.has(value.id)) continue
    renumbered.set(value.id, values.length)
    values.push({ ...value, id: values.length })
  }
  const renumber = (id: ValueId): ValueId => {
    const now = renumbered.get(id)
    if (now === undefined) throw new Error(`defect: value %${id} was removed but is used`)
    return now
  }
  return {
    name: program.name,
    values,
    operations: kept.toReversed().map((operation) => ({
      ...operation,
      inputs: operation.inputs.map(renumber),
      outputs: operation.outputs.map(renumber),
    })),
    outputs: Object.fromEntries(Object.entries(program.outputs).map(([name, id]) => [name, renumber(id)])),
  }
}
