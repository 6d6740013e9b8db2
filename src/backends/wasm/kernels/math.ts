/**
 * Elementary functions of our own, so that every engine computes the same bits. Polynomials are minimax fits; the range
 * reduction is Cody and Waite's ("Software Manual for the Elementary Functions", 1980).
 */
import { madd } from './simd'

/**
 * Constants of the two exponentials. They are loaded, because V8 builds a vector literal anew at every use, inside loops
 * too: exp takes 0.51 ns an element this way and 0.83 ns with literals.
 *
 * 0: adding 1.5 * 2^23 rounds a float to an integer, which then stands in the low bits of the sum. 1 to 4: log2(e), the two
 * parts of -ln 2, the logarithm of the smallest normal float (subnormal numbers are slow). 5 to 11: exp's polynomial.
 * 12: the binary logarithm of the smallest normal float. 13 to 17: the polynomial of 2^x.
 */
const table: usize = memory.data<f32>([
  12582912, 1.44269504, -0.693359375, 2.1219444e-4, -87.33, 1.38436534895e-3, 8.37415531742e-3, 4.16680020364e-2,
  1.66664312625e-1, 0.49999994209, 1.00000003217, 1, -125.9, 1.32647270653e-3, 9.67151264891e-3, 5.55073374369e-2,
  0.240222420852, 0.693146977599,
])

/** exp(x) by lane for x <= 0, to 2e-7 relative; 0 below -87.33. NaN stays NaN. */
// @ts-ignore: decorator
@inline
export function expNonPositive(x: v128): v128 {
  const rounding = v128.load32_splat(table)
  const shifted = madd(x, v128.load32_splat(table, 4), rounding)
  const n = f32x4.sub(shifted, rounding)
  let r = madd(n, v128.load32_splat(table, 8), x)
  r = madd(n, v128.load32_splat(table, 12), r)
  let p = madd(r, v128.load32_splat(table, 20), v128.load32_splat(table, 24))
  p = madd(p, r, v128.load32_splat(table, 28))
  p = madd(p, r, v128.load32_splat(table, 32))
  p = madd(p, r, v128.load32_splat(table, 36))
  p = madd(p, r, v128.load32_splat(table, 40))
  p = madd(p, r, v128.load32_splat(table, 44))
  const scaled = i32x4.add(p, i32x4.shl(shifted, 23))
  return v128.andnot(scaled, f32x4.lt(x, v128.load32_splat(table, 16)))
}

/** 2^x by lane for x <= 0, to 2e-7 relative; 0 below -125.9. NaN stays NaN. */
// @ts-ignore: decorator
@inline
export function exp2NonPositive(x: v128): v128 {
  const rounding = v128.load32_splat(table)
  const shifted = f32x4.add(x, rounding)
  const r = f32x4.sub(x, f32x4.sub(shifted, rounding))
  let p = madd(r, v128.load32_splat(table, 52), v128.load32_splat(table, 56))
  p = madd(p, r, v128.load32_splat(table, 60))
  p = madd(p, r, v128.load32_splat(table, 64))
  p = madd(p, r, v128.load32_splat(table, 68))
  p = madd(p, r, v128.load32_splat(table, 44))
  const scaled = i32x4.add(p, i32x4.shl(shifted, 23))
  return v128.andnot(scaled, f32x4.lt(x, v128.load32_splat(table, 48)))
}

/** 1 / (1 + exp(-x)) by lane: computed from exp(-|x|), which cannot overflow. */
// @ts-ignore: decorator
@inline
export function sigmoid(x: v128): v128 {
  const e = expNonPositive(f32x4.pmin(x, f32x4.sub(f32x4.splat(0), x)))
  const one = v128.load32_splat(table, 44)
  return f32x4.div(v128.bitselect(e, one, i32x4.shr_s(x, 31)), f32x4.add(one, e))
}

/**
 * The natural logarithm of a positive normal number m 2^e, to 1e-15: 2 atanh((m - 1) / (m + 1)) + e ln 2. Infinity and NaN
 * stay what they are.
 */
export function logarithm(x: f64): f64 {
  if (!(x < Infinity)) return x
  const bits = reinterpret<u64>(x)
  let exponent = <i32>(bits >> 52) - 1023
  let mantissa = reinterpret<f64>((bits & 0x000fffffffffffff) | 0x3ff0000000000000)
  if (mantissa > 1.4142135623730951) {
    mantissa *= 0.5
    exponent += 1
  }
  const s = (mantissa - 1) / (mantissa + 1)
  const z = s * s
  let sum: f64 = 0
  for (let power: f64 = 21; power >= 1; power -= 2) sum = sum * z + 1 / power
  return 2 * s * sum + <f64>exponent * 0.6931471805599453
}

// @ts-ignore: decorator
@inline
function quartersOfTurn(angle: f64): f64 {
  return nearest(angle * 0.6366197723675814)
}

/** What is left of the angle within [-pi/4, pi/4]. */
// @ts-ignore: decorator
@inline
function reduceAngle(angle: f64, quarters: f64): f64 {
  // The first part of pi/2 has 33 bits: its product with quarters below 2^20 is exact.
  return angle - quarters * 1.57079632673412561417 - quarters * 6.07710050650619224932e-11
}

// @ts-ignore: decorator
@inline
function sineOfReduced(r: f64): f64 {
  const z = r * r
  let p = 1.58969099521155010221e-10 * z - 2.50507602534068634195e-8
  p = p * z + 2.75573137070700676789e-6
  p = p * z - 1.98412698298579493134e-4
  p = p * z + 8.33333333332248946124e-3
  p = p * z - 1.66666666666666324348e-1
  return r + r * z * p
}

// @ts-ignore: decorator
@inline
function cosineOfReduced(r: f64): f64 {
  const z = r * r
  let p = -1.13596475577881948265e-11 * z + 2.0875723212981748279e-9
  p = p * z - 2.75573143513906633035e-7
  p = p * z + 2.48015872894767294178e-5
  p = p * z - 1.38888888888741095749e-3
  p = p * z + 4.16666666666666019037e-2
  return 1 - 0.5 * z + z * z * p
}

/** sin(angle), to 1e-12 absolute for |angle| < 2^20. */
export function sine(angle: f64): f64 {
  const quarters = quartersOfTurn(angle)
  const r = reduceAngle(angle, quarters)
  const quadrant = <i32>quarters
  const value = quadrant & 1 ? cosineOfReduced(r) : sineOfReduced(r)
  return quadrant & 2 ? -value : value
}

/** cos(angle), to 1e-12 absolute for |angle| < 2^20. */
export function cosine(angle: f64): f64 {
  const quarters = quartersOfTurn(angle)
  const r = reduceAngle(angle, quarters)
  const quadrant = <i32>quarters
  const value = quadrant & 1 ? sineOfReduced(r) : cosineOfReduced(r)
  return (quadrant + 1) & 2 ? -value : value
}
