import { describe, expect, test } from 'vitest'
import { Random } from '../../base/random.ts'
import { instantiate, kernelBuilds, type KernelHarness } from './kernel-harness.ts'
import { matmulWorkspaceBytes } from './workspace.ts'

interface Case {
  readonly m: number
  readonly n: number
  readonly k: number
  readonly transposeA?: boolean
  readonly transposeB?: boolean
  readonly accumulate?: boolean
  readonly wide?: boolean
  /** Elements by which every stored row is longer than the matrix. */
  readonly slack?: number
}

interface Matrix {
  readonly values: Float32Array
  readonly stride: number
  at(row: number, column: number): number
}

function randomMatrix(random: Random, rows: number, columns: number, transposed: boolean, slack: number): Matrix {
  const [height, width] = transposed ? [columns, rows] : [rows, columns]
  const stride = width + slack
  const values = Float32Array.from({ length: height * stride }, () => random.float() * 2 - 1)
  const at = (row: number, column: number) =>
    values[transposed ? column * stride + row : row * stride + column] as number
  return { values, stride, at }
}

/** The largest error in units of f32 epsilon of the sum of magnitudes, which bounds what any order of summation does. */
function largestError(result: Float32Array, a: Matrix, b: Matrix, c: Matrix, shape: Case): number {
  let largest = 0
  for (let row = 0; row < shape.m; row++) {
    for (let column = 0; column < shape.n; column++) {
      let sum = shape.accumulate === true ? c.at(row, column) : 0
      let magnitude = Math.abs(sum)
      for (let step = 0; step < shape.k; step++) {
        const product = a.at(row, step) * b.at(step, column)
        sum += product
        magnitude += Math.abs(product)
      }
      const error = Math.abs((result[row * c.stride + column] as number) - sum)
      if (!(error <= largest * magnitude)) largest = error / magnitude
    }
  }
  return largest / 2 ** -24
}

function prepare(shape: Case) {
  const random = new Random(shape.m * 7 + shape.n * 31 + shape.k * 101)
  const slack = shape.slack ?? 0
  const a = randomMatrix(random, shape.m, shape.k, shape.transposeA === true, slack)
  const b = randomMatrix(random, shape.k, shape.n, shape.transposeB === true, slack)
  const c = randomMatrix(random, shape.m, shape.n, false, slack)
  return { a, b, c }
}

function multiply(harness: KernelHarness, shape: Case, { a, b, c }: ReturnType<typeof prepare>, threads: number) {
  harness.reset()
  const pointers = [a, b, c].map((matrix) => harness.put(matrix.values)) as [number, number, number]
  const stride = matmulWorkspaceBytes()
  const flags = [shape.transposeA, shape.transposeB, shape.accumulate].map(Number)
  const words = [...pointers, shape.m, shape.n, shape.k, a.stride, b.stride, c.stride, ...flags]
  harness.call('matmul', [...words, harness.alloc(stride * threads), stride, Number(shape.wide ?? false)], threads)
  return harness.f32(pointers[2], c.values.length).slice()
}

/** Shapes on, before and behind every edge: tiles of 6 x 8 and 6 x 16, blocks of 96, 512 and 1024, streamed rows up to 4. */
function shapes(): Case[] {
  const random = new Random(1)
  const cases: Case[] = []
  const extents = [1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 20]
  for (const m of extents)
    for (const n of [1, 4, 5, 7, 8, 9, 15, 16, 17]) cases.push({ m, n, k: random.integer(1, 40) })
  for (const k of [1, 2, 3, 4, 5, 256, 511, 512, 513, 1025]) cases.push({ m: 7, n: 17, k }, { m: 2, n: 9, k })
  for (const m of [95, 96, 97, 193]) cases.push({ m, n: 18, k: 30 })
  for (const n of [1023, 1024, 1025]) cases.push({ m: 7, n, k: 9 })
  return cases
}

const layouts = [
  { transposeA: false, transposeB: true },
  { transposeA: false, transposeB: false },
  { transposeA: true, transposeB: false },
  { transposeA: true, transposeB: true },
]

describe.each(kernelBuilds)('matmul $build, threads $threads', ({ build, threads }) => {
  const harness = instantiate(build, threads)

  test.each(layouts)('agrees with f64 at every edge, for any number of threads and both tiles: %o', (layout) => {
    for (const [index, extents] of shapes().entries()) {
      const shape = { ...extents, ...layout, accumulate: index % 2 === 1, slack: index % 3 }
      const operands = prepare(shape)
      const result = multiply(harness, shape, operands, 1)
      const error = largestError(result, operands.a, operands.b, operands.c, shape)
      expect(error, JSON.stringify(shape)).toBeLessThan(Math.max(4, shape.k))
      expect(surplus(result, operands.c, shape)).toEqual(surplus(operands.c.values, operands.c, shape))
      const others = [2, 3, 4].map((count) => multiply(harness, shape, operands, count))
      for (const wideThreads of [1, 3]) others.push(multiply(harness, { ...shape, wide: true }, operands, wideThreads))
      for (const other of others) if (!sameBits(result, other)) expect.fail(`other bits for ${JSON.stringify(shape)}`)
    }
  })
})

test('many threads split C into a grid without changing a bit', () => {
  const harness = instantiate('relaxed', false)
  const shape = { m: 100, n: 130, k: 70 }
  const operands = prepare(shape)
  const result = multiply(harness, shape, operands, 1)
  for (const count of [5, 6, 8, 12, 16]) expect(sameBits(result, multiply(harness, shape, operands, count))).toBe(true)
})

/** What lies between the rows of C and must stay as it is. */
function surplus(values: Float32Array, c: Matrix, shape: Case): number[] {
  return [...values].filter((_, index) => index % c.stride >= shape.n)
}

function sameBits(left: Float32Array, right: Float32Array): boolean {
  return Buffer.compare(new Uint8Array(left.buffer), new Uint8Array(right.buffer)) === 0
}
