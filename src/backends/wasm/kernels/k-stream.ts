/**
 * One token x one panel of q4k, q5k or q6k, read once, as it lies. Integers stay integers over a block of 256 columns: the dot
 * products of groups x their scales, and the sums of the activations x what is subtracted. Activations: see packed.ts.
 */
import { nibbleMask, widenScales } from './blocks'
import {
  activationBytes,
  activationScale,
  fifthBitNibbles,
  fifthBitMask,
  fifthBitsOfPair,
  firstOfPairs,
  kBlockBytes,
  minimumUnits,
  pairMinima,
  pairedBytes,
  pairScales,
  pairsOf16,
  pairsOf32,
  secondOfPairs,
  sideBytes,
  sideNibbles,
  signedUnits,
  upperPairMask,
} from './k-blocks'
import { storeRow } from './packed-stream'
import { gatherDots, madd, stepDots } from './simd'

// @ts-ignore: decorator
@inline
function scaled(integers: v128, groupScales: v128, sum: v128): v128 {
  return i32x4.add(sum, i32x4.mul(integers, groupScales))
}

/** 8 rows of q4k or q5k x one token. */
// @ts-ignore: decorator
@inline
function streamMinimum(paired: bool, bits: i32, x: usize, w: usize, y: usize, columns: i32, blocks: i32): void {
  const mask = v128.load(nibbleMask)
  const fifthMask = v128.load(fifthBitMask)
  let y0 = f32x4.splat(0)
  let y1 = f32x4.splat(0)
  do {
    let sum0 = i32x4.splat(0)
    let sum1 = sum0
    let offset0 = sum0
    let offset1 = sum0
    let nibbles = w + (bits == 5 ? fifthBitNibbles : minimumUnits)
    let at = x
    for (let pair = 0; pair < 4; pair++) {
      let low0 = i32x4.splat(0)
      let low1 = low0
      let high0 = low0
      let high1 = low0
      let fifths = w + minimumUnits
      const end = at + 32
      do {
        const stop = paired ? at + pairedBytes(bits) : end
        let lowDots0 = i32x4.splat(0)
        let lowDots1 = lowDots0
        let highDots0 = lowDots0
        let highDots1 = lowDots0
        do {
          const a = v128.load_splat<i32>(at)
          const b = v128.load_splat<i32>(at, 32)
          const w0 = v128.load(nibbles)
          const w1 = v128.load(nibbles, 16)
          let lower0 = v128.and(w0, mask)
          let lower1 = v128.and(w1, mask)
          let upper0 = v128.and(i16x8.shr_u(w0, 4), mask)
          let upper1 = v128.and(i16x8.shr_u(w1, 4), mask)
          if (bits == 5) {
            const fifth0 = fifthBitsOfPair(v128.load(fifths), pair)
            const fifth1 = fifthBitsOfPair(v128.load(fifths, 16), pair)
            lower0 = v128.or(lower0, v128.and(i16x8.shl(fifth0, 1), fifthMask))
            lower1 = v128.or(lower1, v128.and(i16x8.shl(fifth1, 1), fifthMask))
            upper0 = v128.or(upper0, v128.and(fifth0, fifthMask))
            upper1 = v128.or(upper1, v128.and(fifth1, fifthMask))
            fifths += 32
          }
          lowDots0 = stepDots(paired, a, lower0, lowDots0)
          lowDots1 = stepDots(paired, a, lower1, lowDots1)
          highDots0 = stepDots(paired, b, upper0, highDots0)
          highDots1 = stepDots(paired, b, upper1, highDots1)
          at += 4
          nibbles += 32
        } while (at < stop)
        low0 = gatherDots(paired, lowDots0, low0)
        low1 = gatherDots(paired, lowDots1, low1)
        high0 = gatherDots(paired, highDots0, high0)
        high1 = gatherDots(paired, highDots1, high1)
      } while (paired && at < end)
      at += 32
      const scales = pairScales(w, pair)
      const scales0 = i16x8.extend_low_i8x16_u(scales)
      const scales1 = i16x8.extend_high_i8x16_u(scales)
      sum0 = scaled(low0, firstOfPairs(scales0), sum0)
      sum1 = scaled(low1, firstOfPairs(scales1), sum1)
      sum0 = scaled(high0, secondOfPairs(scales0), sum0)
      sum1 = scaled(high1, secondOfPairs(scales1), sum1)
      const minima = pairMinima(w, pair)
      const total = v128.load_splat<i32>(x + pairsOf32 + <usize>pair * 4)
      offset0 = i32x4.add(offset0, i32x4.dot_i16x8_s(total, i16x8.extend_low_i8x16_u(minima)))
      offset1 = i32x4.add(offset1, i32x4.dot_i16x8_s(total, i16x8.extend_high_i8x16_u(minima)))
    }
    const scale = v128.load_splat<f32>(x + activationScale)
    const factors = v128.load(w)
    const offsets = v128.load(w, 16)
    y0 = madd(f32x4.convert_i32x4_s(sum0), f32x4.mul(widenScales(factors, 0), scale), y0)
    y1 = madd(f32x4.convert_i32x4_s(sum1), f32x4.mul(widenScales(factors, 1), scale), y1)
    y0 = madd(f32x4.convert_i32x4_s(offset0), f32x4.mul(f32x4.neg(widenScales(offsets, 0)), scale), y0)
    y1 = madd(f32x4.convert_i32x4_s(offset1), f32x4.mul(f32x4.neg(widenScales(offsets, 1)), scale), y1)
    x += activationBytes
    w += kBlockBytes(bits)
  } while (--blocks)
  storeRow(y, y0, y1, columns)
}

/** 8 rows of q4k x one token. */
export function streamK4(x: usize, w: usize, y: usize, columns: i32, blocks: i32, paired: bool): void {
  if (paired) streamMinimum(true, 4, x, w, y, columns, blocks)
  else streamMinimum(false, 4, x, w, y, columns, blocks)
}

/** 8 rows of q5k x one token. */
export function streamK5(x: usize, w: usize, y: usize, columns: i32, blocks: i32, paired: bool): void {
  if (paired) streamMinimum(true, 5, x, w, y, columns, blocks)
  else streamMinimum(false, 5, x, w, y, columns, blocks)
}

/** 8 rows of q6k x one token: nibbles hold columns that are 64 apart, so that two pairs of groups go together. */
export function streamK6(x: usize, w: usize, y: usize, columns: i32, blocks: i32, paired: bool): void {
  if (paired) streamSigned(true, x, w, y, columns, blocks)
  else streamSigned(false, x, w, y, columns, blocks)
}

// @ts-ignore: decorator
@inline
function streamSigned(paired: bool, x: usize, w: usize, y: usize, columns: i32, blocks: i32): void {
  const mask = v128.load(nibbleMask)
  const upperMask = v128.load(upperPairMask)
  let y0 = f32x4.splat(0)
  let y1 = f32x4.splat(0)
  do {
    let sum0 = i32x4.splat(0)
    let sum1 = sum0
    let offset0 = sum0
    let offset1 = sum0
    for (let quarter = 0; quarter < 4; quarter++) {
      // Pairs 4 * side + 0 or 1, and the ones 2 further.
      const pair = ((quarter >> 1) << 2) | (quarter & 1)
      const shift = 2 * (quarter & 1)
      let at = x + <usize>pair * 32
      let upper = w + signedUnits + <usize>(quarter >> 1) * sideBytes
      let nibbles = upper + sideNibbles + <usize>(quarter & 1) * 256
      const lowScales = v128.load(w + <usize>pair * 16)
      const highScales = v128.load(w + <usize>pair * 16 + 32)
      let lowPairs0 = i16x8.extend_low_i8x16_s(lowScales)
      let lowPairs1 = i16x8.extend_high_i8x16_s(lowScales)
      let highPairs0 = i16x8.extend_low_i8x16_s(highScales)
      let highPairs1 = i16x8.extend_high_i8x16_s(highScales)
      const lowTotal = v128.load_splat<i32>(x + pairsOf16 + <usize>pair * 4)
      const highTotal = v128.load_splat<i32>(x + pairsOf16 + <usize>pair * 4 + 8)
      offset0 = i32x4.add(offset0, i32x4.dot_i16x8_s(lowTotal, lowPairs0))
      offset1 = i32x4.add(offset1, i32x4.dot_i16x8_s(lowTotal, lowPairs1))
      offset0 = i32x4.add(offset0, i32x4.dot_i16x8_s(highTotal, highPairs0))
      offset1 = i32x4.add(offset1, i32x4.dot_i16x8_s(highTotal, highPairs1))
      for (let group = 0; group < 2; group++) {
        let low0 = i32x4.splat(0)
        let low1 = low0
        let high0 = low0
        let high1 = low0
        const end = at + 16
        do {
          const stop = paired ? at + pairedBytes(6) : end
          let lowDots0 = i32x4.splat(0)
          let lowDots1 = lowDots0
          let highDots0 = lowDots0
          let highDots1 = lowDots0
          do {
            const a = v128.load_splat<i32>(at)
            const b = v128.load_splat<i32>(at, 64)
            const w0 = v128.load(nibbles)
            const w1 = v128.load(nibbles, 16)
            const bits0 = v128.load(upper)
            const bits1 = v128.load(upper, 16)
            const lower0 = v128.or(v128.and(w0, mask), v128.and(i16x8.shl(bits0, 4 - shift), upperMask))
            const lower1 = v128.or(v128.and(w1, mask), v128.and(i16x8.shl(bits1, 4 - shift), upperMask))
            const upper0 = v128.or(v128.and(i16x8.shr_u(w0, 4), mask), v128.and(i16x8.shr_u(bits0, shift), upperMask))
            const upper1 = v128.or(v128.and(i16x8.shr_u(w1, 4), mask), v128.and(i16x8.shr_u(bits1, shift), upperMask))
            lowDots0 = stepDots(paired, a, lower0, lowDots0)
            lowDots1 = stepDots(paired, a, lower1, lowDots1)
            highDots0 = stepDots(paired, b, upper0, highDots0)
            highDots1 = stepDots(paired, b, upper1, highDots1)
            at += 4
            nibbles += 32
            upper += 32
          } while (at < stop)
          low0 = gatherDots(paired, lowDots0, low0)
          low1 = gatherDots(paired, lowDots1, low1)
          high0 = gatherDots(paired, highDots0, high0)
          high1 = gatherDots(paired, highDots1, high1)
        } while (paired && at < end)
        sum0 = scaled(low0, firstOfPairs(lowPairs0), sum0)
        sum1 = scaled(low1, firstOfPairs(lowPairs1), sum1)
        sum0 = scaled(high0, firstOfPairs(highPairs0), sum0)
        sum1 = scaled(high1, firstOfPairs(highPairs1), sum1)
        lowPairs0 = secondOfPairs(lowPairs0)
        lowPairs1 = secondOfPairs(lowPairs1)
        highPairs0 = secondOfPairs(highPairs0)
        highPairs1 = secondOfPairs(highPairs1)
      }
    }
    const scale = v128.load_splat<f32>(x + activationScale)
    const factors = v128.load(w, 128)
    const factor0 = widenScales(factors, 0)
    const factor1 = widenScales(factors, 1)
    const minus32 = f32x4.splat(-32)
    y0 = madd(f32x4.convert_i32x4_s(sum0), f32x4.mul(factor0, scale), y0)
    y1 = madd(f32x4.convert_i32x4_s(sum1), f32x4.mul(factor1, scale), y1)
    y0 = madd(f32x4.convert_i32x4_s(offset0), f32x4.mul(f32x4.mul(factor0, minus32), scale), y0)
    y1 = madd(f32x4.convert_i32x4_s(offset1), f32x4.mul(f32x4.mul(factor1, minus32), scale), y1)
    x += activationBytes
    w += kBlockBytes(6)
  } while (--blocks)
  storeRow(y, y0, y1, columns)
}
