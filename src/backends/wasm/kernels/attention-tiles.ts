/**
 * Register tiles for products of attention blocks: C[6 rows, 8 or 16 columns] = source + A x B, one k per turn of the loop
 * with the accumulators as its variables (see tiles.ts, whose operands are packed otherwise). A is a block with rows of 48
 * floats, so that its offsets are literals; B has its k as rows, `strideB` bytes apart.
 */
import { madd } from './simd'

/** Rows and columns of a block of scores: a multiple of the tiles' 6, 8 and 16. */
export const blockSize: i32 = 48
export const tileRows: i32 = 6
/** Bytes between the rows of a block of scores and of transposed operands. */
export const blockStride: usize = 192

/** The 6 rows of C are neighbouring columns of A: A is [k][48]. */
// @ts-ignore: decorator
@inline
export function tileOfColumns(
  wide: bool,
  a: usize,
  b: usize,
  strideB: usize,
  source: usize,
  sourceStride: usize,
  c: usize,
  strideC: usize,
  k: i32,
): void {
  if (wide) columnsWide(a, b, strideB, source, sourceStride, c, strideC, k)
  else columnsNarrow(a, b, strideB, source, sourceStride, c, strideC, k)
}

/** The 6 rows of C are neighbouring rows of A: A is [6][k], its rows 192 bytes apart. */
// @ts-ignore: decorator
@inline
export function tileOfRows(
  wide: bool,
  a: usize,
  b: usize,
  strideB: usize,
  source: usize,
  sourceStride: usize,
  c: usize,
  strideC: usize,
  k: i32,
): void {
  if (wide) rowsWide(a, b, strideB, source, sourceStride, c, strideC, k)
  else rowsNarrow(a, b, strideB, source, sourceStride, c, strideC, k)
}

function columnsNarrow(
  a: usize,
  b: usize,
  strideB: usize,
  source: usize,
  sourceStride: usize,
  c: usize,
  strideC: usize,
  k: i32,
): void {
  let x00 = v128.load(source)
  let x01 = v128.load(source, 16)
  source += sourceStride
  let x10 = v128.load(source)
  let x11 = v128.load(source, 16)
  source += sourceStride
  let x20 = v128.load(source)
  let x21 = v128.load(source, 16)
  source += sourceStride
  let x30 = v128.load(source)
  let x31 = v128.load(source, 16)
  source += sourceStride
  let x40 = v128.load(source)
  let x41 = v128.load(source, 16)
  source += sourceStride
  let x50 = v128.load(source)
  let x51 = v128.load(source, 16)
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
    a += 192
    b += strideB
  } while (--k)
  v128.store(c, x00)
  v128.store(c, x01, 16)
  c += strideC
  v128.store(c, x10)
  v128.store(c, x11, 16)
  c += strideC
  v128.store(c, x20)
  v128.store(c, x21, 16)
  c += strideC
  v128.store(c, x30)
  v128.store(c, x31, 16)
  c += strideC
  v128.store(c, x40)
  v128.store(c, x41, 16)
  c += strideC
  v128.store(c, x50)
  v128.store(c, x51, 16)
}

function columnsWide(
  a: usize,
  b: usize,
  strideB: usize,
  source: usize,
  sourceStride: usize,
  c: usize,
  strideC: usize,
  k: i32,
): void {
  let x00 = v128.load(source)
  let x01 = v128.load(source, 16)
  let x02 = v128.load(source, 32)
  let x03 = v128.load(source, 48)
  source += sourceStride
  let x10 = v128.load(source)
  let x11 = v128.load(source, 16)
  let x12 = v128.load(source, 32)
  let x13 = v128.load(source, 48)
  source += sourceStride
  let x20 = v128.load(source)
  let x21 = v128.load(source, 16)
  let x22 = v128.load(source, 32)
  let x23 = v128.load(source, 48)
  source += sourceStride
  let x30 = v128.load(source)
  let x31 = v128.load(source, 16)
  let x32 = v128.load(source, 32)
  let x33 = v128.load(source, 48)
  source += sourceStride
  let x40 = v128.load(source)
  let x41 = v128.load(source, 16)
  let x42 = v128.load(source, 32)
  let x43 = v128.load(source, 48)
  source += sourceStride
  let x50 = v128.load(source)
  let x51 = v128.load(source, 16)
  let x52 = v128.load(source, 32)
  let x53 = v128.load(source, 48)
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
    a += 192
    b += strideB
  } while (--k)
  v128.store(c, x00)
  v128.store(c, x01, 16)
  v128.store(c, x02, 32)
  v128.store(c, x03, 48)
  c += strideC
  v128.store(c, x10)
  v128.store(c, x11, 16)
  v128.store(c, x12, 32)
  v128.store(c, x13, 48)
  c += strideC
  v128.store(c, x20)
  v128.store(c, x21, 16)
  v128.store(c, x22, 32)
  v128.store(c, x23, 48)
  c += strideC
  v128.store(c, x30)
  v128.store(c, x31, 16)
  v128.store(c, x32, 32)
  v128.store(c, x33, 48)
  c += strideC
  v128.store(c, x40)
  v128.store(c, x41, 16)
  v128.store(c, x42, 32)
  v128.store(c, x43, 48)
  c += strideC
  v128.store(c, x50)
  v128.store(c, x51, 16)
  v128.store(c, x52, 32)
  v128.store(c, x53, 48)
}

function rowsNarrow(
  a: usize,
  b: usize,
  strideB: usize,
  source: usize,
  sourceStride: usize,
  c: usize,
  strideC: usize,
  k: i32,
): void {
  let x00 = v128.load(source)
  let x01 = v128.load(source, 16)
  source += sourceStride
  let x10 = v128.load(source)
  let x11 = v128.load(source, 16)
  source += sourceStride
  let x20 = v128.load(source)
  let x21 = v128.load(source, 16)
  source += sourceStride
  let x30 = v128.load(source)
  let x31 = v128.load(source, 16)
  source += sourceStride
  let x40 = v128.load(source)
  let x41 = v128.load(source, 16)
  source += sourceStride
  let x50 = v128.load(source)
  let x51 = v128.load(source, 16)
  do {
    const b0 = v128.load(b)
    const b1 = v128.load(b, 16)
    let s = v128.load_splat<f32>(a)
    x00 = madd(s, b0, x00)
    x01 = madd(s, b1, x01)
    s = v128.load_splat<f32>(a, 192)
    x10 = madd(s, b0, x10)
    x11 = madd(s, b1, x11)
    s = v128.load_splat<f32>(a, 384)
    x20 = madd(s, b0, x20)
    x21 = madd(s, b1, x21)
    s = v128.load_splat<f32>(a, 576)
    x30 = madd(s, b0, x30)
    x31 = madd(s, b1, x31)
    s = v128.load_splat<f32>(a, 768)
    x40 = madd(s, b0, x40)
    x41 = madd(s, b1, x41)
    s = v128.load_splat<f32>(a, 960)
    x50 = madd(s, b0, x50)
    x51 = madd(s, b1, x51)
    a += 4
    b += strideB
  } while (--k)
  v128.store(c, x00)
  v128.store(c, x01, 16)
  c += strideC
  v128.store(c, x10)
  v128.store(c, x11, 16)
  c += strideC
  v128.store(c, x20)
  v128.store(c, x21, 16)
  c += strideC
  v128.store(c, x30)
  v128.store(c, x31, 16)
  c += strideC
  v128.store(c, x40)
  v128.store(c, x41, 16)
  c += strideC
  v128.store(c, x50)
  v128.store(c, x51, 16)
}

function rowsWide(
  a: usize,
  b: usize,
  strideB: usize,
  source: usize,
  sourceStride: usize,
  c: usize,
  strideC: usize,
  k: i32,
): void {
  let x00 = v128.load(source)
  let x01 = v128.load(source, 16)
  let x02 = v128.load(source, 32)
  let x03 = v128.load(source, 48)
  source += sourceStride
  let x10 = v128.load(source)
  let x11 = v128.load(source, 16)
  let x12 = v128.load(source, 32)
  let x13 = v128.load(source, 48)
  source += sourceStride
  let x20 = v128.load(source)
  let x21 = v128.load(source, 16)
  let x22 = v128.load(source, 32)
  let x23 = v128.load(source, 48)
  source += sourceStride
  let x30 = v128.load(source)
  let x31 = v128.load(source, 16)
  let x32 = v128.load(source, 32)
  let x33 = v128.load(source, 48)
  source += sourceStride
  let x40 = v128.load(source)
  let x41 = v128.load(source, 16)
  let x42 = v128.load(source, 32)
  let x43 = v128.load(source, 48)
  source += sourceStride
  let x50 = v128.load(source)
  let x51 = v128.load(source, 16)
  let x52 = v128.load(source, 32)
  let x53 = v128.load(source, 48)
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
    s = v128.load_splat<f32>(a, 192)
    x10 = madd(s, b0, x10)
    x11 = madd(s, b1, x11)
    x12 = madd(s, b2, x12)
    x13 = madd(s, b3, x13)
    s = v128.load_splat<f32>(a, 384)
    x20 = madd(s, b0, x20)
    x21 = madd(s, b1, x21)
    x22 = madd(s, b2, x22)
    x23 = madd(s, b3, x23)
    s = v128.load_splat<f32>(a, 576)
    x30 = madd(s, b0, x30)
    x31 = madd(s, b1, x31)
    x32 = madd(s, b2, x32)
    x33 = madd(s, b3, x33)
    s = v128.load_splat<f32>(a, 768)
    x40 = madd(s, b0, x40)
    x41 = madd(s, b1, x41)
    x42 = madd(s, b2, x42)
    x43 = madd(s, b3, x43)
    s = v128.load_splat<f32>(a, 960)
    x50 = madd(s, b0, x50)
    x51 = madd(s, b1, x51)
    x52 = madd(s, b2, x52)
    x53 = madd(s, b3, x53)
    a += 4
    b += strideB
  } while (--k)
  v128.store(c, x00)
  v128.store(c, x01, 16)
  v128.store(c, x02, 32)
  v128.store(c, x03, 48)
  c += strideC
  v128.store(c, x10)
  v128.store(c, x11, 16)
  v128.store(c, x12, 32)
  v128.store(c, x13, 48)
  c += strideC
  v128.store(c, x20)
  v128.store(c, x21, 16)
  v128.store(c, x22, 32)
  v128.store(c, x23, 48)
  c += strideC
  v128.store(c, x30)
  v128.store(c, x31, 16)
  v128.store(c, x32, 32)
  v128.store(c, x33, 48)
  c += strideC
  v128.store(c, x40)
  v128.store(c, x41, 16)
  v128.store(c, x42, 32)
  v128.store(c, x43, 48)
  c += strideC
  v128.store(c, x50)
  v128.store(c, x51, 16)
  v128.store(c, x52, 32)
  v128.store(c, x53, 48)
}
