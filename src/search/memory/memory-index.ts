/**
 * Passages in memory, for a page: found by their words as in the index on a disk (src/search/store), with the same stems, pairs of
 * characters and bounds. BM25 is that of MiniSearch.
 */
import MiniSearch from 'minisearch'
import { stemmer } from 'stemmer'
import { throwIfAborted } from '../../base/errors.ts'
import type { FindOptions, Passage, SearchProvider } from '../passage.ts'
import { distinct, leastCoverage, titleWeight, wordWeight } from '../ranking.ts'
import { termsIn, termsOf } from '../terms.ts'

/** The constants of SQLite's BM25; without the lower bound of BM25+. */
const bm25 = { k: 1.2, b: 0.75, d: 0 }

interface Row {
  readonly id: number
  readonly title: string
  readonly text: string
}

/** Words of which the stem is remembered: texts repeat few of them often. */
const mostKnown = 50_000

/** Stems by their words, which take most of the time in which an index is made. */
const known = new Map<string, string>()

function processed(word: string): string {
  const before = known.get(word)
  if (before !== undefined) return before
  if (known.size >= mostKnown) known.clear()
  const stem = stemOf(word)
  known.set(word, stem)
  return stem
}

/** A word without the accents of Latin letters, and its stem where it is English in its letters. */
function stemOf(word: string): string {
  const plain = word
    .normalize('NFD')
    .replaceAll(/[\u0300-\u036F]/g, '')
    .normalize('NFC')
  return /^[a-z]{3,}$/.test(plain) ? stemmer(plain) : plain
}

const spelled = (terms: readonly (readonly string[])[]): string[] => terms.map((term) => term.join(' '))

/** An index that is made anew in every visit from passages that are kept elsewhere. */
export class MemoryIndex implements SearchProvider {
  readonly name: string
  readonly isLocal = true
  readonly #passages = new Map<number, Passage>()
  readonly #documents = new Map<string, number[]>()
  #next = 0
  readonly #index = new MiniSearch<Row>({
    fields: ['title', 'text'],
    tokenize: (text) => spelled(termsIn(text)),
    processTerm: processed,
    searchOptions: {
      boost: { title: titleWeight },
      bm25,
      combineWith: 'OR',
      tokenize: (query) => spelled(termsOf(query)),
    },
  })

  /** @param name as people know it */
  constructor(name: string) {
    this.name = name
  }

  /** The documents that are in it. */
  get documents(): ReadonlySet<string> {
    return new Set(this.#documents.keys())
  }

  /** Puts the passages of a document in the place of those that it had. */
  replaceDocument(document: string, passages: readonly Passage[]): void {
    this.removeDocument(document)
    const rows = passages.map(({ title, text }): Row => ({ id: this.#next++, title, text }))
    for (const [index, { id }] of rows.entries()) {
      const passage = passages[index]
      if (passage !== undefined) this.#passages.set(id, passage)
    }
    this.#documents.set(
      document,
      rows.map(({ id }) => id),
    )
    this.#index.addAll(rows)
  }

  /** Forgets a document. */
  removeDocument(document: string): void {
    const ids = this.#documents.get(document) ?? []
    this.#index.discardAll(ids)
    for (const id of ids) this.#passages.delete(id)
    this.#documents.delete(document)
  }

  /** @throws PocketPhiError `aborted` */
  find(query: string, { count, signal }: FindOptions): Promise<readonly Passage[]> {
    return new Promise((resolve) => {
      throwIfAborted(signal)
      resolve(this.#find(query, count))
    })
  }

  #find(query: string, count: number): Passage[] {
    const asked = new Set(spelled(termsOf(query)).map(processed))
    const found = this.#index.search(query)
    const having = new Map<string, number>()
    for (const { terms } of found) for (const term of terms) having.set(term, (having.get(term) ?? 0) + 1)
    const weightOf = (term: string): number => wordWeight(this.#passages.size, having.get(term) ?? 0)
    const sum = [...asked].reduce((total, term) => total + weightOf(term), 0)
    const kept = found.filter(
      ({ terms }) => terms.reduce((total, term) => total + weightOf(term), 0) >= leastCoverage * sum,
    )
    return distinct(kept.flatMap(({ id }) => this.#passages.get(id as number) ?? [])).slice(0, count)
  }

  /** Nothing is to be let go of. */
  close(): Promise<void> {
    return Promise.resolve()
  }
}
