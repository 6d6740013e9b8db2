import { Tokenizer as ReferenceTokenizer } from '@huggingface/tokenizers'
import { describe, expect, it } from 'vitest'
import { Random } from '../base/random.ts'
import { trainTokenizer, type TokenizerJson } from './bpe-trainer.ts'
import { sampleTexts } from './tokenizer-cases.ts'
import { loadTokenizerJson } from './tokenizer-json.ts'

const json = trainTokenizer(sampleTexts, { vocabularySize: 420 })
const tokenizer = loadTokenizerJson(JSON.parse(JSON.stringify(json)))

describe('trainTokenizer', () => {
  it('meets the size exactly and lays the ids out like Phi-3', () => {
    expect(tokenizer.vocabularySize).toBe(420)
    expect(Object.keys(json.model.vocab).length + 11).toBe(420)
    expect(new Set([...Object.values(json.model.vocab), ...json.added_tokens.map((token) => token.id)]).size).toBe(420)
    expect([0, 1, 2, 3, 13, 258].map((id) => tokenizer.pieceOf(id))).toEqual([
      '<unk>',
      '<s>',
      '</s>',
      '<0x00>',
      '<0x0A>',
      '<0xFF>',
    ])
    expect(tokenizer.idOf('<|endoftext|>')).toBe(409)
    expect(tokenizer.idOf('<|assistant|>')).toBe(410)
    expect(tokenizer.idOf('<|user|>')).toBe(419)
  })

  it('never merges across a word boundary, nor digits, nor letters with other characters', () => {
    const merged = json.model.merges.map((merge) => merge.replace(' ', ''))
    expect(merged.length).toBeGreaterThan(50)
    for (const piece of merged) {
      expect(piece.slice(1)).not.toContain('▁')
      expect(piece).not.toMatch(/\p{Nd}/u)
      expect(piece).toMatch(/^▁?(?:[\p{L}\p{M}]+|[^\p{L}\p{M}\p{Nd}]*)$/u)
    }
  })

  it('lists each merge once', () => {
    expect(new Set(json.model.merges).size).toBe(json.model.merges.length)
  })

  it('does not depend on the order of the texts', () => {
    expect(trainTokenizer([...sampleTexts].reverse(), { vocabularySize: 420 })).toEqual(json)
  })

  it('merges the most frequent pair first, ties by the smaller ids', () => {
    // Every pair occurs four times; ▁, a, b, c, d have rising ids.
    const small = trainTokenizer(['ab ab ab ab cd cd cd cd'], { vocabularySize: 259 + 5 + 4 + 11 })
    expect(small.model.merges).toEqual(['▁ a', '▁ c', '▁a b', '▁c d'])
  })

  it('never learns a piece that is the name of a byte or token', () => {
    const texts = Array.from({ length: 50 }, () => '<<>> <<>> <<>>')
    const trained = trainTokenizer(texts, { vocabularySize: 259 + 3 + 2 + 1, controlTokens: ['<<'] })
    expect(Object.keys(trained.model.vocab)).not.toContain('<<')
    expect(trained.model.merges.map((merge) => merge.replace(' ', ''))).not.toContain('<<')
  })

  it('refuses sizes that the texts cannot fill or that hold not even the bytes', () => {
    expect(() => trainTokenizer(['ab ab'], { vocabularySize: 2048 })).toThrow(/too few/)
    expect(() => trainTokenizer(['ab ab'], { vocabularySize: 100 })).toThrow(/too small/)
  })

  it('refuses control tokens that are empty, that repeat each other, or that are pieces already', () => {
    for (const controlTokens of [[''], ['<|a|>', '<|a|>'], ['<s>'], ['<0x41>']]) {
      expect(() => trainTokenizer(['ab ab'], { vocabularySize: 300, controlTokens })).toThrow(
        /different from each other/,
      )
    }
  })

  it('leaves the rarest characters to bytes, which cut a word in two', () => {
    const texts = [...new Array<string>(20).fill('aßb'), ...new Array<string>(200).fill('cdefghij')]
    const trainedTo = (merges: number): TokenizerJson =>
      trainTokenizer(texts, { vocabularySize: 259 + 11 + merges, characterCoverage: 0.985, controlTokens: [] })
    const trained = trainedTo(9)
    expect(trained.model.vocab).not.toHaveProperty('ß')
    expect(trained.model.merges.at(-1)).toBe('▁ a')
    // Across the ß there is nothing to merge.
    expect(() => trainedTo(10)).toThrow(/too few/)
    const own = loadTokenizerJson(trained)
    expect(own.tokenize('aßb')).toEqual(['▁a', '<0xC3>', '<0x9F>', 'b'])
    expect(own.decode(own.encode('aßb'))).toBe('aßb')
  })

  it('encodes as the reference does and decodes to the same text', () => {
    const reference = new ReferenceTokenizer(JSON.parse(JSON.stringify(json)), {})
    const random = new Random(7)
    const alphabet = Array.from('aeinorst  \n\t0123.,<|>é한🙂▁').concat(
      'the',
      ' and',
      '<|end|>',
      '<|user|>\n',
      '<0x41>',
      'ing ',
    )
    for (let round = 0; round < 300; round++) {
      const text = Array.from({ length: random.integer(0, 40) }, () => random.pick(alphabet)).join('')
      const ids = tokenizer.encode(text, { special: 'recognise' })
      expect(ids, JSON.stringify(text)).toEqual(text === '' ? [] : reference.encode(text).ids)
      const plain = tokenizer.encode(text)
      expect(tokenizer.decode(plain)).toBe(text.replaceAll('▁', ' '))
      expect(Math.min(...plain, 1000)).toBeGreaterThan(2)
      expect(Math.max(...plain, 0)).toBeLessThan(409)
    }
  })
})
