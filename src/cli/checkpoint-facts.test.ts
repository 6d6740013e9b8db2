import { expect, test } from 'vitest'
import { bitsOf, roundsActivations } from './checkpoint-facts.ts'

test('formats have bits, and those in panels round activations', () => {
  expect((['q4g32', 'q8g128', 'Q4_0', 'Q8_0', 'Q5_1', 'Q2_K', 'f16', 'f32'] as const).map(bitsOf)).toEqual([
    ...[4, 8, 4, 8, 5, 2],
    ...[undefined, undefined],
  ])
  const rounding = (['q4g32', 'q8g128', 'Q4_0', 'Q8_0', 'Q5_1', 'Q4_K', 'Q3_K', 'f16'] as const).filter(
    roundsActivations,
  )
  expect(rounding).toEqual(['q4g32', 'q8g128', 'Q4_0', 'Q8_0', 'Q4_K'])
})
