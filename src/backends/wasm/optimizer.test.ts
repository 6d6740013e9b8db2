import { describe, expect, test } from 'vitest'
import { at, expectClose, input, output, randomFloats, runKernel, tabulate, update } from './kernel-cases.ts'
import { float, instantiate, kernelBuilds } from './kernel-harness.ts'

describe.each(kernelBuilds)('optimizer $build, threads $threads', ({ build, threads }) => {
  const harness = instantiate(build, threads)

  test.each([1, 3, 4, 5, 1000, 16383, 16384, 16385, 60001])('norm of %i gradients', (count) => {
    // What follows the gradients must not count.
    const x = Float32Array.of(...randomFloats(count, count, -3, 3), NaN, NaN, NaN, NaN)
    const partials = Math.ceil(count / 16384)
    const [squares] = runKernel(harness, 'squaredNorm', [input(x), output(partials), count]) as [Float32Array]
    const expected = tabulate(partials, (block) => {
      return x
        .subarray(block * 16384, Math.min(count, (block + 1) * 16384))
        .reduce((sum, value) => sum + value * value, 0)
    })
    expectClose(squares, expected, { relative: 1e-7, absolute: 0 })
    const [total] = runKernel(harness, 'sum', [input(squares), output(1), partials]) as [Float32Array]
    expect(total).toEqual(Float32Array.of(squares.reduce((sum, value) => sum + value, 0)))
  })

  test.each([
    { squares: 25, maxNorm: 1, factor: 0.2, norm: 5 },
    { squares: 25, maxNorm: 5, factor: 1, norm: 5 },
    { squares: 25, maxNorm: 0, factor: 1, norm: 5 },
    { squares: 0, maxNorm: 1, factor: 1, norm: 0 },
  ])('clips $squares to $maxNorm', ({ squares, maxNorm, factor, norm }) => {
    const words = [input(Float32Array.of(squares)), input(Float32Array.of(maxNorm)), output(2)]
    expect(runKernel(harness, 'clipFactor', words)).toEqual([Float32Array.of(factor, norm)])
  })

  test.each([1, 2, 3, 4, 17, 70, 257])('three steps of AdamW on %i parameters', (count) => {
    const { beta1, beta2, epsilon, weightDecay, clip } = {
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: 0.1,
      clip: 0.5,
    }
    let state = [randomFloats(1, count), new Float32Array(count), new Float32Array(count)] as Float32Array[]
    const exact = state.map((values) => Float64Array.from(values)) as [Float64Array, Float64Array, Float64Array]
    for (const time of [1, 2, 3]) {
      const gradient = randomFloats(10 + time, count)
      const learningRate = 0.01 * time
      const corrections = [1 - beta1 ** time, 1 - beta2 ** time] as const
      const [parameter, m, v] = state as [Float32Array, Float32Array, Float32Array]
      state = runKernel(harness, 'adamW', [
        ...[update(parameter), input(gradient), update(m), update(v), count],
        ...[input(Float32Array.of(clip)), input(Float32Array.of(learningRate, ...corrections))],
        ...[float(beta1), float(beta2), float(epsilon), float(weightDecay), float(1 - beta1), float(1 - beta2)],
      ])
      const [exactParameter, exactM, exactV] = exact
      for (let i = 0; i < count; i++) {
        const g = at(gradient, i) * clip
        exactParameter[i] = at(exactParameter, i) * (1 - learningRate * weightDecay)
        exactM[i] = beta1 * at(exactM, i) + (1 - beta1) * g
        exactV[i] = beta2 * at(exactV, i) + (1 - beta2) * g * g
        const step = (learningRate * at(exactM, i)) / corrections[0]
        exactParameter[i] = at(exactParameter, i) - step / (Math.sqrt(at(exactV, i) / corrections[1]) + epsilon)
      }
      for (const [index, values] of exact.entries())
        expectClose(state[index] as Float32Array, values, { relative: 1e-6, absolute: 1e-7, label: `state ${index}` })
    }
  })

  test('moments that fade become 0, not subnormal', () => {
    const words = [
      update(Float32Array.of(1)),
      input(Float32Array.of(0)),
      update(Float32Array.of(1e-36)),
      update(Float32Array.of(1e-36)),
      1,
    ]
    const constants = [0.9, 0.99, 1e-8, 0, 0.1, 0.01].map((value) => float(value))
    const hyper = [input(Float32Array.of(1)), input(Float32Array.of(0.01, 1, 1))]
    const [, m, v] = runKernel(harness, 'adamW', [...words, ...hyper, ...constants])
    expect([m, v]).toEqual([Float32Array.of(0), Float32Array.of(0)])
  })
})
