/** Text of the closed world to measure and calibrate on. */
import { conversation, document } from '../data/world/index.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { conversationExample, documentExample } from '../train/step/examples.ts'
import type { LossText } from './mean-loss.ts'

/** Of held-out text; far from the seeds of recipes. */
export const heldOutSeed = 77_000_001
/** Of text to calibrate on: no part of the held-out text. */
export const calibrationSeed = 78_000_001
/** Predicted tokens that a loss is measured on. */
export const heldOutTokens = 200_000

/** Documents and conversations in turn, without end. */
export function worldText(tokenizer: Tokenizer, seed: number): LossText {
  const source: LossText['source'] = {
    example: (index) =>
      index % 2 === 0
        ? documentExample(tokenizer, document(seed, index).text)
        : conversationExample(tokenizer, conversation(seed, index).messages),
  }
  return { source, examples: Infinity }
}
