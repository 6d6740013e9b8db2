/** Writing and copying of the paged cache of keys and values. */
import { kv4Group } from '../../../blocks/kv4.ts'
import { tensorBytes } from '../../../program/plan.ts'
import { extent } from '../../operands.ts'
import * as kernels from '../kernels/cache.ts'
import { elementCost, spread, type Rule } from './context.ts'
import { kernelOf } from './quantized.ts'

export const cacheWrite: Rule = (at) => {
  const pool = at.input(0)
  const [rows, kvHeads, headSize] = [extent(at.input(3), 0), extent(pool, 1), extent(pool, 3)]
  const { dtype } = pool.type
  const [key, value] = [at.view(5), at.view(6)]
  const index = { pageTable: at.in(2), sequences: at.in(3), positions: at.in(4) }
  const buffers = { keys: at.in(0), values: at.in(1), ...index, key: key.buffer, value: value.buffer }
  const starts = { keyAt: key.at, keyStride: key.stride, valueAt: value.at, valueStride: value.stride }
  const given = { kvHeads, headSize, pages: extent(at.input(2), 1), ...starts }
  const elements = rows * kvHeads * headSize
  if (dtype === 'kv8') {
    const kernel = kernelOf(`writeBytes ${headSize}`, () => kernels.writeBytes(headSize))
    const count = rows * kvHeads
    at.emit(kernel, buffers, { ...given, count }, spread(count), 2 * elements * elementCost)
    return
  }
  if (dtype === 'kv4') {
    const kernel = kernelOf(`writeNibbles ${headSize}`, () => kernels.writeNibbles(headSize))
    at.emitElements(kernel, buffers, elements / kv4Group, given, 2 * elements * elementCost)
    return
  }
  const paired = dtype === 'f16' && headSize % 2 === 0
  const kernel = paired ? kernels.writeHalfPairs : dtype === 'f16' ? kernels.writeHalves : kernels.writeFloats
  at.emitElements(kernel, buffers, elements / (paired ? 2 : 1), given, 2 * elements * elementCost)
}

export const copyPages: Rule = (at) => {
  const { type } = at.input(0)
  const words = tensorBytes({ ...type, shape: [1, ...type.shape.slice(1)] }) / 4
  const buffers = { pool: at.in(0), sources: at.in(1), copies: at.in(2) }
  at.emitElements(kernels.copyPages, buffers, words, { pages: extent(at.input(1), 0) })
}
