import { mergePieces, type MergeRules } from './merge.ts'

/** A word as ids of pieces, and how often it occurs. */
export interface Word {
  ids: number[]
  readonly count: number
}

export interface LearnOptions {
  /** How many pieces there shall be in the end. */
  readonly pieceCount: number
  /** The longest piece, in characters. */
  readonly longestPiece: number
  /** Pieces that no merge may make, because they are names of something else. */
  readonly reserved: ReadonlySet<string>
}

interface Pair {
  readonly left: number
  readonly right: number
  count: number
  /** The count that the queue last heard of. */
  queued: number
  /** Indices of words that hold the pair, or held it; some may be listed twice. */
  readonly words: number[]
}

/** Pairs of ids as one number. */
const keyRange = 2 ** 26

/**
 * Learns merges from word counts (Sennrich, Haddow and Birch, 2016), appending what they make to `pieces`; `ids` of
 * the words are merged in place. Stops at `pieceCount` pieces or when no pair is left. Two merges can make the same
 * piece in different ways; both are listed, and the piece counts once.
 */
export function learnMerges(words: readonly Word[], pieces: string[], options: LearnOptions): [number, number][] {
  const ids = new Map(pieces.map((piece, id) => [piece, id]))
  const lengths = pieces.map((piece) => [...piece].length)
  const pairs = new Map<number, Pair>()
  const queue = new PairQueue()
  const touched = new Set<Pair>()
  const learnt = new Map<number, number>()
  const results: number[] = []
  const rules: MergeRules = {
    rank: (left, right) => learnt.get(left * keyRange + right) ?? -1,
    result: (rank) => results[rank] as number,
  }
  // Only pairs with the piece `made` can be new to a word; without it, every pair may be.
  const change = (word: number, amount: number, made?: number): void => {
    const text = (words[word] as Word).ids
    for (let at = 0; at + 1 < text.length; at++) {
      const left = text[at] as number
      const right = text[at + 1] as number
      if ((lengths[left] as number) + (lengths[right] as number) > options.longestPiece) continue
      const key = left * keyRange + right
      let pair = pairs.get(key)
      if (pair === undefined) pairs.set(key, (pair = { left, right, count: 0, queued: 0, words: [] }))
      pair.count += amount
      const isNew = amount > 0 && (made === undefined || left === made || right === made)
      if (isNew && pair.words.at(-1) !== word) pair.words.push(word)
      touched.add(pair)
    }
  }
  const enqueueTouched = (): void => {
    for (const pair of touched) {
      if (pair.count === 0) pairs.delete(pair.left * keyRange + pair.right)
      else if (pair.count !== pair.queued) queue.add(pair)
      pair.queued = pair.count
    }
    touched.clear()
  }
  for (let index = 0; index < words.length; index++) change(index, (words[index] as Word).count)
  enqueueTouched()
  const merges: [number, number][] = []
  while (pieces.length < options.pieceCount) {
    const pair = queue.next()
    if (pair === undefined) break
    const piece = `${pieces[pair.left]}${pieces[pair.right]}`
    if (options.reserved.has(piece)) continue
    const known = ids.get(piece)
    const made = known ?? pieces.length
    if (known === undefined) {
      pieces.push(piece)
      ids.set(piece, made)
      lengths.push((lengths[pair.left] as number) + (lengths[pair.right] as number))
    }
    learnt.set(pair.left * keyRange + pair.right, merges.length)
    results.push(made)
    merges.push([pair.left, pair.right])
    for (const index of pair.words) {
      const word = words[index] as Word
      if (!holds(word.ids, pair)) continue
      change(index, -word.count)
      replace(word.ids, pair, made)
      // A piece that was known before can stand where an earlier merge takes it up at once, as it will when encoding.
      if (known !== undefined) word.ids = mergePieces(word.ids, rules)
      change(index, word.count, known === undefined ? made : undefined)
    }
    enqueueTouched()
  }
  return merges
}

function holds(ids: readonly number[], pair: Pair): boolean {
  for (let at = 0; at + 1 < ids.length; at++) if (ids[at] === pair.left && ids[at + 1] === pair.right) return true
  return false
}

/** Replaces the pair, left to right, in place. */
function replace(ids: number[], pair: Pair, made: number): void {
  let length = 0
  for (let at = 0; at < ids.length; at++) {
    const joins = ids[at] === pair.left && ids[at + 1] === pair.right
    ids[length++] = joins ? made : (ids[at] as number)
    if (joins) at++
  }
  ids.length = length
}

interface Entry {
  readonly pair: Pair
  /** The count when the entry was made; where it differs from the pair's, a newer entry exists. */
  readonly count: number
}

function precedes(one: Entry, other: Entry): boolean {
  if (one.count !== other.count) return one.count > other.count
  if (one.pair.left !== other.pair.left) return one.pair.left < other.pair.left
  return one.pair.right < other.pair.right
}

/** Pairs by falling count; ties by the smaller left id, then the smaller right id. */
class PairQueue {
  readonly #entries: Entry[] = []

  add(pair: Pair): void {
    const entries = this.#entries
    const entry = { pair, count: pair.count }
    let child = entries.push(entry) - 1
    while (child > 0) {
      const parent = (child - 1) >>> 1
      if (!precedes(entry, entries[parent] as Entry)) break
      entries[child] = entries[parent] as Entry
      child = parent
    }
    entries[child] = entry
  }

  /** The next pair whose count is up to date, or undefined. */
  next(): Pair | undefined {
    for (let entry = this.#pop(); entry !== undefined; entry = this.#pop()) {
      if (entry.count === entry.pair.count) return entry.pair
    }
    return undefined
  }

  #pop(): Entry | undefined {
    const entries = this.#entries
    const first = entries[0]
    const last = entries.pop()
    if (first === undefined || last === undefined || entries.length === 0) return first
    let parent = 0
    for (;;) {
      let child = parent * 2 + 1
      if (child >= entries.length) break
      const right = entries[child + 1]
      if (right !== undefined && precedes(right, entries[child] as Entry)) child++
      if (!precedes(entries[child] as Entry, last)) break
      entries[parent] = entries[child] as Entry
      parent = child
    }
    entries[parent] = last
    return first
  }
}
