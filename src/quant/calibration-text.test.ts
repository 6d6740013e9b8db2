import { expect, it } from 'vitest'
import { modelFromConfig, type ModelShape } from '../models/index.ts'
import { tinyConfig } from '../engine/tiny-model-harness.ts'
import { calibrationBatches, calibrationRows } from './calibration-text.ts'

const shape: ModelShape = { ...modelFromConfig(tinyConfig()).shape, maxPositions: 300, ropeBorder: undefined }
const sequence = (length: number, first: number): number[] => Array.from({ length }, (_, index) => first + index)

it('fills every row: sequences in order, cut at the context and at the end of a batch', () => {
  const [first, second, ...others] = calibrationBatches(
    shape,
    [sequence(10, 0), sequence(700, 1000), sequence(2000, 3000)],
    1025,
  )
  expect(others).toEqual([])
  const row = (batch: typeof first, at: number): number[] =>
    ['ids', 'positions', 'starts', 'regimes'].map((name) => batch?.[name]?.[at] ?? NaN)
  expect(row(first, 9)).toEqual([9, 9, 0, 0])
  expect(row(first, 10)).toEqual([1000, 0, 10, 0])
  expect(row(first, 309)).toEqual([1299, 299, 10, 0])
  expect(row(first, 310)).toEqual([1300, 0, 310, 0])
  expect(row(first, 710)).toEqual([3000, 0, 710, 0])
  expect(row(first, calibrationRows - 1)).toEqual([3313, 13, 1010, 0])
  expect(row(second, 0)).toEqual([3314, 0, 0, 0])
  expect(row(second, 286)).toEqual([3600, 0, 286, 0])
  expect(second?.['ids']?.length).toBe(calibrationRows)
})

it('stays within the short rotary table', () => {
  const [batch] = calibrationBatches({ ...shape, ropeBorder: 64 }, [sequence(2000, 0)], 1)
  expect(Math.max(...(batch?.['positions'] ?? []))).toBe(63)
})

it('takes text without end, and refuses one that fills no batch', () => {
  const endless = function* (): Generator<number[]> {
    for (;;) yield [1, 2, 3]
  }
  expect(calibrationBatches(shape, endless(), 3 * calibrationRows)).toHaveLength(3)
  expect(() => calibrationBatches(shape, [sequence(calibrationRows - 1, 0)], 5000)).toThrow(
    expect.objectContaining({ code: 'invalid-argument', message: expect.stringContaining('too short') }),
  )
})
