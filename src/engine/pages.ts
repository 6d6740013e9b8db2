import { present } from '../base/errors.ts'
import { pageSize } from '../program/ops/cache.ts'

/** Which of the two rotary tables the keys of a sequence are turned with: 0 short, 1 long (LongRoPE). */
export type Regime = 0 | 1

/**
 * A page of the key-value cache and what it holds: the keys and values of `ids` at the positions that follow those of its
 * parents. Those depend on all tokens before, so pages form a tree whose paths are the prefixes that need not be computed
 * again. Only full pages have children.
 */
interface Page {
  readonly index: number
  parent: Branch
  readonly children: Page[]
  readonly ids: number[]
  /** Sequences that read it. */
  references: number
  lastUse: number
}

/** What pages hang on: a full page, or the root of a rotary regime (keys of another regime are other keys). */
interface Branch {
  readonly children: Page[]
}

/** The pages of one sequence. `length` tokens of it are computed. */
export interface PageTable {
  readonly regime: Regime
  readonly pages: Page[]
  length: number
}

/** A page to be copied before the pages of a table are written. */
export interface PageCopy {
  readonly from: number
  readonly to: number
}

/**
 * Deals out the pages of the cache. Sequences share pages that hold the same prefix; one that has to write into a page
 * that others read, or that is kept for a longer continuation, gets a copy. Pages that nobody reads any more stay as
 * prefixes for later sequences until their room is needed: the least recently used go first.
 */
export class PagePool {
  readonly #roots: readonly [short: Branch, long: Branch] = [{ children: [] }, { children: [] }]
  readonly #free: number[]
  readonly #pages = new Set<Page>()
  #clock = 0
  /** Pages that were thrown out although they held a prefix. */
  evicted = 0

  constructor(pages: number) {
    this.#free = Array.from({ length: pages }, (_, index) => pages - 1 - index)
  }

  /** Pages that no sequence reads: free ones and kept prefixes. */
  get available(): number {
    return this.#free.length + [...this.#pages].filter((page) => page.references === 0).length
  }

  /** A table that starts with the longest kept prefix of `ids`, of at most `limit` tokens. */
  open(ids: readonly number[], limit: number, regime: Regime): PageTable {
    const table: PageTable = { regime, pages: [], length: 0 }
    let branch: Branch = this.#roots[regime]
    while (table.length < limit) {
      const { page, common } = longestMatch(branch, ids, table.length, limit)
      if (page === undefined) break
      this.#retain(page)
      table.pages.push(page)
      table.length += common
      if (common < pageSize) break
      branch = page
    }
    return table
  }

  /**
   * Makes room for the tokens [table.length, until) of a sequence.
   *
   * @returns copies that have to be made, in order, before anything is written
   */
  prepare(table: PageTable, until: number): PageCopy[] {
    const copies: PageCopy[] = []
    const filled = table.length % pageSize
    const slot = Math.floor(table.length / pageSize)
    const last = table.pages[slot]
    if (until > table.length && last !== undefined && (last.references > 1 || last.ids.length > filled)) {
      const copy = this.#allocate(last.parent, last.ids.slice(0, filled))
      table.pages[slot] = copy
      // A pass that was aborted leaves the pages that were made for it.
      const next = table.pages[slot + 1]
      if (next !== undefined) this.#move(next, copy)
      this.#release(last)
      copies.push({ from: last.index, to: copy.index })
    }
    while (table.pages.length * pageSize < until) {
      table.pages.push(this.#allocate(table.pages.at(-1) ?? this.#roots[table.regime], []))
    }
    return copies
  }

  /** Records that the next tokens of the sequence are in the cache now. */
  commit(table: PageTable, ids: readonly number[]): void {
    for (const id of ids) {
      const slot = Math.floor(table.length / pageSize)
      const page = present(table.pages[slot], 'page')
      page.ids.push(id)
      table.length++
      if (page.ids.length === pageSize) this.#shareFull(table, slot)
    }
  }

  /** Gives back the pages of a sequence; what they hold stays findable while there is room. */
  close(table: PageTable): void {
    // Backwards, so that the end of a prefix is always used less recently than its beginning.
    for (const page of table.pages.toReversed()) this.#release(page)
    table.pages.length = 0
    table.length = 0
  }

  /** Forgets what a sequence has computed beyond `length` tokens, which were tried out; what others read stays theirs. */
  truncate(table: PageTable, length: number): void {
    if (length >= table.length) return
    const kept = Math.ceil(length / pageSize)
    for (const page of table.pages.splice(kept).toReversed()) {
      page.references--
      if (page.references === 0 && page.children.length === 0) this.#drop(page)
    }
    table.length = length
    const last = table.pages.at(-1)
    if (last === undefined || last.references > 1 || last.children.length > 0) return
    last.ids.length = Math.min(last.ids.length, length - (kept - 1) * pageSize)
  }

  /** The numbers of the pages of a sequence. */
  indices(table: PageTable): number[] {
    return table.pages.map((page) => page.index)
  }

  /** Two sequences may have computed the same page side by side; from here on they share one, so that the tree has no doubles. */
  #shareFull(table: PageTable, slot: number): void {
    const page = present(table.pages[slot], 'page')
    const twin = page.parent.children.find((other) => other !== page && sameIds(other.ids, page.ids))
    if (twin === undefined || page.references > 1) return
    this.#retain(twin)
    table.pages[slot] = twin
    for (const child of [...page.children]) this.#move(child, twin)
    this.#drop(page)
  }

  #retain(page: Page): void {
    page.references++
    page.lastUse = ++this.#clock
  }

  #release(page: Page): void {
    page.references--
    page.lastUse = ++this.#clock
    if (page.references > 0 || page.children.length > 0) return
    const siblings = page.parent.children.filter((other) => other !== page)
    const isIncluded = page.ids.length === 0 || siblings.some((other) => startsWith(other.ids, page.ids))
    if (isIncluded) this.#drop(page)
    for (const other of siblings) {
      const idle = other.references === 0 && other.children.length === 0
      if (!isIncluded && idle && startsWith(page.ids, other.ids)) this.#drop(other)
    }
  }

  #allocate(parent: Branch, ids: number[]): Page {
    if (this.#free.length === 0) this.#evict()
    const index = present(this.#free.pop(), 'free page')
    const page: Page = { index, parent, children: [], ids, references: 1, lastUse: ++this.#clock }
    parent.children.push(page)
    this.#pages.add(page)
    return page
  }

  #evict(): void {
    let oldest: Page | undefined
    for (const page of this.#pages) {
      const isIdle = page.references === 0 && page.children.length === 0
      if (isIdle && (oldest === undefined || page.lastUse < oldest.lastUse)) oldest = page
    }
    this.#drop(present(oldest, 'page that nobody reads'))
    this.evicted++
  }

  #move(page: Page, parent: Branch): void {
    detach(page)
    page.parent = parent
    parent.children.push(page)
  }

  #drop(page: Page): void {
    detach(page)
    this.#pages.delete(page)
    this.#free.push(page.index)
  }
}

function detach(page: Page): void {
  page.parent.children.splice(page.parent.children.indexOf(page), 1)
}

function longestMatch(branch: Branch, ids: readonly number[], from: number, limit: number) {
  let best: { page: Page | undefined; common: number } = { page: undefined, common: 0 }
  for (const page of branch.children) {
    const most = Math.min(page.ids.length, limit - from)
    let common = 0
    while (common < most && page.ids[common] === ids[from + common]) common++
    if (common > best.common) best = { page, common }
  }
  return best
}

function startsWith(ids: readonly number[], start: readonly number[]): boolean {
  return start.length <= ids.length && start.every((id, index) => id === ids[index])
}

function sameIds(left: readonly number[], right: readonly number[]): boolean {
  return left.length === right.length && startsWith(left, right)
}
