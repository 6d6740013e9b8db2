import { expNonPositive, sigmoid } from './math'
import { madd } from './simd'
import { spanStart, storeTail } from './spans'

/**
 * The distribution function of the normal distribution, by lane: half of erfc(|x| / sqrt(2)) by formula 7.1.26 of Abramowitz and
 * Stegun ("Handbook of Mathematical Functions", 1964), to 1e-7 absolute.
 */
// @ts-ignore: decorator
@inline
function normalDistribution(x: v128): v128 {
  const one = f32x4.splat(1)
  const z = f32x4.mul(f32x4.abs(x), f32x4.splat(0.70710678))
  const t = f32x4.div(one, madd(f32x4.splat(0.3275911), z, one))
  let p = madd(f32x4.splat(1.061405429), t, f32x4.splat(-1.453152027))
  p = madd(p, t, f32x4.splat(1.421413741))
  p = madd(p, t, f32x4.splat(-0.284496736))
  p = madd(p, t, f32x4.splat(0.254829592))
  const half = f32x4.mul(f32x4.splat(0.5), f32x4.mul(p, t))
  const tail = f32x4.mul(half, expNonPositive(f32x4.neg(f32x4.mul(z, z))))
  return v128.bitselect(tail, f32x4.sub(one, tail), i32x4.shr_s(x, 31))
}

/** What x is multiplied by: sigmoid(1.702 x), or the distribution function. */
// @ts-ignore: decorator
@inline
function gateOf(x: v128, approximate: bool): v128 {
  return approximate ? sigmoid(f32x4.mul(x, f32x4.splat(1.702))) : normalDistribution(x)
}

/** The derivative of the gate by x. */
// @ts-ignore: decorator
@inline
function slopeOf(x: v128, gate: v128, approximate: bool): v128 {
  if (approximate) return f32x4.mul(f32x4.mul(f32x4.splat(1.702), gate), f32x4.sub(f32x4.splat(1), gate))
  const density = expNonPositive(f32x4.mul(f32x4.splat(-0.5), f32x4.mul(x, x)))
  return f32x4.mul(f32x4.splat(0.39894228), density)
}

/**
 * y = x * gate(x) (Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016). May be in place.
 *
 *     word 0  x            f32 [count]
 *     word 1  y            f32 [count]
 *     word 2  count
 *     word 3  approximate  0: gate is the distribution function, 1: sigmoid(1.702 x)
 */
export function gelu(args: usize, thread: i32, threads: i32): void {
  const x = <usize>load<u32>(args, 0)
  const y = <usize>load<u32>(args, 4)
  const count = load<i32>(args, 8)
  const approximate = load<i32>(args, 12) != 0
  const end = spanStart(count, thread + 1, threads)
  for (let i = spanStart(count, thread, threads); i < end; i += 4) {
    const value = v128.load(x + (i << 2))
    const result = f32x4.mul(value, gateOf(value, approximate))
    if (i + 4 <= end) v128.store(y + (i << 2), result)
    else storeTail(y + (i << 2), result, end - i)
  }
}

/**
 * The derivative of gelu. dx may be dy.
 *
 *     word 0  x            f32 [count]
 *     word 1  dy           f32 [count]
 *     word 2  dx           f32 [count]
 *     word 3  count
 *     word 4  approximate  as of gelu
 */
export function geluGradient(args: usize, thread: i32, threads: i32): void {
  const x = <usize>load<u32>(args, 0)
  const dy = <usize>load<u32>(args, 4)
  const dx = <usize>load<u32>(args, 8)
  const count = load<i32>(args, 12)
  const approximate = load<i32>(args, 16) != 0
  const end = spanStart(count, thread + 1, threads)
  for (let i = spanStart(count, thread, threads); i < end; i += 4) {
    const value = v128.load(x + (i << 2))
    const gate = gateOf(value, approximate)
    const slope = madd(value, slopeOf(value, gate, approximate), gate)
    const result = f32x4.mul(v128.load(dy + (i << 2)), slope)
    if (i + 4 <= end) v128.store(dx + (i << 2), result)
    else storeTail(dx + (i << 2), result, end - i)
  }
}
