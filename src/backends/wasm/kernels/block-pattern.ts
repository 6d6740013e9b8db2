/** Which blocks of positions a head's queries see (src/program/ops/block-pattern.ts). */
import { blockSize, blockStride } from './attention-tiles'
import { laneMask } from './spans'

/**
 * Patterns are four words, to which kernels hand on a pointer:
 *
 *     word 0  blockSize       positions of a block; 0: everything is seen, and the other words are not read
 *     word 1  localBlocks
 *     word 2  verticalStride
 *     word 3  headStep
 */
// @ts-ignore: decorator
@inline
export function isSparse(pattern: usize): bool {
  return load<i32>(pattern) > 0
}

/** Whether a column of blocks is seen by all later queries of a head. */
// @ts-ignore: decorator
@inline
function isColumn(pattern: usize, head: i32, keyBlock: i32): bool {
  return (keyBlock + 1 + head * load<i32>(pattern, 12)) % load<i32>(pattern, 8) == 0
}

/** Whether a query at `position` of its sequence sees the block of `key`, a position that is not behind it. */
export function seesPosition(pattern: usize, head: i32, position: i32, key: i32): bool {
  const size = load<i32>(pattern)
  const keyBlock = key / size
  return position / size - keyBlock < load<i32>(pattern, 4) || isColumn(pattern, head, keyBlock)
}

/** The end of the part of [key, end) that lies in the block of `key`. */
// @ts-ignore: decorator
@inline
export function blockEndOf(pattern: usize, key: i32, end: i32): i32 {
  const size = load<i32>(pattern)
  return min(end, (key / size + 1) * size)
}

/** The first position from `key` on whose block is seen by queries from `position` on; at most `end`. */
export function nextSeen(pattern: usize, head: i32, position: i32, key: i32, end: i32): i32 {
  while (key < end && !seesPosition(pattern, head, position, key)) {
    key = blockEndOf(pattern, key, end)
  }
  return min(key, end)
}

/** The end of the neighbouring blocks from that of `key` on which are seen by queries from `position` on; at most `end`. */
export function seenEnd(pattern: usize, head: i32, position: i32, key: i32, end: i32): i32 {
  while (key < end && seesPosition(pattern, head, position, key)) key = blockEndOf(pattern, key, end)
  return key
}

/** How many positions a query that stands behind `positions` others sees, on the average over heads. */
export function seenCount(pattern: usize, positions: i32): i32 {
  const local = min(positions, load<i32>(pattern) * load<i32>(pattern, 4))
  return local + (positions - local) / load<i32>(pattern, 8)
}

/**
 * Gives the scores [key][query] of pairs that do not see each other the value `hidden`. Queries stand at `position` and behind,
 * keys at `key` and behind, both counted from where the sequence begins.
 */
export function hideBlocks(
  pattern: usize,
  head: i32,
  scores: usize,
  position: i32,
  queries: i32,
  key: i32,
  keys: i32,
  hidden: f32,
): void {
  const size = load<i32>(pattern)
  const local = load<i32>(pattern, 4)
  for (let each = 0; each < keys; each++) {
    const keyBlock = (key + each) / size
    if (isColumn(pattern, head, keyBlock)) continue
    // Of the queries, those whose blocks are local come first.
    const seeing = max(0, (keyBlock + local) * size - position)
    if (seeing >= queries) continue
    const row = scores + <usize>each * blockStride
    const first = seeing & -4
    const kept = laneMask(seeing - first)
    const value = f32x4.splat(hidden)
    v128.store(row + (first << 2), v128.bitselect(v128.load(row + (first << 2)), value, kept))
    for (let query = first + 4; query < blockSize; query += 4) v128.store(row + (query << 2), value)
  }
}
