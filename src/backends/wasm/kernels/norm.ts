import { madd, shareStart, sumLanes } from './simd'
import { loadTail, spanStart, storeTail } from './spans'

/** The sum of x[i] * y[i]: four vectors of partial sums, added at the end. */
export function dot(x: usize, y: usize, count: i32): f32 {
  let s0 = f32x4.splat(0)
  let s1 = s0
  let s2 = s0
  let s3 = s0
  let i = 0
  for (; i + 16 <= count; i += 16) {
    const a = x + (i << 2)
    const b = y + (i << 2)
    s0 = madd(v128.load(a), v128.load(b), s0)
    s1 = madd(v128.load(a, 16), v128.load(b, 16), s1)
    s2 = madd(v128.load(a, 32), v128.load(b, 32), s2)
    s3 = madd(v128.load(a, 48), v128.load(b, 48), s3)
  }
  for (; i + 4 <= count; i += 4) s0 = madd(v128.load(x + (i << 2)), v128.load(y + (i << 2)), s0)
  if (i < count) s1 = madd(loadTail(x + (i << 2), count - i), loadTail(y + (i << 2), count - i), s1)
  return sumLanes(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)))
}

// @ts-ignore: decorator
@inline
function inverseRms(x: usize, width: i32, epsilon: f32): f32 {
  return 1 / sqrt<f32>(dot(x, x, width) / <f32>width + epsilon)
}

/**
 * y = x / sqrt(mean(x^2) + epsilon) * weight, row by row (Zhang and Sennrich, "Root Mean Square Layer Normalization",
 * 2019). May be in place.
 *
 *     word 0  x        f32 [rows, width]
 *     word 1  weight   f32 [width]
 *     word 2  y        f32 [rows, width]
 *     word 3  rows
 *     word 4  width
 *     word 5  epsilon  f32
 */
export function rmsNorm(args: usize, thread: i32, threads: i32): void {
  const weight = <usize>load<u32>(args, 4)
  const rows = load<i32>(args, 12)
  const width = load<i32>(args, 16)
  const epsilon = load<f32>(args, 20)
  const end = shareStart(rows, thread + 1, threads)
  for (let row = shareStart(rows, thread, threads); row < end; row++) {
    const offset = (<usize>row * width) << 2
    const x = <usize>load<u32>(args, 0) + offset
    const y = <usize>load<u32>(args, 8) + offset
    const inverse = f32x4.splat(inverseRms(x, width, epsilon))
    let i = 0
    for (; i + 4 <= width; i += 4) {
      const normed = f32x4.mul(v128.load(x + (i << 2)), inverse)
      v128.store(y + (i << 2), f32x4.mul(normed, v128.load(weight + (i << 2))))
    }
    if (i < width) {
      const normed = f32x4.mul(v128.load(x + (i << 2)), inverse)
      storeTail(y + (i << 2), f32x4.mul(normed, v128.load(weight + (i << 2))), width - i)
    }
  }
}

/**
 * The derivative of rmsNorm by x, and the inverse root mean square of every row for rmsNormGradientWeight.
 * With g = dy * weight and s = 1 / rms: dx = s g - x s^3 mean(g x). dx may be dy.
 *
 *     word 0  x        f32 [rows, width]
 *     word 1  weight   f32 [width]
 *     word 2  dy       f32 [rows, width]
 *     word 3  dx       f32 [rows, width]
 *     word 4  inverse  f32 [rows], written
 *     word 5  rows
 *     word 6  width
 *     word 7  epsilon  f32
 */
export function rmsNormGradientInput(args: usize, thread: i32, threads: i32): void {
  const weight = <usize>load<u32>(args, 4)
  const inverses = <usize>load<u32>(args, 16)
  const rows = load<i32>(args, 20)
  const width = load<i32>(args, 24)
  const epsilon = load<f32>(args, 28)
  const end = shareStart(rows, thread + 1, threads)
  for (let row = shareStart(rows, thread, threads); row < end; row++) {
    const offset = (<usize>row * width) << 2
    const x = <usize>load<u32>(args, 0) + offset
    const dy = <usize>load<u32>(args, 8) + offset
    const dx = <usize>load<u32>(args, 12) + offset
    const inverse = inverseRms(x, width, epsilon)
    store<f32>(inverses + (row << 2), inverse)
    const mean = dotOfThree(x, dy, weight, width) / <f32>width
    const towardsX = f32x4.splat(-(inverse * inverse * inverse * mean))
    const towardsGradient = f32x4.splat(inverse)
    for (let i = 0; i < width; i += 4) {
      const gradient = f32x4.mul(v128.load(dy + (i << 2)), v128.load(weight + (i << 2)))
      const result = madd(v128.load(x + (i << 2)), towardsX, f32x4.mul(gradient, towardsGradient))
      if (i + 4 <= width) v128.store(dx + (i << 2), result)
      else storeTail(dx + (i << 2), result, width - i)
    }
  }
}

function dotOfThree(x: usize, y: usize, z: usize, count: i32): f32 {
  let s0 = f32x4.splat(0)
  let s1 = s0
  let i = 0
  for (; i + 8 <= count; i += 8) {
    const at = i << 2
    s0 = madd(f32x4.mul(v128.load(x + at), v128.load(y + at)), v128.load(z + at), s0)
    s1 = madd(f32x4.mul(v128.load(x + at, 16), v128.load(y + at, 16)), v128.load(z + at, 16), s1)
  }
  for (; i < count; i += 4) {
    const at = i << 2
    const product = f32x4.mul(loadTail(x + at, count - i), loadTail(y + at, count - i))
    s0 = madd(product, loadTail(z + at, count - i), s0)
  }
  return sumLanes(f32x4.add(s0, s1))
}

/**
 * The derivative of rmsNorm by weight: the sum over rows, in their order, of dy * x / rms.
 *
 *     word 0  x        f32 [rows, width]
 *     word 1  dy       f32 [rows, width]
 *     word 2  inverse  f32 [rows], of rmsNormGradientInput
 *     word 3  dWeight  f32 [width]
 *     word 4  rows
 *     word 5  width
 */
export function rmsNormGradientWeight(args: usize, thread: i32, threads: i32): void {
  const x = <usize>load<u32>(args, 0)
  const dy = <usize>load<u32>(args, 4)
  const inverses = <usize>load<u32>(args, 8)
  const dWeight = <usize>load<u32>(args, 12)
  const rows = load<i32>(args, 16)
  const width = load<i32>(args, 20)
  const start = spanStart(width, thread, threads)
  const end = spanStart(width, thread + 1, threads)
  if (start == end) return
  memory.fill(dWeight + (start << 2), 0, (end - start) << 2)
  const stride = (<usize>width) << 2
  let row = 0
  // Four rows at a time: the running sums are loaded and stored a quarter as often.
  for (; row + 4 <= rows; row += 4) {
    const offset = <usize>row * stride
    const inverse = inverses + (row << 2)
    for (let i = start; i < end; i += 4) {
      const a = x + offset + (i << 2)
      const b = dy + offset + (i << 2)
      let sum = v128.load(dWeight + (i << 2))
      sum = madd(f32x4.mul(v128.load(a), v128.load(b)), v128.load32_splat(inverse), sum)
      sum = madd(f32x4.mul(v128.load(a + stride), v128.load(b + stride)), v128.load32_splat(inverse, 4), sum)
      sum = madd(f32x4.mul(v128.load(a + stride * 2), v128.load(b + stride * 2)), v128.load32_splat(inverse, 8), sum)
      sum = madd(f32x4.mul(v128.load(a + stride * 3), v128.load(b + stride * 3)), v128.load32_splat(inverse, 12), sum)
      if (i + 4 <= end) v128.store(dWeight + (i << 2), sum)
      else storeTail(dWeight + (i << 2), sum, end - i)
    }
  }
  for (; row < rows; row++) {
    const offset = <usize>row * stride
    const inverse = v128.load32_splat(inverses + (row << 2))
    for (let i = start; i < end; i += 4) {
      const product = f32x4.mul(v128.load(x + offset + (i << 2)), v128.load(dy + offset + (i << 2)))
      const sum = madd(product, inverse, v128.load(dWeight + (i << 2)))
      if (i + 4 <= end) v128.store(dWeight + (i << 2), sum)
      else storeTail(dWeight + (i << 2), sum, end - i)
    }
  }
}
