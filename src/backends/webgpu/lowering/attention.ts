/** Attention over whole sequences and over the paged cache, and the gradients of the former. */
import { blockPatternOf, seenPositions } from '../../../program/ops/block-pattern.ts'
import { pageSize, type CacheDType } from '../../../program/ops/cache.ts'
import { extent, type BufferId } from '../../operands.ts'
import { attentionDelta as deltaKernel } from '../kernels/attention-delta.ts'
import * as kernels from '../kernels/attention.ts'
import { batchKeys, pagedKeys } from '../kernels/key-sources.ts'
import { scale } from '../kernels/elementwise.ts'
import type { Step } from '../steps.ts'
import type { Lowering, Rule } from './context.ts'
import { kernelOf } from './quantized.ts'

/** Kernels by what they were made for. */
const known = new Map<string, kernels.AttentionKernel>()

/** @throws PocketPhiError `not-supported` when a head does not fit into workgroup memory */
function kernelFor(
  at: Lowering,
  variant: string,
  make: (headSize: number) => kernels.AttentionKernel | undefined,
): kernels.AttentionKernel {
  const headSize = at.number('headSize')
  const name = `${at.operation.kind} ${headSize} ${variant}`
  const kernel = known.get(name) ?? make(headSize)
  if (kernel === undefined) throw at.refuse(`heads of ${headSize}`, 'Use the wasm backend.')
  known.set(name, kernel)
  return kernel
}

/** A tile of one row where a batch is decoded, in which rows of one sequence are rare; else rows share what is read. */
function tileFor(rows: number): kernels.AttentionTile {
  return rows <= 16 ? { rows: 1, keys: 32 } : { rows: 8, keys: 16 }
}

/** Multiply-adds of `products` products of all queries with all of so many keys. */
function emit(
  at: Lowering,
  { kernel }: kernels.AttentionKernel,
  buffers: Readonly<Record<string, BufferId>>,
  rows: number,
  groups: Step['groups'],
  cost: { readonly keys: number; readonly products: number },
): void {
  const [heads, kvHeads, window] = [at.number('heads'), at.number('kvHeads'), at.number('window')]
  const pages = at.operation.kind === 'pagedAttention' ? extent(at.input(2), 1) : 0
  const pattern = blockPatternOf(at.operation.attributes)
  const inWindow = window === 0 ? cost.keys : Math.min(cost.keys, window)
  const keys = pattern === undefined ? inWindow : seenPositions(pattern, inWindow)
  const blocks = pattern ?? { blockSize: 0, localBlocks: 0, verticalStride: 0, headStep: 0 }
  const products = cost.products * rows * heads * at.number('headSize') * keys
  at.emit(
    kernel,
    buffers,
    { rows, heads, kvHeads, window, pages, scale: at.number('scale'), ...blocks },
    groups,
    products,
  )
}

/** Positions that one group walks when a batch is decoded; more where there would be too many groups. */
const leastChunk = 256
const mostChunks = 32

/** Into how many chunks so many positions are cut, and of which length; it does not depend on what is in the cache. */
function chunksOf(positions: number): { chunk: number; count: number } {
  let chunk = leastChunk
  while (positions / chunk > mostChunks) chunk *= 2
  return { chunk, count: Math.ceil(positions / chunk) }
}

/**
 * Where a batch is decoded there are few rows, and what they see is shared out among groups; rows of a prompt are many and share what they
 * read.
 */
export const pagedAttention: Rule = (at) => {
  const [rows, positions] = [extent(at.input(3), 0), extent(at.input(2), 1) * pageSize]
  const [heads, headSize] = [at.number('heads'), at.number('headSize')]
  const [wanted, dtype] = [tileFor(rows), at.input(0).type.dtype as CacheDType]
  const { chunk, count } = chunksOf(positions)
  const result: kernels.AttentionResult = wanted.rows === 1 && count > 1 ? { chunk } : 'output'
  const arithmetic = dtype === 'f16' ? at.builder.arithmetic : 'f32'
  const kernel = kernelFor(at, `${wanted.rows} ${dtype} ${arithmetic} ${result === 'output' ? '' : chunk}`, () =>
    kernels.attention('pagedAttention', headSize, pagedKeys(headSize, dtype), wanted, result, arithmetic),
  )
  const index = { pageTable: at.in(2), sequences: at.in(3), positions: at.in(4) }
  const operands = { keys: at.in(0), values: at.in(1), ...index, query: at.in(5) }
  const cost = { keys: positions, products: 2 }
  const blocks = Math.ceil(rows / kernel.tile.rows)
  if (result === 'output') {
    emit(at, kernel, { ...operands, output: at.out(0) }, rows, [blocks, heads, 1], cost)
    return
  }
  const chunks = at.temporary(count * kernels.chunkBytes(rows, heads, headSize))
  emit(at, kernel, { ...operands, chunks }, rows, [blocks, heads, count], cost)
  const merge = kernelOf(`mergeChunks ${headSize}`, () => kernels.mergeChunks(headSize))
  const given = { lines: rows * heads, chunkCount: count }
  at.emitElements(merge, { chunks, output: at.out(0) }, rows * heads * headSize, given)
}

export const attention: Rule = (at) => {
  const rows = extent(at.input(0), 0)
  const wanted = tileFor(rows)
  const kernel = kernelFor(at, String(wanted.rows), (headSize) =>
    kernels.attention('attention', headSize, batchKeys(headSize), wanted, 'sums'),
  )
  const operands = { query: at.in(0), keys: at.in(1), values: at.in(2), starts: at.in(3) }
  const buffers = { ...operands, output: at.out(0), logSumExp: at.out(1) }
  const groups = [Math.ceil(rows / kernel.tile.rows), at.number('heads'), 1] as const
  emit(at, kernel, buffers, rows, groups, { keys: rows / 2, products: 2 })
}

export const attentionDelta: Rule = (at) => {
  const [rows, width, heads] = [extent(at.input(0), 0), extent(at.input(0), 1), at.number('heads')]
  const buffers = { output: at.in(0), gradient: at.in(1), delta: at.out(0) }
  at.emitElements(deltaKernel, buffers, rows * heads, { headSize: width / heads }, rows * width)
}

function gradientOperands(at: Lowering): Record<string, BufferId> {
  const [query, keys, values, gradient] = [at.in(0), at.in(1), at.in(2), at.in(3)]
  return { query, keys, values, gradient, logSumExp: at.in(4), delta: at.in(5), starts: at.in(6) }
}

export const attentionGradientQueries: Rule = (at) => {
  const rows = extent(at.input(0), 0)
  const kernel = kernelFor(at, '', kernels.attentionGradientQueries)
  const buffers = { ...gradientOperands(at), result: at.out(0) }
  const groups = [Math.ceil(rows / kernel.tile.rows), at.number('heads'), 1] as const
  emit(at, kernel, buffers, rows, groups, { keys: rows / 2, products: 3 })
}

/** Keys and values come out in one buffer, as a kernel has no room for a ninth, and are then taken apart. */
export const attentionGradientKeys: Rule = (at) => {
  const [rows, kvHeads] = [extent(at.input(0), 0), at.number('kvHeads')]
  const kernel = kernelFor(at, '', kernels.attentionGradientKeys)
  const count = rows * kvHeads * at.number('headSize')
  const results = at.temporary(2 * count * 4)
  const groups = [Math.ceil(rows / kernel.tile.keys), kvHeads, 1] as const
  emit(at, kernel, { ...gradientOperands(at), results }, rows, groups, { keys: rows / 2, products: 4 })
  for (const index of [0, 1]) {
    at.emitElements(scale, { x: results, y: at.out(index) }, count, { xAt: index * count, yAt: 0, factor: 1 })
  }
}
