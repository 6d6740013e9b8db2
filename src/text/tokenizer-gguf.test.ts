import { describe, expect, it } from 'vitest'
import { PocketPhiError } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import type { GgufMetadata, GgufValue } from '../formats/gguf-values.ts'
import { trainTokenizer } from './bpe-trainer.ts'
import { special } from './text.ts'
import { byteLevelJson, sampleTexts } from './tokenizer-cases.ts'
import { loadGgufTokenizer } from './tokenizer-gguf.ts'
import { loadTokenizerJson } from './tokenizer-json.ts'

interface AnyTokenizerJson {
  readonly added_tokens: readonly { readonly id: number; readonly content: string; readonly special: boolean }[]
  readonly model: {
    readonly vocab: Readonly<Record<string, number>>
    readonly merges: readonly (string | readonly string[])[]
  }
}

const string = (value: string): GgufValue => ({ type: 'string', value })
const integer = (value: number): GgufValue => ({ type: 'uint32', value })
const flag = (value: boolean): GgufValue => ({ type: 'bool', value })
const strings = (value: readonly string[]): GgufValue => ({ type: 'array', of: 'string', value })
const floats = (value: ArrayLike<number>): GgufValue => ({
  type: 'array',
  of: 'float32',
  value: Float32Array.from(value),
})
const integers = (value: ArrayLike<number>): GgufValue => ({
  type: 'array',
  of: 'int32',
  value: Int32Array.from(value),
})

/** What the converter of llama.cpp makes of a tokenizer.json, padded to a multiple of 64. */
function metadataOf(json: AnyTokenizerJson, change: Readonly<Record<string, GgufValue | undefined>>): GgufMetadata {
  const { vocab, merges } = json.model
  const used = Math.max(...Object.values(vocab), ...json.added_tokens.map(({ id }) => id)) + 1
  const size = Math.ceil((used + 1) / 64) * 64
  const tokens = Array.from({ length: size }, (_, id) => `[PAD${id}]`)
  const scores = new Float32Array(size).fill(-10000)
  const types = new Int32Array(size).fill(5)
  const pairs = merges.map((merge) => (typeof merge === 'string' ? merge.split(' ') : merge))
  const rank = new Map([...pairs.entries()].reverse().map(([index, pair]) => [pair.join(''), index]))
  for (const [piece, id] of Object.entries(vocab)) {
    tokens[id] = piece
    types[id] = /^<0x[0-9A-F]{2}>$/.test(piece) ? 6 : 1
    scores[id] = -(rank.get(piece) ?? 1e9)
  }
  for (const { id, content, special: isSpecial } of json.added_tokens) {
    tokens[id] = content
    types[id] = isSpecial ? 3 : 4
    scores[id] = -1000
  }
  const values: Record<string, GgufValue | undefined> = {
    'general.architecture': string('phi3'),
    'tokenizer.ggml.model': string('llama'),
    'tokenizer.ggml.pre': string('default'),
    'tokenizer.ggml.tokens': strings(tokens),
    'tokenizer.ggml.scores': floats(scores),
    'tokenizer.ggml.token_type': integers(types),
    'tokenizer.ggml.bos_token_id': integer(1),
    'tokenizer.ggml.eos_token_id': integer(2),
    'tokenizer.ggml.unknown_token_id': integer(0),
    'tokenizer.ggml.add_bos_token': flag(false),
    ...change,
  }
  return new Map(Object.entries(values).filter((pair): pair is [string, GgufValue] => pair[1] !== undefined))
}

const trained = trainTokenizer(sampleTexts, { vocabularySize: 420 })

function llama(change: Readonly<Record<string, GgufValue | undefined>> = {}): GgufMetadata {
  return metadataOf(trained, change)
}

function byteLevel(change: Readonly<Record<string, GgufValue | undefined>> = {}): GgufMetadata {
  const json = byteLevelJson() as AnyTokenizerJson
  const merges = json.model.merges.map((pair) => (pair as readonly string[]).join(' '))
  return metadataOf(json, {
    'tokenizer.ggml.model': string('gpt2'),
    'tokenizer.ggml.pre': string('dbrx'),
    'tokenizer.ggml.merges': strings(merges),
    'tokenizer.ggml.scores': undefined,
    'tokenizer.ggml.unknown_token_id': undefined,
    'tokenizer.ggml.add_bos_token': undefined,
    ...change,
  })
}

const fragments = Array.from('aeinorst  \n\t012.,<|>é한🙂\u00a0▁').concat(
  ...[
    ' the',
    'and ',
    'ing',
    '\n\n',
    '<|end|>',
    '<|user|>',
    '<s>',
    '</s>',
    '<unk>',
    '<0x41>',
    '<|e',
    'nd|>',
    '[PAD420]',
  ],
)

function randomTexts(seed: number, count: number): string[] {
  const random = new Random(seed)
  return Array.from({ length: count }, () =>
    Array.from({ length: random.integer(1, 40) }, () => random.pick(fragments)).join(''),
  )
}

function expectSame(metadata: GgufMetadata, json: object, seed: number): void {
  const ours = loadGgufTokenizer(metadata).tokenizer
  const reference = loadTokenizerJson(json)
  for (const text of [...sampleTexts, ...randomTexts(seed, 400)]) {
    for (const mode of ['plain', 'recognise'] as const) {
      const ids = reference.encode(text, { special: mode })
      expect(ours.encode(text, { special: mode }), JSON.stringify(text)).toEqual(ids)
      expect(ours.decode(ids)).toBe(reference.decode(ids))
    }
  }
  expect(ours.vocabularySize).toBe(reference.vocabularySize)
  expect([...ours.specialTokens]).toEqual([...reference.specialTokens])
}

describe('the vocabulary of the model "llama"', () => {
  it('encodes and decodes as the tokenizer.json that it was made from', () => {
    expectSame(llama(), trained, 1)
  })

  it('merges by scores, leftmost first among joins to the same piece', () => {
    const tokens = ['<unk>', '<s>', '</s>', '▁', 'a', 'b', 'c', 'ab', 'bc', 'aa', 'aaa', 'abc']
    const idsOf = (scores: readonly number[], text: string): string[] => {
      const change = {
        'tokenizer.ggml.tokens': strings(tokens),
        'tokenizer.ggml.scores': floats(scores),
        'tokenizer.ggml.token_type': integers([2, 3, 3, ...Array<number>(9).fill(1)]),
      }
      return loadGgufTokenizer(llama(change)).tokenizer.tokenize(text)
    }
    const flat = Array<number>(7).fill(0)
    expect(idsOf([...flat, -1, -2, -9, -9, -9], 'abc')).toEqual(['▁', 'abc'])
    expect(idsOf([...flat, -1, -2, -9, -9, -9], 'bcab')).toEqual(['▁', 'bc', 'ab'])
    // "bc" before "ab", so that "abc" comes of a + bc, not ab + c.
    expect(idsOf([...flat, -2, -1, -9, -9, -9], 'abcb')).toEqual(['▁', 'abc', 'b'])
    expect(idsOf([...flat, -1, -2, -3, -4, -9], 'aaaaa')).toEqual(['▁', 'aa', 'aaa'])
  })

  it('takes white space behind control tokens for Phi-3, by architecture or by name', () => {
    const tokens = (change: Readonly<Record<string, GgufValue>>): string[] =>
      loadGgufTokenizer(llama(change)).tokenizer.tokenize('<|end|> \n the<|endoftext|> a', { special: 'recognise' })
    const stripped = ['<|end|> \n ', '▁the', '<|endoftext|>', '▁', '▁a']
    expect(tokens({})).toEqual(stripped)
    expect(tokens({ 'general.architecture': string('llama'), 'general.name': string('Tiny Phi-3 mini') })).toEqual(
      stripped,
    )
    expect(tokens({ 'general.architecture': string('llama') })[0]).toBe('<|end|>')
  })

  it('adds what the file says around every text', () => {
    const ids = (change: Readonly<Record<string, GgufValue | undefined>>): number[] =>
      loadGgufTokenizer(llama(change)).tokenizer.encode('the')
    const bare = ids({})
    expect(ids({ 'tokenizer.ggml.add_bos_token': undefined })).toEqual([1, ...bare])
    expect(ids({ 'tokenizer.ggml.add_eos_token': flag(true) })).toEqual([...bare, 2])
    const { tokenizer } = loadGgufTokenizer(llama({ 'tokenizer.ggml.add_bos_token': flag(true) }))
    expect(tokenizer.encode([special('<s>'), 'the'])).toEqual([1, ...bare])
    expect(tokenizer.encode('the', { addBos: false })).toEqual(bare)
    const spaceless = loadGgufTokenizer(llama({ 'tokenizer.ggml.add_space_prefix': flag(false) })).tokenizer
    expect(spaceless.tokenize('the')[0]).not.toMatch(/^▁/)
    expect(spaceless.decode(spaceless.encode(' the'))).toBe(' the')
  })

  it('leaves padding out, whatever type it has', () => {
    const { tokenizer } = loadGgufTokenizer(llama())
    const size = tokenizer.vocabularySize
    expect(tokenizer.idOf(`[PAD${size}]`)).toBeUndefined()
    expect(tokenizer.pieceOf(size)).toBeUndefined()
    expect(tokenizer.decode([size])).toBe('')
    const value = llama().get('tokenizer.ggml.token_type') as { value: Int32Array }
    const types = value.value.map((type) => (type === 5 ? 2 : type))
    expectSame(llama({ 'tokenizer.ggml.token_type': integers(types) }), trained, 2)
  })

  it('hands on the chat template and the names of its tokens', () => {
    const change = { 'tokenizer.chat_template': string('{{ bos_token }}') }
    expect(loadGgufTokenizer(llama(change)).config).toEqual({
      chatTemplate: '{{ bos_token }}',
      bosToken: '<s>',
      eosToken: '</s>',
    })
    expect(loadGgufTokenizer(byteLevel({ 'tokenizer.ggml.bos_token_id': undefined })).config.bosToken).toBeUndefined()
  })
})

describe('the vocabulary of the model "gpt2"', () => {
  it('encodes and decodes as the tokenizer.json that it was made from', () => {
    expectSame(byteLevel(), byteLevelJson(), 3)
  })

  it('splits as its pre-tokenizer says', () => {
    const tokens = (pre: string): string[] =>
      loadGgufTokenizer(byteLevel({ 'tokenizer.ggml.pre': string(pre) })).tokenizer.tokenize('1234a')
    expect(tokens('gpt-4o')).toEqual(tokens('dbrx'))
    expect(() => tokens('deepseek-llm')).toThrow(/tokenizer\.ggml\.pre.*"deepseek-llm"/)
    const none = { 'tokenizer.ggml.pre': undefined }
    expect(() => loadGgufTokenizer(byteLevel(none))).toThrow(/"default"/)
    const gpt2 = loadGgufTokenizer(byteLevel({ 'tokenizer.ggml.pre': string('gpt-2') })).tokenizer
    const json = { ...byteLevelJson(), pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false } }
    const reference = loadTokenizerJson(json)
    for (const text of randomTexts(4, 200)) expect(gpt2.encode(text)).toEqual(reference.encode(text))
  })

  it('adds what the file says around every text', () => {
    const end = loadTokenizerJson(byteLevelJson()).idOf('<|endoftext|>') as number
    const change = {
      'tokenizer.ggml.add_bos_token': flag(true),
      'tokenizer.ggml.add_eos_token': flag(true),
      'tokenizer.ggml.bos_token_id': integer(end),
      'tokenizer.ggml.eos_token_id': integer(end),
    }
    const bare = loadGgufTokenizer(byteLevel()).tokenizer.encode('the')
    expect(loadGgufTokenizer(byteLevel(change)).tokenizer.encode('the')).toEqual([end, ...bare, end])
  })
})

describe('hostile vocabularies', () => {
  it('are refused, naming what is wrong', () => {
    const refused = (change: Readonly<Record<string, GgufValue | undefined>>, message: RegExp, base = llama): void => {
      let error: unknown
      try {
        loadGgufTokenizer(base(change))
      } catch (thrown) {
        error = thrown
      }
      if (!(error instanceof PocketPhiError)) throw new Error('no PocketPhiError', { cause: error })
      expect(error.message).toMatch(message)
    }
    const key = (name: string, value: GgufValue | undefined): Record<string, GgufValue | undefined> => ({
      [`tokenizer.ggml.${name}`]: value,
    })
    refused(key('model', string('bert')), /tokenizer\.ggml\.model.*"bert"/)
    refused(key('model', undefined), /tokenizer\.ggml\.model.*nothing/)
    refused(key('tokens', undefined), /tokens/)
    refused(key('tokens', strings(['a'])), /token_type.*1 types.*448/)
    refused(key('tokens', integers([1])), /array of string/)
    refused(key('scores', undefined), /scores.*nothing/)
    refused(key('scores', floats([1])), /scores.*1/)
    refused(key('scores', floats(new Float32Array(448).fill(Number.NaN))), /finite/)
    refused(key('bos_token_id', integer(448)), /bos_token_id.*below 448/)
    refused({ ...key('add_bos_token', flag(true)), ...key('bos_token_id', integer(447)) }, /bos_token_id.*a token/)
    refused(key('add_bos_token', integer(1)), /add_bos_token.*bool/)
    const tokens = (llama().get('tokenizer.ggml.tokens') as { value: readonly string[] }).value
    refused(key('tokens', strings(tokens.map((token, id) => (id === 300 ? 'a' : token)))), /of its own.*"a"/)
    refused(key('tokens', strings(tokens.map((token, id) => (id === 300 ? 'x'.repeat(5000) : token)))), /4096/)
    refused(key('merges', undefined), /merges/, byteLevel)
    refused(key('merges', strings(['a'])), /merges\[0\].*two pieces/, byteLevel)
    refused(key('merges', strings(['a 🙂'])), /merges\[0\]/, byteLevel)
  })
})
