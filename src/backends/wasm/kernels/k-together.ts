/**
 * Four tokens x one panel of q4k or q6k, read once, as it lies: k-stream.ts for four tokens at once, with its sums and roundings.
 * Integers are taken apart once for all of them. Activations: see packed.ts.
 */
import { nibbleMask, widenScales } from './blocks'
import {
  activationBytes,
  activationScale,
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
import { addScaled, finishRow } from './k-tile'
import { storeRow } from './packed-stream'
import { gatherDots, stepDots } from './simd'

/** In the working memory: results f32 [4][8], sums i32 [4][8], offsets i32 [4][8], factors f32 [2][8]. */
const sumsAt: usize = 128
const offsetsAt: usize = 256
const factorsAt: usize = 384

/**
 * @param tokenBytes from a token's activations to the next one's
 * @param bits 4 or 6
 * @param work room for 448 bytes
 */
export function streamKTogether(
  x: usize,
  tokenBytes: usize,
  w: usize,
  y: usize,
  strideY: usize,
  columns: i32,
  blocks: i32,
  bits: i32,
  work: usize,
  paired: bool,
): void {
  memory.fill(work, 0, 128)
  do {
    memory.fill(work + sumsAt, 0, 256)
    if (bits == 4 && paired) sumMinimum(true, x, tokenBytes, w, work)
    else if (bits == 4) sumMinimum(false, x, tokenBytes, w, work)
    // Of 6 bits, 16 bits hold the products of two steps only, so that pairs gain next to nothing.
    else sumSigned(x, tokenBytes, w, work)
    for (let token: usize = 0; token < 128; token += 32) {
      const sums = work + sumsAt + token
      const scale = v128.load_splat<f32>(x + (token >> 5) * tokenBytes + activationScale)
      finishRow(sums, v128.load(sums, 128), v128.load(sums, 144), work + factorsAt, scale, work + token)
    }
    x += activationBytes
    w += kBlockBytes(bits)
  } while (--blocks)
  for (let token: usize = 0; token < 128; token += 32) {
    storeRow(y, v128.load(work + token), v128.load(work + token, 16), columns)
    y += strideY
  }
}

// @ts-ignore: decorator
@inline
function sumMinimum(paired: bool, x: usize, tokenBytes: usize, w: usize, work: usize): void {
  const sums = work + sumsAt
  for (let pair = 0; pair < 4; pair++) {
    const at = x + <usize>pair * 64
    const nibbles = w + minimumUnits + <usize>pair * 256
    const scales = pairScales(w, pair)
    const scales0 = i16x8.extend_low_i8x16_u(scales)
    const scales1 = i16x8.extend_high_i8x16_u(scales)
    addDots(paired, 4, false, at, tokenBytes, nibbles, 0, 0, firstOfPairs(scales0), firstOfPairs(scales1), sums)
    addDots(paired, 4, true, at + 32, tokenBytes, nibbles, 0, 0, secondOfPairs(scales0), secondOfPairs(scales1), sums)
    const minima = pairMinima(w, pair)
    const minima0 = i16x8.extend_low_i8x16_u(minima)
    const minima1 = i16x8.extend_high_i8x16_u(minima)
    addOffsets(x + pairsOf32 + <usize>pair * 4, tokenBytes, minima0, minima1, work + offsetsAt)
  }
  const factors = v128.load(w)
  const offsets = v128.load(w, 16)
  v128.store(work, widenScales(factors, 0), factorsAt)
  v128.store(work, widenScales(factors, 1), factorsAt + 16)
  v128.store(work, f32x4.neg(widenScales(offsets, 0)), factorsAt + 32)
  v128.store(work, f32x4.neg(widenScales(offsets, 1)), factorsAt + 48)
}

/** Nibbles hold columns that are 64 apart, so that two pairs of groups go together. */
// @ts-ignore: decorator
@inline
function sumSigned(x: usize, tokenBytes: usize, w: usize, work: usize): void {
  const sums = work + sumsAt
  for (let quarter = 0; quarter < 4; quarter++) {
    // Pairs 4 * side + 0 or 1, and the ones 2 further.
    const pair = <usize>(((quarter >> 1) << 2) | (quarter & 1))
    const shift = 2 * (quarter & 1)
    const at = x + pair * 32
    const upper = w + signedUnits + <usize>(quarter >> 1) * sideBytes
    const nibbles = upper + sideNibbles + <usize>(quarter & 1) * 256
    const lowScales = v128.load(w + pair * 16)
    const highScales = v128.load(w + pair * 16, 32)
    const low0 = i16x8.extend_low_i8x16_s(lowScales)
    const low1 = i16x8.extend_high_i8x16_s(lowScales)
    const high0 = i16x8.extend_low_i8x16_s(highScales)
    const high1 = i16x8.extend_high_i8x16_s(highScales)
    for (let half: usize = 0; half < 2; half++) {
      const columns = at + half * 16
      const from = nibbles + half * 128
      const above = upper + half * 128
      const left = 16 - 16 * <i32>half
      addDots(false, 6, false, columns, tokenBytes, from, above, shift, scaleOf(low0, left), scaleOf(low1, left), sums)
      addDots(
        false,
        6,
        true,
        columns + 64,
        tokenBytes,
        from,
        above,
        shift,
        scaleOf(high0, left),
        scaleOf(high1, left),
        sums,
      )
    }
    const totals = x + pairsOf16 + pair * 4
    addOffsets(totals, tokenBytes, low0, low1, work + offsetsAt)
    addOffsets(totals + 8, tokenBytes, high0, high1, work + offsetsAt)
  }
  const factors = v128.load(w, 128)
  const factor0 = widenScales(factors, 0)
  const factor1 = widenScales(factors, 1)
  v128.store(work, factor0, factorsAt)
  v128.store(work, factor1, factorsAt + 16)
  v128.store(work, f32x4.mul(factor0, f32x4.splat(-32)), factorsAt + 32)
  v128.store(work, f32x4.mul(factor1, f32x4.splat(-32)), factorsAt + 48)
}

/** Of four pairs of 16 bits the first ones (`left` is 16) or the second ones (0), widened to 32 bits. */
// @ts-ignore: decorator
@inline
function scaleOf(pairs: v128, left: i32): v128 {
  return i32x4.shr_s(i32x4.shl(pairs, left), 16)
}

/** A group's integers (`isUpper`: from the upper nibbles) x those of four tokens x the group's scales, onto the sums. */
// @ts-ignore: decorator
@inline
function addDots(
  paired: bool,
  bits: i32,
  isUpper: bool,
  x: usize,
  tokenBytes: usize,
  nibbles: usize,
  upper: usize,
  shift: i32,
  scales0: v128,
  scales1: v128,
  sums: usize,
): void {
  const mask = v128.load(nibbleMask)
  const upperMask = v128.load(upperPairMask)
  let a = x
  let b = a + tokenBytes
  let c = b + tokenBytes
  let d = c + tokenBytes
  let from = nibbles
  let above = upper
  const end = a + (bits == 6 ? 16 : 32)
  let a0 = i32x4.splat(0)
  let a1 = a0
  let b0 = a0
  let b1 = a0
  let c0 = a0
  let c1 = a0
  let d0 = a0
  let d1 = a0
  do {
    const stop = paired ? a + pairedBytes(bits) : end
    let da0 = i32x4.splat(0)
    let da1 = da0
    let db0 = da0
    let db1 = da0
    let dc0 = da0
    let dc1 = da0
    let dd0 = da0
    let dd1 = da0
    do {
      let w0 = v128.load(from)
      let w1 = v128.load(from, 16)
      w0 = v128.and(isUpper ? i16x8.shr_u(w0, 4) : w0, mask)
      w1 = v128.and(isUpper ? i16x8.shr_u(w1, 4) : w1, mask)
      if (bits == 6) {
        const bits0 = v128.load(above)
        const bits1 = v128.load(above, 16)
        const moved0 = isUpper ? i16x8.shr_u(bits0, shift) : i16x8.shl(bits0, 4 - shift)
        const moved1 = isUpper ? i16x8.shr_u(bits1, shift) : i16x8.shl(bits1, 4 - shift)
        w0 = v128.or(w0, v128.and(moved0, upperMask))
        w1 = v128.or(w1, v128.and(moved1, upperMask))
        above += 32
      }
      const sa = v128.load_splat<i32>(a)
      da0 = stepDots(paired, sa, w0, da0)
      da1 = stepDots(paired, sa, w1, da1)
      const sb = v128.load_splat<i32>(b)
      db0 = stepDots(paired, sb, w0, db0)
      db1 = stepDots(paired, sb, w1, db1)
      const sc = v128.load_splat<i32>(c)
      dc0 = stepDots(paired, sc, w0, dc0)
      dc1 = stepDots(paired, sc, w1, dc1)
      const sd = v128.load_splat<i32>(d)
      dd0 = stepDots(paired, sd, w0, dd0)
      dd1 = stepDots(paired, sd, w1, dd1)
      a += 4
      b += 4
      c += 4
      d += 4
      from += 32
    } while (a < stop)
    a0 = gatherDots(paired, da0, a0)
    a1 = gatherDots(paired, da1, a1)
    b0 = gatherDots(paired, db0, b0)
    b1 = gatherDots(paired, db1, b1)
    c0 = gatherDots(paired, dc0, c0)
    c1 = gatherDots(paired, dc1, c1)
    d0 = gatherDots(paired, dd0, d0)
    d1 = gatherDots(paired, dd1, d1)
  } while (paired && a < end)
  addScaled(a0, a1, scales0, scales1, sums)
  addScaled(b0, b1, scales0, scales1, sums + 32)
  addScaled(c0, c1, scales0, scales1, sums + 64)
  addScaled(d0, d1, scales0, scales1, sums + 96)
}

/** What is subtracted for a pair of groups x the sums of four tokens' activations, onto the offsets. */
// @ts-ignore: decorator
@inline
function addOffsets(totals: usize, tokenBytes: usize, pairs0: v128, pairs1: v128, offsets: usize): void {
  for (let token: usize = 0; token < 128; token += 32) {
    const total = v128.load_splat<i32>(totals)
    const offset0 = i32x4.add(v128.load(offsets + token), i32x4.dot_i16x8_s(total, pairs0))
    const offset1 = i32x4.add(v128.load(offsets + token, 16), i32x4.dot_i16x8_s(total, pairs1))
    v128.store(offsets + token, offset0)
    v128.store(offsets + token, offset1, 16)
    totals += tokenBytes
  }
}
