/** The text that a model is calibrated on, as the inputs of its programs. */
import type { RunInputs } from '../backends/backend.ts'
import { PocketPhiError } from '../base/errors.ts'
import type { ModelShape } from '../models/index.ts'

/** Rows of one batch. Every one carries a token, since what padding computes must not count. */
export const calibrationRows = 1024

/** Ids one after the other, with their positions, cut where a sequence exceeds the context. */
function* positioned(
  sequences: Iterable<readonly number[]>,
  context: number,
): Generator<readonly [id: number, position: number]> {
  for (const ids of sequences) {
    for (const [index, id] of ids.entries()) yield [id, index % context]
  }
}

/**
 * Fills batches with the sequences of a text, in order; what does not fit into one goes on in the next, as a sequence of its
 * own. Sequences are cut where they exceed a batch, the model, or what its short rotary table is for.
 *
 * @param sequences token ids; no attention goes from one sequence to another
 * @param tokens to be used, rounded up to whole batches; fewer where the text is shorter
 * @throws PocketPhiError `invalid-argument` when the text does not fill one batch
 */
export function calibrationBatches(
  { maxPositions, ropeBorder = Infinity }: ModelShape,
  sequences: Iterable<readonly number[]>,
  tokens: number,
): RunInputs[] {
  const context = Math.min(calibrationRows, maxPositions, ropeBorder)
  const batches: RunInputs[] = []
  let batch = emptyBatch()
  let row = 0
  let start = 0
  for (const [id, position] of positioned(sequences, context)) {
    if (position === 0 || row === 0) start = row
    batch.ids[row] = id
    batch.positions[row] = row - start
    batch.starts[row] = start
    if (++row < calibrationRows) continue
    batches.push(batch)
    if (batches.length * calibrationRows >= tokens) return batches
    batch = emptyBatch()
    row = 0
  }
  if (batches.length > 0) return batches
  throw new PocketPhiError('invalid-argument', 'The text to calibrate on is too short.', {
    expected: `at least ${calibrationRows} tokens; some ten thousand are better`,
    found: `${row}`,
  })
}

interface Batch extends RunInputs {
  readonly ids: Int32Array
  readonly positions: Int32Array
  readonly starts: Int32Array
}

function emptyBatch(): Batch {
  const rows = (): Int32Array => new Int32Array(calibrationRows)
  return { ids: rows(), positions: rows(), starts: rows(), regimes: rows() }
}
