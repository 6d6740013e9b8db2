/**
 * packed-tile.ts and packed-wide.ts by products of pairs in 16 bits, which hold those of 8 steps of nibbles: 8 * 2 * 15 * 127 < 2^15. Three
 * of the six tokens of a panel at a time: with more, V8 has no registers left for the products. Same bits.
 */
import { addToRow } from './packed-tile'
import { gatherDots, stepDots } from './simd'

/** Half of tileNibbles: 3 of 6 tokens x 8 rows. */
export function tileNibblesPaired(x: usize, w: usize, y: usize, blocks: i32, group: i32): void {
  do {
    const end = x + <usize>(group * 6)
    let x00 = v128.load_splat<i32>(end)
    let x01 = x00
    let x10 = v128.load_splat<i32>(end, 4)
    let x11 = x10
    let x20 = v128.load_splat<i32>(end, 8)
    let x21 = x20
    do {
      const widenAt = x + 192
      let s00 = i16x8.splat(0)
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
      } while (x < widenAt)
      x00 = gatherDots(true, s00, x00)
      x01 = gatherDots(true, s01, x01)
      x10 = gatherDots(true, s10, x10)
      x11 = gatherDots(true, s11, x11)
      x20 = gatherDots(true, s20, x20)
      x21 = gatherDots(true, s21, x21)
    } while (x < end)
    addToRow(x00, x01, w, v128.load_splat<f32>(x, 24), y)
    addToRow(x10, x11, w, v128.load_splat<f32>(x, 28), y + 32)
    addToRow(x20, x21, w, v128.load_splat<f32>(x, 32), y + 64)
    x += 48
    w += 32
  } while (--blocks)
}

/** Half of tileNibblesWide: 3 of 6 tokens x 16 rows. */
export function tileNibblesPairedWide(x: usize, w: usize, y: usize, blocks: i32, group: i32): void {
  do {
    const end = x + <usize>(group * 6)
    let x00 = v128.load_splat<i32>(end)
    let x01 = x00
    let x02 = x00
    let x03 = x00
    let x10 = v128.load_splat<i32>(end, 4)
    let x11 = x10
    let x12 = x10
    let x13 = x10
    let x20 = v128.load_splat<i32>(end, 8)
    let x21 = x20
    let x22 = x20
    let x23 = x20
    do {
      const widenAt = x + 192
      let s00 = i16x8.splat(0)
      let s01 = s00
      let s02 = s00
      let s03 = s00
      let s10 = s00
      let s11 = s00
      let s12 = s00
      let s13 = s00
      let s20 = s00
      let s21 = s00
      let s22 = s00
      let s23 = s00
      do {
        const w0 = v128.load(w)
        const w1 = v128.load(w, 16)
        const w2 = v128.load(w, 32)
        const w3 = v128.load(w, 48)
        let a = v128.load_splat<i32>(x)
        s00 = stepDots(true, a, w0, s00)
        s01 = stepDots(true, a, w1, s01)
        s02 = stepDots(true, a, w2, s02)
        s03 = stepDots(true, a, w3, s03)
        a = v128.load_splat<i32>(x, 4)
        s10 = stepDots(true, a, w0, s10)
        s11 = stepDots(true, a, w1, s11)
        s12 = stepDots(true, a, w2, s12)
        s13 = stepDots(true, a, w3, s13)
        a = v128.load_splat<i32>(x, 8)
        s20 = stepDots(true, a, w0, s20)
        s21 = stepDots(true, a, w1, s21)
        s22 = stepDots(true, a, w2, s22)
        s23 = stepDots(true, a, w3, s23)
        x += 24
        w += 64
      } while (x < widenAt)
      x00 = gatherDots(true, s00, x00)
      x01 = gatherDots(true, s01, x01)
      x02 = gatherDots(true, s02, x02)
      x03 = gatherDots(true, s03, x03)
      x10 = gatherDots(true, s10, x10)
      x11 = gatherDots(true, s11, x11)
      x12 = gatherDots(true, s12, x12)
      x13 = gatherDots(true, s13, x13)
      x20 = gatherDots(true, s20, x20)
      x21 = gatherDots(true, s21, x21)
      x22 = gatherDots(true, s22, x22)
      x23 = gatherDots(true, s23, x23)
    } while (x < end)
    addToRow(x00, x01, w, v128.load_splat<f32>(x, 24), y)
    addToRow(x02, x03, w + 32, v128.load_splat<f32>(x, 24), y + 32)
    addToRow(x10, x11, w, v128.load_splat<f32>(x, 28), y + 64)
    addToRow(x12, x13, w + 32, v128.load_splat<f32>(x, 28), y + 96)
    addToRow(x20, x21, w, v128.load_splat<f32>(x, 32), y + 128)
    addToRow(x22, x23, w + 32, v128.load_splat<f32>(x, 32), y + 160)
    x += 48
    w += 64
  } while (--blocks)
}
