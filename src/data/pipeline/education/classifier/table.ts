/** Rows of numbers for tokens and for figures of form, whose weighted sum stands for a text. */
import { present } from '../../../../base/errors.ts'
import type { Features } from './features.ts'
import { formFigures } from './form.ts'

/** Ranges that each figure is cut into, with as many texts in each. */
export const ranges = 12

/** Learning rates of AdaGrad (Duchi et al., 2011), and what its sums of squares begin with. */
const tokenRate = 0.1
const formRate = 0.1
const tokenSquare = 1e-6
const formSquare = 1e-2

/** Sums rows of one width, and learns them. */
export class Table {
  /** A row for each bucket: its share of the text's tokens is its weight. */
  readonly #tokens: Float32Array
  /** A row for each range of each figure. */
  readonly #form: Float32Array
  /** Where ranges end: for each figure one less than there are. */
  readonly #edges: Float32Array
  readonly #width: number
  /** The ranges of the text that was summed last. */
  readonly #rows = new Int32Array(formFigures.length)
  #squares: { readonly tokens: Float32Array; readonly form: Float32Array } | undefined

  constructor(tensors: Readonly<Record<string, Float32Array>>, width: number) {
    this.#tokens = present(tensors['tokens'], 'tokens')
    this.#form = present(tensors['form'], 'form')
    this.#edges = present(tensors['edges'], 'edges')
    this.#width = width
  }

  /** The sum of a text, into as many numbers as a row has. */
  sum({ tokens, form }: Features, into: Float64Array): void {
    const width = this.#width
    const rows = this.#tokens
    const share = 1 / Math.max(1, tokens.length)
    // Column by column: a sum in a register is faster than several in memory, though rows are met several times.
    for (let column = 0; column < width; column++) {
      let sum = 0
      for (let index = 0; index < tokens.length; index++)
        sum += rows[(tokens[index] as number) * width + column] as number
      into[column] = share * sum
    }
    this.#findRows(form)
    for (const row of this.#rows) {
      for (let column = 0; column < width; column++)
        into[column] = (into[column] as number) + (this.#form[row * width + column] as number)
    }
  }

  /**
   * One step for the text that was summed last.
   *
   * @param gradient of the loss by the sum
   * @param rate of what is usual
   */
  learn({ tokens }: Features, gradient: Float64Array, rate: number): void {
    const width = this.#width
    const [rows, form] = [this.#tokens, this.#form]
    this.#squares ??= {
      tokens: new Float32Array(rows.length).fill(tokenSquare),
      form: new Float32Array(form.length).fill(formSquare),
    }
    const squares = this.#squares
    const share = 1 / Math.max(1, tokens.length)
    for (let index = 0; index < tokens.length; index++) {
      descend(rows, squares.tokens, (tokens[index] as number) * width, gradient, share, rate * tokenRate)
    }
    for (const row of this.#rows) descend(form, squares.form, row * width, gradient, 1, rate * formRate)
  }

  #findRows(form: Float64Array): void {
    for (let figure = 0; figure < form.length; figure++) {
      const first = figure * (ranges - 1)
      let range = 0
      while (range < ranges - 1 && (form[figure] as number) > (this.#edges[first + range] as number)) range++
      this.#rows[figure] = figure * ranges + range
    }
  }
}

function descend(
  rows: Float32Array,
  squares: Float32Array,
  at: number,
  gradient: Float64Array,
  share: number,
  rate: number,
): void {
  for (let column = 0; column < gradient.length; column++) {
    const slope = share * (gradient[column] as number)
    const square = (squares[at + column] as number) + slope * slope
    squares[at + column] = square
    rows[at + column] = (rows[at + column] as number) - (rate * slope) / Math.sqrt(square)
  }
}
