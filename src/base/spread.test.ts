import { expect, test } from 'vitest'
import { spread } from './spread.ts'

test.each([
  [0, []],
  [1, [0]],
  [3, [0, 3, 6]],
  [4, [0, 2, 5, 7]],
  [10, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
  [Infinity, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
])('%d of ten', (count, expected) => {
  expect(spread([...Array(10).keys()], count)).toEqual(expected)
})
