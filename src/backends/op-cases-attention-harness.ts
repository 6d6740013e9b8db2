/** Test support: cases of attention over whole sequences, and the geometries of all attention. */
import type { Tensor } from '../program/index.ts'
import type { CaseBuilder, Draw } from './op-cases-harness.ts'

export function attentionAttributes(at: CaseBuilder) {
  const kvHeads = at.extent(1, 3)
  const heads = kvHeads * (kvHeads === 1 && at.happens(0.3) ? 9 : at.extent(1, 3))
  const headSize = at.random.pick([2, 7, 8, 16, 16, 24, 37, 64, 70])
  const window = at.inTurn([0, at.random.pick([1, 3, 9]), 70, -1])
  const geometry = { heads, kvHeads, headSize, scale: 1 / Math.sqrt(headSize) }
  return window < 0 ? { ...geometry, window: 0, ...blockPattern(at) } : { ...geometry, window }
}

/** Blocks that end within pages of 64 and tiles of 16 and 48 positions, and with them. */
function blockPattern(at: CaseBuilder) {
  const blockSize = at.random.pick([1, 3, 5, 16, 16, 32, 64])
  return { blockSize, localBlocks: at.extent(1, 3), verticalStride: at.extent(1, 5), headStep: at.extent(0, 2) }
}

/** Rows of a batch: up to two blocks of 48, or three. */
function attentionRows(at: CaseBuilder): number {
  return at.inTurn([at.extent(1, 60), at.extent(97, 120)])
}

/** Sequences of random lengths, with padding among their rows and at the end. */
function starts(at: CaseBuilder, rows: number): number[] {
  const result: number[] = []
  const padding = at.extent(0, 2)
  const another = at.inTurn([0, at.random.pick([0.03, 0.15])])
  let start = 0
  for (let row = 0; row < rows; row++) {
    if (row > 0 && at.happens(another)) start = row
    result.push(row >= rows - padding || at.happens(0.02) ? -1 : start)
  }
  return result
}

export const attention: Draw = (at) => {
  const attributes = attentionAttributes(at)
  const { heads, kvHeads, headSize } = attributes
  const rows = attentionRows(at)
  const amplitude = at.random.pick([1, 5])
  const query = at.f32([rows, heads * headSize], () => amplitude * at.random.normal())
  const key = (): Tensor => at.f32([rows, kvHeads * headSize])
  return [[query, key(), key(), at.indices(starts(at, rows))], attributes]
}

export const attentionGradient: Draw = (at) => {
  const attributes = attentionAttributes(at)
  const { heads, kvHeads, headSize } = attributes
  const rows = attentionRows(at)
  const query = (): Tensor => at.f32([rows, heads * headSize])
  const key = (): Tensor => at.f32([rows, kvHeads * headSize])
  const [q, k, v, gradient] = [query(), key(), key(), query()]
  // Log-sum-exps of these very scores are not needed: any number above them gives weights below one.
  const [logSumExp, delta] = [at.f32([rows, heads], () => 6 + at.random.float()), at.f32([rows, heads])]
  return [[q, k, v, gradient, logSumExp, delta, at.indices(starts(at, rows))], attributes]
}
