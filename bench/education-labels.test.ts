import { describe, expect, test } from 'vitest'
import { spearman } from './education-labels.ts'
import labelFile from './labels/educational-value.json' with { type: 'json' }

describe('rank correlation', () => {
  test('sees order, not distance', () => {
    expect(spearman([1, 2, 3, 4], [1, 10, 11, 900])).toBe(1)
    expect(spearman([1, 2, 3, 4], [9, 3, 2, -7])).toBe(-1)
  })

  test('gives ties the mean of their places', () => {
    // Ranks 1 2.5 2.5 4 against 1 2 3 4: 4.5 / √(4.5 · 5).
    expect(spearman([1, 2, 2, 3], [1, 2, 3, 4])).toBeCloseTo(4.5 / Math.sqrt(4.5 * 5), 12)
  })

  test('is not a number where there is nothing to order', () => {
    expect(spearman([1, 1, 1], [1, 2, 3])).toBeNaN()
  })
})

test('there are 200 labels, each of two whole numbers from 0 to 5', () => {
  const labels = Object.values(labelFile.labels).flatMap((source) => Object.entries<number[]>(source))
  expect(labels).toHaveLength(200)
  for (const [id, scores] of labels) {
    expect(id).toMatch(/^\d+:[0-9a-f]{12}$/)
    expect(scores).toHaveLength(2)
    for (const score of scores) expect([0, 1, 2, 3, 4, 5]).toContain(score)
  }
})
