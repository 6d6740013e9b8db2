/** The triangular factor of second moments, in blocks whose products run on a device. */
import { tileHeight, tileWidth, type Rectangle, type TileProduct } from './tiles.ts'

/** What is added to the diagonal of the moments, as a share of its mean: inputs that were never seen must not be free. */
const damping = 0.01

/**
 * Adds the damping to symmetric moments H [size, size] and replaces their lower triangle by L, H = L L^T (Cholesky, block
 * column by block column). Tiles on the diagonal become triangular too; what is above them keeps its old values.
 */
export async function factorise(moments: Float32Array, size: number, multiply: TileProduct): Promise<void> {
  damp(moments, size)
  const rectangle = (row: number, column: number, height: number): Rectangle => ({
    values: moments,
    stride: size,
    row,
    rows: Math.min(height, size - row),
    column,
    columns: Math.min(tileWidth, size - column),
  })
  const inverse = new Float32Array(tileWidth * tileWidth)
  for (let column = 0; column < size; column += tileWidth) {
    const width = Math.min(tileWidth, size - column)
    for (let row = column; row < size; row += tileHeight) {
      for (let before = 0; before < column; before += tileWidth) {
        const left = rectangle(row, before, tileHeight)
        const product = await multiply(left, rectangle(column, before, tileWidth), true)
        subtract(moments, size, row, column, left.rows, width, product)
      }
    }
    factoriseTile(moments, size, column, width, inverse)
    const right = { values: inverse, stride: tileWidth, row: 0, rows: width, column: 0, columns: width }
    for (let row = column + width; row < size; row += tileHeight) {
      const left = rectangle(row, column, tileHeight)
      store(moments, size, row, column, left.rows, width, await multiply(left, right, true))
    }
  }
}

function damp(moments: Float32Array, size: number): void {
  let trace = 0
  for (let index = 0; index < size; index++) trace += moments[index * (size + 1)] as number
  // Without any moments every error counts the same.
  const added = trace > 0 ? (damping * trace) / size : 1
  for (let index = 0; index < size; index++) {
    const at = index * (size + 1)
    moments[at] = (moments[at] as number) + added
  }
}

function subtract(
  matrix: Float32Array,
  stride: number,
  row: number,
  column: number,
  rows: number,
  columns: number,
  product: Float32Array,
): void {
  for (let at = 0; at < rows; at++) {
    const to = (row + at) * stride + column
    for (let index = 0; index < columns; index++) {
      matrix[to + index] = (matrix[to + index] as number) - (product[at * tileWidth + index] as number)
    }
  }
}

function store(
  matrix: Float32Array,
  stride: number,
  row: number,
  column: number,
  rows: number,
  columns: number,
  product: Float32Array,
): void {
  for (let at = 0; at < rows; at++) {
    const from = at * tileWidth
    matrix.set(product.subarray(from, from + columns), (row + at) * stride + column)
  }
}

/** Factorises one tile on the diagonal in place, in float64, and writes the inverse of its factor. */
function factoriseTile(
  matrix: Float32Array,
  stride: number,
  start: number,
  width: number,
  inverse: Float32Array,
): void {
  const factor = new Float64Array(width * width)
  for (let row = 0; row < width; row++) {
    for (let column = 0; column <= row; column++) {
      let sum = matrix[(start + row) * stride + start + column] as number
      for (let k = 0; k < column; k++)
        sum -= (factor[row * width + k] as number) * (factor[column * width + k] as number)
      factor[row * width + column] = row === column ? Math.sqrt(sum) : sum / (factor[column * width + column] as number)
    }
  }
  inverse.fill(0)
  const solution = new Float64Array(width)
  for (let column = 0; column < width; column++) {
    for (let row = column; row < width; row++) {
      let sum = row === column ? 1 : 0
      for (let k = column; k < row; k++) sum -= (factor[row * width + k] as number) * (solution[k] as number)
      solution[row] = sum / (factor[row * width + row] as number)
      inverse[row * tileWidth + column] = solution[row] as number
    }
  }
  for (let row = 0; row < width; row++) {
    for (let column = 0; column < width; column++) {
      matrix[(start + row) * stride + start + column] = factor[row * width + column] as number
    }
  }
}
