import { describe, expect, test } from 'vitest'
import { readDecoder, readNormalizer, readPostProcessor, readPreTokenizer } from './components.ts'

const sequence = (list: string, ...steps: unknown[]): object => ({ type: 'Sequence', [list]: steps })

describe('normalizers', () => {
  test('run one after the other, nested ones in their place', () => {
    const normalize = readNormalizer(
      sequence(
        'normalizers',
        { type: 'NFC' },
        sequence('normalizers', { type: 'Replace', pattern: { Regex: '[0-9]+' }, content: '$&' }),
        { type: 'Replace', pattern: { String: '.' }, content: '!' },
        { type: 'Prepend', prepend: '▁' },
      ),
    )
    // The content of a replacement is plain text in both forms.
    expect(normalize('u\u0308 12 3.')).toBe('▁ü $& $&!')
    expect(normalize('')).toBe('')
    expect(readNormalizer(null)('as it is')).toBe('as it is')
  })

  test('of Unicode are those of Unicode', () => {
    const text = 'ﬁ é e\u0301'
    for (const form of ['NFC', 'NFD', 'NFKC', 'NFKD'] as const) {
      expect(readNormalizer({ type: form })(text)).toBe(text.normalize(form))
    }
  })
})

describe('steps that lengthen a text without end', () => {
  const times = 60
  const doubling = { type: 'Replace', pattern: { String: 'a' }, content: 'aa' }
  const steps = Array.from({ length: times }, () => doubling)

  test('are refused as normalizers', () => {
    const normalize = readNormalizer(sequence('normalizers', ...steps))
    expect(normalize('no such letter')).toContain('such')
    expect(() => normalize('a')).toThrow(/normalizer.*characters of 1/s)
  })

  test('are refused as pre-tokenizers', () => {
    const byteLevel = { type: 'ByteLevel', add_prefix_space: false, use_regex: false }
    const split = readPreTokenizer(sequence('pretokenizers', ...Array.from({ length: times }, () => byteLevel)))
    expect(() => split('é')).toThrow(/pre_tokenizer/)
  })

  test('are refused as decoders', () => {
    const decoder = readDecoder(sequence('decoders', ...steps, { type: 'Fuse' }))
    expect(() => decoder.start(false).push('a', false)).toThrow(/decoder/)
  })
})

describe('pre-tokenizers', () => {
  test('cut what the one before has left', () => {
    const split = readPreTokenizer(
      sequence(
        'pretokenizers',
        { type: 'Split', pattern: { String: '.' }, behavior: 'Isolated' },
        { type: 'Split', pattern: { Regex: '[a-z]+' }, behavior: 'Removed', invert: true },
      ),
    )
    expect(split('ab1.c')).toEqual(['ab', 'c'])
    expect(readPreTokenizer(undefined)('one piece')).toEqual(['one piece'])
  })
})

describe('post-processors', () => {
  const ids = new Map([
    ['<s>', 1],
    ['</s>', 2],
  ])
  const token = (id: string): object => ({ SpecialToken: { id, type_id: 0 } })
  const text = { Sequence: { id: 'A', type_id: 0 } }
  const template = (...single: object[]): object => ({
    type: 'TemplateProcessing',
    single,
    special_tokens: { '<s>': { ids: [1] }, '</s>': { ids: [2, 2] }, '<x>': { ids: [9] } },
  })

  test('put ids before and after', () => {
    const read = readPostProcessor(
      sequence('processors', { type: 'ByteLevel' }, template(token('<s>'), text, token('</s>'))),
      ids,
    )
    expect(read).toEqual({ before: [1], after: [2, 2] })
    expect(readPostProcessor(null, ids)).toEqual({ before: [], after: [] })
    expect(readPostProcessor({ type: 'TemplateProcessing', single: [text] }, ids)).toEqual({ before: [], after: [] })
  })

  test.each([
    ['a second text', template({ Sequence: { id: 'B' } }), 'invalid-file'],
    ['no text', template(token('<s>')), 'invalid-file'],
    ['the text twice', template(text, text), 'invalid-file'],
    ['a token without ids', template(token('<y>'), text), 'invalid-file'],
    ['a token that is in no vocabulary', template(token('<x>'), text), 'invalid-file'],
    ['two templates', sequence('processors', template(text), template(text)), 'not-supported'],
    ['another type', { type: 'BertProcessing' }, 'not-supported'],
  ])('with %s are refused', (_, json, code) => {
    expect(() => readPostProcessor(json, ids)).toThrow(expect.objectContaining({ code }))
  })
})

describe('decoders', () => {
  const strip = (fields: object): object => ({ type: 'Strip', content: ' ', start: 1, stop: 0, ...fields })
  const replace = { type: 'Replace', pattern: { String: '▁' }, content: ' ' }

  function decode(json: unknown, pieces: readonly string[]): string {
    const run = readDecoder(json).start(false)
    return pieces.map((piece) => run.push(piece, false)).join('') + run.flush()
  }

  test('without one, pieces stand apart', () => {
    expect(decode(null, ['a', 'b', '', 'c'])).toBe('a b  c')
    expect(readDecoder(null).bytes('é', false)).toEqual(Uint8Array.of(0xc3, 0xa9))
  })

  test('of SentencePiece replace, join bytes and strip', () => {
    const steps = [replace, { type: 'ByteFallback' }, { type: 'Fuse' }, strip({})]
    expect(decode(sequence('decoders', ...steps), ['▁a', '<0xC3>', '<0xBC>', '▁b'])).toBe('aü b')
    expect(decode(sequence('decoders', replace, { type: 'Fuse' }), ['▁a', '<0xC3>'])).toBe(' a<0xC3>')
  })

  test('of bytes leave a piece that is no spelling of bytes as it is', () => {
    expect(decode({ type: 'ByteLevel' }, ['Ġa', 'Ã', '¼', '한'])).toBe(' aü한')
  })

  test.each([
    ['bytes before replacing', [{ type: 'ByteFallback' }, replace], 'not-supported'],
    ['stripping every piece', [replace, strip({})], 'not-supported'],
    ['fusing twice', [{ type: 'Fuse' }, { type: 'Fuse' }], 'not-supported'],
    ['a step after ByteLevel', [{ type: 'ByteLevel' }, { type: 'Fuse' }], 'not-supported'],
    ['an unknown step', [{ type: 'WordPiece' }], 'not-supported'],
    ['a replacement by a regular expression', [{ ...replace, pattern: { Regex: 'a' } }], 'not-supported'],
    ['stripping the end', [{ type: 'Fuse' }, strip({ stop: 1 })], 'not-supported'],
    ['stripping two characters', [{ type: 'Fuse' }, strip({ content: 'ab' })], 'invalid-file'],
    ['stripping a negative number', [{ type: 'Fuse' }, strip({ start: -1 })], 'invalid-file'],
  ])('with %s are refused', (_, steps, code) => {
    expect(() => readDecoder(sequence('decoders', ...steps))).toThrow(expect.objectContaining({ code }))
  })
})

describe('what is refused everywhere', () => {
  test('sequences without end, of too many steps or of the wrong type', () => {
    let nested: object = { type: 'NFC' }
    for (let depth = 0; depth < 9; depth++) nested = sequence('normalizers', nested)
    expect(() => readNormalizer(nested)).toThrow(/nested/)
    const many = Array.from({ length: 257 }, () => ({ type: 'NFC' }))
    expect(() => readNormalizer(sequence('normalizers', ...many))).toThrow(/256/)
    expect(() => readNormalizer(sequence('others'))).toThrow(expect.objectContaining({ code: 'invalid-file' }))
  })

  test.each([
    [() => readNormalizer({ type: 'Lowercase' }), 'not-supported'],
    [() => readPreTokenizer({ type: 'Metaspace' }), 'not-supported'],
    [() => readPreTokenizer({ type: 'Split', pattern: { String: 'a' }, behavior: 'Dropped' }), 'invalid-file'],
    [() => readPreTokenizer({ type: 'Split', pattern: { String: '' }, behavior: 'Removed' }), 'invalid-file'],
    [
      () => readPreTokenizer({ type: 'Split', pattern: { String: 'a' }, behavior: 'Removed', invert: 1 }),
      'invalid-file',
    ],
    [() => readNormalizer({ type: 'Replace', pattern: {}, content: '' }), 'invalid-file'],
    [() => readNormalizer({ type: 'Prepend' }), 'invalid-file'],
    [() => readDecoder(sequence('decoders', { type: ['Fuse'] })), 'not-supported'],
  ])('%s', (read, code) => {
    expect(read).toThrow(expect.objectContaining({ code }))
  })
})
