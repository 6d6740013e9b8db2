/** Words as sequences of numbers, for everything that compares texts. */

/**
 * The words of a text, in lower case and without marks, so that spelling alone makes no difference. Scripts without spaces give a word for each
 * character.
 */
export function wordsOf(text: string): string[] {
  return (
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|[\p{L}\p{N}]+/gu) ?? []
  )
}

/** A 32-bit hash of a word (FNV-1a over UTF-16). */
export function wordHash(word: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < word.length; index++) hash = Math.imul(hash ^ word.charCodeAt(index), 0x01000193)
  return mix(hash)
}

/** Spreads the bits of a 32-bit number (the finaliser of MurmurHash3). */
export function mix(value: number): number {
  let hash = value ^ (value >>> 16)
  hash = Math.imul(hash, 0x85ebca6b)
  hash ^= hash >>> 13
  hash = Math.imul(hash, 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/**
 * A number below 2^53 for each sequence of so many words, in their order: two that differ share one with a chance of 2^-53.
 *
 * @param hashes of the words
 */
export function sequenceHashes(hashes: Uint32Array, length: number): Float64Array {
  const sequences = new Float64Array(Math.max(0, hashes.length - length + 1))
  for (let start = 0; start < sequences.length; start++) {
    let high = 0x9747b28c
    let low = 0x5bd1e995
    for (let index = start; index < start + length; index++) {
      const hash = hashes[index] as number
      high = Math.imul(high ^ hash, 0x85ebca6b) ^ (high >>> 15)
      low = Math.imul(low ^ hash, 0xc2b2ae35) ^ (low >>> 13)
    }
    sequences[start] = (mix(high) & 0x1fffff) * 2 ** 32 + mix(low)
  }
  return sequences
}

export function hashesOf(words: readonly string[]): Uint32Array {
  return Uint32Array.from(words, wordHash)
}
