/**
 * Documents that are the same or nearly so, found without comparing all with all (Indyk and Motwani, 1998): the hashes of a signature are cut
 * into bands, and those that agree in a band are compared. Of a group the first stays.
 *
 * For each document there are in memory its signature, 4 bytes a hash (480 with 30 bands of 4), and some 80 bytes more: a number that stands for
 * its text, its group, and its places in a table of texts and in that of the band that is looked at.
 */
import { mix } from './words.ts'

export interface ClusterSettings {
  readonly bands: number
  readonly rows: number
  /** Estimated Jaccard similarity from which on two documents are one. */
  readonly similarity: number
}

/** Why a document goes, and which stays in its place. */
export interface Duplicate {
  readonly of: number
  /** Estimated; 1 for texts that are equal but for marks and case. */
  readonly similarity: number
}

/** Groups of documents, each named by its first (union by index, paths halved). */
class Groups {
  readonly #parents: Int32Array

  constructor(count: number) {
    this.#parents = Int32Array.from({ length: count }, (_, index) => index)
  }

  first(index: number): number {
    const parents = this.#parents
    let at = index
    while (parents[at] !== at) {
      const next = parents[parents[at] as number] as number
      parents[at] = next
      at = next
    }
    return at
  }

  /** @returns the document that was the first of its group and is no more; itself where both are of one group */
  join(a: number, b: number): number {
    const [first, other] = [this.first(a), this.first(b)].sort((x, y) => x - y) as [number, number]
    this.#parents[other] = first
    return other
  }
}

/** Share of the hashes that agree: an estimate of the Jaccard similarity, off by about 0.05 with 120 of them. */
function similarityOf(signatures: Uint32Array, a: number, b: number, hashes: number): number {
  let equal = 0
  for (let index = 0; index < hashes; index++) {
    equal += Number(signatures[a * hashes + index] === signatures[b * hashes + index])
  }
  return equal / hashes
}

/**
 * @param exact a number for each text that is the same for equal texts
 * @param signatures [documents, bands * rows]
 * @returns the duplicates by index, for all but the first of each group
 */
export function findDuplicates(
  exact: Float64Array,
  signatures: Uint32Array,
  settings: ClusterSettings,
): Map<number, Duplicate> {
  const count = exact.length
  const hashes = settings.bands * settings.rows
  const groups = new Groups(count)
  const similar = new Float32Array(count)
  joinEqual(exact, (first, other) => {
    similar[other] = 1
    groups.join(first, other)
  })
  const keys = new Float64Array(count)
  for (let band = 0; band < settings.bands; band++) {
    const from = band * settings.rows
    for (let document = 0; document < count; document++) {
      const start = document * hashes + from
      keys[document] = keyOf(signatures.subarray(start, start + settings.rows), band)
    }
    joinEqual(keys, (first, other) => {
      if (groups.first(first) === groups.first(other)) return
      const similarity = similarityOf(signatures, first, other, hashes)
      if (similarity < settings.similarity) return
      const joined = groups.join(first, other)
      // What another group began with goes for the sake of this pair as well.
      for (const each of [other, joined]) similar[each] = Math.max(similar[each] as number, similarity)
    })
  }
  const duplicates = new Map<number, Duplicate>()
  for (let document = 0; document < count; document++) {
    const of = groups.first(document)
    if (of !== document) duplicates.set(document, { of, similarity: similar[document] as number })
  }
  return duplicates
}

/** A number below 2^53 for the hashes of a band. */
function keyOf(rows: Uint32Array, band: number): number {
  let high = band
  let low = ~band
  for (const hash of rows) {
    high = mix(high ^ hash)
    low = mix(low + Math.imul(hash, 0x9e3779b1))
  }
  return (high & 0x1fffff) * 2 ** 32 + (low >>> 0)
}

/** Calls for every document with the one before it that has the same key, in the order of the documents. */
function joinEqual(keys: Float64Array, pair: (first: number, other: number) => void): void {
  const lasts = new Map<number, number>()
  keys.forEach((key, document) => {
    const before = lasts.get(key)
    lasts.set(key, document)
    if (before !== undefined) pair(before, document)
  })
}
