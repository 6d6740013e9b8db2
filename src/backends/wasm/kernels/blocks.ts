/** Reading and unpacking the blocks of src/blocks/packed.ts: what every kernel on packed weights shares. */
import { halfScale, highHalves, lowHalves } from './halves'

/** Sixteen bytes of 15. In memory, because V8 builds a constant anew in every turn of a loop. */
export const nibbleMask: usize = memory.data<u64>([0x0f0f0f0f0f0f0f0f, 0x0f0f0f0f0f0f0f0f], 16)
/** Eight 16-bit words of 15. */
export const nibbleMask16: usize = memory.data<u64>([0x000f000f000f000f, 0x000f000f000f000f], 16)
/**
 * Four of 8 f16 scales (half 0 or 1) as f32, exactly: they are never subnormal, infinite or NaN. A caller loads the 8 once:
 * V8 pairs the two halves with each other only where they are halves of one load.
 */
// @ts-ignore: decorator
@inline
export function widenScales(scales: v128, half: i32): v128 {
  return f32x4.mul(half == 0 ? lowHalves(scales) : highHalves(scales), f32x4.splat(halfScale))
}

/** One f16 scale as f32. */
export function widenScale(scale: usize): f32 {
  const bits = ((<i32>load<i16>(scale)) << 13) & 0x8fffffff
  return reinterpret<f32>(bits) * halfScale
}

/**
 * A panel of 4 bits to group/4 steps of [8 rows][4 bytes 0..15], then 8 f32 scales, per block. A step and the scales take
 * `stride` bytes: 32, or 64 for two panels side by side.
 */
export function unpackNibbles(w: usize, target: usize, blocks: i32, group: i32, stride: usize): void {
  const mask = v128.load(nibbleMask)
  const halfBytes = (<usize>group >> 3) * stride
  do {
    const end = w + <usize>group * 4
    do {
      const w0 = v128.load(w)
      const w1 = v128.load(w, 16)
      v128.store(target, v128.and(w0, mask))
      v128.store(target, v128.and(w1, mask), 16)
      v128.store(target + halfBytes, v128.and(i16x8.shr_u(w0, 4), mask))
      v128.store(target + halfBytes, v128.and(i16x8.shr_u(w1, 4), mask), 16)
      w += 32
      target += stride
    } while (w < end)
    target += halfBytes
    const scales = v128.load(w)
    v128.store(target, widenScales(scales, 0))
    v128.store(target, widenScales(scales, 1), 16)
    w += 16
    target += stride
  } while (--blocks)
}

/**
 * A panel of 8 bits to the steps of ceil((byte + 127) / 2), then those of the rest of byte + 127, both 0..127 and [8
 * rows][4 bytes], then 8 f32 scales, per block. `stride` as for unpackNibbles.
 */
export function unpackBytes(w: usize, target: usize, blocks: i32, group: i32, stride: usize): void {
  const planeBytes = (<usize>group >> 2) * stride
  const offset = i8x16.splat(127)
  const zero = i8x16.splat(0)
  do {
    const end = w + <usize>group * 8
    do {
      const w0 = i8x16.add(v128.load(w), offset)
      const w1 = i8x16.add(v128.load(w, 16), offset)
      const upper0 = i8x16.avgr_u(w0, zero)
      const upper1 = i8x16.avgr_u(w1, zero)
      v128.store(target, upper0)
      v128.store(target, upper1, 16)
      v128.store(target + planeBytes, i8x16.sub(w0, upper0))
      v128.store(target + planeBytes, i8x16.sub(w1, upper1), 16)
      w += 32
      target += stride
    } while (w < end)
    target += planeBytes
    const scales = v128.load(w)
    v128.store(target, widenScales(scales, 0))
    v128.store(target, widenScales(scales, 1), 16)
    w += 16
    target += stride
  } while (--blocks)
}

/**
 * A panel of 8 bits to the steps of the upper nibbles of byte + 128, then those of the lower ones, both [8 rows][4 bytes 0..15], then 8
 * f32 scales, per block. `stride` as for unpackNibbles.
 */
export function unpackBytesPaired(w: usize, target: usize, blocks: i32, group: i32, stride: usize): void {
  const mask = v128.load(nibbleMask)
  const planeBytes = (<usize>group >> 2) * stride
  const offset = i8x16.splat(-128)
  do {
    const end = w + <usize>group * 8
    do {
      const w0 = v128.xor(v128.load(w), offset)
      const w1 = v128.xor(v128.load(w, 16), offset)
      v128.store(target, v128.and(i16x8.shr_u(w0, 4), mask))
      v128.store(target, v128.and(i16x8.shr_u(w1, 4), mask), 16)
      v128.store(target + planeBytes, v128.and(w0, mask))
      v128.store(target + planeBytes, v128.and(w1, mask), 16)
      w += 32
      target += stride
    } while (w < end)
    target += planeBytes
    const scales = v128.load(w)
    v128.store(target, widenScales(scales, 0))
    v128.store(target, widenScales(scales, 1), 16)
    w += 16
    target += stride
  } while (--blocks)
}

/** A panel of 4 bits to group/4 steps of [8 rows][columns 0, 2] then [8 rows][columns 1, 3] in 16 bits, then 8 f32 scales. */
export function unpackNibblesBaseline(w: usize, target: usize, blocks: i32, group: i32): void {
  const halfBytes = <usize>group * 8
  do {
    const end = w + <usize>group * 4
    do {
      unpackUnitHalf(v128.load(w), target, halfBytes)
      unpackUnitHalf(v128.load(w, 16), target + 16, halfBytes)
      w += 32
      target += 64
    } while (w < end)
    target += halfBytes
    const scales = v128.load(w)
    v128.store(target, widenScales(scales, 0))
    v128.store(target, widenScales(scales, 1), 16)
    w += 16
    target += 32
  } while (--blocks)
}

/** Flipping the upper bit of a nibble turns 0..15 into the two's complement of -8..7. */
// @ts-ignore: decorator
@inline
function unpackUnitHalf(unit: v128, target: usize, halfBytes: usize): void {
  const nibbles = v128.xor(unit, i8x16.splat(-0x78))
  v128.store(target, i16x8.shr_s(i16x8.shl(nibbles, 12), 12))
  v128.store(target, i16x8.shr_s(i16x8.shl(nibbles, 4), 12), 32)
  v128.store(target + halfBytes, i16x8.shr_s(i16x8.shl(nibbles, 8), 12))
  v128.store(target + halfBytes, i16x8.shr_s(nibbles, 12), 32)
}

/** A panel of 8 bits in the order of unpackNibblesBaseline. */
export function unpackBytesBaseline(w: usize, target: usize, blocks: i32, group: i32): void {
  do {
    const end = w + <usize>group * 8
    do {
      const w0 = v128.load(w)
      const w1 = v128.load(w, 16)
      v128.store(target, i16x8.shr_s(i16x8.shl(w0, 8), 8))
      v128.store(target, i16x8.shr_s(i16x8.shl(w1, 8), 8), 16)
      v128.store(target, i16x8.shr_s(w0, 8), 32)
      v128.store(target, i16x8.shr_s(w1, 8), 48)
      w += 32
      target += 64
    } while (w < end)
    const scales = v128.load(w)
    v128.store(target, widenScales(scales, 0))
    v128.store(target, widenScales(scales, 1), 16)
    w += 16
    target += 32
  } while (--blocks)
}

/** One block as f32 [group columns][8 rows]: a panel of op(B) for the f32 tiles. */
export function dequantizeBlock(w: usize, target: usize, group: i32, bits: i32): void {
  const scales = w + <usize>(group * bits)
  const halves = v128.load(scales)
  const scale0 = widenScales(halves, 0)
  const scale1 = widenScales(halves, 1)
  if (bits == 4) {
    const high = target + <usize>group * 16
    const bias = i8x16.splat(-0x78)
    for (let at: usize = 0; w < scales; at += 128) {
      const w0 = v128.xor(v128.load(w), bias)
      const w1 = v128.xor(v128.load(w, 16), bias)
      dequantizeStep(i32x4.shl(w0, 4), i32x4.shl(w1, 4), scale0, scale1, target + at, 28)
      dequantizeStep(w0, w1, scale0, scale1, high + at, 28)
      w += 32
    }
  } else {
    for (; w < scales; w += 32) {
      dequantizeStep(v128.load(w), v128.load(w, 16), scale0, scale1, target, 24)
      target += 128
    }
  }
}

/** A step of 4 columns whose integers are the upper bits of each byte, all but the last `shift` bits of a lane's top byte. */
// @ts-ignore: decorator
@inline
function dequantizeStep(w0: v128, w1: v128, scale0: v128, scale1: v128, target: usize, shift: i32): void {
  storeColumn(i32x4.shl(w0, 24), i32x4.shl(w1, 24), scale0, scale1, target, shift)
  storeColumn(i32x4.shl(w0, 16), i32x4.shl(w1, 16), scale0, scale1, target + 32, shift)
  storeColumn(i32x4.shl(w0, 8), i32x4.shl(w1, 8), scale0, scale1, target + 64, shift)
  storeColumn(w0, w1, scale0, scale1, target + 96, shift)
}

// @ts-ignore: decorator
@inline
function storeColumn(w0: v128, w1: v128, scale0: v128, scale1: v128, target: usize, shift: i32): void {
  v128.store(target, f32x4.mul(f32x4.convert_i32x4_s(i32x4.shr_s(w0, shift)), scale0))
  v128.store(target, f32x4.mul(f32x4.convert_i32x4_s(i32x4.shr_s(w1, shift)), scale1), 16)
}

/** One row of a packed matrix as f32 [k]. */
export function dequantizeRow(weights: usize, row: i32, target: usize, k: i32, bits: i32, group: i32): void {
  const blockBytes = <usize>(group * bits + 16)
  const blocks = k / group
  const lane = <usize>(row & 7)
  let block = weights + <usize>((row >> 3) * blocks) * blockBytes
  for (let rest = blocks; rest > 0; rest--) {
    const scales = block + <usize>(group * bits)
    const scale = f32x4.splat(widenScale(scales + lane * 2))
    if (bits == 4) {
      const half = <usize>group * 2
      for (let w = block + lane * 4; w < scales; w += 32) {
        const word = load<u32>(w) ^ 0x88888888
        v128.store(target, f32x4.mul(spread((word << 4) & 0xf0f0f0f0, 4), scale))
        v128.store(target + half, f32x4.mul(spread(word & 0xf0f0f0f0, 4), scale))
        target += 16
      }
      target += half
    } else {
      for (let w = block + lane * 4; w < scales; w += 32) {
        v128.store(target, f32x4.mul(spread(load<u32>(w), 0), scale))
        target += 16
      }
    }
    block += blockBytes
  }
}

/** The four signed bytes of a word, shifted down, as f32. */
// @ts-ignore: decorator
@inline
function spread(word: u32, shift: i32): v128 {
  const wide = i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(i32x4.splat(word)))
  return f32x4.convert_i32x4_s(i32x4.shr_s(wide, shift))
}
