/** Blocks of attention: up to 48 queries by 48 keys. Scores are stored transposed, [key][query], so that lanes are queries. */
import { blockSize, blockStride, tileOfColumns, tileOfRows, tileRows } from './attention-tiles'
import { exp2NonPositive } from './math'
import { madd } from './simd'
import { copyFloats } from './spans'

/** The running maximum before any key was seen: finite, so that -Infinity minus it is no NaN. */
const noMaximum: f32 = -1e30

/** Bytes of a block of scores, and of one row of the block for every query. */
export const scoreBytes: usize = 9216
export const rowBytes: usize = 192

/** Floats of a row of an untransposed block: whole tiles of 16 columns. */
// @ts-ignore: decorator
@inline
export function paddedSize(headSize: i32): i32 {
  return (headSize + 15) & -16
}

/** `count` rows ([count][headSize], `stride` bytes apart) times `factor` into [headSize][48]; surplus columns repeat the last. */
export function packTransposed(
  source: usize,
  stride: usize,
  count: i32,
  headSize: i32,
  factor: f32,
  target: usize,
): void {
  const factors = f32x4.splat(factor)
  const last = count - 1
  for (let row = 0; row < count; row += 4) {
    let from0 = source + <usize>row * stride
    let from1 = source + <usize>min(row + 1, last) * stride
    let from2 = source + <usize>min(row + 2, last) * stride
    let from3 = source + <usize>min(row + 3, last) * stride
    let to = target + (row << 2)
    for (let step = headSize >> 2; step > 0; step--) {
      const row0 = f32x4.mul(v128.load(from0), factors)
      const row1 = f32x4.mul(v128.load(from1), factors)
      const row2 = f32x4.mul(v128.load(from2), factors)
      const row3 = f32x4.mul(v128.load(from3), factors)
      const low01 = v128.shuffle<f32>(row0, row1, 0, 4, 1, 5)
      const high01 = v128.shuffle<f32>(row0, row1, 2, 6, 3, 7)
      const low23 = v128.shuffle<f32>(row2, row3, 0, 4, 1, 5)
      const high23 = v128.shuffle<f32>(row2, row3, 2, 6, 3, 7)
      v128.store(to, v128.shuffle<f64>(low01, low23, 0, 2))
      v128.store(to + blockStride, v128.shuffle<f64>(low01, low23, 1, 3))
      v128.store(to + blockStride * 2, v128.shuffle<f64>(high01, high23, 0, 2))
      v128.store(to + blockStride * 3, v128.shuffle<f64>(high01, high23, 1, 3))
      from0 += 16
      from1 += 16
      from2 += 16
      from3 += 16
      to += blockStride * 4
    }
    for (let step = headSize & 3; step > 0; step--) {
      store<f32>(to, load<f32>(from0) * factor)
      store<f32>(to, load<f32>(from1) * factor, 4)
      store<f32>(to, load<f32>(from2) * factor, 8)
      store<f32>(to, load<f32>(from3) * factor, 12)
      from0 += 4
      from1 += 4
      from2 += 4
      from3 += 4
      to += blockStride
    }
  }
}

/** `count` rows into rows of paddedSize(headSize) floats; the surplus holds whatever follows. */
export function packRows(source: usize, stride: usize, count: i32, headSize: i32, target: usize): void {
  const targetStride = (<usize>paddedSize(headSize)) << 2
  const bytes = (<usize>headSize) << 2
  for (let row = 0; row < count; row++) {
    for (let at: usize = 0; at < bytes; at += 16) v128.store(target + at, v128.load(source + at))
    source += stride
    target += targetStride
  }
}

/**
 * scores[key][query] = sum over d of a[d][key] * b[d][query]. `visible` keys are seen by query 0, visible + q by query q;
 * tiles that no query sees are left as they are. `zeros`: 64 bytes of zeros.
 */
export function multiplyScores(
  wide: bool,
  a: usize,
  b: usize,
  headSize: i32,
  queries: i32,
  keys: i32,
  visible: i32,
  zeros: usize,
  scores: usize,
): void {
  const width = wide ? 16 : 8
  for (let query = 0; query < queries; query += width) {
    const end = min(keys, visible + query + width - 1)
    const from = b + (query << 2)
    let to = scores + (query << 2)
    for (let key = 0; key < end; key += tileRows) {
      tileOfColumns(wide, a + (key << 2), from, blockStride, zeros, 0, to, blockStride, headSize)
      to += blockStride * tileRows
    }
  }
}

/** sums[query][d] += sum over keys of weights[key][query] * rows[key][d]; both operands' rows have paddedSize floats. */
export function multiplyByKeys(
  wide: bool,
  weights: usize,
  rows: usize,
  padded: i32,
  queries: i32,
  keys: i32,
  visible: i32,
  sums: usize,
): void {
  const width = wide ? 16 : 8
  const stride = (<usize>padded) << 2
  for (let column = 0; column < padded; column += width) {
    for (let query = 0; query < queries; query += tileRows) {
      const steps = min(keys, visible + query + tileRows - 1)
      if (steps <= 0) continue
      const c = sums + <usize>query * stride + (column << 2)
      tileOfColumns(wide, weights + (query << 2), rows + (column << 2), stride, c, stride, c, stride, steps)
    }
  }
}

/** sums[key][d] += sum over queries of weights[key][query] * rows[query][d]. */
export function multiplyByQueries(
  wide: bool,
  weights: usize,
  rows: usize,
  padded: i32,
  queries: i32,
  keys: i32,
  visible: i32,
  sums: usize,
): void {
  const width = wide ? 16 : 8
  const stride = (<usize>padded) << 2
  for (let column = 0; column < padded; column += width) {
    for (let key = 0; key < keys; key += tileRows) {
      const first = max(0, key - visible + 1)
      if (first >= queries) break
      const a = weights + <usize>key * blockStride + (first << 2)
      const b = rows + <usize>first * stride + (column << 2)
      const c = sums + <usize>key * stride + (column << 2)
      tileOfRows(wide, a, b, stride, c, stride, c, stride, queries - first)
    }
  }
}

/** Which lanes do not see a key: those whose first key lies after it or whose own row lies before it. */
// @ts-ignore: decorator
@inline
export function hidden(key: v128, firsts: v128, rows: v128): v128 {
  return v128.or(i32x4.gt_s(firsts, key), i32x4.gt_s(key, rows))
}

/** Keys of a block whose weights the products read for the eight queries from `query` on: what they see and a tile more. */
// @ts-ignore: decorator
@inline
export function weightedKeys(keys: i32, visible: i32, query: i32): i32 {
  return max(0, min(keys, visible + query + 7 + tileRows - 1))
}

/**
 * One step of the online softmax (Milakov and Gimelshein, 2018; Dao, "FlashAttention-2", 2023): base-2 scores become
 * weights 2^(score - maximum), the running maxima and sums are brought up to date, and `corrections` receives by what
 * earlier sums have to be multiplied. Returns whether any differs from 1.
 *
 * @param firsts i32 [48], the first key that each query sees; `lastFirst` is the largest of them
 */
export function softmaxStep(
  scores: usize,
  queries: i32,
  keys: i32,
  visible: i32,
  firstKey: i32,
  firsts: usize,
  lastFirst: i32,
  maxima: usize,
  sums: usize,
  corrections: usize,
): bool {
  const one = f32x4.splat(1)
  let changed = i32x4.splat(0)
  for (let query = 0; query < queries; query += 8) {
    const at = query << 2
    const end = weightedKeys(keys, visible, query)
    const from = scores + at
    const to = from + <usize>end * blockStride
    if (visible + query < keys || lastFirst > firstKey) {
      hideScores(from, to, firstKey, firsts + at, firstKey + visible - 1 + query)
    }
    const old0 = v128.load(maxima + at)
    const old1 = v128.load(maxima + at, 16)
    let max0 = old0
    let max1 = old1
    for (let p = from; p < to; p += blockStride) {
      max0 = f32x4.pmax(max0, v128.load(p))
      max1 = f32x4.pmax(max1, v128.load(p, 16))
    }
    let sum0 = f32x4.splat(0)
    let sum1 = sum0
    for (let p = from; p < to; p += blockStride) {
      const weight0 = exp2NonPositive(f32x4.sub(v128.load(p), max0))
      const weight1 = exp2NonPositive(f32x4.sub(v128.load(p, 16), max1))
      v128.store(p, weight0)
      v128.store(p, weight1, 16)
      sum0 = f32x4.add(sum0, weight0)
      sum1 = f32x4.add(sum1, weight1)
    }
    const correction0 = exp2NonPositive(f32x4.sub(old0, max0))
    const correction1 = exp2NonPositive(f32x4.sub(old1, max1))
    v128.store(maxima + at, max0)
    v128.store(maxima + at, max1, 16)
    v128.store(sums + at, madd(v128.load(sums + at), correction0, sum0))
    v128.store(sums + at, madd(v128.load(sums + at, 16), correction1, sum1), 16)
    v128.store(corrections + at, correction0)
    v128.store(corrections + at, correction1, 16)
    changed = v128.or(changed, v128.or(f32x4.ne(correction0, one), f32x4.ne(correction1, one)))
  }
  return v128.any_true(changed)
}

/** Scores of eight queries that do not see their key become -Infinity. */
function hideScores(from: usize, to: usize, firstKey: i32, firsts: usize, firstRow: i32): void {
  const infinity = f32x4.splat(-Infinity)
  const firsts0 = v128.load(firsts)
  const firsts1 = v128.load(firsts, 16)
  const rows0 = i32x4.add(i32x4.splat(firstRow), i32x4(0, 1, 2, 3))
  const rows1 = i32x4.add(rows0, i32x4.splat(4))
  let key = i32x4.splat(firstKey)
  for (let p = from; p < to; p += blockStride) {
    v128.store(p, v128.bitselect(infinity, v128.load(p), hidden(key, firsts0, rows0)))
    v128.store(p, v128.bitselect(infinity, v128.load(p, 16), hidden(key, firsts1, rows1)), 16)
    key = i32x4.add(key, i32x4.splat(1))
  }
}

/** No keys seen yet. */
export function beginSoftmax(maxima: usize, weightSums: usize, sums: usize, padded: i32): void {
  for (let query = 0; query < blockSize; query++) {
    store<f32>(maxima + (query << 2), noMaximum)
    store<f32>(weightSums + (query << 2), 0)
  }
  memory.fill(sums, 0, <usize>padded * rowBytes)
}

/** Stores the sums divided by their weights, or 0 for a query that saw no key. The weights become their reciprocals. */
export function finishSoftmax(
  sums: usize,
  weightSums: usize,
  queries: i32,
  headSize: i32,
  out: usize,
  stride: usize,
): void {
  const padded = paddedSize(headSize)
  for (let query = 0; query < queries; query++) {
    const weightSum = load<f32>(weightSums + (query << 2))
    store<f32>(weightSums + (query << 2), weightSum != 0 ? 1 / weightSum : 0)
  }
  scaleRows(sums, weightSums, queries, padded)
  for (let query = 0; query < queries; query++) {
    copyFloats(out + <usize>query * stride, sums + ((<usize>(query * padded)) << 2), headSize)
  }
}

/** Multiplies each row of [queries][padded] by its own factor. */
export function scaleRows(rows: usize, factors: usize, queries: i32, padded: i32): void {
  const bytes = (<usize>padded) << 2
  for (let query = 0; query < queries; query++) {
    const factor = v128.load32_splat(factors + (query << 2))
    const end = rows + bytes
    for (; rows < end; rows += 16) v128.store(rows, f32x4.mul(v128.load(rows), factor))
  }
}

/**
 * The backward counterpart of softmaxStep: base-2 scores become weights 2^(score - logSumExp), and the derivatives by weights
 * become derivatives by scores, weight * (derivative - delta). What a query does not see becomes 0.
 */
export function softmaxGradientStep(
  scores: usize,
  gradients: usize,
  queries: i32,
  keys: i32,
  visible: i32,
  firstKey: i32,
  firsts: usize,
  lastFirst: i32,
  logSumExps: usize,
  deltas: usize,
): void {
  for (let query = 0; query < queries; query += 8) {
    const at = query << 2
    const end = weightedKeys(keys, visible, query)
    const everySeen = visible + query >= keys && lastFirst <= firstKey
    const logSumExp0 = v128.load(logSumExps + at)
    const logSumExp1 = v128.load(logSumExps + at, 16)
    const delta0 = v128.load(deltas + at)
    const delta1 = v128.load(deltas + at, 16)
    const to = scores + at + <usize>end * blockStride
    let gradient = gradients + at
    for (let p = scores + at; p < to; p += blockStride) {
      const weight0 = exp2NonPositive(f32x4.sub(v128.load(p), logSumExp0))
      const weight1 = exp2NonPositive(f32x4.sub(v128.load(p, 16), logSumExp1))
      v128.store(p, weight0)
      v128.store(p, weight1, 16)
      v128.store(gradient, f32x4.mul(weight0, f32x4.sub(v128.load(gradient), delta0)))
      v128.store(gradient, f32x4.mul(weight1, f32x4.sub(v128.load(gradient, 16), delta1)), 16)
      gradient += blockStride
    }
    if (!everySeen) {
      const row = firstKey + visible - 1 + query
      eraseHidden(scores + at, to, firstKey, firsts + at, row)
      eraseHidden(gradients + at, gradient, firstKey, firsts + at, row)
    }
  }
}

/** Values of eight queries that do not see their key become 0, NaN too. */
function eraseHidden(from: usize, to: usize, firstKey: i32, firsts: usize, firstRow: i32): void {
  const firsts0 = v128.load(firsts)
  const firsts1 = v128.load(firsts, 16)
  const rows0 = i32x4.add(i32x4.splat(firstRow), i32x4(0, 1, 2, 3))
  const rows1 = i32x4.add(rows0, i32x4.splat(4))
  let key = i32x4.splat(firstKey)
  for (let p = from; p < to; p += blockStride) {
    v128.store(p, v128.andnot(v128.load(p), hidden(key, firsts0, rows0)))
    v128.store(p, v128.andnot(v128.load(p, 16), hidden(key, firsts1, rows1)), 16)
    key = i32x4.add(key, i32x4.splat(1))
  }
}
