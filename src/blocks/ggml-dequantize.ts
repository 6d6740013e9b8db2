/**
 * What the blocks of ggml stand for, as f32: the values that the C code of ggml computes (`dequantize_row_*` in
 * ggml-quants.c), to the last bit.
 *
 * The order of the operations is that of ggml, but nothing depends on it: an f16 has 11 significant bits, group scales and
 * integers have at most 13 together, so that every product is exact in f32, and a sum of two products is exact in the
 * doubles of JavaScript. What is rounded is the result, once, by the Float32Array.
 */
import { PocketPhiError } from '../base/errors.ts'
import { ggmlLargeBlock, ggmlSmallBlock, ggmlTypeOf, readHalf, type GgmlType } from './ggml.ts'
import { bf16ToNumber, f16ToNumber } from './half.ts'

type Dequantizer = (bytes: Uint8Array, into: Float32Array) => void

const half = ggmlSmallBlock / 2

function readScale(bytes: Uint8Array, at: number): number {
  return f16ToNumber(readHalf(bytes, at))
}

function dequantizeF32(bytes: Uint8Array, into: Float32Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let index = 0; index < into.length; index++) into[index] = view.getFloat32(4 * index, true)
}

function dequantizeF16(bytes: Uint8Array, into: Float32Array): void {
  for (let index = 0; index < into.length; index++) into[index] = readScale(bytes, 2 * index)
}

function dequantizeBF16(bytes: Uint8Array, into: Float32Array): void {
  for (let index = 0; index < into.length; index++) into[index] = bf16ToNumber(readHalf(bytes, 2 * index))
}

function dequantizeQ4_0(bytes: Uint8Array, into: Float32Array): void {
  for (let at = 0, out = 0; at < bytes.length; at += 18, out += ggmlSmallBlock) {
    const scale = readScale(bytes, at)
    for (let index = 0; index < half; index++) {
      const pair = bytes[at + 2 + index] as number
      into[out + index] = scale * ((pair & 15) - 8)
      into[out + half + index] = scale * ((pair >>> 4) - 8)
    }
  }
}

function dequantizeQ4_1(bytes: Uint8Array, into: Float32Array): void {
  for (let at = 0, out = 0; at < bytes.length; at += 20, out += ggmlSmallBlock) {
    const scale = readScale(bytes, at)
    const minimum = readScale(bytes, at + 2)
    for (let index = 0; index < half; index++) {
      const pair = bytes[at + 4 + index] as number
      into[out + index] = scale * (pair & 15) + minimum
      into[out + half + index] = scale * (pair >>> 4) + minimum
    }
  }
}

/** The fifth bits of the 32 integers of a block, bit e that of element e. */
function readFifthBits(bytes: Uint8Array, at: number): number {
  return readHalf(bytes, at) | (readHalf(bytes, at + 2) << 16)
}

function dequantizeQ5_0(bytes: Uint8Array, into: Float32Array): void {
  for (let at = 0, out = 0; at < bytes.length; at += 22, out += ggmlSmallBlock) {
    const scale = readScale(bytes, at)
    const fifth = readFifthBits(bytes, at + 2)
    for (let index = 0; index < half; index++) {
      const pair = bytes[at + 6 + index] as number
      const low = (pair & 15) | (((fifth >>> index) & 1) << 4)
      const high = (pair >>> 4) | (((fifth >>> (half + index)) & 1) << 4)
      into[out + index] = scale * (low - 16)
      into[out + half + index] = scale * (high - 16)
    }
  }
}

function dequantizeQ5_1(bytes: Uint8Array, into: Float32Array): void {
  for (let at = 0, out = 0; at < bytes.length; at += 24, out += ggmlSmallBlock) {
    const scale = readScale(bytes, at)
    const minimum = readScale(bytes, at + 2)
    const fifth = readFifthBits(bytes, at + 4)
    for (let index = 0; index < half; index++) {
      const pair = bytes[at + 8 + index] as number
      const low = (pair & 15) | (((fifth >>> index) & 1) << 4)
      const high = (pair >>> 4) | (((fifth >>> (half + index)) & 1) << 4)
      into[out + index] = scale * low + minimum
      into[out + half + index] = scale * high + minimum
    }
  }
}

function dequantizeQ8_0(bytes: Uint8Array, into: Float32Array): void {
  const integers = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0, out = 0; at < bytes.length; at += 34, out += ggmlSmallBlock) {
    const scale = readScale(bytes, at)
    for (let index = 0; index < ggmlSmallBlock; index++) {
      into[out + index] = scale * (integers[at + 2 + index] as number)
    }
  }
}

/**
 * Q2_K: 64 bytes hold the 2-bit integers. Byte 32h + l has those of the elements 128h + l + 32k in its bits 2k and 2k + 1
 * (h 0..1, k 0..3, l 0..31); group g is the elements 16g to 16g + 15.
 */
function dequantizeQ2_K(bytes: Uint8Array, into: Float32Array): void {
  for (let at = 0, out = 0; at < bytes.length; at += 84, out += ggmlLargeBlock) {
    const scale = readScale(bytes, at + 80)
    const minimum = readScale(bytes, at + 82)
    for (let group = 0; group < 16; group++) {
      const pair = bytes[at + group] as number
      const groupScale = scale * (pair & 15)
      const groupMinimum = minimum * (pair >>> 4)
      const place = at + 16 + twoBitByte(group)
      const shift = twoBitShift(group)
      for (let index = 0; index < 16; index++) {
        const integer = ((bytes[place + index] as number) >>> shift) & 3
        into[out + 16 * group + index] = groupScale * integer - groupMinimum
      }
    }
  }
}

/** Where the 2-bit integers of a group of 16 start, in Q2_K and Q3_K. */
function twoBitByte(group: number): number {
  return 32 * (group >> 3) + 16 * (group & 1)
}

function twoBitShift(group: number): number {
  return group & 6
}

/**
 * Q3_K: the lower two bits are arranged as in Q2_K. The third bit of element 32k + l is bit k of byte l of the mask; where
 * it is 0, four are taken away. The scale of group g is six bits: the lower four are nibbles of bytes 0..7 (groups 0..7 low,
 * 8..15 high), the upper two are in byte 8 + g mod 4 at bit 2 * floor(g / 4).
 */
function dequantizeQ3_K(bytes: Uint8Array, into: Float32Array): void {
  for (let at = 0, out = 0; at < bytes.length; at += 110, out += ggmlLargeBlock) {
    const scale = readScale(bytes, at + 108)
    for (let group = 0; group < 16; group++) {
      const groupScale = scale * (sixBitScale(bytes, at + 96, group) - 32)
      const place = at + 32 + twoBitByte(group)
      const shift = twoBitShift(group)
      const mask = at + 16 * (group & 1)
      for (let index = 0; index < 16; index++) {
        const low = ((bytes[place + index] as number) >>> shift) & 3
        const third = ((bytes[mask + index] as number) >>> (group >> 1)) & 1
        into[out + 16 * group + index] = groupScale * ((low | (third << 2)) - 4)
      }
    }
  }
}

function sixBitScale(bytes: Uint8Array, at: number, group: number): number {
  const low = ((bytes[at + (group & 7)] as number) >>> (group < 8 ? 0 : 4)) & 15
  const high = ((bytes[at + 8 + (group & 3)] as number) >>> (2 * (group >> 2))) & 3
  return low | (high << 4)
}

/**
 * The six-bit scale of group 0..7 of Q4_K and Q5_K in the twelve bytes from `at`: groups 0..3 are the lower six bits of bytes
 * 0..3; of groups 4..7 the lower nibbles of bytes 8..11 are the lower four bits, the top bits of bytes 0..3 the upper two.
 */
function groupScaleAt(bytes: Uint8Array, at: number, group: number): number {
  if (group < 4) return (bytes[at + group] as number) & 63
  return ((bytes[at + 4 + group] as number) & 15) | (((bytes[at + group - 4] as number) >>> 6) << 4)
}

/** As `groupScaleAt`, for minima: bytes 4..7 in place of 0..3, upper nibbles of bytes 8..11. */
function groupMinimumAt(bytes: Uint8Array, at: number, group: number): number {
  if (group < 4) return (bytes[at + 4 + group] as number) & 63
  return ((bytes[at + 4 + group] as number) >>> 4) | (((bytes[at + group] as number) >>> 6) << 4)
}

/** Integers with scales and offsets: the value of an element is scale * integer - offset of its group. */
export interface GroupedValues {
  /** Columns of a group. */
  readonly group: number
  /** i8 [rows, columns] */
  readonly integers: Int8Array
  /** f32 [rows, columns / group] */
  readonly scales: Float32Array
  /** As `scales`; left out where all are 0. */
  readonly offsets?: Float32Array
}

/** Reads one block: its integers, and scale and offset of each of its groups. */
type GroupReader = (bytes: Uint8Array, at: number, into: GroupedValues, block: number) => void

/** Scales and minima of Q4_K and Q5_K. */
function readMinimumScales(bytes: Uint8Array, at: number, { scales, offsets }: GroupedValues, block: number): void {
  const scale = readScale(bytes, at)
  const minimum = readScale(bytes, at + 2)
  for (let group = 0; group < 8; group++) {
    scales[8 * block + group] = scale * groupScaleAt(bytes, at + 4, group)
    if (offsets !== undefined) offsets[8 * block + group] = minimum * groupMinimumAt(bytes, at + 4, group)
  }
}

/** Q4_K: bytes 32p to 32p + 31 hold group 2p in their low nibbles and group 2p + 1 in their high nibbles. */
const readQ4_K: GroupReader = (bytes, at, into, block) => {
  readMinimumScales(bytes, at, into, block)
  const start = block * ggmlLargeBlock
  for (let element = 0; element < ggmlLargeBlock; element++) {
    const place = at + 16 + 32 * (element >> 6) + (element & 31)
    into.integers[start + element] = ((bytes[place] as number) >>> (4 * ((element >> 5) & 1))) & 15
  }
}

/** Q5_K: nibbles as Q4_K; the fifth bit of element l of group g is bit g of byte l of the 32 before them. */
const readQ5_K: GroupReader = (bytes, at, into, block) => {
  readMinimumScales(bytes, at, into, block)
  const start = block * ggmlLargeBlock
  for (let element = 0; element < ggmlLargeBlock; element++) {
    const place = at + 48 + 32 * (element >> 6) + (element & 31)
    const low = ((bytes[place] as number) >>> (4 * ((element >> 5) & 1))) & 15
    const fifth = ((bytes[at + 16 + (element & 31)] as number) >>> (element >> 5)) & 1
    into.integers[start + element] = low | (fifth << 4)
  }
}

/**
 * Q6_K: for element 128h + 32k + l (h 0..1, k 0..3, l 0..31) the lower four bits are a nibble of byte 64h + 32(k mod 2) + l,
 * the low one for k below 2; the upper two are bits 2k and 2k + 1 of byte 32h + l of the 64 behind them.
 */
const readQ6_K: GroupReader = (bytes, at, { integers, scales }, block) => {
  const scale = readScale(bytes, at + 208)
  for (let group = 0; group < 16; group++) {
    const signed = ((bytes[at + 192 + group] as number) << 24) >> 24
    scales[16 * block + group] = scale * signed
  }
  const start = block * ggmlLargeBlock
  for (let element = 0; element < ggmlLargeBlock; element++) {
    const [side, quarter, inside] = [element >> 7, (element >> 5) & 3, element & 31]
    const low = (bytes[at + 64 * side + 32 * (quarter & 1) + inside] as number) >>> (4 * (quarter >> 1))
    const high = (bytes[at + 128 + 32 * side + inside] as number) >>> (2 * quarter)
    integers[start + element] = ((low & 15) | ((high & 3) << 4)) - 32
  }
}

/** The types whose integers, scales and offsets can be read by group. */
export type KGgmlType = 'Q4_K' | 'Q5_K' | 'Q6_K'

const groupReaders: Record<KGgmlType, { group: number; hasOffsets: boolean; read: GroupReader }> = {
  Q4_K: { group: 32, hasOffsets: true, read: readQ4_K },
  Q5_K: { group: 32, hasOffsets: true, read: readQ5_K },
  Q6_K: { group: 16, hasOffsets: false, read: readQ6_K },
}

/** Integers, scales and offsets of whole blocks, in order. */
export function readGroups(type: KGgmlType, bytes: Uint8Array): GroupedValues {
  const { blockBytes } = ggmlTypeOf(type)
  const { group, hasOffsets, read } = groupReaders[type]
  const elements = (bytes.length / blockBytes) * ggmlLargeBlock
  const into = {
    group,
    integers: new Int8Array(elements),
    scales: new Float32Array(elements / group),
    ...(hasOffsets ? { offsets: new Float32Array(elements / group) } : {}),
  }
  for (let block = 0; block * blockBytes < bytes.length; block++) read(bytes, block * blockBytes, into, block)
  return into
}

/** The values of groups: scale * integer - offset, rounded once. */
export function groupValues(
  { group, integers, scales, offsets }: GroupedValues,
  into: Float32Array = new Float32Array(integers.length),
): Float32Array {
  for (let index = 0; index < scales.length; index++) {
    const scale = scales[index] as number
    const offset = offsets?.[index] ?? 0
    for (let at = index * group; at < (index + 1) * group; at++) into[at] = scale * (integers[at] as number) - offset
  }
  return into
}

/** The same for a whole type, a few blocks at a time. */
function groupDequantizer(type: KGgmlType): Dequantizer {
  const { blockBytes } = ggmlTypeOf(type)
  const step = 64
  return (bytes, into) => {
    for (let at = 0, out = 0; at < bytes.length; at += step * blockBytes, out += step * ggmlLargeBlock) {
      const groups = readGroups(type, bytes.subarray(at, at + step * blockBytes))
      groupValues(groups, into.subarray(out, out + groups.integers.length))
    }
  }
}

const dequantizers: Record<GgmlType, Dequantizer> = {
  F32: dequantizeF32,
  F16: dequantizeF16,
  BF16: dequantizeBF16,
  Q4_0: dequantizeQ4_0,
  Q4_1: dequantizeQ4_1,
  Q5_0: dequantizeQ5_0,
  Q5_1: dequantizeQ5_1,
  Q8_0: dequantizeQ8_0,
  Q2_K: dequantizeQ2_K,
  Q3_K: dequantizeQ3_K,
  Q4_K: groupDequantizer('Q4_K'),
  Q5_K: groupDequantizer('Q5_K'),
  Q6_K: groupDequantizer('Q6_K'),
}

/**
 * The values of whole blocks, in order. Rows of a matrix are whole blocks, so that any number of them is one call. Bytes of
 * unknown origin never crash it: where a scale is NaN or infinite, values are too; `checkGgmlBlocks` finds those.
 *
 * @param bytes whole blocks, at any alignment
 * @param into where to write, exactly the elements of these blocks; a new array when left out
 * @throws PocketPhiError `shape` when bytes and elements do not fit
 */
export function dequantizeGgml(type: GgmlType, bytes: Uint8Array, into?: Float32Array): Float32Array {
  const { blockLength, blockBytes } = ggmlTypeOf(type)
  const elements = (bytes.length / blockBytes) * blockLength
  if (bytes.length % blockBytes !== 0 || (into !== undefined && into.length !== elements)) {
    throw new PocketPhiError('shape', `${bytes.length} bytes of ${type} do not fit their target.`, {
      expected: `${blockBytes} bytes for ${blockLength} elements`,
      found: into === undefined ? 'no whole block' : `${into.length} elements`,
    })
  }
  const target = into ?? new Float32Array(elements)
  dequantizers[type](bytes, target)
  return target
}
