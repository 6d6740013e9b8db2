/** Block-sparse attention (Phi-3 Technical Report, section 2, "blocksparse attention"): which blocks of positions a query sees. */
import type { Attributes } from '../program.ts'
import { require } from './definition.ts'

/**
 * Positions are seen or hidden by blocks, beside causality: a query of block q and head h sees block k when it is among the
 * `localBlocks` up to its own, or when k + 1 + h * headStep is a multiple of `verticalStride`. Every head has its own columns, so
 * that heads which share keys and values see more of them together.
 */
export type BlockPattern = {
  /** Positions of a block; the first begins where the sequence does. */
  readonly blockSize: number
  readonly localBlocks: number
  readonly verticalStride: number
  /** By how many blocks the columns of a head are shifted from those of the one before; 0 where all have the same. */
  readonly headStep: number
}

/** The pattern among the attributes of an attention; undefined where every head sees everything. */
export function blockPatternOf(attributes: Partial<BlockPattern> | Attributes): BlockPattern | undefined {
  const { blockSize = 0, localBlocks = 0, verticalStride = 0, headStep = 0 } = attributes as Partial<BlockPattern>
  return blockSize === 0 ? undefined : { blockSize, localBlocks, verticalStride, headStep }
}

/** Throws `shape` for a pattern that hides a query's own block, or stands beside a window. */
export function checkPattern(kind: string, window: number, pattern: BlockPattern | undefined): void {
  if (pattern === undefined) return
  const { blockSize, localBlocks, verticalStride, headStep } = pattern
  const least = [blockSize - 1, localBlocks - 1, verticalStride - 1, headStep]
  require(least.every(
    (extent) => Number.isSafeInteger(extent) && extent >= 0,
  ), kind, `blocks of ${blockSize}, ${localBlocks} local ones and columns every ${verticalStride} are no pattern`)
  require(blockSize * localBlocks <= 2 ** 30 &&
    verticalStride <= 2 ** 20 &&
    headStep <= 2 ** 20, kind, 'blocks are too large')
  require(window === 0, kind, 'a window and a pattern of blocks exclude each other')
}

/** Whether a head's query at `position` of its sequence sees the position `key`, which is not behind it. */
export function seesPosition(pattern: BlockPattern, head: number, position: number, key: number): boolean {
  const { blockSize, localBlocks, verticalStride, headStep } = pattern
  const [queryBlock, keyBlock] = [Math.floor(position / blockSize), Math.floor(key / blockSize)]
  return queryBlock - keyBlock < localBlocks || (keyBlock + 1 + head * headStep) % verticalStride === 0
}

/** How many of the positions up to its own a query sees, on the average over heads; for estimates of cost. */
export function seenPositions({ blockSize, localBlocks, verticalStride }: BlockPattern, positions: number): number {
  const local = Math.min(positions, blockSize * localBlocks)
  return local + (positions - local) / verticalStride
}
