/** How different texts are from each other. */
import { hashesOf, sequenceHashes, wordsOf } from '../stages/words.ts'

/** The shares fall with the amount of text, so that all are measured on as much. */
const wordsMeasured = 100_000

export interface Diversity {
  /** Words that it was measured on. */
  readonly words: number
  /** Different ones among all sequences of one, two, three and four words (Li et al., 2016, "distinct-n"). */
  readonly distinct: readonly number[]
}

/** Of the first 100,000 words of texts. */
export function diversityOf(texts: Iterable<string>): Diversity {
  const lengths = [1, 2, 3, 4]
  const seen = lengths.map(() => new Set<number>())
  const totals = lengths.map(() => 0)
  let words = 0
  for (const text of texts) {
    const hashes = hashesOf(wordsOf(text)).subarray(0, wordsMeasured - words)
    words += hashes.length
    lengths.forEach((length, index) => {
      const sequences = sequenceHashes(hashes, length)
      totals[index] = (totals[index] ?? 0) + sequences.length
      for (const sequence of sequences) seen[index]?.add(sequence)
    })
    if (words >= wordsMeasured) break
  }
  const distinct = seen.map(({ size }, index) => size / Math.max(1, totals[index] ?? 0))
  return { words, distinct }
}

/** How a text begins, whatever numbers it begins with. */
export function openingOf(text: string, words: number): string {
  return wordsOf(text.slice(0, 40 * words))
    .slice(0, words)
    .map((word) => (/\d/.test(word) ? '0' : word))
    .join(' ')
}
