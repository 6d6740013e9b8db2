/**
 * Keys and values in 4 bits: of a page and head the vectors of its tokens, one behind the other, then of each group of 32 components the
 * bf16 scales of the tokens (src/blocks/kv4.ts). Products are sums of integers, as in paged-bytes.ts; integers are read as 0 to 15,
 * and 8 times the sum of what they are multiplied with is taken off.
 */
import { addSums, greatest, largestOf, leastMagnitude, nearest } from './paged-bytes'
import { sumIntegers } from './simd'
import { laneMask } from './spans'

/** Components that share a scale, and the bytes that they take. */
const groupSize: i32 = 32
const groupBytes: usize = 16

/** Bytes of the scales of a group in a page: 64 tokens. */
const scaleBytes: usize = 128

/** The scale of a group with an infinity or NaN. */
const notANumber: u16 = 0x7fc0

/** The lower four bits of bytes. */
// @ts-ignore: decorator
@inline
function lowNibbles(bytes: v128): v128 {
  return v128.and(bytes, i8x16.splat(15))
}

/** The upper four bits of bytes. */
// @ts-ignore: decorator
@inline
function highNibbles(bytes: v128): v128 {
  return i8x16.shr_u(bytes, 4)
}

/** Four bf16 as floats. */
// @ts-ignore: decorator
@inline
function loadScales(source: usize): v128 {
  return i32x4.shl(v128.load_ext<u16>(source), 16)
}

/** A bf16 that is nearest to a finite float, ties to even. */
// @ts-ignore: decorator
@inline
function toBf16(value: f32): u16 {
  const bits = reinterpret<u32>(value)
  return <u16>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16)
}

/** The component of the largest magnitude of a group, whose magnitude is known and finite; the positive one of two. */
function extremeOf(source: usize, largest: f32): f32 {
  let most = v128.load(source)
  for (let i: usize = 16; i < (<usize>groupSize) << 2; i += 16) most = f32x4.pmax(most, v128.load(source + i))
  return v128.any_true(f32x4.eq(most, f32x4.splat(largest))) ? largest : -largest
}

/** Four components as integers from 0 to 15. */
// @ts-ignore: decorator
@inline
function toIntegers(source: usize, inverse: v128): v128 {
  return i32x4.add(i32x4.min_s(nearest(f32x4.mul(v128.load(source), inverse)), i32x4.splat(7)), i32x4.splat(8))
}

/** Sixteen of them, as bytes. */
// @ts-ignore: decorator
@inline
function toNibbles(source: usize, inverse: v128): v128 {
  const low = i16x8.narrow_i32x4_s(toIntegers(source, inverse), toIntegers(source + 16, inverse))
  const high = i16x8.narrow_i32x4_s(toIntegers(source + 32, inverse), toIntegers(source + 48, inverse))
  return i8x16.narrow_i16x8_u(low, high)
}

/** Writes `count` floats, a multiple of 32, as integers of 4 bits and the scales of their groups, the first at `scales`. */
export function narrowToNibbles(target: usize, scales: usize, source: usize, count: i32): void {
  for (let i = 0; i < count; i += groupSize) {
    const largest = largestOf(source, groupSize)
    let scale: u16 = 0
    if (!(largest < Infinity)) scale = notANumber
    else if (largest >= leastMagnitude) scale = toBf16(extremeOf(source, largest) * -0.125)
    store<u16>(scales, scale)
    if (scale == 0 || scale == notANumber) v128.store(target, i8x16.splat(<i8>0x88))
    else {
      const inverse = f32x4.splat(1 / reinterpret<f32>((<u32>scale) << 16))
      const high = toNibbles(source + 64, inverse)
      v128.store(target, v128.or(toNibbles(source, inverse), i8x16.shl(high, 4)))
    }
    source += (<usize>groupSize) << 2
    target += groupBytes
    scales += scaleBytes
  }
}

/** Sixteen integers times a scale, as floats. */
// @ts-ignore: decorator
@inline
function storeNibbles(target: usize, nibbles: v128, scale: v128): void {
  const signed = i8x16.sub(nibbles, i8x16.splat(8))
  const low = i16x8.extend_low_i8x16_s(signed)
  const high = i16x8.extend_high_i8x16_s(signed)
  v128.store(target, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(low)), scale))
  v128.store(target, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(low)), scale), 16)
  v128.store(target, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(high)), scale), 32)
  v128.store(target, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(high)), scale), 48)
}

/** Rows of `count` integers as rows of floats. */
export function widenNibbles(
  source: usize,
  scales: usize,
  rows: i32,
  count: i32,
  target: usize,
  targetStride: usize,
): void {
  for (let row = 0; row < rows; row++) {
    let scaleAt = scales + ((<usize>row) << 1)
    let to = target
    for (let i = 0; i < count; i += groupSize) {
      const scale = i32x4.shl(i32x4.splat(load<u16>(scaleAt)), 16)
      const bytes = v128.load(source)
      storeNibbles(to, lowNibbles(bytes), scale)
      storeNibbles(to + 64, highNibbles(bytes), scale)
      source += groupBytes
      scaleAt += scaleBytes
      to += (<usize>groupSize) << 2
    }
    target += targetStride
  }
}

/** Behind a query of `count` integers of 16 bits, 8 times the sum of each group: what `scoreNibbleKeys` takes off. */
export function sumQueryGroups(query: usize, count: i32): void {
  const ones = i16x8.splat(1)
  let target = query + ((<usize>count) << 1)
  for (let i = 0; i < count; i += groupSize) {
    let sum = i32x4.dot_i16x8_s(v128.load(query), ones)
    sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.load(query, 16), ones))
    sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.load(query, 32), ones))
    sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.load(query, 48), ones))
    store<i32>(target, i32x4.extract_lane(sumIntegers(sum, sum, sum, sum), 0) << 3)
    query += (<usize>groupSize) << 1
    target += 4
  }
}

/** The product of a group of a key, its integers from 0 to 15, and that of a query, in four parts. */
// @ts-ignore: decorator
@inline
function dotGroup(key: usize, q0: v128, q1: v128, q2: v128, q3: v128): v128 {
  const bytes = v128.load(key)
  const low = lowNibbles(bytes)
  const high = highNibbles(bytes)
  return i32x4.add(
    i32x4.add(
      i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(low), q0),
      i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(low), q1),
    ),
    i32x4.add(
      i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(high), q2),
      i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(high), q3),
    ),
  )
}

/** scores[t] = query x keys[t]. Beyond the last token scores are -Infinity up to a vector's end. */
export function scoreNibbleKeys(
  query: usize,
  queryScale: f32,
  keys: usize,
  scales: usize,
  tokens: i32,
  headSize: i32,
  scores: usize,
): void {
  const width = <usize>(headSize >> 1)
  const sums = query + ((<usize>headSize) << 1)
  for (let token = 0; token < tokens; token += 4) {
    let key0 = keys + <usize>token * width
    let key1 = keys + <usize>min(token + 1, tokens - 1) * width
    let key2 = keys + <usize>min(token + 2, tokens - 1) * width
    let key3 = keys + <usize>min(token + 3, tokens - 1) * width
    let scale = scales + ((<usize>token) << 1)
    let at = query
    let score = f32x4.splat(0)
    for (let sum = sums; at < sums; sum += 4) {
      const q0 = v128.load(at)
      const q1 = v128.load(at, 16)
      const q2 = v128.load(at, 32)
      const q3 = v128.load(at, 48)
      const products = sumIntegers(
        dotGroup(key0, q0, q1, q2, q3),
        dotGroup(key1, q0, q1, q2, q3),
        dotGroup(key2, q0, q1, q2, q3),
        dotGroup(key3, q0, q1, q2, q3),
      )
      const integers = f32x4.convert_i32x4_s(i32x4.sub(products, v128.load32_splat(sum)))
      score = f32x4.add(score, f32x4.mul(integers, loadScales(scale)))
      key0 += groupBytes
      key1 += groupBytes
      key2 += groupBytes
      key3 += groupBytes
      scale += scaleBytes
      at += (<usize>groupSize) << 1
    }
    score = f32x4.mul(score, f32x4.splat(queryScale))
    v128.store(scores + (token << 2), v128.bitselect(score, f32x4.splat(-Infinity), laneMask(tokens - token)))
  }
}

/** The weights of four tokens times the scales of their values. */
// @ts-ignore: decorator
@inline
function scaledWeights(weights: usize, scales: usize, token: i32): v128 {
  return f32x4.mul(v128.load(weights + ((<usize>token) << 2)), loadScales(scales + ((<usize>token) << 1)))
}

/** Weights times the scales of their values as integers of 16 bits; returns what they are to be multiplied with. */
function roundWeights(weights: usize, scales: usize, tokens: i32, rounded: usize): f32 {
  const magnitude = i32x4.splat(0x7fffffff)
  let largest = i32x4.splat(0)
  for (let token = 0; token < tokens; token += 4) {
    const known = v128.and(scaledWeights(weights, scales, token), laneMask(tokens - token))
    largest = i32x4.max_s(largest, v128.and(known, magnitude))
  }
  const most = greatest(largest)
  const factor = f32x4.splat(most >= leastMagnitude ? 32767 / most : 0)
  for (let token = 0; token < tokens; token += 4) {
    // Beyond the last token a scale may be anything, but its weight is 0, and what is no number becomes 0.
    const scaled = f32x4.mul(scaledWeights(weights, scales, token), factor)
    const integers = i32x4.trunc_sat_f32x4_s(f32x4.nearest(scaled))
    v128.store64_lane(rounded + ((<usize>token) << 1), i16x8.narrow_i32x4_s(integers, integers), 0)
  }
  return most / 32767
}

/** 8 times the sum of as many integers of 16 bits, up to the end of the last four. */
function sumWeights(rounded: usize, tokens: i32): v128 {
  const ones = i16x8.splat(1)
  let sum = i32x4.splat(0)
  const end = rounded + ((<usize>tokens) << 1)
  for (; rounded < end; rounded += 8) sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.load64_zero(rounded), ones))
  return i32x4.shl(i32x4.splat(i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 1)), 3)
}

/**
 * sums = sums * correction + the weighted sum of the values, a group at a time. `rounded`: room for the weights of a page as integers
 * of 16 bits.
 */
export function addNibbleValues(
  weights: usize,
  values: usize,
  scales: usize,
  tokens: i32,
  headSize: i32,
  correction: f32,
  sums: usize,
  rounded: usize,
): void {
  const factor = f32x4.splat(correction)
  const width = <usize>(headSize >> 1)
  const roundedEnd = rounded + ((<usize>tokens) << 1)
  for (let i = 0; i < headSize; i += groupSize) {
    const unit = f32x4.splat(roundWeights(weights, scales, tokens, rounded))
    const excess = sumWeights(rounded, tokens)
    let s0 = i32x4.splat(0)
    let s1 = s0
    let s2 = s0
    let s3 = s0
    let s4 = s0
    let s5 = s0
    let s6 = s0
    let s7 = s0
    let value = values
    // Behind an odd number of tokens, the weight of the last pair's second is 0.
    for (let weight = rounded; weight < roundedEnd; weight += 4) {
      const pair = v128.load32_splat(weight)
      const first = v128.load(value)
      const second = v128.load(value + width)
      const start = v128.shuffle<i8>(first, second, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
      const end = v128.shuffle<i8>(first, second, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
      s0 = i32x4.add(s0, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(lowNibbles(start)), pair))
      s1 = i32x4.add(s1, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(lowNibbles(start)), pair))
      s2 = i32x4.add(s2, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(lowNibbles(end)), pair))
      s3 = i32x4.add(s3, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(lowNibbles(end)), pair))
      s4 = i32x4.add(s4, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(highNibbles(start)), pair))
      s5 = i32x4.add(s5, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(highNibbles(start)), pair))
      s6 = i32x4.add(s6, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(highNibbles(end)), pair))
      s7 = i32x4.add(s7, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(highNibbles(end)), pair))
      value += 2 * width
    }
    addSums(sums, i32x4.sub(s0, excess), unit, factor)
    addSums(sums + 16, i32x4.sub(s1, excess), unit, factor)
    addSums(sums + 32, i32x4.sub(s2, excess), unit, factor)
    addSums(sums + 48, i32x4.sub(s3, excess), unit, factor)
    addSums(sums + 64, i32x4.sub(s4, excess), unit, factor)
    addSums(sums + 80, i32x4.sub(s5, excess), unit, factor)
    addSums(sums + 96, i32x4.sub(s6, excess), unit, factor)
    addSums(sums + 112, i32x4.sub(s7, excess), unit, factor)
    values += groupBytes
    scales += scaleBytes
    sums += (<usize>groupSize) << 2
  }
}
