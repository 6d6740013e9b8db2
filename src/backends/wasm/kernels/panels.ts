/** Copies of matrix blocks in the order in which the tiles read them. */

/** Rows of k as stored ([steps, columns]) to panels [steps][6]; the last panel's surplus holds whatever follows. */
export function packColumns6(source: usize, stride: usize, columns: i32, steps: i32, target: usize): void {
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
export function packColumns8(source: usize, stride: usize, columns: i32, steps: i32, target: usize): void {
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
export function packColumns16(source: usize, stride: usize, columns: i32, steps: i32, target: usize): void {
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
export function transpose4(
  from0: usize,
  from1: usize,
  from2: usize,
  from3: usize,
  target: usize,
  spacing: usize,
): void {
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
function packFourRows(
  source: usize,
  stride: usize,
  row: i32,
  last: i32,
  steps: i32,
  target: usize,
  spacing: usize,
): void {
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

function packTwoRows(
  source: usize,
  stride: usize,
  row: i32,
  last: i32,
  steps: i32,
  target: usize,
  spacing: usize,
): void {
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
export function packRows6(source: usize, stride: usize, rows: i32, steps: i32, target: usize): void {
  for (let row = 0; row < rows; row += 6) {
    packFourRows(source, stride, row, rows - 1, steps, target, 24)
    packTwoRows(source, stride, row + 4, rows - 1, steps, target + 16, 24)
    target += <usize>steps * 24
  }
}

export function packRows8(source: usize, stride: usize, rows: i32, steps: i32, target: usize): void {
  for (let row = 0; row < rows; row += 8) {
    packFourRows(source, stride, row, rows - 1, steps, target, 32)
    packFourRows(source, stride, row + 4, rows - 1, steps, target + 16, 32)
    target += <usize>steps * 32
  }
}

export function packRows16(source: usize, stride: usize, rows: i32, steps: i32, target: usize): void {
  for (let row = 0; row < rows; row += 16) {
    for (let lane = 0; lane < 16; lane += 4) {
      packFourRows(source, stride, row + lane, rows - 1, steps, target + <usize>lane * 4, 64)
    }
    target += <usize>steps * 64
  }
}
