/** packed-tile.ts for two panels at once: 6 tokens x 16 rows, for V8's revectorizer. y is a tile of [6][16]; same bits. */
import { addToRow } from './packed-tile'
import { dotBytes } from './simd'

/** tileNibbles on steps of [16 rows][4 bytes] and 16 scales. */
export function tileNibblesWide(x: usize, w: usize, y: usize, blocks: i32, group: i32): void {
  do {
    const end = x + <usize>(group * 6)
    let x00 = v128.load_splat<i32>(end)
    let x01 = x00
    let x02 = x00
    let x03 = x00
    let x10 = v128.load_splat<i32>(end, 4)
    let x11 = x10
    let x12 = x10
    let x13 = x10
    let x20 = v128.load_splat<i32>(end, 8)
    let x21 = x20
    let x22 = x20
    let x23 = x20
    let x30 = v128.load_splat<i32>(end, 12)
    let x31 = x30
    let x32 = x30
    let x33 = x30
    let x40 = v128.load_splat<i32>(end, 16)
    let x41 = x40
    let x42 = x40
    let x43 = x40
    let x50 = v128.load_splat<i32>(end, 20)
    let x51 = x50
    let x52 = x50
    let x53 = x50
    do {
      const w0 = v128.load(w)
      const w1 = v128.load(w, 16)
      const w2 = v128.load(w, 32)
      const w3 = v128.load(w, 48)
      let a = v128.load_splat<i32>(x)
      x00 = dotBytes(a, w0, x00)
      x01 = dotBytes(a, w1, x01)
      x02 = dotBytes(a, w2, x02)
      x03 = dotBytes(a, w3, x03)
      a = v128.load_splat<i32>(x, 4)
      x10 = dotBytes(a, w0, x10)
      x11 = dotBytes(a, w1, x11)
      x12 = dotBytes(a, w2, x12)
      x13 = dotBytes(a, w3, x13)
      a = v128.load_splat<i32>(x, 8)
      x20 = dotBytes(a, w0, x20)
      x21 = dotBytes(a, w1, x21)
      x22 = dotBytes(a, w2, x22)
      x23 = dotBytes(a, w3, x23)
      a = v128.load_splat<i32>(x, 12)
      x30 = dotBytes(a, w0, x30)
      x31 = dotBytes(a, w1, x31)
      x32 = dotBytes(a, w2, x32)
      x33 = dotBytes(a, w3, x33)
      a = v128.load_splat<i32>(x, 16)
      x40 = dotBytes(a, w0, x40)
      x41 = dotBytes(a, w1, x41)
      x42 = dotBytes(a, w2, x42)
      x43 = dotBytes(a, w3, x43)
      a = v128.load_splat<i32>(x, 20)
      x50 = dotBytes(a, w0, x50)
      x51 = dotBytes(a, w1, x51)
      x52 = dotBytes(a, w2, x52)
      x53 = dotBytes(a, w3, x53)
      x += 24
      w += 64
    } while (x < end)
    addToRow(x00, x01, w, v128.load_splat<f32>(x, 24), y)
    addToRow(x02, x03, w + 32, v128.load_splat<f32>(x, 24), y + 32)
    addToRow(x10, x11, w, v128.load_splat<f32>(x, 28), y + 64)
    addToRow(x12, x13, w + 32, v128.load_splat<f32>(x, 28), y + 96)
    addToRow(x20, x21, w, v128.load_splat<f32>(x, 32), y + 128)
    addToRow(x22, x23, w + 32, v128.load_splat<f32>(x, 32), y + 160)
    addToRow(x30, x31, w, v128.load_splat<f32>(x, 36), y + 192)
    addToRow(x32, x33, w + 32, v128.load_splat<f32>(x, 36), y + 224)
    addToRow(x40, x41, w, v128.load_splat<f32>(x, 40), y + 256)
    addToRow(x42, x43, w + 32, v128.load_splat<f32>(x, 40), y + 288)
    addToRow(x50, x51, w, v128.load_splat<f32>(x, 44), y + 320)
    addToRow(x52, x53, w + 32, v128.load_splat<f32>(x, 44), y + 352)
    x += 48
    w += 64
  } while (--blocks)
}

/** tileBytes on steps of [16 rows][4 bytes] and 16 scales. */
export function tileBytesWide(x: usize, w: usize, y: usize, blocks: i32, group: i32): void {
  do {
    const start = x
    const end = x + <usize>(group * 6)
    let x00 = i32x4.splat((load<i32>(end) >> 3) * 127)
    let x01 = x00
    let x02 = x00
    let x03 = x00
    let x10 = i32x4.splat((load<i32>(end, 4) >> 3) * 127)
    let x11 = x10
    let x12 = x10
    let x13 = x10
    let x20 = i32x4.splat((load<i32>(end, 8) >> 3) * 127)
    let x21 = x20
    let x22 = x20
    let x23 = x20
    let x30 = i32x4.splat((load<i32>(end, 12) >> 3) * 127)
    let x31 = x30
    let x32 = x30
    let x33 = x30
    let x40 = i32x4.splat((load<i32>(end, 16) >> 3) * 127)
    let x41 = x40
    let x42 = x40
    let x43 = x40
    let x50 = i32x4.splat((load<i32>(end, 20) >> 3) * 127)
    let x51 = x50
    let x52 = x50
    let x53 = x50
    do {
      const w0 = v128.load(w)
      const w1 = v128.load(w, 16)
      const w2 = v128.load(w, 32)
      const w3 = v128.load(w, 48)
      let a = v128.load_splat<i32>(x)
      x00 = dotBytes(a, w0, x00)
      x01 = dotBytes(a, w1, x01)
      x02 = dotBytes(a, w2, x02)
      x03 = dotBytes(a, w3, x03)
      a = v128.load_splat<i32>(x, 4)
      x10 = dotBytes(a, w0, x10)
      x11 = dotBytes(a, w1, x11)
      x12 = dotBytes(a, w2, x12)
      x13 = dotBytes(a, w3, x13)
      a = v128.load_splat<i32>(x, 8)
      x20 = dotBytes(a, w0, x20)
      x21 = dotBytes(a, w1, x21)
      x22 = dotBytes(a, w2, x22)
      x23 = dotBytes(a, w3, x23)
      a = v128.load_splat<i32>(x, 12)
      x30 = dotBytes(a, w0, x30)
      x31 = dotBytes(a, w1, x31)
      x32 = dotBytes(a, w2, x32)
      x33 = dotBytes(a, w3, x33)
      a = v128.load_splat<i32>(x, 16)
      x40 = dotBytes(a, w0, x40)
      x41 = dotBytes(a, w1, x41)
      x42 = dotBytes(a, w2, x42)
      x43 = dotBytes(a, w3, x43)
      a = v128.load_splat<i32>(x, 20)
      x50 = dotBytes(a, w0, x50)
      x51 = dotBytes(a, w1, x51)
      x52 = dotBytes(a, w2, x52)
      x53 = dotBytes(a, w3, x53)
      x += 24
      w += 64
    } while (x < end)
    x = start
    do {
      const w0 = v128.load(w)
      const w1 = v128.load(w, 16)
      const w2 = v128.load(w, 32)
      const w3 = v128.load(w, 48)
      let a = v128.load_splat<i32>(x)
      x00 = dotBytes(a, w0, x00)
      x01 = dotBytes(a, w1, x01)
      x02 = dotBytes(a, w2, x02)
      x03 = dotBytes(a, w3, x03)
      a = v128.load_splat<i32>(x, 4)
      x10 = dotBytes(a, w0, x10)
      x11 = dotBytes(a, w1, x11)
      x12 = dotBytes(a, w2, x12)
      x13 = dotBytes(a, w3, x13)
      a = v128.load_splat<i32>(x, 8)
      x20 = dotBytes(a, w0, x20)
      x21 = dotBytes(a, w1, x21)
      x22 = dotBytes(a, w2, x22)
      x23 = dotBytes(a, w3, x23)
      a = v128.load_splat<i32>(x, 12)
      x30 = dotBytes(a, w0, x30)
      x31 = dotBytes(a, w1, x31)
      x32 = dotBytes(a, w2, x32)
      x33 = dotBytes(a, w3, x33)
      a = v128.load_splat<i32>(x, 16)
      x40 = dotBytes(a, w0, x40)
      x41 = dotBytes(a, w1, x41)
      x42 = dotBytes(a, w2, x42)
      x43 = dotBytes(a, w3, x43)
      a = v128.load_splat<i32>(x, 20)
      x50 = dotBytes(a, w0, x50)
      x51 = dotBytes(a, w1, x51)
      x52 = dotBytes(a, w2, x52)
      x53 = dotBytes(a, w3, x53)
      x += 24
      w += 64
    } while (x < end)
    addToRow(x00, x01, w, v128.load_splat<f32>(x, 24), y)
    addToRow(x02, x03, w + 32, v128.load_splat<f32>(x, 24), y + 32)
    addToRow(x10, x11, w, v128.load_splat<f32>(x, 28), y + 64)
    addToRow(x12, x13, w + 32, v128.load_splat<f32>(x, 28), y + 96)
    addToRow(x20, x21, w, v128.load_splat<f32>(x, 32), y + 128)
    addToRow(x22, x23, w + 32, v128.load_splat<f32>(x, 32), y + 160)
    addToRow(x30, x31, w, v128.load_splat<f32>(x, 36), y + 192)
    addToRow(x32, x33, w + 32, v128.load_splat<f32>(x, 36), y + 224)
    addToRow(x40, x41, w, v128.load_splat<f32>(x, 40), y + 256)
    addToRow(x42, x43, w + 32, v128.load_splat<f32>(x, 40), y + 288)
    addToRow(x50, x51, w, v128.load_splat<f32>(x, 44), y + 320)
    addToRow(x52, x53, w + 32, v128.load_splat<f32>(x, 44), y + 352)
    x += 48
    w += 64
  } while (--blocks)
}
