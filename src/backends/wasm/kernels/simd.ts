/**
 * The instructions that differ between the baseline and the relaxed builds. Everything else in the kernels is the
 * same source.
 */

/** a * b + c by lane: fused in the relaxed build (where the processor can), rounded twice in the baseline build. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c)
  return f32x4.add(f32x4.mul(a, b), c)
}

/**
 * c + the dot products of four neighbouring bytes each: any signed bytes x bytes of 0..127, exact on every processor. One
 * instruction in the relaxed build, some ten in the baseline build.
 */
// @ts-ignore: decorator
@inline
export function dotBytes(signed: v128, small: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i32x4.relaxed_dot_i8x16_i7x16_add_s(signed, small, c)
  const low = i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(signed), i16x8.extend_low_i8x16_s(small))
  const high = i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(signed), i16x8.extend_high_i8x16_s(small))
  return i32x4.add(c, addPairs(low, high))
}

/** The dot products of two neighbouring bytes each, in 16 bits: any signed bytes x bytes of 0..127. One instruction in the relaxed build. */
// @ts-ignore: decorator
@inline
export function pairDots(signed: v128, small: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i16x8.relaxed_dot_i8x16_i7x16_s(signed, small)
  const even = i16x8.mul(i16x8.shr_s(i16x8.shl(signed, 8), 8), v128.and(small, i16x8.splat(0xff)))
  return i16x8.add(even, i16x8.mul(i16x8.shr_s(signed, 8), i16x8.shr_u(small, 8)))
}

/**
 * One step of a sum of dot products, which gatherDots ends. Without `paired`: dotBytes. With it two products are summed in 16 bits, for processors
 * where four in 32 are several instructions; the sums must be gathered before they overflow. The integers are the same.
 */
// @ts-ignore: decorator
@inline
export function stepDots(paired: bool, signed: v128, small: v128, c: v128): v128 {
  return paired ? i16x8.add(c, pairDots(signed, small)) : dotBytes(signed, small, c)
}

/** What stepDots has summed, as 32-bit integers onto `sum`. */
// @ts-ignore: decorator
@inline
export function gatherDots(paired: bool, dots: v128, sum: v128): v128 {
  return i32x4.add(sum, paired ? i32x4.extadd_pairwise_i16x8_s(dots) : dots)
}

/** The sums of two neighbouring lanes each: of `low`, then of `high`. */
// @ts-ignore: decorator
@inline
export function addPairs(low: v128, high: v128): v128 {
  return i32x4.add(v128.shuffle<i32>(low, high, 0, 2, 4, 6), v128.shuffle<i32>(low, high, 1, 3, 5, 7))
}

/** Lane t is the sum of the integer lanes of s_t. */
// @ts-ignore: decorator
@inline
export function sumIntegers(s0: v128, s1: v128, s2: v128, s3: v128): v128 {
  return addPairs(addPairs(s0, s1), addPairs(s2, s3))
}

/** The sum of the four lanes, always in the order (0 + 2) + (1 + 3). */
// @ts-ignore: decorator
@inline
export function sumLanes(x: v128): f32 {
  const pairs = f32x4.add(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1))
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1)
}

/** First unit of this thread's share of `units`: shares are contiguous and differ by at most one unit. */
// @ts-ignore: decorator
@inline
export function shareStart(units: i32, thread: i32, threads: i32): i32 {
  return <i32>((<i64>units * <i64>thread) / <i64>threads)
}
