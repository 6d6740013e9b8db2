import { describe, test } from 'vitest'
import { at, expectClose, input, output, randomFloats, runKernel, tabulate } from './kernel-cases.ts'
import { float, instantiate, kernelBuilds } from './kernel-harness.ts'

const epsilon = 1e-5
const shapes = [1, 2, 3, 4, 5, 9].flatMap((rows) =>
  [1, 2, 3, 4, 6, 15, 16, 19, 35, 200].map((width) => ({ rows, width })),
)

function inverseRms(x: ArrayLike<number>, rows: number, width: number): Float64Array {
  return tabulate(rows, (row) => {
    let sum = 0
    for (let i = 0; i < width; i++) sum += at(x, row * width + i) ** 2
    return 1 / Math.sqrt(sum / width + epsilon)
  })
}

function normed(x: ArrayLike<number>, weight: ArrayLike<number>, rows: number, width: number): Float64Array {
  const inverse = inverseRms(x, rows, width)
  return tabulate(rows * width, (index) => {
    return at(x, index) * at(inverse, Math.floor(index / width)) * at(weight, index % width)
  })
}

describe.each(kernelBuilds)('rmsNorm $build, threads $threads', ({ build, threads }) => {
  const harness = instantiate(build, threads)

  test.each(shapes)('$rows x $width', ({ rows, width }) => {
    const x = randomFloats(1, rows * width, -2, 3)
    const weight = randomFloats(2, width, 0.5, 2)
    const words = [input(x), input(weight), output(rows * width), rows, width, float(epsilon)]
    const [y] = runKernel(harness, 'rmsNorm', words)
    expectClose(y as Float32Array, normed(x, weight, rows, width), { relative: 1e-6, absolute: 0 })
  })

  test.each(shapes)('gradients, $rows x $width, against differences in f64', ({ rows, width }) => {
    const x = randomFloats(3, rows * width, -2, 3)
    const weight = randomFloats(4, width, 0.5, 2)
    const dy = randomFloats(5, rows * width)
    const loss = (xs: ArrayLike<number>, weights: ArrayLike<number>): number =>
      normed(xs, weights, rows, width).reduce((sum, value, index) => sum + value * at(dy, index), 0)
    const words = [input(x), input(weight), input(dy), output(rows * width), output(rows), rows, width, float(epsilon)]
    const [dx, inverse] = runKernel(harness, 'rmsNormGradientInput', words) as [Float32Array, Float32Array]
    expectClose(inverse, inverseRms(x, rows, width), { relative: 1e-6, absolute: 0 })
    const checked = Math.min(rows * width, 40)
    const slopes = tabulate(checked, (index) => slope((moved) => loss(moved, weight), x, index))
    expectClose(dx.subarray(0, checked), slopes, { relative: 1e-5, absolute: 3e-6 })
    const weightWords = [input(x), input(dy), input(inverse), output(width), rows, width]
    const [dWeight] = runKernel(harness, 'rmsNormGradientWeight', weightWords)
    const weightSlopes = tabulate(width, (index) => slope((moved) => loss(x, moved), weight, index))
    expectClose(dWeight as Float32Array, weightSlopes, { relative: 1e-5, absolute: 3e-6 })
  })
})

/** The central difference of a function at one element. */
function slope(loss: (values: Float64Array) => number, values: Float32Array, index: number): number {
  const step = 1e-4
  const moved = Float64Array.from(values)
  moved[index] = at(values, index) + step
  const above = loss(moved)
  moved[index] = at(values, index) - step
  return (above - loss(moved)) / (2 * step)
}
