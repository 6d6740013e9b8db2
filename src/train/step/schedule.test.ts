import { expect, test } from 'vitest'
import { learningRate, type Schedule } from './schedule.ts'

const base: Schedule = { peak: 0.8, warmupSteps: 4, steps: 12, decay: 'linear', floor: 0.25, hold: 0.5 }

function rates(changes: Partial<Schedule>, ...steps: number[]): number[] {
  return steps.map((step) => learningRate({ ...base, ...changes }, step))
}

function expectRates(found: readonly number[], expected: readonly number[]): void {
  expect(found.length).toBe(expected.length)
  found.forEach((rate, index) => expect(rate).toBeCloseTo(expected[index] ?? NaN, 12))
}

test('the warm-up rises in equal steps, ends at the peak, and is never 0', () => {
  for (const decay of ['constant', 'linear', 'cosine', 'trapezoid'] as const) {
    expectRates(rates({ decay }, 0, 1, 2, 3, 4), [0.2, 0.4, 0.6, 0.8, 0.8])
  }
  expectRates(rates({ warmupSteps: 0 }, 0), [0.8])
})

test('constant stays', () => {
  expectRates(rates({ decay: 'constant' }, 5, 11, 12), [0.8, 0.8, 0.8])
})

test('linear falls by equal steps to the floor', () => {
  // Eight steps from 0.8 to 0.2.
  expectRates(rates({}, 5, 8, 11, 12), [0.725, 0.5, 0.275, 0.2])
})

test('cosine falls along half a wave to the floor', () => {
  const at = (share: number): number => 0.2 + 0.3 * (1 + Math.cos(Math.PI * share))
  expectRates(rates({ decay: 'cosine' }, 4, 6, 8, 12), [0.8, at(0.25), 0.5, 0.2])
})

test('trapezoid holds for its share, then falls to the floor', () => {
  expectRates(rates({ decay: 'trapezoid' }, 7, 8, 10, 12), [0.8, 0.8, 0.5, 0.2])
})

test('the floor holds beyond the end', () => {
  for (const decay of ['linear', 'cosine', 'trapezoid'] as const) expectRates(rates({ decay }, 13, 99), [0.2, 0.2])
})

test('a run that is all warm-up ends at its peak', () => {
  expectRates(rates({ warmupSteps: 12 }, 0, 11, 12), [0.8 / 12, 0.8, 0.8])
})
