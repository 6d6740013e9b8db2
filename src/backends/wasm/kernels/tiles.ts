import { madd } from './simd'

/** Rows of a tile of C. A panel of op(A) is [k][6]. */
export const tileRows: i32 = 6
/** Bytes between rows of the spare tile that stands in for C where a tile leaves it. */
const edgeTileStride: usize = 64

/**
 * rows x columns of C += packed panels of A ([steps][6] each) x packed panels of B ([steps][8]); `zero` starts from 0
 * instead. The panels are full: their surplus rows and columns are computed and dropped.
 */
export function multiplyBlock(
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

/** The same with panels of B of [steps][16]. */
export function multiplyBlockWide(
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
