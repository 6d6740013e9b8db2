import { describe, expect, it } from 'vitest'
import { Random } from '../base/random.ts'
import { loadTokenizerJson } from '../text/tokenizer-json.ts'
import { StopGate, stopIdsOf, stopStrings } from './stops.ts'
import { tinyTokenizerJson } from './tiny-model-harness.ts'

/** What a gate lets through of pieces, and at the end. */
function pass(stops: readonly string[], pieces: readonly string[]): { seen: string[]; found: string | undefined } {
  const gate = new StopGate(stops)
  const seen = pieces.map((piece) => gate.push(piece))
  seen.push(gate.flush())
  return { seen, found: gate.found }
}

describe('StopGate', () => {
  it('holds back what could be the beginning of a stop string, and no more', () => {
    expect(pass(['\nUser:'], ['Hi', '\n', 'Us', 'ed', '\nUse', 'r: you', ' more'])).toEqual({
      seen: ['Hi', '', '', '\nUsed', '', '', '', ''],
      found: '\nUser:',
    })
    expect(pass(['aab'], ['aa', 'ab'])).toEqual({ seen: ['', 'a', ''], found: 'aab' })
    expect(pass(['xyz'], ['ax', 'y'])).toEqual({ seen: ['a', '', 'xy'], found: undefined })
  })

  it('lets the same through however the text comes in pieces', () => {
    const random = new Random(11)
    for (let round = 0; round < 500; round++) {
      const text = Array.from({ length: random.integer(0, 14) }, () => random.pick(['a', 'b', 'c'])).join('')
      const stops = Array.from({ length: random.integer(1, 4) }, () =>
        Array.from({ length: random.integer(1, 4) }, () => random.pick(['a', 'b', 'c'])).join(''),
      )
      const pieces: string[] = []
      for (let at = 0; at < text.length;) {
        const size = random.integer(1, 5)
        pieces.push(text.slice(at, at + size))
        at += size
      }
      const whole = pass(stops, [text])
      const cut = pass(stops, pieces)
      expect(cut.seen.join('')).toBe(whole.seen.join(''))
      expect(cut.found).toBe(whole.found)
      const seen = cut.seen.join('')
      expect(stops.some((stop) => seen.includes(stop))).toBe(false)
      if (cut.found === undefined) expect(seen).toBe(text)
      else expect(text.startsWith(seen)).toBe(true)
    }
  })

  it('refuses empty stop strings', () => {
    expect(() => stopStrings(['a', ''])).toThrowError(/empty/)
    expect(stopStrings('a')).toEqual(['a'])
  })
})

describe('stopIdsOf', () => {
  const tokenizer = loadTokenizerJson(tinyTokenizerJson)
  const [endOfText, end] = ['<|endoftext|>', '<|end|>'].map((token) => tokenizer.idOf(token))

  it('are those of generation_config.json', () => {
    expect(stopIdsOf({ eos_token_id: 2 }, { eos_token_id: [5, 6] }, tokenizer)).toEqual([5, 6])
  })

  it('are those of config.json and the known end tokens without it', () => {
    expect(stopIdsOf({ eos_token_id: 2 }, undefined, tokenizer)).toEqual([2, endOfText, end])
    expect(stopIdsOf({ eos_token_id: [2, 7] }, {}, undefined)).toEqual([2, 7])
  })
})
