/** Products, dense and packed, and what reads rows of packed matrices. */
import { extent, rowElements, type BufferId, type Operand } from '../../operands.ts'
import { formatOf } from '../kernels/formats.ts'
import { fewRows, matmulFewRows, matmulTiled, productTile } from '../kernels/matmul.ts'
import * as packed from '../kernels/packed.ts'
import { spread, type Rule } from './context.ts'
import { emitPacked, packedOperands, quantizedType } from './packed.ts'
import { kernelOf } from './quantized.ts'

/** Part of a matrix operand: rows and columns as they are read, after transposition. */
interface Block {
  readonly buffer: BufferId
  readonly row: number
  readonly rows: number
  readonly column: number
  readonly columns: number
}

function blocksOf(operand: Operand, transposed: boolean): Block[] {
  const width = extent(operand, 1)
  return operand.pieces.map(({ buffer, row, rows }) =>
    transposed
      ? { buffer, row: 0, rows: width, column: row, columns: rows }
      : { buffer, row, rows, column: 0, columns: width },
  )
}

/**
 * One step for each pair of slabs whose inner extents meet; where the inner extent is cut, later steps add to what earlier
 * ones wrote, in its order.
 */
export const matmul: Rule = (at) => {
  const [left, right, product] = [at.input(0), at.input(1), at.output(0)]
  const transposes = { left: at.flag('transposeLeft'), right: at.flag('transposeRight') }
  const strides = { leftStride: extent(left, 1), rightStride: extent(right, 1), productStride: extent(product, 1) }
  const target = at.whole(product)
  const rights = blocksOf(right, transposes.right)
  for (const a of blocksOf(left, transposes.left)) {
    for (const b of rights) {
      const from = Math.max(a.column, b.row)
      const inner = Math.min(a.column + a.columns, b.row + b.rows) - from
      if (inner <= 0) continue
      const given = {
        ...strides,
        ...{ rows: a.rows, columns: b.columns, inner, adds: from > 0 ? 1 : 0 },
        leftAt: (from - a.column) * (transposes.left ? strides.leftStride : 1),
        rightAt: (from - b.row) * (transposes.right ? 1 : strides.rightStride),
        productAt: a.row * strides.productStride + b.column,
      }
      const streamed = a.rows <= fewRows && transposes.right && !transposes.left
      const groups = streamed
        ? spread(b.columns)
        : ([Math.ceil(b.columns / productTile), Math.ceil(a.rows / productTile), 1] as const)
      const buffers = { left: a.buffer, right: b.buffer, product: target }
      at.emit(streamed ? matmulFewRows : matmulTiled(transposes), buffers, given, groups, a.rows * b.columns * inner)
    }
  }
}

/** Activations become int8 once, then one step for each slab of the weight. */
export const matmulPacked: Rule = (at) => emitPacked(at, at.input(1), packedOperands(at, at.input(1)))

export const dequantize: Rule = (at) => {
  const weight = at.input(0)
  const format = formatOf(quantizedType(weight))
  const quads = extent(weight, 1) / 4
  const kernel = kernelOf(`dequantize ${format.dtype}`, () => packed.dequantize(format))
  for (const { buffer, row, rows } of weight.pieces) {
    at.emitElements(kernel, { weight: buffer, y: at.out(0) }, rows * quads, { quads, yAt: row * quads * 4 })
  }
}

/** One step for each slab of the table, which writes the rows that it has. */
export const embedding: Rule = (at) => {
  const [table, ids] = [at.input(0), at.input(1)]
  const [tokens, width] = [extent(ids, 0), rowElements(table.type)]
  const operands = { ids: at.in(1), y: at.out(0) }
  if (table.type.dtype === 'f32') {
    for (const { buffer, row, rows } of table.pieces) {
      const buffers = { ...operands, table: buffer }
      at.emitElements(packed.embedFloats, buffers, tokens * width, { width, first: row, rows })
    }
    return
  }
  const format = formatOf(quantizedType(table))
  const kernel = kernelOf(`embedding ${format.dtype}`, () => packed.embedQuantized(format))
  const quads = width / 4
  for (const { buffer, row, rows } of table.pieces) {
    const buffers = { ...operands, weight: buffer }
    at.emitElements(kernel, buffers, tokens * quads, { quads, first: row, rows })
  }
}
