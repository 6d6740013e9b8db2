/**
 * From f32 to the blocks of 256 elements, Q4_K, Q5_K and Q6_K. A format does not say how to choose scales; this is a search
 * of our own for the least sum of squared errors, in three steps:
 *
 * 1. Every group by itself: integers are rounded for some candidate scales, the best real scale (and minimum) for each set of
 *    integers follows by least squares, and the candidate that explains most is kept.
 * 2. The greatest scale (and minimum) of the groups decides the f16 scale(s) of the block; those of the groups become small
 *    multiples of them.
 * 3. Every group again: integers for the scales as they are stored, then the best of the neighbouring multiples for these
 *    integers, until nothing changes. Neither half of a turn can raise the error.
 */
import { finiteHalf, ggmlLargeBlock, writeHalf, type GgmlType } from './ggml.ts'
import { f16ToNumber, roundHalfToEven } from './half.ts'

/**
 * By how much the greatest integer of a candidate overshoots the range of the format: above 0 a few values are clipped and
 * the grid is finer for the others. Twenty-one in the same range lower the squared error of normal values by another 0.6 %.
 */
const overshootsWithMinimum = [-1, -0.6, -0.2, 0.2, 0.6, 1]
const overshootsSymmetric = [-0.8, -0.3, 0.2, 0.7]

/** Turns of step 3; more than two hardly ever change anything. */
const turns = 2

/** All that a least-squares fit needs to know about a group and its integers q, for values x. */
const sums = { q: 0, qq: 0, xq: 0 }

/** Scratch: of the groups of one block, what step 1 found and what is stored, and the integers of all elements. */
const realScales = new Float64Array(16)
const realMinima = new Float64Array(8)
const groupScales = new Int8Array(16)
const groupMinima = new Uint8Array(8)
const integers = new Int8Array(ggmlLargeBlock)

/** Rounds (x + shift) * inverse to lowest..highest for a group; leaves the sums and, in `integers`, the integers. */
function roundInto(
  values: Float32Array,
  start: number,
  first: number,
  count: number,
  shift: number,
  inverse: number,
  lowest: number,
  highest: number,
): void {
  let q = 0
  let qq = 0
  let xq = 0
  for (let index = first; index < first + count; index++) {
    const value = values[start + index] as number
    let integer = roundHalfToEven((value + shift) * inverse)
    if (integer > highest) integer = highest
    else if (integer < lowest) integer = lowest
    integers[index] = integer
    q += integer
    qq += integer * integer
    xq += value * integer
  }
  sums.q = q
  sums.qq = qq
  sums.xq = xq
}

function sum(values: Float32Array, from: number, count: number): number {
  let total = 0
  for (let index = from; index < from + count; index++) total += values[index] as number
  return total
}

/** Step 1 for a group of 32 of Q4_K or Q5_K: x is about scale * q - minimum, both at least 0. */
function fitWithMinimum(values: Float32Array, start: number, group: number, highest: number): void {
  const first = 32 * group
  let low = 0
  let high = -Infinity
  for (let index = start + first; index < start + first + 32; index++) {
    const value = values[index] as number
    if (value < low) low = value
    if (value > high) high = value
  }
  realScales[group] = 0
  realMinima[group] = -low
  if (high <= low) return
  const x = sum(values, start + first, 32)
  let explained = -Infinity
  const attempt = (shift: number, inverse: number): void => {
    roundInto(values, start, first, 32, shift, inverse, 0, highest)
    const { q, qq, xq } = sums
    const determinant = 32 * qq - q * q
    // Without a minimum, where the best one is negative or all integers are the same.
    let scale = xq / qq
    let minimum = 0
    if (determinant > 0 && q * xq > qq * x) {
      scale = (32 * xq - x * q) / determinant
      minimum = (q * xq - qq * x) / determinant
    }
    // At a least-squares solution the squared error is sum(x * x) less this.
    const gain = scale * xq - minimum * x
    if (gain > explained) {
      explained = gain
      realScales[group] = scale
      realMinima[group] = minimum
    }
  }
  for (const overshoot of overshootsWithMinimum) attempt(-low, (highest + overshoot) / (high - low))
  for (let turn = 0; turn < turns; turn++) attempt(realMinima[group], inverseOf(realScales[group]))
}

/** Squared error for values scale * q - minimum, less sum(x * x), which all candidates share. */
function errorWithMinimum(scale: number, minimum: number, x: number): number {
  const { q, qq, xq } = sums
  return scale * (scale * qq - 2 * xq) + minimum * (32 * minimum + 2 * x - 2 * scale * q)
}

function nearestMultiple(real: number, unit: number, lowest: number, highest: number): number {
  if (unit === 0) return 0
  return Math.max(lowest, Math.min(highest, roundHalfToEven(real / unit)))
}

function inverseOf(scale: number): number {
  return scale === 0 ? 0 : 1 / scale
}

/** Step 3 for a group of 32: its multiples of the block's scale and minimum, and its integers. */
function settleWithMinimum(
  values: Float32Array,
  start: number,
  group: number,
  highest: number,
  scale: number,
  minimum: number,
): void {
  const first = 32 * group
  const x = sum(values, start + first, 32)
  let bestScale = nearestMultiple(realScales[group] as number, scale, 0, 63)
  let bestMinimum = nearestMultiple(realMinima[group] as number, minimum, 0, 63)
  for (let turn = 0; turn <= turns; turn++) {
    roundInto(values, start, first, 32, minimum * bestMinimum, inverseOf(scale * bestScale), 0, highest)
    if (turn === turns) break
    const triedScale = bestScale
    const triedMinimum = bestMinimum
    let least = errorWithMinimum(scale * bestScale, minimum * bestMinimum, x)
    for (let s = Math.max(0, triedScale - 1); s <= Math.min(63, triedScale + 1); s++) {
      for (let m = Math.max(0, triedMinimum - 1); m <= Math.min(63, triedMinimum + 1); m++) {
        const error = errorWithMinimum(scale * s, minimum * m, x)
        if (error >= least) continue
        least = error
        bestScale = s
        bestMinimum = m
      }
    }
    if (bestScale === triedScale && bestMinimum === triedMinimum) break
  }
  groupScales[group] = bestScale
  groupMinima[group] = bestMinimum
}

/** The common head of Q4_K and Q5_K (16 bytes; see ggml-dequantize.ts for the arrangement) and all integers. */
function quantizeHead(
  type: GgmlType,
  values: Float32Array,
  start: number,
  highest: number,
  bytes: Uint8Array,
  at: number,
): void {
  for (let group = 0; group < 8; group++) fitWithMinimum(values, start, group, highest)
  const scaleBits = finiteHalf(type, Math.max(...realScales.subarray(0, 8)) / 63)
  const minimumBits = finiteHalf(type, Math.max(...realMinima) / 63)
  writeHalf(bytes, at, scaleBits)
  writeHalf(bytes, at + 2, minimumBits)
  const scale = f16ToNumber(scaleBits)
  const minimum = f16ToNumber(minimumBits)
  for (let group = 0; group < 8; group++) settleWithMinimum(values, start, group, highest, scale, minimum)
  for (let group = 0; group < 4; group++) {
    const lateScale = groupScales[group + 4] as number
    const lateMinimum = groupMinima[group + 4] as number
    bytes[at + 4 + group] = (groupScales[group] as number) | ((lateScale >> 4) << 6)
    bytes[at + 8 + group] = (groupMinima[group] as number) | ((lateMinimum >> 4) << 6)
    bytes[at + 12 + group] = (lateScale & 15) | ((lateMinimum & 15) << 4)
  }
}

/** The 128 bytes of nibbles of Q4_K and Q5_K. */
function writeNibbles(bytes: Uint8Array, at: number): void {
  for (let pair = 0; pair < 4; pair++) {
    for (let index = 0; index < 32; index++) {
      const low = integers[64 * pair + index] as number
      const high = integers[64 * pair + 32 + index] as number
      bytes[at + 32 * pair + index] = (low & 15) | ((high & 15) << 4)
    }
  }
}

/** Rounds the 256 values from `start` to the 144 bytes from `at`. */
export function quantizeQ4_K(values: Float32Array, start: number, bytes: Uint8Array, at: number): void {
  quantizeHead('Q4_K', values, start, 15, bytes, at)
  writeNibbles(bytes, at + 16)
}

/** Rounds the 256 values from `start` to the 176 bytes from `at`. */
export function quantizeQ5_K(values: Float32Array, start: number, bytes: Uint8Array, at: number): void {
  quantizeHead('Q5_K', values, start, 31, bytes, at)
  for (let index = 0; index < 32; index++) {
    let fifth = 0
    for (let group = 0; group < 8; group++) fifth |= ((integers[32 * group + index] as number) >> 4) << group
    bytes[at + 16 + index] = fifth
  }
  writeNibbles(bytes, at + 48)
}

/** Step 1 for a group of 16 of Q6_K: x is about scale * q with q in -32..31. The scale has the sign that puts the extreme at -32. */
function fitSymmetric(values: Float32Array, start: number, group: number): void {
  const first = 16 * group
  let extreme = 0
  for (let index = start + first; index < start + first + 16; index++) {
    const value = values[index] as number
    if (Math.abs(value) > Math.abs(extreme)) extreme = value
  }
  realScales[group] = 0
  if (extreme === 0) return
  let explained = -Infinity
  for (const overshoot of overshootsSymmetric) {
    roundInto(values, start, first, 16, 0, -(32 + overshoot) / extreme, -32, 31)
    const { qq, xq } = sums
    const gain = (xq * xq) / qq
    if (gain > explained) {
      explained = gain
      realScales[group] = xq / qq
    }
  }
}

/** Step 3 for a group of 16: its multiple of the block's scale, and its integers. */
function settleSymmetric(values: Float32Array, start: number, group: number, scale: number): void {
  let best = nearestMultiple(realScales[group] as number, scale, -128, 127)
  for (let turn = 0; turn <= turns; turn++) {
    roundInto(values, start, 16 * group, 16, 0, inverseOf(scale * best), -32, 31)
    if (turn === turns) break
    const tried = best
    const { qq, xq } = sums
    const error = (multiple: number): number => scale * multiple * (scale * multiple * qq - 2 * xq)
    if (tried > -128 && error(tried - 1) < error(best)) best = tried - 1
    if (tried < 127 && error(tried + 1) < error(best)) best = tried + 1
    if (best === tried) break
  }
  groupScales[group] = best
}

/** The lower four bits (128 bytes) and the upper two (64 bytes) of Q6_K; see ggml-dequantize.ts for the arrangement. */
function writeSixBits(bytes: Uint8Array, at: number): void {
  for (let index = 0; index < 64; index++) {
    const first = 128 * (index >> 5) + (index & 31)
    const place = at + 64 * (index >> 5) + (index & 31)
    const q0 = (integers[first] as number) + 32
    const q1 = (integers[first + 32] as number) + 32
    const q2 = (integers[first + 64] as number) + 32
    const q3 = (integers[first + 96] as number) + 32
    bytes[place] = (q0 & 15) | ((q2 & 15) << 4)
    bytes[place + 32] = (q1 & 15) | ((q3 & 15) << 4)
    bytes[at + 128 + index] = (q0 >> 4) | ((q1 >> 4) << 2) | ((q2 >> 4) << 4) | ((q3 >> 4) << 6)
  }
}

/** Rounds the 256 values from `start` to the 210 bytes from `at`. */
export function quantizeQ6_K(values: Float32Array, start: number, bytes: Uint8Array, at: number): void {
  for (let group = 0; group < 16; group++) fitSymmetric(values, start, group)
  // The group of greatest scale gets -128, the end of the multiples that reaches furthest.
  const greatest = realScales.reduce((held, scale) => (Math.abs(scale) > Math.abs(held) ? scale : held))
  const scaleBits = finiteHalf('Q6_K', greatest / -128)
  const scale = f16ToNumber(scaleBits)
  for (let group = 0; group < 16; group++) settleSymmetric(values, start, group, scale)
  writeSixBits(bytes, at)
  for (let group = 0; group < 16; group++) bytes[at + 192 + group] = groupScales[group] as number
  writeHalf(bytes, at + 208, scaleBits)
}
