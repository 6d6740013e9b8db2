/**
 * Four tokens x one unpacked panel of weights, or two side by side, by products of pairs in 16 bits, which hold those of 8 steps of
 * nibbles: 8 * 2 * 15 * 127 < 2^15. Bytes are two planes of nibbles, the upper ones first. One step per turn: V8 orders straight-line
 * code of more so that its registers do not suffice. The results are kept in registers, since V8 stores a pair of vectors twice. Same
 * bits as packed-tile.ts.
 */
import { madd, stepDots } from './simd'

/** Sixteen bits of 1, eight times: a constant in memory is read once, and one in the code made again at each use. */
const onesOf16: usize = memory.data<u64>([0x0001000100010001, 0x0001000100010001], 16)

/** Bytes of the activations of 8 steps. */
const heldBytes: usize = 128

/**
 * 4 tokens x 8 rows of nibbles.
 *
 * @param y f32 [4][8]
 */
export function tileNibblesPaired(x: usize, w: usize, y: usize, blocks: i32, group: i32): void {
  multiplyTile(false, 1, x, w, y, blocks, group)
}

/**
 * 4 tokens x 16 rows, on steps of [16 rows][4 bytes] and 16 scales.
 *
 * @param y f32 [4][16]
 */
export function tileNibblesPairedWide(x: usize, w: usize, y: usize, blocks: i32, group: i32): void {
  multiplyTile(true, 1, x, w, y, blocks, group)
}

/** tileNibblesPaired of bytes. */
export function tileBytesPaired(x: usize, w: usize, y: usize, blocks: i32, group: i32): void {
  multiplyTile(false, 2, x, w, y, blocks, group)
}

/** tileNibblesPairedWide of bytes. */
export function tileBytesPairedWide(x: usize, w: usize, y: usize, blocks: i32, group: i32): void {
  multiplyTile(true, 2, x, w, y, blocks, group)
}

/** `planes` of nibbles: 1, or 2 of bytes. */
// @ts-ignore: decorator
@inline
function multiplyTile(wide: bool, planes: i32, x: usize, w: usize, y: usize, blocks: i32, group: i32): void {
  let y00 = f32x4.splat(0)
  let y01 = y00
  let y02 = y00
  let y03 = y00
  let y10 = y00
  let y11 = y00
  let y12 = y00
  let y13 = y00
  let y20 = y00
  let y21 = y00
  let y22 = y00
  let y23 = y00
  let y30 = y00
  let y31 = y00
  let y32 = y00
  let y33 = y00
  do {
    const end = x + <usize>(group * 4)
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
    let x30 = v128.load_splat<i32>(end, 12)
    let x31 = x30
    let x32 = x30
    let x33 = x30
    let rest = planes
    while (true) {
      do {
        const stop = x + heldBytes
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
        let s30 = s00
        let s31 = s00
        let s32 = s00
        let s33 = s00
        do {
          const w0 = v128.load(w)
          const w1 = v128.load(w, 16)
          const w2 = wide ? v128.load(w, 32) : w0
          const w3 = wide ? v128.load(w, 48) : w1
          let a = v128.load_splat<i32>(x)
          s00 = stepDots(true, a, w0, s00)
          s01 = stepDots(true, a, w1, s01)
          if (wide) {
            s02 = stepDots(true, a, w2, s02)
            s03 = stepDots(true, a, w3, s03)
          }
          a = v128.load_splat<i32>(x, 4)
          s10 = stepDots(true, a, w0, s10)
          s11 = stepDots(true, a, w1, s11)
          if (wide) {
            s12 = stepDots(true, a, w2, s12)
            s13 = stepDots(true, a, w3, s13)
          }
          a = v128.load_splat<i32>(x, 8)
          s20 = stepDots(true, a, w0, s20)
          s21 = stepDots(true, a, w1, s21)
          if (wide) {
            s22 = stepDots(true, a, w2, s22)
            s23 = stepDots(true, a, w3, s23)
          }
          a = v128.load_splat<i32>(x, 12)
          s30 = stepDots(true, a, w0, s30)
          s31 = stepDots(true, a, w1, s31)
          if (wide) {
            s32 = stepDots(true, a, w2, s32)
            s33 = stepDots(true, a, w3, s33)
          }
          x += 16
          w += wide ? 64 : 32
        } while (x < stop)
        const ones = v128.load(onesOf16)
        x00 = i32x4.add(x00, i32x4.dot_i16x8_s(s00, ones))
        x01 = i32x4.add(x01, i32x4.dot_i16x8_s(s01, ones))
        x10 = i32x4.add(x10, i32x4.dot_i16x8_s(s10, ones))
        x11 = i32x4.add(x11, i32x4.dot_i16x8_s(s11, ones))
        x20 = i32x4.add(x20, i32x4.dot_i16x8_s(s20, ones))
        x21 = i32x4.add(x21, i32x4.dot_i16x8_s(s21, ones))
        x30 = i32x4.add(x30, i32x4.dot_i16x8_s(s30, ones))
        x31 = i32x4.add(x31, i32x4.dot_i16x8_s(s31, ones))
        if (wide) {
          x02 = i32x4.add(x02, i32x4.dot_i16x8_s(s02, ones))
          x03 = i32x4.add(x03, i32x4.dot_i16x8_s(s03, ones))
          x12 = i32x4.add(x12, i32x4.dot_i16x8_s(s12, ones))
          x13 = i32x4.add(x13, i32x4.dot_i16x8_s(s13, ones))
          x22 = i32x4.add(x22, i32x4.dot_i16x8_s(s22, ones))
          x23 = i32x4.add(x23, i32x4.dot_i16x8_s(s23, ones))
          x32 = i32x4.add(x32, i32x4.dot_i16x8_s(s32, ones))
          x33 = i32x4.add(x33, i32x4.dot_i16x8_s(s33, ones))
        }
      } while (x < end)
      if (planes == 1 || --rest == 0) break
      x = end - <usize>(group * 4)
      x00 = i32x4.shl(x00, 4)
      x01 = i32x4.shl(x01, 4)
      x10 = i32x4.shl(x10, 4)
      x11 = i32x4.shl(x11, 4)
      x20 = i32x4.shl(x20, 4)
      x21 = i32x4.shl(x21, 4)
      x30 = i32x4.shl(x30, 4)
      x31 = i32x4.shl(x31, 4)
      if (wide) {
        x02 = i32x4.shl(x02, 4)
        x03 = i32x4.shl(x03, 4)
        x12 = i32x4.shl(x12, 4)
        x13 = i32x4.shl(x13, 4)
        x22 = i32x4.shl(x22, 4)
        x23 = i32x4.shl(x23, 4)
        x32 = i32x4.shl(x32, 4)
        x33 = i32x4.shl(x33, 4)
      }
    }
    const scale0 = v128.load(w)
    const scale1 = v128.load(w, 16)
    const scale2 = wide ? v128.load(w, 32) : scale0
    const scale3 = wide ? v128.load(w, 48) : scale1
    let scale = v128.load_splat<f32>(x, 16)
    y00 = madd(f32x4.convert_i32x4_s(x00), f32x4.mul(scale0, scale), y00)
    y01 = madd(f32x4.convert_i32x4_s(x01), f32x4.mul(scale1, scale), y01)
    if (wide) {
      y02 = madd(f32x4.convert_i32x4_s(x02), f32x4.mul(scale2, scale), y02)
      y03 = madd(f32x4.convert_i32x4_s(x03), f32x4.mul(scale3, scale), y03)
    }
    scale = v128.load_splat<f32>(x, 20)
    y10 = madd(f32x4.convert_i32x4_s(x10), f32x4.mul(scale0, scale), y10)
    y11 = madd(f32x4.convert_i32x4_s(x11), f32x4.mul(scale1, scale), y11)
    if (wide) {
      y12 = madd(f32x4.convert_i32x4_s(x12), f32x4.mul(scale2, scale), y12)
      y13 = madd(f32x4.convert_i32x4_s(x13), f32x4.mul(scale3, scale), y13)
    }
    scale = v128.load_splat<f32>(x, 24)
    y20 = madd(f32x4.convert_i32x4_s(x20), f32x4.mul(scale0, scale), y20)
    y21 = madd(f32x4.convert_i32x4_s(x21), f32x4.mul(scale1, scale), y21)
    if (wide) {
      y22 = madd(f32x4.convert_i32x4_s(x22), f32x4.mul(scale2, scale), y22)
      y23 = madd(f32x4.convert_i32x4_s(x23), f32x4.mul(scale3, scale), y23)
    }
    scale = v128.load_splat<f32>(x, 28)
    y30 = madd(f32x4.convert_i32x4_s(x30), f32x4.mul(scale0, scale), y30)
    y31 = madd(f32x4.convert_i32x4_s(x31), f32x4.mul(scale1, scale), y31)
    if (wide) {
      y32 = madd(f32x4.convert_i32x4_s(x32), f32x4.mul(scale2, scale), y32)
      y33 = madd(f32x4.convert_i32x4_s(x33), f32x4.mul(scale3, scale), y33)
    }
    x += 32
    w += wide ? 64 : 32
  } while (--blocks)
  storeFour(wide, y00, y01, y02, y03, y)
  storeFour(wide, y10, y11, y12, y13, y + (wide ? 64 : 32))
  storeFour(wide, y20, y21, y22, y23, y + (wide ? 128 : 64))
  storeFour(wide, y30, y31, y32, y33, y + (wide ? 192 : 96))
}

// @ts-ignore: decorator
@inline
function storeFour(wide: bool, y0: v128, y1: v128, y2: v128, y3: v128, y: usize): void {
  v128.store(y, y0)
  v128.store(y, y1, 16)
  if (wide) {
    v128.store(y, y2, 32)
    v128.store(y, y3, 48)
  }
}
