import { describe as suite, expect, it } from 'vitest'
import { describe } from './describe.ts'

suite('values in errors', () => {
  it('names a value', () => {
    const found = [null, undefined, 'a"b', 7, Number.NaN, true, {}, [1, 2], []].map(describe)
    expect(found).toEqual([
      ...['null', 'nothing', '"a\\"b"', '7', 'NaN', 'true', 'a value of type object', '[1, 2]', '[]'],
    ])
  })

  it('stays short, and does not follow what is nested too deeply to be written as JSON', () => {
    let deep: unknown = 1
    for (let depth = 0; depth < 100_000; depth++) deep = [deep]
    expect(describe(deep)).toBe('a list of 1')
    expect(describe(Array.from({ length: 100 }, () => 1))).toBe('a list of 100')
    expect(describe('x'.repeat(1000))).toBe(`"${'x'.repeat(80)}..."`)
  })
})
