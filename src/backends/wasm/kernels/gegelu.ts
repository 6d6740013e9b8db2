import { sigmoid } from './math'
import { madd } from './simd'
import { spanStart, storeTail } from './spans'

const steepness: f32 = 1.702

/** x held within [-limit, limit]; NaN stays NaN. */
// @ts-ignore: decorator
@inline
function held(x: v128, limit: v128): v128 {
  return f32x4.max(f32x4.min(x, limit), f32x4.neg(limit))
}

/**
 * y = gate * sigmoid(1.702 gate) * (value + 1): in x gates and values take turns; gates are at most `limit`, values within
 * +-limit.
 *
 *     word 0  x      f32 [2 * count]
 *     word 1  y      f32 [count]
 *     word 2  count
 *     word 3  limit  f32
 */
export function gegelu(args: usize, thread: i32, threads: i32): void {
  const x = <usize>load<u32>(args, 0)
  const y = <usize>load<u32>(args, 4)
  const count = load<i32>(args, 8)
  const limit = v128.load32_splat(args, 12)
  const one = f32x4.splat(1)
  const end = spanStart(count, thread + 1, threads)
  for (let i = spanStart(count, thread, threads); i < end; i += 4) {
    const first = v128.load(x + ((<usize>i) << 3))
    const second = v128.load(x + ((<usize>i) << 3), 16)
    const gate = f32x4.min(v128.shuffle<f32>(first, second, 0, 2, 4, 6), limit)
    const value = held(v128.shuffle<f32>(first, second, 1, 3, 5, 7), limit)
    const open = sigmoid(f32x4.mul(gate, f32x4.splat(steepness)))
    const result = f32x4.mul(f32x4.mul(gate, open), f32x4.add(value, one))
    if (i + 4 <= end) v128.store(y + ((<usize>i) << 2), result)
    else storeTail(y + ((<usize>i) << 2), result, end - i)
  }
}

/**
 * The derivative of gegelu; 0 by what is held at the limit.
 *
 *     word 0  x      f32 [2 * count]
 *     word 1  dy     f32 [count]
 *     word 2  dx     f32 [2 * count]
 *     word 3  count
 *     word 4  limit  f32
 */
export function gegeluGradient(args: usize, thread: i32, threads: i32): void {
  const x = <usize>load<u32>(args, 0)
  const dy = <usize>load<u32>(args, 4)
  const dx = <usize>load<u32>(args, 8)
  const count = load<i32>(args, 12)
  const limit = v128.load32_splat(args, 16)
  const one = f32x4.splat(1)
  const end = spanStart(count, thread + 1, threads)
  for (let i = spanStart(count, thread, threads); i < end; i += 4) {
    const first = v128.load(x + ((<usize>i) << 3))
    const second = v128.load(x + ((<usize>i) << 3), 16)
    const gate = v128.shuffle<f32>(first, second, 0, 2, 4, 6)
    const value = v128.shuffle<f32>(first, second, 1, 3, 5, 7)
    const gradient = v128.load(dy + ((<usize>i) << 2))
    const lower = f32x4.min(gate, limit)
    const steep = f32x4.mul(lower, f32x4.splat(steepness))
    const open = sigmoid(steep)
    const slope = f32x4.mul(open, madd(steep, f32x4.sub(one, open), one))
    const dGate = f32x4.mul(f32x4.mul(gradient, f32x4.add(held(value, limit), one)), slope)
    const dValue = f32x4.mul(gradient, f32x4.mul(lower, open))
    const towardsGate = v128.and(dGate, f32x4.lt(gate, limit))
    const towardsValue = v128.and(dValue, f32x4.lt(f32x4.abs(value), limit))
    const target = dx + ((<usize>i) << 3)
    const low = v128.shuffle<f32>(towardsGate, towardsValue, 0, 4, 1, 5)
    const high = v128.shuffle<f32>(towardsGate, towardsValue, 2, 6, 3, 7)
    const floats = (end - i) << 1
    if (floats >= 4) v128.store(target, low)
    else storeTail(target, low, floats)
    if (floats >= 8) v128.store(target, high, 16)
    else if (floats > 4) storeTail(target + 16, high, floats - 4)
  }
}
