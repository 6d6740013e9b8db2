/**
 * Keys and values in 8 bits: of a page and head the vectors of its tokens, one behind the other, then their f32 scales
 * (src/blocks/kv8.ts). Products are sums of integers: a query and the weights of a page are rounded to 16 bits, which is far below what
 * 8 bits lose.
 */
import { laneMask, loadTail } from './spans'
import { sumIntegers } from './simd'

/** Adding 1.5 * 2^23 leaves the integer nearest to a small number, ties to even, in the lower bits. */
// @ts-ignore: decorator
@inline
export function nearest(x: v128): v128 {
  const shift = f32x4.splat(12582912)
  return i32x4.sub(f32x4.add(x, shift), shift)
}

/** The greatest of lanes that are not negative. Floats are compared as integers, which lets a NaN win: it then shows in the result. */
// @ts-ignore: decorator
@inline
export function greatest(x: v128): f32 {
  const pairs = i32x4.max_s(x, v128.shuffle<i32>(x, x, 2, 3, 0, 1))
  return reinterpret<f32>(max(i32x4.extract_lane(pairs, 0), i32x4.extract_lane(pairs, 1)))
}

/** The largest magnitude of `count` floats. */
export function largestOf(source: usize, count: i32): f32 {
  const magnitude = i32x4.splat(0x7fffffff)
  let largest = i32x4.splat(0)
  for (let i = 0; i < count; i += 4) {
    largest = i32x4.max_s(largest, v128.and(loadTail(source + ((<usize>i) << 2), count - i), magnitude))
  }
  return greatest(largest)
}

/** Below it a vector counts as 0: 127 over it would overflow. */
export const leastMagnitude: f32 = reinterpret<f32>(0x0d800000)

/** Writes `count` floats as bytes and their scale, the largest magnitude / 127; the bytes are the nearest integers, ties to even. */
export function narrowToBytes(target: usize, scale: usize, source: usize, count: i32): void {
  const largest = largestOf(source, count)
  if (largest < leastMagnitude) {
    store<f32>(scale, 0)
    memory.fill(target, 0, count)
    return
  }
  store<f32>(scale, largest / 127)
  const factor = f32x4.splat(127 / largest)
  for (let i = 0; i < count; i += 4) {
    const integers = nearest(f32x4.mul(loadTail(source + ((<usize>i) << 2), count - i), factor))
    const words = i16x8.narrow_i32x4_s(integers, integers)
    const bytes = i8x16.narrow_i16x8_s(words, words)
    if (i + 4 <= count) {
      v128.store32_lane(target + i, bytes, 0)
      continue
    }
    v128.store8_lane(target + i, bytes, 0)
    if (count - i > 1) v128.store8_lane(target + i, bytes, 1, 1)
    if (count - i > 2) v128.store8_lane(target + i, bytes, 2, 2)
  }
}

/** Rows of bytes as rows of floats; up to 15 surplus floats behind each row are overwritten. */
export function widenBytes(
  source: usize,
  scales: usize,
  rows: i32,
  count: i32,
  target: usize,
  targetStride: usize,
): void {
  for (let row = 0; row < rows; row++) {
    const scale = v128.load32_splat(scales)
    for (let i = 0; i < count; i += 16) {
      const bytes = v128.load(source + i)
      const low = i16x8.extend_low_i8x16_s(bytes)
      const high = i16x8.extend_high_i8x16_s(bytes)
      const to = target + ((<usize>i) << 2)
      v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(low)), scale))
      v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(low)), scale), 16)
      v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(high)), scale), 32)
      v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(high)), scale), 48)
    }
    source += count
    scales += 4
    target += targetStride
  }
}

/**
 * A query times `factor` as integers of 16 bits, of which zeros fill up the last 16; returns what they are to be multiplied with.
 * `target` may be where the query is.
 */
export function roundQuery(source: usize, factor: f32, count: i32, target: usize): f32 {
  const largest = largestOf(source, count)
  const scale: f32 = largest >= leastMagnitude ? 32767 / largest : 0
  const padded = (count + 15) & -16
  for (let i = 0; i < padded; i += 4) {
    const part = i < count ? loadTail(source + ((<usize>i) << 2), count - i) : f32x4.splat(0)
    const integers = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(part, f32x4.splat(scale))))
    v128.store64_lane(target + ((<usize>i) << 1), i16x8.narrow_i32x4_s(integers, integers), 0)
  }
  return factor * (largest / 32767)
}

/** Lane t: the product of a query in 16 bits and key t, an integer. */
// @ts-ignore: decorator
@inline
function dotIntegers(query: usize, key0: usize, key1: usize, key2: usize, key3: usize, headSize: i32): v128 {
  let s0 = i32x4.splat(0)
  let s1 = s0
  let s2 = s0
  let s3 = s0
  for (let at: usize = 0; at < <usize>headSize; at += 16) {
    const low = v128.load(query + 2 * at)
    const high = v128.load(query + 2 * at, 16)
    const bytes0 = v128.load(key0 + at)
    const bytes1 = v128.load(key1 + at)
    const bytes2 = v128.load(key2 + at)
    const bytes3 = v128.load(key3 + at)
    s0 = i32x4.add(s0, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(bytes0), low))
    s1 = i32x4.add(s1, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(bytes1), low))
    s2 = i32x4.add(s2, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(bytes2), low))
    s3 = i32x4.add(s3, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(bytes3), low))
    s0 = i32x4.add(s0, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(bytes0), high))
    s1 = i32x4.add(s1, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(bytes1), high))
    s2 = i32x4.add(s2, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(bytes2), high))
    s3 = i32x4.add(s3, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(bytes3), high))
  }
  return sumIntegers(s0, s1, s2, s3)
}

/** scores[t] = query x keys[t]. Beyond the last token scores are -Infinity up to a vector's end. */
export function scoreByteKeys(
  query: usize,
  queryScale: f32,
  keys: usize,
  scales: usize,
  tokens: i32,
  headSize: i32,
  scores: usize,
): void {
  const factor = f32x4.splat(queryScale)
  for (let token = 0; token < tokens; token += 4) {
    const key0 = keys + <usize>(token * headSize)
    const key1 = keys + <usize>(min(token + 1, tokens - 1) * headSize)
    const key2 = keys + <usize>(min(token + 2, tokens - 1) * headSize)
    const key3 = keys + <usize>(min(token + 3, tokens - 1) * headSize)
    const integers = f32x4.convert_i32x4_s(dotIntegers(query, key0, key1, key2, key3, headSize))
    const products = f32x4.mul(integers, f32x4.mul(factor, v128.load(scales + (token << 2))))
    v128.store(scores + (token << 2), v128.bitselect(products, f32x4.splat(-Infinity), laneMask(tokens - token)))
  }
}

/** Weights times the scales of their values as integers of 16 bits, in place; returns what they are to be multiplied with. */
function roundWeights(weights: usize, scales: usize, tokens: i32): f32 {
  let largest = f32x4.splat(0)
  for (let token = 0; token < tokens; token += 4) {
    const at = weights + (token << 2)
    const weight = f32x4.mul(v128.load(at), v128.load(scales + (token << 2)))
    const known = v128.and(weight, laneMask(tokens - token))
    largest = i32x4.max_s(largest, known)
    v128.store(at, known)
  }
  const most = greatest(largest)
  const factor = f32x4.splat(most >= leastMagnitude ? 32767 / most : 0)
  for (let token = 0; token < tokens; token += 4) {
    const integers = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(weights + (token << 2)), factor)))
    v128.store64_lane(weights + (token << 1), i16x8.narrow_i32x4_s(integers, integers), 0)
  }
  return most / 32767
}

/** sums = sums * correction + the weighted sum of the values, 16 components at a time. `weights` are overwritten. */
export function addByteValues(
  weights: usize,
  values: usize,
  scales: usize,
  tokens: i32,
  headSize: i32,
  correction: f32,
  sums: usize,
): void {
  const unit = f32x4.splat(roundWeights(weights, scales, tokens))
  const factor = f32x4.splat(correction)
  const weightsEnd = weights + ((<usize>tokens) << 1)
  for (let i = 0; i < headSize; i += 16) {
    let s0 = i32x4.splat(0)
    let s1 = s0
    let s2 = s0
    let s3 = s0
    let value = values + i
    // Behind an odd number of tokens, the weight of the last pair's second is 0.
    for (let weight = weights; weight < weightsEnd; weight += 4) {
      const pair = v128.load32_splat(weight)
      const first = v128.load(value)
      const second = v128.load(value + headSize)
      const low = v128.shuffle<i8>(first, second, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
      const high = v128.shuffle<i8>(first, second, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
      s0 = i32x4.add(s0, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(low), pair))
      s1 = i32x4.add(s1, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(low), pair))
      s2 = i32x4.add(s2, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(high), pair))
      s3 = i32x4.add(s3, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(high), pair))
      value += 2 * headSize
    }
    const target = sums + ((<usize>i) << 2)
    addSums(target, s0, unit, factor)
    addSums(target + 16, s1, unit, factor)
    if (headSize - i <= 8) break
    addSums(target + 32, s2, unit, factor)
    addSums(target + 48, s3, unit, factor)
  }
}

// @ts-ignore: decorator
@inline
export function addSums(target: usize, integers: v128, unit: v128, factor: v128): void {
  const old = f32x4.mul(v128.load(target), factor)
  v128.store(target, f32x4.add(old, f32x4.mul(f32x4.convert_i32x4_s(integers), unit)))
}
