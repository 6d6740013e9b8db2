/** Which keys the rows of packed sequences see. */
import { blockSize } from './attention-tiles'

/** The first key of a row that sees none. */
export const noKey: i32 = i32.MAX_VALUE

/** The first key that a row sees; noKey for padding. */
// @ts-ignore: decorator
@inline
export function firstKeyOf(starts: usize, row: i32, window: i32): i32 {
  const start = load<i32>(starts + (row << 2))
  if (start < 0) return noKey
  return window > 0 ? max(start, row - window + 1) : start
}

/** The least first key among the rows [from, to); noKey if none sees any. */
export function leastFirstKey(starts: usize, from: i32, to: i32, window: i32): i32 {
  let least = noKey
  for (let row = from; row < to; row++) least = min(least, firstKeyOf(starts, row, window))
  return least
}

/** Stores the first key of 48 rows from `row` on, of which those beyond `end` count as its last; returns the largest. */
export function storeFirstKeys(starts: usize, row: i32, end: i32, window: i32, firsts: usize): i32 {
  let largest = 0
  for (let query = 0; query < blockSize; query++) {
    const first = firstKeyOf(starts, min(row + query, end - 1), window)
    largest = max(largest, first)
    store<i32>(firsts + (query << 2), first)
  }
  return largest
}
