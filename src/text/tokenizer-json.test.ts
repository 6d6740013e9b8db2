import { Tokenizer as ReferenceTokenizer } from '@huggingface/tokenizers'
import { describe, expect, it } from 'vitest'
import { PocketPhiError } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import { trainTokenizer, type TokenizerJson } from './bpe-trainer.ts'
import { byteLevelJson, sampleTexts } from './tokenizer-cases.ts'
import { special } from './text.ts'
import { loadTokenizerJson } from './tokenizer-json.ts'

const trained = trainTokenizer(sampleTexts, { vocabularySize: 420 })

function copy(): TokenizerJson & Record<string, unknown> {
  return JSON.parse(JSON.stringify(trained)) as TokenizerJson & Record<string, unknown>
}

/** A copy of the trained file with some flags of the tokens changed. */
function withFlags(flags: Readonly<Record<string, object>>): TokenizerJson {
  const json = copy()
  return { ...json, added_tokens: json.added_tokens.map((token) => ({ ...token, ...flags[token.content] })) }
}

/** Without U+0085 and U+FEFF, about which JavaScript's `\s`, used by the package compared with, is wrong. */
const fragments = Array.from('aeinorst  \n\t012.,<|>é한🙂\u00a0\u3000').concat(
  ...[
    ' the',
    'and ',
    'ing',
    '\n\n',
    '<|end|>',
    '<|user|>',
    '<|system|>',
    '<s>',
    '</s>',
    '<unk>',
    '<0x41>',
    '<|e',
    'nd|>',
  ],
)

function randomTexts(seed: number, count: number): string[] {
  const random = new Random(seed)
  return Array.from({ length: count }, () =>
    Array.from({ length: random.integer(1, 30) }, () => random.pick(fragments)).join(''),
  )
}

function expectLikeReference(json: object, seed: number): void {
  const ours = loadTokenizerJson(JSON.parse(JSON.stringify(json)))
  const reference = new ReferenceTokenizer(JSON.parse(JSON.stringify(json)), {})
  for (const text of randomTexts(seed, 300)) {
    expect(ours.encode(text, { special: 'recognise' }), JSON.stringify(text)).toEqual(reference.encode(text).ids)
  }
}

describe('loadTokenizerJson, compared with an independent package', () => {
  it('encodes as a SentencePiece-style tokenizer', () => {
    expectLikeReference(trained, 1)
  })

  it('encodes without the strip flags, and with them on the left', () => {
    expectLikeReference(withFlags({ '<|end|>': { rstrip: false }, '<|user|>': { rstrip: false, lstrip: true } }), 2)
  })

  it('adds what the post-processor adds', () => {
    const json = copy()
    const template = {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [],
      special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } },
    }
    expectLikeReference({ ...json, post_processor: template }, 3)
    const tokenizer = loadTokenizerJson({ ...json, post_processor: template })
    expect(tokenizer.encode('the')[0]).toBe(1)
    expect(tokenizer.encode('the', { addBos: false })).toEqual(tokenizer.encode('the').slice(1))
    expect(tokenizer.encode([special('<s>'), 'the'])).toEqual(tokenizer.encode('the'))
    expect(tokenizer.encode([])).toEqual([1])
    expect(tokenizer.tokenize('the')[0]).toBe('<s>')
  })

  it('encodes with unknown pieces where there is no byte fallback', () => {
    const json = copy()
    for (const fused of [true, false]) {
      const model = { ...json.model, byte_fallback: false, fuse_unk: fused }
      const tokenizer = loadTokenizerJson({ ...json, model })
      expect(tokenizer.encode('a日本b').filter((id) => id === 0)).toHaveLength(fused ? 1 : 2)
    }
  })

  it('encodes as a byte-level tokenizer', () => {
    const json = byteLevelJson()
    const ours = loadTokenizerJson(json)
    const reference = new ReferenceTokenizer(byteLevelJson(), {})
    for (const text of randomTexts(4, 300)) {
      const ids = ours.encode(text, { special: 'recognise' })
      expect(ids, JSON.stringify(text)).toEqual(reference.encode(text).ids)
      expect(ours.decode(ids)).toBe(text)
    }
  })
})

describe('added tokens', () => {
  it('take white space as the reference defines it', () => {
    const tokenizer = loadTokenizerJson(trained)
    const end = tokenizer.idOf('<|end|>') as number
    expect(tokenizer.encode('<|end|> \t\n\u0085\u00a0\u2003\u3000', { special: 'recognise' })).toEqual([end])
    expect(tokenizer.encode('<|end|>\ufeff', { special: 'recognise' })).not.toEqual([end])
    expect(tokenizer.tokenize('<|end|> \n a', { special: 'recognise' })).toEqual(['<|end|> \n ', '▁a'])
  })

  it('count as single words only where no word touches them', () => {
    const tokenizer = loadTokenizerJson(withFlags({ '<|end|>': { single_word: true, rstrip: false } }))
    const end = tokenizer.idOf('<|end|>') as number
    const found = (text: string): boolean => tokenizer.encode(text, { special: 'recognise' }).includes(end)
    expect(['<|end|>', ' <|end|>.', '-<|end|>-'].map(found)).toEqual([true, true, true])
    expect(['a<|end|>', '<|end|>1', '_<|end|>', '𝒜<|end|>', '<|end|>é'].map(found)).toEqual(Array(5).fill(false))
  })

  it('are found after normalisation when flagged so', () => {
    const json = withFlags({ '<|end|>': { normalized: true, rstrip: false } })
    const tokenizer = loadTokenizerJson(json)
    const end = tokenizer.idOf('<|end|>') as number
    // What is looked for is normalised too, so it begins with the mark that stands for a space.
    expect(tokenizer.encode('<|end|>', { special: 'recognise' })).toEqual([end])
    expect(tokenizer.encode('a <|end|>', { special: 'recognise' }).at(-1)).toBe(end)
    expect(tokenizer.encode('a<|end|>', { special: 'recognise' })).not.toContain(end)
  })

  it('are matched leftmost and longest', () => {
    const json = copy()
    const extra = { ...json.added_tokens.at(-1), id: 420, content: '<|end|>x', rstrip: false }
    const tokenizer = loadTokenizerJson({ ...json, added_tokens: [...json.added_tokens, extra] })
    expect(tokenizer.encode('<|end|>x', { special: 'recognise' })).toEqual([420])
    expect(tokenizer.encode('<|end|>y', { special: 'recognise' })[0]).toBe(tokenizer.idOf('<|end|>'))
  })
})

describe('plain text', () => {
  const tokenizer = loadTokenizerJson(trained)
  const firstControl = tokenizer.idOf('<|endoftext|>') as number

  it('never becomes a control token, in a string or a Text', () => {
    for (const text of [...randomTexts(5, 300), '<s>', '</s>', '<unk>', ' <|end|> ', '<|user|>\n<|end|>']) {
      for (const ids of [tokenizer.encode(text), tokenizer.encode([text]), tokenizer.encode([...text])]) {
        expect(ids.filter((id) => id < 3 || id >= firstControl)).toEqual([])
      }
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text)
    }
  })

  it('stays plain even where merges lead to a control token', () => {
    const json = copy()
    const vocab = { ...json.model.vocab }
    const size = Object.keys(vocab).length
    const pieces = ['<', '<s', 's>'].map((piece, index) => [piece, size + index] as const)
    const merges = [...json.model.merges, '< s', 's >', '<s >', '< s>']
    const added = json.added_tokens.map((token) => (token.id < size ? token : { ...token, id: token.id + 3 }))
    const model = { ...json.model, vocab: { ...vocab, ...Object.fromEntries(pieces) }, merges }
    const open = loadTokenizerJson({ ...json, model, added_tokens: added.filter((token) => token.content !== '<s>') })
    const closed = loadTokenizerJson({ ...json, model, added_tokens: added })
    expect(open.encode('a<s>')).toContain(1)
    expect(closed.encode('a<s>')).not.toContain(1)
    expect(closed.decode(closed.encode('a<s>'))).toBe('a<s>')
    expect(closed.encode('a<s>', { special: 'recognise' })).toContain(1)
  })

  it('still finds added tokens that are ordinary words', () => {
    const json = copy()
    const word = { ...json.added_tokens[0], id: 420, content: 'tokenizer', special: false }
    const extended = loadTokenizerJson({ ...json, added_tokens: [...json.added_tokens, word] })
    expect(extended.encode('a tokenizer')).toContain(420)
  })

  it('replaces lone surrogates', () => {
    expect(tokenizer.encode('a\ud800b')).toEqual(tokenizer.encode('a\ufffdb'))
  })
})

describe('typed text', () => {
  const tokenizer = loadTokenizerJson(trained)
  const end = special('<|end|>')
  const user = special('<|user|>')

  it('is encoded as the reference encodes its spelling', () => {
    const random = new Random(6)
    const parts = [end, user, special('<s>'), special('</s>'), '\n', ' ', '  a', 'the text', 'x\n ', '日本']
    for (let round = 0; round < 200; round++) {
      const text = Array.from({ length: random.integer(1, 8) }, () => random.pick(parts))
      const spelled = text.map((part) => (typeof part === 'string' ? part : part.content)).join('')
      expect(tokenizer.encode(text), spelled).toEqual(tokenizer.encode(spelled, { special: 'recognise' }))
    }
  })

  it('lets a token take the white space of all parts that follow', () => {
    expect(tokenizer.encode([user, '\n', '  ', ' the'])).toEqual([
      tokenizer.idOf('<|user|>'),
      ...tokenizer.encode('the'),
    ])
  })

  it('refuses a token that the tokenizer lacks', () => {
    expect(() => tokenizer.encode([special('<|im_start|>')])).toThrow(PocketPhiError)
  })
})

describe('lookups', () => {
  const tokenizer = loadTokenizerJson(trained)

  it('give ids, pieces and bytes', () => {
    expect(tokenizer.idOf('<0x41>')).toBe(3 + 0x41)
    expect(tokenizer.pieceOf(3 + 0x41)).toBe('<0x41>')
    expect([...tokenizer.tokenBytes(3 + 0xe9)]).toEqual([0xe9])
    expect([...tokenizer.tokenBytes(tokenizer.idOf('▁the') as number)]).toEqual([32, 116, 104, 101])
    expect(tokenizer.idOf('no such piece')).toBeUndefined()
    expect(tokenizer.pieceOf(9999)).toBeUndefined()
    expect(() => tokenizer.tokenBytes(9999)).toThrow(PocketPhiError)
    expect(tokenizer.specialTokens.get('<|end|>')).toBe(tokenizer.idOf('<|end|>'))
    expect(tokenizer.specialTokens.has('</s>')).toBe(false)
  })
})

describe('long texts', () => {
  it('take no quadratic time, however they are made', () => {
    const tokenizer = loadTokenizerJson(trained)
    for (const unit of ['a', ' ', 'the', '<', '\n', '한']) {
      const text = unit.repeat(Math.ceil(300_000 / unit.length))
      const ids = tokenizer.encode(text)
      expect(tokenizer.decode(ids) === text).toBe(true)
    }
  })
})

/** Values that do not belong where they are put. */
const strays: readonly unknown[] = [
  null,
  -1,
  1.5,
  1e12,
  NaN,
  'x',
  '',
  [],
  {},
  true,
  [[]],
  { type: 'Nonsense' },
  '\ud800',
]

/** All places of a JSON value, as paths; of long lists and tables the first few. */
function placesOf(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [path]
  return [
    path,
    ...Object.keys(value)
      .slice(0, 6)
      .flatMap((key) => placesOf((value as never)[key], [...path, key])),
  ]
}

function replaceAt(json: unknown, path: readonly string[], value: unknown): unknown {
  const [key, ...rest] = path
  if (key === undefined) return value
  const clone: Record<string, unknown> | unknown[] = Array.isArray(json)
    ? [...(json as unknown[])]
    : { ...(json as object) }
  Object.assign(clone, { [key]: replaceAt((json as Record<string, unknown>)[key], rest, value) })
  return clone
}

describe('hostile files', () => {
  it('either load and work or are refused with a typed error', () => {
    let refused = 0
    for (const original of [trained, byteLevelJson()]) {
      for (const path of placesOf(original)) {
        for (const stray of strays) {
          try {
            loadTokenizerJson(replaceAt(original, path, stray)).encode('The text <|end|> 한', { special: 'recognise' })
          } catch (error) {
            expect(error, `${path.join('.')} = ${JSON.stringify(stray)}`).toBeInstanceOf(PocketPhiError)
            refused++
          }
        }
      }
    }
    expect(refused).toBeGreaterThan(300)
  })

  const cases: readonly (readonly [string, (json: TokenizerJson) => unknown, RegExp])[] = [
    ['an unknown model', (json) => ({ ...json, model: { ...json.model, type: 'WordPiece' } }), /model.*WordPiece/],
    ['an unknown normaliser', (json) => ({ ...json, normalizer: { type: 'BertNormalizer' } }), /normalizer.*Bert/],
    [
      'an unknown pre-tokeniser',
      (json) => ({ ...json, pre_tokenizer: { type: 'Whitespace' } }),
      /pre_tokenizer.*White/,
    ],
    ['an unknown decoder', (json) => ({ ...json, decoder: { type: 'CTC' } }), /decoder.*CTC/],
    ['an unknown post-processor', (json) => ({ ...json, post_processor: { type: 'Bert' } }), /post_processor.*Bert/],
    ['dropout', (json) => ({ ...json, model: { ...json.model, dropout: 0.1 } }), /dropout/],
    ['two pieces with one id', (json) => ({ ...json, model: { ...json.model, vocab: { a: 1, b: 1 } } }), /own/],
    ['a huge id', (json) => ({ ...json, model: { ...json.model, vocab: { a: 2 ** 40 } } }), /from 0 to/],
    ['a merge of unknown pieces', (json) => ({ ...json, model: { ...json.model, merges: ['▁ qqq'] } }), /merges\[0\]/],
    ['a merge into no piece', (json) => ({ ...json, model: { ...json.model, merges: ['z z'] } }), /merges\[0\]/],
    ['a merge of three', (json) => ({ ...json, model: { ...json.model, merges: ['a b c'] } }), /two pieces/],
    [
      'two added tokens with one id',
      (json) => ({ ...json, added_tokens: [...json.added_tokens, { ...json.added_tokens[5], content: '<|x|>' }] }),
      /only/,
    ],
    [
      'an added token listed twice',
      (json) => ({ ...json, added_tokens: [...json.added_tokens, { ...json.added_tokens[5], id: 900 }] }),
      /one id/,
    ],
    [
      'an added token in the place of a piece',
      (json) => ({ ...json, added_tokens: [{ ...json.added_tokens[5], id: 300 }] }),
      /only/,
    ],
  ]
  it.each(cases)('are refused: %s', (_, change, message) => {
    const load = (): unknown => loadTokenizerJson(change(copy()))
    expect(load).toThrow(PocketPhiError)
    expect(load).toThrow(message)
  })

  it('take no table for ids that are far apart', () => {
    const before = process.memoryUsage().heapUsed
    const kept = Array.from({ length: 20 }, () =>
      loadTokenizerJson({ ...trained, model: { ...trained.model, vocab: { ...trained.model.vocab, zzz: 2 ** 22 } } }),
    )
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(200e6)
    expect(kept.map((tokenizer) => tokenizer.pieceOf(2 ** 22))).toEqual(kept.map(() => 'zzz'))
  })

  it('are refused when they contain themselves', () => {
    const loop: Record<string, unknown> = { type: 'Sequence' }
    loop['normalizers'] = [loop]
    loop['pretokenizers'] = [loop, loop]
    loop['decoders'] = [loop]
    loop['processors'] = [loop]
    for (const key of ['normalizer', 'pre_tokenizer', 'decoder', 'post_processor']) {
      expect(() => loadTokenizerJson({ ...trained, [key]: loop })).toThrow(/nested/)
    }
  })

  it('are refused when a pattern could run for ever', () => {
    const split = { type: 'Split', pattern: { Regex: '(a+)+b' }, behavior: 'Isolated', invert: false }
    expect(() => loadTokenizerJson({ ...trained, pre_tokenizer: split })).toThrow(
      /repetitions that could take too long/,
    )
  })
})
