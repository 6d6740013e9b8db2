/** Writing and copying of the paged cache of keys and values. */
import { extent, rowElements } from '../../operands.ts'
import * as kernels from '../kernels/cache.ts'
import type { Rule } from './context.ts'

export const cacheWrite: Rule = (at) => {
  const pool = at.input(0)
  const [rows, kvHeads, headSize] = [extent(at.input(3), 0), extent(pool, 1), extent(pool, 3)]
  const halves = pool.type.dtype === 'f16'
  const paired = halves && headSize % 2 === 0
  const kernel = !halves ? kernels.writeFloats : paired ? kernels.writeHalfPairs : kernels.writeHalves
  const count = (rows * kvHeads * headSize) / (paired ? 2 : 1)
  const [key, value] = [at.view(5), at.view(6)]
  const index = { pageTable: at.in(2), sequences: at.in(3), positions: at.in(4) }
  const buffers = { keys: at.in(0), values: at.in(1), ...index, key: key.buffer, value: value.buffer }
  const starts = { keyAt: key.at, keyStride: key.stride, valueAt: value.at, valueStride: value.stride }
  at.emitElements(kernel, buffers, count, { kvHeads, headSize, pages: extent(at.input(2), 1), ...starts }, 2 * count)
}

export const copyPages: Rule = (at) => {
  const pool = at.input(0)
  const words = rowElements(pool.type) / (pool.type.dtype === 'f16' ? 2 : 1)
  const buffers = { pool: at.in(0), sources: at.in(1), copies: at.in(2) }
  at.emitElements(kernels.copyPages, buffers, words, { pages: extent(at.input(1), 0) })
}
