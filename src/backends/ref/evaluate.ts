import { elementCount, isKvDType, isQuantizedDType, type TensorType } from '../../base/dtype.ts'
import { present, throwIfAborted } from '../../base/errors.ts'
import { definitionOf, referenceStorage, type ReferenceTensor } from '../../program/ops/definition.ts'
import '../../program/ops/index.ts'
import { tensorBytes } from '../../program/plan.ts'
import type { Program, Value, ValueId } from '../../program/program.ts'
import { yieldToEvents } from '../events.ts'

/** Milliseconds after which timers and events have their turn. */
const longestTurn = 10

/** Zeroed storage of the oracle for a type. */
export function storageFor(type: TensorType): ReferenceTensor['data'] {
  return referenceStorage(type, tensorBytes(type))
}

/** Bytes of that storage, which is not made. */
export function storageBytes(type: TensorType): number {
  if (isQuantizedDType(type.dtype) || isKvDType(type.dtype)) return tensorBytes(type)
  const integers = type.dtype === 'i32' || type.dtype === 'i8' || type.dtype === 'u8'
  return elementCount(type.shape) * (integers ? 4 : 8)
}

/**
 * Runs a program operation by operation in float64, between which it can be aborted. `bound` gives the tensors of parameters, states and inputs;
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
  let turn = performance.now()
  for (const operation of program.operations) {
    // A microtask would not do: timers, and with them a caller's abort, wait until there are none.
    if (performance.now() - turn > longestTurn) {
      await yieldToEvents()
      turn = performance.now()
    }
    throwIfAborted(signal)
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
