import { describe, expect, it } from 'vitest'
import { PocketPhiError } from '../base/errors.ts'
import { compilePattern, escapePattern } from './pattern.ts'

function matches(source: string, text: string, dialect: 'rust' | 'oniguruma' = 'rust'): string[] {
  return Array.from(text.matchAll(compilePattern(source, 'test', dialect)), (match) => match[0])
}

describe('compilePattern', () => {
  it('reads white space, digits and words as Unicode does', () => {
    expect(matches(String.raw`\s`, ' \u0085\ufeff\u180e\u2003')).toEqual([' ', '\u0085', '\u2003'])
    expect(matches(String.raw`\S`, ' \u0085\ufeffa')).toEqual(['\ufeff', 'a'])
    expect(matches(String.raw`[^\S\n]`, ' \na')).toEqual([' '])
    expect(matches(String.raw`\d+`, '1९٣½')).toEqual(['1९٣'])
    expect(matches(String.raw`\w+`, 'é_한e\u0301-x')).toEqual(['é_한e\u0301', 'x'])
    expect(matches(String.raw`\p{Han}+|\p{^L}`, '中a1')).toEqual(['中', '1'])
  })

  it('ignores case only where asked, with the foldings of Unicode', () => {
    expect(matches(`(?i:'s|'LL)x`, `'sx'Sx'ſx'llx'sX`)).toEqual([`'sx`, `'Sx`, `'ſx`, `'llx`])
    expect(matches(`(?i)k[a-c]`, 'kA\u212ab kd')).toEqual(['kA', '\u212ab'])
    expect(matches(`(?:(?i)a)a`, 'Aa AA')).toEqual(['Aa'])
  })

  it('does not give back what a possessive quantifier took', () => {
    expect(matches('a++a', 'aaa')).toEqual([])
    expect(matches('a+a', 'aaa')).toEqual(['aaa'])
    expect(matches('(?>ab?)b', 'ab abb')).toEqual(['abb'])
    expect(matches('[^a]?+b', 'b xb')).toEqual(['xb'])
    expect(matches(`\\p{N}{1,3}+`, '12345')).toEqual(['123', '45'])
    expect(matches('(?:a{1,9}+)+b|a', 'aab a')).toEqual(['aab', 'a'])
  })

  it('anchors as the dialect does', () => {
    expect(matches('a$', 'a\na')).toEqual(['a'])
    expect(matches('a$', 'a\na', 'oniguruma')).toEqual(['a', 'a'])
    expect(matches('.+', 'a\r\u2028b\nc')).toEqual(['a\r\u2028b', 'c'])
  })

  it('reads escapes and classes', () => {
    expect(matches(String.raw`[\x41\u0042\x{43}\t\-\]]+`, 'ABC\t-]D')).toEqual(['ABC\t-]'])
    expect(matches(String.raw`[]a]+`, ']a')).toEqual([']a'])
    expect(matches(String.raw`[a-]+`, 'a-b')).toEqual(['a-'])
    expect(matches(String.raw`\{x\}|<\|`, '{x}<|')).toEqual(['{x}', '<|'])
  })

  it.each([
    ['a repetition that repeats', '(a+)+'],
    ['a repetition that repeats, hidden', '(?:x(a*|b)){2,}'],
    ['a back reference', String.raw`(a)\1`],
    ['an unknown escape', String.raw`\h`],
    ['an unknown group', '(?<name>a)'],
    ['an open group', '(a'],
    ['an open class', '[a'],
    ['a stray bracket', 'a)'],
    ['a stray quantifier', '*a'],
    ['two quantifiers', 'a{2}{3}'],
    ['an unknown property', String.raw`\p{Nonsense}`],
    ['a class in a class', '[a[b]]'],
    ['a range backwards', '[z-a]'],
    ['a code point that is none', String.raw`\x{110000}`],
    ['too many groups', `${'('.repeat(100)}a${')'.repeat(100)}`],
    ['too much', 'a'.repeat(20_000)],
  ])('refuses %s', (_, source) => {
    expect(() => compilePattern(source, 'test')).toThrow(PocketPhiError)
  })
})

describe('escapePattern', () => {
  it('matches any text as it is', () => {
    const text = '.*+?^${}()|[]\\/-&&!!~🙂é'
    expect(new RegExp(`^${escapePattern(text)}$`, 'u').test(text)).toBe(true)
    expect(new RegExp(`^${escapePattern(text)}$`, 'v').test(text)).toBe(true)
  })
})
