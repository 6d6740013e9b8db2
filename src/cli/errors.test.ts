import { CommanderError } from 'commander'
import { expect, test } from 'vitest'
import { PocketPhiError } from '../base/errors.ts'
import { reportError, UsageError } from './errors.ts'

const full = new PocketPhiError('invalid-file', 'The file is torn.', {
  expected: '12 bytes',
  found: '7',
  remedy: 'Download it again.',
})

test('an error of ours is four short lines, each thing said once', () => {
  expect(reportError(full, false)).toEqual({
    text: 'error: The file is torn.\n  expected  12 bytes\n  found     7\n  remedy    Download it again.',
    code: 1,
  })
})

test('parts that are missing leave no lines', () => {
  expect(reportError(new PocketPhiError('not-found', 'It is not here.'), false).text).toBe('error: It is not here.')
})

test('stack traces are for those who ask, causes included', () => {
  const error = new PocketPhiError('invalid-file', 'Outer.', { cause: new Error('inner') })
  expect(reportError(error, false).text).not.toContain('errors.test.ts')
  expect(reportError(error, true).text).toMatch(/errors\.test\.ts[^]*caused by Error: inner[^]*errors\.test\.ts/)
})

test('exit codes: 1 failed, 2 called wrongly, 130 interrupted, 0 for help', () => {
  const codeOf = (error: unknown): number => reportError(error, false).code
  expect(codeOf(new UsageError('Give a prompt.'))).toBe(2)
  expect(codeOf(new CommanderError(1, 'commander.unknownOption', 'unknown'))).toBe(2)
  expect(codeOf(new CommanderError(0, 'commander.helpDisplayed', '(help)'))).toBe(0)
  expect(codeOf(new PocketPhiError('aborted', 'Stopped.'))).toBe(130)
  expect(codeOf(new TypeError('x is not a function'))).toBe(1)
})

test('what was not foreseen says so', () => {
  expect(reportError(new TypeError('x is not a function'), false).text).toContain('not foreseen')
})
