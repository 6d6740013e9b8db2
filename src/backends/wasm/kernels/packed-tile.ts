/**
 * Six tokens x one unpacked panel of weights: one step per turn with all accumulators in registers, then a group's integers go
 * into y, a tile of f32 [6][8] in memory. x, w and their order: see packed.ts and blocks.ts.
 */
import { dotBytes, madd } from './simd'

/** 8 rows' integers of one token x their scales, onto y. Both loads before both stores, or V8 does not fuse them. */
// @ts-ignore: decorator
@inline
export function addToRow(x0: v128, x1: v128, scales: usize, scale: v128, y: usize): void {
  const y0 = v128.load(y)
  const y1 = v128.load(y, 16)
  const sum0 = madd(f32x4.convert_i32x4_s(x0), f32x4.mul(v128.load(scales), scale), y0)
  const sum1 = madd(f32x4.convert_i32x4_s(x1), f32x4.mul(v128.load(scales, 16), scale), y1)
  v128.store(y, sum0)
  v128.store(y, sum1, 16)
}

/** 6 tokens x 8 rows of nibbles 0..15. One step per turn; the accumulators start at -8 * the sum of the activations. */
export function tileNibbles(x: usize, w: usize, y: usize, blocks: i32, group: i32): void {
  do {
    const end = x + <usize>(group * 6)
    let x00 = v128.load_splat<i32>(end)
    let x01 = x00
    let x10 = v128.load_splat<i32>(end, 4)
    let x11 = x10
    let x20 = v128.load_splat<i32>(end, 8)
    let x21 = x20
    let x30 = v128.load_splat<i32>(end, 12)
    let x31 = x30
    let x40 = v128.load_splat<i32>(end, 16)
    let x41 = x40
    let x50 = v128.load_splat<i32>(end, 20)
    let x51 = x50
    do {
      const w0 = v128.load(w)
      const w1 = v128.load(w, 16)
      let a = v128.load_splat<i32>(x)
      x00 = dotBytes(a, w0, x00)
      x01 = dotBytes(a, w1, x01)
      a = v128.load_splat<i32>(x, 4)
      x10 = dotBytes(a, w0, x10)
      x11 = dotBytes(a, w1, x11)
      a = v128.load_splat<i32>(x, 8)
      x20 = dotBytes(a, w0, x20)
      x21 = dotBytes(a, w1, x21)
      a = v128.load_splat<i32>(x, 12)
      x30 = dotBytes(a, w0, x30)
      x31 = dotBytes(a, w1, x31)
      a = v128.load_splat<i32>(x, 16)
      x40 = dotBytes(a, w0, x40)
      x41 = dotBytes(a, w1, x41)
      a = v128.load_splat<i32>(x, 20)
      x50 = dotBytes(a, w0, x50)
      x51 = dotBytes(a, w1, x51)
      x += 24
      w += 32
    } while (x < end)
    addToRow(x00, x01, w, v128.load_splat<f32>(x, 24), y)
    addToRow(x10, x11, w, v128.load_splat<f32>(x, 28), y + 32)
    addToRow(x20, x21, w, v128.load_splat<f32>(x, 32), y + 64)
    addToRow(x30, x31, w, v128.load_splat<f32>(x, 36), y + 96)
    addToRow(x40, x41, w, v128.load_splat<f32>(x, 40), y + 128)
    addToRow(x50, x51, w, v128.load_splat<f32>(x, 44), y + 160)
    x += 48
    w += 32
  } while (--blocks)
}

/**
 * 6 tokens x 8 rows of signed bytes. The weights + 127 come as two halves of 0..127, all steps of the one
 * before those of the other, and the accumulators start at -127 * the sum of the activations.
 */
export function tileBytes(x: usize, w: usize, y: usize, blocks: i32, group: i32): void {
  do {
    const start = x
    const end = x + <usize>(group * 6)
    let x00 = i32x4.splat((load<i32>(end) >> 3) * 127)
    let x01 = x00
    let x10 = i32x4.splat((load<i32>(end, 4) >> 3) * 127)
    let x11 = x10
    let x20 = i32x4.splat((load<i32>(end, 8) >> 3) * 127)
    let x21 = x20
    let x30 = i32x4.splat((load<i32>(end, 12) >> 3) * 127)
    let x31 = x30
    let x40 = i32x4.splat((load<i32>(end, 16) >> 3) * 127)
    let x41 = x40
    let x50 = i32x4.splat((load<i32>(end, 20) >> 3) * 127)
    let x51 = x50
    do {
      const w0 = v128.load(w)
      const w1 = v128.load(w, 16)
      let a = v128.load_splat<i32>(x)
      x00 = dotBytes(a, w0, x00)
      x01 = dotBytes(a, w1, x01)
      a = v128.load_splat<i32>(x, 4)
      x10 = dotBytes(a, w0, x10)
      x11 = dotBytes(a, w1, x11)
      a = v128.load_splat<i32>(x, 8)
      x20 = dotBytes(a, w0, x20)
      x21 = dotBytes(a, w1, x21)
      a = v128.load_splat<i32>(x, 12)
      x30 = dotBytes(a, w0, x30)
      x31 = dotBytes(a, w1, x31)
      a = v128.load_splat<i32>(x, 16)
      x40 = dotBytes(a, w0, x40)
      x41 = dotBytes(a, w1, x41)
      a = v128.load_splat<i32>(x, 20)
      x50 = dotBytes(a, w0, x50)
      x51 = dotBytes(a, w1, x51)
      x += 24
      w += 32
    } while (x < end)
    x = start
    do {
      const w0 = v128.load(w)
      const w1 = v128.load(w, 16)
      let a = v128.load_splat<i32>(x)
      x00 = dotBytes(a, w0, x00)
      x01 = dotBytes(a, w1, x01)
      a = v128.load_splat<i32>(x, 4)
      x10 = dotBytes(a, w0, x10)
      x11 = dotBytes(a, w1, x11)
      a = v128.load_splat<i32>(x, 8)
      x20 = dotBytes(a, w0, x20)
      x21 = dotBytes(a, w1, x21)
      a = v128.load_splat<i32>(x, 12)
      x30 = dotBytes(a, w0, x30)
      x31 = dotBytes(a, w1, x31)
      a = v128.load_splat<i32>(x, 16)
      x40 = dotBytes(a, w0, x40)
      x41 = dotBytes(a, w1, x41)
      a = v128.load_splat<i32>(x, 20)
      x50 = dotBytes(a, w0, x50)
      x51 = dotBytes(a, w1, x51)
      x += 24
      w += 32
    } while (x < end)
    addToRow(x00, x01, w, v128.load_splat<f32>(x, 24), y)
    addToRow(x10, x11, w, v128.load_splat<f32>(x, 28), y + 32)
    addToRow(x20, x21, w, v128.load_splat<f32>(x, 32), y + 64)
    addToRow(x30, x31, w, v128.load_splat<f32>(x, 36), y + 96)
    addToRow(x40, x41, w, v128.load_splat<f32>(x, 40), y + 128)
    addToRow(x50, x51, w, v128.load_splat<f32>(x, 44), y + 160)
    x += 48
    w += 32
  } while (--blocks)
}

/**
 * tileNibbles without the relaxed dot product: weights of -8..7 in 16 bits, even columns before odd ones. A lane takes two
 * products of at most 8 * 127 a step, so it must be widened after 16 steps.
 */
export function tileNibblesBaseline(x: usize, w: usize, y: usize, blocks: i32, group: i32): void {
  do {
    const end = x + <usize>(group * 6)
    let x00 = i32x4.splat(0)
    let x01 = i32x4.splat(0)
    let x10 = i32x4.splat(0)
    let x11 = i32x4.splat(0)
    let x20 = i32x4.splat(0)
    let x21 = i32x4.splat(0)
    let x30 = i32x4.splat(0)
    let x31 = i32x4.splat(0)
    let x40 = i32x4.splat(0)
    let x41 = i32x4.splat(0)
    let x50 = i32x4.splat(0)
    let x51 = i32x4.splat(0)
    do {
      const widenAt = min(end, x + 64 * 6)
      let s00 = i32x4.splat(0)
      let s01 = i32x4.splat(0)
      let s10 = i32x4.splat(0)
      let s11 = i32x4.splat(0)
      let s20 = i32x4.splat(0)
      let s21 = i32x4.splat(0)
      let s30 = i32x4.splat(0)
      let s31 = i32x4.splat(0)
      let s40 = i32x4.splat(0)
      let s41 = i32x4.splat(0)
      let s50 = i32x4.splat(0)
      let s51 = i32x4.splat(0)
      do {
        let w0 = v128.load(w)
        let w1 = v128.load(w, 16)
        let a = i16x8.shr_s(i16x8.shl(v128.load_splat<i32>(x), 8), 8)
        s00 = i16x8.add(s00, i16x8.mul(w0, a))
        s01 = i16x8.add(s01, i16x8.mul(w1, a))
        a = i16x8.shr_s(i16x8.shl(v128.load_splat<i32>(x, 4), 8), 8)
        s10 = i16x8.add(s10, i16x8.mul(w0, a))
        s11 = i16x8.add(s11, i16x8.mul(w1, a))
        a = i16x8.shr_s(i16x8.shl(v128.load_splat<i32>(x, 8), 8), 8)
        s20 = i16x8.add(s20, i16x8.mul(w0, a))
        s21 = i16x8.add(s21, i16x8.mul(w1, a))
        a = i16x8.shr_s(i16x8.shl(v128.load_splat<i32>(x, 12), 8), 8)
        s30 = i16x8.add(s30, i16x8.mul(w0, a))
        s31 = i16x8.add(s31, i16x8.mul(w1, a))
        a = i16x8.shr_s(i16x8.shl(v128.load_splat<i32>(x, 16), 8), 8)
        s40 = i16x8.add(s40, i16x8.mul(w0, a))
        s41 = i16x8.add(s41, i16x8.mul(w1, a))
        a = i16x8.shr_s(i16x8.shl(v128.load_splat<i32>(x, 20), 8), 8)
        s50 = i16x8.add(s50, i16x8.mul(w0, a))
        s51 = i16x8.add(s51, i16x8.mul(w1, a))
        w0 = v128.load(w, 32)
        w1 = v128.load(w, 48)
        a = i16x8.shr_s(v128.load_splat<i32>(x), 8)
        s00 = i16x8.add(s00, i16x8.mul(w0, a))
        s01 = i16x8.add(s01, i16x8.mul(w1, a))
        a = i16x8.shr_s(v128.load_splat<i32>(x, 4), 8)
        s10 = i16x8.add(s10, i16x8.mul(w0, a))
        s11 = i16x8.add(s11, i16x8.mul(w1, a))
        a = i16x8.shr_s(v128.load_splat<i32>(x, 8), 8)
        s20 = i16x8.add(s20, i16x8.mul(w0, a))
        s21 = i16x8.add(s21, i16x8.mul(w1, a))
        a = i16x8.shr_s(v128.load_splat<i32>(x, 12), 8)
        s30 = i16x8.add(s30, i16x8.mul(w0, a))
        s31 = i16x8.add(s31, i16x8.mul(w1, a))
        a = i16x8.shr_s(v128.load_splat<i32>(x, 16), 8)
        s40 = i16x8.add(s40, i16x8.mul(w0, a))
        s41 = i16x8.add(s41, i16x8.mul(w1, a))
        a = i16x8.shr_s(v128.load_splat<i32>(x, 20), 8)
        s50 = i16x8.add(s50, i16x8.mul(w0, a))
        s51 = i16x8.add(s51, i16x8.mul(w1, a))
        x += 24
        w += 64
      } while (x < widenAt)
      x00 = i32x4.add(x00, i32x4.extadd_pairwise_i16x8_s(s00))
      x01 = i32x4.add(x01, i32x4.extadd_pairwise_i16x8_s(s01))
      x10 = i32x4.add(x10, i32x4.extadd_pairwise_i16x8_s(s10))
      x11 = i32x4.add(x11, i32x4.extadd_pairwise_i16x8_s(s11))
      x20 = i32x4.add(x20, i32x4.extadd_pairwise_i16x8_s(s20))
      x21 = i32x4.add(x21, i32x4.extadd_pairwise_i16x8_s(s21))
      x30 = i32x4.add(x30, i32x4.extadd_pairwise_i16x8_s(s30))
      x31 = i32x4.add(x31, i32x4.extadd_pairwise_i16x8_s(s31))
      x40 = i32x4.add(x40, i32x4.extadd_pairwise_i16x8_s(s40))
      x41 = i32x4.add(x41, i32x4.extadd_pairwise_i16x8_s(s41))
      x50 = i32x4.add(x50, i32x4.extadd_pairwise_i16x8_s(s50))
      x51 = i32x4.add(x51, i32x4.extadd_pairwise_i16x8_s(s51))
    } while (x < end)
    addToRow(x00, x01, w, v128.load_splat<f32>(x, 24), y)
    addToRow(x10, x11, w, v128.load_splat<f32>(x, 28), y + 32)
    addToRow(x20, x21, w, v128.load_splat<f32>(x, 32), y + 64)
    addToRow(x30, x31, w, v128.load_splat<f32>(x, 36), y + 96)
    addToRow(x40, x41, w, v128.load_splat<f32>(x, 40), y + 128)
    addToRow(x50, x51, w, v128.load_splat<f32>(x, 44), y + 160)
    x += 48
    w += 32
  } while (--blocks)
}

/** tileBytes without the relaxed dot product, on weights in 16 bits, even columns before odd ones. */
export function tileBytesBaseline(x: usize, w: usize, y: usize, blocks: i32, group: i32): void {
  do {
    const end = x + <usize>(group * 6)
    let x00 = i32x4.splat(0)
    let x01 = i32x4.splat(0)
    let x10 = i32x4.splat(0)
    let x11 = i32x4.splat(0)
    let x20 = i32x4.splat(0)
    let x21 = i32x4.splat(0)
    let x30 = i32x4.splat(0)
    let x31 = i32x4.splat(0)
    let x40 = i32x4.splat(0)
    let x41 = i32x4.splat(0)
    let x50 = i32x4.splat(0)
    let x51 = i32x4.splat(0)
    do {
      let w0 = v128.load(w)
      let w1 = v128.load(w, 16)
      let a = i16x8.shr_s(i16x8.shl(v128.load_splat<i32>(x), 8), 8)
      x00 = i32x4.add(x00, i32x4.dot_i16x8_s(w0, a))
      x01 = i32x4.add(x01, i32x4.dot_i16x8_s(w1, a))
      a = i16x8.shr_s(i16x8.shl(v128.load_splat<i32>(x, 4), 8), 8)
      x10 = i32x4.add(x10, i32x4.dot_i16x8_s(w0, a))
      x11 = i32x4.add(x11, i32x4.dot_i16x8_s(w1, a))
      a = i16x8.shr_s(i16x8.shl(v128.load_splat<i32>(x, 8), 8), 8)
      x20 = i32x4.add(x20, i32x4.dot_i16x8_s(w0, a))
      x21 = i32x4.add(x21, i32x4.dot_i16x8_s(w1, a))
      a = i16x8.shr_s(i16x8.shl(v128.load_splat<i32>(x, 12), 8), 8)
      x30 = i32x4.add(x30, i32x4.dot_i16x8_s(w0, a))
      x31 = i32x4.add(x31, i32x4.dot_i16x8_s(w1, a))
      a = i16x8.shr_s(i16x8.shl(v128.load_splat<i32>(x, 16), 8), 8)
      x40 = i32x4.add(x40, i32x4.dot_i16x8_s(w0, a))
      x41 = i32x4.add(x41, i32x4.dot_i16x8_s(w1, a))
      a = i16x8.shr_s(i16x8.shl(v128.load_splat<i32>(x, 20), 8), 8)
      x50 = i32x4.add(x50, i32x4.dot_i16x8_s(w0, a))
      x51 = i32x4.add(x51, i32x4.dot_i16x8_s(w1, a))
      w0 = v128.load(w, 32)
      w1 = v128.load(w, 48)
      a = i16x8.shr_s(v128.load_splat<i32>(x), 8)
      x00 = i32x4.add(x00, i32x4.dot_i16x8_s(w0, a))
      x01 = i32x4.add(x01, i32x4.dot_i16x8_s(w1, a))
      a = i16x8.shr_s(v128.load_splat<i32>(x, 4), 8)
      x10 = i32x4.add(x10, i32x4.dot_i16x8_s(w0, a))
      x11 = i32x4.add(x11, i32x4.dot_i16x8_s(w1, a))
      a = i16x8.shr_s(v128.load_splat<i32>(x, 8), 8)
      x20 = i32x4.add(x20, i32x4.dot_i16x8_s(w0, a))
      x21 = i32x4.add(x21, i32x4.dot_i16x8_s(w1, a))
      a = i16x8.shr_s(v128.load_splat<i32>(x, 12), 8)
      x30 = i32x4.add(x30, i32x4.dot_i16x8_s(w0, a))
      x31 = i32x4.add(x31, i32x4.dot_i16x8_s(w1, a))
      a = i16x8.shr_s(v128.load_splat<i32>(x, 16), 8)
      x40 = i32x4.add(x40, i32x4.dot_i16x8_s(w0, a))
      x41 = i32x4.add(x41, i32x4.dot_i16x8_s(w1, a))
      a = i16x8.shr_s(v128.load_splat<i32>(x, 20), 8)
      x50 = i32x4.add(x50, i32x4.dot_i16x8_s(w0, a))
      x51 = i32x4.add(x51, i32x4.dot_i16x8_s(w1, a))
      x += 24
      w += 64
    } while (x < end)
    addToRow(x00, x01, w, v128.load_splat<f32>(x, 24), y)
    addToRow(x10, x11, w, v128.load_splat<f32>(x, 28), y + 32)
    addToRow(x20, x21, w, v128.load_splat<f32>(x, 32), y + 64)
    addToRow(x30, x31, w, v128.load_splat<f32>(x, 36), y + 96)
    addToRow(x40, x41, w, v128.load_splat<f32>(x, 40), y + 128)
    addToRow(x50, x51, w, v128.load_splat<f32>(x, 44), y + 160)
    x += 48
    w += 32
  } while (--blocks)
}
