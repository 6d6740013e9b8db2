import { describe, expect, test } from 'vitest'
import {
  at,
  expectClose,
  input,
  output,
  randomFloats,
  randomIntegers,
  runKernel,
  tabulate,
  update,
} from './kernel-cases.ts'
import { float, instantiate, kernelBuilds } from './kernel-harness.ts'

const counts = [1, 2, 3, 4, 5, 15, 16, 17, 31, 47, 48, 63, 64, 65, 127, 1001]
const shapes = [1, 2, 3, 5, 8].flatMap((rows) => [1, 2, 3, 4, 7, 15, 16, 17, 36, 66].map((width) => ({ rows, width })))
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

describe.each(kernelBuilds)('element-wise kernels $build, threads $threads', ({ build, threads }) => {
  const harness = instantiate(build, threads)

  test.each(counts)('add, accumulate, scale, copy and fill %i elements', (count) => {
    const a = randomFloats(1, count)
    const b = randomFloats(2, count)
    const added = a.map((value, index) => value + at(b, index))
    expect(runKernel(harness, 'add', [input(a), input(b), output(count), count])).toEqual([added])
    expect(runKernel(harness, 'accumulate', [update(a), input(b), count])).toEqual([added])
    const factor = Math.fround(0.3)
    const scaled = a.map((value) => value * factor)
    expect(runKernel(harness, 'scale', [input(a), output(count), count, float(factor)])).toEqual([scaled])
    const scalar = input(Float32Array.of(factor))
    expect(runKernel(harness, 'scaleByScalar', [input(a), scalar, output(count), count])).toEqual([scaled])
    expect(runKernel(harness, 'copy', [input(a), output(count), count])).toEqual([a])
    expect(runKernel(harness, 'fill', [output(count), count, float(-2.5)])).toEqual([
      new Float32Array(count).fill(-2.5),
    ])
  })

  test.each(shapes)('columns of $rows x $width and back', ({ rows, width }) => {
    for (const [from, to] of [
      [0, width],
      [width - 1, width],
      [Math.floor(width / 3), Math.ceil(width / 2)],
    ] as const) {
      const x = randomFloats(3, rows * width)
      const part = to - from
      if (part === 0) continue
      const inside = tabulate(rows * part, (index) => at(x, Math.floor(index / part) * width + from + (index % part)))
      const [y] = runKernel(harness, 'columns', [input(x), output(rows * part), rows, width, from, to])
      expectClose(y as Float32Array, inside, { relative: 0, absolute: 0 })
      const background = randomFloats(4, rows * width)
      const placed = background.map((old, index) => {
        const column = index % width
        return column >= from && column < to ? at(x, index) : old
      })
      const words = [input(y as Float32Array), update(background), rows, part, width, from]
      expect(runKernel(harness, 'placeColumns', words)).toEqual([placed])
    }
  })

  test.each(shapes)('siluMultiply and its gradient, $rows x $width', ({ rows, width }) => {
    const gateUp = randomFloats(5, rows * width * 2, -12, 12)
    const dy = randomFloats(6, rows * width)
    const gate = (row: number, column: number): number => at(gateUp, row * width * 2 + column)
    const up = (row: number, column: number): number => at(gateUp, row * width * 2 + width + column)
    const expected = tabulate(rows * width, (index) => {
      const [row, column] = [Math.floor(index / width), index % width]
      return gate(row, column) * sigmoid(gate(row, column)) * up(row, column)
    })
    const [y] = runKernel(harness, 'siluMultiply', [input(gateUp), output(rows * width), rows, width])
    expectClose(y as Float32Array, expected, { relative: 6e-7, absolute: 1e-30 })
    const gradient = tabulate(rows * width * 2, (index) => {
      const row = Math.floor(index / (2 * width))
      const column = index % width
      const s = sigmoid(gate(row, column))
      const slope = s * (1 + gate(row, column) * (1 - s))
      const forUp = index % (2 * width) >= width
      return at(dy, row * width + column) * (forUp ? gate(row, column) * s : up(row, column) * slope)
    })
    const words = [input(gateUp), input(dy), output(rows * width * 2), rows, width]
    const [dGateUp] = runKernel(harness, 'siluMultiplyGradient', words)
    expectClose(dGateUp as Float32Array, gradient, { relative: 1e-6, absolute: 1e-6 })
  })

  test('silu shows the exponential to 2e-7 over its whole range, 0 below it, and lets NaN through', () => {
    const gates = [...tabulate(4350, (index) => -87 + index * 0.02), -88, -1000, -Infinity, 90, 1e30, NaN]
    const gateUp = new Float32Array(gates.length * 2).fill(1)
    gateUp.set(gates)
    const [y] = runKernel(harness, 'siluMultiply', [input(gateUp), output(gates.length), 1, gates.length])
    // For gates far below 0, silu is gate * exp(gate): three roundings beside the exponential's own error.
    const expected = tabulate(4350, (index) => at(gateUp, index) * sigmoid(at(gateUp, index)))
    expectClose((y as Float32Array).subarray(0, 4350), expected, { relative: 4e-7, absolute: 0 })
    expect((y as Float32Array).subarray(4350)).toEqual(Float32Array.of(-0, -0, NaN, 90, 1e30, NaN))
  })

  test.each(shapes)('embedding, gathering and their gradients, $rows rows of $width', ({ rows, width }) => {
    const entries = 6
    const table = randomFloats(7, entries * width)
    const ids = randomIntegers(8, rows, 0, entries)
    const looked = tabulate(rows * width, (index) => {
      return at(table, at(ids, Math.floor(index / width)) * width + (index % width))
    })
    for (const name of ['embedding', 'gatherRows']) {
      const [y] = runKernel(harness, name, [input(table), input(ids), output(rows * width), rows, width])
      expectClose(y as Float32Array, looked, { relative: 0, absolute: 0 })
    }
    const dy = randomFloats(9, rows * width)
    const dTable = new Float32Array(entries * width)
    for (const [row, id] of ids.entries())
      for (let i = 0; i < width; i++) dTable[id * width + i] = at(dTable, id * width + i) + at(dy, row * width + i)
    for (const name of ['embeddingGradient', 'scatterRows']) {
      const words = [input(ids), input(dy), output(entries * width), rows, width, entries]
      expect(runKernel(harness, name, words)).toEqual([dTable])
    }
  })
})
