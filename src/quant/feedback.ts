/**
 * Rounding with error feedback: the integers of a row are chosen one after the other, and each makes up for the errors of
 * those before it as far as the inputs of the matrix go together (Frantar et al., 2022, GPTQ; as a search for a near
 * lattice point it is Babai's nearest plane). With the moments H = L L^T of the inputs, the squared error of a row's
 * outputs is |(w - v) L|^2. Its component j depends on the columns from j on, so that the columns are rounded from the last
 * to the first and nothing needs to be inverted.
 */
import { integerRange, nearestInteger, scaleSearch } from './scale-search.ts'
import { tileHeight, tileWidth, type TileProduct } from './tiles.ts'

/** Rows that are rounded at a time. */
export const feedbackRows = tileHeight

export interface Feedback {
  /** i8 [rows, columns] */
  readonly integers: Int8Array
  /** f32 [rows, columns / group] */
  readonly scales: Float32Array
  /** Sum over the rows of |(w - v) L|^2. */
  readonly error: number
}

/**
 * Rounds rows of a matrix.
 *
 * @param weights f32 [rows, columns], finite; at most `feedbackRows` rows
 * @param factor f32 [columns, columns], whose lower triangle is L
 */
export async function roundWithFeedback(
  weights: Float32Array,
  columns: number,
  factor: Float32Array,
  format: { readonly bits: 4 | 8; readonly group: number },
  multiply: TileProduct,
): Promise<Feedback> {
  const rows = weights.length / columns
  const result = {
    integers: new Int8Array(weights.length),
    scales: new Float32Array(weights.length / format.group),
    error: 0,
  }
  const errors = new Float32Array(weights.length)
  const carried = new Float64Array(rows * tileWidth)
  const block = blockRounding(format.bits, format.group)
  for (let column = Math.floor((columns - 1) / tileWidth) * tileWidth; column >= 0; column -= tileWidth) {
    const width = Math.min(tileWidth, columns - column)
    await carry(errors, columns, factor, column, column + tileWidth, multiply, carried)
    result.error += block({ weights, errors, carried, factor, columns, column, width }, result)
  }
  return result
}

/** |w L|^2, summed over the rows of `weights`: what `Feedback.error` is to be compared with. */
export async function outputEnergy(
  weights: Float32Array,
  columns: number,
  factor: Float32Array,
  multiply: TileProduct,
): Promise<number> {
  const carried = new Float64Array((weights.length / columns) * tileWidth)
  let energy = 0
  for (let column = 0; column < columns; column += tileWidth) {
    await carry(weights, columns, factor, column, column, multiply, carried)
    for (let index = 0; index < carried.length; index++) energy += (carried[index] as number) ** 2
  }
  return energy
}

/** What the columns from `first` on contribute to the components [column, column + tileWidth) of rows times L. */
async function carry(
  values: Float32Array,
  columns: number,
  factor: Float32Array,
  column: number,
  first: number,
  multiply: TileProduct,
  carried: Float64Array,
): Promise<void> {
  const width = Math.min(tileWidth, columns - column)
  carried.fill(0)
  for (let from = first; from < columns; from += tileWidth) {
    const inner = Math.min(tileWidth, columns - from)
    const rows = values.length / columns
    const left = { values, stride: columns, row: 0, rows, column: from, columns: inner }
    const right = { values: factor, stride: columns, row: from, rows: inner, column, columns: width }
    const product = await multiply(left, right, false)
    for (let index = 0; index < carried.length; index++) {
      carried[index] = (carried[index] as number) + (product[index] as number)
    }
  }
}

/** Columns [column, column + width) of all rows. */
interface Block {
  readonly weights: Float32Array
  /** w - v; written for the columns of the block. */
  readonly errors: Float32Array
  /** What the columns behind the block contribute to its components, f64 [rows, tileWidth]. */
  readonly carried: Float64Array
  readonly factor: Float32Array
  readonly columns: number
  readonly column: number
  readonly width: number
}

/** A function that rounds one block of columns and returns its squared error. */
function blockRounding(bits: 4 | 8, group: number): (block: Block, result: Omit<Feedback, 'error'>) => number {
  const [lowest, highest] = integerRange(bits)
  const search = scaleSearch(bits, group)
  const tile = new Float64Array(tileWidth * tileWidth)
  const diagonal = new Float64Array(tileWidth)
  const importance = new Float64Array(group)
  const components = new Float64Array(tileWidth)
  const ahead = new Float64Array(tileWidth)
  const targets = new Float64Array(tileWidth)

  /** Adds what an error in column `index` of the tile contributes to the components from `first` on before it. */
  const spread = (into: Float64Array, index: number, first: number, error: number): void => {
    const row = index * tileWidth
    for (let column = first; column < index; column++) {
      into[column] = (into[column] as number) + error * (tile[row + column] as number)
    }
  }

  return ({ weights, errors, carried, factor, columns, column, width }, { integers, scales }) => {
    for (let row = 0; row < width; row++) {
      for (let index = 0; index <= row; index++) {
        tile[row * tileWidth + index] = factor[(column + row) * columns + column + index] as number
      }
      diagonal[row] = tile[row * tileWidth + row] as number
    }
    let squared = 0
    for (let row = 0; row < weights.length / columns; row++) {
      const base = row * columns + column
      components.set(carried.subarray(row * tileWidth, row * tileWidth + width))
      for (let start = width - group; start >= 0; start -= group) {
        // What the group would become if nothing were rounded, the errors behind it made up for: the scale must fit that.
        ahead.set(components)
        for (let index = start + group - 1; index >= start; index--) {
          const error = -(ahead[index] as number) / (diagonal[index] as number)
          targets[index] = (weights[base + index] as number) - error
          spread(ahead, index, start, error)
          importance[index - start] = (diagonal[index] as number) ** 2
        }
        const scale = search(targets, start, importance)
        scales[(base + start) / group] = scale
        for (let index = start + group - 1; index >= start; index--) {
          const weight = weights[base + index] as number
          const component = components[index] as number
          const integer = nearestInteger(weight + component / (diagonal[index] as number), scale, lowest, highest)
          const error = weight - scale * integer
          integers[base + index] = integer
          errors[base + index] = error
          squared += (error * (diagonal[index] as number) + component) ** 2
          spread(components, index, 0, error)
        }
      }
    }
    return squared
  }
}
