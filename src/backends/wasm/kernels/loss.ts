import { expNonPositive, logarithm } from './math'
import { shareStart, sumLanes } from './simd'
import { laneMask, storeTail } from './spans'

/** Rows with this target count for nothing. */
const ignoredTarget: i32 = -100

/** The largest of the floats; NaN is passed over. */
function largest(x: usize, count: i32): f32 {
  const lowest = f32x4.splat(-Infinity)
  let m0 = lowest
  let m1 = lowest
  let i = 0
  for (; i + 8 <= count; i += 8) {
    m0 = f32x4.pmax(m0, v128.load(x + (i << 2)))
    m1 = f32x4.pmax(m1, v128.load(x + (i << 2), 16))
  }
  for (; i < count; i += 4) m0 = f32x4.pmax(m0, v128.bitselect(v128.load(x + (i << 2)), lowest, laneMask(count - i)))
  m0 = f32x4.pmax(m0, m1)
  m0 = f32x4.pmax(m0, v128.shuffle<f32>(m0, m0, 2, 3, 0, 1))
  return max(f32x4.extract_lane(m0, 0), f32x4.extract_lane(m0, 1))
}

function sumOfExponentials(x: usize, count: i32, shift: f32): f32 {
  const shifts = f32x4.splat(shift)
  let s0 = f32x4.splat(0)
  let s1 = s0
  let i = 0
  for (; i + 8 <= count; i += 8) {
    s0 = f32x4.add(s0, expNonPositive(f32x4.sub(v128.load(x + (i << 2)), shifts)))
    s1 = f32x4.add(s1, expNonPositive(f32x4.sub(v128.load(x + (i << 2), 16), shifts)))
  }
  for (; i < count; i += 4) {
    const e = expNonPositive(f32x4.sub(v128.load(x + (i << 2)), shifts))
    s0 = f32x4.add(s0, v128.and(e, laneMask(count - i)))
  }
  return sumLanes(f32x4.add(s0, s1))
}

/**
 * The negative logarithm of the probability of every row's target, and the row's log-sum-exp. An ignored row has loss 0.
 *
 *     word 0  logits     f32 [rows, vocabulary]
 *     word 1  targets    i32 [rows], -100 = ignored
 *     word 2  losses     f32 [rows], written
 *     word 3  logSumExp  f32 [rows], written (0 in ignored rows)
 *     word 4  rows
 *     word 5  vocabulary
 */
export function crossEntropy(args: usize, thread: i32, threads: i32): void {
  const targets = <usize>load<u32>(args, 4)
  const losses = <usize>load<u32>(args, 8)
  const logSumExps = <usize>load<u32>(args, 12)
  const rows = load<i32>(args, 16)
  const vocabulary = load<i32>(args, 20)
  const end = shareStart(rows, thread + 1, threads)
  for (let row = shareStart(rows, thread, threads); row < end; row++) {
    const target = load<i32>(targets + (row << 2))
    let logSumExp: f64 = 0
    let loss: f64 = 0
    if (target != ignoredTarget) {
      const logits = <usize>load<u32>(args, 0) + ((<usize>row * vocabulary) << 2)
      const shift = largest(logits, vocabulary)
      logSumExp = <f64>shift + logarithm(<f64>sumOfExponentials(logits, vocabulary, shift))
      loss = logSumExp - <f64>load<f32>(logits + (target << 2))
    }
    store<f32>(losses + (row << 2), <f32>loss)
    store<f32>(logSumExps + (row << 2), <f32>logSumExp)
  }
}

/**
 * The derivative of crossEntropy: (softmax - one at the target) * dLoss; 0 in ignored rows. dLogits may be logits.
 *
 *     word 0  logits     f32 [rows, vocabulary]
 *     word 1  targets    i32 [rows], -100 = ignored
 *     word 2  logSumExp  f32 [rows], of crossEntropy
 *     word 3  dLosses    f32 [rows]
 *     word 4  dLogits    f32 [rows, vocabulary]
 *     word 5  rows
 *     word 6  vocabulary
 */
export function crossEntropyGradient(args: usize, thread: i32, threads: i32): void {
  const targets = <usize>load<u32>(args, 4)
  const rows = load<i32>(args, 20)
  const vocabulary = load<i32>(args, 24)
  const end = shareStart(rows, thread + 1, threads)
  for (let row = shareStart(rows, thread, threads); row < end; row++) {
    const offset = (<usize>row * vocabulary) << 2
    const logits = <usize>load<u32>(args, 0) + offset
    const dLogits = <usize>load<u32>(args, 16) + offset
    const target = load<i32>(targets + (row << 2))
    if (target == ignoredTarget) {
      memory.fill(dLogits, 0, (<usize>vocabulary) << 2)
      continue
    }
    const logSumExp = f32x4.splat(load<f32>(<usize>load<u32>(args, 8) + (row << 2)))
    const dLoss = load<f32>(<usize>load<u32>(args, 12) + (row << 2))
    const factor = f32x4.splat(dLoss)
    for (let i = 0; i < vocabulary; i += 4) {
      const probability = expNonPositive(f32x4.sub(v128.load(logits + (i << 2)), logSumExp))
      const result = f32x4.mul(probability, factor)
      if (i + 4 <= vocabulary) v128.store(dLogits + (i << 2), result)
      else storeTail(dLogits + (i << 2), result, vocabulary - i)
    }
    const atTarget = dLogits + (target << 2)
    store<f32>(atTarget, load<f32>(atTarget) - dLoss)
  }
}

/**
 * The sum of x[i] * weights[i] in f64, in order. Thread 0 does it.
 *
 *     word 0  x        f32 [count]
 *     word 1  weights  f32 [count]
 *     word 2  y        f32 [1]
 *     word 3  count
 */
export function weightedSum(args: usize, thread: i32, threads: i32): void {
  if (thread != 0) return
  const x = <usize>load<u32>(args, 0)
  const weights = <usize>load<u32>(args, 4)
  const count = load<i32>(args, 12)
  let sum: f64 = 0
  for (let i = 0; i < count; i++) sum += <f64>load<f32>(x + (i << 2)) * <f64>load<f32>(weights + (i << 2))
  store<f32>(<usize>load<u32>(args, 8), <f32>sum)
}
