import { describe, expect, test } from 'vitest'
import { at, expectClose, input, output, randomFloats, runKernel, tabulate, workspace } from './kernel-cases.ts'
import { float, instantiate, kernelBuilds, type KernelHarness } from './kernel-harness.ts'
import { attentionGradientWorkspaceBytes, attentionWorkspaceBytes } from './workspace.ts'

interface Shape {
  readonly heads: number
  readonly kvHeads: number
  readonly headSize: number
  readonly window: number
  readonly starts: Int32Array
}

/** Sequences one after the other; a negative length is padding. */
function sequences(...lengths: readonly number[]): Int32Array {
  const starts: number[] = []
  for (const length of lengths) {
    const start = starts.length
    for (let row = 0; row < Math.abs(length); row++) starts.push(length < 0 ? -1 : start)
  }
  return Int32Array.from(starts)
}

/** The first word of a pattern of blocks that is none. */
const everything = 0

const shapes: Shape[] = [
  { heads: 1, kvHeads: 1, headSize: 1, window: 0, starts: sequences(1) },
  { heads: 2, kvHeads: 1, headSize: 3, window: 0, starts: sequences(2, 3) },
  { heads: 2, kvHeads: 2, headSize: 4, window: 0, starts: sequences(7) },
  { heads: 4, kvHeads: 2, headSize: 8, window: 0, starts: sequences(47, 1, 48, 49) },
  { heads: 2, kvHeads: 2, headSize: 20, window: 0, starts: sequences(-5, 100, -3, 20, -50) },
  { heads: 3, kvHeads: 1, headSize: 16, window: 0, starts: sequences(97) },
  { heads: 2, kvHeads: 1, headSize: 12, window: 1, starts: sequences(60) },
  { heads: 2, kvHeads: 1, headSize: 12, window: 7, starts: sequences(60, 30) },
  { heads: 1, kvHeads: 1, headSize: 5, window: 50, starts: sequences(200) },
  { heads: 1, kvHeads: 1, headSize: 64, window: 0, starts: sequences(145) },
  { heads: 1, kvHeads: 1, headSize: 96, window: 0, starts: sequences(50, 51) },
  { heads: 2, kvHeads: 2, headSize: 6, window: 0, starts: sequences(-4) },
  // First keys that no packing makes: backwards, and padding amid a sequence.
  {
    heads: 2,
    kvHeads: 1,
    headSize: 7,
    window: 0,
    starts: Int32Array.of(0, 1, 0, 2, 4, 3, -1, 2, 8, 0, 10, 11, -1, -1, 13),
  },
  {
    heads: 1,
    kvHeads: 1,
    headSize: 8,
    window: 0,
    starts: Int32Array.from({ length: 130 }, (_, row) => (row * 7) % (row + 1)),
  },
]

interface Problem {
  readonly shape: Shape
  readonly rows: number
  readonly scale: number
  readonly q: Float32Array
  readonly k: Float32Array
  readonly v: Float32Array
  readonly dOut: Float32Array
}

function prepare(shape: Shape, amplitude = 1): Problem {
  const rows = shape.starts.length
  const width = shape.heads * shape.headSize
  const kvWidth = shape.kvHeads * shape.headSize
  return {
    shape,
    rows,
    scale: Math.fround(1 / Math.sqrt(shape.headSize)),
    q: randomFloats(1, rows * width, -3 * amplitude, 3 * amplitude),
    k: randomFloats(2, rows * kvWidth),
    v: randomFloats(3, rows * kvWidth),
    dOut: randomFloats(4, rows * width),
  }
}

/** Everything in f64 by the definition. */
function exact({ shape, rows, scale, q, k, v, dOut }: Problem) {
  const { heads, kvHeads, headSize, window, starts } = shape
  const out = new Float64Array(q.length)
  const logSumExp = new Float64Array(rows * heads)
  const dq = new Float64Array(q.length)
  const dk = new Float64Array(k.length)
  const dv = new Float64Array(v.length)
  const add = (values: Float64Array, index: number, value: number) => {
    values[index] = at(values, index) + value
  }
  for (let row = 0; row < rows; row++) {
    const start = at(starts, row)
    if (start < 0) continue
    const first = window > 0 ? Math.max(start, row - window + 1) : start
    for (let head = 0; head < heads; head++) {
      const query = (row * heads + head) * headSize
      const key = (j: number): number => (j * kvHeads + Math.floor((head * kvHeads) / heads)) * headSize
      const dot = (a: Float32Array, i: number, b: Float32Array, j: number): number => {
        let sum = 0
        for (let d = 0; d < headSize; d++) sum += at(a, i + d) * at(b, j + d)
        return sum
      }
      const scores: number[] = []
      for (let j = first; j <= row; j++) scores.push(dot(q, query, k, key(j)) * scale)
      const largest = Math.max(...scores)
      const sum = scores.reduce((total, score) => total + Math.exp(score - largest), 0)
      logSumExp[row * heads + head] = largest + Math.log(sum)
      const weights = scores.map((score) => Math.exp(score - largest) / sum)
      const dWeights = weights.map((_, index) => dot(dOut, query, v, key(first + index)))
      const delta = weights.reduce((total, weight, index) => total + weight * at(dWeights, index), 0)
      for (const [index, weight] of weights.entries()) {
        const dScore = weight * (at(dWeights, index) - delta) * scale
        for (let d = 0; d < headSize; d++) {
          const other = key(first + index) + d
          add(out, query + d, weight * at(v, other))
          add(dv, other, weight * at(dOut, query + d))
          add(dq, query + d, dScore * at(k, other))
          add(dk, other, dScore * at(q, query + d))
        }
      }
    }
  }
  return { out, logSumExp, dq, dk, dv }
}

function forward(harness: KernelHarness, { shape, rows, scale, q, k, v }: Problem, wide: number) {
  const { heads, kvHeads, headSize, window, starts } = shape
  const words = [input(q), input(k), input(v), input(starts), output(q.length), output(rows * heads)]
  const bytes = attentionWorkspaceBytes(headSize)
  const results = runKernel(harness, 'attention', [
    ...[...words, rows, heads, kvHeads, headSize, window, float(scale)],
    ...[workspace(bytes), wide, everything],
  ])
  return results as [Float32Array, Float32Array]
}

function backward(
  harness: KernelHarness,
  problem: Problem,
  out: Float32Array,
  logSumExp: Float32Array,
  wide: number,
  wanted: { readonly dq?: boolean; readonly dk?: boolean } = {},
) {
  const { shape, rows, scale, q, k, v, dOut } = problem
  const { heads, kvHeads, headSize, window, starts } = shape
  const deltaWords = [input(out), input(dOut), output(rows * heads), rows, heads, headSize]
  const [delta] = runKernel(harness, 'attentionDelta', deltaWords) as [Float32Array]
  const words = [input(q), input(k), input(v), input(starts), input(logSumExp), input(dOut), input(delta)]
  const gradients = [
    wanted.dq === false ? 0 : output(q.length),
    ...(wanted.dk === false ? [0, 0] : [output(k.length), output(v.length)]),
  ]
  const bytes = attentionGradientWorkspaceBytes(headSize)
  const results = runKernel(harness, 'attentionGradient', [
    ...[...words, ...gradients, rows, heads, kvHeads, headSize, window, float(scale)],
    ...[workspace(bytes), wide, everything],
  ])
  return results as [Float32Array, Float32Array, Float32Array]
}

describe.each(kernelBuilds)('attention $build, threads $threads', ({ build, threads }) => {
  const harness = instantiate(build, threads)

  test.each(shapes)('$heads/$kvHeads heads of $headSize, window $window, starts $starts.length', (shape) => {
    const problem = prepare(shape)
    const expected = exact(problem)
    const [out, logSumExp] = forward(harness, problem, 0)
    expectClose(out, expected.out, { relative: 0, absolute: 2e-6, label: 'out' })
    expectClose(logSumExp, expected.logSumExp, { relative: 1e-6, absolute: 2e-6, label: 'logSumExp' })
    const gradients = backward(harness, problem, out, logSumExp, 0)
    for (const [index, name] of (['dq', 'dk', 'dv'] as const).entries()) {
      expectClose(gradients[index] as Float32Array, expected[name], { relative: 1e-5, absolute: 1e-5, label: name })
    }
    expect(forward(harness, problem, 1)).toEqual([out, logSumExp])
    expect(backward(harness, problem, out, logSumExp, 1)).toEqual(gradients)
  })

  test('gradients that are not wanted are left out', () => {
    const problem = prepare({ heads: 4, kvHeads: 2, headSize: 8, window: 0, starts: sequences(50, 60) })
    const [out, logSumExp] = forward(harness, problem, 0)
    const [dq, dk, dv] = backward(harness, problem, out, logSumExp, 0)
    const [queriesOnly] = backward(harness, problem, out, logSumExp, 0, { dk: false })
    expect(queriesOnly).toEqual(dq)
    expect(backward(harness, problem, out, logSumExp, 0, { dq: false })).toEqual([dk, dv])
  })

  test('large scores neither overflow nor lose the largest', () => {
    const problem = prepare({ heads: 1, kvHeads: 1, headSize: 8, window: 0, starts: sequences(100) }, 100)
    const expected = exact(problem)
    const [out, logSumExp] = forward(harness, problem, 0)
    expectClose(out, expected.out, { relative: 0, absolute: 2e-4 })
    expectClose(logSumExp, expected.logSumExp, { relative: 0, absolute: 1e-4 })
  })

  test('weights are powers of two right to 4e-7, from 1 down to 2^-120', () => {
    // Pairs of rows; the second sees the first with the exact base-2 score -x, and itself with 0.
    const pairs = 1200
    const starts = sequences(...new Array<number>(pairs).fill(2))
    const shape = { heads: 1, kvHeads: 1, headSize: 1, window: 0, starts }
    const scores = tabulate(pairs, (index) => Math.fround(index * 0.1))
    const k = Float32Array.from({ length: pairs * 2 }, (_, row) => (row % 2 === 0 ? -at(scores, row / 2) : 0))
    const v = Float32Array.from({ length: pairs * 2 }, (_, row) => 1 - (row % 2))
    const q = new Float32Array(pairs * 2).fill(1)
    const [out] = forward(harness, { ...prepare(shape), scale: Math.fround(Math.LN2), q, k, v }, 0)
    const found = tabulate(pairs, (index) => at(out, index * 2 + 1))
    const expected = scores.map((score) => 1 / (1 + 2 ** score))
    expectClose(found, expected, { relative: 4e-7, absolute: 0 })
  })

  test('rows see neither the future nor other sequences, not even NaN', () => {
    const shape = { heads: 1, kvHeads: 1, headSize: 4, window: 0, starts: sequences(30, 30) }
    const problem = prepare(shape)
    const [out] = forward(harness, problem, 0)
    const k = problem.k.slice().fill(9, 20 * 4, 30 * 4)
    const v = problem.v.slice().fill(9, 20 * 4, 30 * 4)
    const [changed] = forward(harness, { ...problem, k, v }, 0)
    expect(changed.subarray(0, 20 * 4)).toEqual(out.subarray(0, 20 * 4))
    expect(changed.subarray(30 * 4)).toEqual(out.subarray(30 * 4))
    const [lost] = forward(harness, { ...problem, k: problem.k.slice().fill(NaN, 0, 30 * 4) }, 0)
    expect(lost.subarray(30 * 4)).toEqual(out.subarray(30 * 4))
    expect(lost[29 * 4]).toBeNaN()
  })
})
