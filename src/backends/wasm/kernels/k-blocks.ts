/**
 * Reading the blocks of src/blocks/k-panels.ts: 8 rows x 256 columns. A plane is a half of every row (16 bytes), a unit a word of
 * every row (32 bytes). The planes of q4k and q5k are d, dmin and pairs of bytes of the scales; those of q6k pairs of scales, d.
 */
import { nibbleMask, widenScale, widenScales } from './blocks'

/** Sixteen bytes of 63, of 48 and of 16. */
const sixBitMask: usize = memory.data<u64>([0x3f3f3f3f3f3f3f3f, 0x3f3f3f3f3f3f3f3f], 16)
export const upperPairMask: usize = memory.data<u64>([0x3030303030303030, 0x3030303030303030], 16)
export const fifthBitMask: usize = memory.data<u64>([0x1010101010101010, 0x1010101010101010], 16)

/** Where the units begin. */
export const minimumUnits: usize = 128
export const signedUnits: usize = 144
/** Where the nibbles begin in q5k. */
export const fifthBitNibbles: usize = 384
/** Units of q6k for 128 columns: 8 of upper bits, then 16 of nibbles. */
export const sideBytes: usize = 768
export const sideNibbles: usize = 256

/** In a token's block of 256 activations (see packed.ts): sums of 16 and of 32, in pairs, and the scale. */
export const pairsOf16: usize = 256
export const pairsOf32: usize = 288
export const activationScale: usize = 304
/** Bytes of such a block. */
export const activationBytes: usize = 308

/** Bytes of a block, by the bits of its integers. */
// @ts-ignore: decorator
@inline
export function kBlockBytes(bits: i32): usize {
  return bits == 4 ? 1152 : bits == 5 ? 1408 : 1680
}

/** Scales of the groups 2 * pair and 2 * pair + 1 of q4k and q5k: bytes [8 rows][2]. */
// @ts-ignore: decorator
@inline
export function pairScales(block: usize, pair: i32): v128 {
  if (pair < 2) return v128.and(v128.load(block + 32 + <usize>pair * 16), v128.load(sixBitMask))
  const lower = v128.and(v128.load(block + 64 + <usize>pair * 16), v128.load(nibbleMask))
  const upper = i16x8.shr_u(v128.load(block + <usize>pair * 16), 2)
  return v128.or(lower, v128.and(upper, v128.load(upperPairMask)))
}

/** The minima of these groups. */
// @ts-ignore: decorator
@inline
export function pairMinima(block: usize, pair: i32): v128 {
  if (pair < 2) return v128.and(v128.load(block + 64 + <usize>pair * 16), v128.load(sixBitMask))
  const lower = v128.and(i16x8.shr_u(v128.load(block + 64 + <usize>pair * 16), 4), v128.load(nibbleMask))
  const upper = i16x8.shr_u(v128.load(block + 32 + <usize>pair * 16), 2)
  return v128.or(lower, v128.and(upper, v128.load(upperPairMask)))
}

/** Of four pairs of 16 bits the first ones, widened to 32 bits. */
// @ts-ignore: decorator
@inline
export function firstOfPairs(pairs: v128): v128 {
  return i32x4.shr_s(i32x4.shl(pairs, 16), 16)
}

/** The second ones. */
// @ts-ignore: decorator
@inline
export function secondOfPairs(pairs: v128): v128 {
  return i32x4.shr_s(pairs, 16)
}

/**
 * A panel to one byte an integer. Of each block and each group of 32 columns (q6k: of 16) the steps of [8 rows][4 bytes], then its
 * 8 scales as i16 [8 rows][2], twice the same; then of all pairs of groups what is subtracted for them, i16 [8 rows][2]; then the f32 factors of both, [8] each.
 * The value of an integer q of group g is factor * scale[g] * q + offset factor * offset[g].
 */
export function unpackK(w: usize, target: usize, blocks: i32, bits: i32): void {
  do {
    target = bits == 6 ? unpackSigned(w, target) : unpackMinimum(w, target, bits)
    w += kBlockBytes(bits)
  } while (--blocks)
}

/** Bytes of a block that unpackK has written. */
// @ts-ignore: decorator
@inline
export function unpackedKBytes(bits: i32): usize {
  return bits == 6 ? 2880 : 2496
}

function unpackMinimum(w: usize, target: usize, bits: i32): usize {
  const mask = v128.load(nibbleMask)
  let nibbles = w + (bits == 5 ? fifthBitNibbles : minimumUnits)
  for (let pair = 0; pair < 4; pair++) {
    for (let at: usize = 0; at < 256; at += 16) {
      const both = v128.load(nibbles + at)
      let low = v128.and(both, mask)
      let high = v128.and(i16x8.shr_u(both, 4), mask)
      if (bits == 5) {
        const fifths = fifthBitsOfPair(v128.load(w + minimumUnits + at), pair)
        low = v128.or(low, v128.and(i16x8.shl(fifths, 1), v128.load(fifthBitMask)))
        high = v128.or(high, v128.and(fifths, v128.load(fifthBitMask)))
      }
      v128.store(target + at, low)
      v128.store(target + at, high, 288)
    }
    storePairs(pairScales(w, pair), target + 256, 288)
    nibbles += 256
    target += 576
  }
  for (let pair = 0; pair < 4; pair++) {
    const minima = pairMinima(w, pair)
    v128.store(target, i16x8.extend_low_i8x16_u(minima))
    v128.store(target, i16x8.extend_high_i8x16_u(minima), 16)
    target += 32
  }
  const scales = v128.load(w)
  v128.store(target, widenScales(scales, 0))
  v128.store(target, widenScales(scales, 1), 16)
  const offsets = v128.load(w, 16)
  v128.store(target, f32x4.neg(widenScales(offsets, 0)), 32)
  v128.store(target, f32x4.neg(widenScales(offsets, 1)), 48)
  return target + 64
}

/**
 * Bytes whose fifth and fourth bits are the bits 2 * pair + 1 and 2 * pair of those here. No branch, because a loop that has one is
 * slower than two shifts.
 */
// @ts-ignore: decorator
@inline
export function fifthBitsOfPair(bytes: v128, pair: i32): v128 {
  return i16x8.shr_u(i16x8.shl(bytes, max(3 - 2 * pair, 0)), max(2 * pair - 3, 0))
}

/** Scales of two groups, bytes [8 rows][2] below 128, as i16 [8 rows][2] each, where both are the same. */
// @ts-ignore: decorator
@inline
function storePairs(scales: v128, first: usize, spacing: usize): void {
  const low = i16x8.extend_low_i8x16_s(scales)
  const high = i16x8.extend_high_i8x16_s(scales)
  v128.store(first, firstTwice(low))
  v128.store(first, firstTwice(high), 16)
  v128.store(first + spacing, secondTwice(low))
  v128.store(first + spacing, secondTwice(high), 16)
}

/** Of four pairs of 16 bits the first ones, twice. By shifts, since V8 pairs shuffles of 16 bits wrongly. */
// @ts-ignore: decorator
@inline
function firstTwice(pairs: v128): v128 {
  return v128.or(i32x4.shl(pairs, 16), i32x4.shr_u(i32x4.shl(pairs, 16), 16))
}

/** The second ones, twice. */
// @ts-ignore: decorator
@inline
function secondTwice(pairs: v128): v128 {
  const upper = i32x4.shr_u(pairs, 16)
  return v128.or(upper, i32x4.shl(upper, 16))
}

function unpackSigned(w: usize, target: usize): usize {
  const mask = v128.load(nibbleMask)
  const upperMask = v128.load(upperPairMask)
  const offsets = target + 2560
  for (let pair = 0; pair < 8; pair++) {
    const side = <usize>(pair >> 2)
    const quarter = pair & 3
    let upper = w + signedUnits + side * sideBytes
    let nibbles = upper + sideNibbles + <usize>(quarter & 1) * 256
    const shift = quarter > 1 ? 4 : 0
    for (let group = target; group < target + 320; group += 160) {
      const end = group + 128
      let to = group
      do {
        const w0 = v128.load(nibbles)
        const w1 = v128.load(nibbles, 16)
        const bits0 = v128.load(upper)
        const bits1 = v128.load(upper, 16)
        const low0 = v128.and(i16x8.shr_u(w0, shift), mask)
        const low1 = v128.and(i16x8.shr_u(w1, shift), mask)
        const high0 = v128.and(i16x8.shl(i16x8.shr_u(bits0, 2 * quarter), 4), upperMask)
        const high1 = v128.and(i16x8.shl(i16x8.shr_u(bits1, 2 * quarter), 4), upperMask)
        v128.store(to, v128.or(low0, high0))
        v128.store(to, v128.or(low1, high1), 16)
        nibbles += 32
        upper += 32
        to += 32
      } while (to < end)
    }
    const scales = v128.load(w + <usize>pair * 16)
    storePairs(scales, target + 128, 160)
    v128.store(offsets + <usize>pair * 32, i16x8.extend_low_i8x16_s(scales))
    v128.store(offsets + <usize>pair * 32, i16x8.extend_high_i8x16_s(scales), 16)
    target += 320
  }
  target += 256
  const factors = v128.load(w, 128)
  const factor0 = widenScales(factors, 0)
  const factor1 = widenScales(factors, 1)
  v128.store(target, factor0)
  v128.store(target, factor1, 16)
  v128.store(target, f32x4.mul(factor0, f32x4.splat(-32)), 32)
  v128.store(target, f32x4.mul(factor1, f32x4.splat(-32)), 48)
  return target + 64
}

/** Bytes of a token whose products of pairs 16 bits hold: 8, 4 or 2 steps of integers of 4, 5 or 6 bits. */
// @ts-ignore: decorator
@inline
export function pairedBytes(bits: i32): usize {
  return <usize>(32 >> (bits - 4))
}

/** A block as f32 [256 columns][8 rows]. `unpacked` has room for what unpackK writes. */
export function dequantizeKBlock(w: usize, target: usize, bits: i32, unpacked: usize): void {
  unpackK(w, unpacked, 1, bits)
  const groupSteps = bits == 6 ? 4 : 8
  const groups = 64 / groupSteps
  const groupBytes = <usize>groupSteps * 32 + 32
  const offsets = unpacked + <usize>groups * groupBytes
  const factors = offsets + <usize>groups * 16
  for (let group = 0; group < groups; group++) {
    for (let half: usize = 0; half < 32; half += 16) {
      const pairs = v128.load(offsets + <usize>(group >> 1) * 32 + half)
      const minimum = (group & 1) == 0 ? firstOfPairs(pairs) : secondOfPairs(pairs)
      const offset = f32x4.mul(f32x4.convert_i32x4_s(minimum), v128.load(factors + half, 32))
      const scales = v128.load(unpacked + groupBytes - 32 + half)
      const scale = f32x4.mul(f32x4.convert_i32x4_s(secondOfPairs(scales)), v128.load(factors + half))
      for (let step = 0; step < groupSteps; step++) {
        const bytes = v128.load(unpacked + <usize>step * 32 + half)
        const to = target + <usize>step * 128 + half
        storeValues(v128.and(bytes, i32x4.splat(0xff)), scale, offset, to)
        storeValues(v128.and(i32x4.shr_u(bytes, 8), i32x4.splat(0xff)), scale, offset, to + 32)
        storeValues(v128.and(i32x4.shr_u(bytes, 16), i32x4.splat(0xff)), scale, offset, to + 64)
        storeValues(i32x4.shr_u(bytes, 24), scale, offset, to + 96)
      }
    }
    unpacked += groupBytes
    target += <usize>groupSteps * 128
  }
}

/** The product is exact, so that the sum is rounded once, fused or not. */
// @ts-ignore: decorator
@inline
function storeValues(integers: v128, scale: v128, offset: v128, target: usize): void {
  v128.store(target, f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(integers), scale), offset))
}

/** One row of a matrix as f32 [k]. */
export function dequantizeKRow(weights: usize, row: i32, target: usize, k: i32, bits: i32): void {
  const blockBytes = kBlockBytes(bits)
  const blocks = k >> 8
  const lane = <usize>(row & 7)
  let block = weights + <usize>((row >> 3) * blocks) * blockBytes
  for (let rest = blocks; rest > 0; rest--) {
    if (bits == 6) dequantizeSignedLane(block, lane, target)
    else dequantizeMinimumLane(block, lane, target, bits)
    block += blockBytes
    target += 1024
  }
}

function dequantizeMinimumLane(block: usize, lane: usize, target: usize, bits: i32): void {
  const scale = widenScale(block + lane * 2)
  const minimum = widenScale(block + 16 + lane * 2)
  const nibbles = block + (bits == 5 ? fifthBitNibbles : minimumUnits) + lane * 4
  for (let group = 0; group < 8; group++) {
    const byte = lane * 2 + <usize>(group & 1)
    const groupScale = scale * <f32>byteOf(pairScales(block, group >> 1), byte)
    const offset = minimum * <f32>byteOf(pairMinima(block, group >> 1), byte)
    for (let column = 0; column < 32; column++) {
      const place = <usize>(column >> 2) * 32 + <usize>(column & 3)
      let integer = (<i32>load<u8>(nibbles + <usize>(group >> 1) * 256 + place) >> (4 * (group & 1))) & 15
      if (bits == 5) {
        const fifth = <i32>load<u8>(block + minimumUnits + lane * 4 + place)
        integer |= ((fifth >> group) & 1) << 4
      }
      store<f32>(target, groupScale * <f32>integer - offset)
      target += 4
    }
  }
}

/** A byte of a vector at a place that is not known before. */
function byteOf(bytes: v128, place: usize): i32 {
  const index = i8x16.splat(<i8>place)
  return i8x16.extract_lane_u(i8x16.swizzle(bytes, index), 0)
}

function dequantizeSignedLane(block: usize, lane: usize, target: usize): void {
  const scale = widenScale(block + 128 + lane * 2)
  for (let group = 0; group < 16; group++) {
    const pair = group >> 1
    const side = <usize>(pair >> 2)
    const quarter = pair & 3
    const groupScale = scale * <f32>load<i8>(block + <usize>pair * 16 + lane * 2 + <usize>(group & 1))
    const unit = lane * 4 + <usize>(group & 1) * 128
    const upper = block + signedUnits + side * sideBytes + unit
    const nibbles = upper + sideNibbles + <usize>(quarter & 1) * 256
    for (let column = 0; column < 16; column++) {
      const place = <usize>(column >> 2) * 32 + <usize>(column & 3)
      const lower = (<i32>load<u8>(nibbles + place) >> (4 * (quarter >> 1))) & 15
      const higher = (<i32>load<u8>(upper + place) >> (2 * quarter)) & 3
      store<f32>(target, groupScale * <f32>((lower | (higher << 4)) - 32))
      target += 4
    }
  }
}
