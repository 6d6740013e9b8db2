/** What texts are compared by. */
import { createHash } from 'node:crypto'
import type { ClusterSettings } from './cluster.ts'
import { signature } from './min-hash.ts'
import { wordsOf } from './words.ts'

export interface Signatures {
  /** For each text a number that is the same for texts that are equal but for marks and case. */
  readonly exact: Float64Array<ArrayBuffer>
  /** [texts, bands * rows] */
  readonly signatures: Uint32Array<ArrayBuffer>
}

/** @param settings with the words of a shingle */
export function signaturesOf(
  texts: readonly string[],
  { words, bands, rows }: ClusterSettings & { readonly words: number },
): Signatures {
  const hashes = bands * rows
  const exact = new Float64Array(texts.length)
  const signatures = new Uint32Array(texts.length * hashes)
  texts.forEach((text, index) => {
    const digest = createHash('sha256').update(wordsOf(text).join(' ')).digest()
    exact[index] = digest.readUIntBE(0, 6)
    signatures.set(signature(text, words, hashes), index * hashes)
  })
  return { exact, signatures }
}
