/** The memory of a model over contexts, and which of them a machine can hold. */
import { PocketPhiError } from '../base/errors.ts'
import type { LoadOptions } from '../engine/load.ts'
import type { MachineMemory } from '../engine/machine-memory.ts'
import { fitsInto, largestContext, memoryOf, type ContextMemory, type MeasureContext } from './memory-check.ts'
import type { ModelShape } from '../models/index.ts'
import { pageSize } from '../program/ops/cache.ts'
import type { MemoryPlan } from '../program/plan.ts'
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

/** Of a mixture of experts: what there is to know of reading experts when they are chosen. */
export interface ExpertMemory {
  readonly context: number
  /** Bytes of all experts. */
  readonly total: number
  /** Bytes of memory that are enough with this context. */
  readonly least: number
  /** Bytes of experts that stay in the memory that is free; null where there is room for all, or for too little. */
  readonly held: number | null
  /** Tokens for which there is room where experts are read when they are chosen; null where there is room for none. */
  readonly largestContext: number | null
}

/**
 * @param available bytes that the model may take
 * @param measure the plan for a context with options of a cache of experts, or with those of a limit
 * @returns undefined where a model has no experts, or they cannot be read when they are chosen
 */
export async function expertMemory(
  shape: Pick<ModelShape, 'maxPositions'>,
  context: number,
  available: number,
  measure: (options: Pick<LoadOptions, 'context' | 'expertCache' | 'memoryLimit'>) => Promise<MemoryPlan>,
): Promise<ExpertMemory | undefined> {
  const planned = async (
    options: Pick<LoadOptions, 'expertCache' | 'memoryLimit'>,
  ): Promise<MemoryPlan | undefined> => {
    try {
      return await measure({ context, ...options })
    } catch (error) {
      if (error instanceof PocketPhiError) return undefined
      throw error
    }
  }
  const least = await planned({ expertCache: 0 })
  if (least?.experts === undefined) return undefined
  const fitting = await planned({ memoryLimit: available })
  const largest = await largestContext(shape, available, [{ context, plan: least }], (asked) =>
    measure({ context: asked, expertCache: 0 }),
  )
  return {
    context,
    total: least.experts.total,
    least: least.total,
    held: fitting?.experts?.held ?? null,
    largestContext: largest ?? null,
  }
}

/** The lines that say so. */
export function expertLines({ context, total, least, held, largestContext: largest }: ExpertMemory): string[] {
  const enough = `Experts are ${formatBytes(total)} of the weights. Read from the file as they are chosen, the model takes ${formatBytes(least)} or more with ${context} tokens.`
  if (largest === null) return [enough, 'What is free has no room for that, whatever the context.']
  const runs = `So it runs here with up to ${largest} tokens`
  return [
    enough,
    held === null ? `${runs}.` : `${runs}; with ${context} there is room for ${formatBytes(held)} of them.`,
  ]
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
