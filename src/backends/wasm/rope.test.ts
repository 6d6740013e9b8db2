import { describe, expect, test } from 'vitest'
import { at, expectClose, input, output, randomFloats, randomIntegers, runKernel, tabulate } from './kernel-cases.ts'
import { float, instantiate, kernelBuilds } from './kernel-harness.ts'

interface Shape {
  readonly rows: number
  readonly heads: number
  readonly headSize: number
  readonly half: number
}

const shapes: Shape[] = [
  { rows: 1, heads: 1, headSize: 2, half: 1 },
  { rows: 3, heads: 2, headSize: 7, half: 3 },
  { rows: 1, heads: 5, headSize: 16, half: 8 },
  { rows: 4, heads: 3, headSize: 20, half: 6 },
  { rows: 5, heads: 2, headSize: 64, half: 32 },
  { rows: 2, heads: 4, headSize: 96, half: 48 },
  { rows: 2, heads: 1, headSize: 12, half: 5 },
]

function rotated(x: Float32Array, table: Float32Array, shape: Shape, sign: number): Float64Array {
  const { heads, headSize, half } = shape
  return tabulate(x.length, (index) => {
    const component = index % headSize
    const row = Math.floor(index / (heads * headSize))
    if (component >= 2 * half) return at(x, index)
    const angle = row * 2 * half + (component % half)
    const [cos, sin] = [at(table, angle), sign * at(table, angle + half)]
    if (component < half) return at(x, index) * cos - at(x, index + half) * sin
    return at(x, index) * cos + at(x, index - half) * sin
  })
}

describe.each(kernelBuilds)('rope $build, threads $threads', ({ build, threads }) => {
  const harness = instantiate(build, threads)

  test.each([1, 2, 5, 24, 48])('the table of %i frequencies, at every position up to 131071', (half) => {
    const rows = 203
    const positions = randomIntegers(half, rows, 0, 131072)
    positions.set([0, 1, 4095, 4096, 131071])
    const regimes = randomIntegers(half + 1, rows, 0, 2)
    const frequencies = tabulate(2 * half, (index) => 10000 ** -((index % half) / half) / (index < half ? 1 : 3.7))
    const [short, long] = [Math.fround(1.25), Math.fround(0.75)]
    const words = [input(positions), input(regimes), input(frequencies), output(rows * half * 2), rows, half]
    const [table] = runKernel(harness, 'ropeTable', [...words, float(short), float(long)])
    const expected = tabulate(rows * half * 2, (index) => {
      const row = Math.floor(index / (2 * half))
      const isLong = at(regimes, row) === 1
      const angle = at(positions, row) * at(frequencies, (index % half) + (isLong ? half : 0))
      const wave = index % (2 * half) < half ? Math.cos(angle) : Math.sin(angle)
      return wave * (isLong ? long : short)
    })
    // To the last bit but for ties: an error of 1e-12 before rounding to f32 shows in one case of a hundred thousand.
    const rounded = Float32Array.from(expected)
    const different = rounded.filter((value, index) => value !== at(table as Float32Array, index)).length
    expect(different).toBeLessThanOrEqual(1)
    expectClose(table as Float32Array, expected, { relative: 1e-7, absolute: 1e-11 })
  })

  test.each(shapes)('rotates $rows rows of $heads heads of $headSize, half $half, and back', (shape) => {
    const { rows, heads, headSize, half } = shape
    const x = randomFloats(1, rows * heads * headSize)
    const angles = randomFloats(2, rows * half, 0, 6)
    const table = Float32Array.from({ length: rows * half * 2 }, (_, index) => {
      const angle = at(angles, Math.floor(index / (2 * half)) * half + (index % half))
      return index % (2 * half) < half ? Math.cos(angle) : Math.sin(angle)
    })
    const run = (values: Float32Array, inverse: number): Float32Array => {
      const words = [input(values), input(table), output(x.length), rows, heads, headSize, half, inverse]
      return runKernel(harness, 'rope', words)[0] as Float32Array
    }
    expectClose(run(x, 0), rotated(x, table, shape, 1), { relative: 1e-7, absolute: 2e-7 })
    expectClose(run(x, 1), rotated(x, table, shape, -1), { relative: 1e-7, absolute: 2e-7 })
    expectClose(run(run(x, 0), 1), x, { relative: 1e-7, absolute: 5e-7 })
  })
})
