import { describe, expect, it } from 'vitest'
import { driftOf, medianOf } from './run.ts'

describe('the drift of a benchmark', () => {
  it('compares the last third of the rounds with the first, and leaves single odd rounds out', () => {
    expect(driftOf([100, 100, 5, 90, 90, 90, 80, 80, 400])).toBeCloseTo(0.8)
    expect(driftOf([50])).toBe(1)
    expect(driftOf([])).toBe(1)
  })

  it('rests on medians', () => {
    expect(medianOf([3, 1, 2])).toBe(2)
    expect(medianOf([4, 1, 2, 3])).toBe(2.5)
  })
})
