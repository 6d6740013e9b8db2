import {
  beginSoftmax,
  finishSoftmax,
  multiplyByKeys,
  multiplyScores,
  packRows,
  packTransposed,
  paddedSize,
  rowBytes,
  scaleRows,
  scoreBytes,
  softmaxStep,
} from './attention-blocks'
import { leastFirstKey, storeFirstKeys } from './attention-rows'
import { blockSize } from './attention-tiles'
import { hideBlocks, isSparse, nextSeen, seenCount, seenEnd } from './block-pattern'
import { logarithm } from './math'

const log2OfE: f64 = 1.4426950408889634
const ln2: f64 = 0.6931471805599453

/** The end of the block of queries from `row` on: at most 48 rows, and none that begins a sequence or padding after another. */
function blockEnd(starts: usize, row: i32, rows: i32): i32 {
  const limit = min(rows, row + blockSize)
  const padding = load<i32>(starts + (row << 2)) < 0
  let end = row + 1
  while (end < limit) {
    const start = load<i32>(starts + (end << 2))
    if (start == end || start < 0 != padding) break
    end++
  }
  return end
}

/**
 * Attention over the rows of whole sequences, several of which may lie one after the other: row r attends to the rows j with
 * max(starts[r], r - window + 1) <= j <= r. Rows with starts[r] < 0 are padding: output 0, log-sum-exp 0. Blocks of 48 x 48 with
 * an online softmax (Dao, "FlashAttention-2", 2023). Head h of q shares the head floor(h * kvHeads / heads) of k and v.
 *
 *     word  0  q                f32 [rows, heads * headSize]
 *     word  1  k                f32 [rows, kvHeads * headSize]
 *     word  2  v                f32 [rows, kvHeads * headSize]
 *     word  3  starts           i32 [rows]: starts[r] <= r
 *     word  4  out              f32 [rows, heads * headSize]
 *     word  5  logSumExp        f32 [rows, heads]
 *     word  6  rows
 *     word  7  heads            a multiple of kvHeads
 *     word  8  kvHeads
 *     word  9  headSize
 *     word 10  window           0: none
 *     word 11  scale            f32
 *     word 12  workspace
 *     word 13  workspaceStride  bytes per thread: attentionWorkspaceBytes in ../workspace.ts
 *     word 14  wide             0: tiles of 6x8, 1: of 6x16 (for V8 with --experimental-wasm-revectorize); same bits
 *     word 15  pattern          four words: see block-pattern.ts; positions count from the row where a sequence begins
 */
export function attention(args: usize, thread: i32, threads: i32): void {
  const starts = <usize>load<u32>(args, 12)
  const rows = load<i32>(args, 24)
  const heads = load<i32>(args, 28)
  const window = load<i32>(args, 40)
  // A unit is a head of a block of queries and costs the keys that the block goes through. A thread does the units that begin
  // within its share of the whole cost.
  let total: i64 = 0
  for (let row = 0; row < rows;) {
    const end = blockEnd(starts, row, rows)
    total += <i64>heads * unitCost(args, leastFirstKey(starts, row, end, window), end)
    row = end
  }
  const from = (total * thread) / threads
  const to = (total * (thread + 1)) / threads
  let cost: i64 = 0
  for (let row = 0; row < rows && cost < to;) {
    const end = blockEnd(starts, row, rows)
    const firstKey = leastFirstKey(starts, row, end, window)
    for (let head = 0; head < heads; head++) {
      if (cost >= from && cost < to) attendBlock(args, thread, row, end, firstKey, head)
      cost += unitCost(args, firstKey, end)
    }
    row = end
  }
}

function unitCost(args: usize, firstKey: i32, end: i32): i64 {
  if (firstKey >= end) return 1
  const keys = isSparse(args + 60) ? seenCount(args + 60, end - firstKey) : end - firstKey
  return <i64>keys + blockSize
}

/** One head of the queries [row, end). */
function attendBlock(args: usize, thread: i32, row: i32, end: i32, firstKey: i32, head: i32): void {
  const starts = <usize>load<u32>(args, 12)
  const heads = load<i32>(args, 28)
  const kvHeads = load<i32>(args, 32)
  const headSize = load<i32>(args, 36)
  const window = load<i32>(args, 40)
  const wide = load<i32>(args, 56) != 0
  const padded = paddedSize(headSize)
  const stride = (<usize>(heads * headSize)) << 2
  const kvStride = (<usize>(kvHeads * headSize)) << 2
  const kvColumn = (<usize>((head / (heads / kvHeads)) * headSize)) << 2
  const queries = end - row
  const pattern = args + 60
  const sparse = isSparse(pattern)
  const begin = load<i32>(starts + (row << 2))

  const transposedQueries = <usize>load<u32>(args, 48) + <usize>thread * <usize>load<u32>(args, 52)
  const transposedKeys = transposedQueries + <usize>headSize * rowBytes
  const values = transposedKeys + <usize>headSize * rowBytes
  const sums = values + <usize>padded * rowBytes
  const scores = sums + <usize>padded * rowBytes
  const firsts = scores + scoreBytes
  const maxima = firsts + rowBytes
  const weightSums = maxima + rowBytes
  const corrections = weightSums + rowBytes
  const zeros = corrections + rowBytes

  memory.fill(zeros, 0, 64)
  const lastFirst = storeFirstKeys(starts, row, end, window, firsts)
  beginSoftmax(maxima, weightSums, sums, padded)
  const q = <usize>load<u32>(args, 0) + <usize>row * stride + ((<usize>(head * headSize)) << 2)
  const factor = <f32>(<f64>load<f32>(args, 44) * log2OfE)
  if (firstKey < end) packTransposed(q, stride, queries, headSize, factor, transposedQueries)
  let keys = 0
  for (let key = firstKey; key < end; key += keys) {
    keys = min(blockSize, end - key)
    if (sparse) {
      key = begin + nextSeen(pattern, head, row - begin, key - begin, end - begin)
      keys = min(blockSize, begin + seenEnd(pattern, head, row - begin, key - begin, end - begin) - key)
    }
    const visible = row - key + 1
    const offset = <usize>key * kvStride + kvColumn
    packTransposed(<usize>load<u32>(args, 4) + offset, kvStride, keys, headSize, 1, transposedKeys)
    packRows(<usize>load<u32>(args, 8) + offset, kvStride, keys, headSize, values)
    multiplyScores(wide, transposedKeys, transposedQueries, headSize, queries, keys, visible, zeros, scores)
    if (sparse) hideBlocks(pattern, head, scores, row - begin, queries, key - begin, keys, -Infinity)
    if (softmaxStep(scores, queries, keys, visible, key, firsts, lastFirst, maxima, weightSums, corrections)) {
      if (key > firstKey) scaleRows(sums, corrections, queries, padded)
    }
    multiplyByKeys(wide, scores, values, padded, queries, keys, visible, sums)
  }
  const out = <usize>load<u32>(args, 16) + <usize>row * stride + ((<usize>(head * headSize)) << 2)
  const logSumExps = <usize>load<u32>(args, 20) + ((<usize>row * heads + head) << 2)
  for (let query = 0; query < queries; query++) {
    const weightSum = load<f32>(weightSums + (query << 2))
    const logSumExp = (<f64>load<f32>(maxima + (query << 2)) + logarithm(<f64>weightSum) * log2OfE) * ln2
    store<f32>(logSumExps + ((<usize>(query * heads)) << 2), weightSum != 0 ? <f32>logSumExp : 0)
  }
  finishSoftmax(sums, weightSums, queries, headSize, out, stride)
}
