import { present } from '../../base/errors.ts'
import type { Tensor } from '../trace.ts'
import { defineOp, floats, integers, operand, require, shapeOf, tensorType } from './definition.ts'

/** So many of a row's values can be found at most: a thread of a GPU has one of them. */
const mostFound = 256

/** Ids reach the caller as floats, which hold integers up to here. */
const mostColumns = 2 ** 24

/** Which of two values comes first: NaN, which must not be passed by, then the greater. */
function compare(left: number, right: number): number {
  if (Number.isNaN(left) || Number.isNaN(right)) return Number(Number.isNaN(right)) - Number(Number.isNaN(left))
  return left === right ? 0 : right - left
}

const applyTopK = defineOp<{ k: number }>({
  kind: 'topK',
  infer([x], { k }) {
    const [rows, columns] = operand('topK', 'x', x, 'f32', null, null)
    require(columns <= mostColumns, 'topK', `${columns} columns are more than ${mostColumns}`)
    require(Number.isInteger(k) &&
      k >= 1 &&
      k <= Math.min(columns, mostFound), 'topK', `${k} of ${columns} values cannot be found`)
    return [tensorType('f32', rows, k), tensorType('i32', rows, k)]
  },
  derivative: 'none',
  reference([x], [values, ids], { k }) {
    const [rows = 0, columns = 0] = shapeOf(x)
    for (let row = 0; row < rows; row++) {
      const found = floats(x).subarray(row * columns, (row + 1) * columns)
      const valueAt = (id: number): number => present(found[id], 'value')
      // The sort is stable, so that of equals the lower id comes first.
      const order = Array.from(found, (_, id) => id).toSorted((left, right) => compare(valueAt(left), valueAt(right)))
      integers(ids).set(order.slice(0, k), row * k)
      floats(values).set(order.slice(0, k).map(valueAt), row * k)
    }
  },
})

/**
 * The k greatest values of each row of x [R, C], the greatest first, as f32[R, k], and their columns, as i32[R, k]. Of
 * equals the lower column comes first, and NaN comes before every number. k is at most 256.
 */
export function topK(x: Tensor, k: number): { values: Tensor; ids: Tensor } {
  const [values, ids] = applyTopK([x], { k })
  return { values: present(values, 'values'), ids: present(ids, 'ids') }
}
