import { cosine, sine } from './math'
import { madd, shareStart } from './simd'
import { copyFloats, storeTail } from './spans'

/**
 * cos and sin of every row's angles, angle[i] = position * inverseFrequencies[regime][i] in f64, times the regime's scale
 * (Su et al., "RoFormer", 2021; the two regimes are LongRoPE's, Ding et al., 2024). |angle| < 2^20.
 *
 *     word 0  positions           i32 [rows]
 *     word 1  regimes             i32 [rows]: 0 short, 1 long
 *     word 2  inverseFrequencies  f64 [2, half], at a multiple of 8
 *     word 3  table               f32 [rows, 2 * half]: cosines, then sines
 *     word 4  rows
 *     word 5  half
 *     word 6  shortScale          f32
 *     word 7  longScale           f32
 */
export function ropeTable(args: usize, thread: i32, threads: i32): void {
  const positions = <usize>load<u32>(args, 0)
  const regimes = <usize>load<u32>(args, 4)
  const rows = load<i32>(args, 16)
  const half = load<i32>(args, 20)
  const end = shareStart(rows, thread + 1, threads)
  for (let row = shareStart(rows, thread, threads); row < end; row++) {
    const regime = load<i32>(regimes + (row << 2))
    const factor = <f64>(regime != 0 ? load<f32>(args, 28) : load<f32>(args, 24))
    const frequencies = <usize>load<u32>(args, 8) + ((<usize>(regime != 0 ? half : 0)) << 3)
    const position = <f64>load<i32>(positions + (row << 2))
    const table = <usize>load<u32>(args, 12) + ((<usize>row * half) << 3)
    for (let i = 0; i < half; i++) {
      const angle = position * load<f64>(frequencies + (i << 3))
      store<f32>(table + (i << 2), <f32>(cosine(angle) * factor))
      store<f32>(table + ((half + i) << 2), <f32>(sine(angle) * factor))
    }
  }
}

/**
 * Rotates the pairs (x[i], x[i + half]) of every head; components from 2 * half on pass unchanged. May be in place.
 *
 *     word 0  x         f32 [rows, heads * headSize]
 *     word 1  table     f32 [rows, 2 * half], of ropeTable
 *     word 2  y         f32 [rows, heads * headSize]
 *     word 3  rows
 *     word 4  heads
 *     word 5  headSize
 *     word 6  half
 *     word 7  inverse   1: the transposed rotation, which is the derivative
 */
export function rope(args: usize, thread: i32, threads: i32): void {
  const x = <usize>load<u32>(args, 0)
  const table = <usize>load<u32>(args, 4)
  const y = <usize>load<u32>(args, 8)
  const heads = load<i32>(args, 16)
  const headSize = load<i32>(args, 20)
  const half = load<i32>(args, 24)
  const inverse = load<i32>(args, 28) != 0
  const units = load<i32>(args, 12) * heads
  const end = shareStart(units, thread + 1, threads)
  for (let unit = shareStart(units, thread, threads); unit < end; unit++) {
    const cosines = table + ((<usize>(unit / heads) * half) << 3)
    const offset = (<usize>unit * headSize) << 2
    rotate(x + offset, cosines, y + offset, half, inverse)
    if (x != y) copyFloats(y + offset + (half << 3), x + offset + (half << 3), headSize - half * 2)
  }
}

function rotate(x: usize, cosines: usize, y: usize, half: i32, inverse: bool): void {
  const secondHalf = half << 2
  const sign = f32x4.splat(inverse ? -1 : 1)
  for (let i = 0; i < half; i += 4) {
    const at = i << 2
    const first = v128.load(x + at)
    const second = v128.load(x + at + secondHalf)
    const cos = v128.load(cosines + at)
    const sin = f32x4.mul(v128.load(cosines + at + secondHalf), sign)
    const rotatedFirst = madd(second, f32x4.neg(sin), f32x4.mul(first, cos))
    const rotatedSecond = madd(first, sin, f32x4.mul(second, cos))
    if (i + 4 <= half) {
      v128.store(y + at, rotatedFirst)
      v128.store(y + at + secondHalf, rotatedSecond)
    } else {
      storeTail(y + at, rotatedFirst, half - i)
      storeTail(y + at + secondHalf, rotatedSecond, half - i)
    }
  }
}
