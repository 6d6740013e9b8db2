import { expect, test } from 'vitest'
import { checkCalibration, type CalibrationChoice } from './quantize-calibration.ts'

const choice: CalibrationChoice = { mode: 'calibrated', calibrationTokens: 1024 }

test.each([
  ['a text is needed', choice, '--calibration FILE'],
  ['a text is for calibration alone', { ...choice, mode: 'search', calibration: 'a' }, '--mode calibrated'],
  ['the texts must differ', { ...choice, calibration: 'a.txt', text: './a.txt' }, 'must be another'],
  ['standard input is there once', { ...choice, calibration: '-', text: '-' }, 'must be another'],
] as const)('%s', (_, options, message) => {
  expect(() => checkCalibration(options)).toThrow(message)
})

test.each([
  { ...choice, world: true },
  { ...choice, calibration: 'a.txt', text: 'b.txt' },
  { ...choice, mode: 'plain', text: 'b.txt' },
  { ...choice, mode: 'search', world: true },
] as const)('%o is fine', (options) => {
  expect(() => checkCalibration(options)).not.toThrow()
})
