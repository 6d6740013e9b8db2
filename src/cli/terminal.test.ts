import { expect, test } from 'vitest'
import { formatBytes, formatCount, formatSeconds, formatTable } from './terminal.ts'

test('sizes have three digits', () => {
  expect([0, 999, 1000, 1_536_000, 2_310_000_000].map(formatBytes)).toEqual([
    '0 B',
    '999 B',
    '1.00 kB',
    '1.54 MB',
    '2.31 GB',
  ])
  expect([9999, 63_712, 3_932_416, 3_821_079_552].map(formatCount)).toEqual([
    '9999',
    '63.7 thousand',
    '3.93 million',
    '3.82 billion',
  ])
})

test('a size just below the next unit is not rounded into four digits', () => {
  expect([999_600, 999_999_999].map(formatBytes)).toEqual(['1.00 MB', '1.00 GB'])
  expect(formatCount(999_900_000)).toBe('1.00 billion')
})

test('times are in the unit that matters', () => {
  expect([0.04, 9.96, 59.4, 61, 3599.7, 3725, Number.NaN].map(formatSeconds)).toEqual([
    '0.0 s',
    '10 s',
    '59 s',
    '1 min 01 s',
    '1 h 00 min',
    '1 h 02 min',
    'unknown',
  ])
})

test('columns of numbers are aligned to the right', () => {
  const table = formatTable([
    ['model', 'loss'],
    ['a', '1.5'],
    ['longer', '12.25'],
  ])
  expect(table.split('\n')).toEqual(['model    loss', '──────  ─────', 'a         1.5', 'longer  12.25'])
})
