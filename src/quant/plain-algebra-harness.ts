/** What tests of the algebra of calibration compare with: plain loops in float64. */
import { Random } from '../base/random.ts'
import { tileWidth, type Rectangle, type TileProduct } from './tiles.ts'

/** Rows whose columns go together, as the inputs of a matrix do. */
export function correlatedRows(rows: number, columns: number, seed: number): Float32Array {
  const random = new Random(seed)
  const values = new Float32Array(rows * columns)
  for (let row = 0; row < rows; row++) {
    let drift = 0
    for (let column = 0; column < columns; column++) {
      drift = 0.9 * drift + random.normal()
      values[row * columns + column] = drift * (1 + (column % 7))
    }
  }
  return values
}

/** X^T X of rows [count, columns]. */
export function momentsOf(values: Float32Array, columns: number): Float32Array {
  const moments = new Float32Array(columns * columns)
  for (let row = 0; row < columns; row++) {
    for (let column = 0; column < columns; column++) {
      let sum = 0
      for (let at = 0; at < values.length; at += columns)
        sum += (values[at + row] as number) * (values[at + column] as number)
      moments[row * columns + column] = sum
    }
  }
  return moments
}

/** The lower triangle L of a symmetric matrix L L^T, row by row. */
export function choleskyOf(matrix: Float32Array, size: number): Float64Array {
  const factor = new Float64Array(size * size)
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      let sum = matrix[row * size + column] as number
      for (let k = 0; k < column; k++) sum -= (factor[row * size + k] as number) * (factor[column * size + k] as number)
      factor[row * size + column] = row === column ? Math.sqrt(sum) : sum / (factor[column * size + column] as number)
    }
  }
  return factor
}

const at = ({ values, stride, row, column }: Rectangle, down: number, right: number): number =>
  values[(row + down) * stride + column + right] as number

/** The product of tiles without a device. */
export const plainProduct: TileProduct = (left, right, transposeRight) => {
  const columns = transposeRight ? right.rows : right.columns
  const product = new Float32Array(left.rows * tileWidth)
  for (let row = 0; row < left.rows; row++) {
    for (let column = 0; column < columns; column++) {
      let sum = 0
      for (let k = 0; k < left.columns; k++) {
        sum += at(left, row, k) * (transposeRight ? at(right, column, k) : at(right, k, column))
      }
      product[row * tileWidth + column] = sum
    }
  }
  return Promise.resolve(product)
}
