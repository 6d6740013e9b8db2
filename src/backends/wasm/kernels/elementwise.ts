import { sigmoid } from './math'
import { madd, shareStart } from './simd'
import { addFloats, copyFloats, spanStart, storeTail } from './spans'

/**
 * y = a + b. May be in place.
 *
 *     word 0  a      f32 [count]
 *     word 1  b      f32 [count]
 *     word 2  y      f32 [count]
 *     word 3  count
 */
export function add(args: usize, thread: i32, threads: i32): void {
  const a = <usize>load<u32>(args, 0)
  const b = <usize>load<u32>(args, 4)
  const y = <usize>load<u32>(args, 8)
  const count = load<i32>(args, 12)
  const end = spanStart(count, thread + 1, threads)
  let i = spanStart(count, thread, threads)
  for (; i + 4 <= end; i += 4) v128.store(y + (i << 2), f32x4.add(v128.load(a + (i << 2)), v128.load(b + (i << 2))))
  if (i < end) storeTail(y + (i << 2), f32x4.add(v128.load(a + (i << 2)), v128.load(b + (i << 2))), end - i)
}

/**
 * state += x.
 *
 *     word 0  state  f32 [count]
 *     word 1  x      f32 [count]
 *     word 2  count
 */
export function accumulate(args: usize, thread: i32, threads: i32): void {
  const count = load<i32>(args, 8)
  const start = spanStart(count, thread, threads)
  const end = spanStart(count, thread + 1, threads)
  addFloats(<usize>load<u32>(args, 0) + (start << 2), <usize>load<u32>(args, 4) + (start << 2), end - start)
}

/**
 * Every element of y = value.
 *
 *     word 0  y      f32 or i32 [count]
 *     word 1  count
 *     word 2  value  f32 or i32: the word is stored as it is
 */
export function fill(args: usize, thread: i32, threads: i32): void {
  const y = <usize>load<u32>(args, 0)
  const count = load<i32>(args, 4)
  const value = i32x4.splat(load<i32>(args, 8))
  const end = spanStart(count, thread + 1, threads)
  let i = spanStart(count, thread, threads)
  for (; i + 4 <= end; i += 4) v128.store(y + (i << 2), value)
  if (i < end) storeTail(y + (i << 2), value, end - i)
}

/**
 * y = x. x and y do not overlap.
 *
 *     word 0  x      f32 or i32 [count]
 *     word 1  y      [count]
 *     word 2  count
 */
export function copy(args: usize, thread: i32, threads: i32): void {
  const count = load<i32>(args, 8)
  const start = spanStart(count, thread, threads)
  const end = spanStart(count, thread + 1, threads)
  memory.copy(<usize>load<u32>(args, 4) + (start << 2), <usize>load<u32>(args, 0) + (start << 2), (end - start) << 2)
}

function scaleSpan(x: usize, y: usize, factor: f32, start: i32, end: i32): void {
  const factors = f32x4.splat(factor)
  let i = start
  for (; i + 4 <= end; i += 4) v128.store(y + (i << 2), f32x4.mul(v128.load(x + (i << 2)), factors))
  if (i < end) storeTail(y + (i << 2), f32x4.mul(v128.load(x + (i << 2)), factors), end - i)
}

/**
 * y = x * factor. May be in place.
 *
 *     word 0  x       f32 [count]
 *     word 1  y       f32 [count]
 *     word 2  count
 *     word 3  factor  f32
 */
export function scale(args: usize, thread: i32, threads: i32): void {
  const count = load<i32>(args, 8)
  const start = spanStart(count, thread, threads)
  const end = spanStart(count, thread + 1, threads)
  scaleSpan(<usize>load<u32>(args, 0), <usize>load<u32>(args, 4), load<f32>(args, 12), start, end)
}

/**
 * y = x * factor[0]. x may be y.
 *
 *     word 0  x       f32 [count]
 *     word 1  factor  pointer to f32 [1]
 *     word 2  y       f32 [count]
 *     word 3  count
 */
export function scaleByScalar(args: usize, thread: i32, threads: i32): void {
  const count = load<i32>(args, 12)
  const start = spanStart(count, thread, threads)
  const end = spanStart(count, thread + 1, threads)
  const factor = load<f32>(<usize>load<u32>(args, 4))
  scaleSpan(<usize>load<u32>(args, 0), <usize>load<u32>(args, 8), factor, start, end)
}

/**
 * The columns [from, to) of x.
 *
 *     word 0  x        f32 [rows, columns]
 *     word 1  y        f32 [rows, to - from]
 *     word 2  rows
 *     word 3  columns
 *     word 4  from
 *     word 5  to
 */
export function columns(args: usize, thread: i32, threads: i32): void {
  const from = load<i32>(args, 16)
  const width = load<i32>(args, 20) - from
  const x = <usize>load<u32>(args, 0) + (from << 2)
  const y = <usize>load<u32>(args, 4)
  moveRows(x, load<i32>(args, 12), y, width, width, load<i32>(args, 8), thread, threads)
}

/**
 * Puts y into the columns [from, from + width) of an output whose other columns stay as they are.
 *
 *     word 0  y        f32 [rows, width]
 *     word 1  output   f32 [rows, columns]
 *     word 2  rows
 *     word 3  width
 *     word 4  columns
 *     word 5  from
 */
export function placeColumns(args: usize, thread: i32, threads: i32): void {
  const width = load<i32>(args, 12)
  const output = <usize>load<u32>(args, 4) + (load<i32>(args, 20) << 2)
  moveRows(<usize>load<u32>(args, 0), width, output, load<i32>(args, 16), width, load<i32>(args, 8), thread, threads)
}

function moveRows(
  source: usize,
  sourceStride: i32,
  target: usize,
  targetStride: i32,
  width: i32,
  rows: i32,
  thread: i32,
  threads: i32,
): void {
  const end = shareStart(rows, thread + 1, threads)
  for (let row = shareStart(rows, thread, threads); row < end; row++) {
    copyFloats(target + ((<usize>row * targetStride) << 2), source + ((<usize>row * sourceStride) << 2), width)
  }
}

/**
 * y = up * silu(gate), the first half of a row being the gate (Shazeer, "GLU Variants Improve Transformer", 2020).
 *
 *     word 0  gateUp  f32 [rows, 2 * width]
 *     word 1  y       f32 [rows, width]
 *     word 2  rows
 *     word 3  width
 */
export function siluMultiply(args: usize, thread: i32, threads: i32): void {
  const gateUp = <usize>load<u32>(args, 0)
  const y = <usize>load<u32>(args, 4)
  const width = load<i32>(args, 12)
  // A unit is 16 columns of a row, so that one row is shared as well.
  const blocks = (width + 15) >> 4
  const units = load<i32>(args, 8) * blocks
  const end = shareStart(units, thread + 1, threads)
  for (let unit = shareStart(units, thread, threads); unit < end;) {
    const row = unit / blocks
    const block = unit - row * blocks
    const lastBlock = min(blocks, block + end - unit)
    const gates = gateUp + ((<usize>row * width) << 3)
    siluSpan(gates, y + ((<usize>row * width) << 2), width, block << 4, min(width, lastBlock << 4))
    unit += lastBlock - block
  }
}

function siluSpan(gates: usize, y: usize, width: i32, start: i32, end: i32): void {
  const ups = gates + (width << 2)
  for (let i = start; i < end; i += 4) {
    const gate = v128.load(gates + (i << 2))
    const up = v128.load(ups + (i << 2))
    const result = f32x4.mul(f32x4.mul(gate, sigmoid(gate)), up)
    if (i + 4 <= end) v128.store(y + (i << 2), result)
    else storeTail(y + (i << 2), result, end - i)
  }
}

/**
 * The derivative of siluMultiply. dGateUp may be gateUp where width is a multiple of 4.
 *
 *     word 0  gateUp   f32 [rows, 2 * width]
 *     word 1  dy       f32 [rows, width]
 *     word 2  dGateUp  f32 [rows, 2 * width]
 *     word 3  rows
 *     word 4  width
 */
export function siluMultiplyGradient(args: usize, thread: i32, threads: i32): void {
  const gateUp = <usize>load<u32>(args, 0)
  const dy = <usize>load<u32>(args, 4)
  const dGateUp = <usize>load<u32>(args, 8)
  const width = load<i32>(args, 16)
  const blocks = (width + 15) >> 4
  const units = load<i32>(args, 12) * blocks
  const end = shareStart(units, thread + 1, threads)
  for (let unit = shareStart(units, thread, threads); unit < end;) {
    const row = unit / blocks
    const block = unit - row * blocks
    const lastBlock = min(blocks, block + end - unit)
    const offset = (<usize>row * width) << 2
    const gates = gateUp + offset * 2
    siluGradientSpan(gates, dy + offset, dGateUp + offset * 2, width, block << 4, min(width, lastBlock << 4))
    unit += lastBlock - block
  }
}

function siluGradientSpan(gates: usize, dy: usize, dGates: usize, width: i32, start: i32, end: i32): void {
  const one = f32x4.splat(1)
  const up = width << 2
  for (let i = start; i < end; i += 4) {
    const gate = v128.load(gates + (i << 2))
    const gradient = v128.load(dy + (i << 2))
    const s = sigmoid(gate)
    const slope = f32x4.mul(s, madd(gate, f32x4.sub(one, s), one))
    const dGate = f32x4.mul(f32x4.mul(gradient, v128.load(gates + up + (i << 2))), slope)
    const dUp = f32x4.mul(gradient, f32x4.mul(gate, s))
    const target = dGates + (i << 2)
    if (i + 4 <= end) {
      v128.store(target, dGate)
      v128.store(target + up, dUp)
    } else {
      storeTail(target, dGate, end - i)
      storeTail(target + up, dUp, end - i)
    }
  }
}

/**
 * y[i] = table[ids[i]]. Ids are not checked here.
 *
 *     word 0  table  f32 [entries, width]
 *     word 1  ids    i32 [rows], each within [0, entries)
 *     word 2  y      f32 [rows, width]
 *     word 3  rows
 *     word 4  width
 */
export function embedding(args: usize, thread: i32, threads: i32): void {
  const table = <usize>load<u32>(args, 0)
  const ids = <usize>load<u32>(args, 4)
  const y = <usize>load<u32>(args, 8)
  const rows = load<i32>(args, 12)
  const width = load<i32>(args, 16)
  const end = shareStart(rows, thread + 1, threads)
  for (let row = shareStart(rows, thread, threads); row < end; row++) {
    const entry = <usize>load<u32>(ids + (row << 2))
    copyFloats(y + ((<usize>row * width) << 2), table + ((entry * width) << 2), width)
  }
}

/**
 * The derivative of embedding: zeroes dTable, then adds dy[i] to dTable[ids[i]] in the order of i, but where that is negative.
 *
 *     word 0  ids      i32 [rows], each below entries
 *     word 1  dy       f32 [rows, width]
 *     word 2  dTable   f32 [entries, width]
 *     word 3  rows
 *     word 4  width
 *     word 5  entries
 */
export function embeddingGradient(args: usize, thread: i32, threads: i32): void {
  const ids = <usize>load<u32>(args, 0)
  const dy = <usize>load<u32>(args, 4)
  const dTable = <usize>load<u32>(args, 8)
  const rows = load<i32>(args, 12)
  const width = load<i32>(args, 16)
  const entries = load<i32>(args, 20)
  // A thread owns columns, so that no two threads add to one element.
  const start = spanStart(width, thread, threads)
  const count = spanStart(width, thread + 1, threads) - start
  if (count == 0) return
  for (let entry = 0; entry < entries; entry++) {
    memory.fill(dTable + ((<usize>entry * width + start) << 2), 0, count << 2)
  }
  for (let row = 0; row < rows; row++) {
    const entry = load<i32>(ids + (row << 2))
    if (entry < 0) continue
    addFloats(dTable + ((<usize>entry * width + start) << 2), dy + ((<usize>row * width + start) << 2), count)
  }
}

/**
 * y[i] = x[indices[i]]: `embedding` under the name of its other use.
 *
 *     word 0  x        f32 [entries, width]
 *     word 1  indices  i32 [rows], each within [0, entries)
 *     word 2  y        f32 [rows, width]
 *     word 3  rows
 *     word 4  width
 */
export function gatherRows(args: usize, thread: i32, threads: i32): void {
  embedding(args, thread, threads)
}

/**
 * The derivative of gatherRows: zeroes dx, then adds dy[i] to dx[indices[i]] in the order of i, but where that is negative.
 *
 *     word 0  indices  i32 [rows], each below entries
 *     word 1  dy       f32 [rows, width]
 *     word 2  dx       f32 [entries, width]
 *     word 3  rows
 *     word 4  width
 *     word 5  entries
 */
export function scatterRows(args: usize, thread: i32, threads: i32): void {
  embeddingGradient(args, thread, threads)
}

/**
 * y = x with the bias added to each of its rows. May be in place.
 *
 *     word 0  x      f32 [rows, width]
 *     word 1  bias   f32 [width]
 *     word 2  y      f32 [rows, width]
 *     word 3  rows
 *     word 4  width
 */
export function addBias(args: usize, thread: i32, threads: i32): void {
  const bias = <usize>load<u32>(args, 4)
  const rows = load<i32>(args, 12)
  const width = load<i32>(args, 16)
  const end = shareStart(rows, thread + 1, threads)
  for (let row = shareStart(rows, thread, threads); row < end; row++) {
    const offset = (<usize>row * width) << 2
    const x = <usize>load<u32>(args, 0) + offset
    const y = <usize>load<u32>(args, 8) + offset
    for (let i = 0; i < width; i += 4) {
      const sum = f32x4.add(v128.load(x + (i << 2)), v128.load(bias + (i << 2)))
      if (i + 4 <= width) v128.store(y + (i << 2), sum)
      else storeTail(y + (i << 2), sum, width - i)
    }
  }
}

/**
 * The sum of the rows of x, in their order.
 *
 *     word 0  x      f32 [rows, width]
 *     word 1  sums   f32 [width]
 *     word 2  rows
 *     word 3  width
 */
export function columnSums(args: usize, thread: i32, threads: i32): void {
  const rows = load<i32>(args, 8)
  const width = load<i32>(args, 12)
  // A thread owns columns, so that no two threads add to one element.
  const start = spanStart(width, thread, threads)
  const count = spanStart(width, thread + 1, threads) - start
  if (count == 0) return
  const sums = <usize>load<u32>(args, 4) + (start << 2)
  memory.fill(sums, 0, count << 2)
  for (let row = 0; row < rows; row++) {
    addFloats(sums, <usize>load<u32>(args, 0) + ((<usize>row * width + start) << 2), count)
  }
}

/**
 * y[i] = source[indices[i]], or x[i] where the index is negative.
 *
 *     word 0  x        f32 [rows, width]
 *     word 1  source   f32 [entries, width]
 *     word 2  indices  i32 [rows], each below entries
 *     word 3  y        f32 [rows, width]
 *     word 4  rows
 *     word 5  width
 */
export function replaceRows(args: usize, thread: i32, threads: i32): void {
  const source = <usize>load<u32>(args, 4)
  const indices = <usize>load<u32>(args, 8)
  const rows = load<i32>(args, 16)
  const width = load<i32>(args, 20)
  const end = shareStart(rows, thread + 1, threads)
  for (let row = shareStart(rows, thread, threads); row < end; row++) {
    const index = load<i32>(indices + (row << 2))
    const offset = (<usize>row * width) << 2
    const from = index < 0 ? <usize>load<u32>(args, 0) + offset : source + ((<usize>index * width) << 2)
    copyFloats(<usize>load<u32>(args, 12) + offset, from, width)
  }
}

/**
 * dx[i] = dy[i] where the index is negative, else 0: what of the gradient of `replaceRows` is that of x.
 *
 *     word 0  dy       f32 [rows, width]
 *     word 1  indices  i32 [rows]
 *     word 2  dx       f32 [rows, width]
 *     word 3  rows
 *     word 4  width
 */
export function replaceRowsGradient(args: usize, thread: i32, threads: i32): void {
  const indices = <usize>load<u32>(args, 4)
  const rows = load<i32>(args, 12)
  const width = load<i32>(args, 16)
  const end = shareStart(rows, thread + 1, threads)
  for (let row = shareStart(rows, thread, threads); row < end; row++) {
    const offset = (<usize>row * width) << 2
    const dx = <usize>load<u32>(args, 8) + offset
    if (load<i32>(indices + (row << 2)) < 0) copyFloats(dx, <usize>load<u32>(args, 0) + offset, width)
    else memory.fill(dx, 0, (<usize>width) << 2)
  }
}
