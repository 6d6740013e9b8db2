/**
 * Reading the blocks of ggml that the store keeps as files have them: src/blocks/ggml.ts says what is in a block,
 * src/blocks/ggml-dequantize.ts how its bits are arranged. Every product here is exact in f32 and a sum is rounded once, so
 * that values have the bits of that file, fused or not.
 */
import { nibbleMask, widenScale } from './blocks'

/** The numbers of the types in GGUF files. */
const Q4_1: i32 = 3
const Q5_0: i32 = 6
const Q5_1: i32 = 7
const Q2_K: i32 = 10

/** Bit e mod 8 in byte e. */
const bitOfByte: usize = memory.data<u64>([0x8040201008040201, 0x8040201008040201], 16)
/** Sixteen bytes of 3. */
const pairMask: usize = memory.data<u64>([0x0303030303030303, 0x0303030303030303], 16)

/**
 * Elements of a row as f32.
 *
 * @param type the number of the type; Q3_K where it is none of the others
 * @param source a block
 * @param target f32 [count]
 * @param count a multiple of 32, of 256 for the K types
 * @returns where the next block begins
 */
export function dequantizeGgmlBlocks(type: i32, source: usize, target: usize, count: i32): usize {
  const end = target + <usize>count * 4
  switch (type) {
    case Q4_1:
      for (; target < end; target += 128, source += 20) {
        dequantizeHalves(source + 4, 0, scaleOf(source), scaleOf(source + 2), target)
      }
      break
    case Q5_0:
      for (; target < end; target += 128, source += 22) dequantizeQ5_0(source, target)
      break
    case Q5_1:
      for (; target < end; target += 128, source += 24) {
        dequantizeHalves(source + 8, source + 4, scaleOf(source), scaleOf(source + 2), target)
      }
      break
    case Q2_K:
      for (; target < end; target += 1024, source += 84) dequantizeQ2_K(source, target)
      break
    default:
      for (; target < end; target += 1024, source += 110) dequantizeQ3_K(source, target)
  }
  return source
}

// @ts-ignore: decorator
@inline
function scaleOf(source: usize): v128 {
  return f32x4.splat(widenScale(source))
}

/** Sixteen integers of 8 bits as f32: scale * integer. */
function storeScaled(integers: v128, scale: v128, target: usize): void {
  const low = i16x8.extend_low_i8x16_s(integers)
  const high = i16x8.extend_high_i8x16_s(integers)
  v128.store(target, scaled(i32x4.extend_low_i16x8_s(low), scale))
  v128.store(target, scaled(i32x4.extend_high_i16x8_s(low), scale), 16)
  v128.store(target, scaled(i32x4.extend_low_i16x8_s(high), scale), 32)
  v128.store(target, scaled(i32x4.extend_high_i16x8_s(high), scale), 48)
}

// @ts-ignore: decorator
@inline
function scaled(integers: v128, scale: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_s(integers), scale)
}

/** Sixteen integers of 8 bits as f32: scale * integer + offset. */
function storeShifted(integers: v128, scale: v128, offset: v128, target: usize): void {
  const low = i16x8.extend_low_i8x16_s(integers)
  const high = i16x8.extend_high_i8x16_s(integers)
  v128.store(target, f32x4.add(scaled(i32x4.extend_low_i16x8_s(low), scale), offset))
  v128.store(target, f32x4.add(scaled(i32x4.extend_high_i16x8_s(low), scale), offset), 16)
  v128.store(target, f32x4.add(scaled(i32x4.extend_low_i16x8_s(high), scale), offset), 32)
  v128.store(target, f32x4.add(scaled(i32x4.extend_high_i16x8_s(high), scale), offset), 48)
}

// @ts-ignore: decorator
@inline
function lowNibbles(bytes: v128): v128 {
  return v128.and(bytes, v128.load(nibbleMask))
}

// @ts-ignore: decorator
@inline
function highNibbles(bytes: v128): v128 {
  return v128.and(i16x8.shr_u(bytes, 4), v128.load(nibbleMask))
}

/** 16 in byte e where bit e of the 16 bits at `source` is set. */
// @ts-ignore: decorator
@inline
function fifthBits(source: usize): v128 {
  const pair = v128.load_splat<u16>(source)
  const spread = v128.shuffle<u8>(pair, pair, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1)
  const bits = v128.load(bitOfByte)
  return v128.and(i8x16.eq(v128.and(spread, bits), bits), i8x16.splat(16))
}

/** 32 integers whose nibbles are at `nibbles`; their fifth bits at `fifth`, where that is not 0. */
function dequantizeHalves(nibbles: usize, fifth: usize, scale: v128, offset: v128, target: usize): void {
  const bytes = v128.load(nibbles)
  let low = lowNibbles(bytes)
  let high = highNibbles(bytes)
  if (fifth != 0) {
    low = v128.or(low, fifthBits(fifth))
    high = v128.or(high, fifthBits(fifth + 2))
  }
  storeShifted(low, scale, offset, target)
  storeShifted(high, scale, offset, target + 64)
}

function dequantizeQ5_0(source: usize, target: usize): void {
  const scale = scaleOf(source)
  const bytes = v128.load(source + 6)
  const middle = i8x16.splat(16)
  storeScaled(i8x16.sub(v128.or(lowNibbles(bytes), fifthBits(source + 2)), middle), scale, target)
  storeScaled(i8x16.sub(v128.or(highNibbles(bytes), fifthBits(source + 4)), middle), scale, target + 64)
}

/** Sixteen bytes with this bit set. */
// @ts-ignore: decorator
@inline
function bitInBytes(bit: i32): v128 {
  const set: i32 = 1 << bit
  return i8x16.splat(<i8>set)
}

/** Where the 2-bit integers of a group of 16 start, in Q2_K and Q3_K. */
// @ts-ignore: decorator
@inline
function twoBitByte(group: i32): usize {
  return <usize>(32 * (group >> 3) + 16 * (group & 1))
}

function dequantizeQ2_K(source: usize, target: usize): void {
  const scale = widenScale(source + 80)
  const minimum = widenScale(source + 82)
  for (let group = 0; group < 16; group++) {
    const pair = <i32>load<u8>(source + <usize>group)
    const bytes = v128.load(source + 16 + twoBitByte(group))
    const integers = v128.and(i16x8.shr_u(bytes, group & 6), v128.load(pairMask))
    const offset = f32x4.splat(-(minimum * <f32>(pair >> 4)))
    storeShifted(integers, f32x4.splat(scale * <f32>(pair & 15)), offset, target)
    target += 64
  }
}

function dequantizeQ3_K(source: usize, target: usize): void {
  const scale = widenScale(source + 108)
  const four = i8x16.splat(4)
  for (let group = 0; group < 16; group++) {
    const low = (<i32>load<u8>(source + 96 + <usize>(group & 7)) >> (group < 8 ? 0 : 4)) & 15
    const high = (<i32>load<u8>(source + 104 + <usize>(group & 3)) >> (2 * (group >> 2))) & 3
    const groupScale = scale * <f32>((low | (high << 4)) - 32)
    const bytes = v128.load(source + 32 + twoBitByte(group))
    const lower = v128.and(i16x8.shr_u(bytes, group & 6), v128.load(pairMask))
    const bit = bitInBytes(group >> 1)
    const third = v128.and(i8x16.eq(v128.and(v128.load(source + <usize>(16 * (group & 1))), bit), bit), four)
    storeScaled(i8x16.sub(v128.or(lower, third), four), f32x4.splat(groupScale), target)
    target += 64
  }
}
