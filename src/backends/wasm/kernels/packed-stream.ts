/** One token x one panel of packed weights, read once, as they lie: bound by memory. */
import { nibbleMask, nibbleMask16, widenScales } from './blocks'
import { addPairs, dotBytes, gatherDots, madd, stepDots } from './simd'

/** Steps of low and high nibbles whose products of pairs 16 bits hold: 4 * 4 * 15 * 127 < 2^15. In bytes of a token. */
const pairedBytes: usize = 16

/** 8 rows of 4 bits x one token, straight from the packed form. */
export function streamNibbles(x: usize, w: usize, y: usize, columns: i32, blocks: i32, group: i32, paired: bool): void {
  if (paired) streamOne(true, x, w, y, columns, blocks, group)
  else streamOne(false, x, w, y, columns, blocks, group)
}

// @ts-ignore: decorator
@inline
function streamOne(paired: bool, x: usize, w: usize, y: usize, columns: i32, blocks: i32, group: i32): void {
  const mask = v128.load(nibbleMask)
  const half = <usize>group >> 1
  let y0 = f32x4.splat(0)
  let y1 = f32x4.splat(0)
  do {
    const end = x + half
    let high = end
    let sum0 = i32x4.splat(0)
    let sum1 = sum0
    do {
      const stop = paired ? x + pairedBytes : end
      let x0 = i32x4.splat(0)
      let x1 = x0
      let high0 = x0
      let high1 = x0
      do {
        const a = v128.load_splat<i32>(x)
        const b = v128.load_splat<i32>(high)
        const w0 = v128.load(w)
        const w1 = v128.load(w, 16)
        x0 = stepDots(paired, a, v128.and(w0, mask), x0)
        x1 = stepDots(paired, a, v128.and(w1, mask), x1)
        high0 = stepDots(paired, b, v128.and(i16x8.shr_u(w0, 4), mask), high0)
        high1 = stepDots(paired, b, v128.and(i16x8.shr_u(w1, 4), mask), high1)
        x += 4
        high += 4
        w += 32
      } while (x < stop)
      sum0 = gatherDots(paired, paired ? i16x8.add(x0, high0) : i32x4.add(x0, high0), sum0)
      sum1 = gatherDots(paired, paired ? i16x8.add(x1, high1) : i32x4.add(x1, high1), sum1)
    } while (paired && x < end)
    const bias = v128.load_splat<i32>(high)
    const scale = v128.load_splat<f32>(high, 4)
    x = high + 8
    const scales = v128.load(w)
    y0 = madd(f32x4.convert_i32x4_s(i32x4.add(bias, sum0)), f32x4.mul(widenScales(scales, 0), scale), y0)
    y1 = madd(f32x4.convert_i32x4_s(i32x4.add(bias, sum1)), f32x4.mul(widenScales(scales, 1), scale), y1)
    w += 16
  } while (--blocks)
  storeRow(y, y0, y1, columns)
}

/** 8 rows of 4 bits x four tokens, whose activations lie `tokenBytes` apart: the weights are read once. */
export function streamNibbles4(
  x: usize,
  tokenBytes: usize,
  w: usize,
  y: usize,
  strideY: usize,
  columns: i32,
  blocks: i32,
  group: i32,
  paired: bool,
): void {
  if (paired) streamTogether(true, 4, x, tokenBytes, w, y, strideY, columns, blocks, group)
  else streamTogether(false, 4, x, tokenBytes, w, y, strideY, columns, blocks, group)
}

/** 8 rows of 4 bits x two tokens. */
export function streamNibbles2(
  x: usize,
  tokenBytes: usize,
  w: usize,
  y: usize,
  strideY: usize,
  columns: i32,
  blocks: i32,
  group: i32,
  paired: bool,
): void {
  if (paired) streamTogether(true, 2, x, tokenBytes, w, y, strideY, columns, blocks, group)
  else streamTogether(false, 2, x, tokenBytes, w, y, strideY, columns, blocks, group)
}

// @ts-ignore: decorator
@inline
function streamTogether(
  paired: bool,
  tokens: i32,
  x: usize,
  tokenBytes: usize,
  w: usize,
  y: usize,
  strideY: usize,
  columns: i32,
  blocks: i32,
  group: i32,
): void {
  const mask = v128.load(nibbleMask)
  const half = <usize>group >> 1
  let a = x
  let b = x + tokenBytes
  let c = x + tokenBytes * 2
  let d = x + tokenBytes * 3
  let ya0 = f32x4.splat(0)
  let ya1 = ya0
  let yb0 = ya0
  let yb1 = ya0
  let yc0 = ya0
  let yc1 = ya0
  let yd0 = ya0
  let yd1 = ya0
  do {
    const end = a + half
    let sa0 = i32x4.splat(0)
    let sa1 = sa0
    let sb0 = sa0
    let sb1 = sa0
    let sc0 = sa0
    let sc1 = sa0
    let sd0 = sa0
    let sd1 = sa0
    do {
      const stop = paired ? a + pairedBytes : end
      let a0 = i32x4.splat(0)
      let a1 = a0
      let b0 = a0
      let b1 = a0
      let c0 = a0
      let c1 = a0
      let d0 = a0
      let d1 = a0
      do {
        const w0 = v128.load(w)
        const w1 = v128.load(w, 16)
        const low0 = v128.and(w0, mask)
        const low1 = v128.and(w1, mask)
        const high0 = v128.and(i16x8.shr_u(w0, 4), mask)
        const high1 = v128.and(i16x8.shr_u(w1, 4), mask)
        const al = v128.load_splat<i32>(a)
        const ah = v128.load_splat<i32>(a + half)
        a0 = stepDots(paired, ah, high0, stepDots(paired, al, low0, a0))
        a1 = stepDots(paired, ah, high1, stepDots(paired, al, low1, a1))
        const bl = v128.load_splat<i32>(b)
        const bh = v128.load_splat<i32>(b + half)
        b0 = stepDots(paired, bh, high0, stepDots(paired, bl, low0, b0))
        b1 = stepDots(paired, bh, high1, stepDots(paired, bl, low1, b1))
        if (tokens == 4) {
          const cl = v128.load_splat<i32>(c)
          const ch = v128.load_splat<i32>(c + half)
          c0 = stepDots(paired, ch, high0, stepDots(paired, cl, low0, c0))
          c1 = stepDots(paired, ch, high1, stepDots(paired, cl, low1, c1))
          const dl = v128.load_splat<i32>(d)
          const dh = v128.load_splat<i32>(d + half)
          d0 = stepDots(paired, dh, high0, stepDots(paired, dl, low0, d0))
          d1 = stepDots(paired, dh, high1, stepDots(paired, dl, low1, d1))
          c += 4
          d += 4
        }
        a += 4
        b += 4
        w += 32
      } while (a < stop)
      sa0 = gatherDots(paired, a0, sa0)
      sa1 = gatherDots(paired, a1, sa1)
      sb0 = gatherDots(paired, b0, sb0)
      sb1 = gatherDots(paired, b1, sb1)
      if (tokens == 4) {
        sc0 = gatherDots(paired, c0, sc0)
        sc1 = gatherDots(paired, c1, sc1)
        sd0 = gatherDots(paired, d0, sd0)
        sd1 = gatherDots(paired, d1, sd1)
      }
    } while (paired && a < end)
    const scales = v128.load(w)
    const scales0 = widenScales(scales, 0)
    const scales1 = widenScales(scales, 1)
    w += 16
    a += half
    ya0 = scaledSum(a, sa0, scales0, ya0)
    ya1 = scaledSum(a, sa1, scales1, ya1)
    a += 8
    b += half
    yb0 = scaledSum(b, sb0, scales0, yb0)
    yb1 = scaledSum(b, sb1, scales1, yb1)
    b += 8
    if (tokens == 4) {
      c += half
      yc0 = scaledSum(c, sc0, scales0, yc0)
      yc1 = scaledSum(c, sc1, scales1, yc1)
      c += 8
      d += half
      yd0 = scaledSum(d, sd0, scales0, yd0)
      yd1 = scaledSum(d, sd1, scales1, yd1)
      d += 8
    }
  } while (--blocks)
  storeRow(y, ya0, ya1, columns)
  storeRow(y + strideY, yb0, yb1, columns)
  if (tokens == 4) {
    storeRow(y + strideY * 2, yc0, yc1, columns)
    storeRow(y + strideY * 3, yd0, yd1, columns)
  }
}

/** Adds a group's integers, with the bias and the scale of its activations that lie at `at`. */
// @ts-ignore: decorator
@inline
function scaledSum(at: usize, integers: v128, scales: v128, y: v128): v128 {
  const sum = i32x4.add(v128.load_splat<i32>(at), integers)
  return madd(f32x4.convert_i32x4_s(sum), f32x4.mul(scales, v128.load_splat<f32>(at, 4)), y)
}

/**
 * 8 rows of 8 bits x one token. Neither side fits the 0..127 of dotBytes, so the activations are split into their
 * positive and negative parts.
 */
export function streamBytes(x: usize, w: usize, y: usize, columns: i32, blocks: i32, group: i32): void {
  const zero = i32x4.splat(0)
  let y0 = zero
  let y1 = zero
  do {
    const end = x + <usize>group
    const scale = v128.load_splat<f32>(end, 4)
    let x0 = zero
    let x1 = zero
    let negative0 = zero
    let negative1 = zero
    do {
      const a = v128.load_splat<i32>(x)
      const w0 = v128.load(w)
      const w1 = v128.load(w, 16)
      const positive = i8x16.max_s(a, zero)
      const negative = i8x16.sub(positive, a)
      x0 = dotBytes(w0, positive, x0)
      x1 = dotBytes(w1, positive, x1)
      negative0 = dotBytes(w0, negative, negative0)
      negative1 = dotBytes(w1, negative, negative1)
      x += 4
      w += 32
    } while (x < end)
    x += 8
    x0 = i32x4.sub(x0, negative0)
    x1 = i32x4.sub(x1, negative1)
    const scales = v128.load(w)
    y0 = madd(f32x4.convert_i32x4_s(x0), f32x4.mul(widenScales(scales, 0), scale), y0)
    y1 = madd(f32x4.convert_i32x4_s(x1), f32x4.mul(widenScales(scales, 1), scale), y1)
    w += 16
  } while (--blocks)
  storeRow(y, y0, y1, columns)
}

/**
 * streamNibbles without the relaxed dot product. Even and odd bytes are multiplied as 16 bits; a lane takes four products of at
 * most 15 * 127 a turn, so it must be widened after four turns.
 */
export function streamNibblesBaseline(x: usize, w: usize, y: usize, columns: i32, blocks: i32, group: i32): void {
  const mask = v128.load(nibbleMask16)
  const half = <usize>group >> 1
  let y0 = f32x4.splat(0)
  let y1 = f32x4.splat(0)
  do {
    const end = x + half
    let high = end
    let x0 = v128.load_splat<i32>(end + half)
    const scale = v128.load_splat<f32>(end + half, 4)
    let x1 = x0
    do {
      const widenAt = x + 16
      let sum0 = i16x8.splat(0)
      let sum1 = sum0
      do {
        const a = v128.load_splat<i32>(x)
        const b = v128.load_splat<i32>(high)
        const w0 = v128.load(w)
        const w1 = v128.load(w, 16)
        let even = i16x8.shr_s(i16x8.shl(a, 8), 8)
        let odd = i16x8.shr_s(a, 8)
        sum0 = i16x8.add(sum0, i16x8.mul(v128.and(w0, mask), even))
        sum1 = i16x8.add(sum1, i16x8.mul(v128.and(w1, mask), even))
        sum0 = i16x8.add(sum0, i16x8.mul(v128.and(i16x8.shr_u(w0, 8), mask), odd))
        sum1 = i16x8.add(sum1, i16x8.mul(v128.and(i16x8.shr_u(w1, 8), mask), odd))
        even = i16x8.shr_s(i16x8.shl(b, 8), 8)
        odd = i16x8.shr_s(b, 8)
        sum0 = i16x8.add(sum0, i16x8.mul(v128.and(i16x8.shr_u(w0, 4), mask), even))
        sum1 = i16x8.add(sum1, i16x8.mul(v128.and(i16x8.shr_u(w1, 4), mask), even))
        sum0 = i16x8.add(sum0, i16x8.mul(i16x8.shr_u(w0, 12), odd))
        sum1 = i16x8.add(sum1, i16x8.mul(i16x8.shr_u(w1, 12), odd))
        x += 4
        high += 4
        w += 32
      } while (x < widenAt)
      x0 = i32x4.add(x0, i32x4.extadd_pairwise_i16x8_s(sum0))
      x1 = i32x4.add(x1, i32x4.extadd_pairwise_i16x8_s(sum1))
    } while (x < end)
    x = high + 8
    const scales = v128.load(w)
    y0 = madd(f32x4.convert_i32x4_s(x0), f32x4.mul(widenScales(scales, 0), scale), y0)
    y1 = madd(f32x4.convert_i32x4_s(x1), f32x4.mul(widenScales(scales, 1), scale), y1)
    w += 16
  } while (--blocks)
  storeRow(y, y0, y1, columns)
}

/** streamBytes without the relaxed dot product: pairs of 16 bits, two lanes a row, which are added at the end of a group. */
export function streamBytesBaseline(x: usize, w: usize, y: usize, columns: i32, blocks: i32, group: i32): void {
  let y0 = f32x4.splat(0)
  let y1 = f32x4.splat(0)
  do {
    const end = x + <usize>group
    const scale = v128.load_splat<f32>(end, 4)
    let rows01 = i32x4.splat(0)
    let rows23 = rows01
    let rows45 = rows01
    let rows67 = rows01
    do {
      const a = i16x8.extend_low_i8x16_s(v128.load_splat<i32>(x))
      const w0 = v128.load(w)
      const w1 = v128.load(w, 16)
      rows01 = i32x4.add(rows01, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(w0), a))
      rows23 = i32x4.add(rows23, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(w0), a))
      rows45 = i32x4.add(rows45, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(w1), a))
      rows67 = i32x4.add(rows67, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(w1), a))
      x += 4
      w += 32
    } while (x < end)
    x += 8
    const x0 = addPairs(rows01, rows23)
    const x1 = addPairs(rows45, rows67)
    const scales = v128.load(w)
    y0 = madd(f32x4.convert_i32x4_s(x0), f32x4.mul(widenScales(scales, 0), scale), y0)
    y1 = madd(f32x4.convert_i32x4_s(x1), f32x4.mul(widenScales(scales, 1), scale), y1)
    w += 16
  } while (--blocks)
  storeRow(y, y0, y1, columns)
}

/** The first `columns` of 8 results. */
export function storeRow(y: usize, y0: v128, y1: v128, columns: i32): void {
  if (columns == 8) {
    v128.store(y, y0)
    v128.store(y, y1, 16)
    return
  }
  if (columns >= 4) {
    v128.store(y, y0)
    y += 16
    columns -= 4
    y0 = y1
  }
  if (columns > 0) v128.store_lane<u32>(y, y0, 0)
  if (columns > 1) v128.store_lane<u32>(y, y0, 1, 4)
  if (columns > 2) v128.store_lane<u32>(y, y0, 2, 8)
}
