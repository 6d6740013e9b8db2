import { shareStart } from './simd'

/** Key of NaN: above that of infinity. */
const keyOfNaN: i32 = 0x7fffffff

/** Integers in the order of the floats; of both zeros the same, and NaN above all. */
// @ts-ignore: decorator
@inline
function keysOf(x: v128): v128 {
  // The sum is for -0.
  const bits = f32x4.add(x, f32x4.splat(0))
  const keys = v128.xor(bits, v128.and(i32x4.shr_s(bits, 31), i32x4.splat(0x7fffffff)))
  return v128.bitselect(i32x4.splat(keyOfNaN), keys, f32x4.ne(x, x))
}

// @ts-ignore: decorator
@inline
function keyAt(x: usize, id: i32): i32 {
  return i32x4.extract_lane(keysOf(v128.load32_splat(x + ((<usize>id) << 2))), 0)
}

/** Whether an entry comes later than another: its key is less, or its id is greater where the keys are equal. */
// @ts-ignore: decorator
@inline
function isLater(key: i32, id: i32, otherKey: i32, otherId: i32): bool {
  return key < otherKey || (key == otherKey && id > otherId)
}

/** Puts an entry at the root of a heap, or below, so that no entry is later than the one above it. */
function sink(keys: usize, ids: usize, count: i32, root: i32, key: i32, id: i32): void {
  let at = root
  while (true) {
    let child = 2 * at + 1
    if (child >= count) break
    let childKey = load<i32>(keys + ((<usize>child) << 2))
    let childId = load<i32>(ids + ((<usize>child) << 2))
    if (child + 1 < count) {
      const otherKey = load<i32>(keys + ((<usize>child) << 2), 4)
      const otherId = load<i32>(ids + ((<usize>child) << 2), 4)
      if (isLater(otherKey, otherId, childKey, childId)) {
        child++
        childKey = otherKey
        childId = otherId
      }
    }
    if (!isLater(childKey, childId, key, id)) break
    store<i32>(keys + ((<usize>at) << 2), childKey)
    store<i32>(ids + ((<usize>at) << 2), childId)
    at = child
  }
  store<i32>(keys + ((<usize>at) << 2), key)
  store<i32>(ids + ((<usize>at) << 2), id)
}

/** A heap of the first k entries, whose root is the last of them. */
function startHeap(x: usize, keys: usize, ids: usize, k: i32): void {
  for (let id = 0; id < k; id++) {
    store<i32>(keys + ((<usize>id) << 2), keyAt(x, id))
    store<i32>(ids + ((<usize>id) << 2), id)
  }
  for (let root = (k >> 1) - 1; root >= 0; root--) {
    sink(keys, ids, k, root, load<i32>(keys + ((<usize>root) << 2)), load<i32>(ids + ((<usize>root) << 2)))
  }
}

/** Entries come in the order of their ids, so that one with the key of the root is later than it and stays out. */
function passThrough(x: usize, keys: usize, ids: usize, columns: i32, k: i32): void {
  let id = k
  for (; id + 4 <= columns; id += 4) {
    const found = keysOf(v128.load(x + ((<usize>id) << 2)))
    if (!v128.any_true(i32x4.gt_s(found, v128.load32_splat(keys)))) continue
    for (let lane = 0; lane < 4; lane++) {
      const key = keyAt(x, id + lane)
      if (key > load<i32>(keys)) sink(keys, ids, k, 0, key, id + lane)
    }
  }
  for (; id < columns; id++) {
    const key = keyAt(x, id)
    if (key > load<i32>(keys)) sink(keys, ids, k, 0, key, id)
  }
}

/** The last of the heap goes to its end again and again, so that the first is left in front. */
function sortHeap(keys: usize, ids: usize, k: i32): void {
  for (let end = k - 1; end > 0; end--) {
    const at = (<usize>end) << 2
    const key = load<i32>(keys + at)
    const id = load<i32>(ids + at)
    store<i32>(keys + at, load<i32>(keys))
    store<i32>(ids + at, load<i32>(ids))
    sink(keys, ids, end, 0, key, id)
  }
}

/**
 * The k greatest values of each row, the greatest first, and their columns; of equals the lower column, and NaN before all.
 *
 *     word 0  x        f32 [rows, columns]
 *     word 1  values   f32 [rows, k], written; holds their keys meanwhile
 *     word 2  ids      i32 [rows, k], written
 *     word 3  rows
 *     word 4  columns
 *     word 5  k        at most columns
 */
export function topK(args: usize, thread: i32, threads: i32): void {
  const rows = load<i32>(args, 12)
  const columns = load<i32>(args, 16)
  const k = load<i32>(args, 20)
  const end = shareStart(rows, thread + 1, threads)
  for (let row = shareStart(rows, thread, threads); row < end; row++) {
    const x = <usize>load<u32>(args, 0) + ((<usize>row * columns) << 2)
    const values = <usize>load<u32>(args, 4) + ((<usize>row * k) << 2)
    const ids = <usize>load<u32>(args, 8) + ((<usize>row * k) << 2)
    startHeap(x, values, ids, k)
    passThrough(x, values, ids, columns, k)
    sortHeap(values, ids, k)
    for (let at: usize = 0; at < (<usize>k) << 2; at += 4) {
      store<f32>(values + at, load<f32>(x + ((<usize>load<i32>(ids + at)) << 2)))
    }
  }
}
