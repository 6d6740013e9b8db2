import { describe, expect, it } from 'vitest'
import { Random } from '../../../base/random.ts'
import { sourcedCheck } from '../../../eval/world/build-reading.ts'
import { scoreAnswer } from '../../../eval/world/score.ts'
import { citationsOf } from '../../../search/citations.ts'
import { queryFrom } from '../../../search/question.ts'
import { conversation, document } from '../index.ts'
import { readingTopics } from '../tables/reading.ts'
import type { Split } from '../types.ts'
import { injectedOrders, readingForms, readingFrames } from '../wordings/reading.ts'
import { drawFacts, drawSubject, writeText } from './reading-passage.ts'
import { drawSourced, queryExchange, type SourcesSort } from './reading-sources.ts'
import { hasReservedSyllable, madeUpWord } from './reading-values.ts'
import { drawOpenReading, drawReading } from './reading.ts'

const splits: readonly Split[] = ['training', 'heldOut']
const sorts: readonly SourcesSort[] = ['answered', 'agreeing', 'disagreeing', 'missing', 'injected']
const plain = { mixture: { reading: 1 }, kind: 'reading' }

/** Numbers of the sources of a question, in its order. */
const numbersIn = (question: string): number[] =>
  [...question.matchAll(/^\[(\d)\] /gm)].map(([, number]) => Number(number))

describe('texts', () => {
  it('hold every value of their facts, and name the subject before a pronoun', () => {
    const random = new Random(1)
    for (let index = 0; index < 300; index++) {
      const subject = drawSubject(random, 'training')
      const { text, facts } = writeText(random, 'training', drawFacts(random, 'training', subject, 3))
      expect(facts).toHaveLength(3)
      for (const { value } of facts) expect(text).toContain(value)
      const pronoun = text.search(/\b(?:He|She|Its|His|Her) /)
      if (pronoun >= 0) expect(text.indexOf(subject.slots['w'] ?? '')).toBeLessThan(pronoun)
    }
  })

  it('have forms and wordings of their own in the evaluation', () => {
    for (const topic of readingTopics) {
      expect(new Set(topic.properties.map(({ name }) => name)).size, topic.name).toBe(topic.properties.length)
      for (const { asks, heldOut, name } of topic.properties) {
        expect(asks.length, name).toBeGreaterThanOrEqual(4)
        expect(heldOut.length, name).toBeGreaterThanOrEqual(2)
        expect(heldOut.filter((ask) => asks.includes(ask))).toEqual([])
      }
    }
    for (const isHeldOut of [false, true]) {
      expect(readingForms.filter((form) => form.isHeldOut === isHeldOut).length).toBeGreaterThanOrEqual(3)
    }
  })

  it('have made-up words that the evaluation never has, and the other way round', () => {
    const random = new Random(2)
    for (const split of splits) {
      const words = Array.from({ length: 400 }, () => madeUpWord(random, split))
      expect(new Set(words.map(hasReservedSyllable))).toEqual(new Set([split === 'heldOut']))
      expect(new Set(words).size).toBeGreaterThan(300)
    }
  })
})

describe('questions', () => {
  it('are answered by their text, or left open', () => {
    const random = new Random(3)
    for (const split of splits) {
      for (let index = 0; index < 200; index++) {
        const { question, answer, value } = drawReading(random, split)
        expect(question).toContain(value)
        expect(answer).toContain(value)
        expect(drawOpenReading(random, split).answer).toBe('The text does not say.')
      }
    }
  })

  it.each(sorts)('with sources of which the sort is %s are answered from them alone', (sort) => {
    const random = new Random(4)
    for (const split of splits) {
      for (let index = 0; index < 200; index++) {
        const exchange = drawSourced(random, split, sort)
        const numbers = numbersIn(exchange.question)
        expect(numbers).toEqual(numbers.map((_, at) => at + 1))
        const { cited, unknown, isUnanswered } = citationsOf(exchange.answer, numbers.length)
        expect([cited, unknown]).toEqual([exchange.cited, []])
        expect(isUnanswered).toBe(exchange.values.length === 0)
        for (const value of exchange.values) expect(exchange.question).toContain(value)
        if (sort === 'missing') expect(exchange.cited).toEqual([])
        if (sort === 'agreeing') expect([exchange.cited.length, exchange.values.length]).toEqual([2, 1])
        if (sort === 'disagreeing') expect([exchange.cited.length, exchange.values.length]).toEqual([2, 2])
        if (sort === 'injected') expect(exchange.question).toContain(exchange.ordered)
      }
    }
  })

  it('have a rule that the right answer passes and every wrong one fails', () => {
    const random = new Random(5)
    for (let index = 0; index < 600; index++) {
      const exchange = drawSourced(random, 'heldOut', random.pick(sorts))
      const row = { id: 'x', kind: 'reading', question: exchange.question, check: sourcedCheck(exchange) }
      expect(scoreAnswer(row, exchange.answer).right, exchange.answer).toBe(true)
      for (const answer of exchange.wrong) expect(scoreAnswer(row, answer).right, answer).toBe(false)
    }
  })

  it('are searched for by the name of what they are about', () => {
    const random = new Random(8)
    for (let index = 0; index < 200; index++) {
      const { question, answer } = queryExchange(random)
      expect(queryFrom(answer, [question])).toBe(answer)
      expect(question).toContain(answer.split(' ')[0])
    }
  })

  it('fit into the context of phi-nano with their sources', () => {
    const random = new Random(6)
    for (let index = 0; index < 2000; index++) {
      const { question, answer } = drawSourced(random, 'training', random.pick(sorts))
      // Some three characters a token.
      expect(question.length + answer.length).toBeLessThan(1300)
    }
  })
})

describe('training', () => {
  const texts = Array.from({ length: 1500 }, (_, index) => [
    document(7, index, plain).text,
    ...conversation(7, index, plain).messages.map(({ content }) => content),
  ]).flat()

  it('has nothing that is reserved', () => {
    const reserved = [
      ...readingFrames.heldOut,
      ...injectedOrders.heldOut,
      ...readingForms.filter(({ isHeldOut }) => isHeldOut).flatMap(({ opens }) => opens),
    ]
      .map((template) => template.split(/\{[snqpw]\}/)[0]?.trim() ?? '')
      .filter((text) => text.length > 3)
    expect(reserved.length).toBeGreaterThan(8)
    expect(texts.flatMap((text) => reserved.filter((one) => text.includes(one)))).toEqual([])
  })

  it('has well-formed sentences', () => {
    for (const text of texts) {
      expect(text).not.toMatch(/[{}|~^]|undefined|NaN| {2}|\n /)
      expect(text.trim()).toBe(text)
      expect(text.match(/\b(?:a [aeio]\p{L}+|an [bcdfgjklmnpqrstvwxyz]\p{L}+|of (?:he|she)\b)/giu) ?? [], text).toEqual(
        [],
      )
    }
  })

  it('is left out where a mixture does not name it', () => {
    for (let index = 0; index < 300; index++) {
      expect([document(8, index).kind, conversation(8, index).kind]).not.toContain('reading')
    }
  })
})
