import { describe, expect, test } from 'vitest'
import { ntkAware, positionInterpolation, publishedSeeds, rescaled, yarn, yarnScale } from './factors.ts'

describe('the factors of other methods', () => {
  test('position interpolation slows every pair by the ratio', () => {
    expect(positionInterpolation(8, 3)).toEqual([8, 8, 8])
  })

  test('NTK-aware scaling is a larger base: theta * ratio^(d / (d - 2))', () => {
    const [theta, dimensions] = [10_000, 8]
    const base = theta * 8 ** (dimensions / (dimensions - 2))
    const factors = ntkAware(8, dimensions / 2)
    factors.forEach((factor, pair) => {
      const exponent = (2 * pair) / dimensions
      expect(1 / (factor * theta ** exponent)).toBeCloseTo(1 / base ** exponent, 12)
    })
    expect(factors.map((factor) => factor.toFixed(6))).toEqual(['1.000000', '2.000000', '4.000000', '8.000000'])
    expect(ntkAware(8, 1)).toEqual([8])
  })

  test('YaRN leaves fast pairs alone, interpolates slow ones, and mixes in between', () => {
    // Within 64 positions they turn 101.9, 10.19, 1.019 and 0.1 times.
    const factors = yarn(8, [10, 1, 0.1, 0.01], 64)
    expect(factors.map((factor) => factor.toFixed(4))).toEqual(['1.0000', '2.6023', '7.9666', '8.0000'])
    expect(yarnScale(8)).toBeCloseTo(1.2079, 4)
    expect(yarnScale(1)).toBe(1)
  })

  test('rescaling moves factors with the ratio and leaves 1 alone', () => {
    expect(rescaled([1, 4.5, 8], 8, 2)).toEqual([1, 1.5, 2])
    expect(rescaled([1, 1.5, 2], 2, 8)).toEqual([1, 4.5, 8])
  })

  test('seeds have a factor for each pair', () => {
    const seeds = publishedSeeds({ ratio: 4, inverseFrequencies: [1, 0.1], trained: 64 })
    expect(seeds.map(({ name, factors }) => [name, factors.length])).toEqual([
      ['PI', 2],
      ['NTK', 2],
      ['YaRN', 2],
    ])
  })
})
