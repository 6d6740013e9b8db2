import { expect, test } from 'vitest'
import { combined, formatCombination } from '../matrix/combination.ts'

const folder = ''

test('a backend of a suite has the threads of the combination, and its build and kernels where it names none', () => {
  const given = { simd: 'baseline', wide: true, threads: 4, folder } as const
  expect(combined(given)).toMatchObject({ simd: 'baseline', wide: true, threads: 4 })
  expect(combined(given, { mode: 'inline', maxSlabBytes: 64 })).toMatchObject({
    ...{ simd: 'baseline', wide: true, threads: 4, mode: 'auto', maxSlabBytes: 64 },
  })
  expect(combined(given, { threads: 0, simd: 'relaxed', wide: false })).toMatchObject({
    ...{ simd: 'relaxed', wide: false, threads: 4 },
  })
})

test('a suite that goes through threads itself keeps them', () => {
  expect(combined({ simd: 'relaxed', wide: false, folder }, { threads: 0, mode: 'inline' })).toEqual({
    ...{ simd: 'relaxed', wide: false, threads: 0, mode: 'inline' },
  })
})

test('combinations have names', () => {
  expect(formatCombination({ simd: 'relaxed', wide: true, threads: 2 })).toBe('relaxed wide threads 2')
  expect(formatCombination({ wide: false })).toBe('both builds plain')
})
