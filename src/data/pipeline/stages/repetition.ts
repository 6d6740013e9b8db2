/** How much of a text repeats itself (Rae et al., 2021, appendix A1.1). */
import { sequenceHashes, wordHash } from './words.ts'

/** Share of the characters that is in the most frequent sequence of so many words, if it comes more than once. */
export function mostFrequentSequence(words: readonly string[], hashes: Uint32Array, length: number): number {
  const counts = new Map<number, number>()
  let most = 1
  let place = -1
  sequenceHashes(hashes, length).forEach((sequence, index) => {
    const count = (counts.get(sequence) ?? 0) + 1
    counts.set(sequence, count)
    if (count <= most) return
    most = count
    place = index
  })
  if (place < 0) return 0
  const characters = words.slice(place, place + length).reduce((sum, word) => sum + word.length, 0)
  return Math.min(1, (most * characters) / Math.max(1, charactersOf(words)))
}

/** Share of the characters that is in sequences of so many words that came before. */
export function repeatedSequences(words: readonly string[], hashes: Uint32Array, length: number): number {
  const seen = new Set<number>()
  let characters = 0
  let counted = 0
  sequenceHashes(hashes, length).forEach((sequence, index) => {
    if (!seen.has(sequence)) return void seen.add(sequence)
    // What overlaps counts once.
    for (counted = Math.max(counted, index); counted < index + length; counted++)
      characters += words[counted]?.length ?? 0
  })
  return characters / Math.max(1, charactersOf(words))
}

function charactersOf(words: readonly string[]): number {
  return words.reduce((sum, word) => sum + word.length, 0)
}

/** Shares of lines, and of characters in lines, that came before. */
export function repeatedLines(lines: readonly string[]): { lines: number; characters: number } {
  const seen = new Set<number>()
  let repeated = 0
  let characters = 0
  let all = 0
  for (const line of lines) {
    all += line.length
    const hash = wordHash(line) + 2 ** 32 * (line.length & 0xfffff)
    if (!seen.has(hash)) {
      seen.add(hash)
      continue
    }
    repeated++
    characters += line.length
  }
  return { lines: repeated / Math.max(1, lines.length), characters: characters / Math.max(1, all) }
}
