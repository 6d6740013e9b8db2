import { expect, test } from 'vitest'
import labelFile from './labels/educational-value.json' with { type: 'json' }

test('there are 200 labels, each of two whole numbers from 0 to 5', () => {
  const labels = Object.values(labelFile.labels).flatMap((source) => Object.entries<number[]>(source))
  expect(labels).toHaveLength(200)
  for (const [id, scores] of labels) {
    expect(id).toMatch(/^\d+:[0-9a-f]{12}$/)
    expect(scores).toHaveLength(2)
    for (const score of scores) expect([0, 1, 2, 3, 4, 5]).toContain(score)
  }
})
