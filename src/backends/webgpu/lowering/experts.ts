/** Mixtures of experts: a dispatch for each expert, whose groups end at once when no row has chosen it. */
import { isQuantizedDType } from '../../../base/dtype.ts'
import { extent, type BufferId, type Operand } from '../../operands.ts'
import * as kernels from '../kernels/experts.ts'
import type { Step } from '../steps.ts'
import type { Lowering, Rule } from './context.ts'
import { emitPacked, packedOperands } from './packed.ts'

export const sparseMixer: Rule = (at) => {
  const [rows, experts] = [extent(at.input(0), 0), extent(at.input(0), 1)]
  const given = { experts, jitter: at.number('jitter') }
  at.emitElements(kernels.sparseMixer, { scores: at.in(0), routing: at.out(0) }, rows, given)
}

export const sparseMixerGradient: Rule = (at) => {
  const [rows, experts] = [extent(at.input(0), 0), extent(at.input(0), 1)]
  const buffers = { scores: at.in(0), gradient: at.in(1), result: at.out(0) }
  at.emitElements(kernels.sparseMixerGradient, buffers, rows, { experts, jitter: at.number('jitter') })
}

/** Where the choices of a routing have their places; the operations that read one routing share the table. */
function placesFor(at: Lowering, index: number, places: number): BufferId {
  const routing = at.input(index)
  const [rows, experts] = [extent(routing, 0), extent(routing, 1)]
  const name = `${routing.value.id} ${places}`
  const known = at.builder.tables.get(name)
  if (known !== undefined && routing.value.origin === 'computed') return known
  const table = at.temporary((experts + 1 + 2 * places + rows * experts) * 4)
  at.builder.tables.set(name, table)
  const buffers = { routing: at.in(index), table }
  at.emit(kernels.expertPlaces, buffers, { rows, experts, places }, [1, 1, 1], rows * experts)
  return table
}

export const expertRows: Rule = (at) => {
  const [places, width] = [extent(at.output(0), 0), extent(at.output(0), 1)]
  const given = { experts: extent(at.input(1), 1), places, width, weighted: Number(at.flag('weighted')) }
  const buffers = { x: at.in(0), routing: at.in(1), table: placesFor(at, 1, places), y: at.out(0) }
  at.emitElements(kernels.expertRows, buffers, places * width, given)
}

export const expertSum: Rule = (at) => {
  const [places, width] = [extent(at.input(0), 0), extent(at.input(0), 1)]
  const [rows, experts] = [extent(at.input(1), 0), extent(at.input(1), 1)]
  const given = { experts, places, width, weighted: Number(at.flag('weighted')) }
  const buffers = { y: at.in(0), routing: at.in(1), table: placesFor(at, 1, places), sum: at.out(0) }
  at.emitElements(kernels.expertSum, buffers, rows * width, given)
}

export const expertProducts: Rule = (at) => {
  const [places, width] = [extent(at.input(1), 0), extent(at.input(1), 1)]
  const [rows, experts] = [extent(at.input(2), 0), extent(at.input(2), 1)]
  const buffers = { x: at.in(0), y: at.in(1), table: placesFor(at, 2, places), products: at.out(0) }
  at.emitElements(kernels.expertProducts, buffers, rows * experts, { experts, places, width })
}

function tiles(columns: number, rows: number): Step['groups'] {
  return [Math.ceil(columns / kernels.expertTile), Math.ceil(rows / kernels.expertTile), 1]
}

/** Rows of x times a dense matrix, whose columns, or rows where it is met as it is, belong to a part from `column` on. */
function emitDense(at: Lowering, table: BufferId, expert: number, matrix: Operand, column: number): void {
  const transposed = at.flag('transposed')
  const [places, xStride, width] = [extent(at.input(0), 0), extent(at.input(0), 1), extent(matrix, 1)]
  for (const { buffer, row, rows } of matrix.pieces) {
    const [columns, inner] = transposed ? [width, rows] : [rows, width]
    const from = column + row
    const given = {
      ...{ expert, columns, inner, xStride, xAt: transposed ? from : 0 },
      ...{ kStride: transposed ? width : 1, columnStride: transposed ? 1 : width },
      ...{ productAt: transposed ? 0 : from, productStride: extent(at.output(0), 1) },
      adds: Number(transposed && from > 0),
    }
    const buffers = { table, x: at.in(0), matrix: buffer, product: at.out(0) }
    const cost = (places * columns * inner) / extent(at.input(1), 1)
    at.emit(kernels.expertMatmul, buffers, given, tiles(columns, places), cost)
  }
}

export const expertMatmul: Rule = (at) => {
  const [places, experts, parts] = [extent(at.input(0), 0), extent(at.input(1), 1), at.number('parts')]
  const table = placesFor(at, 1, places)
  const first = at.input(2)
  const packed = isQuantizedDType(first.type.dtype) ? packedOperands(at, first) : undefined
  for (let part = 0; part < parts; part++) {
    const column = part * extent(first, 0)
    for (let expert = 0; expert < experts; expert++) {
      const matrix = at.input(2 + part * experts + expert)
      if (packed === undefined) emitDense(at, table, expert, matrix, column)
      else emitPacked(at, matrix, packed, { column, expert: { table, expert, experts } })
    }
  }
  const width = extent(at.output(0), 1)
  at.emitElements(kernels.expertClear, { table, y: at.out(0) }, places * width, { experts, width })
}

export const expertMatmulGradient: Rule = (at) => {
  const [places, experts, parts] = [extent(at.input(0), 0), extent(at.input(2), 1), at.number('parts')]
  const [yStride, columns] = [extent(at.input(0), 1), extent(at.input(1), 1)]
  const [table, rows] = [placesFor(at, 2, places), yStride / parts]
  for (let part = 0; part < parts; part++) {
    for (let expert = 0; expert < experts; expert++) {
      const buffers = { table, y: at.in(0), x: at.in(1), product: at.out(part * experts + expert) }
      const given = { expert, rows, columns, yAt: part * rows, yStride }
      at.emit(kernels.expertOuter, buffers, given, tiles(columns, rows), (places * rows * columns) / experts)
    }
  }
}
