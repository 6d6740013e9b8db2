/**
 * From f32 to blocks of ggml. The formats of 32 elements are rounded exactly as ggml does it (`quantize_row_*_ref` in
 * ggml-quants.c): every step is rounded to f32, which `Math.fround` marks. The K formats are in ggml-quantize-k.ts.
 *
 * The integers are chosen for the scale before it is rounded to f16: files are to be those that everyone else writes, to the
 * last byte. (Our own formats do better; see rounding.ts.)
 */
import { PocketPhiError } from '../base/errors.ts'
import { finiteHalf, ggmlBytes, ggmlSmallBlock, ggmlTypeOf, tooLarge, writeHalf, type GgmlType } from './ggml.ts'
import { quantizeQ4_K, quantizeQ5_K, quantizeQ6_K } from './ggml-quantize-k.ts'
import { numberToBf16 } from './half.ts'

/** The types that can be written. */
export type GgmlQuantizedType = Exclude<GgmlType, 'Q2_K' | 'Q3_K'>

/** Rounds the block of values that starts at `start` to the bytes from `at`, which are 0. */
type BlockQuantizer = (values: Float32Array, start: number, bytes: Uint8Array, at: number) => void

const half = ggmlSmallBlock / 2
const { fround } = Math

function quantizeF32(values: Float32Array, start: number, bytes: Uint8Array, at: number): void {
  new DataView(bytes.buffer, bytes.byteOffset + at, 4).setFloat32(0, values[start] as number, true)
}

function quantizeF16(values: Float32Array, start: number, bytes: Uint8Array, at: number): void {
  writeHalf(bytes, at, finiteHalf('F16', values[start] as number))
}

function quantizeBF16(values: Float32Array, start: number, bytes: Uint8Array, at: number): void {
  const value = values[start] as number
  const bits = numberToBf16(value)
  if ((bits & 0x7f80) === 0x7f80) throw tooLarge('BF16', value, 'bf16')
  writeHalf(bytes, at, bits)
}

/** The value of greatest magnitude, the first of equals. */
function extreme(values: Float32Array, start: number): number {
  let largest = 0
  let found = 0
  for (let index = start; index < start + ggmlSmallBlock; index++) {
    const value = values[index] as number
    if (Math.abs(value) > largest) {
      largest = Math.abs(value)
      found = value
    }
  }
  return found
}

function smallest(values: Float32Array, start: number): number {
  let found = Infinity
  for (let index = start; index < start + ggmlSmallBlock; index++) {
    if ((values[index] as number) < found) found = values[index] as number
  }
  return found
}

function greatest(values: Float32Array, start: number): number {
  let found = -Infinity
  for (let index = start; index < start + ggmlSmallBlock; index++) {
    if ((values[index] as number) > found) found = values[index] as number
  }
  return found
}

/** What values are multiplied by; infinite where the scale is so small that it is zero in f16. */
function inverseOf(scale: number): number {
  return scale === 0 ? 0 : fround(1 / scale)
}

/**
 * Cuts to 0..highest as C's conversion does. `| 0` makes 0 of the infinities and NaNs that an infinite inverse leaves: their
 * scale is zero, so that any integer is right, but bytes are to be the same everywhere.
 */
function cut(value: number, highest: number): number {
  return Math.min(highest, value | 0)
}

/**
 * The integer of Q4_0 and Q5_0: the product is added to `middle` (half of the range, and 0.5 to round) with one rounding.
 * ggml leaves that to the compiler; this is what its builds with fused multiply-add compute. Two roundings would change
 * about one byte in 4,000 for weights that have been bf16.
 */
function symmetricInteger(value: number, inverse: number, middle: number, highest: number): number {
  return cut(fround(value * inverse + middle), highest)
}

/** The integer of Q4_1 and Q5_1, with every step rounded. */
function offsetInteger(value: number, minimum: number, inverse: number, highest: number): number {
  return cut(fround(fround(fround(value - minimum) * inverse) + 0.5), highest)
}

function quantizeQ4_0(values: Float32Array, start: number, bytes: Uint8Array, at: number): void {
  const scale = fround(extreme(values, start) / -8)
  const inverse = inverseOf(scale)
  writeHalf(bytes, at, finiteHalf('Q4_0', scale))
  for (let index = 0; index < half; index++) {
    const low = symmetricInteger(values[start + index] as number, inverse, 8.5, 15)
    const high = symmetricInteger(values[start + half + index] as number, inverse, 8.5, 15)
    bytes[at + 2 + index] = low | (high << 4)
  }
}

function quantizeQ4_1(values: Float32Array, start: number, bytes: Uint8Array, at: number): void {
  const minimum = smallest(values, start)
  const scale = fround(fround(greatest(values, start) - minimum) / 15)
  const inverse = inverseOf(scale)
  writeHalf(bytes, at, finiteHalf('Q4_1', scale))
  writeHalf(bytes, at + 2, finiteHalf('Q4_1', minimum))
  for (let index = 0; index < half; index++) {
    const low = offsetInteger(values[start + index] as number, minimum, inverse, 15)
    const high = offsetInteger(values[start + half + index] as number, minimum, inverse, 15)
    bytes[at + 4 + index] = low | (high << 4)
  }
}

/** Writes two integers of 5 bits: nibbles to byte `nibbles + index`, fifth bits to bits `index` and `16 + index` of `fifth`. */
function writeFiveBits(
  bytes: Uint8Array,
  fifth: number,
  nibbles: number,
  index: number,
  low: number,
  high: number,
): void {
  bytes[nibbles + index] = (low & 15) | ((high & 15) << 4)
  const byte = fifth + (index >> 3)
  bytes[byte] = (bytes[byte] as number) | ((low >> 4) << (index & 7))
  bytes[byte + 2] = (bytes[byte + 2] as number) | ((high >> 4) << (index & 7))
}

function quantizeQ5_0(values: Float32Array, start: number, bytes: Uint8Array, at: number): void {
  const scale = fround(extreme(values, start) / -16)
  const inverse = inverseOf(scale)
  writeHalf(bytes, at, finiteHalf('Q5_0', scale))
  for (let index = 0; index < half; index++) {
    const low = symmetricInteger(values[start + index] as number, inverse, 16.5, 31)
    const high = symmetricInteger(values[start + half + index] as number, inverse, 16.5, 31)
    writeFiveBits(bytes, at + 2, at + 6, index, low, high)
  }
}

function quantizeQ5_1(values: Float32Array, start: number, bytes: Uint8Array, at: number): void {
  const minimum = smallest(values, start)
  const scale = fround(fround(greatest(values, start) - minimum) / 31)
  const inverse = inverseOf(scale)
  writeHalf(bytes, at, finiteHalf('Q5_1', scale))
  writeHalf(bytes, at + 2, finiteHalf('Q5_1', minimum))
  for (let index = 0; index < half; index++) {
    const low = offsetInteger(values[start + index] as number, minimum, inverse, 31)
    const high = offsetInteger(values[start + half + index] as number, minimum, inverse, 31)
    writeFiveBits(bytes, at + 4, at + 8, index, low, high)
  }
}

/** Ties go away from zero, as `roundf` takes them. -128 is never written. */
function quantizeQ8_0(values: Float32Array, start: number, bytes: Uint8Array, at: number): void {
  const scale = fround(Math.abs(extreme(values, start)) / 127)
  const inverse = inverseOf(scale)
  writeHalf(bytes, at, finiteHalf('Q8_0', scale))
  for (let index = 0; index < ggmlSmallBlock; index++) {
    const scaled = fround((values[start + index] as number) * inverse)
    bytes[at + 2 + index] = scaled < 0 ? -((0.5 - scaled) | 0) : (scaled + 0.5) | 0
  }
}

const quantizers: Record<GgmlQuantizedType, BlockQuantizer> = {
  F32: quantizeF32,
  F16: quantizeF16,
  BF16: quantizeBF16,
  Q4_0: quantizeQ4_0,
  Q4_1: quantizeQ4_1,
  Q5_0: quantizeQ5_0,
  Q5_1: quantizeQ5_1,
  Q8_0: quantizeQ8_0,
  Q4_K: quantizeQ4_K,
  Q5_K: quantizeQ5_K,
  Q6_K: quantizeQ6_K,
}

function checkFinite(values: Float32Array): void {
  let finite = 0
  for (let index = 0; index < values.length; index++) finite += (values[index] as number) * 0
  if (finite === 0) return
  const place = values.findIndex((value) => !Number.isFinite(value))
  throw new PocketPhiError('invalid-argument', 'Only finite weights can be quantised.', {
    found: `${values[place]} at element ${place}`,
    remedy: 'Check the checkpoint: a diverged training run or a torn file leaves such values.',
  })
}

/**
 * Rounds values to blocks. Rows of a matrix are whole blocks, so that any number of them is one call.
 *
 * Q4_0 to Q8_0 give the bytes of ggml. Q4_K, Q5_K and Q6_K are searched in our own way (ggml-quantize-k.ts); F16 and BF16
 * are rounded to nearest, ties to even.
 *
 * @param values f32, finite, whole blocks
 * @param into where to write, exactly the bytes of these blocks; a new array when left out
 * @throws PocketPhiError `shape` for wrong lengths, `invalid-argument` for values that are not finite or beyond the format
 */
export function quantizeGgml(type: GgmlQuantizedType, values: Float32Array, into?: Uint8Array): Uint8Array {
  const length = ggmlBytes(type, values.length)
  if (into !== undefined && into.length !== length) {
    throw new PocketPhiError('shape', `The target of ${values.length} values in ${type} has the wrong length.`, {
      expected: `${length} bytes`,
      found: `${into.length}`,
    })
  }
  checkFinite(values)
  const { blockLength, blockBytes } = ggmlTypeOf(type)
  const target = into?.fill(0) ?? new Uint8Array(length)
  const quantize = quantizers[type]
  for (let start = 0, at = 0; start < values.length; start += blockLength, at += blockBytes) {
    quantize(values, start, target, at)
  }
  return target
}
