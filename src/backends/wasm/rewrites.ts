import type { PanelDType } from '../../base/dtype.ts'
import { accumulateProducts } from './accumulate.ts'
import { matrixBytes } from '../../blocks/matrix.ts'
import { panelRows } from '../../blocks/packed.ts'
import type { BufferId } from '../operands.ts'
import { outputsIn } from '../outputs.ts'
import { overwriteOperands } from './in-place.ts'
import { blockLoss } from './loss-rows.ts'
import { isPlace, numberAt, type Step, type StepProgram, type Word } from './steps.ts'

export interface RewriteOptions {
  /** What a step should cost at most, so that a caller can abort between steps. */
  readonly longestStep: number
}

/** Turns a list of steps into a better one with the same results. */
export type Rewrite = (program: StepProgram, options: RewriteOptions) => StepProgram

/** What lowering applies, in order. */
export const rewrites: readonly Rewrite[] = [
  shareEqualSteps,
  accumulateProducts,
  blockLoss,
  overwriteOperands,
  splitLongProducts,
]

/**
 * Kernels that an operation may repeat word for word: the int8 form of an activation that several weights (slabs, or
 * projections that a model keeps apart) multiply, the places of a routing, and the gradients of attention, of which two operations ask for a part
 * each. Everything that they write is new and follows from what they read.
 */
const shared: ReadonlySet<string> = new Set(['quantizeRows', 'attentionGradient', 'expertPlaces', 'expertQuantizeRows'])

function renamed(step: Step, names: ReadonlyMap<BufferId, BufferId>): Step {
  const rename = (buffer: BufferId): BufferId => names.get(buffer) ?? buffer
  return {
    ...step,
    words: step.words.map((word): Word => (isPlace(word) ? { ...word, buffer: rename(word.buffer) } : word)),
    reads: step.reads.map(rename),
    writes: step.writes.map(rename),
  }
}

/** Equal for steps that compute the same from the same buffers. */
function keyOf(step: Step): string {
  const results = new Set(step.writes)
  const words = step.words.map((word) => (isPlace(word) && results.has(word.buffer) ? { result: word.offset } : word))
  return JSON.stringify([step.kernel, words])
}

/**
 * Drops a step where an earlier one has computed the same, of buffers that nothing has written since; its results are then
 * those of the earlier.
 */
export function shareEqualSteps(program: StepProgram): StepProgram {
  const names = new Map<BufferId, BufferId>()
  const known = new Map<string, Step>()
  const readers = new Map<BufferId, string[]>()
  const remember = (key: string, step: Step): void => {
    known.set(key, step)
    for (const buffer of step.reads) readers.set(buffer, [...(readers.get(buffer) ?? []), key])
  }
  const forgetReaders = (buffer: BufferId): void => {
    for (const key of readers.get(buffer) ?? []) known.delete(key)
    readers.delete(buffer)
  }
  const steps: Step[] = []
  for (const original of program.steps) {
    const step = names.size === 0 ? original : renamed(original, names)
    step.writes.forEach(forgetReaders)
    const key = shared.has(step.kernel) ? keyOf(step) : undefined
    const earlier = key === undefined ? undefined : known.get(key)
    if (earlier !== undefined) {
      step.writes.forEach((buffer, index) => names.set(buffer, earlier.writes[index] ?? buffer))
      continue
    }
    if (key !== undefined) remember(key, step)
    steps.push(step)
  }
  const outputs = outputsIn(program.outputs, (buffer) => names.get(buffer) ?? buffer)
  return { ...program, steps, outputs }
}

/** Where the words of a product say what is to be multiplied, and by how many bytes its operands move per row or column. */
interface Axis {
  /** The word that counts the rows (or columns) of the product. */
  readonly count: number
  /** Pieces are multiples of it, so that tiles stay whole. */
  readonly grain: number
  /** By word of an address: bytes from one row (or column) to the next. */
  readonly strides: Readonly<Record<number, number>>
}

/** Along which axis a product is cut: its longer one, because the operand of the other is read again for each piece. */
function axisOf(step: Step): Axis | undefined {
  const word = (index: number): number => numberAt(step, index)
  if (step.kernel === 'matmul') {
    const [m, n, strideA, strideB, strideC] = [word(3), word(4), word(6), word(7), word(8)]
    return m > n
      ? { count: 3, grain: 96, strides: { 0: 4 * (word(9) === 0 ? strideA : 1), 2: 4 * strideC } }
      : { count: 4, grain: 64, strides: { 1: 4 * (word(10) === 0 ? 1 : strideB), 2: 4 } }
  }
  if (step.kernel === 'matmulGgml') return { count: 4, grain: 64, strides: { 1: word(9), 2: 4 } }
  if (!step.kernel.startsWith('matmulPacked')) return undefined
  const [bits, group] = step.kernel === 'matmulPackedExact' ? [word(8), word(9)] : [word(7), word(8)]
  const dtype = (group === 256 ? `q${bits}k` : `q${bits}g${group}`) as PanelDType
  const rowBytes = matrixBytes(dtype, panelRows, word(5)) / panelRows
  return { count: 4, grain: 64, strides: { 1: rowBytes, 2: 4 } }
}

/** Cuts products that take longer than a segment should into several, of the same bits. */
export function splitLongProducts(program: StepProgram, { longestStep }: RewriteOptions): StepProgram {
  return { ...program, steps: program.steps.flatMap((step) => splitProduct(step, longestStep)) }
}

function splitProduct(step: Step, longest: number): Step[] {
  const axis = step.cost > longest ? axisOf(step) : undefined
  if (axis === undefined) return [step]
  const total = numberAt(step, axis.count)
  const size = Math.max(1, Math.floor(total / Math.ceil(step.cost / longest) / axis.grain)) * axis.grain
  const pieces: Step[] = []
  for (let from = 0; from < total;) {
    // A last piece smaller than a tile would be computed in another order; it joins the one before.
    const count = total - from < size + axis.grain ? total - from : size
    const words = step.words.map((word, index): Word => {
      if (index === axis.count) return count
      return isPlace(word) ? { ...word, offset: word.offset + from * (axis.strides[index] ?? 0) } : word
    })
    pieces.push({ ...step, words, cost: (step.cost * count) / total })
    from += count
  }
  return pieces
}
