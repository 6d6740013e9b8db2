import { describe, expect, it } from 'vitest'
import { trainTokenizer } from './bpe-trainer.ts'
import { ggufVocabulary } from './gguf-vocabulary.ts'
import { loadGgufTokenizer } from './tokenizer-gguf.ts'
import { loadTokenizerJson } from './tokenizer-json.ts'

const texts = [
  'the small phi reads a story about the sea and the old ship',
  'a reader asks how the ship sails and the model says that the wind helps',
  'hello there, how are you today? I am well, thank you.',
]
const json = trainTokenizer(texts, { vocabularySize: 340, characterCoverage: 1 })
const original = loadTokenizerJson(json)
const endIds = [original.idOf('<|endoftext|>'), original.idOf('<|end|>')] as number[]
const options = { rows: 400, bosId: 1, endIds, chatTemplate: '{{ messages }}' }
const read = loadGgufTokenizer(ggufVocabulary(json, options))

describe('ggufVocabulary', () => {
  it('has every piece at its id, of its kind', () => {
    const { tokenizer } = read
    expect(tokenizer.vocabularySize).toBe(original.vocabularySize)
    for (let id = 0; id < 400; id++) expect(tokenizer.pieceOf(id), `${id}`).toBe(original.pieceOf(id))
    expect(Object.fromEntries(tokenizer.specialTokens)).toEqual(Object.fromEntries(original.specialTokens))
    expect(read.config).toEqual({ chatTemplate: '{{ messages }}', bosToken: '<s>', eosToken: '<|endoftext|>' })
  })

  it('encodes as the tokenizer does', () => {
    const samples = [...texts, '', ' ', 'ship', '  two  spaces', 'öäü 🙂', 'line\nline', 'the ships say <|end|>']
    for (const text of samples) {
      expect(read.tokenizer.encode(text), text).toEqual(original.encode(text))
      expect(read.tokenizer.decode(read.tokenizer.encode(text)), text).toBe(original.decode(original.encode(text)))
    }
    const prompt = '<|user|>hello there<|end|><|assistant|>'
    const special = { special: 'recognise' } as const
    expect(read.tokenizer.encode(prompt, special)).toEqual(original.encode(prompt, special))
    expect(read.tokenizer.encode(prompt, special)).toContain(endIds[1])
  })

  it('says that texts begin with <s> where the tokenizer has them do so', () => {
    const bos = { type: 'TemplateProcessing', single: [{ SpecialToken: { id: '<s>' } }, { Sequence: { id: 'A' } }] }
    const withBos = { ...json, post_processor: { ...bos, special_tokens: { '<s>': { ids: [1] } } } }
    const { tokenizer } = loadGgufTokenizer(ggufVocabulary(withBos, options))
    expect(tokenizer.encode('ship')).toEqual([1, ...original.encode('ship')])
    expect(tokenizer.encode('ship')).toEqual(loadTokenizerJson(withBos).encode('ship'))
  })

  it('refuses byte-level vocabularies, and files that are no tokenizer', () => {
    const byteLevel = { ...json, model: { ...json.model, byte_fallback: false } }
    expect(() => ggufVocabulary(byteLevel, options)).toThrow(expect.objectContaining({ code: 'not-supported' }))
    expect(() => ggufVocabulary({ model: 1 }, options)).toThrow(expect.objectContaining({ code: 'invalid-file' }))
  })
})
