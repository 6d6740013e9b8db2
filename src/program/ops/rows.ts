import { elementCount, formatType, isQuantizedDType } from '../../base/dtype.ts'
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

const applyReplaceRows = defineOp({
  kind: 'replaceRows',
  infer([x, source, indices]) {
    const [rows, width] = operand('replaceRows', 'x', x, 'f32', null, null)
    operand('replaceRows', 'source', source, 'f32', null, width)
    operand('replaceRows', 'indices', indices, 'i32', rows)
    return [tensorType('f32', rows, width)]
  },
  derivative({ inputs: [, source, indices] }, [gradient]) {
    if (gradient === undefined) return []
    const given = [gradient, present(indices, 'indices')]
    const rows = present(present(source, 'source').type.shape[0], 'rows')
    return [present(applyReplaceRowsGradient(given, {})[0], 'rows'), applyScatterRows(given, { rows })[0]]
  },
  reference([x, source, indices], [y]) {
    const [, width = 0] = shapeOf(y)
    integers(indices).forEach((from, row) => {
      if (from < 0) addRow(floats(x), row, floats(y), row, width)
      else addRow(floats(source), from, floats(y), row, width)
    })
  },
})

/** x [R, H] with the rows of source [S, H] that indices i32[R] name in place of its own; where an index is -1 its own stay. */
export function replaceRows(x: Tensor, source: Tensor, indices: Tensor): Tensor {
  return present(applyReplaceRows([x, source, indices], {})[0], 'rows')
}

/** dy [R, H] where x was kept, and 0 in the rows that were replaced: indices i32[R] that are not negative. */
const applyReplaceRowsGradient = defineOp({
  kind: 'replaceRowsGradient',
  infer([gradient, indices]) {
    const [rows, width] = operand('replaceRowsGradient', 'gradient', gradient, 'f32', null, null)
    operand('replaceRowsGradient', 'indices', indices, 'i32', rows)
    return [tensorType('f32', rows, width)]
  },
  derivative: 'none',
  reference([gradient, indices], [dx]) {
    const [, width = 0] = shapeOf(dx)
    integers(indices).forEach((index, row) => {
      if (index < 0) addRow(floats(gradient), row, floats(dx), row, width)
    })
  },
})

const applyReshape = defineOp<{ shape: readonly number[] }>({
  kind: 'reshape',
  infer([x], { shape }) {
    const { dtype, shape: before } = present(x, 'operand')
    require(dtype === 'f32' &&
      elementCount(before) ===
        elementCount(
          shape,
        ), 'reshape', `f32[${shape.join(', ')}] cannot be made of ${formatType({ dtype, shape: before })}`)
    return [tensorType('f32', ...shape)]
  },
  derivative: ({ inputs: [x] }, [gradient]) =>
    gradient === undefined ? [] : [reshape(gradient, ...present(x, 'operand').type.shape)],
  reference([x], [y]) {
    floats(y).set(floats(x))
  },
})

/** The elements of x, in their order, as a tensor of another shape. */
export function reshape(x: Tensor, ...shape: readonly number[]): Tensor {
  return present(applyReshape([x], { shape })[0], 'tensor')
}

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

/** Rows of x [K, H] are added to those of [rows, H] that indices i32[K] name; where an index is -1 they go nowhere. */
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
    integers(indices).forEach((to, row) => {
      if (to >= 0) addRow(floats(x), row, floats(y), to, width)
    })
  },
})

/** Where each of these widths begins, side by side. */
function beginnings(widths: readonly number[]): number[] {
  return widths.map((_, index) => widths.slice(0, index).reduce((sum, width) => sum + width, 0))
}

const applySplitColumns = defineOp<{ widths: readonly number[] }>({
  kind: 'splitColumns',
  infer([x], { widths }) {
    const [rows, width] = operand('splitColumns', 'x', x, 'f32', null, null)
    const total = widths.reduce((sum, part) => sum + part, 0)
    require(total === width &&
      widths.every((part) => part > 0), 'splitColumns', `${widths.join(' + ')} is not ${width} columns`)
    return widths.map((part) => tensorType('f32', rows, part))
  },
  derivative({ inputs: [x], attributes: { widths } }, gradients) {
    const starts = beginnings(widths)
    const arrived = widths.flatMap((_, index) => (gradients[index] === undefined ? [] : [index]))
    if (arrived.length === 0) return []
    return applyJoinColumns(
      arrived.map((index) => present(gradients[index], 'gradient')),
      {
        from: arrived.map((index) => present(starts[index], 'start')),
        width: present(present(x, 'x').type.shape[1], 'columns'),
      },
    )
  },
  reference([x], parts, { widths }) {
    const [rows = 0, width = 0] = shapeOf(x)
    const starts = beginnings(widths)
    widths.forEach((part, index) => {
      for (let row = 0; row < rows; row++) {
        const at = row * width + present(starts[index], 'start')
        floats(parts[index]).set(floats(x).subarray(at, at + part), row * part)
      }
    })
  },
})

/** Cuts x [R, C] into parts of these widths, left to right; the widths must add up to C. */
export function splitColumns(x: Tensor, ...widths: readonly number[]): readonly Tensor[] {
  return applySplitColumns([x], { widths })
}

/** Parts [R, .] become columns of one matrix, each from its place in `from` on, left to right; other columns are 0. */
const applyJoinColumns = defineOp<{ from: readonly number[]; width: number }>({
  kind: 'joinColumns',
  infer(parts, { from, width }) {
    const rows = present(present(parts[0], 'part').shape[0], 'rows')
    const ends = parts.map((part, index) => {
      const [, columns] = operand('joinColumns', `part ${index}`, part, 'f32', rows, null)
      return present(from[index], 'start') + columns
    })
    const fits = ends.every((end, index) => end <= (from[index + 1] ?? width))
    require(fits, 'joinColumns', `parts that end at ${ends.join(', ')} overlap or do not fit into ${width} columns`)
    return [tensorType('f32', rows, width)]
  },
  derivative: 'none',
  reference(parts, [y], { from, width }) {
    parts.forEach((x, index) => {
      const [rows = 0, part = 0] = shapeOf(x)
      for (let row = 0; row < rows; row++) {
        const at = row * width + present(from[index], 'start')
        floats(y).set(floats(x).subarray(row * part, (row + 1) * part), at)
      }
    })
  },
})
