/**
 * The block formats of ggml, in which the matrices of GGUF files are stored. Every row of a matrix is a sequence of blocks;
 * a block holds 32 or 256 consecutive elements (plain formats: one). Numbers are little-endian, scales are f16.
 *
 * | type | value of an element | block, in this order (bytes) |
 * |---|---|---|
 * | Q4_0 | d * (q - 8) | d (2), low nibbles of elements 0..15 and high nibbles of 16..31 (16) |
 * | Q4_1 | d * q + m | d (2), m (2), nibbles as Q4_0 (16) |
 * | Q5_0 | d * (q - 16) | d (2), fifth bits, bit e of element e (4), nibbles as Q4_0 (16) |
 * | Q5_1 | d * q + m | d (2), m (2), fifth bits (4), nibbles (16) |
 * | Q8_0 | d * q | d (2), signed bytes (32) |
 * | Q2_K | d * s * q - dmin * m | s and m of 16 groups of 16, low and high nibbles (16), q (64), d (2), dmin (2) |
 * | Q3_K | d * (s - 32) * (q - 4) | third bits of q (32), q (64), s of 16 groups of 16 (12), d (2) |
 * | Q4_K | d * s * q - dmin * m | d (2), dmin (2), s and m of 8 groups of 32 (12), q (128) |
 * | Q5_K | d * s * q - dmin * m | d (2), dmin (2), s and m of 8 groups of 32 (12), fifth bits (32), q (128) |
 * | Q6_K | d * s * (q - 32) | low nibbles of q (128), upper two bits (64), signed s of 16 groups of 16 (16), d (2) |
 *
 * How the bits of the K formats are arranged is said where they are read, in ggml-dequantize.ts. Source: ggml-common.h and
 * ggml-quants.c of ggml (github.com/ggml-org/ggml), the type numbers are `ggml_type` of its GGUF specification.
 */
import { PocketPhiError } from '../base/errors.ts'
import { numberToF16 } from './half.ts'

/** Elements of a block of the formats Q4_0 to Q8_0. */
export const ggmlSmallBlock = 32

/** Elements of a block of the K formats. */
export const ggmlLargeBlock = 256

const small = ggmlSmallBlock
const large = ggmlLargeBlock

export interface GgmlTypeInfo {
  /** The number of the type in a GGUF file. */
  readonly id: number
  /** Elements of a block: 1, 32 or 256. The columns of a matrix are a multiple of it. */
  readonly blockLength: number
  /** Bytes of a block. */
  readonly blockBytes: number
  /** Where in a block its f16 scales are (F16: the value). */
  readonly scales: readonly number[]
}

const table = {
  F32: { id: 0, blockLength: 1, blockBytes: 4, scales: [] },
  F16: { id: 1, blockLength: 1, blockBytes: 2, scales: [0] },
  Q4_0: { id: 2, blockLength: small, blockBytes: 18, scales: [0] },
  Q4_1: { id: 3, blockLength: small, blockBytes: 20, scales: [0, 2] },
  Q5_0: { id: 6, blockLength: small, blockBytes: 22, scales: [0] },
  Q5_1: { id: 7, blockLength: small, blockBytes: 24, scales: [0, 2] },
  Q8_0: { id: 8, blockLength: small, blockBytes: 34, scales: [0] },
  Q2_K: { id: 10, blockLength: large, blockBytes: 84, scales: [80, 82] },
  Q3_K: { id: 11, blockLength: large, blockBytes: 110, scales: [108] },
  Q4_K: { id: 12, blockLength: large, blockBytes: 144, scales: [0, 2] },
  Q5_K: { id: 13, blockLength: large, blockBytes: 176, scales: [0, 2] },
  Q6_K: { id: 14, blockLength: large, blockBytes: 210, scales: [208] },
  BF16: { id: 30, blockLength: 1, blockBytes: 2, scales: [] },
} as const satisfies Record<string, GgmlTypeInfo>

/** The ggml types that are read here, by the names of the field. */
export type GgmlType = keyof typeof table

/** All types, in the order of their numbers. */
export const ggmlTypes = Object.keys(table) as readonly GgmlType[]

/** Types by their numbers in a GGUF file. IQ formats, integers and MXFP4 are not read here and have no entry. */
export const ggmlNumbers: ReadonlyMap<number, GgmlType> = new Map(ggmlTypes.map((type) => [table[type].id, type]))

/** Number and block of a type. */
export function ggmlTypeOf(type: GgmlType): GgmlTypeInfo {
  return table[type]
}

/**
 * Bytes of a row, or of any number of whole blocks.
 * @throws PocketPhiError `shape` when the elements are no whole number of blocks
 */
export function ggmlBytes(type: GgmlType, elements: number): number {
  const { blockLength, blockBytes } = table[type]
  const bytes = (elements / blockLength) * blockBytes
  if (elements % blockLength !== 0 || elements < 0 || !Number.isSafeInteger(bytes)) {
    throw new PocketPhiError('shape', `${elements} elements are no whole number of ${type} blocks.`, {
      expected: `a multiple of ${blockLength}`,
    })
  }
  return bytes
}

/** The f16 bits at a byte offset: blocks have odd alignment, so that no 16-bit view fits them. */
export function readHalf(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8)
}

/** Writes 16 bits at a byte offset, the low byte first. */
export function writeHalf(bytes: Uint8Array, at: number, bits: number): void {
  bytes[at] = bits
  bytes[at + 1] = bits >>> 8
}

/**
 * The f16 bits nearest to a scale or value that is to be stored.
 * @throws PocketPhiError `invalid-argument` when it is beyond f16
 */
export function finiteHalf(type: GgmlType, value: number): number {
  const bits = numberToF16(value)
  if ((bits & 0x7c00) === 0x7c00) throw tooLarge(type, value, 'f16')
  return bits
}

/** The error for a scale or value that would be stored as an infinity. */
export function tooLarge(type: GgmlType, value: number, format: 'f16' | 'bf16'): PocketPhiError {
  return new PocketPhiError('invalid-argument', `A weight is too large for ${type}: what is to be stored overflows.`, {
    expected: `a number that fits ${format}`,
    found: `${value}`,
  })
}

/** The first block with a scale (F32, F16, BF16: a value) that is NaN or infinite; -1 when there is none. */
function firstNonFinite(type: GgmlType, bytes: Uint8Array): number {
  const { blockBytes, scales } = table[type]
  if (type === 'F32' || type === 'BF16') {
    // Both have sign, exponent and the first mantissa bits in their last two bytes.
    for (let end = blockBytes; end <= bytes.length; end += blockBytes) {
      if ((readHalf(bytes, end - 2) & 0x7f80) === 0x7f80) return end / blockBytes - 1
    }
    return -1
  }
  const first = Math.min(...scales.map((place) => firstByte(bytes, place + 1, blockBytes, 0x7c)))
  return first === Infinity ? -1 : first
}

/** The first block in which a byte, at `place` in every block, has all the bits of `mask`; Infinity when there is none. */
function firstByte(bytes: Uint8Array, place: number, blockBytes: number, mask: number): number {
  for (let at = place; at < bytes.length; at += blockBytes) {
    if (((bytes[at] as number) & mask) === mask) return (at - place) / blockBytes
  }
  return Infinity
}

/** Whether `checkGgmlBlocks` finds nothing wrong with whole blocks. */
export function areFiniteBlocks(type: GgmlType, bytes: Uint8Array): boolean {
  return firstNonFinite(type, bytes) < 0
}

/**
 * Checks blocks of unknown origin: with finite scales every value is finite, and every pattern of the other bits is a
 * number, so that nothing else in a block can be wrong.
 * @param bytes whole blocks
 * @param place what the tensor is called in an error
 * @param firstBlock the number of the first block within the tensor, where `bytes` are a part of it
 * @throws PocketPhiError `shape` for bytes that are no whole blocks; `invalid-file` naming the first block with a NaN or an
 *   infinity for a scale (F32, F16, BF16: the first such value)
 */
export function checkGgmlBlocks(type: GgmlType, bytes: Uint8Array, place: string, firstBlock = 0): void {
  const { blockLength, blockBytes } = table[type]
  if (bytes.length % blockBytes !== 0) {
    throw new PocketPhiError('shape', `${place} is no whole number of ${type} blocks.`, {
      expected: `a multiple of ${blockBytes} bytes`,
      found: `${bytes.length}`,
    })
  }
  const index = firstNonFinite(type, bytes)
  if (index < 0) return
  const block = firstBlock + index
  const problem =
    blockLength === 1
      ? `${place} has a value that is not finite: element ${block} (${type}).`
      : `${place} has a scale that is not finite: block ${block}, from element ${block * blockLength} (${type}).`
  throw new PocketPhiError('invalid-file', problem, {
    remedy: 'The file is damaged, or the model was broken before it was converted; fetch or convert it again.',
  })
}
