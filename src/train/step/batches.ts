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
}

/** Rows of a batch that are the first tokens of a picture, all of them unless its example was cut. */
interface PlacedPicture {
  readonly picture: LearnedPicture
  readonly row: number
  readonly count: number
}

/** The inputs of the gradient program for one batch, and what became of the source. */
export interface Batch {
  readonly inputs: {
    readonly ids: Int32Array
    readonly positions: Int32Array
    readonly regimes: Int32Array
    readonly starts: Int32Array
    readonly targets: Int32Array
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
  /** The index of the first example that was not used. */
  readonly next: number
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
  const ids = new Int32Array(rows)
  const positions = new Int32Array(rows)
  const starts = new Int32Array(rows).fill(-1)
  const targets = new Int32Array(rows).fill(ignoredTarget)
  const regimes = new Int32Array(rows)
  const weights = new Float32Array(rows)
  const pictures: PlacedPicture[] = []
  let row = 0
  let next = from
  let learnedTokens = 0
  for (; ; next++) {
    const { ids: tokens, learned, pictures: shown = [] } = source.example(next)
    const length = Math.min(tokens.length, context, rows)
    if (row + length > rows) break
    for (let index = 0; index < length; index++) {
      ids[row + index] = Math.max(0, tokens[index] ?? 0)
      positions[row + index] = index
      starts[row + index] = row
      if (length > ropeBorder) regimes[row + index] = 1
      const target = index + 1 < length ? tokens[index + 1] : undefined
      if (target === undefined || target < 0 || learned?.[index + 1] === false) continue
      targets[row + index] = target
      learnedTokens++
    }
    shown.forEach((picture, index) => {
      const own = tokens.slice(0, length).reduce((count, id) => count + Number(id === -1 - index), 0)
      if (own > 0) pictures.push({ picture, row: row + tokens.indexOf(-1 - index), count: own })
    })
    row += length
  }
  weights.fill(learnedTokens === 0 ? 0 : 1 / learnedTokens)
  const inputs = { ids, positions, regimes, starts, targets, weights }
  return { inputs, pictures, tokens: row, learnedTokens, next }
}
