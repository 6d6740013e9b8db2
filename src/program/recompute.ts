import { valueOf, type Operation, type Program, type Value, type ValueId } from './program.ts'

const gradientPrefix = 'gradient of '

/** The forward operations of every scope that a gradient scope belongs to, in order. */
function forwardScopes(program: Program): Map<string, Operation[]> {
  const scopes = new Map<string, Operation[]>()
  for (const { scope } of program.operations) {
    if (scope.startsWith(gradientPrefix) && scope !== gradientPrefix) scopes.set(scope.slice(gradientPrefix.length), [])
  }
  for (const operation of program.operations) scopes.get(operation.scope)?.push(operation)
  return scopes
}

/** The operations of a scope that the wanted values depend on, given those that are kept anyway. */
function needed(
  operations: readonly Operation[],
  wanted: ReadonlySet<ValueId>,
  kept: ReadonlySet<ValueId>,
): Operation[] {
  const open = new Set(wanted)
  return operations
    .toReversed()
    .filter(({ inputs, outputs }) => {
      if (!outputs.some((id) => open.has(id) && !kept.has(id))) return false
      for (const id of inputs) open.add(id)
      return true
    })
    .toReversed()
}

/**
 * Trades arithmetic for memory (Chen et al., 2016): what a layer computed on the way forward is not kept for its gradient
 * but computed again just before it, from the layer's input. Layers are the scopes of the trace. The results are the
 * same bits; scratch memory falls from all layers' intermediate values to one layer's, for about a third more work.
 */
export function recompute(program: Program): Program {
  const scopes = forwardScopes(program)
  const values: Value[] = [...program.values]
  const replaced = new Map<ValueId, ValueId>()
  const operations: Operation[] = []
  for (const operation of program.operations) {
    const scope = operation.scope.startsWith(gradientPrefix) ? operation.scope.slice(gradientPrefix.length) : undefined
    const forward = scope === undefined ? undefined : scopes.get(scope)
    if (scope !== undefined && forward !== undefined) {
      operations.push(...repeat(program, forward, values, replaced))
      scopes.delete(scope)
    }
    const inputs = scope === undefined ? operation.inputs : operation.inputs.map((id) => replaced.get(id) ?? id)
    operations.push({ ...operation, inputs })
  }
  return { ...program, values, operations }
}

/** Copies of the operations of one scope whose results only gradients read; enters the new ids into `replaced`. */
function repeat(
  program: Program,
  forward: readonly Operation[],
  values: Value[],
  replaced: Map<ValueId, ValueId>,
): Operation[] {
  const own = new Set(forward.flatMap(({ outputs }) => outputs))
  const inside = new Set(forward)
  const [wanted, kept] = [new Set<ValueId>(), new Set<ValueId>(Object.values(program.outputs))]
  for (const operation of program.operations) {
    if (inside.has(operation)) continue
    const reader = operation.scope.startsWith(gradientPrefix) ? wanted : kept
    for (const id of operation.inputs) if (own.has(id)) reader.add(id)
  }
  return needed(forward, wanted, kept).map((operation) => {
    const inputs = operation.inputs.map((id) => replaced.get(id) ?? id)
    const outputs = operation.outputs.map((id) => {
      const copy = { ...valueOf(program, id), id: values.length }
      values.push(copy)
      if (!kept.has(id)) replaced.set(id, copy.id)
      return copy.id
    })
    return { ...operation, inputs, outputs, scope: `${gradientPrefix}${operation.scope}` }
  })
}
