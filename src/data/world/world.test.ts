import { describe, expect, it } from 'vitest'
import { PocketPhiError } from '../../base/errors.ts'
import { capitalise } from './grammar.ts'
import {
  conversation,
  conversationMixture,
  document,
  documentMixture,
  generateConversations,
  generateDocuments,
  worldKinds,
} from './index.ts'
import { families } from './kinds/arithmetic-families.ts'
import { plots } from './kinds/story-plots.ts'
import { thingFacts } from './kinds/thing-facts.ts'
import { thingWordings } from './kinds/thing-wordings.ts'
import { worldStatistics } from './statistics.ts'
import { animals } from './tables/animals.ts'
import { things } from './tables/index.ts'
import { heldOutFemaleNames, heldOutMaleNames, trainingFemaleNames, trainingMaleNames } from './tables/names.ts'
import { heldOutNouns, trainingNouns } from './tables/nouns.ts'
import { parseThings } from './tables/parse.ts'
import { people } from './tables/people.ts'
import { landFacts, places } from './tables/places.ts'
import { smallTalk } from './tables/small-talk.ts'
import { problemWordings } from './wordings/arithmetic.ts'
import { landQuestions } from './wordings/places.ts'
import { smallTalkWordings } from './wordings/small-talk.ts'
import { plotQuestions } from './wordings/stories.ts'

const texts = [
  ...Array.from({ length: 2500 }, (_, index) => document(11, index).text),
  ...Array.from({ length: 2500 }, (_, index) =>
    conversation(11, index)
      .messages.map((message) => message.content)
      .join('\n'),
  ),
]

describe('the stream', () => {
  it('gives document i the same bytes in any order', () => {
    const order = [40, 3, 40, 17, 0, 3]
    const first = order.map((index) => document(5, index))
    const second = order.toReversed().map((index) => document(5, index))
    expect(second.toReversed()).toEqual(first)
    expect(first[0]).toEqual(first[2])
    expect(document(6, 40)).not.toEqual(document(5, 40))
    expect(conversation(5, 9)).toEqual(conversation(5, 9))
    expect(conversation(5, 9)).not.toEqual(conversation(5, 10))
  })

  it('resumes where it stopped', () => {
    const take = <T>(stream: Generator<T, never>, count: number): T[] =>
      Array.from({ length: count }, () => stream.next().value)
    const all = take(generateDocuments({ seed: 2 }), 30)
    expect(take(generateDocuments({ seed: 2, start: 20 }), 10)).toEqual(all.slice(20))
    const talks = take(generateConversations({ seed: 2 }), 12)
    expect(take(generateConversations({ seed: 2, start: 6 }), 6)).toEqual(talks.slice(6))
  })

  it('pins a document, so that a change of the generator is seen', () => {
    expect(document(1, 0, { kind: 'basics' }).text).toMatchInlineSnapshot(`
      "What comes before March?
      February comes before March.

      I mix black and white. What colour do I get?
      When you mix black and white, you get grey.

      What month comes after December?
      January comes after December.

      Which months are in autumn?
      The months of autumn are September, October and November.

      Which number comes before 11?
      The number before 11 is 10."
    `)
  })

  it('keeps to one kind, to a mixture, and refuses unknown kinds', () => {
    for (const { name } of worldKinds) expect(document(1, 3, { kind: name }).kind).toBe(name)
    const only = { ...Object.fromEntries(worldKinds.map(({ name }) => [name, 0])), places: 1 }
    for (let index = 0; index < 20; index++) expect(document(1, index, { mixture: only }).kind).toBe('places')
    expect(() => document(1, 0, { kind: 'none' })).toThrow(PocketPhiError)
    expect(() => document(1, 0, { mixture: { none: 1 } })).toThrow(PocketPhiError)
    expect(() => conversation(1, 0, { kind: 'dialogues' })).toThrow(PocketPhiError)
    expect(Object.keys(documentMixture)).toEqual(Object.keys(conversationMixture))
  })

  it('draws kinds by their weights', () => {
    const statistics = worldStatistics('documents', 3, 4000)
    const total = Object.values(documentMixture).reduce((sum, weight) => sum + weight, 0)
    for (const { kind, items } of statistics.kinds) {
      expect(Math.abs(items / 4000 - (documentMixture[kind] ?? 0) / total)).toBeLessThan(0.03)
    }
    expect(statistics.words.length).toBeGreaterThan(1000)
  })

  it('makes conversations of one to four exchanges that end with an answer', () => {
    for (let index = 0; index < 500; index++) {
      const { messages } = conversation(4, index)
      const turns = messages.filter((message) => message.role !== 'system')
      expect(turns.length).toBeGreaterThanOrEqual(2)
      expect(turns.length).toBeLessThanOrEqual(8)
      expect(turns.map((message) => message.role)).toEqual(turns.map((_, at) => (at % 2 === 0 ? 'user' : 'assistant')))
    }
  })
})

describe('the text', () => {
  it('has no open slot, no double blank and no blank at an end', () => {
    for (const text of texts) {
      expect(text).not.toMatch(/[{}|~^]|undefined|NaN| {2}|\n /)
      expect(text.trim()).toBe(text)
      expect(text.length).toBeGreaterThan(5)
    }
  })

  it('has the article that the next word asks for', () => {
    for (const text of texts) {
      // The word "a" as a vowel of the alphabet, and "I do not know what a ... is" of made-up words with a vowel.
      const wrong = text.match(/\b(?:a [aeio]\p{L}+|an [bcdfgjklmnpqrstvwxyz]\p{L}+)/giu) ?? []
      expect(
        wrong.filter((match) => !/^a (one|e, i)/i.test(match)),
        text,
      ).toEqual([])
    }
  })

  it('never says a thing in two ways', () => {
    // "A cow eats grass." and nothing else about what a cow eats.
    const eats = new Map(animals.map((animal) => [animal.name, animal.values.eats]))
    const wrong: string[] = []
    let seen = 0
    for (const text of texts) {
      for (const [all, name, food] of text.matchAll(/\bAn? (\p{L}+) eats ([\p{L} ]+)\./gu)) {
        const own = eats.get(name ?? '')
        if (own === undefined) continue
        seen++
        if (food !== own) wrong.push(all)
      }
    }
    expect(wrong).toEqual([])
    expect(seen).toBeGreaterThan(20)
  })

  it('lets nouns, verbs and pronouns agree', () => {
    const plurals = things.filter((thing) => thing.form === 'count' && thing.plural !== thing.name)
    const many = plurals.map((thing) => capitalise(thing.plural)).join('|')
    const wrong = new RegExp(`\\b(?:${many}) (?:is|has|does|eats|can [^.]*\\bits) `, 'g')
    const found = texts.flatMap((text) => text.match(wrong) ?? [])
    expect(found).toEqual([])
  })

  it('ends answers with a mark', () => {
    const answers = Array.from({ length: 1500 }, (_, index) => conversation(9, index).messages).flat()
    const open = answers.filter(({ role, content }) => role === 'assistant' && !/[.!?"]$/.test(content))
    expect(open).toEqual([])
  })
})

describe('the tables', () => {
  it('name every thing and person once', () => {
    expect(new Set(things.map((thing) => thing.name)).size).toBe(things.length)
    expect(new Set(people.map((person) => person.name)).size).toBe(people.length)
    expect(new Set(people.map((person) => person.petName)).size).toBe(people.length)
    expect(new Set(places.map((place) => place.name)).size).toBe(places.length)
    expect(things.length).toBeGreaterThan(240)
  })

  it('make friendship mutual and put everybody into a town', () => {
    const towns = new Set(places.map((place) => place.name))
    for (const person of people) {
      expect(people.find((other) => other.name === person.friend)?.friend).toBe(person.name)
      expect(towns.has(person.town)).toBe(true)
    }
    for (const place of places) {
      if (place.worker !== undefined) expect(people.map((person) => person.name)).toContain(place.worker)
    }
  })

  it('keep the cast, the training names and the reserved names apart', () => {
    const training = [...trainingFemaleNames, ...trainingMaleNames]
    const reserved = [...heldOutFemaleNames, ...heldOutMaleNames]
    const all = [...people.map((person) => person.name), ...training, ...reserved]
    expect(all.length - new Set(all).size).toBe(0)
    expect(reserved.length).toBeGreaterThanOrEqual(80)
    expect(training.length).toBeGreaterThan(300)
    const nouns = new Set(trainingNouns)
    const names = new Set(things.map((thing) => thing.name))
    expect(heldOutNouns.filter((noun) => nouns.has(noun) || names.has(noun))).toEqual([])
  })

  it('have wordings of both sides for every property', () => {
    for (const [property, wording] of Object.entries(thingWordings)) {
      expect(wording.direct.length, property).toBeGreaterThanOrEqual(3)
      expect(wording.heldOut.length, property).toBeGreaterThanOrEqual(2)
      for (const template of wording.heldOut) expect(wording.direct).not.toContain(template)
    }
    const share = thingFacts.filter((fact) => fact.heldOut).length / thingFacts.length
    expect(share).toBeGreaterThan(0.06)
    expect(share).toBeLessThan(0.14)
  })

  it('know what every added wording belongs to', () => {
    const unknown = (keys: object, names: readonly string[]): string[] =>
      Object.keys(keys).filter((key) => !names.includes(key))
    expect(
      unknown(
        smallTalkWordings,
        Array.from(smallTalk, ({ name }) => name),
      ),
    ).toEqual([])
    expect(
      unknown(
        problemWordings,
        Array.from(families, ({ name }) => name),
      ),
    ).toEqual([])
    expect(
      unknown(
        landQuestions,
        Array.from(landFacts, ({ questions }) => questions[0] ?? ''),
      ),
    ).toEqual([])
    expect(
      unknown(
        plotQuestions,
        Array.from(plots, ({ name }) => name),
      ),
    ).toEqual([])
    for (const { name, questions } of plots) expect(plotQuestions[name]?.length, name).toBe(questions.length)
  })

  it('refuse a torn row', () => {
    expect(() => parseThings('tool', ['kind', 'use'], 'saw | tool')).toThrow(PocketPhiError)
  })
})
