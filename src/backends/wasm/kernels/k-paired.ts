/** tileK by products of pairs in 16 bits, three of the six tokens of a panel at a time (see packed-paired.ts). Same bits. */
import { pairedBytes } from './k-blocks'
import { addScaled, finishRow } from './k-tile'
import { gatherDots, stepDots } from './simd'

/**
 * @param x a panel of six tokens (see quantizeRows), from its first or its fourth
 * @param w what unpackK has written
 * @param sums room for i32 [3][8]
 * @param y f32 [3][8], added to
 * @param bits 4, 5 or 6
 */
export function tileKPaired(x: usize, w: usize, sums: usize, y: usize, blocks: i32, bits: i32): void {
  const groups = bits == 6 ? 16 : 8
  const groupBytes = <usize>(1536 / groups)
  const heldBytes = pairedBytes(bits) * 6
  do {
    memory.fill(sums, 0, 96)
    for (let group = 0; group < groups; group++) {
      const end = x + groupBytes
      let x00 = i32x4.splat(0)
      let x01 = x00
      let x10 = x00
      let x11 = x00
      let x20 = x00
      let x21 = x00
      do {
        const stop = x + heldBytes
        let s00 = i32x4.splat(0)
        let s01 = s00
        let s10 = s00
        let s11 = s00
        let s20 = s00
        let s21 = s00
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
          x += 24
          w += 32
        } while (x < stop)
        x00 = gatherDots(true, s00, x00)
        x01 = gatherDots(true, s01, x01)
        x10 = gatherDots(true, s10, x10)
        x11 = gatherDots(true, s11, x11)
        x20 = gatherDots(true, s20, x20)
        x21 = gatherDots(true, s21, x21)
      } while (x < end)
      const scale0 = v128.load(w)
      const scale1 = v128.load(w, 16)
      w += 32
      addScaled(x00, x01, scale0, scale1, sums)
      addScaled(x10, x11, scale0, scale1, sums + 32)
      addScaled(x20, x21, scale0, scale1, sums + 64)
    }
    // Sums of 16 activations, and behind them those of 32.
    let totals = bits == 6 ? x : x + 192
    const end = w + <usize>groups * 16
    let x00 = i32x4.splat(0)
    let x01 = x00
    let x10 = x00
    let x11 = x00
    let x20 = x00
    let x21 = x00
    do {
      const w0 = v128.load(w)
      const w1 = v128.load(w, 16)
      let a = v128.load_splat<i32>(totals)
      x00 = i32x4.add(x00, i32x4.dot_i16x8_s(a, w0))
      x01 = i32x4.add(x01, i32x4.dot_i16x8_s(a, w1))
      a = v128.load_splat<i32>(totals, 4)
      x10 = i32x4.add(x10, i32x4.dot_i16x8_s(a, w0))
      x11 = i32x4.add(x11, i32x4.dot_i16x8_s(a, w1))
      a = v128.load_splat<i32>(totals, 8)
      x20 = i32x4.add(x20, i32x4.dot_i16x8_s(a, w0))
      x21 = i32x4.add(x21, i32x4.dot_i16x8_s(a, w1))
      totals += 24
      w += 32
    } while (w < end)
    x += 288
    finishRow(sums, x00, x01, w, v128.load_splat<f32>(x), y)
    finishRow(sums + 32, x10, x11, w, v128.load_splat<f32>(x, 4), y + 32)
    finishRow(sums + 64, x20, x21, w, v128.load_splat<f32>(x, 8), y + 64)
    x += 24
    w += 64
  } while (--blocks)
}
