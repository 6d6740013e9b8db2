import { packColumns16, packColumns6, packColumns8, packRows16, packRows6, packRows8 } from './panels'
import { madd, shareStart, sumLanes } from './simd'
import { multiplyBlock, multiplyBlockWide, tileRows } from './tiles'

/** Blocks of the packed copies: k, rows of op(A), columns of op(B). */
export const blockK: i32 = 512
export const blockM: i32 = 96
export const blockN: i32 = 1024
/** Up to this many rows, x times a transposed matrix streams the matrix unpacked. */
const streamedRows: i32 = 4

export const packedBytesA: usize = blockM * blockK * 4
export const packedBytesB: usize = blockN * blockK * 4

/**
 * C[m, n] (+)= op(A)[m, k] x op(B)[k, n], f32. An element of C is one chain of fused (baseline: rounded) multiply-adds in
 * the order of k, starting from 0 or from C, whatever the tile and the threads; with m <= 4 and transposeB it is sixteen
 * interleaved chains, summed at the end.
 *
 *     word  0  a              A, [m, k], or [k, m] when transposeA
 *     word  1  b              B, [k, n], or [n, k] when transposeB
 *     word  2  c              C, [m, n]
 *     word  3  m              >= 1
 *     word  4  n              >= 1
 *     word  5  k              >= 1
 *     word  6  strideA        elements between rows of A as stored
 *     word  7  strideB        elements between rows of B as stored
 *     word  8  strideC        elements between rows of C
 *     word  9  transposeA     0 or 1
 *     word 10  transposeB     0 or 1
 *     word 11  accumulate     0: C = product, 1: C += product
 *     word 12  workspace      see matmulWorkspaceBytes in ../workspace.ts
 *     word 13  workspaceStride bytes per thread
 *     word 14  wide           0: tiles of 6x8, 1: of 6x16 (for V8 with --experimental-wasm-revectorize); same bits
 *
 * Reads up to 60 bytes past the last row of A and B. The panel method of Goto and van de Geijn, "Anatomy of
 * High-Performance Matrix Multiplication" (2008).
 */
export function matmul(args: usize, thread: i32, threads: i32): void {
  const m = load<i32>(args, 12)
  const n = load<i32>(args, 16)
  if (m <= streamedRows && load<i32>(args, 36) == 0 && load<i32>(args, 40) != 0) {
    streamRows(args, shareStart(n, thread, threads), shareStart(n, thread + 1, threads))
    return
  }
  // Threads form a grid over C: every thread packs the whole of k for its rows and columns, so squarish parts pack least.
  const tilesM = (m + tileRows - 1) / tileRows
  const tilesN = (n + 15) / 16
  let across = 1
  let best: i64 = i64.MAX_VALUE
  for (let candidate = 1; candidate <= threads; candidate++) {
    if (threads % candidate != 0) continue
    const rows = <i64>((tilesM * candidate + threads - 1) / threads) * tileRows
    const columns = <i64>((tilesN + candidate - 1) / candidate) * 16
    const cost = rows * columns + 16 * (rows + columns)
    if (cost < best) {
      best = cost
      across = candidate
    }
  }
  const down = threads / across
  const firstRow = shareStart(tilesM, thread / across, down) * tileRows
  const endRow = min(m, shareStart(tilesM, thread / across + 1, down) * tileRows)
  const firstColumn = shareStart(tilesN, thread % across, across) * 16
  const endColumn = min(n, shareStart(tilesN, (thread % across) + 1, across) * 16)
  if (firstRow >= endRow || firstColumn >= endColumn) return
  const workspace = <usize>load<u32>(args, 48) + <usize>thread * <usize>load<u32>(args, 52)
  multiplyPart(args, workspace, firstRow, endRow, firstColumn, endColumn)
}

/** The part [firstRow, endRow) x [firstColumn, endColumn) of C, from packed blocks of A and B. */
function multiplyPart(args: usize, packedA: usize, firstRow: i32, endRow: i32, firstColumn: i32, endColumn: i32): void {
  const a = <usize>load<u32>(args, 0)
  const b = <usize>load<u32>(args, 4)
  const c = <usize>load<u32>(args, 8)
  const k = load<i32>(args, 20)
  const strideA = <usize>load<u32>(args, 24) * 4
  const strideB = <usize>load<u32>(args, 28) * 4
  const strideC = <usize>load<u32>(args, 32) * 4
  const transposeA = load<i32>(args, 36) != 0
  const transposeB = load<i32>(args, 40) != 0
  const accumulate = load<i32>(args, 44) != 0
  const wide = load<i32>(args, 56) != 0
  const packedB = packedA + packedBytesA
  const edgeTile = packedB + packedBytesB
  for (let column = firstColumn; column < endColumn; column += blockN) {
    const columns = min(blockN, endColumn - column)
    for (let step = 0; step < k; step += blockK) {
      const steps = min(blockK, k - step)
      if (transposeB) {
        const source = b + <usize>column * strideB + <usize>step * 4
        if (wide) packRows16(source, strideB, columns, steps, packedB)
        else packRows8(source, strideB, columns, steps, packedB)
      } else {
        const source = b + <usize>step * strideB + <usize>column * 4
        if (wide) packColumns16(source, strideB, columns, steps, packedB)
        else packColumns8(source, strideB, columns, steps, packedB)
      }
      const zero = step == 0 && !accumulate
      for (let row = firstRow; row < endRow; row += blockM) {
        const rows = min(blockM, endRow - row)
        if (transposeA) packColumns6(a + <usize>step * strideA + <usize>row * 4, strideA, rows, steps, packedA)
        else packRows6(a + <usize>row * strideA + <usize>step * 4, strideA, rows, steps, packedA)
        const target = c + <usize>row * strideC + <usize>column * 4
        if (wide) multiplyBlockWide(packedA, packedB, target, strideC, rows, columns, steps, zero, edgeTile)
        else multiplyBlock(packedA, packedB, target, strideC, rows, columns, steps, zero, edgeTile)
      }
    }
  }
}

/**
 * m <= 4 rows of x against the rows [first, end) of W [n, k]: dot products, one row of W after the other, because memory
 * delivers one stream faster than several.
 */
function streamRows(args: usize, first: i32, end: i32): void {
  const m = load<i32>(args, 12)
  const k = load<i32>(args, 20)
  const strideA = <usize>load<u32>(args, 24) * 4
  const strideB = <usize>load<u32>(args, 28) * 4
  const strideC = <usize>load<u32>(args, 32) * 4
  const accumulate = load<i32>(args, 44) != 0
  for (let column = first; column < end; column++) {
    const b = <usize>load<u32>(args, 4) + <usize>column * strideB
    let a = <usize>load<u32>(args, 0)
    let c = <usize>load<u32>(args, 8) + <usize>column * 4
    for (let row = 0; row < m; row++) {
      const sum = dot(a, b, k)
      store<f32>(c, accumulate ? load<f32>(c) + sum : sum)
      a += strideA
      c += strideC
    }
  }
}

/** a . b in sixteen interleaved chains, which are summed before the last k modulo 16. */
function dot(a: usize, b: usize, k: i32): f32 {
  let x0 = f32x4.splat(0)
  let x1 = x0
  let x2 = x0
  let x3 = x0
  for (let step = k >> 4; step > 0; step--) {
    x0 = madd(v128.load(a), v128.load(b), x0)
    x1 = madd(v128.load(a, 16), v128.load(b, 16), x1)
    x2 = madd(v128.load(a, 32), v128.load(b, 32), x2)
    x3 = madd(v128.load(a, 48), v128.load(b, 48), x3)
    a += 64
    b += 64
  }
  x0 = f32x4.add(f32x4.add(x0, x1), f32x4.add(x2, x3))
  for (let step = (k & 15) >> 2; step > 0; step--) {
    x0 = madd(v128.load(a), v128.load(b), x0)
    a += 16
    b += 16
  }
  let sum = sumLanes(x0)
  for (let step: usize = 0; step < <usize>(k & 3) * 4; step += 4) sum += load<f32>(a + step) * load<f32>(b + step)
  return sum
}
