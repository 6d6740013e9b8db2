/** Mixtures of experts: a step for each expert, which does nothing when no row has chosen it. */
import { isGgmlDType, isQuantizedDType } from '../../../base/dtype.ts'
import { PocketPhiError } from '../../../base/errors.ts'
import { extent, type Operand, type Place } from '../../operands.ts'
import { workspaceStride } from '../steps.ts'
import {
  expertQuantizedBytes,
  innerWordBytes,
  matmulWorkspaceBytes,
  packedWorkspaceBytes,
  tileTokens,
} from '../workspace.ts'
import {
  elementCost,
  float,
  read,
  update,
  workspace,
  write,
  type Argument,
  type Lowering,
  type Reference,
  type Rule,
} from './context.ts'
import { panelWords } from './formats.ts'

export const sparseMixer: Rule = (at) => {
  const [rows, experts] = [extent(at.input(0), 0), extent(at.input(0), 1)]
  const words = [at.read(0), at.write(0), rows, experts, float(at.number('jitter'))]
  at.emit('sparseMixer', words, 4 * rows * experts * elementCost)
}

export const sparseMixerGradient: Rule = (at) => {
  const [rows, experts] = [extent(at.input(0), 0), extent(at.input(0), 1)]
  const words = [at.read(0), at.read(1), at.write(0), rows, experts, float(at.number('jitter'))]
  at.emit('sparseMixerGradient', words, 8 * rows * experts * elementCost)
}

/** Where the choices of a routing have their places; the operations that read one routing share the table. */
function placesFor(at: Lowering, routing: number, places: number): Place {
  const [rows, experts] = [extent(at.input(routing), 0), extent(at.input(routing), 1)]
  const table = at.temporary((experts + 1 + 2 * places + rows * experts) * 4)
  const words = [at.read(routing), write(table), rows, experts, places]
  at.emit('expertPlaces', words, rows * experts * elementCost)
  return table
}

export const expertRows: Rule = (at) => {
  const [places, width] = [extent(at.output(0), 0), extent(at.output(0), 1)]
  const operands = [at.read(0), at.read(1), read(placesFor(at, 1, places)), at.write(0)]
  const words = [...operands, extent(at.input(1), 1), places, width, Number(at.flag('weighted'))]
  at.emit('expertRows', words, places * width * elementCost)
}

export const expertSum: Rule = (at) => {
  const [places, width] = [extent(at.input(0), 0), extent(at.input(0), 1)]
  const [rows, experts] = [extent(at.input(1), 0), extent(at.input(1), 1)]
  const operands = [at.read(0), at.read(1), read(placesFor(at, 1, places)), at.write(0)]
  const words = [...operands, rows, experts, places, width, Number(at.flag('weighted'))]
  at.emit('expertSum', words, places * width * elementCost)
}

export const expertProducts: Rule = (at) => {
  const [places, width] = [extent(at.input(1), 0), extent(at.input(1), 1)]
  const [rows, experts] = [extent(at.input(2), 0), extent(at.input(2), 1)]
  const operands = [at.read(0), at.read(1), read(placesFor(at, 2, places)), at.write(0)]
  at.emit('expertProducts', [...operands, rows, experts, places, width], places * width * elementCost)
}

/** The product of one expert: what it reads and writes at the first place of all, and where its matrix lies. */
interface Product {
  readonly at: Lowering
  readonly table: Place
  readonly experts: number
  readonly places: number
  readonly expert: number
  readonly matrix: Operand
}

/** Appends a kernel for the places of one expert; on the average each has the same share of them. */
function emitFor(product: Product, kernel: string, inner: readonly Argument[], cost: number, bytes: number): void {
  const { at, table, experts, expert, matrix } = product
  const words: Argument[] = [read(table), expert, workspace, workspaceStride, ...inner]
  const pooled = at.builder.isPooled(matrix) ? matrix.value.name : undefined
  at.emit(kernel, words, cost / experts, bytes + innerWordBytes, pooled)
}

/** Rows of x times the transpose of a dense matrix, into the columns of the result from `column` on. */
function emitDense(product: Product, column: number): void {
  const { at, places, matrix } = product
  const [inner, stride, target] = [extent(matrix, 1), extent(at.output(0), 1), at.write(0)]
  for (const { buffer, row, rows } of matrix.pieces) {
    const result = { ...target, offset: (column + row) * 4 }
    const extents = [0, rows, inner, inner, inner, stride, 0, 1, 0]
    const words = [at.read(0), read({ buffer, offset: 0 }), result, ...extents]
    const tail: Argument[] = [workspace, workspaceStride, Number(at.options.wide)]
    emitFor(product, 'expertMatmul', [...words, ...tail], places * rows * inner, matmulWorkspaceBytes())
  }
}

/** The columns of x from `column` on times a dense matrix as it is; all parts add up. */
function emitTransposed(product: Product, column: number): void {
  const { at, places, matrix } = product
  const [outputs, stride] = [extent(matrix, 1), extent(at.input(0), 1)]
  for (const { buffer, row, rows } of matrix.pieces) {
    const adds = column + row > 0
    const source = { ...at.read(0), offset: (column + row) * 4 }
    const target = adds ? update(at.write(0)) : at.write(0)
    const extents = [0, outputs, rows, stride, outputs, outputs, 0, 0, Number(adds)]
    const words = [source, read({ buffer, offset: 0 }), target, ...extents]
    const tail: Argument[] = [workspace, workspaceStride, Number(at.options.wide)]
    emitFor(product, 'expertMatmul', [...words, ...tail], places * rows * outputs, matmulWorkspaceBytes())
  }
}

/** Rows of x, or their int8 form, times the transpose of a matrix in panels. */
function emitPacked(product: Product, column: number, quantized: Reference | undefined): void {
  const { at, places, matrix } = product
  const [inner, stride, target] = [extent(matrix, 1), extent(at.output(0), 1), at.write(0)]
  const [bits, group] = panelWords(matrix)
  const { wide, paired } = at.options
  for (const { buffer, row, rows } of matrix.pieces) {
    const weights = read({ buffer, offset: 0 })
    const result = { ...target, offset: (column + row) * 4 }
    const tail: Argument[] = [stride, bits, group, workspace, workspaceStride]
    const cost = places * rows * inner
    if (quantized === undefined) {
      const words = [at.read(0), weights, result, 0, rows, inner, inner, ...tail]
      emitFor(product, 'expertPackedExact', words, cost, matmulWorkspaceBytes())
    } else {
      const words = [quantized, weights, result, 0, rows, inner, ...tail, Number(wide), Number(paired)]
      const bytes = Math.max(packedWorkspaceBytes(4, inner, wide), packedWorkspaceBytes(places, inner, wide))
      emitFor(product, 'expertPacked', words, cost / 4, bytes)
    }
  }
}

/** The int8 form of the rows of all experts. */
function quantizedRows(at: Lowering, table: Place, experts: number, matrix: Operand): Reference {
  const [places, inner] = [extent(at.input(0), 0), extent(at.input(0), 1)]
  const [, group] = panelWords(matrix)
  const tile = tileTokens(at.options.paired)
  const quantized = at.temporary(expertQuantizedBytes(places, experts, inner, group, tile))
  const inside = [at.read(0), write(quantized), 0, inner, inner, group, tile]
  const words: Argument[] = [read(table), experts, workspace, workspaceStride, ...inside]
  at.emit('expertQuantizeRows', words, places * inner * elementCost, innerWordBytes)
  return read(quantized)
}

export const expertMatmul: Rule = (at) => {
  const [places, experts] = [extent(at.input(0), 0), extent(at.input(1), 1)]
  const [parts, transposed] = [at.number('parts'), at.flag('transposed')]
  const table = placesFor(at, 1, places)
  const first = at.input(2)
  const isPacked = isQuantizedDType(first.type.dtype)
  const isInteger = isPacked && at.operation.attributes['activations'] === 'int8'
  const quantized = isInteger ? quantizedRows(at, table, experts, first) : undefined
  for (let part = 0; part < parts; part++) {
    const column = part * extent(first, 0)
    for (let expert = 0; expert < experts; expert++) {
      const matrix = at.input(2 + part * experts + expert)
      if (isGgmlDType(matrix.type.dtype)) throw refuse(matrix)
      const product = { at, table, experts, places, expert, matrix }
      if (isPacked) emitPacked(product, column, quantized)
      else if (transposed) emitTransposed(product, column)
      else emitDense(product, column)
    }
  }
  const clear = [update(at.write(0)), read(table), experts, places, extent(at.output(0), 1)]
  at.emit('expertClear', clear, elementCost)
}

function refuse({ value, type }: Operand): PocketPhiError {
  return new PocketPhiError(
    'not-supported',
    'The wasm backend cannot run expertMatmul over blocks as in a GGUF file.',
    {
      expected: 'experts in f32 or in panels',
      found: `"${value.name}" in ${type.dtype}`,
      remedy: 'Quantise the published checkpoint.',
    },
  )
}

export const expertMatmulGradient: Rule = (at) => {
  const [places, experts, parts] = [extent(at.input(0), 0), extent(at.input(2), 1), at.number('parts')]
  const [strideY, inner] = [extent(at.input(0), 1), extent(at.input(1), 1)]
  const [table, outputs] = [placesFor(at, 2, places), strideY / parts]
  for (let part = 0; part < parts; part++) {
    for (let expert = 0; expert < experts; expert++) {
      const index = part * experts + expert
      const y = { ...at.read(0), offset: part * outputs * 4 }
      const extents = [outputs, inner, 0, strideY, inner, inner, 1, 0, 0]
      const tail: Argument[] = [workspace, workspaceStride, Number(at.options.wide)]
      const inside = [y, at.read(1), at.write(index), ...extents, ...tail]
      const product = { at, table, experts, places, expert, matrix: at.output(index) }
      emitFor(product, 'expertOuter', inside, places * outputs * inner, matmulWorkspaceBytes())
    }
  }
}
