import { madd, shareStart, sumLanes } from './simd'

/** Rows of a tile of C. A panel of op(A) is [k][6]. */
const tileRows: i32 = 6
/** Blocks of the packed copies: k, rows of op(A), columns of op(B). */
const blockK: i32 = 256
const blockM: i32 = 96
const blockN: i32 = 1024
/** Up to this many rows, x times a transposed matrix streams the matrix unpacked. */
const streamedRows: i32 = 4

const packedBytesA: usize = blockM * blockK * 4
const packedBytesB: usize = blockN * blockK * 4
const edgeTileStride: usize = 64

/**
 * C[m, n] (+)= op(A)[m, k] x op(B)[k, n], f32. An element of C is one chain of fused (baseline: rounded) multiply-adds in
 * the order of k, starting from 0 or from C, whatever the tile and the threads; with m <= 4 and transposeB it is four
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
function multiplyPart(
  args: usize,
  packedA: usize,
  firstRow: i32,
  endRow: i32,
  firstColumn: i32,
  endColumn: i32,
): void {
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

function multiplyBlock(
  packedA: usize,
  packedB: usize,
  target: usize,
  strideC: usize,
  rows: i32,
  columns: i32,
  steps: i32,
  zero: bool,
  edgeTile: usize,
): void {
  for (let column = 0; column < columns; column += 8) {
    const panelB = packedB + <usize>(column * steps) * 4
    for (let row = 0; row < rows; row += tileRows) {
      const panelA = packedA + <usize>(row * steps) * 4
      const c = target + <usize>row * strideC + <usize>column * 4
      if (column + 8 <= columns && row + tileRows <= rows) {
        if (zero) zeroTile(c, strideC, tileRows, 8)
        tileNarrow(panelA, panelB, c, strideC, steps)
      } else {
        const height = min(tileRows, rows - row)
        const width = min(8, columns - column)
        if (zero) zeroTile(edgeTile, edgeTileStride, height, 8)
        else copyTile(c, strideC, edgeTile, edgeTileStride, height, width)
        tileNarrow(panelA, panelB, edgeTile, edgeTileStride, steps)
        copyTile(edgeTile, edgeTileStride, c, strideC, height, width)
      }
    }
  }
}

function multiplyBlockWide(
  packedA: usize,
  packedB: usize,
  target: usize,
  strideC: usize,
  rows: i32,
  columns: i32,
  steps: i32,
  zero: bool,
  edgeTile: usize,
): void {
  for (let column = 0; column < columns; column += 16) {
    const panelB = packedB + <usize>(column * steps) * 4
    for (let row = 0; row < rows; row += tileRows) {
      const panelA = packedA + <usize>(row * steps) * 4
      const c = target + <usize>row * strideC + <usize>column * 4
      if (column + 16 <= columns && row + tileRows <= rows) {
        if (zero) zeroTile(c, strideC, tileRows, 16)
        tileWide(panelA, panelB, c, strideC, steps)
      } else {
        const height = min(tileRows, rows - row)
        const width = min(16, columns - column)
        if (zero) zeroTile(edgeTile, edgeTileStride, height, 16)
        else copyTile(c, strideC, edgeTile, edgeTileStride, height, width)
        tileWide(panelA, panelB, edgeTile, edgeTileStride, steps)
        copyTile(edgeTile, edgeTileStride, c, strideC, height, width)
      }
    }
  }
}

function zeroTile(c: usize, stride: usize, rows: i32, columns: i32): void {
  const zero = f32x4.splat(0)
  for (let row = 0; row < rows; row++) {
    for (let at: usize = 0; at < <usize>columns * 4; at += 16) v128.store(c + at, zero)
    c += stride
  }
}

function copyTile(
  source: usize,
  sourceStride: usize,
  target: usize,
  targetStride: usize,
  rows: i32,
  columns: i32,
): void {
  for (let row = 0; row < rows; row++) {
    for (let at: usize = 0; at < <usize>columns * 4; at += 4) store<f32>(target + at, load<f32>(source + at))
    source += sourceStride
    target += targetStride
  }
}

/** The 6x8 tile: c += a panel [k][6] x b panel [k][8]. One k per turn, accumulators loaded before and stored after. */
function tileNarrow(a: usize, b: usize, c: usize, strideC: usize, k: i32): void {
  const c1 = c + strideC
  const c2 = c + strideC * 2
  const c3 = c + strideC * 3
  const c4 = c + strideC * 4
  const c5 = c + strideC * 5
  let x00 = v128.load(c)
  let x01 = v128.load(c, 16)
  let x10 = v128.load(c1)
  let x11 = v128.load(c1, 16)
  let x20 = v128.load(c2)
  let x21 = v128.load(c2, 16)
  let x30 = v128.load(c3)
  let x31 = v128.load(c3, 16)
  let x40 = v128.load(c4)
  let x41 = v128.load(c4, 16)
  let x50 = v128.load(c5)
  let x51 = v128.load(c5, 16)
  do {
    const b0 = v128.load(b)
    const b1 = v128.load(b, 16)
    let s = v128.load_splat<f32>(a)
    x00 = madd(s, b0, x00)
    x01 = madd(s, b1, x01)
    s = v128.load_splat<f32>(a, 4)
    x10 = madd(s, b0, x10)
    x11 = madd(s, b1, x11)
    s = v128.load_splat<f32>(a, 8)
    x20 = madd(s, b0, x20)
    x21 = madd(s, b1, x21)
    s = v128.load_splat<f32>(a, 12)
    x30 = madd(s, b0, x30)
    x31 = madd(s, b1, x31)
    s = v128.load_splat<f32>(a, 16)
    x40 = madd(s, b0, x40)
    x41 = madd(s, b1, x41)
    s = v128.load_splat<f32>(a, 20)
    x50 = madd(s, b0, x50)
    x51 = madd(s, b1, x51)
    a += 24
    b += 32
  } while (--k)
  v128.store(c, x00)
  v128.store(c, x01, 16)
  v128.store(c1, x10)
  v128.store(c1, x11, 16)
  v128.store(c2, x20)
  v128.store(c2, x21, 16)
  v128.store(c3, x30)
  v128.store(c3, x31, 16)
  v128.store(c4, x40)
  v128.store(c4, x41, 16)
  v128.store(c5, x50)
  v128.store(c5, x51, 16)
}

/** The 6x16 tile: c += a panel [k][6] x b panel [k][16]. One k per turn, accumulators loaded before and stored after. */
function tileWide(a: usize, b: usize, c: usize, strideC: usize, k: i32): void {
  const c1 = c + strideC
  const c2 = c + strideC * 2
  const c3 = c + strideC * 3
  const c4 = c + strideC * 4
  const c5 = c + strideC * 5
  let x00 = v128.load(c)
  let x01 = v128.load(c, 16)
  let x02 = v128.load(c, 32)
  let x03 = v128.load(c, 48)
  let x10 = v128.load(c1)
  let x11 = v128.load(c1, 16)
  let x12 = v128.load(c1, 32)
  let x13 = v128.load(c1, 48)
  let x20 = v128.load(c2)
  let x21 = v128.load(c2, 16)
  let x22 = v128.load(c2, 32)
  let x23 = v128.load(c2, 48)
  let x30 = v128.load(c3)
  let x31 = v128.load(c3, 16)
  let x32 = v128.load(c3, 32)
  let x33 = v128.load(c3, 48)
  let x40 = v128.load(c4)
  let x41 = v128.load(c4, 16)
  let x42 = v128.load(c4, 32)
  let x43 = v128.load(c4, 48)
  let x50 = v128.load(c5)
  let x51 = v128.load(c5, 16)
  let x52 = v128.load(c5, 32)
  let x53 = v128.load(c5, 48)
  do {
    const b0 = v128.load(b)
    const b1 = v128.load(b, 16)
    const b2 = v128.load(b, 32)
    const b3 = v128.load(b, 48)
    let s = v128.load_splat<f32>(a)
    x00 = madd(s, b0, x00)
    x01 = madd(s, b1, x01)
    x02 = madd(s, b2, x02)
    x03 = madd(s, b3, x03)
    s = v128.load_splat<f32>(a, 4)
    x10 = madd(s, b0, x10)
    x11 = madd(s, b1, x11)
    x12 = madd(s, b2, x12)
    x13 = madd(s, b3, x13)
    s = v128.load_splat<f32>(a, 8)
    x20 = madd(s, b0, x20)
    x21 = madd(s, b1, x21)
    x22 = madd(s, b2, x22)
    x23 = madd(s, b3, x23)
    s = v128.load_splat<f32>(a, 12)
    x30 = madd(s, b0, x30)
    x31 = madd(s, b1, x31)
    x32 = madd(s, b2, x32)
    x33 = madd(s, b3, x33)
    s = v128.load_splat<f32>(a, 16)
    x40 = madd(s, b0, x40)
    x41 = madd(s, b1, x41)
    x42 = madd(s, b2, x42)
    x43 = madd(s, b3, x43)
    s = v128.load_splat<f32>(a, 20)
    x50 = madd(s, b0, x50)
    x51 = madd(s, b1, x51)
    x52 = madd(s, b2, x52)
    x53 = madd(s, b3, x53)
    a += 24
    b += 64
  } while (--k)
  v128.store(c, x00)
  v128.store(c, x01, 16)
  v128.store(c, x02, 32)
  v128.store(c, x03, 48)
  v128.store(c1, x10)
  v128.store(c1, x11, 16)
  v128.store(c1, x12, 32)
  v128.store(c1, x13, 48)
  v128.store(c2, x20)
  v128.store(c2, x21, 16)
  v128.store(c2, x22, 32)
  v128.store(c2, x23, 48)
  v128.store(c3, x30)
  v128.store(c3, x31, 16)
  v128.store(c3, x32, 32)
  v128.store(c3, x33, 48)
  v128.store(c4, x40)
  v128.store(c4, x41, 16)
  v128.store(c4, x42, 32)
  v128.store(c4, x43, 48)
  v128.store(c5, x50)
  v128.store(c5, x51, 16)
  v128.store(c5, x52, 32)
  v128.store(c5, x53, 48)
}

/** Rows of k as stored ([steps, columns]) to panels [steps][6]; the last panel's surplus holds whatever follows. */
function packColumns6(source: usize, stride: usize, columns: i32, steps: i32, target: usize): void {
  for (let column = 0; column < columns; column += 6) {
    let from = source + <usize>column * 4
    for (let step = 0; step < steps; step++) {
      v128.store(target, v128.load(from))
      store<u64>(target, load<u64>(from, 16), 16)
      from += stride
      target += 24
    }
  }
}

/** Rows of k as stored ([steps, columns]) to panels [steps][8]; the last panel's surplus holds whatever follows. */
function packColumns8(source: usize, stride: usize, columns: i32, steps: i32, target: usize): void {
  for (let column = 0; column < columns; column += 8) {
    let from = source + <usize>column * 4
    for (let step = 0; step < steps; step++) {
      v128.store(target, v128.load(from))
      v128.store(target, v128.load(from, 16), 16)
      from += stride
      target += 32
    }
  }
}

/** Rows of k as stored ([steps, columns]) to panels [steps][16]; the last panel's surplus holds whatever follows. */
function packColumns16(source: usize, stride: usize, columns: i32, steps: i32, target: usize): void {
  for (let column = 0; column < columns; column += 16) {
    let from = source + <usize>column * 4
    for (let step = 0; step < steps; step++) {
      v128.store(target, v128.load(from))
      v128.store(target, v128.load(from, 16), 16)
      v128.store(target, v128.load(from, 32), 32)
      v128.store(target, v128.load(from, 48), 48)
      from += stride
      target += 64
    }
  }
}

/** Four rows of four steps, transposed: lane r of the vector for step s is row r. Stored at the given spacing. */
// @ts-ignore: decorator
@inline
function transpose4(from0: usize, from1: usize, from2: usize, from3: usize, target: usize, spacing: usize): void {
  const row0 = v128.load(from0)
  const row1 = v128.load(from1)
  const row2 = v128.load(from2)
  const row3 = v128.load(from3)
  const low01 = v128.shuffle<f32>(row0, row1, 0, 4, 1, 5)
  const high01 = v128.shuffle<f32>(row0, row1, 2, 6, 3, 7)
  const low23 = v128.shuffle<f32>(row2, row3, 0, 4, 1, 5)
  const high23 = v128.shuffle<f32>(row2, row3, 2, 6, 3, 7)
  v128.store(target, v128.shuffle<f64>(low01, low23, 0, 2))
  v128.store(target + spacing, v128.shuffle<f64>(low01, low23, 1, 3))
  v128.store(target + spacing * 2, v128.shuffle<f64>(high01, high23, 0, 2))
  v128.store(target + spacing * 3, v128.shuffle<f64>(high01, high23, 1, 3))
}

/** Four rows into lanes of panels of `spacing` bytes per step. Rows beyond `last` repeat it: their results are dropped. */
function packFourRows(source: usize, stride: usize, row: i32, last: i32, steps: i32, target: usize, spacing: usize): void {
  let from0 = source + <usize>min(row, last) * stride
  let from1 = source + <usize>min(row + 1, last) * stride
  let from2 = source + <usize>min(row + 2, last) * stride
  let from3 = source + <usize>min(row + 3, last) * stride
  for (let step = steps >> 2; step > 0; step--) {
    transpose4(from0, from1, from2, from3, target, spacing)
    from0 += 16
    from1 += 16
    from2 += 16
    from3 += 16
    target += spacing * 4
  }
  for (let step = steps & 3; step > 0; step--) {
    store<f32>(target, load<f32>(from0))
    store<f32>(target, load<f32>(from1), 4)
    store<f32>(target, load<f32>(from2), 8)
    store<f32>(target, load<f32>(from3), 12)
    from0 += 4
    from1 += 4
    from2 += 4
    from3 += 4
    target += spacing
  }
}

function packTwoRows(source: usize, stride: usize, row: i32, last: i32, steps: i32, target: usize, spacing: usize): void {
  let from0 = source + <usize>min(row, last) * stride
  let from1 = source + <usize>min(row + 1, last) * stride
  for (let step = steps >> 2; step > 0; step--) {
    const row0 = v128.load(from0)
    const row1 = v128.load(from1)
    const low = v128.shuffle<f32>(row0, row1, 0, 4, 1, 5)
    const high = v128.shuffle<f32>(row0, row1, 2, 6, 3, 7)
    v128.store_lane<u64>(target, low, 0)
    v128.store_lane<u64>(target + spacing, low, 1)
    v128.store_lane<u64>(target + spacing * 2, high, 0)
    v128.store_lane<u64>(target + spacing * 3, high, 1)
    from0 += 16
    from1 += 16
    target += spacing * 4
  }
  for (let step = steps & 3; step > 0; step--) {
    store<f32>(target, load<f32>(from0))
    store<f32>(target, load<f32>(from1), 4)
    from0 += 4
    from1 += 4
    target += spacing
  }
}

/** Rows as stored ([rows, steps]) to panels [steps][6]. */
function packRows6(source: usize, stride: usize, rows: i32, steps: i32, target: usize): void {
  for (let row = 0; row < rows; row += 6) {
    packFourRows(source, stride, row, rows - 1, steps, target, 24)
    packTwoRows(source, stride, row + 4, rows - 1, steps, target + 16, 24)
    target += <usize>steps * 24
  }
}

function packRows8(source: usize, stride: usize, rows: i32, steps: i32, target: usize): void {
  for (let row = 0; row < rows; row += 8) {
    packFourRows(source, stride, row, rows - 1, steps, target, 32)
    packFourRows(source, stride, row + 4, rows - 1, steps, target + 16, 32)
    target += <usize>steps * 32
  }
}

function packRows16(source: usize, stride: usize, rows: i32, steps: i32, target: usize): void {
  for (let row = 0; row < rows; row += 16) {
    for (let lane = 0; lane < 16; lane += 4) {
      packFourRows(source, stride, row + lane, rows - 1, steps, target + <usize>lane * 4, 64)
    }
    target += <usize>steps * 64
  }
}

/** m <= 4 rows of x against the rows [first, end) of W [n, k]: dot products, W read once in the order it lies in memory. */
function streamRows(args: usize, first: i32, end: i32): void {
  const m = load<i32>(args, 12)
  const strideA = <usize>load<u32>(args, 24) * 4
  const strideB = <usize>load<u32>(args, 28) * 4
  const strideC = <usize>load<u32>(args, 32) * 4
  const k = load<i32>(args, 20)
  const accumulate = load<i32>(args, 44) != 0
  for (let column = first; column < end; column += 4) {
    const b = <usize>load<u32>(args, 4) + <usize>column * strideB
    let a = <usize>load<u32>(args, 0)
    let c = <usize>load<u32>(args, 8) + <usize>column * 4
    for (let row = 0; row < m; row++) {
      if (column + 4 <= end) {
        const sums = dotFour(a, b, strideB, k)
        v128.store(c, accumulate ? f32x4.add(v128.load(c), sums) : sums)
      } else {
        for (let rest: usize = 0; rest < <usize>(end - column); rest++) {
          const sum = dotOne(a, b + rest * strideB, k)
          store<f32>(c + rest * 4, accumulate ? load<f32>(c + rest * 4) + sum : sum)
        }
      }
      a += strideA
      c += strideC
    }
  }
}

/** Four dot products; each lane does exactly what dotOne does. */
function dotFour(a: usize, b0: usize, stride: usize, k: i32): v128 {
  let b1 = b0 + stride
  let b2 = b1 + stride
  let b3 = b2 + stride
  let x0 = f32x4.splat(0)
  let x1 = f32x4.splat(0)
  let x2 = f32x4.splat(0)
  let x3 = f32x4.splat(0)
  for (let step = k >> 2; step > 0; step--) {
    const values = v128.load(a)
    x0 = madd(values, v128.load(b0), x0)
    x1 = madd(values, v128.load(b1), x1)
    x2 = madd(values, v128.load(b2), x2)
    x3 = madd(values, v128.load(b3), x3)
    a += 16
    b0 += 16
    b1 += 16
    b2 += 16
    b3 += 16
  }
  let sum0 = sumLanes(x0)
  let sum1 = sumLanes(x1)
  let sum2 = sumLanes(x2)
  let sum3 = sumLanes(x3)
  for (let step: usize = 0; step < <usize>(k & 3) * 4; step += 4) {
    const value = load<f32>(a + step)
    sum0 += value * load<f32>(b0 + step)
    sum1 += value * load<f32>(b1 + step)
    sum2 += value * load<f32>(b2 + step)
    sum3 += value * load<f32>(b3 + step)
  }
  return f32x4.replace_lane(f32x4.replace_lane(f32x4.replace_lane(f32x4.splat(sum0), 1, sum1), 2, sum2), 3, sum3)
}

function dotOne(a: usize, b: usize, k: i32): f32 {
  let x = f32x4.splat(0)
  for (let step = k >> 2; step > 0; step--) {
    x = madd(v128.load(a), v128.load(b), x)
    a += 16
    b += 16
  }
  let sum = sumLanes(x)
  for (let step: usize = 0; step < <usize>(k & 3) * 4; step += 4) sum += load<f32>(a + step) * load<f32>(b + step)
  return sum
}
