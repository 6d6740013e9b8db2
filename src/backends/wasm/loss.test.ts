import { describe, expect, test } from 'vitest'
import { at, expectClose, input, output, randomFloats, randomIntegers, runKernel, tabulate } from './kernel-cases.ts'
import { instantiate, kernelBuilds } from './kernel-harness.ts'

const shapes = [1, 2, 5].flatMap((rows) => [1, 2, 3, 4, 7, 8, 9, 100, 1027].map((vocabulary) => ({ rows, vocabulary })))

/** Log-sum-exp of every row in f64. */
function logSumExps(logits: Float32Array, rows: number, vocabulary: number): Float64Array {
  return tabulate(rows, (row) => {
    const values = logits.subarray(row * vocabulary, (row + 1) * vocabulary)
    const largest = Math.max(...values)
    return largest + Math.log(values.reduce((sum, value) => sum + Math.exp(value - largest), 0))
  })
}

describe.each(kernelBuilds)('loss $build, threads $threads', ({ build, threads }) => {
  const harness = instantiate(build, threads)

  test.each(shapes)('cross entropy of $rows x $vocabulary and its gradient', ({ rows, vocabulary }) => {
    const logits = randomFloats(rows * vocabulary, rows * vocabulary, -20, 20)
    const targets = randomIntegers(vocabulary, rows, 0, vocabulary)
    if (rows > 1) targets[1] = -100
    const ignored = (row: number): boolean => at(targets, row) === -100
    const exact = logSumExps(logits, rows, vocabulary)
    const losses = tabulate(rows, (row) => {
      return ignored(row) ? 0 : at(exact, row) - at(logits, row * vocabulary + at(targets, row))
    })
    const words = [input(logits), input(targets), output(rows), output(rows), rows, vocabulary]
    const [found, logSumExp] = runKernel(harness, 'crossEntropy', words) as [Float32Array, Float32Array]
    expectClose(found, losses, { relative: 3e-7, absolute: 3e-7 })
    expectClose(
      logSumExp,
      tabulate(rows, (row) => (ignored(row) ? 0 : at(exact, row))),
      { relative: 1e-7 },
    )

    const dLosses = randomFloats(3, rows, -2, 2)
    const gradient = tabulate(rows * vocabulary, (index) => {
      const row = Math.floor(index / vocabulary)
      if (ignored(row)) return 0
      const probability = Math.exp(at(logits, index) - at(exact, row))
      return (probability - (index % vocabulary === at(targets, row) ? 1 : 0)) * at(dLosses, row)
    })
    const gradientWords = [input(logits), input(targets), input(logSumExp), input(dLosses), output(rows * vocabulary)]
    const [dLogits] = runKernel(harness, 'crossEntropyGradient', [...gradientWords, rows, vocabulary])
    expectClose(dLogits as Float32Array, gradient, { relative: 1e-5, absolute: 1e-6 })
  })

  test('the exponential is right to 2e-7 from 0 to its lower end, and NaN stays NaN', () => {
    const count = 3000
    const logits = Float32Array.from({ length: count }, (_, index) => -index * 0.029)
    const words = [input(logits), input(Int32Array.of(0)), input(Float32Array.of(0)), input(Float32Array.of(1))]
    const [dLogits] = runKernel(harness, 'crossEntropyGradient', [...words, output(count), 1, count])
    const expected = tabulate(count, (index) => Math.exp(at(logits, index)) - (index === 0 ? 1 : 0))
    expectClose(dLogits as Float32Array, expected, { relative: 2e-7, absolute: 0 })
    const lost = [input(Float32Array.of(1, NaN, 0, 2, 3)), input(Int32Array.of(0)), output(1), output(1), 1, 5]
    expect(runKernel(harness, 'crossEntropy', lost)[0]).toEqual(Float32Array.of(NaN))
  })

  test('the logarithm is right to the last bit: equal logits', () => {
    for (let vocabulary = 1; vocabulary <= 200; vocabulary++) {
      const words = [input(new Float32Array(vocabulary)), input(Int32Array.of(0)), output(1), output(1), 1, vocabulary]
      expect(runKernel(harness, 'crossEntropy', words)[0]).toEqual(Float32Array.of(Math.log(vocabulary)))
    }
  })

  test('a certain and an impossible target', () => {
    const logits = Float32Array.of(100, 0, -100, -Infinity, 0, 0)
    const words = [input(logits), input(Int32Array.of(0, 0)), output(2), output(2), 2, 3]
    expect(runKernel(harness, 'crossEntropy', words)[0]).toEqual(Float32Array.of(0, Infinity))
  })

  test.each([1, 2, 3, 100, 5001])('weighted sum of %i', (count) => {
    const x = randomFloats(1, count)
    const weights = randomFloats(2, count)
    const [y] = runKernel(harness, 'weightedSum', [input(x), input(weights), output(1), count])
    const expected = x.reduce((sum, value, index) => sum + value * at(weights, index), 0)
    expect(y).toEqual(Float32Array.of(expected))
  })
})
