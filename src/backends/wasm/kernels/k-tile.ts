/** Six tokens x one panel that unpackK has unpacked, with the sums and roundings of k-stream.ts. */
import { secondOfPairs } from './k-blocks'
import { dotBytes, madd } from './simd'

/** 8 rows' integers of one token x the scales of their group, onto sums in memory. */
// @ts-ignore: decorator
@inline
export function addScaled(x0: v128, x1: v128, scale0: v128, scale1: v128, sums: usize): void {
  const sum0 = i32x4.add(v128.load(sums), i32x4.mul(x0, scale0))
  const sum1 = i32x4.add(v128.load(sums, 16), i32x4.mul(x1, scale1))
  v128.store(sums, sum0)
  v128.store(sums, sum1, 16)
}

/** A block's sums and offsets of one token x their factors, f32 [2][8], onto y. */
// @ts-ignore: decorator
@inline
export function finishRow(sums: usize, offset0: v128, offset1: v128, factors: usize, scale: v128, y: usize): void {
  let y0 = madd(f32x4.convert_i32x4_s(v128.load(sums)), f32x4.mul(v128.load(factors), scale), v128.load(y))
  let y1 = madd(f32x4.convert_i32x4_s(v128.load(sums, 16)), f32x4.mul(v128.load(factors, 16), scale), v128.load(y, 16))
  y0 = madd(f32x4.convert_i32x4_s(offset0), f32x4.mul(v128.load(factors, 32), scale), y0)
  y1 = madd(f32x4.convert_i32x4_s(offset1), f32x4.mul(v128.load(factors, 48), scale), y1)
  v128.store(y, y0)
  v128.store(y, y1, 16)
}

/**
 * @param x a panel of six tokens: see quantizeRows
 * @param w what unpackK has written
 * @param sums room for i32 [6][8]
 * @param y f32 [6][8], added to
 * @param groups of a block: 8, or 16 of q6k
 */
export function tileK(x: usize, w: usize, sums: usize, y: usize, blocks: i32, groups: i32): void {
  const groupBytes = <usize>(1536 / groups)
  do {
    memory.fill(sums, 0, 192)
    for (let group = 0; group < groups; group++) {
      const end = x + groupBytes
      let x00 = i32x4.splat(0)
      let x01 = x00
      let x10 = x00
      let x11 = x00
      let x20 = x00
      let x21 = x00
      let x30 = x00
      let x31 = x00
      let x40 = x00
      let x41 = x00
      let x50 = x00
      let x51 = x00
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
      const scale0 = secondOfPairs(v128.load(w))
      const scale1 = secondOfPairs(v128.load(w, 16))
      w += 32
      addScaled(x00, x01, scale0, scale1, sums)
      addScaled(x10, x11, scale0, scale1, sums + 32)
      addScaled(x20, x21, scale0, scale1, sums + 64)
      addScaled(x30, x31, scale0, scale1, sums + 96)
      addScaled(x40, x41, scale0, scale1, sums + 128)
      addScaled(x50, x51, scale0, scale1, sums + 160)
    }
    // Sums of 16 activations, and behind them those of 32.
    let totals = groups == 16 ? x : x + 192
    const end = w + <usize>groups * 16
    let x00 = i32x4.splat(0)
    let x01 = x00
    let x10 = x00
    let x11 = x00
    let x20 = x00
    let x21 = x00
    let x30 = x00
    let x31 = x00
    let x40 = x00
    let x41 = x00
    let x50 = x00
    let x51 = x00
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
      a = v128.load_splat<i32>(totals, 12)
      x30 = i32x4.add(x30, i32x4.dot_i16x8_s(a, w0))
      x31 = i32x4.add(x31, i32x4.dot_i16x8_s(a, w1))
      a = v128.load_splat<i32>(totals, 16)
      x40 = i32x4.add(x40, i32x4.dot_i16x8_s(a, w0))
      x41 = i32x4.add(x41, i32x4.dot_i16x8_s(a, w1))
      a = v128.load_splat<i32>(totals, 20)
      x50 = i32x4.add(x50, i32x4.dot_i16x8_s(a, w0))
      x51 = i32x4.add(x51, i32x4.dot_i16x8_s(a, w1))
      totals += 24
      w += 32
    } while (w < end)
    x += 288
    finishRow(sums, x00, x01, w, v128.load_splat<f32>(x), y)
    finishRow(sums + 32, x10, x11, w, v128.load_splat<f32>(x, 4), y + 32)
    finishRow(sums + 64, x20, x21, w, v128.load_splat<f32>(x, 8), y + 64)
    finishRow(sums + 96, x30, x31, w, v128.load_splat<f32>(x, 12), y + 96)
    finishRow(sums + 128, x40, x41, w, v128.load_splat<f32>(x, 16), y + 128)
    finishRow(sums + 160, x50, x51, w, v128.load_splat<f32>(x, 20), y + 160)
    x += 24
    w += 64
  } while (--blocks)
}
