/**
 * The measures against the rules of lm-evaluation-harness, restated here in other words: `multiple_choice` with `acc` and `acc_norm`,
 * the probability mass of TruthfulQA, `exact_match` behind a filter.
 */
import { describe, expect, test } from 'vitest'
import { Random } from '../../base/random.ts'
import { accuracy, exactMatch, extracted, normalisedAccuracy, probabilityOfTruths } from './measures.ts'
import type { ChoiceItem } from './types.ts'

const itemOf = (texts: readonly string[], truths: readonly number[]): ChoiceItem => ({
  id: 'x',
  group: '',
  solved: '',
  truths,
  options: texts.map((text) => ({ context: 'Q:', text })),
})

/** argmax as numpy has it, by ordering: the greatest, and of equal ones the first. */
function argmax(values: readonly number[]): number {
  const order = values.map((value, place) => ({ value, place }))
  order.sort((left, right) => right.value - left.value || left.place - right.place)
  return order[0]?.place ?? -1
}

function randomCase(random: Random): { item: ChoiceItem; logLikelihoods: number[] } {
  const count = random.integer(2, 6)
  const texts = Array.from({ length: count }, () =>
    'é😀ab '.repeat(random.integer(1, 9)).slice(0, random.integer(2, 40)),
  )
  const truths = [...new Set(Array.from({ length: random.integer(1, count) }, () => random.integer(0, count)))]
  // Few different values, so that some are equal.
  const logLikelihoods = texts.map(() => -random.integer(1, 30) / 2)
  return { item: itemOf(texts, truths), logLikelihoods }
}

describe('options', () => {
  const cases = Array.from({ length: 500 }, (_, seed) => randomCase(new Random(seed)))

  test('acc takes the likeliest', () => {
    const found = cases.map(({ item, logLikelihoods }) => accuracy(item, logLikelihoods))
    const restated = cases.map(({ item, logLikelihoods }) => Number(item.truths.includes(argmax(logLikelihoods))))
    expect(found).toEqual(restated)
    expect(new Set(found)).toEqual(new Set([0, 1]))
  })

  test('acc_norm takes the likeliest by character, as Python counts them', () => {
    const pythonLength = (text: string): number => Array.from(text).reduce((count) => count + 1, 0)
    const found = cases.map(({ item, logLikelihoods }) => normalisedAccuracy(item, logLikelihoods))
    const restated = cases.map(({ item: { options, truths }, logLikelihoods }) => {
      const perCharacter: number[] = []
      for (const [place, value] of logLikelihoods.entries()) {
        perCharacter.push(value / pythonLength(options[place]?.text ?? ''))
      }
      return Number(truths.includes(argmax(perCharacter)))
    })
    expect(found).toEqual(restated)
    expect(found).not.toEqual(cases.map(({ item, logLikelihoods }) => accuracy(item, logLikelihoods)))
  })

  test('mc2 is the share of the right options in the sum of probabilities', () => {
    for (const { item, logLikelihoods } of cases) {
      let [right, wrong] = [0, 0]
      for (const [place, value] of logLikelihoods.entries()) {
        if (item.truths.includes(place)) right += Math.exp(value)
        else wrong += Math.exp(value)
      }
      expect(probabilityOfTruths(item, logLikelihoods)).toBeCloseTo(right / (right + wrong), 12)
    }
  })

  test('mc2 of options that are too unlikely for float64', () => {
    expect(probabilityOfTruths(itemOf(['a', 'b'], [0]), [-2000, -2000])).toBe(0.5)
    expect(probabilityOfTruths(itemOf(['a', 'b', 'c'], [0, 2]), [-2000, -2000 - Math.log(2), -3000])).toBeCloseTo(2 / 3)
  })

  test('a long option may win by character and lose in all', () => {
    const item = itemOf(['short', 'a much longer option'], [1])
    expect([accuracy(item, [-6, -12]), normalisedAccuracy(item, [-6, -12])]).toEqual([0, 1])
  })
})

describe('texts', () => {
  test.each([
    ['first', 'it is 5. it is 7.', '5'],
    ['last', 'it is 5. it is 7.', '7'],
    ['first', 'nothing', '[invalid]'],
  ] as const)('the %s of %j', (which, text, found) => {
    expect(extracted(text, /it is ([0-9]+)/g, which)).toBe(found)
  })

  test('the group that took something counts', () => {
    expect(extracted('b', /(a)|(b)/g)).toBe('b')
  })

  test('punctuation is that of ASCII', () => {
    const punctuation = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~'
    expect(exactMatch(`a${punctuation}b`, ['ab'], { ignorePunctuation: true })).toBe(1)
    expect(exactMatch('a–b', ['ab'], { ignorePunctuation: true })).toBe(0)
    expect(exactMatch('a b1', ['ab1'], { ignorePunctuation: true })).toBe(0)
  })

  test('case, and any of several answers', () => {
    expect(exactMatch('PARIS', ['London', 'Paris'], { ignoreCase: true })).toBe(1)
    expect(exactMatch('PARIS', ['London', 'Paris'])).toBe(0)
    expect(exactMatch('1,000', ['1000'], { ignored: [/,/g] })).toBe(1)
  })
})
