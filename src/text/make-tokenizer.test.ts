import { Tokenizer as ReferenceTokenizer } from '@huggingface/tokenizers'
import { describe, expect, it } from 'vitest'
import { Random } from '../base/random.ts'
import { trainTokenizer } from './bpe-trainer.ts'
import { byteLevelJson, sampleTexts } from './tokenizer-cases.ts'
import { loadTokenizerJson } from './tokenizer-json.ts'
import type { Tokenizer } from './make-tokenizer.ts'

const json = trainTokenizer(sampleTexts, { vocabularySize: 420 })
const tokenizer = loadTokenizerJson(json)
const byteLevel = loadTokenizerJson(byteLevelJson())

function idOf(piece: string): number {
  const id = tokenizer.idOf(piece)
  if (id === undefined) throw new Error(`no piece ${piece}`)
  return id
}

function bytes(text: string): number[] {
  return Array.from(new TextEncoder().encode(text), (byte) => byte + 3)
}

function stream(source: Tokenizer, ids: readonly number[], skipSpecial = false): string[] {
  const detokenizer = source.startDecoding({ skipSpecial })
  return [...ids.map((id) => detokenizer.push(id)), detokenizer.flush()]
}

describe('startDecoding', () => {
  it('gives in all what decode gives, and never half a character', () => {
    const random = new Random(5)
    for (const source of [tokenizer, byteLevel]) {
      for (let round = 0; round < 400; round++) {
        const ids = Array.from({ length: random.integer(0, 30) }, () => random.integer(0, source.vocabularySize + 5))
        for (const skipSpecial of [false, true]) {
          const pieces = stream(source, ids, skipSpecial)
          expect(pieces.join('')).toBe(source.decode(ids, { skipSpecial }))
          for (const piece of pieces) expect(piece.isWellFormed()).toBe(true)
        }
      }
    }
  })

  it('gives each text back, a character only when it is whole', () => {
    for (const text of ['한국어 🙂 é', '👨‍👩‍👧\n\n', 'a\tb', ' the  river ', ...sampleTexts]) {
      for (const source of [tokenizer, byteLevel]) {
        const pieces = stream(source, source.encode(text))
        expect(pieces.join('')).toBe(text)
        expect(pieces.some((piece) => piece.includes('\ufffd'))).toBe(false)
      }
    }
  })

  it('emits words as they come', () => {
    expect(stream(tokenizer, [idOf('▁the'), idOf('▁the'), ...bytes('é'), idOf('▁the')])).toEqual([
      'the',
      ' the',
      '',
      '',
      'é the',
      '',
    ])
    const [first = '', ...rest] = stream(byteLevel, byteLevel.encode('é!'))
    expect([first, rest.join('')]).toEqual(['', 'é!'])
  })

  it('makes U+FFFD as the reference does', () => {
    const the = idOf('▁the')
    // SentencePiece: one for each byte of a run that is not UTF-8 as a whole, even if part of it is.
    expect(tokenizer.decode([the, ...bytes('é'), 0xff + 3, the])).toBe('the\ufffd\ufffd\ufffd the')
    expect(tokenizer.decode([...bytes('🙂').slice(0, 3)])).toBe('\ufffd\ufffd\ufffd')
    expect(tokenizer.decode([...bytes('é'), the])).toBe('é the')
    // Byte-level: one for each maximal part.
    const raw = (text: string): number[] => Array.from(new TextEncoder().encode(text))
    expect(byteLevel.decode([...raw('é'), 0xff, ...raw('🙂').slice(0, 3), 97])).toBe('é\ufffd\ufffda')
  })

  it('strips one space from the start of the whole, after special tokens were left out', () => {
    const end = idOf('<|end|>')
    const ids = [end, ...tokenizer.encode(' the river')]
    expect(tokenizer.decode(ids)).toBe('<|end|>  the river')
    expect(tokenizer.decode(ids, { skipSpecial: true })).toBe(' the river')
    expect(tokenizer.decode(tokenizer.encode('the'), { keepLeadingSpace: true })).toBe(' the')
    // `</s>` is not special in this family.
    expect(tokenizer.decode([2, end], { skipSpecial: true })).toBe('</s>')
  })

  it('joins bytes across special tokens that are left out', () => {
    const [first, second] = bytes('é') as [number, number]
    expect(tokenizer.decode([first, idOf('<|end|>'), second], { skipSpecial: true })).toBe('é')
    expect(tokenizer.decode([first, idOf('<|end|>'), second])).toBe('\ufffd<|end|>\ufffd')
  })

  it('leaves out ids without a piece', () => {
    expect(tokenizer.decode([idOf('▁the'), 5000, -1, idOf('▁the')])).toBe('the the')
  })

  it('decodes as an independent package does', () => {
    const reference = new ReferenceTokenizer(JSON.parse(JSON.stringify(json)), {})
    const random = new Random(9)
    for (let round = 0; round < 200; round++) {
      // No byte pieces: about broken UTF-8 that package differs from the reference.
      const ids = Array.from({ length: random.integer(1, 20) }, () => random.integer(259, 420))
      for (const skipSpecial of [false, true]) {
        expect(tokenizer.decode(ids, { skipSpecial })).toBe(
          reference.decode(ids, { skip_special_tokens: skipSpecial, clean_up_tokenization_spaces: false }),
        )
      }
    }
  })
})
