import { createHash } from 'node:crypto'
import type { Example } from './step/batches.ts'

/** How many examples a fingerprint covers. */
const fingerprintExamples = 8

/**
 * A short name for the examples from an index on: another one tells that their texts or their tokens have changed.
 *
 * @param examplesOf those of an index: one, or the two of a pair
 * @param contents a digest of what the examples are made from, where there is one
 */
export function fingerprint(examplesOf: (index: number) => readonly Example[], from: number, contents = ''): string {
  const hash = createHash('sha256')
  hash.update(contents)
  for (let index = from; index < from + fingerprintExamples; index++) {
    for (const { pictures = [], ...text } of examplesOf(index)) {
      hash.update(JSON.stringify(text))
      for (const { prepared } of pictures) hash.update(prepared.canvas)
    }
  }
  return hash.digest('hex').slice(0, 16)
}
