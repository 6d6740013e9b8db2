import {
  multiplyByKeys,
  multiplyByQueries,
  multiplyScores,
  packRows,
  packTransposed,
  paddedSize,
  rowBytes,
  scoreBytes,
  softmaxGradientStep,
} from './attention-blocks'
import { firstKeyOf, leastFirstKey, noKey, storeFirstKeys } from './attention-rows'
import { blockSize } from './attention-tiles'
import { hideBlocks, isSparse, nextSeen } from './block-pattern'
import { madd, shareStart, sumLanes } from './simd'
import { loadTail, storeTail } from './spans'

const log2OfE: f64 = 1.4426950408889634

/**
 * delta[r, h] = dot(out, dOut) of every row and head, which attentionGradient reads.
 *
 *     word 0  out       f32 [rows, heads * headSize]
 *     word 1  dOut      f32 [rows, heads * headSize]
 *     word 2  delta     f32 [rows, heads]
 *     word 3  rows
 *     word 4  heads
 *     word 5  headSize
 */
export function attentionDelta(args: usize, thread: i32, threads: i32): void {
  const headSize = load<i32>(args, 20)
  const units = load<i32>(args, 12) * load<i32>(args, 16)
  const end = shareStart(units, thread + 1, threads)
  for (let unit = shareStart(units, thread, threads); unit < end; unit++) {
    const out = <usize>load<u32>(args, 0) + ((<usize>unit * headSize) << 2)
    const dOut = <usize>load<u32>(args, 4) + ((<usize>unit * headSize) << 2)
    let sum = f32x4.splat(0)
    let i = 0
    for (; i + 4 <= headSize; i += 4) sum = madd(v128.load(out + (i << 2)), v128.load(dOut + (i << 2)), sum)
    if (i < headSize) {
      sum = madd(loadTail(out + (i << 2), headSize - i), loadTail(dOut + (i << 2), headSize - i), sum)
    }
    store<f32>(<usize>load<u32>(args, 8) + (unit << 2), sumLanes(sum))
  }
}

/**
 * The derivatives of attention by q, k and v. Scores are computed again from q, k and logSumExp (Dao, "FlashAttention-2",
 * 2023). Rows that depend on one another form a segment (a sequence); a thread does whole segments of one head of k and v,
 * with all heads of q that share it, so at most segments * kvHeads threads have work. dq, or dk together with dv, may be
 * left out; computing all in one call shares the scores and takes 5 matrix products instead of 7.
 *
 *     word  0  q                f32 [rows, heads * headSize]
 *     word  1  k                f32 [rows, kvHeads * headSize]
 *     word  2  v                f32 [rows, kvHeads * headSize]
 *     word  3  starts           i32 [rows], as for attention
 *     word  4  logSumExp        f32 [rows, heads], of attention
 *     word  5  dOut             f32 [rows, heads * headSize]
 *     word  6  delta            f32 [rows, heads], of attentionDelta
 *     word  7  dq               f32 [rows, heads * headSize]; 0: not wanted
 *     word  8  dk               f32 [rows, kvHeads * headSize]; 0: dk and dv not wanted
 *     word  9  dv               f32 [rows, kvHeads * headSize]
 *     word 10  rows
 *     word 11  heads            a multiple of kvHeads
 *     word 12  kvHeads
 *     word 13  headSize
 *     word 14  window           0: none
 *     word 15  scale            f32
 *     word 16  workspace
 *     word 17  workspaceStride  bytes per thread: attentionGradientWorkspaceBytes in ../workspace.ts
 *     word 18  wide             0: tiles of 6x8, 1: of 6x16 (for V8 with --experimental-wasm-revectorize); same bits
 *     word 19  pattern          four words: see block-pattern.ts; positions count from the row where a sequence begins
 */
export function attentionGradient(args: usize, thread: i32, threads: i32): void {
  const rows = load<i32>(args, 40)
  const kvHeads = load<i32>(args, 48)
  // A unit is a head of k and v in a segment. A thread does the units that begin within its share of the whole cost.
  let total: i64 = 0
  for (let end = rows; end > 0;) {
    const start = segmentStart(args, end)
    total += unitCost(args, start, end) * kvHeads
    end = start
  }
  const from = (total * thread) / threads
  const to = (total * (thread + 1)) / threads
  let cost: i64 = 0
  for (let end = rows; end > 0 && cost < to;) {
    const start = segmentStart(args, end)
    for (let kvHead = 0; kvHead < kvHeads; kvHead++) {
      if (cost >= from && cost < to) deriveSegment(args, thread, start, end, kvHead)
      cost += unitCost(args, start, end)
    }
    end = start
  }
}

/** Where the segment that ends at `end` begins: no row from there on sees a key before it. */
function segmentStart(args: usize, end: i32): i32 {
  const starts = <usize>load<u32>(args, 12)
  const window = load<i32>(args, 56)
  let least = noKey
  let row = end
  do {
    row--
    least = min(least, firstKeyOf(starts, row, window))
  } while (least < row)
  return row
}

function unitCost(args: usize, start: i32, end: i32): i64 {
  const window = load<i32>(args, 56)
  const count = end - start
  return <i64>count * ((window > 0 ? min(window, count) : count) + blockSize)
}

/** The segment [start, end) for one head of k and v. */
function deriveSegment(args: usize, thread: i32, start: i32, end: i32, kvHead: i32): void {
  const starts = <usize>load<u32>(args, 12)
  const kvHeads = load<i32>(args, 48)
  const group = load<i32>(args, 44) / kvHeads
  const headSize = load<i32>(args, 52)
  const window = load<i32>(args, 56)
  const scale = load<f32>(args, 60)
  const pattern = args + 76
  const padded = paddedSize(headSize)
  const stride = (<usize>(kvHeads * group * headSize)) << 2
  const kvStride = (<usize>(kvHeads * headSize)) << 2
  const column = (<usize>(kvHead * group * headSize)) << 2

  const transposedKeys = <usize>load<u32>(args, 64) + <usize>thread * <usize>load<u32>(args, 68)
  const transposedValues = transposedKeys + <usize>headSize * rowBytes
  const keyRows = transposedValues + <usize>headSize * rowBytes
  const dKeys = keyRows + <usize>padded * rowBytes
  const dValues = dKeys + <usize>padded * rowBytes
  const queryBlock = dValues + <usize>padded * rowBytes

  const dq = <usize>load<u32>(args, 28)
  const dk = <usize>load<u32>(args, 32)
  for (let row = start; row < end && dq != 0; row++) {
    memory.fill(dq + <usize>row * stride + column, 0, (<usize>(group * headSize)) << 2)
  }
  for (let key = start; key < end; key += blockSize) {
    const keys = min(blockSize, end - key)
    const offset = <usize>key * kvStride + ((<usize>(kvHead * headSize)) << 2)
    packTransposed(<usize>load<u32>(args, 4) + offset, kvStride, keys, headSize, 1, transposedKeys)
    packTransposed(<usize>load<u32>(args, 8) + offset, kvStride, keys, headSize, 1, transposedValues)
    packRows(<usize>load<u32>(args, 4) + offset, kvStride, keys, headSize, keyRows)
    memory.fill(dKeys, 0, <usize>padded * rowBytes * 2)
    for (let head = kvHead * group; head < (kvHead + 1) * group; head++) {
      for (let row = key; row < end; row += blockSize) {
        const rowEnd = min(end, row + blockSize)
        if (leastFirstKey(starts, row, rowEnd, window) >= key + keys) continue
        const keyEnd = key + keys - start
        if (isSparse(pattern) && nextSeen(pattern, head, row - start, key - start, keyEnd) == keyEnd) continue
        deriveBlock(args, transposedKeys, queryBlock, start, row, rowEnd, key, keys, head)
      }
    }
    if (dk == 0) continue
    storeScaled(dKeys, padded, dk + offset, kvStride, keys, headSize, scale)
    storeScaled(dValues, padded, <usize>load<u32>(args, 36) + offset, kvStride, keys, headSize, 1)
  }
}

/**
 * What the queries [row, end) of a head contribute to the derivatives by a block of keys and values, and receive from it. The
 * sequence begins at `start`.
 */
function deriveBlock(
  args: usize,
  transposedKeys: usize,
  queryBlock: usize,
  start: i32,
  row: i32,
  end: i32,
  key: i32,
  keys: i32,
  head: i32,
): void {
  const heads = load<i32>(args, 44)
  const headSize = load<i32>(args, 52)
  const scale = load<f32>(args, 60)
  const wide = load<i32>(args, 72) != 0
  const padded = paddedSize(headSize)
  const stride = (<usize>(heads * headSize)) << 2
  const transposedValues = transposedKeys + <usize>headSize * rowBytes
  const keyRows = transposedValues + <usize>headSize * rowBytes
  const dKeys = keyRows + <usize>padded * rowBytes
  const dValues = dKeys + <usize>padded * rowBytes

  const transposedQueries = queryBlock
  const transposedGradients = transposedQueries + <usize>headSize * rowBytes
  const queryRows = transposedGradients + <usize>headSize * rowBytes
  const gradientRows = queryRows + <usize>padded * rowBytes
  const dQueries = gradientRows + <usize>padded * rowBytes
  const weights = dQueries + <usize>padded * rowBytes
  const dScores = weights + scoreBytes
  const firsts = dScores + scoreBytes
  const logSumExps = firsts + rowBytes
  const deltas = logSumExps + rowBytes
  const zeros = deltas + rowBytes

  const queries = end - row
  const visible = row - key + 1
  const lastFirst = storeFirstKeys(<usize>load<u32>(args, 12), row, end, load<i32>(args, 56), firsts)
  for (let query = 0; query < blockSize; query++) {
    const at = (<usize>(min(row + query, end - 1) * heads + head)) << 2
    const logSumExp = <f64>load<f32>(<usize>load<u32>(args, 16) + at)
    store<f32>(logSumExps + (query << 2), <f32>(logSumExp * log2OfE))
    store<f32>(deltas + (query << 2), load<f32>(<usize>load<u32>(args, 24) + at))
  }
  const offset = <usize>row * stride + ((<usize>(head * headSize)) << 2)
  const q = <usize>load<u32>(args, 0) + offset
  const dOut = <usize>load<u32>(args, 20) + offset
  memory.fill(zeros, 0, 64)
  packTransposed(q, stride, queries, headSize, <f32>(<f64>scale * log2OfE), transposedQueries)
  packTransposed(dOut, stride, queries, headSize, 1, transposedGradients)
  multiplyScores(wide, transposedKeys, transposedQueries, headSize, queries, keys, visible, zeros, weights)
  multiplyScores(wide, transposedValues, transposedGradients, headSize, queries, keys, visible, zeros, dScores)
  softmaxGradientStep(weights, dScores, queries, keys, visible, key, firsts, lastFirst, logSumExps, deltas)
  const pattern = args + 76
  if (isSparse(pattern)) {
    hideBlocks(pattern, head, weights, row - start, queries, key - start, keys, 0)
    hideBlocks(pattern, head, dScores, row - start, queries, key - start, keys, 0)
  }
  if (load<u32>(args, 32) != 0) {
    packRows(q, stride, queries, headSize, queryRows)
    packRows(dOut, stride, queries, headSize, gradientRows)
    multiplyByQueries(wide, weights, gradientRows, padded, queries, keys, visible, dValues)
    multiplyByQueries(wide, dScores, queryRows, padded, queries, keys, visible, dKeys)
  }
  const dq = <usize>load<u32>(args, 28)
  if (dq != 0) {
    memory.fill(dQueries, 0, <usize>padded * rowBytes)
    multiplyByKeys(wide, dScores, keyRows, padded, queries, keys, visible, dQueries)
    addScaled(dQueries, padded, dq + offset, stride, queries, headSize, scale)
  }
}

/** The first headSize floats of each row of a block, times `factor`. */
function storeScaled(
  rows: usize,
  padded: i32,
  target: usize,
  stride: usize,
  count: i32,
  headSize: i32,
  factor: f32,
): void {
  const factors = f32x4.splat(factor)
  for (let row = 0; row < count; row++) {
    for (let i = 0; i < headSize; i += 4) {
      const value = f32x4.mul(v128.load(rows + (i << 2)), factors)
      if (i + 4 <= headSize) v128.store(target + (i << 2), value)
      else storeTail(target + (i << 2), value, headSize - i)
    }
    rows += (<usize>padded) << 2
    target += stride
  }
}

/** The same, added to what is there. */
function addScaled(
  rows: usize,
  padded: i32,
  target: usize,
  stride: usize,
  count: i32,
  headSize: i32,
  factor: f32,
): void {
  const factors = f32x4.splat(factor)
  for (let row = 0; row < count; row++) {
    for (let i = 0; i < headSize; i += 4) {
      const value = madd(v128.load(rows + (i << 2)), factors, v128.load(target + (i << 2)))
      if (i + 4 <= headSize) v128.store(target + (i << 2), value)
      else storeTail(target + (i << 2), value, headSize - i)
    }
    rows += (<usize>padded) << 2
    target += stride
  }
}
