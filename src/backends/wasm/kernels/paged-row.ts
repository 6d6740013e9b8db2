/** Attention of one row to the pages of its sequence: the work of decoding, which reads keys and values once. */
import { exp2NonPositive } from './math'
import { madd, sumLanes } from './simd'
import { laneMask, loadTail, storeTail } from './spans'

/** Tokens in a page. */
export const pageSize: i32 = 64
/** Heads that share keys and values and are done together, page by page. */
export const headsAtOnce: i32 = 8

/** Bytes of workspace for the scores of a page. */
const scoreBytes: usize = 256

/** Bytes from the start of the pool to a position's slot. `table`: the sequence's row of the page table. */
// @ts-ignore: decorator
@inline
export function slotOf(table: usize, position: i32, kvHeads: i32, kvHead: i32, headSize: i32): usize {
  const page = <usize>load<u32>(table + ((position / pageSize) << 2))
  return (((page * kvHeads + kvHead) * pageSize + (position & (pageSize - 1))) * headSize) << 2
}

/**
 * out[h] = attention of q[h] to the positions [first, end), for `count` heads that share one head of keys and values.
 * `factor` multiplies the dot products; weights are powers of 2. The workspace takes 256 + 64 + 8 * 2 * (headSize + 3) * 4
 * bytes.
 */
export function attendRow(
  keys: usize,
  values: usize,
  table: usize,
  q: usize,
  out: usize,
  count: i32,
  kvHeads: i32,
  kvHead: i32,
  headSize: i32,
  first: i32,
  end: i32,
  factor: f32,
  workspace: usize,
): void {
  const scores = workspace
  const maxima = scores + scoreBytes
  const weightSums = maxima + <usize>headsAtOnce * 4
  const queries = weightSums + <usize>headsAtOnce * 4
  const bytes = (<usize>((headSize + 3) & -4)) << 2
  const sums = queries + <usize>headsAtOnce * bytes
  const width = (<usize>headSize) << 2
  for (let head = 0; head < count; head++) {
    store<f32>(maxima + (head << 2), -1e30)
    store<f32>(weightSums + (head << 2), 0)
    for (let i = 0; i < headSize; i += 4) {
      const at = (<usize>i) << 2
      const part = loadTail(q + <usize>head * width + at, headSize - i)
      v128.store(queries + <usize>head * bytes + at, f32x4.mul(part, f32x4.splat(factor)))
    }
  }
  memory.fill(sums, 0, <usize>count * bytes)
  for (let position = first; position < end;) {
    const pageEnd = min(end, (position | (pageSize - 1)) + 1)
    const slot = slotOf(table, position, kvHeads, kvHead, headSize)
    const tokens = pageEnd - position
    for (let head = 0; head < count; head++) {
      scorePage(queries + <usize>head * bytes, keys + slot, tokens, headSize, scores)
      const correction = weighPage(scores, tokens, maxima + (head << 2), weightSums + (head << 2))
      addValues(scores, values + slot, tokens, headSize, correction, sums + <usize>head * bytes)
    }
    position = pageEnd
  }
  for (let head = 0; head < count; head++) {
    const inverse = f32x4.splat(1 / load<f32>(weightSums + (head << 2)))
    for (let i = 0; i < headSize; i += 4) {
      const at = (<usize>i) << 2
      const result = f32x4.mul(v128.load(sums + <usize>head * bytes + at), inverse)
      const target = out + <usize>head * width + at
      if (i + 4 <= headSize) v128.store(target, result)
      else storeTail(target, result, headSize - i)
    }
  }
}

/** scores[t] = dot(query, keys[t]), four tokens at a time. Beyond the last token scores are -Infinity up to a vector's end. */
function scorePage(query: usize, keys: usize, tokens: i32, headSize: i32, scores: usize): void {
  const whole = headSize & -4
  const width = (<usize>headSize) << 2
  for (let token = 0; token < tokens; token += 4) {
    const key0 = keys + <usize>token * width
    const key1 = keys + <usize>min(token + 1, tokens - 1) * width
    const key2 = keys + <usize>min(token + 2, tokens - 1) * width
    const key3 = keys + <usize>min(token + 3, tokens - 1) * width
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
    // Lane t of the sum is the sum of the lanes of s_t.
    const low01 = f32x4.add(v128.shuffle<f32>(s0, s1, 0, 4, 1, 5), v128.shuffle<f32>(s0, s1, 2, 6, 3, 7))
    const low23 = f32x4.add(v128.shuffle<f32>(s2, s3, 0, 4, 1, 5), v128.shuffle<f32>(s2, s3, 2, 6, 3, 7))
    const sum = f32x4.add(v128.shuffle<f64>(low01, low23, 0, 2), v128.shuffle<f64>(low01, low23, 1, 3))
    const score = v128.bitselect(sum, f32x4.splat(-Infinity), laneMask(tokens - token))
    v128.store(scores + (token << 2), score)
  }
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

/** sums = sums * correction + the weighted sum of the values, 32, 16 or 4 components at a time. */
function addValues(weights: usize, values: usize, tokens: i32, headSize: i32, correction: f32, sums: usize): void {
  const width = (<usize>headSize) << 2
  const factor = f32x4.splat(correction)
  const weightsEnd = weights + ((<usize>tokens) << 2)
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
    let value = values + (i << 2)
    for (let weight = weights; weight < weightsEnd; weight += 4) {
      const w = v128.load32_splat(weight)
      s0 = madd(w, v128.load(value), s0)
      s1 = madd(w, v128.load(value, 16), s1)
      s2 = madd(w, v128.load(value, 32), s2)
      s3 = madd(w, v128.load(value, 48), s3)
      s4 = madd(w, v128.load(value, 64), s4)
      s5 = madd(w, v128.load(value, 80), s5)
      s6 = madd(w, v128.load(value, 96), s6)
      s7 = madd(w, v128.load(value, 112), s7)
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
  for (; i < headSize; i += 4) {
    let sum = f32x4.mul(v128.load(sums + (i << 2)), factor)
    let value = values + (i << 2)
    for (let weight = weights; weight < weightsEnd; weight += 4) {
      sum = madd(v128.load32_splat(weight), v128.load(value), sum)
      value += width
    }
    v128.store(sums + (i << 2), sum)
  }
}
