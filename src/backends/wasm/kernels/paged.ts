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
import { blockSize } from './attention-tiles'
import { hideBlocks, isSparse, nextSeen, seenCount, seenEnd } from './block-pattern'
import { narrowFloats, widenRows } from './halves'
import { narrowToBytes, widenBytes } from './paged-bytes'
import { narrowToNibbles, widenNibbles } from './paged-nibbles'
import {
  attendRow,
  byteBlockOf,
  headsAtOnce,
  nibbleBlockOf,
  nibbleScaleInBlock,
  nibblesInBlock,
  pageSize,
  rowInBlock,
  scaleInBlock,
  slotOf,
} from './paged-row'
import { shareStart } from './simd'
import { copyFloats, spanStart } from './spans'

/** From so many consecutive rows of a sequence on, blocks of queries are faster than rows one by one: leastBlockRows in src/program/ops/cache.ts. */
const leastBlock: i32 = 5

/** Formats of the cache. */
const halfFloats: i32 = 1
const bytesWithScales: i32 = 2
const nibblesWithScales: i32 = 3

/**
 * Writes keys and values into the cache: row r goes to the page pageTable[sequences[r]][positions[r] / 64], slot
 * positions[r] % 64. Rows with sequences[r] < 0 are passed over.
 *
 *     word  0  keys       in the format of word 11 [pages, kvHeads, 64, headSize], updated
 *     word  1  values     likewise
 *     word  2  pageTable  i32 [sequences, maxPages]
 *     word  3  sequences  i32 [rows]
 *     word  4  positions  i32 [rows]
 *     word  5  k          f32 [rows, kvHeads * headSize]
 *     word  6  v          f32 [rows, kvHeads * headSize]
 *     word  7  rows
 *     word  8  kvHeads
 *     word  9  headSize
 *     word 10  maxPages
 *     word 11  format     of the cache: 0 f32, 1 f16, 2 bytes with scales (src/blocks/kv8.ts), 3 nibbles with scales (kv4.ts)
 */
export function cacheWrite(args: usize, thread: i32, threads: i32): void {
  const sequences = <usize>load<u32>(args, 12)
  const positions = <usize>load<u32>(args, 16)
  const kvHeads = load<i32>(args, 32)
  const headSize = load<i32>(args, 36)
  const format = load<i32>(args, 44)
  const units = load<i32>(args, 28) * kvHeads
  const end = shareStart(units, thread + 1, threads)
  for (let unit = shareStart(units, thread, threads); unit < end; unit++) {
    const row = unit / kvHeads
    const sequence = load<i32>(sequences + (row << 2))
    if (sequence < 0) continue
    const position = load<i32>(positions + (row << 2))
    const table = <usize>load<u32>(args, 8) + ((<usize>sequence * load<i32>(args, 40)) << 2)
    const kvHead = unit - row * kvHeads
    let vector: usize
    let scale: usize = 0
    if (format == bytesWithScales) {
      const block = byteBlockOf(table, position, kvHeads, kvHead, headSize)
      vector = block + rowInBlock(position, headSize)
      scale = block + scaleInBlock(position, headSize)
    } else if (format == nibblesWithScales) {
      const block = nibbleBlockOf(table, position, kvHeads, kvHead, headSize)
      vector = block + nibblesInBlock(position, headSize)
      scale = block + nibbleScaleInBlock(position, headSize)
    } else vector = slotOf(table, position, kvHeads, kvHead, headSize) * (format == halfFloats ? 2 : 4)
    const from = (<usize>unit * headSize) << 2
    writeVector(format, <usize>load<u32>(args, 0), vector, scale, <usize>load<u32>(args, 20) + from, headSize)
    writeVector(format, <usize>load<u32>(args, 4), vector, scale, <usize>load<u32>(args, 24) + from, headSize)
  }
}

/** Writes `headSize` floats into a pool, as its format has them; `vector` and `scale` are bytes from its start. */
function writeVector(format: i32, pool: usize, vector: usize, scale: usize, source: usize, headSize: i32): void {
  const target = pool + vector
  if (format == bytesWithScales) narrowToBytes(target, pool + scale, source, headSize)
  else if (format == nibblesWithScales) narrowToNibbles(target, pool + scale, source, headSize)
  else if (format == halfFloats) narrowFloats(target, source, headSize)
  else copyFloats(target, source, headSize)
}

/**
 * Copies whole pages within a pool, in order: page to[i] becomes page from[i].
 *
 *     word 0  pool       [pages, pageWords], updated
 *     word 1  from       i32 [count]
 *     word 2  to         i32 [count]
 *     word 3  count
 *     word 4  pageWords  4-byte words of a page, kvHeads * 64 * headSize for f32
 */
export function copyPages(args: usize, thread: i32, threads: i32): void {
  const pool = <usize>load<u32>(args, 0)
  const pageWords = load<i32>(args, 16)
  // A thread owns a part of every page, so that a page may be copied on.
  const start = spanStart(pageWords, thread, threads)
  const bytes = (<usize>(spanStart(pageWords, thread + 1, threads) - start)) << 2
  for (let i = 0; i < load<i32>(args, 12); i++) {
    const from = <usize>load<u32>(<usize>load<u32>(args, 4) + (i << 2))
    const to = <usize>load<u32>(<usize>load<u32>(args, 8) + (i << 2))
    memory.copy(pool + ((to * pageWords + start) << 2), pool + ((from * pageWords + start) << 2), bytes)
  }
}

/**
 * Attention to the cached positions j of the row's own sequence with max(0, positions[r] - window + 1) <= j <= positions[r].
 * Rows with sequences[r] < 0 receive 0. Consecutive rows at consecutive positions of one sequence are done in blocks.
 *
 *     word  0  keys             in the format of word 17 [pages, kvHeads, 64, headSize]
 *     word  1  values           likewise
 *     word  2  pageTable        i32 [sequences, maxPages]
 *     word  3  sequences        i32 [rows]
 *     word  4  positions        i32 [rows]
 *     word  5  q                f32 [rows, heads * headSize]
 *     word  6  out              f32 [rows, heads * headSize]
 *     word  7  rows
 *     word  8  heads            a multiple of kvHeads
 *     word  9  kvHeads
 *     word 10  headSize
 *     word 11  maxPages
 *     word 12  window           0: none
 *     word 13  scale            f32
 *     word 14  workspace
 *     word 15  workspaceStride  bytes per thread: pagedAttentionWorkspaceBytes in ../workspace.ts
 *     word 16  wide             0: tiles of 6x8, 1: of 6x16 (for V8 with --experimental-wasm-revectorize); same bits
 *     word 17  format           of the cache: 0 f32, 1 f16, 2 bytes with scales, 3 nibbles with scales
 *     word 18  pattern          four words: see block-pattern.ts
 */
export function pagedAttention(args: usize, thread: i32, threads: i32): void {
  const rows = load<i32>(args, 28)
  const heads = load<i32>(args, 32)
  // A unit is a head of a run of rows. A thread does the units that begin within its share of the whole cost.
  let total: i64 = 0
  for (let row = 0; row < rows;) {
    const end = runEnd(args, row, rows)
    total += runCost(args, row, end) * heads
    row = end
  }
  const from = (total * thread) / threads
  const to = (total * (thread + 1)) / threads
  let cost: i64 = 0
  for (let row = 0; row < rows && cost < to;) {
    const end = runEnd(args, row, rows)
    const each = runCost(args, row, end)
    // The heads whose cost begins within [from, to).
    const first = <i32>min<i64>(heads, max<i64>(0, (from - cost + each - 1) / each))
    const last = <i32>min<i64>(heads, max<i64>(0, (to - cost + each - 1) / each))
    if (first < last) attendRun(args, thread, row, end, first, last)
    cost += each * heads
    row = end
  }
}

/**
 * The end of the rows that follow one another in a sequence: at most 48, and never so many that too few for a block are left.
 * Padding rows count as a run of their own.
 */
function runEnd(args: usize, row: i32, rows: i32): i32 {
  const sequences = <usize>load<u32>(args, 12)
  const positions = <usize>load<u32>(args, 16)
  const sequence = load<i32>(sequences + (row << 2))
  const position = load<i32>(positions + (row << 2))
  const limit = min(rows, row + blockSize + leastBlock)
  let end = row + 1
  while (end < limit) {
    if (load<i32>(sequences + (end << 2)) != sequence) break
    if (sequence >= 0 && load<i32>(positions + (end << 2)) != position + end - row) break
    end++
  }
  const block = row + blockSize
  return end <= block ? end : min(block, end - leastBlock)
}

/** The first position that a row at `position` sees. */
// @ts-ignore: decorator
@inline
function firstSeen(position: i32, window: i32): i32 {
  return window > 0 ? max(0, position - window + 1) : 0
}

/** What a head of a run costs. A row of a block costs about a third of a row on its own. */
function runCost(args: usize, row: i32, end: i32): i64 {
  if (load<i32>(<usize>load<u32>(args, 12) + (row << 2)) < 0) return 1
  const position = load<i32>(<usize>load<u32>(args, 16) + (row << 2))
  const seen = isSparse(args + 72)
    ? seenCount(args + 72, position + 1)
    : position + 1 - firstSeen(position, load<i32>(args, 48))
  return <i64>(seen + pageSize) * (end - row) * (end - row < leastBlock ? 3 : 1)
}

/** The heads [firstHead, lastHead) of the run of rows [row, end). */
function attendRun(args: usize, thread: i32, row: i32, end: i32, firstHead: i32, lastHead: i32): void {
  const heads = load<i32>(args, 32)
  const kvHeads = load<i32>(args, 36)
  const headSize = load<i32>(args, 40)
  const workspace = <usize>load<u32>(args, 56) + <usize>thread * <usize>load<u32>(args, 60)
  const sequence = load<i32>(<usize>load<u32>(args, 12) + (row << 2))
  const width = (<usize>headSize) << 2
  const out = <usize>load<u32>(args, 24)
  if (sequence < 0) {
    for (; row < end; row++) {
      memory.fill(out + <usize>(row * heads + firstHead) * width, 0, <usize>(lastHead - firstHead) * width)
    }
    return
  }
  const q = <usize>load<u32>(args, 20)
  const table = <usize>load<u32>(args, 8) + ((<usize>sequence * load<i32>(args, 44)) << 2)
  const factor = <f32>(<f64>load<f32>(args, 52) * 1.4426950408889634)
  const position = load<i32>(<usize>load<u32>(args, 16) + (row << 2))
  const group = heads / kvHeads
  const format = load<i32>(args, 68)
  if (end - row >= leastBlock) {
    for (let head = firstHead; head < lastHead; head++) {
      const offset = <usize>(row * heads + head) * width
      attendBlock(args, workspace, table, q + offset, out + offset, end - row, position, head, factor)
    }
    return
  }
  for (let query = 0; query < end - row; query++) {
    const offset = <usize>((row + query) * heads) * width
    const seen = position + query
    if (format == bytesWithScales) {
      attendHeads<i8>(args, workspace, table, q + offset, out + offset, firstHead, lastHead, seen, factor)
    } else if (format == nibblesWithScales) {
      attendHeads<u8>(args, workspace, table, q + offset, out + offset, firstHead, lastHead, seen, factor)
    } else if (format == halfFloats)
      attendHeads<u16>(args, workspace, table, q + offset, out + offset, firstHead, lastHead, seen, factor)
    else attendHeads<f32>(args, workspace, table, q + offset, out + offset, firstHead, lastHead, seen, factor)
  }
}

/** The heads [firstHead, lastHead) of one row, which stands at `position`; q and out are those of its first head. */
function attendHeads<T>(
  args: usize,
  workspace: usize,
  table: usize,
  q: usize,
  out: usize,
  firstHead: i32,
  lastHead: i32,
  position: i32,
  factor: f32,
): void {
  const keys = <usize>load<u32>(args, 0)
  const values = <usize>load<u32>(args, 4)
  const kvHeads = load<i32>(args, 36)
  const group = load<i32>(args, 32) / kvHeads
  const size = load<i32>(args, 40)
  const first = firstSeen(position, load<i32>(args, 48))
  const end = position + 1
  for (let head = firstHead; head < lastHead; head += headsAtOnce) {
    const last = min(lastHead, head + headsAtOnce)
    attendRow<T>(
      keys,
      values,
      table,
      q,
      out,
      head,
      last,
      group,
      kvHeads,
      size,
      first,
      end,
      factor,
      args + 72,
      workspace,
    )
  }
}

/** `count` vectors of a page from a position on, as rows of floats. */
function widenPage(
  format: i32,
  pool: usize,
  table: usize,
  position: i32,
  count: i32,
  kvHeads: i32,
  kvHead: i32,
  headSize: i32,
  rows: usize,
  width: usize,
): void {
  if (format == halfFloats) {
    widenRows(pool + 2 * slotOf(table, position, kvHeads, kvHead, headSize), count, headSize, rows, width)
    return
  }
  if (format == nibblesWithScales) {
    const block = pool + nibbleBlockOf(table, position, kvHeads, kvHead, headSize)
    const scales = block + nibbleScaleInBlock(position, headSize)
    widenNibbles(block + nibblesInBlock(position, headSize), scales, count, headSize, rows, width)
    return
  }
  const block = pool + byteBlockOf(table, position, kvHeads, kvHead, headSize)
  const scales = block + scaleInBlock(position, headSize)
  widenBytes(block + rowInBlock(position, headSize), scales, count, headSize, rows, width)
}

/** One head of `queries` rows whose first stands at `position`. */
function attendBlock(
  args: usize,
  workspace: usize,
  table: usize,
  q: usize,
  out: usize,
  queries: i32,
  position: i32,
  head: i32,
  factor: f32,
): void {
  const kvHeads = load<i32>(args, 36)
  const kvHead = head / (load<i32>(args, 32) / kvHeads)
  const headSize = load<i32>(args, 40)
  const window = load<i32>(args, 48)
  const wide = load<i32>(args, 64) != 0
  const format = load<i32>(args, 68)
  const pattern = args + 72
  const sparse = isSparse(pattern)
  const padded = paddedSize(headSize)
  const stride = (<usize>(load<i32>(args, 32) * headSize)) << 2

  const transposedQueries = workspace
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
  for (let query = 0; query < blockSize; query++) {
    store<i32>(firsts + (query << 2), firstSeen(position + min(query, queries - 1), window))
  }
  const lastFirst = firstSeen(position + queries - 1, window)
  beginSoftmax(maxima, weightSums, sums, padded)
  packTransposed(q, stride, queries, headSize, factor, transposedQueries)
  // Blocks of keys begin at multiples of 48, so that the bits of a row do not depend on the rows beside it, and cross pages
  // between whole vectors.
  const firstKey = (firstSeen(position, window) / blockSize) * blockSize
  const end = position + queries
  let keys = 0
  for (let key = firstKey; key < end; key += keys) {
    keys = min(blockSize, end - key)
    if (sparse) {
      const seen = nextSeen(pattern, head, position, key, end)
      key = seen & -16
      keys = min(blockSize, min(end, (seenEnd(pattern, head, position, seen, end) + 15) & -16) - key)
    }
    for (let done = 0; done < keys;) {
      const count = min(keys - done, pageSize - ((key + done) & (pageSize - 1)))
      const rows = values + ((<usize>(done * padded)) << 2)
      const columns = transposedKeys + (done << 2)
      if (format == 0) {
        const slot = slotOf(table, key + done, kvHeads, kvHead, headSize) << 2
        const width = (<usize>headSize) << 2
        packTransposed(<usize>load<u32>(args, 0) + slot, width, count, headSize, 1, columns)
        packRows(<usize>load<u32>(args, 4) + slot, width, count, headSize, rows)
      } else {
        const width = (<usize>padded) << 2
        widenPage(format, <usize>load<u32>(args, 0), table, key + done, count, kvHeads, kvHead, headSize, rows, width)
        packTransposed(rows, width, count, headSize, 1, columns)
        widenPage(format, <usize>load<u32>(args, 4), table, key + done, count, kvHeads, kvHead, headSize, rows, width)
      }
      done += count
    }
    const visible = position - key + 1
    multiplyScores(wide, transposedKeys, transposedQueries, headSize, queries, keys, visible, zeros, scores)
    if (sparse) hideBlocks(pattern, head, scores, position, queries, key, keys, -Infinity)
    if (softmaxStep(scores, queries, keys, visible, key, firsts, lastFirst, maxima, weightSums, corrections)) {
      if (key > firstKey) scaleRows(sums, corrections, queries, padded)
    }
    multiplyByKeys(wide, scores, values, padded, queries, keys, visible, sums)
  }
  finishSoftmax(sums, weightSums, queries, headSize, out, stride)
}
