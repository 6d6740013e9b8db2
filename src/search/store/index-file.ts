/**
 * Passages in a file of SQLite, found by their words: BM25 as its full-text search (FTS5) computes it, over stems for English and over
 * pairs of characters for scripts without spaces. Vectors may be in it as well, for those who search by both (VectorSearch).
 */
import { existsSync, statSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { PocketPhiError, present, throwIfAborted } from '../../base/errors.ts'
import type { FindOptions, Passage, SearchProvider } from '../passage.ts'
import { distinct, leastCoverage, titleWeight, wordWeight } from '../ranking.ts'
import { phrasesOf, spaced } from '../terms.ts'
import { numberIn, textIn } from './rows.ts'
import { VectorTable, type Unembedded } from './vector-table.ts'

/** "phi" and the version of the tables. */
const applicationId = 0x70686901

/** Milliseconds to wait for another process, which holds the file for the moment in which it commits. Nothing else is done meanwhile. */
const patience = 2000

/** Passages that are looked at for each that is wanted. */
const candidatesPerPassage = 4

const tables = `
  CREATE TABLE files (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, identity TEXT NOT NULL) STRICT;
  CREATE TABLE passages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    file INTEGER NOT NULL REFERENCES files (id),
    title TEXT NOT NULL,
    address TEXT NOT NULL,
    text TEXT NOT NULL
  ) STRICT;
  CREATE INDEX passages_of_file ON passages (file);
  CREATE VIRTUAL TABLE words USING fts5 (
    title, text, content = '', contentless_delete = 1,
    tokenize = "porter unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'"
  );
  PRAGMA application_id = ${applicationId};
`

export interface IndexCounts {
  readonly files: number
  readonly passages: number
}

/** An index that is open. One process may write it, others read meanwhile. */
export class IndexFile implements SearchProvider {
  readonly name: string
  readonly isLocal = true
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  readonly #vectors: VectorTable

  private constructor(path: string, database: DatabaseSync) {
    this.name = path
    this.#database = database
    this.#vectors = new VectorTable(path, database)
  }

  /**
   * Opens an index.
   * @param create makes one where there is none
   * @throws PocketPhiError `not-found`; `invalid-file` for a file that is none of ours; `not-supported` while another process writes it
   */
  static open(path: string, { create = false }: { readonly create?: boolean } = {}): IndexFile {
    const isThere = existsSync(path)
    if (!isThere && !create) {
      throw new PocketPhiError('not-found', `There is no index "${path}".`, {
        remedy: `Make one: phi index FOLDER --out ${path}`,
      })
    }
    if (isThere && !statSync(path).isFile()) throw noIndex(path, 'a folder')
    let database: DatabaseSync | undefined
    try {
      database = new DatabaseSync(path, { readOnly: !create, timeout: patience })
      if (create) makeTables(database)
      const id = numberIn(database.prepare('PRAGMA application_id').get(), 'application_id')
      if (id !== applicationId) throw noIndex(path, 'another database')
      const index = new IndexFile(path, database)
      if (create) {
        checkWhole(path, database)
        index.#vectors.create()
      }
      return index
    } catch (cause) {
      database?.close()
      throw explained(path, cause)
    }
  }

  /** The files that are in it, with what tells them from others of the same name. */
  files(): Map<string, string> {
    return this.#explaining(() => {
      const rows = this.#statement('SELECT name, identity FROM files').all()
      return new Map(rows.map((row) => [textIn(row, 'name'), textIn(row, 'identity')]))
    })
  }

  get counts(): IndexCounts {
    const count = (table: string): number =>
      numberIn(this.#statement(`SELECT count(*) AS count FROM ${table}`).get(), 'count')
    return { files: count('files'), passages: count('passages') }
  }

  /** Puts the passages of a file in the place of those that it had, all or none of them. */
  replaceFile(name: string, identity: string, passages: Iterable<Passage>): number {
    return this.#transaction('IMMEDIATE', () => {
      this.#remove(name)
      const { lastInsertRowid: file } = this.#statement('INSERT INTO files (name, identity) VALUES (?, ?)').run(
        name,
        identity,
      )
      const insert = this.#statement('INSERT INTO passages (file, title, address, text) VALUES (?, ?, ?, ?)')
      const insertWords = this.#statement('INSERT INTO words (rowid, title, text) VALUES (?, ?, ?)')
      let count = 0
      for (const { title, address, text } of passages) {
        const { lastInsertRowid: id } = insert.run(file, title, address, text)
        insertWords.run(id, spaced(title), spaced(text))
        count++
      }
      return count
    })
  }

  /** Forgets a file. */
  removeFile(name: string): void {
    this.#transaction('IMMEDIATE', () => this.#remove(name))
  }

  #remove(name: string): void {
    const row = this.#statement('SELECT id FROM files WHERE name = ?').get(name)
    if (row === undefined) return
    const id = numberIn(row, 'id')
    this.#vectors.removeFile(id)
    this.#statement('DELETE FROM words WHERE rowid IN (SELECT id FROM passages WHERE file = ?)').run(id)
    this.#statement('DELETE FROM passages WHERE file = ?').run(id)
    this.#statement('DELETE FROM files WHERE id = ?').run(id)
  }

  /** Whether passages have vectors. */
  get hasVectors(): boolean {
    return this.#explaining(() => this.#vectors.isThere)
  }

  /**
   * Compares a model with the one that the vectors are of.
   *
   * @param probe its vector of the text that all are asked for
   * @returns whether it is the one; an index without vectors knows none
   * @throws PocketPhiError `invalid-argument` for another model
   */
  knowsEmbedder(name: string, probe: Float32Array): boolean {
    return this.#explaining(() => this.#vectors.isThere && this.#vectors.knows(name, probe))
  }

  /** Writes down which model the vectors are going to be of. */
  setEmbedder(name: string, probe: Float32Array): void {
    this.#transaction('IMMEDIATE', () => this.#vectors.setEmbedder(name, probe))
  }

  /** Passages that have no vector yet, and how many there are in all. */
  unembedded(count: number): { readonly passages: readonly Unembedded[]; readonly total: number } {
    return this.#transaction('DEFERRED', () => ({
      passages: this.#vectors.missing(count),
      total: this.#vectors.missingCount,
    }))
  }

  /** Keeps vectors, by the numbers of their passages, all or none. */
  putVectors(vectors: ReadonlyMap<number, Float32Array>): void {
    this.#transaction('IMMEDIATE', () => {
      for (const [passage, vector] of vectors) this.#vectors.put(passage, vector)
    })
  }

  /** The passages whose vectors point most nearly where this one does, the nearest first. @throws PocketPhiError as `find` */
  nearest(vector: Float32Array, count: number): Passage[] {
    return this.#transaction('DEFERRED', () =>
      distinct(this.#vectors.nearest(vector, count).map((id) => this.#passage(id))),
    )
  }

  /** What is read within one is of one moment. @throws PocketPhiError as `find`; what the work throws */
  #transaction<Result>(kind: 'IMMEDIATE' | 'DEFERRED', work: () => Result): Result {
    return this.#explaining(() => {
      this.#database.exec(`BEGIN ${kind}`)
      try {
        const result = work()
        this.#database.exec('COMMIT')
        return result
      } catch (error) {
        this.#database.exec('ROLLBACK')
        throw error
      }
    })
  }

  #explaining<Result>(work: () => Result): Result {
    try {
      return work()
    } catch (cause) {
      throw explained(this.name, cause)
    }
  }

  /** @throws PocketPhiError `invalid-file` for a damaged index, `not-supported` while another process writes it, `aborted` */
  find(query: string, { count, signal }: FindOptions): Promise<readonly Passage[]> {
    return new Promise((resolve) => {
      throwIfAborted(signal)
      resolve(this.#transaction('DEFERRED', () => this.#find(query, count)))
    })
  }

  #find(query: string, count: number): Passage[] {
    const terms = phrasesOf(query)
    if (terms.length === 0) return []
    const ranked = this.#statement(
      `SELECT rowid AS id FROM words WHERE words MATCH ? ORDER BY bm25(words, ${titleWeight}, 1), rowid LIMIT ?`,
    ).all(terms.join(' OR '), count * candidatesPerPassage)
    const ids = ranked.map((row) => numberIn(row, 'id'))
    const coverage = this.#coverage(terms, ids)
    const kept = ids.filter((id) => (coverage.get(id) ?? 0) >= leastCoverage)
    return distinct(kept.map((id) => this.#passage(id))).slice(0, count)
  }

  /** For each passage the share of the words that it has. */
  #coverage(terms: readonly string[], ids: readonly number[]): Map<number, number> {
    const total = this.counts.passages
    const marks = JSON.stringify(ids)
    const covered = new Map<number, number>()
    let sum = 0
    for (const term of terms) {
      const all = numberIn(
        this.#statement('SELECT count(*) AS count FROM words WHERE words MATCH ?').get(term),
        'count',
      )
      const weight = wordWeight(total, all)
      sum += weight
      const having = this.#statement(
        'SELECT rowid AS id FROM words WHERE words MATCH ? AND rowid IN (SELECT value FROM json_each(?))',
      ).all(term, marks)
      for (const row of having) covered.set(numberIn(row, 'id'), (covered.get(numberIn(row, 'id')) ?? 0) + weight)
    }
    return new Map([...covered].map(([id, weight]) => [id, weight / sum]))
  }

  #passage(id: number): Passage {
    const row = present(this.#statement('SELECT title, address, text FROM passages WHERE id = ?').get(id), 'passage')
    return { title: textIn(row, 'title'), address: textIn(row, 'address'), text: textIn(row, 'text') }
  }

  close(): Promise<void> {
    this.#database.close()
    return Promise.resolve()
  }

  #statement(sql: string): StatementSync {
    const statement = this.#statements.get(sql) ?? this.#database.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }
}

/** @throws PocketPhiError `invalid-file`: what is written into a damaged file is lost */
function checkWhole(path: string, database: DatabaseSync): void {
  const found = textIn(database.prepare('PRAGMA quick_check(1)').get(), 'quick_check')
  if (found !== 'ok') throw damaged(path, found)
}

function makeTables(database: DatabaseSync): void {
  database.exec('BEGIN IMMEDIATE')
  const tableCount = numberIn(database.prepare('SELECT count(*) AS count FROM sqlite_schema').get(), 'count')
  database.exec(tableCount === 0 ? `${tables}; COMMIT` : 'ROLLBACK')
}

function noIndex(path: string, found: string, cause?: unknown): PocketPhiError {
  return new PocketPhiError('invalid-file', `"${path}" is no index of phi.`, {
    found,
    remedy: 'Name another file.',
    cause,
  })
}

function damaged(path: string, found: string, cause?: unknown): PocketPhiError {
  return new PocketPhiError('invalid-file', `The index "${path}" is damaged.`, {
    found,
    remedy: 'Remove it and index again.',
    cause,
  })
}

/** Codes of SQLite (https://sqlite.org/rescode.html). */
const [busy, locked, corrupt, cannotOpen, notADatabase] = [5, 6, 11, 14, 26]

/** What an error of SQLite means for an index; other errors are what they are. */
function explained(path: string, cause: unknown): unknown {
  if (!(cause instanceof Error) || !('errcode' in cause) || typeof cause.errcode !== 'number') return cause
  const found = cause.message
  switch (cause.errcode & 0xff) {
    case notADatabase:
      return noIndex(path, found, cause)
    case corrupt:
      return damaged(path, found, cause)
    case busy:
    case locked:
      return new PocketPhiError('not-supported', `The index "${path}" is being written by another process.`, {
        found,
        remedy: 'Try again in a moment.',
        cause,
      })
    case cannotOpen:
      return new PocketPhiError('not-found', `The index "${path}" cannot be opened.`, {
        found,
        remedy: 'Check that its folder exists, and that it may be read and written.',
        cause,
      })
    default:
      return new PocketPhiError('invalid-argument', `The index "${path}" cannot be used.`, {
        found,
        remedy: 'Check that its folder may be written and that there is room on the disk.',
        cause,
      })
  }
}
