/** Products, dense and packed, and what reads rows of packed matrices. */
import { isGgmlDType, type GgmlDType } from '../../../base/dtype.ts'
import { ggmlBytes, ggmlTypeOf } from '../../../blocks/ggml.ts'
import { matmulWorkspaceBytes, packedWorkspaceBytes, quantizedBytes, tileTokens } from '../workspace.ts'
import { workspaceStride } from '../steps.ts'
import { extent, rowElements, type Operand } from '../../operands.ts'
import { panelWords } from './formats.ts'
import { elementCost, read, workspace, write, type Argument, type Lowering, type Rule } from './context.ts'

/** Part of a matrix operand: rows and columns as they are read, after transposition. */
interface Block {
  readonly buffer: number
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
  const [transposeLeft, transposeRight] = [at.flag('transposeLeft'), at.flag('transposeRight')]
  const [strideLeft, strideRight, strideProduct] = [extent(left, 1), extent(right, 1), extent(product, 1)]
  const target = at.whole(product, 'write')
  const rights = blocksOf(right, transposeRight)
  for (const a of blocksOf(left, transposeLeft)) {
    for (const b of rights) {
      const from = Math.max(a.column, b.row)
      const inner = Math.min(a.column + a.columns, b.row + b.rows) - from
      if (inner <= 0) continue
      const offsetLeft = (from - a.column) * (transposeLeft ? strideLeft : 1)
      const offsetRight = (from - b.row) * (transposeRight ? 1 : strideRight)
      const offset = (a.row * strideProduct + b.column) * 4
      const words: Argument[] = [
        read({ buffer: a.buffer, offset: offsetLeft * 4 }),
        read({ buffer: b.buffer, offset: offsetRight * 4 }),
        { buffer: target.buffer, offset, access: from > 0 ? 'update' : 'write' },
        ...[a.rows, b.columns, inner, strideLeft, strideRight, strideProduct],
        ...[Number(transposeLeft), Number(transposeRight), Number(from > 0)],
        workspace,
        workspaceStride,
        Number(at.options.wide),
      ]
      at.emit('matmul', words, a.rows * b.columns * inner, matmulWorkspaceBytes())
    }
  }
}

/** The words that say how blocks of ggml are to be read: their type, and the bytes of a row. */
function ggmlWords(dtype: GgmlDType, columns: number): [type: number, rowBytes: number] {
  return [ggmlTypeOf(dtype).id, ggmlBytes(dtype, columns)]
}

/** One step per slab of the weight. */
function matmulGgml(at: Lowering, dtype: GgmlDType): void {
  const [x, weight, product] = [at.input(0), at.input(1), at.output(0)]
  const [rows, inner, stride] = [extent(x, 0), extent(x, 1), extent(product, 1)]
  const source = at.whole(x, 'read')
  const target = at.whole(product, 'write')
  for (const piece of weight.pieces) {
    const weights = read({ buffer: piece.buffer, offset: 0 })
    const result = { ...target, offset: piece.row * 4 }
    const extents = [rows, piece.rows, inner, inner, stride]
    const words: Argument[] = [
      source,
      weights,
      result,
      ...extents,
      ...ggmlWords(dtype, inner),
      workspace,
      workspaceStride,
    ]
    at.emit('matmulGgml', words, rows * piece.rows * inner, matmulWorkspaceBytes())
  }
}

/** Activations become int8 in a temporary once, then one step per slab of the weight. */
export const matmulPacked: Rule = (at) => {
  const [x, weight, product] = [at.input(0), at.input(1), at.output(0)]
  if (isGgmlDType(weight.type.dtype)) {
    matmulGgml(at, weight.type.dtype)
    return
  }
  const [bits, group] = panelWords(weight)
  const [rows, inner] = [extent(x, 0), extent(x, 1)]
  const stride = extent(product, 1)
  const source = at.whole(x, 'read')
  const target = at.whole(product, 'write')
  const exact = at.operation.attributes['activations'] === 'f32'
  const { wide, paired } = at.options
  const tile = tileTokens(paired)
  const quantized = exact ? source : at.temporary(quantizedBytes(rows, inner, group, tile))
  if (!exact) {
    at.emit('quantizeRows', [source, write(quantized), rows, inner, inner, group, tile], rows * inner * elementCost)
  }
  for (const piece of weight.pieces) {
    const result = { ...target, offset: piece.row * 4 }
    const weights = read({ buffer: piece.buffer, offset: 0 })
    const perThread = exact ? matmulWorkspaceBytes() : packedWorkspaceBytes(rows, inner, wide)
    const extents = exact ? [rows, piece.rows, inner, inner, stride] : [rows, piece.rows, inner, stride]
    const words: Argument[] = [read(quantized), weights, result, ...extents, bits, group, workspace, workspaceStride]
    if (!exact) words.push(Number(wide), Number(paired), 0)
    const products = rows * piece.rows * inner
    // A handful of rows costs what reading the weights costs; int8 products run several times as fast as f32.
    const cost = exact ? products : Math.max(products / 4, (piece.rows * inner * bits) / 8)
    at.emit(exact ? 'matmulPackedExact' : 'matmulPacked', words, cost, perThread)
  }
}

/** Which kernels read rows of a matrix, and the two words that tell them its format. */
function rowReading(matrix: Operand, columns: number): [kernels: 'Ggml' | 'Packed', format: number[]] {
  const { dtype } = matrix.type
  if (isGgmlDType(dtype)) return ['Ggml', ggmlWords(dtype, columns)]
  return ['Packed', panelWords(matrix)]
}

export const dequantize: Rule = (at) => {
  const weight = at.input(0)
  const inner = extent(weight, 1)
  const [kernel, format] = rowReading(weight, inner)
  const target = at.write(0)
  for (const piece of weight.pieces) {
    const result = { ...target, offset: piece.row * inner * 4 }
    const weights = read({ buffer: piece.buffer, offset: 0 })
    const words = [weights, result, piece.rows, inner, inner, ...format]
    at.emit(`dequantize${kernel}`, words, piece.rows * inner * elementCost)
  }
}

export const embedding: Rule = (at) => {
  const [table, ids] = [at.input(0), at.input(1)]
  const [rows, width, entries] = [extent(ids, 0), rowElements(table.type), extent(table, 0)]
  const cost = rows * width * elementCost
  if (table.type.dtype === 'f32') {
    at.emit('embedding', [at.read(0), at.read(1), at.write(0), rows, width], cost)
    return
  }
  const [kernel, format] = rowReading(table, width)
  const words = [at.read(0), at.read(1), at.write(0), rows, entries, width, width, ...format]
  at.emit(`embedding${kernel}`, words, cost)
}
