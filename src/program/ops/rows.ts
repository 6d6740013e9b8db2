import { isQuantizedDType } from '../../base/dtype.ts'
import { present } from '../../base/errors.ts'
import { matrixFloats } from '../../blocks/matrix.ts'
import type { Tensor } from '../trace.ts'
import {
  defineOp,
  floats,
  integers,
  operand,
  packedBytesOf,
  require,
  shapeOf,
  tensorType,
  type ReferenceTensor,
} from './definition.ts'

/** The float meaning of a matrix operand, dense or packed. */
export function matrixValues(matrix: ReferenceTensor | undefined): Float64Array {
  const { type } = present(matrix, 'matrix')
  if (!isQuantizedDType(type.dtype)) return floats(matrix)
  const [rows = 0, width = 0] = type.shape
  return Float64Array.from(matrixFloats(packedBytesOf(matrix), type.dtype, rows, width))
}

/** Copies row `from` of one matrix to row `to` of another, adding to what is there. */
function addRow(source: Float64Array, from: number, target: Float64Array, to: number, width: number): void {
  for (let column = 0; column < width; column++) {
    const at = to * width + column
    target[at] = present(target[at], 'element') + present(source[from * width + column], 'element')
  }
}

const applyEmbedding = defineOp({
  kind: 'embedding',
  infer([table, ids]) {
    const [, width] = operand(
      'embedding',
      'table',
      table,
      (dtype) => dtype === 'f32' || isQuantizedDType(dtype),
      null,
      null,
    )
    const [rows] = operand('embedding', 'ids', ids, 'i32', null)
    return [tensorType('f32', rows, width)]
  },
  derivative({ inputs: [table, ids] }, [gradient]) {
    const { type } = present(table, 'table')
    if (gradient === undefined || type.dtype !== 'f32') return []
    return applyEmbeddingGradient([present(ids, 'ids'), gradient], { vocabulary: present(type.shape[0], 'rows') })
  },
  reference([table, ids], [y]) {
    const [, width = 0] = shapeOf(y)
    const values = matrixValues(table)
    integers(ids).forEach((id, row) => addRow(values, id, floats(y), row, width))
  },
})

/** Rows of a table by id: table [V, H] (f32 or packed) and ids i32[R] to [R, H]. */
export function embedding(table: Tensor, ids: Tensor): Tensor {
  return present(applyEmbedding([table, ids], {})[0], 'rows')
}

const applyEmbeddingGradient = defineOp<{ vocabulary: number }>({
  kind: 'embeddingGradient',
  infer([ids, gradient], { vocabulary }) {
    const [rows] = operand('embeddingGradient', 'ids', ids, 'i32', null)
    const [, width] = operand('embeddingGradient', 'gradient', gradient, 'f32', rows, null)
    return [tensorType('f32', vocabulary, width)]
  },
  derivative: 'none',
  reference([ids, gradient], [table]) {
    const [, width = 0] = shapeOf(table)
    integers(ids).forEach((id, row) => addRow(floats(gradient), row, floats(table), id, width))
  },
})

const applyGatherRows = defineOp({
  kind: 'gatherRows',
  infer([x, indices]) {
    const [, width] = operand('gatherRows', 'x', x, 'f32', null, null)
    const [count] = operand('gatherRows', 'indices', indices, 'i32', null)
    return [tensorType('f32', count, width)]
  },
  derivative: ({ inputs: [x, indices] }, [gradient]) =>
    gradient === undefined
      ? []
      : applyScatterRows([gradient, present(indices, 'indices')], {
          rows: present(present(x, 'x').type.shape[0], 'rows'),
        }),
  reference([x, indices], [y]) {
    const [, width = 0] = shapeOf(y)
    integers(indices).forEach((from, row) => addRow(floats(x), from, floats(y), row, width))
  },
})

/** The rows of x [R, H] that indices i32[K] name: [K, H]. */
export function gatherRows(x: Tensor, indices: Tensor): Tensor {
  return present(applyGatherRows([x, indices], {})[0], 'rows')
}

const applyScatterRows = defineOp<{ rows: number }>({
  kind: 'scatterRows',
  infer([x, indices], { rows }) {
    const [count, width] = operand('scatterRows', 'x', x, 'f32', null, null)
    operand('scatterRows', 'indices', indices, 'i32', count)
    return [tensorType('f32', rows, width)]
  },
  derivative: 'none',
  reference([x, indices], [y]) {
    const [, width = 0] = shapeOf(y)
    integers(indices).forEach((to, row) => addRow(floats(x), row, floats(y), to, width))
  },
})

const applyColumns = defineOp<{ from: number; to: number }>({
  kind: 'columns',
  infer([x], { from, to }) {
    const [rows, width] = operand('columns', 'x', x, 'f32', null, null)
    require(0 <= from && from < to && to <= width, 'columns', `[${from}, ${to}) is not inside ${width} columns`)
    return [tensorType('f32', rows, to - from)]
  },
  derivative: ({ inputs: [x], attributes: { from } }, [gradient]) =>
    gradient === undefined
      ? []
      : applyPadColumns([gradient], { from, width: present(present(x, 'x').type.shape[1], 'columns') }),
  reference([x], [y], { from, to }) {
    const [rows = 0, width = 0] = shapeOf(x)
    for (let row = 0; row < rows; row++) {
      floats(y).set(floats(x).subarray(row * width + from, row * width + to), row * (to - from))
    }
  },
})

/** Columns [from, to) of x [R, C]. */
export function columns(x: Tensor, from: number, to: number): Tensor {
  return present(applyColumns([x], { from, to })[0], 'columns')
}

/** Cuts x [R, C] into parts of these widths, left to right; the widths must add up to C. */
export function splitColumns(x: Tensor, ...widths: readonly number[]): Tensor[] {
  const total = widths.reduce((sum, width) => sum + width, 0)
  require(total === x.type.shape[1], 'splitColumns', `${widths.join(' + ')} is not ${x.type.shape[1]} columns`)
  let from = 0
  return widths.map((width) => columns(x, from, (from += width)))
}

const applyPadColumns = defineOp<{ from: number; width: number }>({
  kind: 'padColumns',
  infer([x], { from, width }) {
    const [rows, part] = operand('padColumns', 'x', x, 'f32', null, null)
    require(from + part <= width, 'padColumns', `${part} columns from ${from} do not fit into ${width}`)
    return [tensorType('f32', rows, width)]
  },
  derivative: 'none',
  reference([x], [y], { from, width }) {
    const [rows = 0, part = 0] = shapeOf(x)
    for (let row = 0; row < rows; row++) {
      floats(y).set(floats(x).subarray(row * part, (row + 1) * part), row * width + from)
    }
  },
})
