import { madd, shareStart, sumLanes } from './simd'
import { loadTail, storeTail } from './spans'

/** The sum of x[i]: two vectors of partial sums, added at the end. */
function total(x: usize, count: i32): f32 {
  let s0 = f32x4.splat(0)
  let s1 = s0
  let i = 0
  for (; i + 8 <= count; i += 8) {
    s0 = f32x4.add(s0, v128.load(x + (i << 2)))
    s1 = f32x4.add(s1, v128.load(x + (i << 2), 16))
  }
  for (; i < count; i += 4) s0 = f32x4.add(s0, loadTail(x + (i << 2), count - i))
  return sumLanes(f32x4.add(s0, s1))
}

/** The sum of (x[i] - mean)^2. */
function squaredDistances(x: usize, mean: f32, count: i32): f32 {
  const means = f32x4.splat(mean)
  let s0 = f32x4.splat(0)
  let s1 = s0
  let i = 0
  for (; i + 8 <= count; i += 8) {
    const d0 = f32x4.sub(v128.load(x + (i << 2)), means)
    const d1 = f32x4.sub(v128.load(x + (i << 2), 16), means)
    s0 = madd(d0, d0, s0)
    s1 = madd(d1, d1, s1)
  }
  for (; i + 4 <= count; i += 4) {
    const d0 = f32x4.sub(v128.load(x + (i << 2)), means)
    s0 = madd(d0, d0, s0)
  }
  for (; i < count; i++) {
    const distance = load<f32>(x + (i << 2)) - mean
    s0 = f32x4.add(s0, f32x4.replace_lane(f32x4.splat(0), 0, distance * distance))
  }
  return sumLanes(f32x4.add(s0, s1))
}

/**
 * y = (x - mean) / sqrt(variance + epsilon) * weight + bias, row by row (Ba, Kiros and Hinton, "Layer Normalization", 2016).
 * May be in place.
 *
 *     word 0  x        f32 [rows, width]
 *     word 1  weight   f32 [width]
 *     word 2  bias     f32 [width]
 *     word 3  y        f32 [rows, width]
 *     word 4  rows
 *     word 5  width
 *     word 6  epsilon  f32
 */
export function layerNorm(args: usize, thread: i32, threads: i32): void {
  const weight = <usize>load<u32>(args, 4)
  const bias = <usize>load<u32>(args, 8)
  const rows = load<i32>(args, 16)
  const width = load<i32>(args, 20)
  const epsilon = load<f32>(args, 24)
  const end = shareStart(rows, thread + 1, threads)
  for (let row = shareStart(rows, thread, threads); row < end; row++) {
    const offset = (<usize>row * width) << 2
    const x = <usize>load<u32>(args, 0) + offset
    const y = <usize>load<u32>(args, 12) + offset
    const mean = total(x, width) / <f32>width
    const inverse = f32x4.splat(1 / sqrt<f32>(squaredDistances(x, mean, width) / <f32>width + epsilon))
    const means = f32x4.splat(mean)
    for (let i = 0; i < width; i += 4) {
      const normed = f32x4.mul(f32x4.sub(v128.load(x + (i << 2)), means), inverse)
      const result = madd(normed, v128.load(weight + (i << 2)), v128.load(bias + (i << 2)))
      if (i + 4 <= width) v128.store(y + (i << 2), result)
      else storeTail(y + (i << 2), result, width - i)
    }
  }
}

/**
 * The derivative of layerNorm by x, and of every row its distances from the mean and its inverse deviation. With g = dy * weight
 * and s the inverse deviation: dx = s (g - mean(g) - s^2 distance mean(g distance)).
 *
 *     word 0  x         f32 [rows, width]
 *     word 1  weight    f32 [width]
 *     word 2  dy        f32 [rows, width]
 *     word 3  dx        f32 [rows, width]
 *     word 4  centred   f32 [rows, width], written
 *     word 5  inverses  f32 [rows], written
 *     word 6  rows
 *     word 7  width
 *     word 8  epsilon   f32
 */
export function layerNormGradientInput(args: usize, thread: i32, threads: i32): void {
  const weight = <usize>load<u32>(args, 4)
  const rows = load<i32>(args, 24)
  const width = load<i32>(args, 28)
  const epsilon = load<f32>(args, 32)
  const end = shareStart(rows, thread + 1, threads)
  for (let row = shareStart(rows, thread, threads); row < end; row++) {
    const offset = (<usize>row * width) << 2
    const x = <usize>load<u32>(args, 0) + offset
    const dy = <usize>load<u32>(args, 8) + offset
    const dx = <usize>load<u32>(args, 12) + offset
    const centred = <usize>load<u32>(args, 16) + offset
    const mean = total(x, width) / <f32>width
    const inverse: f32 = 1 / sqrt<f32>(squaredDistances(x, mean, width) / <f32>width + epsilon)
    store<f32>(<usize>load<u32>(args, 20) + (row << 2), inverse)
    const means = f32x4.splat(mean)
    let sum = f32x4.splat(0)
    let projection = sum
    for (let i = 0; i < width; i += 4) {
      const at = i << 2
      const gradient = f32x4.mul(loadTail(dy + at, width - i), loadTail(weight + at, width - i))
      const distance = f32x4.sub(loadTail(x + at, width - i), means)
      sum = f32x4.add(sum, gradient)
      projection = madd(gradient, distance, projection)
      if (i + 4 <= width) v128.store(centred + at, distance)
      else storeTail(centred + at, distance, width - i)
    }
    const level = f32x4.splat(sumLanes(sum) / <f32>width)
    const pull = f32x4.splat((inverse * inverse * sumLanes(projection)) / <f32>width)
    for (let i = 0; i < width; i += 4) {
      const at = i << 2
      const gradient = f32x4.mul(v128.load(dy + at), v128.load(weight + at))
      const pulled = f32x4.mul(pull, f32x4.sub(v128.load(x + at), means))
      const result = f32x4.mul(f32x4.splat(inverse), f32x4.sub(f32x4.sub(gradient, level), pulled))
      if (i + 4 <= width) v128.store(dx + at, result)
      else storeTail(dx + at, result, width - i)
    }
  }
}
