import { madd, shareStart } from './simd'
import { loadTail, spanStart, storeTail } from './spans'

/** Elements under one partial sum of squaredNorm. */
const blockElements: i32 = 16384
/** Moments below it become 0: they would decay into subnormal numbers, which are slow, and change no parameter. */
const smallestMoment: f32 = 1e-36

/**
 * The sums of the squares of every block of 16384 elements, in f64, stored as f32. `sum` adds them.
 *
 *     word 0  x         f32 [count]
 *     word 1  partials  f32 [ceil(count / 16384)]
 *     word 2  count
 */
export function squaredNorm(args: usize, thread: i32, threads: i32): void {
  const x = <usize>load<u32>(args, 0)
  const partials = <usize>load<u32>(args, 4)
  const count = load<i32>(args, 8)
  const blocks = (count + blockElements - 1) / blockElements
  const end = shareStart(blocks, thread + 1, threads)
  for (let block = shareStart(blocks, thread, threads); block < end; block++) {
    const start = block * blockElements
    store<f32>(partials + (block << 2), <f32>sumOfSquares(x + (start << 2), min(blockElements, count - start)))
  }
}

function sumOfSquares(x: usize, count: i32): f64 {
  let low = f64x2.splat(0)
  let high = low
  for (let i = 0; i < count; i += 4) {
    const value = i + 4 <= count ? v128.load(x + (i << 2)) : loadTail(x + (i << 2), count - i)
    const first = f64x2.promote_low_f32x4(value)
    const second = f64x2.promote_low_f32x4(v128.shuffle<f32>(value, value, 2, 3, 0, 1))
    low = f64x2.add(low, f64x2.mul(first, first))
    high = f64x2.add(high, f64x2.mul(second, second))
  }
  const sums = f64x2.add(low, high)
  return f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1)
}

/**
 * The sum of x in f64, in order. Thread 0 does it.
 *
 *     word 0  x      f32 [count]
 *     word 1  y      f32 [1]
 *     word 2  count
 */
export function sum(args: usize, thread: i32, threads: i32): void {
  if (thread != 0) return
  const x = <usize>load<u32>(args, 0)
  const count = load<i32>(args, 8)
  let total: f64 = 0
  for (let i = 0; i < count; i++) total += <f64>load<f32>(x + (i << 2))
  store<f32>(<usize>load<u32>(args, 4), <f32>total)
}

/**
 * By what to multiply gradients so that their norm is at most maxNorm (0 or less: never clip). Thread 0 does it.
 *
 *     word 0  squares  pointer to f32 [1]: the sum of the squares of all gradients
 *     word 1  maxNorm  pointer to f32 [1]
 *     word 2  y        f32 [2]: the factor, the norm before clipping
 */
export function clipFactor(args: usize, thread: i32, threads: i32): void {
  if (thread != 0) return
  const norm = sqrt<f64>(<f64>load<f32>(<usize>load<u32>(args, 0)))
  const maxNorm = <f64>load<f32>(<usize>load<u32>(args, 4))
  const y = <usize>load<u32>(args, 8)
  store<f32>(y, <f32>(maxNorm > 0 && norm > maxNorm ? maxNorm / norm : 1))
  store<f32>(y, <f32>norm, 4)
}

/**
 * One step of AdamW as torch.optim.AdamW takes it (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019);
 * the gradient is multiplied by the clip factor first and left as it is in memory.
 *
 *     word  0  parameter        f32 [count], updated
 *     word  1  gradient         f32 [count]
 *     word  2  m                f32 [count], first moment, updated
 *     word  3  v                f32 [count], second moment, updated
 *     word  4  count
 *     word  5  clipFactor       pointer to f32 [1]
 *     word  6  hyper            pointer to f32 [3]: learningRate, 1 - beta1^t, 1 - beta2^t (t from 1)
 *     word  7  beta1            f32
 *     word  8  beta2            f32
 *     word  9  epsilon          f32
 *     word 10  weightDecay      f32
 *     word 11  beta1Complement  f32 of 1 - beta1, subtracted in f64 (in f32 1 - 0.999 is wrong by 1e-5)
 *     word 12  beta2Complement  f32 of 1 - beta2, likewise
 */
export function adamW(args: usize, thread: i32, threads: i32): void {
  const parameter = <usize>load<u32>(args, 0)
  const gradient = <usize>load<u32>(args, 4)
  const m = <usize>load<u32>(args, 8)
  const v = <usize>load<u32>(args, 12)
  const count = load<i32>(args, 16)
  const hyper = <usize>load<u32>(args, 24)
  const learningRate = <f64>load<f32>(hyper)
  const clip = v128.load32_splat(<usize>load<u32>(args, 20))
  const beta1 = f32x4.splat(load<f32>(args, 28))
  const beta2 = f32x4.splat(load<f32>(args, 32))
  const epsilon = f32x4.splat(load<f32>(args, 36))
  const keep = f32x4.splat(<f32>(1 - learningRate * <f64>load<f32>(args, 40)))
  const beta1Complement = f32x4.splat(load<f32>(args, 44))
  const beta2Complement = f32x4.splat(load<f32>(args, 48))
  const step = f32x4.splat(<f32>(-learningRate / <f64>load<f32>(hyper, 4)))
  const unbias = f32x4.splat(<f32>(1 / sqrt<f64>(<f64>load<f32>(hyper, 8))))
  const smallest = f32x4.splat(smallestMoment)
  const end = spanStart(count, thread + 1, threads)
  for (let i = spanStart(count, thread, threads); i < end; i += 4) {
    const at = (<usize>i) << 2
    const g = f32x4.mul(v128.load(gradient + at), clip)
    let first = madd(g, beta1Complement, f32x4.mul(v128.load(m + at), beta1))
    let second = madd(f32x4.mul(g, g), beta2Complement, f32x4.mul(v128.load(v + at), beta2))
    first = v128.andnot(first, f32x4.lt(f32x4.abs(first), smallest))
    second = v128.andnot(second, f32x4.lt(second, smallest))
    const denominator = madd(f32x4.sqrt(second), unbias, epsilon)
    const change = f32x4.mul(f32x4.div(first, denominator), step)
    const result = madd(v128.load(parameter + at), keep, change)
    if (i + 4 <= end) {
      v128.store(m + at, first)
      v128.store(v + at, second)
      v128.store(parameter + at, result)
    } else {
      storeTail(m + at, first, end - i)
      storeTail(v + at, second, end - i)
      storeTail(parameter + at, result, end - i)
    }
  }
}
