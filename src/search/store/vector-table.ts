/**
 * Vectors of passages, in the file of the index: bytes with one scale for each, which take a quarter of the room. A search looks at all of them:
 * there is no index of vectors.
 */
import type { DatabaseSync } from 'node:sqlite'
import { PocketPhiError, present } from '../../base/errors.ts'
import { dot } from '../embedder.ts'
import { numberIn, textIn } from './rows.ts'

const tables = `
  CREATE TABLE IF NOT EXISTS embedder (name TEXT NOT NULL, probe BLOB NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS vectors (passage INTEGER PRIMARY KEY, vector BLOB NOT NULL) STRICT;
`

/** Vectors of the same text by the same model differ by the last bits of what it is computed on; those of other models by more. */
const leastLikeness = 0.999

/** The largest value of a byte with a sign. */
const byteLimit = 127

export interface Unembedded {
  readonly id: number
  readonly title: string
  readonly text: string
}

/** f32 scale, then int8[width]. */
function packed(vector: Float32Array): Uint8Array {
  const scale = vector.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / byteLimit || 1
  const bytes = new Uint8Array(4 + vector.length)
  new DataView(bytes.buffer).setFloat32(0, scale, true)
  bytes.set(
    Int8Array.from(vector, (value) => Math.round(value / scale)),
    4,
  )
  return bytes
}

interface PackedVector {
  readonly scale: number
  readonly values: Int8Array
}

function unpacked(bytes: Uint8Array): PackedVector {
  const scale = new DataView(bytes.buffer, bytes.byteOffset).getFloat32(0, true)
  return { scale, values: new Int8Array(bytes.buffer, bytes.byteOffset + 4, bytes.length - 4) }
}

/** The cosine between two. Both were rounded alike, so that a vector is like itself however coarse its bytes are. */
function likeness({ values: a }: PackedVector, { values: b }: PackedVector): number {
  const [first, second] = [Float32Array.from(a), Float32Array.from(b)]
  return dot(first, second) / Math.sqrt(dot(first, first) * dot(second, second))
}

const product = ({ scale, values }: PackedVector, vector: Float32Array): number => scale * dot(values, vector)

export class VectorTable {
  readonly #path: string
  readonly #database: DatabaseSync

  /** @param path of the index, for what is said of it */
  constructor(path: string, database: DatabaseSync) {
    this.#path = path
    this.#database = database
  }

  /** Makes the tables, in an index that may be written. */
  create(): void {
    this.#database.exec(tables)
  }

  /** Whether the index has vectors. One of before there were any has no tables of them. */
  get isThere(): boolean {
    const tableCount = this.#database
      .prepare(`SELECT count(*) AS count FROM sqlite_schema WHERE name IN ('embedder', 'vectors')`)
      .get()
    if (numberIn(tableCount, 'count') < 2) return false
    return this.#database.prepare('SELECT 1 FROM embedder').get() !== undefined
  }

  /**
   * Compares a model with the one that the vectors are of.
   *
   * @param probe its vector of the text that all are asked for
   * @returns whether it is known; of one that is not, nothing is known
   * @throws PocketPhiError `invalid-argument` for another model
   */
  knows(name: string, probe: Float32Array): boolean {
    const row = this.#database.prepare('SELECT name, probe FROM embedder').get()
    if (row === undefined) return false
    const known = unpacked(blobIn(row, 'probe'))
    const found = unpacked(packed(probe))
    if (known.values.length === found.values.length && likeness(known, found) >= leastLikeness) return true
    throw new PocketPhiError('invalid-argument', `The vectors of "${this.#path}" are not those of ${name}.`, {
      expected: `${textIn(row, 'name')}, as it was (vectors of ${known.values.length} values)`,
      found: `vectors of ${probe.length} values that point elsewhere`,
      remedy: 'Name the model that they were made with, or make another index with this one.',
    })
  }

  /** Writes down whose vectors these are going to be. */
  setEmbedder(name: string, probe: Float32Array): void {
    this.#database.prepare('INSERT INTO embedder (name, probe) VALUES (?, ?)').run(name, packed(probe))
  }

  /** Passages that have no vector yet, oldest first. */
  missing(count: number): Unembedded[] {
    const rows = this.#database
      .prepare('SELECT id, title, text FROM passages WHERE id NOT IN (SELECT passage FROM vectors) ORDER BY id LIMIT ?')
      .all(count)
    return rows.map((row) => ({ id: numberIn(row, 'id'), title: textIn(row, 'title'), text: textIn(row, 'text') }))
  }

  get missingCount(): number {
    const row = this.#database
      .prepare('SELECT count(*) AS count FROM passages WHERE id NOT IN (SELECT passage FROM vectors)')
      .get()
    return numberIn(row, 'count')
  }

  /** A passage that was removed meanwhile gets none. */
  put(passage: number, vector: Float32Array): void {
    this.#database
      .prepare('INSERT OR REPLACE INTO vectors (passage, vector) SELECT id, ? FROM passages WHERE id = ?')
      .run(packed(vector), passage)
  }

  removeFile(file: number): void {
    this.#database.prepare('DELETE FROM vectors WHERE passage IN (SELECT id FROM passages WHERE file = ?)').run(file)
  }

  /** The passages whose vectors point most nearly where this one does, the nearest first. */
  nearest(vector: Float32Array, count: number): number[] {
    const scores: { readonly id: number; readonly score: number }[] = []
    for (const row of this.#database.prepare('SELECT passage, vector FROM vectors').iterate()) {
      scores.push({ id: numberIn(row, 'passage'), score: product(unpacked(blobIn(row, 'vector')), vector) })
    }
    return scores
      .sort((a, b) => b.score - a.score || a.id - b.id)
      .slice(0, count)
      .map(({ id }) => id)
  }
}

function blobIn(row: Readonly<Record<string, unknown>>, column: string): Uint8Array {
  const value = row[column]
  return present(value instanceof Uint8Array ? value : undefined, column)
}
