import { describe, expect, it } from 'vitest'
import { UsageError } from '../src/cli/errors.ts'
import { oneOf, parseCount, parseCounts, readCommandLine } from './options.ts'

describe('parseCounts', () => {
  it('reads whole numbers', () => {
    expect(parseCounts('depths', '0,512,2048')).toEqual([0, 512, 2048])
    expect(parseCounts('depths', '')).toEqual([])
  })

  it.each(['1,,2', '1.5', '-1', 'many', '1e3', ' ', '99999999999999999999'])('refuses "%s"', (text) => {
    expect(() => parseCounts('prompts', text)).toThrow(/--prompts takes whole numbers/)
  })
})

describe('parseCount', () => {
  it('reads one number of at least 1', () => {
    expect(parseCount('rounds', '5')).toBe(5)
    for (const text of ['0', '1,2', '']) expect(() => parseCount('rounds', text)).toThrow(/at least 1/)
  })
})

describe('oneOf', () => {
  it('takes the words that there are', () => {
    expect(oneOf('in', 'chromium', ['node', 'chromium'])).toBe('chromium')
    expect(() => oneOf('in', 'firefox', ['node', 'chromium'])).toThrow(/node or chromium/)
  })
})

describe('readCommandLine', () => {
  it.each([
    [['--foo'], "Unknown option '--foo'."],
    [['model', '--rounds'], "Option '--rounds <value>' argument missing."],
  ])('says what is wrong with %j, and nothing else', (args, message) => {
    expect(() => readCommandLine(args)).toThrow(new UsageError(message))
  })
})
