import { ignoredTarget } from '../../program/ops/index.ts'
import type { LearnedPicture } from './pictures.ts'

/** One text to learn from: token ids, and which of them the model is to predict. */
export interface Example {
  /** Tokens of the first picture are -1, those of the second -2, and so on. */
  readonly ids: readonly number[]
  /** Whether ids[i] counts in the loss as a prediction; all of them where undefined. */
  readonly learned?: readonly boolean[]
  readonly pictures?: readonly LearnedPicture[]
}

/** Texts by index. The same index always gives the same example, so that a position is all that a resumed run needs. */
export interface ExampleSource {
  example(index: number): Example
  /** How many different examples there are, after which they come again; endless when left out. */
  readonly size?: number
  /** A digest of all of them, where there is a list of them. */
  readonly contents?: string
}

/** Rows of a batch that are the first tokens of a picture, all of them unless its example was cut. */
interface PlacedPicture {
  readonly picture: LearnedPicture
  readonly row: number
  readonly count: number
}

/** The inputs that say which token each row has, and which it is to predict. */
export type RowInputs = {
  readonly ids: Int32Array
  readonly positions: Int32Array
  readonly regimes: Int32Array
  readonly starts: Int32Array
  readonly targets: Int32Array
}

/** The inputs of the gradient program for one batch, and what became of the source. */
export interface Batch {
  readonly inputs: RowInputs & {
    /** What the terms of the loss count. */
    readonly weights: Float32Array
    /** Those of pictures, which `seeBatch` adds. */
    readonly features?: Float32Array
    readonly pictureRows?: Int32Array
    readonly lineEnds?: Int32Array
    readonly viewEnds?: Int32Array
  }
  readonly pictures: readonly PlacedPicture[]
  /** Rows that carry a token. */
  readonly tokens: number
  /** Rows whose prediction counts. */
  readonly learnedTokens: number
  /** How many terms the loss is the mean of: the predictions that count, or what an objective compares. */
  readonly terms: number
  /** The index of the first example that was not used. */
  readonly next: number
}

/** Rows without tokens. */
export function emptyRows(rows: number): RowInputs {
  return {
    ids: new Int32Array(rows),
    positions: new Int32Array(rows),
    regimes: new Int32Array(rows),
    starts: new Int32Array(rows).fill(-1),
    targets: new Int32Array(rows).fill(ignoredTarget),
  }
}

/**
 * Puts an example, cut at `length`, into the rows from `row` on: a sequence of its own, with positions from 0. One longer than
 * `ropeBorder` uses LongRoPE's long table, as in the engine.
 *
 * @returns how many predictions of it count
 */
export function placeExample(
  inputs: RowInputs,
  row: number,
  { ids: tokens, learned }: Example,
  length: number,
  ropeBorder: number,
): number {
  let learnedTokens = 0
  for (let index = 0; index < length; index++) {
    inputs.ids[row + index] = Math.max(0, tokens[index] ?? 0)
    inputs.positions[row + index] = index
    inputs.starts[row + index] = row
    if (length > ropeBorder) inputs.regimes[row + index] = 1
    const target = index + 1 < length ? tokens[index + 1] : undefined
    if (target === undefined || target < 0 || learned?.[index + 1] === false) continue
    inputs.targets[row + index] = target
    learnedTokens++
  }
  return learnedTokens
}

/**
 * Packs whole examples, in order, until the next one does not fit into `rows` rows. Each is a sequence of its own: no
 * attention across examples, positions from 0. One longer than `context` is cut there. The rows left over are padding,
 * about half an example in every batch. Examples longer than `ropeBorder` use LongRoPE's long table, as in the engine.
 */
export function packBatch(
  source: ExampleSource,
  from: number,
  rows: number,
  context: number,
  ropeBorder = Infinity,
): Batch {
  const inputs = emptyRows(rows)
  const pictures: PlacedPicture[] = []
  let row = 0
  let next = from
  let learnedTokens = 0
  for (; ; next++) {
    const example = source.example(next)
    const { ids: tokens, pictures: shown = [] } = example
    const length = Math.min(tokens.length, context, rows)
    if (row + length > rows) break
    learnedTokens += placeExample(inputs, row, example, length, ropeBorder)
    shown.forEach((picture, index) => {
      const own = tokens.slice(0, length).reduce((count, id) => count + Number(id === -1 - index), 0)
      if (own > 0) pictures.push({ picture, row: row + tokens.indexOf(-1 - index), count: own })
    })
    row += length
  }
  const weights = new Float32Array(rows).fill(learnedTokens === 0 ? 0 : 1 / learnedTokens)
  return { inputs: { ...inputs, weights }, pictures, tokens: row, learnedTokens, terms: learnedTokens, next }
}
