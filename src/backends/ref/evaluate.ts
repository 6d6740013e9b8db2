import type { TensorType } from '../../base/dtype.ts'
import { present, throwIfAborted } from '../../base/errors.ts'
import { definitionOf, referenceStorage, type ReferenceTensor } from '../../program/ops/definition.ts'
import '../../program/ops/index.ts'
import { tensorBytes } from '../../program/plan.ts'
import type { Program, Value, ValueId } from '../../program/program.ts'

/** Zeroed storage of the oracle for a type. */
export function storageFor(type: TensorType): ReferenceTensor['data'] {
  return referenceStorage(type, tensorBytes(type))
}

/**
 * Runs a program operation by operation in float64. `bound` gives the tensors of parameters, states and inputs;
 * operations that mutate a state write into them. Returns the outputs in full precision.
 */
export async function evaluate(
  program: Program,
  bound: (value: Value) => ReferenceTensor,
  signal?: AbortSignal,
): Promise<Record<string, ReferenceTensor>> {
  const values = new Map<ValueId, ReferenceTensor>()
  for (const value of program.values) if (value.origin !== 'computed') values.set(value.id, bound(value))
  const known = (id: ValueId): ReferenceTensor => present(values.get(id), `value %${id}`)
  for (const operation of program.operations) {
    throwIfAborted(signal)
    // Lets a caller's abort arrive between operations.
    await Promise.resolve()
    for (const id of operation.outputs) {
      const { type } = present(program.values[id], 'value')
      values.set(id, { type, data: storageFor(type) })
    }
    definitionOf(operation.kind).reference(
      operation.inputs.map(known),
      operation.outputs.map(known),
      operation.attributes,
    )
  }
  return Object.fromEntries(Object.entries(program.outputs).map(([name, id]) => [name, known(id)]))
}
