import { readFileSync } from 'node:fs'
import * as cl100kReference from 'gpt-tokenizer/encoding/cl100k_base'
import * as o200kReference from 'gpt-tokenizer/encoding/o200k_base'
import { describe, expect, it } from 'vitest'
import { PocketPhiError } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import { sampleTexts } from './tokenizer-cases.ts'
import { special } from './text.ts'
import { loadTiktoken } from './tiktoken.ts'

function ranksOf(name: string): string {
  return readFileSync(new URL(`../../node_modules/gpt-tokenizer/data/${name}.tiktoken`, import.meta.url), 'utf8')
}

const addedTokens = [
  { id: 100257, content: '<|endoftext|>' },
  { id: 100262, content: '<|user|>' },
  { id: 100266, content: '<|end|>', rstrip: true },
]
const cl100k = loadTiktoken(ranksOf('cl100k_base'), { pattern: 'cl100k', addedTokens })
const o200k = loadTiktoken(ranksOf('o200k_base'), { pattern: 'o200k' })
const asPlain = { disallowedSpecial: new Set<string>() }

const fragments = Array.from(
  'aAzZéßſK İ\t\n\r\n  12९½!/"\'’.,-(中文한बि𝒜🙂👨‍👩‍👧\u00a0\u2028\u3000\u0301\u0000\u200d',
).concat(
  ...[
    'the ',
    ' The',
    "'s",
    "'LL",
    "'Ve",
    "I'M",
    'HTTPServer',
    'camelCase',
    '//\n',
    ' {\n\t',
    '   \n',
    '1234567',
    '<|end|>',
  ],
)

function randomTexts(count: number): string[] {
  const random = new Random(11)
  const mixed = Array.from({ length: count }, () =>
    Array.from({ length: random.integer(1, 25) }, () => random.pick(fragments)).join(''),
  )
  // Any code points, lone surrogates left out.
  const wild = Array.from({ length: count }, () =>
    String.fromCodePoint(...Array.from({ length: 8 }, () => random.integer(0, 0x20000)))
      .toWellFormed()
      .replaceAll(/[\ufeff\u0085\p{Cn}]/gu, ' '),
  )
  return [...mixed, ...wild, ...sampleTexts, '', ' ', '\n \n ', 'x'.repeat(500)]
}

describe('loadTiktoken, compared with an independent package', () => {
  it('encodes with the 200k vocabulary', () => {
    for (const text of randomTexts(600)) {
      expect(o200k.encode(text), JSON.stringify(text)).toEqual(o200kReference.encode(text, asPlain))
    }
  })

  it('encodes with the 100k vocabulary', () => {
    for (const text of randomTexts(600)) {
      expect(cl100k.encode(text), JSON.stringify(text)).toEqual(cl100kReference.encode(text, asPlain))
    }
  })

  it('decodes to the same text', () => {
    for (const text of randomTexts(200)) {
      expect(o200k.decode(o200k.encode(text))).toBe(text)
      expect(cl100k.decode(cl100k.encode(text))).toBe(text)
    }
  })
})

describe('where JavaScript and the reference disagree', () => {
  it('U+FEFF is no white space', () => {
    // Ids of the Rust reference: U+FEFF begins the word.
    expect(cl100k.encode('\ufeffBOM first')).toEqual([3305, 33, 1937, 1176])
  })
})

describe('added tokens', () => {
  it('become one id when recognised, and pieces when plain', () => {
    expect(cl100k.encode('<|user|>\nHi<|end|>\n', { special: 'recognise' })).toEqual([100262, 198, 13347, 100266])
    expect(cl100k.encode('<|end|>')).toEqual(cl100kReference.encode('<|end|>', asPlain))
    expect(cl100k.encode([special('<|user|>'), '\nHi'])).toEqual([100262, 198, 13347])
    expect(cl100k.specialTokens.get('<|user|>')).toBe(100262)
    expect(cl100k.vocabularySize).toBe(100267)
  })

  it('decode as their own spelling', () => {
    const tokenizer = loadTiktoken(tinyRanks(), { pattern: 'cl100k', addedTokens: [{ id: 300, content: '<é 日>' }] })
    expect(tokenizer.decode([300, 97, 300])).toBe('<é 日>a<é 日>')
    expect(tokenizer.decode([300, 97, 300], { skipSpecial: true })).toBe('a')
  })
})

/** The 256 bytes alone, their values as ranks. */
function tinyRanks(): string {
  return Array.from({ length: 256 }, (_, byte) => `${btoa(String.fromCharCode(byte))} ${byte}`).join('\n')
}

describe('hostile files', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['empty', ''],
    ['torn', tinyRanks().slice(0, -2)],
    ['a byte missing', tinyRanks().split('\n').slice(1).join('\n')],
    ['a rank twice', `${tinyRanks()}\nYWE= 5`],
    ['a piece twice', `${tinyRanks()}\nYQ== 500`],
    ['a huge rank', `${tinyRanks()}\nYWE= 999999999`],
    ['no base64', `${tinyRanks()}\n!!! 300`],
    ['broken base64', `${tinyRanks()}\nYWEab 300`],
    ['a fractional rank', `${tinyRanks()}\nYWE= 30.5`],
  ]
  it.each(cases)('are refused: %s', (_, text) => {
    expect(() => loadTiktoken(text, { pattern: 'cl100k' })).toThrow(PocketPhiError)
  })

  it('are refused when an added token takes the id of a piece', () => {
    const added = [{ id: 97, content: '<|x|>' }]
    expect(() => loadTiktoken(tinyRanks(), { pattern: 'cl100k', addedTokens: added })).toThrow(/only/)
  })
})
