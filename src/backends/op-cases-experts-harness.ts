/** Test support: cases of the operations of mixtures of experts. */
import { blockParts } from '../base/dtype.ts'
import type { Tensor } from '../program/index.ts'
import type { CaseBuilder, Draw } from './op-cases-harness.ts'

/** Which experts rows choose, at most so many of each, some none; a few rows, or as many as a tile has and more. */
function routing(at: CaseBuilder) {
  const [experts, rows] = [at.extent(1, 5), at.inTurn([at.extent(6, 40), at.extent(1, 5)])]
  const chosen = at.extent(1, Math.min(2, experts))
  const weights = Array.from({ length: rows }, () => {
    const order = at.random.shuffle(Array.from({ length: experts }, (_, expert) => expert))
    const own = order.slice(0, at.happens(0.2) ? at.random.integer(0, chosen + 1) : chosen)
    return Array.from({ length: experts }, (_, expert) => (own.includes(expert) ? 0.1 + at.random.float() : 0))
  }).flat()
  const tensor = at.f32([rows, experts], (index) => weights[index] ?? 0)
  return { tensor, rows, experts, chosen, places: rows * chosen }
}

/** Products of experts: with matrices in f32, from either side, and in blocks. */
const expertMatmul: Draw = (at) => {
  const format = at.inTurn(['f32', 'f32 transposed', 'int8', 'exact', 'q4k'])
  const { tensor, experts, places } = routing(at)
  const [parts, outputs] = [at.extent(1, 2), at.extent(1, 40)]
  const dtype = at.random.pick(['q4g32', 'q8g64', 'q4g128', 'q8g32'] as const)
  const isDense = format.startsWith('f32')
  const inner = isDense ? at.extent(1, 50) : format === 'q4k' ? 256 : blockParts(dtype).group * at.extent(1, 2)
  const matrix = (): Tensor => {
    if (isDense) return at.f32([outputs, inner])
    return format === 'q4k' ? at.ggml('q4k', outputs, inner) : at.packed(dtype, outputs, inner)
  }
  const transposed = format === 'f32 transposed'
  const x = at.f32([places, transposed ? parts * outputs : inner])
  const activations = format === 'int8' || format === 'q4k' ? 'int8' : 'f32'
  return [[x, tensor, ...Array.from({ length: parts * experts }, matrix)], { parts, transposed, activations }]
}

/** Scores of experts, often near one another, and equal. */
function scores(at: CaseBuilder): { readonly shape: [number, number]; readonly tensor: Tensor } {
  const shape: [number, number] = [at.extent(1, 20), at.extent(2, 9)]
  const amplitude = at.random.pick([0.1, 1, 5])
  const level = at.random.pick([0, 3])
  const sample = (): number => (at.happens(0.1) ? level : level + amplitude * at.random.normal())
  return { shape, tensor: at.f32(shape, sample) }
}

export const expertDraws: Readonly<Record<string, Draw>> = {
  expertMatmul,
  expertMatmulGradient(at) {
    const { tensor, places } = routing(at)
    const [parts, outputs] = [at.extent(1, 2), at.extent(1, 40)]
    return [[at.f32([places, parts * outputs]), at.f32([places, at.extent(1, 40)]), tensor], { parts }]
  },
  expertProducts(at) {
    const { tensor, rows, places } = routing(at)
    const width = at.extent(1, 70)
    return [[at.f32([rows, width]), at.f32([places, width]), tensor]]
  },
  expertRows(at) {
    const { tensor, rows, chosen } = routing(at)
    return [[at.f32([rows, at.extent(1, 70)]), tensor], { chosen, weighted: at.happens(0.5) }]
  },
  expertSum(at) {
    const { tensor, places } = routing(at)
    return [[at.f32([places, at.extent(1, 70)]), tensor], { weighted: at.happens(0.5) }]
  },
  sparseMixer(at) {
    return [[scores(at).tensor], { jitter: at.random.pick([0.01, 0.3]) }]
  },
  sparseMixerGradient(at) {
    const { shape, tensor } = scores(at)
    return [[tensor, at.f32(shape)], { jitter: at.random.pick([0.01, 0.3]) }]
  },
}
