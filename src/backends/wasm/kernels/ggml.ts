/** Weights in the blocks of ggml, dequantised in the thread's workspace a tile at a time and used as f32. */
import { dequantizeGgmlBlocks } from './ggml-blocks'
import { blockK, blockM, blockN, packedBytesA, packedBytesB } from './matmul'
import { packRows6, packRows8 } from './panels'
import { madd, shareStart, sumLanes } from './simd'
import { multiplyBlock } from './tiles'
import { streamedTokens } from './tokens'

/** Elements of a row that are dequantised at a time: whole blocks of every type. */
const pieceElements: i32 = 256

/**
 * Y[m, n] = X [m, k] x weights [n, k] transposed, in f32. With m > 4 an element is one chain of multiply-adds in the order
 * of k from 0, the bits of `matmul` on the dequantised weights; with m <= 4 it is sixteen interleaved chains, summed at the
 * end. A slab of rows is a matrix of its own.
 *
 *     word  0  x              f32 [m, k]
 *     word  1  weights        rows of blocks
 *     word  2  y              f32 [m, n]
 *     word  3  m              >= 1
 *     word  4  n              >= 1
 *     word  5  k              a multiple of 32, of 256 for the K types
 *     word  6  strideX        elements between rows of x
 *     word  7  strideY        elements between rows of y
 *     word  8  type           its number in GGUF files
 *     word  9  rowBytes       bytes of a row of weights
 *     word 10  workspace      as for matmul: see matmulWorkspaceBytes in ../workspace.ts
 *     word 11  workspaceStride bytes per thread
 */
export function matmulGgml(args: usize, thread: i32, threads: i32): void {
  const n = load<i32>(args, 16)
  const workspace = <usize>load<u32>(args, 40) + <usize>thread * <usize>load<u32>(args, 44)
  if (load<i32>(args, 12) <= streamedTokens) {
    const end = shareStart(n, thread + 1, threads)
    for (let row = shareStart(n, thread, threads); row < end; row++) streamRow(args, row, workspace)
    return
  }
  const panels = (n + 7) >> 3
  multiplyRows(
    args,
    shareStart(panels, thread, threads) * 8,
    min(n, shareStart(panels, thread + 1, threads) * 8),
    workspace,
  )
}

/** The blocks of matmul for the rows [first, end) of the weights. */
function multiplyRows(args: usize, first: i32, end: i32, packedA: usize): void {
  const x = <usize>load<u32>(args, 0)
  const y = <usize>load<u32>(args, 8)
  const m = load<i32>(args, 12)
  const k = load<i32>(args, 20)
  const strideX = <usize>load<u32>(args, 24) * 4
  const strideY = <usize>load<u32>(args, 28) * 4
  const packedB = packedA + packedBytesA
  const edgeTile = packedB + packedBytesB
  for (let column = first; column < end; column += blockN) {
    const columns = min(blockN, end - column)
    for (let step = 0; step < k; step += blockK) {
      const steps = min(blockK, k - step)
      packWeights(args, column, columns, step, steps, packedA, packedB)
      for (let row = 0; row < m; row += blockM) {
        const rows = min(blockM, m - row)
        packRows6(x + <usize>row * strideX + <usize>step * 4, strideX, rows, steps, packedA)
        const c = y + <usize>row * strideY + <usize>column * 4
        multiplyBlock(packedA, packedB, c, strideY, rows, columns, steps, step == 0, edgeTile)
      }
    }
  }
}

/** Rows of the weights to panels [steps][8]; eight at a time pass through `dequantized`, f32 [8, steps]. */
function packWeights(
  args: usize,
  first: i32,
  rows: i32,
  step: i32,
  steps: i32,
  dequantized: usize,
  target: usize,
): void {
  const weights = <usize>load<u32>(args, 4)
  const k = load<i32>(args, 20)
  const type = load<i32>(args, 32)
  const rowBytes = <usize>load<u32>(args, 36)
  const stepBytes = <usize>((<i64>rowBytes * step) / k)
  const stride = <usize>steps * 4
  for (let row = 0; row < rows; row += 8) {
    const count = min(8, rows - row)
    let source = weights + <usize>(first + row) * rowBytes + stepBytes
    for (let lane = 0; lane < count; lane++) {
      dequantizeGgmlBlocks(type, source, dequantized + <usize>lane * stride, steps)
      source += rowBytes
    }
    packRows8(dequantized, stride, count, steps, target)
    target += stride * 8
  }
}

/** One row of the weights x up to 4 tokens, piece by piece; the sums wait in the workspace behind the piece. */
function streamRow(args: usize, row: i32, dequantized: usize): void {
  const m = load<i32>(args, 12)
  const k = load<i32>(args, 20)
  const strideX = <usize>load<u32>(args, 24) * 4
  const strideY = <usize>load<u32>(args, 28) * 4
  const type = load<i32>(args, 32)
  const sums = dequantized + <usize>pieceElements * 4
  memory.fill(sums, 0, <usize>m * 64)
  let source = <usize>load<u32>(args, 4) + <usize>row * <usize>load<u32>(args, 36)
  for (let at = 0; at < k; at += pieceElements) {
    const count = min(pieceElements, k - at)
    source = dequantizeGgmlBlocks(type, source, dequantized, count)
    let x = <usize>load<u32>(args, 0) + <usize>at * 4
    for (let token = 0; token < m; token++) {
      addPiece(x, dequantized, sums + <usize>token * 64, count)
      x += strideX
    }
  }
  let y = <usize>load<u32>(args, 8) + <usize>row * 4
  for (let token = 0; token < m; token++) {
    const sum = sums + <usize>token * 64
    const low = f32x4.add(v128.load(sum), v128.load(sum, 16))
    store<f32>(y, sumLanes(f32x4.add(low, f32x4.add(v128.load(sum, 32), v128.load(sum, 48)))))
    y += strideY
  }
}

/** Sixteen sums += x * w of `count` elements, a multiple of 16. */
function addPiece(x: usize, w: usize, sums: usize, count: i32): void {
  let y0 = v128.load(sums)
  let y1 = v128.load(sums, 16)
  let y2 = v128.load(sums, 32)
  let y3 = v128.load(sums, 48)
  for (let rest = count >> 4; rest > 0; rest--) {
    y0 = madd(v128.load(x), v128.load(w), y0)
    y1 = madd(v128.load(x, 16), v128.load(w, 16), y1)
    y2 = madd(v128.load(x, 32), v128.load(w, 32), y2)
    y3 = madd(v128.load(x, 48), v128.load(w, 48), y3)
    x += 64
    w += 64
  }
  v128.store(sums, y0)
  v128.store(sums, y1, 16)
  v128.store(sums, y2, 32)
  v128.store(sums, y3, 48)
}

/**
 * A matrix in blocks of ggml as f32, exactly.
 *
 *     word  0  weights        rows of blocks
 *     word  1  out            f32 [n, k]
 *     word  2  n              >= 1
 *     word  3  k              a multiple of 32, of 256 for the K types
 *     word  4  strideOut      elements between rows of out
 *     word  5  type           its number in GGUF files
 *     word  6  rowBytes       bytes of a row of weights
 */
export function dequantizeGgml(args: usize, thread: i32, threads: i32): void {
  const weights = <usize>load<u32>(args, 0)
  const out = <usize>load<u32>(args, 4)
  const n = load<i32>(args, 8)
  const k = load<i32>(args, 12)
  const strideOut = <usize>load<u32>(args, 16) * 4
  const type = load<i32>(args, 20)
  const rowBytes = <usize>load<u32>(args, 24)
  const end = shareStart(n, thread + 1, threads)
  for (let row = shareStart(n, thread, threads); row < end; row++) {
    dequantizeGgmlBlocks(type, weights + <usize>row * rowBytes, out + <usize>row * strideOut, k)
  }
}

/**
 * Rows of a table in blocks of ggml by id, as f32. A row whose id is outside the table becomes zero.
 *
 *     word  0  weights        rows of blocks
 *     word  1  ids            i32 [m]
 *     word  2  out            f32 [m, k]
 *     word  3  m              >= 1
 *     word  4  n              rows of the table
 *     word  5  k              a multiple of 32, of 256 for the K types
 *     word  6  strideOut      elements between rows of out
 *     word  7  type           its number in GGUF files
 *     word  8  rowBytes       bytes of a row of weights
 */
export function embeddingGgml(args: usize, thread: i32, threads: i32): void {
  const weights = <usize>load<u32>(args, 0)
  const ids = <usize>load<u32>(args, 4)
  const out = <usize>load<u32>(args, 8)
  const m = load<i32>(args, 12)
  const n = load<i32>(args, 16)
  const k = load<i32>(args, 20)
  const strideOut = <usize>load<u32>(args, 24) * 4
  const type = load<i32>(args, 28)
  const rowBytes = <usize>load<u32>(args, 32)
  const end = shareStart(m, thread + 1, threads)
  for (let row = shareStart(m, thread, threads); row < end; row++) {
    const id = load<i32>(ids + <usize>row * 4)
    const target = out + <usize>row * strideOut
    if (<u32>id < <u32>n) dequantizeGgmlBlocks(type, weights + <usize>id * rowBytes, target, k)
    else memory.fill(target, 0, <usize>k * 4)
  }
}
