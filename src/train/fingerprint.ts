import { createHash } from 'node:crypto'
import type { ExampleSource } from './step/batches.ts'

/** How many examples a fingerprint covers. */
const fingerprintExamples = 8

/** A short name for the examples from an index on: another one tells that their texts or their tokens have changed. */
export function fingerprint(source: ExampleSource, from: number): string {
  const hash = createHash('sha256')
  for (let index = from; index < from + fingerprintExamples; index++) {
    const { pictures = [], ...text } = source.example(index)
    hash.update(JSON.stringify(text))
    for (const { prepared } of pictures) hash.update(prepared.canvas)
  }
  return hash.digest('hex').slice(0, 16)
}
