/**
 * The two 16-bit floating-point formats of weight files: IEEE 754 binary16 (`f16`) and the upper half of binary32
 * (`bf16`). Every conversion is exact or rounds to nearest, ties to even, once; NaNs keep sign and payload between
 * arrays, so that 16 bits widened and narrowed again are the same bits.
 */
import { PocketPhiError } from '../base/errors.ts'

const wide = new Float64Array(1)
const wideWords = new Uint32Array(wide.buffer)
const narrow = new Float32Array(1)
const narrowWord = new Uint32Array(narrow.buffer)
const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1
const highWord = littleEndian ? 1 : 0

/** Adding and subtracting 1.5 * 2^52 leaves the nearest integer, ties to even, for every |value| below 2^51. */
const roundingShift = 6755399441055744

/** The nearest integer, ties to even, for |value| below 2^51. The sign of a zero is not kept. */
export function roundHalfToEven(value: number): number {
  return value + roundingShift - roundingShift
}

/** Bits of the 16-bit format with this many mantissa bits and this smallest normal exponent. */
function narrowNumber(value: number, mantissaBits: number, minimumExponent: number): number {
  wide[0] = value
  const high = wideWords[highWord] as number
  const sign = (high >>> 16) & 0x8000
  const infinity = 0x8000 - (1 << mantissaBits)
  if (value !== value) return infinity + (1 << (mantissaBits - 1))
  const exponent = Math.max(((high >>> 20) & 0x7ff) - 1023, minimumExponent)
  if (exponent > 1 - minimumExponent) return sign | infinity
  // A normal number's multiple of the quantum has its leading bit in the exponent field, a subnormal's has none: one
  // sum serves both, and a carry out of the mantissa raises the exponent by itself.
  const multiple = roundHalfToEven(Math.abs(value) / 2 ** (exponent - mantissaBits))
  return sign | (((exponent - minimumExponent) << mantissaBits) + multiple)
}

/** The f16 bits nearest to a number (rounded once, straight from the double); the one quiet NaN 0x7e00 for NaN. */
export function numberToF16(value: number): number {
  return narrowNumber(value, 10, -14)
}

/** The bf16 bits nearest to a number (rounded once, straight from the double); the one quiet NaN 0x7fc0 for NaN. */
export function numberToBf16(value: number): number {
  return narrowNumber(value, 7, -126)
}

/** The number that 16 bits stand for as f16. */
export function f16ToNumber(bits: number): number {
  narrowWord[0] = f16ToF32Bits(bits)
  return narrow[0] as number
}

/** The number that 16 bits stand for as bf16. */
export function bf16ToNumber(bits: number): number {
  narrowWord[0] = bits << 16
  return narrow[0] as number
}

function f16ToF32Bits(bits: number): number {
  const sign = (bits & 0x8000) << 16
  const magnitude = bits & 0x7fff
  if (magnitude >= 0x7c00) return sign | 0x7f800000 | ((magnitude & 0x3ff) << 13)
  if (magnitude >= 0x400) return sign | ((magnitude << 13) + 0x38000000)
  if (magnitude === 0) return sign
  const shift = Math.clz32(magnitude) - 21
  return sign | ((113 - shift) << 23) | (((magnitude << shift) & 0x3ff) << 13)
}

function f32ToF16Bits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000
  const magnitude = bits & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7c00 | nanPayload((magnitude >>> 13) & 0x3ff, 0x200)
  if (magnitude >= 0x477ff000) return sign | 0x7c00
  if (magnitude >= 0x38800000) {
    return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13)
  }
  if (magnitude <= 0x33000000) return sign
  const shift = 126 - (magnitude >>> 23)
  const mantissa = (magnitude & 0x7fffff) | 0x800000
  const kept = mantissa >>> shift
  return sign | ((mantissa + (1 << (shift - 1)) - 1 + (kept & 1)) >>> shift)
}

function f32ToBf16Bits(bits: number): number {
  const magnitude = bits & 0x7fffffff
  const sign = (bits >>> 16) & 0x8000
  if (magnitude > 0x7f800000) return sign | 0x7f80 | nanPayload((magnitude >>> 16) & 0x7f, 0x40)
  return sign | ((magnitude + 0x7fff + ((magnitude >>> 16) & 1)) >>> 16)
}

/** A payload that was cut to nothing would turn a NaN into an infinity. */
function nanPayload(payload: number, quiet: number): number {
  return payload === 0 ? quiet : payload
}

function checkLengths(source: number, target: number): void {
  if (source !== target) {
    throw new PocketPhiError('shape', 'The target of a float conversion does not fit its source.', {
      expected: `${source} elements`,
      found: `${target}`,
    })
  }
}

function words(array: Float32Array): Uint32Array {
  return new Uint32Array(array.buffer, array.byteOffset, array.length)
}

/** Widens f16 bits to f32, exactly. Source and target have the same length; a new array when no target is given. */
export function f16ToF32(source: Uint16Array, target: Float32Array = new Float32Array(source.length)): Float32Array {
  checkLengths(source.length, target.length)
  const out = words(target)
  for (let index = 0; index < source.length; index++) out[index] = f16ToF32Bits(source[index] as number)
  return target
}

/** Narrows f32 to f16 bits, to nearest, ties to even. Source and target have the same length. */
export function f32ToF16(source: Float32Array, target: Uint16Array = new Uint16Array(source.length)): Uint16Array {
  checkLengths(source.length, target.length)
  const bits = words(source)
  for (let index = 0; index < bits.length; index++) target[index] = f32ToF16Bits(bits[index] as number)
  return target
}

/** Widens bf16 bits to f32, exactly. Source and target have the same length. */
export function bf16ToF32(source: Uint16Array, target: Float32Array = new Float32Array(source.length)): Float32Array {
  checkLengths(source.length, target.length)
  const out = words(target)
  for (let index = 0; index < source.length; index++) out[index] = (source[index] as number) << 16
  return target
}

/** Narrows f32 to bf16 bits, to nearest, ties to even. Source and target have the same length. */
export function f32ToBf16(source: Float32Array, target: Uint16Array = new Uint16Array(source.length)): Uint16Array {
  checkLengths(source.length, target.length)
  const bits = words(source)
  for (let index = 0; index < bits.length; index++) target[index] = f32ToBf16Bits(bits[index] as number)
  return target
}
