/** Which neighbouring pieces join, and in what order. */
export interface MergeRules {
  /** The rank of joining two neighbours, or -1 where they never join. The lowest rank joins first. */
  rank(left: number, right: number): number
  /** The piece that a join of this rank makes. */
  result(rank: number): number
}

/** Rules given as a list of pairs: the rank of a pair is its place in the list; of equal pairs the last one counts. */
export function pairRules(left: ArrayLike<number>, right: ArrayLike<number>, results: Int32Array): MergeRules {
  const count = results.length
  let capacity = 16
  while (capacity < count * 2) capacity *= 2
  const mask = capacity - 1
  const lefts = new Int32Array(capacity)
  const rights = new Int32Array(capacity)
  const ranks = new Int32Array(capacity).fill(-1)
  const find = (a: number, b: number): number => {
    let slot = (Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b)) >>> 0
    slot = (slot ^ (slot >>> 15)) & mask
    while (ranks[slot] !== -1 && (lefts[slot] !== a || rights[slot] !== b)) slot = (slot + 1) & mask
    return slot
  }
  for (let rank = 0; rank < count; rank++) {
    const slot = find(left[rank] as number, right[rank] as number)
    lefts[slot] = left[rank] as number
    rights[slot] = right[rank] as number
    ranks[slot] = rank
  }
  return {
    rank: (a, b) => ranks[find(a, b)] as number,
    result: (rank) => results[rank] as number,
  }
}

/**
 * Rules of a rank-only vocabulary (tiktoken): two neighbours join when their concatenation is a piece, and the rank is
 * the id of that piece.
 */
export function concatenationRules(
  pieces: readonly (string | undefined)[],
  ids: ReadonlyMap<string, number>,
): MergeRules {
  let longest = 0
  for (const piece of ids.keys()) longest = Math.max(longest, piece.length)
  return {
    rank(left, right) {
      const first = pieces[left] as string
      const second = pieces[right] as string
      if (first.length + second.length > longest) return -1
      return ids.get(first + second) ?? -1
    },
    result: (rank) => rank,
  }
}

/** The same rules without those that would make one of these pieces. */
export function withoutResults(rules: MergeRules, forbidden: ReadonlySet<number>): MergeRules {
  return {
    rank(left, right) {
      const rank = rules.rank(left, right)
      return rank !== -1 && forbidden.has(rules.result(rank)) ? -1 : rank
    },
    result: (rank) => rules.result(rank),
  }
}

/** Below this many pieces a scan for the lowest rank is quicker than a heap. */
const scanLimit = 40

/**
 * Joins neighbours, lowest rank first and leftmost among equals, until no rule applies. O(n log n); `ids` is changed
 * and must not be used afterwards.
 */
export function mergePieces(ids: number[], rules: MergeRules): number[] {
  if (ids.length < 2) return ids
  return ids.length <= scanLimit ? mergeByScan(ids, rules) : mergeByHeap(ids, rules)
}

function mergeByScan(ids: number[], rules: MergeRules): number[] {
  const ranks: number[] = []
  for (let index = 0; index + 1 < ids.length; index++) {
    ranks.push(rules.rank(ids[index] as number, ids[index + 1] as number))
  }
  for (;;) {
    let best = -1
    let lowest = Infinity
    for (let index = 0; index < ranks.length; index++) {
      const rank = ranks[index] as number
      if (rank !== -1 && rank < lowest) {
        lowest = rank
        best = index
      }
    }
    if (best === -1) return ids
    ids[best] = rules.result(lowest)
    ids.splice(best + 1, 1)
    ranks.splice(best, 1)
    if (best > 0) ranks[best - 1] = rules.rank(ids[best - 1] as number, ids[best] as number)
    if (best < ranks.length) ranks[best] = rules.rank(ids[best] as number, ids[best + 1] as number)
  }
}

/** Heap keys are rank * positionRange + position, exact in a double below 2^53. */
const positionRange = 2 ** 30

/** No vocabulary may have more merges than this, so that heap keys stay exact. */
export const maximumMerges = 2 ** 23

function mergeByHeap(ids: number[], rules: MergeRules): number[] {
  const count = ids.length
  const current = Int32Array.from(ids)
  const next = new Int32Array(count)
  const previous = new Int32Array(count)
  const heap = new KeyHeap(count)
  for (let index = 0; index < count; index++) {
    next[index] = index + 1 < count ? index + 1 : -1
    previous[index] = index - 1
    if (index > 0) heap.offer(current, index - 1, index, rules)
  }
  heap.order()
  for (let key = heap.pop(); key !== -1; key = heap.pop()) {
    const rank = Math.floor(key / positionRange)
    const position = key - rank * positionRange
    const right = next[position] as number
    const left = current[position] as number
    if (left === -1 || right === -1) continue
    if (rules.rank(left, current[right] as number) !== rank) continue
    current[position] = rules.result(rank)
    current[right] = -1
    const after = next[right] as number
    next[position] = after
    const before = previous[position] as number
    if (after !== -1) {
      previous[after] = position
      heap.add(current, position, after, rules)
    }
    if (before !== -1) heap.add(current, before, position, rules)
  }
  const merged: number[] = []
  for (let index = 0; index !== -1; index = next[index] as number) merged.push(current[index] as number)
  return merged
}

/** A binary heap of numbers. Entries of joins that have become impossible stay in it and are skipped when popped. */
class KeyHeap {
  #keys: Float64Array
  #size = 0

  constructor(capacity: number) {
    this.#keys = new Float64Array(capacity)
  }

  /** Appends a candidate without restoring the order; `order` must follow. */
  offer(current: Int32Array, left: number, right: number, rules: MergeRules): void {
    const rank = rules.rank(current[left] as number, current[right] as number)
    if (rank === -1) return
    if (this.#size === this.#keys.length) {
      const grown = new Float64Array(this.#keys.length * 2)
      grown.set(this.#keys)
      this.#keys = grown
    }
    this.#keys[this.#size++] = rank * positionRange + left
  }

  order(): void {
    for (let index = (this.#size >>> 1) - 1; index >= 0; index--) this.#sink(index)
  }

  add(current: Int32Array, left: number, right: number, rules: MergeRules): void {
    const size = this.#size
    this.offer(current, left, right, rules)
    if (this.#size === size) return
    const keys = this.#keys
    let child = size
    const key = keys[child] as number
    while (child > 0) {
      const parent = (child - 1) >>> 1
      if ((keys[parent] as number) <= key) break
      keys[child] = keys[parent] as number
      child = parent
    }
    keys[child] = key
  }

  /** The smallest key, or -1 when there is none. */
  pop(): number {
    if (this.#size === 0) return -1
    const smallest = this.#keys[0] as number
    this.#size--
    if (this.#size > 0) {
      this.#keys[0] = this.#keys[this.#size] as number
      this.#sink(0)
    }
    return smallest
  }

  #sink(start: number): void {
    const keys = this.#keys
    const size = this.#size
    const key = keys[start] as number
    let parent = start
    for (;;) {
      let child = parent * 2 + 1
      if (child >= size) break
      if (child + 1 < size && (keys[child + 1] as number) < (keys[child] as number)) child++
      if ((keys[child] as number) >= key) break
      keys[parent] = keys[child] as number
      parent = child
    }
    keys[parent] = key
  }
}
