import { shareStart } from './simd'
import { storeTail } from './spans'

/**
 * Gives the columns [from, to) of y one value; the others stay as they are.
 *
 *     word 0  y      f32 [rows, width], updated
 *     word 1  rows
 *     word 2  width
 *     word 3  from
 *     word 4  to
 *     word 5  value  f32
 */
export function fillColumns(args: usize, thread: i32, threads: i32): void {
  const rows = load<i32>(args, 4)
  const width = load<i32>(args, 8)
  const from = load<i32>(args, 12)
  const count = load<i32>(args, 16) - from
  const value = f32x4.splat(load<f32>(args, 20))
  const end = shareStart(rows, thread + 1, threads)
  for (let row = shareStart(rows, thread, threads); row < end; row++) {
    const y = <usize>load<u32>(args, 0) + ((<usize>row * width + from) << 2)
    let i = 0
    for (; i + 4 <= count; i += 4) v128.store(y + (i << 2), value)
    if (i < count) storeTail(y + (i << 2), value, count - i)
  }
}
