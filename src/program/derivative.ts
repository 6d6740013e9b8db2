import { PocketPhiError, present } from '../base/errors.ts'
import { add } from './ops/elementwise.ts'
import { definitionOf } from './ops/definition.ts'
import type { ValueId } from './program.ts'
import type { Tensor, Trace } from './trace.ts'

/** The ids of all values that depend on one of `sources`, the sources among them. */
function dependents(trace: Trace, sources: readonly Tensor[]): Set<ValueId> {
  const found = new Set(sources.map((source) => source.id))
  for (const operation of trace.operations) {
    if (operation.inputs.some((id) => found.has(id))) operation.outputs.forEach((id) => found.add(id))
  }
  return found
}

/**
 * Reverse-mode differentiation as a step from program to program: appends to the trace the operations that compute
 * d(sum of result) / d(source) for every source, and returns those gradients in the order of `sources`; a source that
 * the result does not depend on has none. `seed` is the gradient that arrives at `result`, of its shape.
 *
 * @throws PocketPhiError `not-supported` where an operation on the way has no derivative.
 */
export function differentiate(result: Tensor, seed: Tensor, sources: readonly Tensor[]): (Tensor | undefined)[] {
  const { trace } = result
  const onTheWay = dependents(trace, sources)
  const gradients = new Map<ValueId, Tensor>([[result.id, seed]])
  for (const operation of trace.operations.toReversed()) {
    const arriving = operation.outputs.map((id) => gradients.get(id))
    const needed = operation.inputs.some((id) => onTheWay.has(id))
    if (!needed || arriving.every((gradient) => gradient === undefined)) continue
    const { derivative } = definitionOf(operation.kind)
    if (derivative === 'none') {
      throw new PocketPhiError('not-supported', `The operation ${operation.kind} has no derivative.`, {
        found: `it in ${operation.scope || trace.name}, between the parameters and the loss`,
      })
    }
    const departing = trace.within(`gradient of ${operation.scope}`, () =>
      derivative(
        {
          inputs: operation.inputs.map((id) => trace.tensor(id)),
          outputs: operation.outputs.map((id) => trace.tensor(id)),
          attributes: operation.attributes,
        },
        arriving,
      ),
    )
    departing.forEach((gradient, index) => {
      const id = present(operation.inputs[index], 'operand')
      if (gradient === undefined || !onTheWay.has(id)) return
      const sofar = gradients.get(id)
      gradients.set(
        id,
        sofar === undefined ? gradient : trace.within(`gradient of ${operation.scope}`, () => add(sofar, gradient)),
      )
    })
  }
  return sources.map((source) => gradients.get(source.id))
}
