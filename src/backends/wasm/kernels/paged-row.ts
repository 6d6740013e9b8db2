/** Attention of one row to the pages of its sequence: the work of decoding, which reads keys and values once. */
import { blockEndOf, isSparse, seesPosition } from './block-pattern'
import { addByteValues, roundQuery, scoreByteKeys } from './paged-bytes'
import { addNibbleValues, scoreNibbleKeys, sumQueryGroups } from './paged-nibbles'
import { halfScale, halfScaleRoot, highHalves, lowHalves } from './halves'
import { exp2NonPositive } from './math'
import { madd, sumLanes } from './simd'
import { laneMask, loadTail, storeTail } from './spans'

/** Tokens in a page. */
export const pageSize: i32 = 64
/** Heads that are done together, page by page. */
export const headsAtOnce: i32 = 16

/** Bytes of workspace for the scores of a page, of one head. */
const pageScoreBytes: usize = 256

/** The pool's page that holds a position. */
// @ts-ignore: decorator
@inline
function pageOf(table: usize, position: i32): usize {
  return <usize>load<u32>(table + ((position / pageSize) << 2))
}

/** Elements from the start of the pool to a position's slot. `table`: the sequence's row of the page table. */
// @ts-ignore: decorator
@inline
export function slotOf(table: usize, position: i32, kvHeads: i32, kvHead: i32, headSize: i32): usize {
  return ((pageOf(table, position) * kvHeads + kvHead) * pageSize + (position & (pageSize - 1))) * headSize
}

/** Bytes from the start of a pool in bytes to the block of a position's page and head: 64 vectors, then their scales. */
// @ts-ignore: decorator
@inline
export function byteBlockOf(table: usize, position: i32, kvHeads: i32, kvHead: i32, headSize: i32): usize {
  return (pageOf(table, position) * kvHeads + kvHead) * <usize>(pageSize * (headSize + 4))
}

/** Bytes from the start of such a block to a position's vector. */
// @ts-ignore: decorator
@inline
export function rowInBlock(position: i32, headSize: i32): usize {
  return <usize>((position & (pageSize - 1)) * headSize)
}

/** Bytes from the start of such a block to a position's scale. */
// @ts-ignore: decorator
@inline
export function scaleInBlock(position: i32, headSize: i32): usize {
  return <usize>(pageSize * headSize + (position & (pageSize - 1)) * 4)
}

/** Bytes from the start of a pool in 4 bits to the block of a position's page and head: 64 vectors, then the scales of their groups. */
// @ts-ignore: decorator
@inline
export function nibbleBlockOf(table: usize, position: i32, kvHeads: i32, kvHead: i32, headSize: i32): usize {
  return (pageOf(table, position) * kvHeads + kvHead) * <usize>(pageSize * (headSize >> 1) + (headSize << 2))
}

/** Bytes from the start of such a block to a position's vector. */
// @ts-ignore: decorator
@inline
export function nibblesInBlock(position: i32, headSize: i32): usize {
  return <usize>((position & (pageSize - 1)) * (headSize >> 1))
}

/** Bytes from the start of such a block to a position's scale of the first group. */
// @ts-ignore: decorator
@inline
export function nibbleScaleInBlock(position: i32, headSize: i32): usize {
  return <usize>(pageSize * (headSize >> 1) + (position & (pageSize - 1)) * 2)
}

/**
 * out[h] = attention of q[h] to the positions [first, end), for the heads [firstHead, lastHead), at most 16, of one row. `group`
 * heads share keys and values; `factor` multiplies the dot products; weights are powers of 2. With a pattern (block-pattern.ts) the
 * row stands at end - 1, and a head passes over the blocks that it does not see. The workspace takes
 * 16 * (256 + 12 + 2 * (headSize + 7) * 4) + 128 bytes. T: what the cache holds, f32, u16 for f16, i8 for bytes with scales, or u8 for
 * nibbles with scales.
 *
 * A page's keys of all heads come first, then its values: they follow each other in memory, and long streams are what the
 * processor fetches ahead.
 */
export function attendRow<T>(
  keys: usize,
  values: usize,
  table: usize,
  q: usize,
  out: usize,
  firstHead: i32,
  lastHead: i32,
  group: i32,
  kvHeads: i32,
  headSize: i32,
  first: i32,
  end: i32,
  factor: f32,
  pattern: usize,
  workspace: usize,
): void {
  const sparse = isSparse(pattern)
  const count = lastHead - firstHead
  const maxima = workspace + <usize>headsAtOnce * pageScoreBytes
  const weightSums = maxima + <usize>headsAtOnce * 4
  const queries = weightSums + <usize>headsAtOnce * 4
  const bytes = (<usize>((headSize + 7) & -8)) << 2
  const sums = queries + <usize>headsAtOnce * bytes
  const queryScales = sums + <usize>headsAtOnce * bytes
  const rounded = queryScales + <usize>headsAtOnce * 4
  const width = (<usize>headSize) << 2
  // Halves are read times 2^-112: the queries make up for one half of that, the scores for the other.
  const scaled: f32 = sizeof<T>() == 2 ? factor * halfScaleRoot : factor
  for (let head = 0; head < count; head++) {
    store<f32>(maxima + (head << 2), -1e30)
    store<f32>(weightSums + (head << 2), 0)
    if (sizeof<T>() == 1) {
      const query = q + <usize>(firstHead + head) * width
      store<f32>(queryScales + (head << 2), roundQuery(query, factor, headSize, queries + <usize>head * bytes))
      if (!isSigned<T>()) sumQueryGroups(queries + <usize>head * bytes, headSize)
      continue
    }
    v128.store(queries + <usize>head * bytes + bytes - 16, f32x4.splat(0))
    for (let i = 0; i < headSize; i += 4) {
      const at = (<usize>i) << 2
      const part = loadTail(q + <usize>(firstHead + head) * width + at, headSize - i)
      v128.store(queries + <usize>head * bytes + at, f32x4.mul(part, f32x4.splat(scaled)))
    }
  }
  memory.fill(sums, 0, <usize>count * bytes)
  for (let position = first; position < end;) {
    let pageEnd = min(end, (position | (pageSize - 1)) + 1)
    if (sparse) pageEnd = blockEndOf(pattern, position, pageEnd)
    const tokens = pageEnd - position
    for (let head = 0; head < count; head++) {
      if (sparse && !seesPosition(pattern, firstHead + head, end - 1, position)) continue
      const kvHead = (firstHead + head) / group
      const query = queries + <usize>head * bytes
      const scores = workspace + <usize>head * pageScoreBytes
      if (sizeof<T>() == 1) {
        const scale = load<f32>(queryScales + (head << 2))
        scorePacked<T>(query, scale, keys, table, position, kvHeads, kvHead, headSize, tokens, scores)
      } else {
        const slot = slotOf(table, position, kvHeads, kvHead, headSize) * sizeof<T>()
        scorePage<T>(query, keys + slot, tokens, headSize, scores)
      }
    }
    for (let head = 0; head < count; head++) {
      if (sparse && !seesPosition(pattern, firstHead + head, end - 1, position)) continue
      const kvHead = (firstHead + head) / group
      const scores = workspace + <usize>head * pageScoreBytes
      const correction = weighPage(scores, tokens, maxima + (head << 2), weightSums + (head << 2))
      const target = sums + <usize>head * bytes
      if (isSigned<T>() && sizeof<T>() == 1) {
        const page = values + byteBlockOf(table, position, kvHeads, kvHead, headSize)
        const rows = page + rowInBlock(position, headSize)
        addByteValues(scores, rows, page + scaleInBlock(position, headSize), tokens, headSize, correction, target)
      } else if (sizeof<T>() == 1) {
        const page = values + nibbleBlockOf(table, position, kvHeads, kvHead, headSize)
        const rows = page + nibblesInBlock(position, headSize)
        const scales = page + nibbleScaleInBlock(position, headSize)
        addNibbleValues(scores, rows, scales, tokens, headSize, correction, target, rounded)
      } else {
        const slot = slotOf(table, position, kvHeads, kvHead, headSize) * sizeof<T>()
        addValues<T>(scores, values + slot, tokens, headSize, correction, target)
      }
    }
    position = pageEnd
  }
  for (let head = 0; head < count; head++) {
    const inverse = f32x4.splat(1 / load<f32>(weightSums + (head << 2)))
    for (let i = 0; i < headSize; i += 4) {
      const at = (<usize>i) << 2
      const result = f32x4.mul(v128.load(sums + <usize>head * bytes + at), inverse)
      const target = out + <usize>(firstHead + head) * width + at
      if (i + 4 <= headSize) v128.store(target, result)
      else storeTail(target, result, headSize - i)
    }
  }
}

/** The scores of the keys of a page from a position on, in bytes or nibbles with scales. */
// @ts-ignore: decorator
@inline
function scorePacked<T>(
  query: usize,
  queryScale: f32,
  keys: usize,
  table: usize,
  position: i32,
  kvHeads: i32,
  kvHead: i32,
  headSize: i32,
  tokens: i32,
  scores: usize,
): void {
  if (isSigned<T>()) {
    const page = keys + byteBlockOf(table, position, kvHeads, kvHead, headSize)
    const rows = page + rowInBlock(position, headSize)
    scoreByteKeys(query, queryScale, rows, page + scaleInBlock(position, headSize), tokens, headSize, scores)
  } else {
    const page = keys + nibbleBlockOf(table, position, kvHeads, kvHead, headSize)
    const rows = page + nibblesInBlock(position, headSize)
    scoreNibbleKeys(query, queryScale, rows, page + nibbleScaleInBlock(position, headSize), tokens, headSize, scores)
  }
}

/** scores[t] = dot(query, keys[t]), four tokens at a time. Beyond the last token scores are -Infinity up to a vector's end. */
function scorePage<T>(query: usize, keys: usize, tokens: i32, headSize: i32, scores: usize): void {
  const width = <usize>headSize * sizeof<T>()
  for (let token = 0; token < tokens; token += 4) {
    const key0 = keys + <usize>token * width
    const key1 = keys + <usize>min(token + 1, tokens - 1) * width
    const key2 = keys + <usize>min(token + 2, tokens - 1) * width
    const key3 = keys + <usize>min(token + 3, tokens - 1) * width
    let sum = isInteger<T>()
      ? f32x4.mul(dotHalves(query, key0, key1, key2, key3, headSize), f32x4.splat(halfScaleRoot))
      : dotFloats(query, key0, key1, key2, key3, headSize)
    sum = v128.bitselect(sum, f32x4.splat(-Infinity), laneMask(tokens - token))
    v128.store(scores + (token << 2), sum)
  }
}

/** Lane t: the dot product of a query and key t, in floats. */
// @ts-ignore: decorator
@inline
function dotFloats(query: usize, key0: usize, key1: usize, key2: usize, key3: usize, headSize: i32): v128 {
  const whole = headSize & -4
  let s0 = f32x4.splat(0)
  let s1 = s0
  let s2 = s0
  let s3 = s0
  for (let at: usize = 0; at < (<usize>whole) << 2; at += 16) {
    const part = v128.load(query + at)
    s0 = madd(v128.load(key0 + at), part, s0)
    s1 = madd(v128.load(key1 + at), part, s1)
    s2 = madd(v128.load(key2 + at), part, s2)
    s3 = madd(v128.load(key3 + at), part, s3)
  }
  if (whole < headSize) {
    const at = (<usize>whole) << 2
    const part = v128.load(query + at)
    s0 = madd(loadTail(key0 + at, headSize - whole), part, s0)
    s1 = madd(loadTail(key1 + at, headSize - whole), part, s1)
    s2 = madd(loadTail(key2 + at, headSize - whole), part, s2)
    s3 = madd(loadTail(key3 + at, headSize - whole), part, s3)
  }
  return sumOfEach(s0, s1, s2, s3)
}

/** The same for keys in halves, times 2^-112. Surplus components of the query are 0, and no half is infinite or NaN. */
// @ts-ignore: decorator
@inline
function dotHalves(query: usize, key0: usize, key1: usize, key2: usize, key3: usize, headSize: i32): v128 {
  let s0 = f32x4.splat(0)
  let s1 = s0
  let s2 = s0
  let s3 = s0
  for (let at: usize = 0; at < (<usize>headSize) << 1; at += 16) {
    const low = v128.load(query + 2 * at)
    const high = v128.load(query + 2 * at, 16)
    const halves0 = v128.load(key0 + at)
    const halves1 = v128.load(key1 + at)
    const halves2 = v128.load(key2 + at)
    const halves3 = v128.load(key3 + at)
    s0 = madd(lowHalves(halves0), low, s0)
    s1 = madd(lowHalves(halves1), low, s1)
    s2 = madd(lowHalves(halves2), low, s2)
    s3 = madd(lowHalves(halves3), low, s3)
    s0 = madd(highHalves(halves0), high, s0)
    s1 = madd(highHalves(halves1), high, s1)
    s2 = madd(highHalves(halves2), high, s2)
    s3 = madd(highHalves(halves3), high, s3)
  }
  return sumOfEach(s0, s1, s2, s3)
}

/** Lane t is the sum of the lanes of s_t. */
// @ts-ignore: decorator
@inline
function sumOfEach(s0: v128, s1: v128, s2: v128, s3: v128): v128 {
  const low01 = f32x4.add(v128.shuffle<f32>(s0, s1, 0, 4, 1, 5), v128.shuffle<f32>(s0, s1, 2, 6, 3, 7))
  const low23 = f32x4.add(v128.shuffle<f32>(s2, s3, 0, 4, 1, 5), v128.shuffle<f32>(s2, s3, 2, 6, 3, 7))
  return f32x4.add(v128.shuffle<f64>(low01, low23, 0, 2), v128.shuffle<f64>(low01, low23, 1, 3))
}

/** Scores become weights; returns by what the sums so far are to be multiplied. */
function weighPage(scores: usize, tokens: i32, maximum: usize, weightSum: usize): f32 {
  const end = scores + (((<usize>tokens + 3) >> 2) << 4)
  const old = f32x4.splat(load<f32>(maximum))
  let largest = old
  for (let p = scores; p < end; p += 16) largest = f32x4.pmax(largest, v128.load(p))
  largest = f32x4.pmax(largest, v128.shuffle<f32>(largest, largest, 2, 3, 0, 1))
  largest = f32x4.pmax(largest, v128.shuffle<f32>(largest, largest, 1, 0, 3, 2))
  let sum = f32x4.splat(0)
  for (let p = scores; p < end; p += 16) {
    const weight = exp2NonPositive(f32x4.sub(v128.load(p), largest))
    v128.store(p, weight)
    sum = f32x4.add(sum, weight)
  }
  const correction = f32x4.extract_lane(exp2NonPositive(f32x4.sub(old, largest)), 0)
  store<f32>(maximum, f32x4.extract_lane(largest, 0))
  store<f32>(weightSum, load<f32>(weightSum) * correction + sumLanes(sum))
  return correction
}

/** sums = sums * correction + the weighted sum of the values, 32 or 4 (of halves 8) components at a time. */
function addValues<T>(weights: usize, values: usize, tokens: i32, headSize: i32, correction: f32, sums: usize): void {
  const width = <usize>headSize * sizeof<T>()
  const weightsEnd = weights + ((<usize>tokens) << 2)
  // Halves are read times 2^-112, and weights are at most 1.
  if (isInteger<T>()) {
    for (let at = weights; at < weightsEnd; at += 16) {
      v128.store(at, f32x4.mul(v128.load(at), f32x4.splat(halfScale)))
    }
  }
  const factor = f32x4.splat(correction)
  let i = 0
  for (; i + 32 <= headSize; i += 32) {
    const target = sums + (i << 2)
    let s0 = f32x4.mul(v128.load(target), factor)
    let s1 = f32x4.mul(v128.load(target, 16), factor)
    let s2 = f32x4.mul(v128.load(target, 32), factor)
    let s3 = f32x4.mul(v128.load(target, 48), factor)
    let s4 = f32x4.mul(v128.load(target, 64), factor)
    let s5 = f32x4.mul(v128.load(target, 80), factor)
    let s6 = f32x4.mul(v128.load(target, 96), factor)
    let s7 = f32x4.mul(v128.load(target, 112), factor)
    let value = values + <usize>i * sizeof<T>()
    for (let weight = weights; weight < weightsEnd; weight += 4) {
      const w = v128.load32_splat(weight)
      if (isInteger<T>()) {
        const halves0 = v128.load(value)
        const halves1 = v128.load(value, 16)
        const halves2 = v128.load(value, 32)
        const halves3 = v128.load(value, 48)
        s0 = madd(w, lowHalves(halves0), s0)
        s1 = madd(w, highHalves(halves0), s1)
        s2 = madd(w, lowHalves(halves1), s2)
        s3 = madd(w, highHalves(halves1), s3)
        s4 = madd(w, lowHalves(halves2), s4)
        s5 = madd(w, highHalves(halves2), s5)
        s6 = madd(w, lowHalves(halves3), s6)
        s7 = madd(w, highHalves(halves3), s7)
      } else {
        s0 = madd(w, v128.load(value), s0)
        s1 = madd(w, v128.load(value, 16), s1)
        s2 = madd(w, v128.load(value, 32), s2)
        s3 = madd(w, v128.load(value, 48), s3)
        s4 = madd(w, v128.load(value, 64), s4)
        s5 = madd(w, v128.load(value, 80), s5)
        s6 = madd(w, v128.load(value, 96), s6)
        s7 = madd(w, v128.load(value, 112), s7)
      }
      value += width
    }
    v128.store(target, s0)
    v128.store(target, s1, 16)
    v128.store(target, s2, 32)
    v128.store(target, s3, 48)
    v128.store(target, s4, 64)
    v128.store(target, s5, 80)
    v128.store(target, s6, 96)
    v128.store(target, s7, 112)
  }
  // The last vector may hold surplus components, which are computed and never stored to the result.
  for (; i < headSize; i += isInteger<T>() ? 8 : 4) {
    const target = sums + (i << 2)
    let low = f32x4.mul(v128.load(target), factor)
    let high = isInteger<T>() ? f32x4.mul(v128.load(target, 16), factor) : low
    let value = values + <usize>i * sizeof<T>()
    for (let weight = weights; weight < weightsEnd; weight += 4) {
      const w = v128.load32_splat(weight)
      if (isInteger<T>()) {
        const halves = v128.load(value)
        low = madd(w, lowHalves(halves), low)
        high = madd(w, highHalves(halves), high)
      } else {
        low = madd(w, v128.load(value), low)
      }
      value += width
    }
    v128.store(target, low)
    if (isInteger<T>()) v128.store(target, high, 16)
  }
}
