/**
 * tileK for four tokens, by products of pairs in 16 bits (see packed-paired.ts), whose sums are multiplied by the scale of their group
 * and added up in one instruction: exact, since no sum of a block exceeds 2^31. Same bits.
 */
import { pairedBytes } from './k-blocks'
import { madd, pairDots, stepDots } from './simd'

/**
 * @param x a panel of four tokens: see quantizeRows
 * @param w what unpackK has written
 * @param y f32 [4][8]
 * @param bits 4, 5 or 6
 */
export function tileKPaired(x: usize, w: usize, y: usize, blocks: i32, bits: i32): void {
  if (bits == 6) multiplyTile(true, x, w, y, blocks, bits)
  else multiplyTile(false, x, w, y, blocks, bits)
}

/** `signed`: of q6k, whose groups are 4 steps, of which 16 bits hold two. */
// @ts-ignore: decorator
@inline
function multiplyTile(signed: bool, x: usize, w: usize, y: usize, blocks: i32, bits: i32): void {
  const groupBytes: usize = signed ? 64 : 128
  const heldBytes = pairedBytes(bits) * 4
  let y00 = f32x4.splat(0)
  let y01 = y00
  let y10 = y00
  let y11 = y00
  let y20 = y00
  let y21 = y00
  let y30 = y00
  let y31 = y00
  do {
    const blockEnd = x + 1024
    let x00 = i32x4.splat(0)
    let x01 = x00
    let x10 = x00
    let x11 = x00
    let x20 = x00
    let x21 = x00
    let x30 = x00
    let x31 = x00
    do {
      const end = x + groupBytes
      const scales = w + (groupBytes << 1)
      do {
        const scale0 = v128.load(scales)
        const scale1 = v128.load(scales, 16)
        if (signed) {
          const w0 = v128.load(w)
          const w1 = v128.load(w, 16)
          const next0 = v128.load(w, 32)
          const next1 = v128.load(w, 48)
          let a = v128.load_splat<i32>(x)
          let b = v128.load_splat<i32>(x, 16)
          x00 = i32x4.add(x00, i32x4.dot_i16x8_s(stepDots(true, b, next0, pairDots(a, w0)), scale0))
          x01 = i32x4.add(x01, i32x4.dot_i16x8_s(stepDots(true, b, next1, pairDots(a, w1)), scale1))
          a = v128.load_splat<i32>(x, 4)
          b = v128.load_splat<i32>(x, 20)
          x10 = i32x4.add(x10, i32x4.dot_i16x8_s(stepDots(true, b, next0, pairDots(a, w0)), scale0))
          x11 = i32x4.add(x11, i32x4.dot_i16x8_s(stepDots(true, b, next1, pairDots(a, w1)), scale1))
          a = v128.load_splat<i32>(x, 8)
          b = v128.load_splat<i32>(x, 24)
          x20 = i32x4.add(x20, i32x4.dot_i16x8_s(stepDots(true, b, next0, pairDots(a, w0)), scale0))
          x21 = i32x4.add(x21, i32x4.dot_i16x8_s(stepDots(true, b, next1, pairDots(a, w1)), scale1))
          a = v128.load_splat<i32>(x, 12)
          b = v128.load_splat<i32>(x, 28)
          x30 = i32x4.add(x30, i32x4.dot_i16x8_s(stepDots(true, b, next0, pairDots(a, w0)), scale0))
          x31 = i32x4.add(x31, i32x4.dot_i16x8_s(stepDots(true, b, next1, pairDots(a, w1)), scale1))
          x += 32
          w += 64
        } else {
          const stop = x + heldBytes
          let s00 = i16x8.splat(0)
          let s01 = s00
          let s10 = s00
          let s11 = s00
          let s20 = s00
          let s21 = s00
          let s30 = s00
          let s31 = s00
          do {
            const w0 = v128.load(w)
            const w1 = v128.load(w, 16)
            let a = v128.load_splat<i32>(x)
            s00 = stepDots(true, a, w0, s00)
            s01 = stepDots(true, a, w1, s01)
            a = v128.load_splat<i32>(x, 4)
            s10 = stepDots(true, a, w0, s10)
            s11 = stepDots(true, a, w1, s11)
            a = v128.load_splat<i32>(x, 8)
            s20 = stepDots(true, a, w0, s20)
            s21 = stepDots(true, a, w1, s21)
            a = v128.load_splat<i32>(x, 12)
            s30 = stepDots(true, a, w0, s30)
            s31 = stepDots(true, a, w1, s31)
            x += 16
            w += 32
          } while (x < stop)
          x00 = i32x4.add(x00, i32x4.dot_i16x8_s(s00, scale0))
          x01 = i32x4.add(x01, i32x4.dot_i16x8_s(s01, scale1))
          x10 = i32x4.add(x10, i32x4.dot_i16x8_s(s10, scale0))
          x11 = i32x4.add(x11, i32x4.dot_i16x8_s(s11, scale1))
          x20 = i32x4.add(x20, i32x4.dot_i16x8_s(s20, scale0))
          x21 = i32x4.add(x21, i32x4.dot_i16x8_s(s21, scale1))
          x30 = i32x4.add(x30, i32x4.dot_i16x8_s(s30, scale0))
          x31 = i32x4.add(x31, i32x4.dot_i16x8_s(s31, scale1))
        }
      } while (x < end)
      w += 32
    } while (x < blockEnd)
    // Sums of 16 activations, and behind them those of 32.
    let totals = signed ? x : x + 128
    const end = w + (signed ? 256 : 128)
    let o00 = i32x4.splat(0)
    let o01 = o00
    let o10 = o00
    let o11 = o00
    let o20 = o00
    let o21 = o00
    let o30 = o00
    let o31 = o00
    do {
      const w0 = v128.load(w)
      const w1 = v128.load(w, 16)
      let a = v128.load_splat<i32>(totals)
      o00 = i32x4.add(o00, i32x4.dot_i16x8_s(a, w0))
      o01 = i32x4.add(o01, i32x4.dot_i16x8_s(a, w1))
      a = v128.load_splat<i32>(totals, 4)
      o10 = i32x4.add(o10, i32x4.dot_i16x8_s(a, w0))
      o11 = i32x4.add(o11, i32x4.dot_i16x8_s(a, w1))
      a = v128.load_splat<i32>(totals, 8)
      o20 = i32x4.add(o20, i32x4.dot_i16x8_s(a, w0))
      o21 = i32x4.add(o21, i32x4.dot_i16x8_s(a, w1))
      a = v128.load_splat<i32>(totals, 12)
      o30 = i32x4.add(o30, i32x4.dot_i16x8_s(a, w0))
      o31 = i32x4.add(o31, i32x4.dot_i16x8_s(a, w1))
      totals += 16
      w += 32
    } while (w < end)
    x += 192
    const factor0 = v128.load(w)
    const factor1 = v128.load(w, 16)
    const offsetFactor0 = v128.load(w, 32)
    const offsetFactor1 = v128.load(w, 48)
    let scale = v128.load_splat<f32>(x)
    y00 = madd(f32x4.convert_i32x4_s(x00), f32x4.mul(factor0, scale), y00)
    y01 = madd(f32x4.convert_i32x4_s(x01), f32x4.mul(factor1, scale), y01)
    y00 = madd(f32x4.convert_i32x4_s(o00), f32x4.mul(offsetFactor0, scale), y00)
    y01 = madd(f32x4.convert_i32x4_s(o01), f32x4.mul(offsetFactor1, scale), y01)
    scale = v128.load_splat<f32>(x, 4)
    y10 = madd(f32x4.convert_i32x4_s(x10), f32x4.mul(factor0, scale), y10)
    y11 = madd(f32x4.convert_i32x4_s(x11), f32x4.mul(factor1, scale), y11)
    y10 = madd(f32x4.convert_i32x4_s(o10), f32x4.mul(offsetFactor0, scale), y10)
    y11 = madd(f32x4.convert_i32x4_s(o11), f32x4.mul(offsetFactor1, scale), y11)
    scale = v128.load_splat<f32>(x, 8)
    y20 = madd(f32x4.convert_i32x4_s(x20), f32x4.mul(factor0, scale), y20)
    y21 = madd(f32x4.convert_i32x4_s(x21), f32x4.mul(factor1, scale), y21)
    y20 = madd(f32x4.convert_i32x4_s(o20), f32x4.mul(offsetFactor0, scale), y20)
    y21 = madd(f32x4.convert_i32x4_s(o21), f32x4.mul(offsetFactor1, scale), y21)
    scale = v128.load_splat<f32>(x, 12)
    y30 = madd(f32x4.convert_i32x4_s(x30), f32x4.mul(factor0, scale), y30)
    y31 = madd(f32x4.convert_i32x4_s(x31), f32x4.mul(factor1, scale), y31)
    y30 = madd(f32x4.convert_i32x4_s(o30), f32x4.mul(offsetFactor0, scale), y30)
    y31 = madd(f32x4.convert_i32x4_s(o31), f32x4.mul(offsetFactor1, scale), y31)
    x += 16
    w += 64
  } while (--blocks)
  v128.store(y, y00)
  v128.store(y, y01, 16)
  v128.store(y, y10, 32)
  v128.store(y, y11, 48)
  v128.store(y, y20, 64)
  v128.store(y, y21, 80)
  v128.store(y, y30, 96)
  v128.store(y, y31, 112)
}
