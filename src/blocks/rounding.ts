/**
 * How one group of weights becomes integers and one f16 scale. The scale is rounded to f16 first and the integers are
 * chosen for the rounded scale, so that what is measured is what the kernels will compute. A scale is never a subnormal
 * f16 (some devices flush those): below 2^-14 it becomes zero and so do the integers.
 */
import { PocketPhiError } from '../base/errors.ts'
import { f16ToNumber, numberToF16, roundHalfToEven } from './half.ts'

const infinityBits = 0x7c00
export const smallestNormalBits = 0x0400

/**
 * What the value of greatest magnitude is divided by to get a candidate scale: -8 puts it on the end of the grid that
 * reaches furthest, 7 on the other end; the others around them trade a little clipping for a finer grid.
 */
const divisors = [-8, 7, -7.25, -7.5, -7.75, -8.25, -8.5, -9, 7.25, 7.5, 7.75, 8]

/**
 * The f16 bits of a scale: a subnormal becomes zero.
 * @returns bits of infinity where the scale is beyond f16
 */
export function scaleBits(scale: number): number {
  const bits = numberToF16(scale)
  return (bits & 0x7fff) < smallestNormalBits ? 0 : bits
}

/** The value of greatest magnitude in a group, the first of equals; NaN when one of them is not finite. */
function extreme(values: Float32Array, start: number, group: number): number {
  let largest = 0
  let found = 0
  let finite = 0
  for (let index = start; index < start + group; index++) {
    const value = values[index] as number
    const magnitude = Math.abs(value)
    finite += value * 0
    if (magnitude > largest) {
      largest = magnitude
      found = value
    }
  }
  return finite === 0 ? found : Number.NaN
}

function squaredError(values: Float32Array, start: number, group: number, scale: number): number {
  let error = 0
  for (let index = start; index < start + group; index++) {
    const value = values[index] as number
    let integer = roundHalfToEven(value / scale)
    if (integer > 7) integer = 7
    else if (integer < -8) integer = -8
    const difference = value - scale * integer
    error += difference * difference
  }
  return error
}

/** The scale that fits the integers of this scale best, in the sense of least squares. */
function refit(values: Float32Array, start: number, group: number, scale: number): number {
  let projection = 0
  let energy = 0
  for (let index = start; index < start + group; index++) {
    const value = values[index] as number
    const integer = Math.max(-8, Math.min(7, roundHalfToEven(value / scale)))
    projection += value * integer
    energy += integer * integer
  }
  return energy === 0 ? 0 : projection / energy
}

function chooseScale4(values: Float32Array, start: number, group: number, largest: number): number {
  let best = infinityBits
  let bestError = Infinity
  const attempt = (candidate: number): void => {
    const bits = scaleBits(candidate)
    if (bits === 0 || bits === best || (bits & 0x7fff) === infinityBits) return
    const error = squaredError(values, start, group, f16ToNumber(bits))
    if (error >= bestError) return
    best = bits
    bestError = error
  }
  for (const divisor of divisors) {
    attempt(largest / divisor)
    if (bestError === 0) return best
  }
  if (best === infinityBits) return scaleBits(largest / -8)
  attempt(refit(values, start, group, f16ToNumber(best)))
  return best
}

/**
 * Rounds the `group` values from `start` to integers of 4 or 8 bits (-8..7 or -127..127), written to
 * `integers[integerStart..]`, and returns the bits of their f16 scale.
 *
 * 8 bits: the scale is the greatest magnitude / 127. 4 bits: the scale may be negative; twelve candidates around
 * (signed greatest value) / -8 and / 7 are tried, the best is refitted once by least squares, and whichever has the
 * least squared error is kept (the first among equals).
 *
 * @throws PocketPhiError `invalid-argument` when a value is not finite or the scale is beyond f16
 */
export function roundGroup(
  values: Float32Array,
  start: number,
  group: number,
  bits: 4 | 8,
  integers: Int8Array,
  integerStart: number,
): number {
  const largest = extreme(values, start, group)
  if (largest !== largest) throw notFinite(values, start, group)
  const scale = bits === 8 ? scaleBits(Math.abs(largest) / 127) : chooseScale4(values, start, group, largest)
  if ((scale & 0x7fff) === infinityBits) {
    throw new PocketPhiError('invalid-argument', 'A weight is too large for a block format: its f16 scale overflows.', {
      expected: `magnitudes up to about ${bits === 8 ? 65504 * 127 : 65504 * 8}`,
      found: `${largest} at element ${start} or after`,
    })
  }
  if (scale === 0) {
    integers.fill(0, integerStart, integerStart + group)
    return 0
  }
  const lowest = bits === 8 ? -127 : -8
  const highest = bits === 8 ? 127 : 7
  const step = f16ToNumber(scale)
  for (let index = 0; index < group; index++) {
    const integer = roundHalfToEven((values[start + index] as number) / step)
    integers[integerStart + index] = integer > highest ? highest : integer < lowest ? lowest : integer
  }
  return scale
}

function notFinite(values: Float32Array, start: number, group: number): PocketPhiError {
  const inside = values.subarray(start, start + group).findIndex((value) => !Number.isFinite(value))
  return new PocketPhiError('invalid-argument', 'Only finite weights can be quantised.', {
    found: `${values[start + inside]} at element ${start + inside}`,
    remedy: 'Check the checkpoint: a diverged training run or a torn file leaves such values.',
  })
}
