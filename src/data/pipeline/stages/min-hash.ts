/** MinHash signatures (Broder, 1997): texts whose shingles overlap have hashes in common, about as many as the Jaccard similarity says. */
import { mix, sequenceHashes, hashesOf, wordsOf } from './words.ts'

/** One of many hash functions, as numbers that a shingle's hash is multiplied and shifted by. */
function functions(count: number): Uint32Array {
  const numbers = new Uint32Array(2 * count)
  for (let index = 0; index < numbers.length; index++) numbers[index] = mix(index + 1) | 1
  return numbers
}

let made: Uint32Array = new Uint32Array(0)

/**
 * The smallest hash of a text's shingles under each of so many hash functions.
 *
 * @param words of a shingle; a text of fewer is one shingle
 */
export function signature(text: string, words: number, count: number): Uint32Array {
  if (made.length !== 2 * count) made = functions(count)
  const smallest = new Uint32Array(count).fill(0xffffffff)
  const hashes = hashesOf(wordsOf(text))
  for (const shingle of new Set(sequenceHashes(hashes, Math.min(words, hashes.length)))) {
    const low = (shingle % 2 ** 32) | 0
    const high = (shingle / 2 ** 32) | 0
    for (let index = 0; index < count; index++) {
      let hash = Math.imul(low ^ (made[2 * index] as number), 0x85ebca6b)
      hash = Math.imul(hash ^ (hash >>> 15) ^ high, made[2 * index + 1] as number)
      hash = (hash ^ (hash >>> 13)) >>> 0
      if (hash < (smallest[index] as number)) smallest[index] = hash
    }
  }
  return smallest
}
