/** Row pieces whose length need not be a multiple of four, and how element-wise work is shared out. */
import { shareStart } from './simd'

/** First element of this thread's share of `count` elements; shares begin at multiples of 16. */
// @ts-ignore: decorator
@inline
export function spanStart(count: i32, thread: i32, threads: i32): i32 {
  return min(count, shareStart((count + 15) >> 4, thread, threads) << 4)
}

/** All bits in the first `count` lanes. */
// @ts-ignore: decorator
@inline
export function laneMask(count: i32): v128 {
  return i32x4.gt_s(i32x4.splat(count), i32x4(0, 1, 2, 3))
}

/** Four floats of which the first `count` are loaded and the others are 0. */
// @ts-ignore: decorator
@inline
export function loadTail(source: usize, count: i32): v128 {
  return v128.and(v128.load(source), laneMask(count))
}

/** Stores the first `count` lanes, 1 to 3. */
// @ts-ignore: decorator
@inline
export function storeTail(target: usize, value: v128, count: i32): void {
  if (count & 2) {
    v128.store64_lane(target, value, 0)
    if (count & 1) v128.store32_lane(target, value, 2, 8)
  } else {
    v128.store32_lane(target, value, 0)
  }
}

export function copyFloats(target: usize, source: usize, count: i32): void {
  let i = 0
  for (; i + 4 <= count; i += 4) v128.store(target + (i << 2), v128.load(source + (i << 2)))
  if (i < count) storeTail(target + (i << 2), v128.load(source + (i << 2)), count - i)
}

/** target += source. */
export function addFloats(target: usize, source: usize, count: i32): void {
  let i = 0
  for (; i + 4 <= count; i += 4) {
    const at = target + (i << 2)
    v128.store(at, f32x4.add(v128.load(at), v128.load(source + (i << 2))))
  }
  if (i < count) {
    const at = target + (i << 2)
    storeTail(at, f32x4.add(v128.load(at), v128.load(source + (i << 2))), count - i)
  }
}
