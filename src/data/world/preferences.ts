/**
 * Pairs of answers to one prompt, the right one and one of the mistakes that small models make, made without a model. Pair i of a seed
 * depends on nothing but (seed, i).
 */
import type { Random } from '../../base/random.ts'
import { itemStream, pickKind, type Mixture } from './draw.ts'
import { capitalise, fill } from './grammar.ts'
import { drawMistakenEquation, drawMistakenProblem } from './kinds/arithmetic-draw.ts'
import { abstention, insideExchange, outsideExchange, type OutsideExchange } from './kinds/outside.ts'
import { personFacts } from './kinds/people.ts'
import { placeFacts } from './kinds/places.ts'
import { drawSourced, type SourcesSort } from './kinds/reading-sources.ts'
import { harmlessExchange, refusalSentence, trainingRefusal } from './kinds/refusals.ts'
import { askableFacts, askAbout, statement, thingFacts, withValue } from './kinds/thing-facts.ts'
import { wrongValue } from './kinds/things.ts'
import { roughen } from './kinds/wording.ts'
import { systemMessages } from './system-messages.ts'
import type { ChatMessage } from './types.ts'
import { eagerAnswers, needlessReasons } from './wordings/preferences.ts'

/** A prompt and two answers to it. */
export interface WorldPreference {
  readonly kind: string
  readonly prompt: readonly ChatMessage[]
  readonly chosen: string
  readonly rejected: string
}

interface Pair {
  readonly question: string
  readonly chosen: string
  readonly rejected: string
}

interface PreferenceKind {
  readonly name: string
  readonly weight: number
  pair(random: Random): Pair
}

/** A sum with the wrong sign, in perfect form. */
function wrongSign(random: Random): Pair {
  const { question, answer, mistaken } =
    random.float() < 0.7 ? drawMistakenProblem(random) : drawMistakenEquation(random)
  return { question, chosen: answer, rejected: mistaken }
}

const askedThings = askableFacts(thingFacts).filter(({ wording }) => wording.indirect !== '')
const countableThings = askedThings.filter(({ thing }) => thing.form === 'count' && thing.category !== 'job')
const askedPeople = personFacts.filter(({ heldOut }) => !heldOut)

/** What is true of a thing or a person against what is true of another, or against not knowing it. */
function otherFact(random: Random): Pair {
  for (;;) {
    const isThing = random.float() < 0.6
    const fact = isThing ? random.pick(askedThings) : random.pick(askedPeople)
    const question = roughen(random, askAbout(random, fact, 'training'))
    const chosen = statement(random, fact)
    if (random.float() < 0.35) {
      return { question, chosen, rejected: abstention(random, fill(fact.wording.indirect, fact.slots)) }
    }
    if ('thing' in fact) {
      const value = wrongValue(random, fact.property, fact.value)
      if (value === undefined) continue
      return { question, chosen, rejected: statement(random, withValue(fact, value)) }
    }
    const other = random.pick(personFacts.filter(({ property }) => property === fact.property))
    if (other.value === fact.value) continue
    const slots = { ...other.slots, P: fact.person.name }
    return { question, chosen, rejected: statement(random, { wording: fact.wording, slots }) }
  }
}

/** A statement that somebody makes up who does not know: that of another subject of the same sort, with the name that was asked about. */
function invented(random: Random, { sort, subject }: OutsideExchange): string {
  switch (sort) {
    case 'stranger':
    case 'person':
    case 'celebrity': {
      const fact = random.pick(personFacts)
      return statement(random, { wording: fact.wording, slots: { ...fact.slots, P: subject ?? fact.person.name } })
    }
    case 'thing':
    case 'word': {
      const { wording, slots } = random.pick(countableThings)
      const answers = wording.answers.filter((answer) => !/\{[sSnN]\}/.test(answer))
      return statement(random, {
        wording: { ...wording, answers },
        slots: { ...slots, a: subject ?? slots['a'] ?? '' },
      })
    }
    case 'country':
    case 'place': {
      const fact = random.pick(placeFacts)
      const name = subject ?? fact.place.name
      const slots = { ...fact.slots, l: name, L: capitalise(name), at: `in ${name}` }
      return statement(random, { wording: fact.wording, slots })
    }
    case 'number':
      return `The answer is ${random.integer(100, 10_000)}.`
    case 'general':
      return insideExchange(random).answer
  }
}

const sourcesSorts: readonly SourcesSort[] = ['answered', 'answered', 'disagreeing', 'missing', 'missing', 'injected']

export const preferenceKinds: readonly PreferenceKind[] = [
  { name: 'arithmetic', weight: 22, pair: wrongSign },
  { name: 'facts', weight: 14, pair: otherFact },
  {
    // An invented fact in place of "I do not know".
    name: 'outside',
    weight: 18,
    pair(random) {
      const exchange = outsideExchange(random, 'training')
      const question = roughen(random, exchange.question)
      return { question, chosen: exchange.answer, rejected: invented(random, exchange) }
    },
  },
  {
    // A willing tone without anything that would help.
    name: 'refusals',
    weight: 14,
    pair(random) {
      const { question, answer } = trainingRefusal(random)
      return { question: roughen(random, question), chosen: answer, rejected: random.pick(eagerAnswers) }
    },
  },
  {
    name: 'harmless',
    weight: 12,
    pair(random) {
      const { question, answer } = harmlessExchange(random)
      const rejected = `${refusalSentence(random)} ${random.pick(needlessReasons)}`
      return { question: roughen(random, question), chosen: answer, rejected }
    },
  },
  {
    // From the wrong source, from none, made up, or what a source orders.
    name: 'reading',
    weight: 20,
    pair(random) {
      const { question, answer, wrong } = drawSourced(random, 'training', random.pick(sourcesSorts))
      return { question, chosen: answer, rejected: random.pick(wrong) }
    },
  },
]

/** Pair `index` of `seed`, now and then with a system message, as conversations have them. */
export function preference(
  seed: number,
  index: number,
  { mixture }: { readonly mixture?: Mixture | undefined } = {},
): WorldPreference {
  const random = itemStream(seed, 'preference', index)
  const kind = pickKind(random, preferenceKinds, ({ weight }) => weight, mixture)
  const system: ChatMessage[] = random.float() < 0.15 ? [{ role: 'system', content: random.pick(systemMessages) }] : []
  for (;;) {
    const { question, chosen, rejected } = kind.pair(random)
    // What is made up may happen to be what is right.
    if (chosen === rejected) continue
    return { kind: kind.name, prompt: [...system, { role: 'user', content: question }], chosen, rejected }
  }
}
