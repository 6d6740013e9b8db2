/** The memory of a model over contexts, and which of them a machine can hold. */
import type { MachineMemory } from '../engine/machine-memory.ts'
import { fitsInto, memoryOf, type ContextMemory, type MeasureContext } from '../engine/memory-check.ts'
import type { ModelShape } from '../models/index.ts'
import { pageSize } from '../program/ops/cache.ts'
import { formatBytes, formatTable } from './terminal.ts'

const usualContexts = [512, 2048, 4096, 16_384, 65_536]

/** A few contexts up to the longest, the longest included. */
export function contextsOf({ maxPositions }: Pick<ModelShape, 'maxPositions'>): number[] {
  return [...usualContexts.filter((context) => context < maxPositions), maxPositions]
}

const pagesOf = (context: number): number => Math.ceil(context / pageSize)

/**
 * Bytes of keys and values of one token in all layers, as the backend keeps them: by how much the cache grows with the context.
 * Undefined where contexts do not differ in pages, or the backend refuses them.
 *
 * @param known contexts that were measured already, at least one
 */
export async function cacheBytesPerToken(
  { maxPositions }: Pick<ModelShape, 'maxPositions'>,
  known: readonly ContextMemory[],
  measure: MeasureContext,
): Promise<number | undefined> {
  const [first] = known
  if (first?.plan === undefined) return undefined
  const { context, plan } = first
  const other = context > pageSize ? context - pageSize : Math.min(context + pageSize, maxPositions)
  const pages = pagesOf(context) - pagesOf(other)
  const near = pages === 0 ? undefined : (await memoryOf(other, measure)).plan
  return near === undefined ? undefined : (plan.states - near.states) / (pages * pageSize)
}

/** One line for each context. */
export function memoryTable(memory: readonly ContextMemory[], machine: MachineMemory): string {
  const fits = (row: ContextMemory): string => {
    if (row.plan === undefined) return 'no: too much for the backend'
    return fitsInto(row, machine.available) ? 'yes' : fitsInto(row, machine.total) ? 'if others make room' : 'no'
  }
  return formatTable([
    ['context', 'weights', 'cache', 'work', 'memory', 'memories', 'fits here'],
    ...memory.map((row) => {
      const { plan } = row
      const cells = plan === undefined ? [] : [plan.parameters, plan.states, plan.scratch, plan.total]
      const shown =
        plan === undefined ? ['-', '-', '-', '-', '-'] : [...cells.map(formatBytes), String(plan.memories.length)]
      return [String(row.context), ...shown, fits(row)]
    }),
  ])
}
