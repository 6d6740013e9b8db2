/** Vectors of texts. */
import { PocketPhiError } from '../base/errors.ts'
import type { EncodedPrompt } from './generate.ts'
import type { Scheduler } from './scheduler.ts'
import type { AdvanceOptions } from './sequence.ts'

/** The vector of a text. */
export interface Embedding {
  /** f32[width], of length 1. */
  readonly vector: Float32Array
  /** Tokens of the text. */
  readonly tokens: number
}

/**
 * The mean of a text's hidden states behind the last norm, scaled to length 1. The model was trained to go on with texts and not to
 * tell them apart by such vectors: they say what texts are about, more roughly than those of models that are made for it.
 *
 * @throws PocketPhiError as `PhiModel.embed`
 */
export async function embedText(
  engine: Scheduler,
  { ids, pictures }: EncodedPrompt,
  options: AdvanceOptions,
): Promise<Embedding> {
  if (ids.length === 0) throw new PocketPhiError('invalid-argument', 'The text is empty.', { expected: 'some tokens' })
  const sum = new Float64Array(engine.programs.width)
  const add = (_row: number, values: Float32Array): void =>
    values.forEach((value, at) => (sum[at] = (sum[at] ?? 0) + value))
  const { signal } = options
  const sequence = await engine.open(ids, { reserve: ids.length, pictures, signal })
  try {
    await sequence.deliver(0, { hidden: add }, options)
  } finally {
    sequence.close()
  }
  const length = Math.sqrt(sum.reduce((squares, value) => squares + value ** 2, 0))
  return { vector: Float32Array.from(sum, (value) => value / (length || 1)), tokens: ids.length }
}
