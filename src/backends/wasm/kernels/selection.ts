import { shareStart } from './simd'

/** Below the key of every number. */
const lowest: i32 = i32.MIN_VALUE

/** Integers in the order of the floats; of both zeros the same, and of NaN the greatest. */
// @ts-ignore: decorator
@inline
function keysOf(x: v128): v128 {
  // The sum is for -0.
  const bits = f32x4.add(x, f32x4.splat(0))
  const keys = v128.xor(bits, v128.and(i32x4.shr_s(bits, 31), i32x4.splat(i32.MAX_VALUE)))
  return v128.bitselect(i32x4.splat(i32.MAX_VALUE), keys, f32x4.ne(x, x))
}

/** How many entries there is room for: so many that they are rarely ranked before the row has ended. */
// @ts-ignore: decorator
@inline
function roomFor(k: i32): i32 {
  return 4 * k + 8
}

/**
 * The rank of every entry: how many have a greater key, or come earlier with the same. Each with each, four at a time: that
 * has no branches that would be guessed wrong. Room for four more entries is written.
 */
function rank(keys: usize, ranks: usize, count: i32): void {
  v128.store(keys + ((<usize>count) << 2), i32x4.splat(lowest))
  const lanes = i32x4(0, 1, 2, 3)
  const end = keys + ((<usize>count) << 2)
  for (let at = keys; at < end; at += 16, ranks += 16) {
    const own = v128.load(at)
    let before = i32x4.splat(0)
    let other = keys
    for (; other < at; other += 4) before = i32x4.sub(before, i32x4.ge_s(v128.load32_splat(other), own))
    for (let lane = 0; lane < 4; lane++, other += 4) {
      const key = v128.load32_splat(other)
      const isEarlier = v128.and(i32x4.eq(key, own), i32x4.gt_s(lanes, i32x4.splat(lane)))
      before = i32x4.sub(before, v128.or(i32x4.gt_s(key, own), isEarlier))
    }
    for (; other < end; other += 4) before = i32x4.sub(before, i32x4.gt_s(v128.load32_splat(other), own))
    v128.store(ranks, before)
  }
}

/**
 * A key that k values have, or have greater ones: the values are dealt out to at least twice as many places, and of the
 * greatest of each place it is the k-th. All but few of a row are below it.
 */
function likelyBound(x: usize, columns: i32, k: i32, keys: usize, ranks: usize): i32 {
  const places = (2 * k + 3) & -4
  for (let place = 0; place < places; place += 4) v128.store(keys + ((<usize>place) << 2), i32x4.splat(lowest))
  for (let from = 0; from < columns; from += places) {
    const end = min(places, columns - from) - 3
    for (let place = 0; place < end; place += 4) {
      const at = keys + ((<usize>place) << 2)
      v128.store(at, i32x4.max_s(v128.load(at), keysOf(v128.load(x + ((<usize>(from + place)) << 2)))))
    }
  }
  rank(keys, ranks, places)
  let place: usize = 0
  while (load<i32>(ranks + place) != k - 1) place += 4
  return load<i32>(keys + place)
}

/** Brings the first k of the entries in order; returns the key of the last of them. */
function condense(keys: usize, ids: usize, ranks: usize, count: i32, k: i32, firstKeys: usize, firstIds: usize): i32 {
  rank(keys, ranks, count)
  for (let at: usize = 0; at < (<usize>count) << 2; at += 4) {
    const place = load<i32>(ranks + at)
    if (place >= k) continue
    store<i32>(firstKeys + ((<usize>place) << 2), load<i32>(keys + at))
    store<i32>(firstIds + ((<usize>place) << 2), load<i32>(ids + at))
  }
  return load<i32>(firstKeys + ((<usize>(k - 1)) << 2))
}

/** The first k entries of a row, in order: their keys in the place of values, and their ids. */
function select(x: usize, columns: i32, k: i32, entries: usize, values: usize, ids: usize): void {
  const room = roomFor(k)
  const keys = entries
  const found = entries + ((<usize>room) << 2)
  const ranks = found + ((<usize>room) << 2)
  // Keys above it are entries. Nothing is below the lowest.
  let floor = max(likelyBound(x, columns, k, keys, ranks), lowest + 1) - 1
  let count = 0
  for (let id = 0; id < columns; id += 4) {
    const row = keysOf(v128.load(x + ((<usize>id) << 2)))
    if (!v128.any_true(i32x4.gt_s(row, i32x4.splat(floor)))) continue
    v128.store(ranks, row)
    for (let lane = 0; lane < min(4, columns - id); lane++) {
      const key = load<i32>(ranks + ((<usize>lane) << 2))
      if (key <= floor) continue
      store<i32>(keys + ((<usize>count) << 2), key)
      store<i32>(found + ((<usize>count) << 2), id + lane)
      count++
    }
    if (count + 8 <= room) continue
    // What comes later with the key of the last is behind it.
    floor = condense(keys, found, ranks, count, k, values, ids)
    memory.copy(keys, values, (<usize>k) << 2)
    memory.copy(found, ids, (<usize>k) << 2)
    count = k
  }
  condense(keys, found, ranks, count, k, values, ids)
}

/**
 * The k greatest values of each row, the greatest first, and their columns; of equals the lower column, and NaN before all.
 *
 *     word 0  x         f32 [rows, columns]
 *     word 1  values    f32 [rows, k], written
 *     word 2  ids       i32 [rows, k], written
 *     word 3  rows
 *     word 4  columns
 *     word 5  k         at most columns
 *     word 6  workspace, 12 * (4 * k + 8) bytes of each thread
 *     word 7  bytes of workspace of a thread
 */
export function topK(args: usize, thread: i32, threads: i32): void {
  const rows = load<i32>(args, 12)
  const columns = load<i32>(args, 16)
  const k = load<i32>(args, 20)
  const entries = <usize>load<u32>(args, 24) + <usize>thread * <usize>load<u32>(args, 28)
  const end = shareStart(rows, thread + 1, threads)
  for (let row = shareStart(rows, thread, threads); row < end; row++) {
    const x = <usize>load<u32>(args, 0) + ((<usize>row * columns) << 2)
    const values = <usize>load<u32>(args, 4) + ((<usize>row * k) << 2)
    const ids = <usize>load<u32>(args, 8) + ((<usize>row * k) << 2)
    select(x, columns, k, entries, values, ids)
    for (let at: usize = 0; at < (<usize>k) << 2; at += 4) {
      store<f32>(values + at, load<f32>(x + ((<usize>load<i32>(ids + at)) << 2)))
    }
  }
}
