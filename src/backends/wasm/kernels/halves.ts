/**
 * f16 in memory, f32 in registers. A half's exponent is 112 below a float's, so that shifting its bits into place gives the value
 * times 2^-112, which is exact for all halves but infinities and NaN, which the cache never holds.
 */

/** 2^112, which undoes the shift, and 2^56, which does so in two steps that overflow nothing. */
export const halfScale: f32 = reinterpret<f32>(0x77800000)
export const halfScaleRoot: f32 = reinterpret<f32>(0x5b800000)

/** The largest half. */
const largest: f32 = 65504
/** The least magnitude that is stored; what is smaller becomes 0, since subnormal numbers are slow. */
const leastBits: i32 = 0x38800000

/** Sign and magnitude of four halves, already widened to 32 bits, as floats times 2^-112. */
// @ts-ignore: decorator
@inline
function shifted(widened: v128): v128 {
  return v128.and(i32x4.shl(widened, 13), i32x4.splat(<i32>0x8fffffff))
}

/** The first four of eight halves times 2^-112. */
// @ts-ignore: decorator
@inline
export function lowHalves(halves: v128): v128 {
  return shifted(i32x4.extend_low_i16x8_s(halves))
}

/** The last four of eight halves times 2^-112. */
// @ts-ignore: decorator
@inline
export function highHalves(halves: v128): v128 {
  return shifted(i32x4.extend_high_i16x8_s(halves))
}

/**
 * Four floats as halves in the low eight bytes: to nearest, ties to even; beyond the largest half that one, below the least
 * normal one 0.
 */
// @ts-ignore: decorator
@inline
function toHalves(values: v128): v128 {
  const sign = v128.and(values, i32x4.splat(<i32>0x80000000))
  const bits = v128.and(f32x4.pmin(f32x4.splat(largest), f32x4.abs(values)), i32x4.splat(0x7fffffff))
  const odd = v128.and(i32x4.shr_u(bits, 13), i32x4.splat(1))
  const rounded = i32x4.add(i32x4.add(bits, odd), i32x4.splat(0xfff - 0x38000000))
  const kept = v128.and(i32x4.shr_u(rounded, 13), i32x4.ge_s(bits, i32x4.splat(leastBits)))
  const halves = v128.or(kept, i32x4.shr_u(sign, 16))
  return i16x8.narrow_i32x4_u(halves, halves)
}

/** Narrows `count` floats to halves. */
export function narrowFloats(target: usize, source: usize, count: i32): void {
  let i = 0
  for (; i + 4 <= count; i += 4) v128.store64_lane(target + (i << 1), toHalves(v128.load(source + (i << 2))), 0)
  if (i == count) return
  const halves = toHalves(v128.load(source + (i << 2)))
  const end = target + (i << 1)
  v128.store16_lane(end, halves, 0)
  if (count - i > 1) v128.store16_lane(end, halves, 1, 2)
  if (count - i > 2) v128.store16_lane(end, halves, 2, 4)
}

/** Widens rows of `count` halves to rows of floats; up to seven surplus floats behind each row are overwritten. */
export function widenRows(source: usize, rows: i32, count: i32, target: usize, targetStride: usize): void {
  const scale = f32x4.splat(halfScale)
  const stride = (<usize>count) << 1
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < count; i += 8) {
      const halves = v128.load(source + (i << 1))
      v128.store(target + (i << 2), f32x4.mul(lowHalves(halves), scale))
      v128.store(target + (i << 2), f32x4.mul(highHalves(halves), scale), 16)
    }
    source += stride
    target += targetStride
  }
}
