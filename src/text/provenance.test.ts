import { describe, expect, it } from 'vitest'
import { makeMarking } from './provenance.ts'

/** All characters for private use, of which marks are made. */
function privateCharacters(): string {
  const ranges = [
    [0xe000, 0xf8ff],
    [0xf0000, 0xffffd],
    [0x100000, 0x10fffd],
  ] as const
  const codes = ranges.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, index) => first + index))
  return codes.map((code) => String.fromCodePoint(code)).join('')
}

describe('makeMarking', () => {
  it('marks by characters that occur nowhere, and takes the marks off again', () => {
    const marking = makeMarking(['hello "x"\n', '\uE000'], ['\uE001\uE002'])
    const marked = marking.mark('hello "x"\n\uE000')
    // White space, control characters and what JSON escapes stay.
    expect(marked).toMatch(/^[\uE003-\uE0FF]{5} "[\uE003-\uE0FF]"\n[\uE003-\uE0FF]$/)
    expect(new Set(marked).size).toBe(4 + 2 + 3)
    expect(marking.unmark(marked)).toBe('hello "x"\n\uE000')
    expect(marking.mark('z')).toBe('z')
  })

  it('uses the planes for private use when the first range is taken, and says when nothing is left', () => {
    const all = privateCharacters()
    const first = all.slice(0, 0xf8ff - 0xe000 + 1)
    expect(makeMarking(['a'], [first]).mark('a')).toBe(String.fromCodePoint(0xf0000))
    expect(() => makeMarking(['a'], [all])).toThrow(expect.objectContaining({ code: 'not-supported' }))
    expect(makeMarking([' \n'], [all]).mark(' \n')).toBe(' \n')
  })
})
