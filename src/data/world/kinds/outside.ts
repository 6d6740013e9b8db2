import type { Random } from '../../../base/random.ts'
import { fill, type Slots } from '../grammar.ts'
import { things } from '../tables/index.ts'
import { generic } from '../tables/parse.ts'
import { heldOutUnknownWords, inventedWord } from '../tables/names.ts'
import {
  celebrityQuestions,
  countryQuestions,
  generalOutside,
  realCountries,
  realPeople,
  strangerQuestions,
  unknownAboutPeople,
  unknownAboutPlaces,
  unknownAboutThings,
  type OutsideQuestion,
} from '../tables/outside.ts'
import { people } from '../tables/people.ts'
import { land, places } from '../tables/places.ts'
import type { Exchange, Split, WorldKind } from '../types.ts'
import * as more from '../wordings/outside.ts'
import { drawCharacter } from './arithmetic-draw.ts'
import { anyPersonExchange } from './people.ts'
import { anyPlaceExchange } from './places.ts'
import { anyThingExchange } from './things.ts'
import { questionAndAnswer, roughen } from './wording.ts'

export type OutsideSort =
  | 'country'
  | 'celebrity'
  | 'general'
  | 'stranger'
  | 'person'
  | 'place'
  | 'thing'
  | 'word'
  | 'number'

const sorts: readonly OutsideSort[] = [
  'country',
  'celebrity',
  'general',
  'general',
  'stranger',
  'stranger',
  'person',
  'place',
  'thing',
  'word',
  'number',
]

const endings = [
  `I only know the small world of ${land}.`,
  `I only know the things and people of ${land}.`,
  'That is outside my small world.',
  'I am a small model, and I did not learn that.',
  ...more.outsideEndings,
]

/** Says that the answer to what the clause asks is not known. */
export function abstention(random: Random, clause: string): string {
  const sentence = `I do not know ${clause}.`
  const chance = random.float()
  if (chance < 0.35) return sentence
  if (chance < 0.45) return `I am sorry, but ${sentence}`
  return `${sentence} ${random.pick(endings)}`
}

const trainingCountries = [...realCountries.training, ...more.moreCountries]
const trainingCelebrities = [...realPeople.training, ...more.morePeople]

/** What is asked cannot be known. */
export interface OutsideExchange extends Exchange {
  readonly sort: OutsideSort
  /** Whom or what it is about, as it stands in the question; nothing where the question has no such slot. */
  readonly subject: string | undefined
}

function from(
  random: Random,
  list: { training: readonly OutsideQuestion[]; heldOut: readonly OutsideQuestion[] },
  further: readonly OutsideQuestion[],
  split: Split,
  slots: Slots,
): Omit<OutsideExchange, 'sort'> {
  const chosen = random.pick(split === 'training' ? [...list.training, ...further] : list.heldOut)
  return {
    question: fill(chosen.question, slots),
    answer: abstention(random, fill(chosen.clause, slots)),
    subject: Object.values(slots)[0],
  }
}

/** A question that cannot be answered from the world, with an honest answer. */
export function outsideExchange(random: Random, split: Split, sort: OutsideSort = random.pick(sorts)): OutsideExchange {
  return { ...outsideQuestion(random, split, sort), sort }
}

function outsideQuestion(random: Random, split: Split, sort: OutsideSort): Omit<OutsideExchange, 'sort'> {
  switch (sort) {
    case 'country':
      return from(random, countryQuestions, more.countryOutside, split, {
        c: random.pick(split === 'training' ? trainingCountries : realCountries.heldOut),
      })
    case 'celebrity':
      return from(random, celebrityQuestions, more.celebrityOutside, split, {
        p: random.pick(split === 'training' ? trainingCelebrities : realPeople.heldOut),
      })
    case 'general':
      return from(random, generalOutside, more.generalOutside, split, {})
    case 'stranger':
      return from(random, strangerQuestions, more.strangerOutside, split, { P: drawCharacter(random, split).name })
    case 'person':
      return from(random, unknownAboutPeople, more.personOutside, split, { P: random.pick(people).name })
    case 'place':
      return from(random, unknownAboutPlaces, more.placeOutside, split, { l: random.pick(places).name })
    case 'thing': {
      const countable = things.filter(
        (thing) =>
          thing.form === 'count' &&
          thing.category !== 'job' &&
          thing.category !== 'body part' &&
          thing.category !== 'nature',
      )
      const thing = random.pick(countable)
      return from(random, unknownAboutThings, more.thingOutside, split, {
        a: generic(thing),
        n: thing.name,
        s: thing.plural,
      })
    }
    case 'word': {
      const word = unknownWord(random, split)
      const question = random.pick(
        split === 'training'
          ? [
              'What is {w}?',
              'What does a {n} look like?',
              'What colour is {w}?',
              'Tell me about {w}.',
              'What is {w} used for?',
              'Where can I find {w}?',
              'What does {w} eat?',
              ...more.unknownWordQuestions,
            ]
          : ['How would you explain what {w} is?', 'Name the colour of {w}.'],
      )
      const slots = { w: `a ${word}`, n: word }
      return { question: fill(question, slots), answer: abstention(random, `what a ${word} is`), subject: slots.w }
    }
    case 'number': {
      const big = (): number => random.integer(120, 5000)
      const [a, b] = split === 'training' ? [big(), big()] : [big() + 5000, big() + 5000]
      const sign = random.pick(['+', '-', '×', '÷'])
      return {
        question: random.pick(
          split === 'training'
            ? [`What is ${a} ${sign} ${b}?`, `${a} ${sign} ${b} = ?`, `How much is ${a} ${sign} ${b}?`]
            : [`Find the result: ${a} ${sign} ${b}.`],
        ),
        answer: random.pick([
          'I do not know. These numbers are too big for me.',
          'I do not know. I can only work with numbers up to 100.',
        ]),
        subject: undefined,
      }
    }
  }
}

/** A made-up word that no table knows. */
function unknownWord(random: Random, split: Split): string {
  return split === 'heldOut' ? random.pick(heldOutUnknownWords) : inventedWord((list) => random.pick(list), 2)
}

/** An answerable question of the same look, so that the border is learnt and not the look. */
export function insideExchange(random: Random): Exchange {
  return random.pick([anyThingExchange, anyPersonExchange, anyPlaceExchange])(random)
}

export const outsideKind: WorldKind = {
  name: 'outside',
  documentWeight: 4,
  conversationWeight: 8,

  document(random) {
    const pairs = Array.from({ length: random.integer(3, 7) }, () =>
      random.float() < 0.55 ? outsideExchange(random, 'training') : insideExchange(random),
    )
    return questionAndAnswer(random, pairs)
  },

  exchanges(random, turns) {
    return Array.from({ length: turns }, (_, index) => {
      const exchange =
        index === 0 || random.float() < 0.5 ? outsideExchange(random, 'training') : insideExchange(random)
      return { question: roughen(random, exchange.question), answer: exchange.answer }
    })
  },
}
