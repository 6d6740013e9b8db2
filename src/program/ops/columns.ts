/** A constant in the place of some columns. */
import { present } from '../../base/errors.ts'
import type { Tensor } from '../trace.ts'
import { defineOp, floats, operand, require, shapeOf, tensorType } from './definition.ts'

const applyFillColumns = defineOp<{ columns: readonly number[]; value: number }>({
  kind: 'fillColumns',
  infer([x], { columns }) {
    const [rows, width] = operand('fillColumns', 'x', x, 'f32', null, null)
    require(columns.every(
      (column, index) => Number.isSafeInteger(column) && column > (columns[index - 1] ?? -1) && column < width,
    ), 'fillColumns', `the columns must be ascending and below ${width}`)
    return [tensorType('f32', rows, width)]
  },
  derivative: ({ attributes: { columns } }, [gradient]) => [gradient && fillColumns(gradient, columns, 0)],
  reference([x], [y], { columns, value }) {
    const [rows = 0, width = 0] = shapeOf(x)
    floats(y).set(floats(x))
    for (let row = 0; row < rows; row++) for (const column of columns) floats(y)[row * width + column] = value
  },
})

/** x [R, C] with one value in all rows of these columns, which ascend. */
export function fillColumns(x: Tensor, columns: readonly number[], value: number): Tensor {
  return present(applyFillColumns([x], { columns, value })[0], 'columns')
}

/** Runs of neighbouring columns, [from, to). */
export function columnRuns(columns: readonly number[]): [from: number, to: number][] {
  const runs: [from: number, to: number][] = []
  for (const column of columns) {
    const last = runs.at(-1)
    if (last?.[1] === column) last[1] = column + 1
    else runs.push([column, column + 1])
  }
  return runs
}
