/** The memory of a model over contexts, and which of them a machine can hold. */
import { PocketPhiError } from '../base/errors.ts'
import type { ModelShape } from '../models/index.ts'
import { pageSize } from '../program/ops/cache.ts'
import type { MemoryPlan } from '../program/plan.ts'
import { formatBytes, formatTable } from './terminal.ts'

/** In bytes. */
type MemorySizes = Pick<MemoryPlan, 'parameters' | 'states' | 'scratch' | 'total'>

export interface ContextMemory {
  /** Tokens of prompt and answer together. */
  readonly context: number
  /** Undefined where the backend refuses so much. */
  readonly plan: MemorySizes | undefined
  /** Why it does. */
  readonly refusal?: string
}

export interface Machine {
  /** Bytes of memory. */
  readonly total: number
  /** Bytes that are free now. */
  readonly available: number
}

/** The memory that a context takes. @throws PocketPhiError `out-of-memory` or `not-supported` where the backend refuses it */
export type MeasureContext = (context: number) => Promise<MemorySizes>

const usualContexts = [512, 2048, 4096, 16_384, 65_536]

/** A few contexts up to the longest, the longest included. */
export function contextsOf({ maxPositions }: Pick<ModelShape, 'maxPositions'>): number[] {
  return [...usualContexts.filter((context) => context < maxPositions), maxPositions]
}

export async function memoryOf(context: number, measure: MeasureContext): Promise<ContextMemory> {
  try {
    return { context, plan: await measure(context) }
  } catch (error) {
    const refuses = error instanceof PocketPhiError && ['out-of-memory', 'not-supported'].includes(error.code)
    if (!refuses) throw error
    return { context, plan: undefined, refusal: error.message }
  }
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

const fitsInto = ({ plan }: ContextMemory, bytes: number): boolean => plan !== undefined && plan.total <= bytes

/**
 * The largest context, in whole pages of the cache or the longest there is, that takes at most so many bytes; undefined where
 * not even one page fits.
 *
 * @param known contexts that were measured already
 */
export async function largestContext(
  { maxPositions }: Pick<ModelShape, 'maxPositions'>,
  bytes: number,
  known: readonly ContextMemory[],
  measure: MeasureContext,
): Promise<number | undefined> {
  const fits = async (context: number): Promise<boolean> => {
    const found = known.find((memory) => memory.context === context) ?? (await memoryOf(context, measure))
    return fitsInto(found, bytes)
  }
  if (await fits(maxPositions)) return maxPositions
  let low = Math.max(
    0,
    ...known.filter((memory) => fitsInto(memory, bytes)).map(({ context }) => Math.floor(context / pageSize)),
  )
  const tooLarge = known.filter((memory) => !fitsInto(memory, bytes)).map(({ context }) => pagesOf(context))
  let high = Math.min(pagesOf(maxPositions), ...tooLarge)
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (await fits(middle * pageSize)) low = middle
    else high = middle
  }
  return low === 0 ? undefined : low * pageSize
}

/** One line for each context. */
export function memoryTable(memory: readonly ContextMemory[], machine: Machine): string {
  const fits = (row: ContextMemory): string => {
    if (row.plan === undefined) return 'no: too much for the backend'
    return fitsInto(row, machine.available) ? 'yes' : fitsInto(row, machine.total) ? 'if others make room' : 'no'
  }
  return formatTable([
    ['context', 'weights', 'cache', 'work', 'memory', 'fits here'],
    ...memory.map((row) => {
      const { plan } = row
      const cells = plan === undefined ? [] : [plan.parameters, plan.states, plan.scratch, plan.total]
      const shown = cells.length === 0 ? ['-', '-', '-', '-'] : cells.map(formatBytes)
      return [String(row.context), ...shown, fits(row)]
    }),
  ])
}
