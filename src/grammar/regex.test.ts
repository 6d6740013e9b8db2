import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PocketPhiError } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import { Automaton } from './automaton.ts'
import { codePoints, complement, inUtf8 } from './code-points.ts'
import { randomText } from './random-text-harness.ts'
import { regexGrammar } from './regex.ts'

function matches(pattern: string, text: string): boolean {
  return new Automaton(regexGrammar(pattern)).accepts(new TextEncoder().encode(text))
}

function errorOf(pattern: string): PocketPhiError {
  try {
    regexGrammar(pattern)
  } catch (error) {
    if (error instanceof PocketPhiError) return error
    throw error
  }
  throw new Error('no error')
}

const patterns = [
  'abc',
  'a|bc|',
  'a*b+c?',
  '(?:ab){2,4}',
  'a{3}b{2,}',
  String.raw`\d{1,3}(?:\.\d+)?`,
  '[a-cx-z]+',
  '[^a-z]{1,3}',
  '.é?ö*',
  String.raw`\w+\s\W`,
  '[\u{1f600}-\u{1f64f}]|\u{20ac}',
  String.raw`\u0041\x42\u{43}`,
  String.raw`(?<year>\d{4})-(0[1-9]|1[0-2])`,
  String.raw`[\d\-_]+`,
  '(a|b(c|d)*)+?',
]

describe('regular expressions', () => {
  it.each(patterns)('%s: what is drawn from the grammar matches', (pattern) => {
    const automaton = new Automaton(regexGrammar(pattern))
    const whole = new RegExp(`^(?:${pattern})$`, 'v')
    for (let seed = 1; seed <= 40; seed++) expect(randomText(automaton, new Random(seed), 12)).toMatch(whole)
  })

  it.each(patterns)('%s: takes exactly the texts that match', (pattern) => {
    const automaton = new Automaton(regexGrammar(pattern))
    const whole = new RegExp(`^(?:${pattern})$`, 'v')
    const letters = fc.constantFrom(...'abcdxyz012.-_ AB\n\u{e9}\u{f6}\u{20ac}\u{1f600}')
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 8 }), (characters) => {
        const text = characters.join('')
        expect(automaton.accepts(new TextEncoder().encode(text))).toBe(whole.test(text))
      }),
      { numRuns: 200 },
    )
  })

  it('anchors at the ends change nothing', () => {
    expect(matches('^ab$', 'ab')).toBe(true)
    expect(matches('^ab$', 'abc')).toBe(false)
    expect(matches(String.raw`a\$`, 'a$')).toBe(true)
  })

  it.each(['a(?=b)', 'a(?!b)', '(?<=a)b', String.raw`(a)\1`, String.raw`\bword`, 'a^b', '^a|b$', String.raw`\p{L}`])(
    'refuses %s by name',
    (pattern) => expect(errorOf(pattern).code).toBe('not-supported'),
  )

  it.each(['(a', 'a)', '[a', '*', 'a{3,1}', '[z-a]', 'a{', String.raw`\u12`, '\\'])('%s is no pattern', (pattern) =>
    expect(errorOf(pattern).code).toBe('invalid-argument'),
  )

  it('bounds what a count can ask for', () => {
    expect(errorOf('a{20000}').code).toBe('not-supported')
    expect(() => new Automaton(regexGrammar('(?:(?:a{1000}){1000}){1000}'))).toThrow('too large')
  })
})

describe('characters in UTF-8', () => {
  const point = fc.oneof(fc.integer({ min: 0, max: 0xd7ff }), fc.integer({ min: 0xe000, max: 0x10ffff }))

  it('sets take exactly their characters', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(point, point), { minLength: 1, maxLength: 4 }), point, (pairs, other) => {
        const set = codePoints(pairs.map(([a, b]) => [Math.min(a, b), Math.max(a, b)]))
        const [inside, outside] = [set, complement(set)].map(
          (points) => new Automaton({ start: inUtf8(points), rules: new Map() }),
        )
        for (const probe of [other, ...pairs.flat(), ...pairs.flatMap(([a, b]) => [a + 1, b + 1])]) {
          if (probe > 0x10ffff || (probe >= 0xd800 && probe < 0xe000)) continue
          const bytes = new TextEncoder().encode(String.fromCodePoint(probe))
          const isInside = set.some(([first, last]) => first <= probe && probe <= last)
          expect(inside?.accepts(bytes)).toBe(isInside)
          expect(outside?.accepts(bytes)).toBe(!isInside)
        }
      }),
      { numRuns: 100 },
    )
  })
})
