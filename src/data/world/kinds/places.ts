import type { Random } from '../../../base/random.ts'
import { capitalise, fill, type Slots } from '../grammar.ts'
import { isHeldOutFact } from '../held-out.ts'
import { people } from '../tables/people.ts'
import { landFacts, places, type LooseFact, type Place } from '../tables/places.ts'
import type { Exchange, WorldKind } from '../types.ts'
import { askAbout, pronounStatement, statement } from './thing-facts.ts'
import { landQuestions, placesDirect, placesFollowUps } from '../wordings/places.ts'
import { paragraph, questionAndAnswer, roughen, withMore, type Wording } from './wording.ts'

export type PlaceProperty = 'kind' | 'where' | 'known' | 'activity' | 'worker'

/** Slots: {l} the place ("Oakton", "the Silver River"), {at} "in Oakton", {v} the value, {w} the job of the worker. */
const wordings: Readonly<Record<PlaceProperty, Wording>> = {
  kind: {
    direct: ['What is {l}?', 'What kind of place is {l}?', 'What sort of place is {l}?'],
    heldOut: ['How would you explain to me what {l} is?', '{L}: what kind of place is that?'],
    indirect: 'what {l} is',
    followUps: ['What is it?', 'What kind of place is it?'],
    answers: ['{L} is {v}.'],
    pronoun: ['It is {v}.'],
  },
  where: {
    direct: ['Where is {l}?', 'Where can I find {l}?', 'Where does {l} lie?', 'In which part of Fernland is {l}?'],
    heldOut: ['How do I find {l} on the map?', 'Where would you point if I asked for {l}?'],
    indirect: 'where {l} is',
    followUps: ['Where is it?', 'And where is it?', 'Where can I find it?'],
    answers: ['{L} is {v}.', 'You can find {l} {v}.'],
    pronoun: ['It is {v}.', 'It lies {v}.'],
  },
  known: {
    direct: [
      'What is {l} known for?',
      'What is special about {l}?',
      'Why do people know {l}?',
      'For what is {l} known?',
    ],
    heldOut: ['What makes {l} famous?', 'What do people love about {l}?'],
    indirect: 'what {l} is known for',
    followUps: ['What is it known for?', 'And what is it known for?', 'What is special about it?'],
    answers: ['{L} is known for {v}.', 'People know {l} for {v}.'],
    pronoun: ['It is known for {v}.', 'People know it for {v}.'],
  },
  activity: {
    direct: ['What can you do {at}?', 'What can I do {at}?', 'What can people do {at}?', 'What is there to do {at}?'],
    heldOut: ['How could I spend a nice day {at}?', 'Why should I go to {l}?'],
    indirect: 'what people can do {at}',
    followUps: ['What can you do there?', 'And what can I do there?', 'What can people do there?'],
    answers: ['{At} you can {v}.', 'You can {v} {at}.'],
    pronoun: ['There you can {v}.', 'You can {v} there.'],
  },
  worker: {
    direct: ['Who works {at}?', 'Which person works {at}?', 'What is the name of the person who works {at}?'],
    heldOut: ['Whom will I meet at work {at}?'],
    indirect: 'who works {at}',
    followUps: ['Who works there?', 'And who works there?'],
    answers: ['{v} works {at}. {He} is {w}.', '{v} works {at}.'],
    pronoun: ['{v} works there.'],
  },
}

/** With the wordings that were added for training. */
export const placeWordings = withMore(wordings, placesDirect, placesFollowUps)

export interface PlaceFact {
  readonly place: Place
  readonly property: PlaceProperty
  readonly value: string
  readonly wording: Wording
  readonly slots: Slots
  readonly heldOut: boolean
}

export const placeFacts: readonly PlaceFact[] = places.flatMap((place) => {
  const worker = people.find((person) => person.name === place.worker)
  const values: [PlaceProperty, string][] = [
    ['kind', place.kind],
    ['where', place.where],
    ['known', place.known],
    ['activity', place.activity],
  ]
  if (worker !== undefined) values.push(['worker', worker.name])
  return values.map(([property, value]) => ({
    place,
    property,
    value,
    wording: placeWordings[property],
    slots: {
      ...{ l: place.name, L: capitalise(place.name), at: place.at, v: value },
      ...{ w: worker?.job ?? '', he: worker?.gender === 'female' ? 'she' : 'he' },
    },
    heldOut: isHeldOutFact(place.name, property),
  }))
})

export function factsAboutPlace(place: Place): PlaceFact[] {
  return placeFacts.filter((fact) => fact.place === place)
}

function portrait(random: Random, place: Place): string {
  const [first, ...rest] = factsAboutPlace(place)
  if (first === undefined) return ''
  return paragraph(random, [
    statement(random, first),
    ...random.shuffle(rest).map((fact) => pronounStatement(random, fact)),
  ])
}

const aboutQuestions = [
  'Tell me about {l}.',
  'What do you know about {l}?',
  'Can you tell me something about {l}?',
  'Describe {l}.',
  'What is {l} like?',
]

function looseExchange(random: Random, fact: LooseFact): Exchange {
  const questions = [...fact.questions, ...(landQuestions[fact.questions[0] ?? ''] ?? [])]
  return { question: random.pick(questions), answer: random.pick(fact.answers) }
}

export function anyPlaceExchange(random: Random): Exchange {
  const chance = random.float()
  if (chance < 0.25) return looseExchange(random, random.pick(landFacts))
  const place = random.pick(places)
  if (chance < 0.35)
    return { question: fill(random.pick(aboutQuestions), { l: place.name }), answer: portrait(random, place) }
  for (;;) {
    const fact = random.pick(placeFacts)
    if (!fact.heldOut) return { question: askAbout(random, fact, 'training'), answer: statement(random, fact) }
  }
}

export const placesKind: WorldKind = {
  name: 'places',
  documentWeight: 6,
  conversationWeight: 7,

  document(random) {
    const chance = random.float()
    if (chance < 0.4) {
      const chosen = random.shuffle(places.slice()).slice(0, random.integer(1, 5))
      return chosen.map((place) => portrait(random, place)).join('\n')
    }
    if (chance < 0.6) {
      const facts = random.shuffle(landFacts.slice()).slice(0, random.integer(3, 8))
      return facts.map((fact) => random.pick(fact.answers)).join(' ')
    }
    return questionAndAnswer(
      random,
      Array.from({ length: random.integer(3, 8) }, () => anyPlaceExchange(random)),
    )
  },

  exchanges(random, turns) {
    if (turns === 1) {
      const exchange = anyPlaceExchange(random)
      return [{ question: roughen(random, exchange.question), answer: exchange.answer }]
    }
    const place = random.pick(places)
    const facts = random.shuffle(factsAboutPlace(place).filter((fact) => !fact.heldOut))
    const result: Exchange[] = [
      random.float() < 0.5
        ? { question: fill(random.pick(aboutQuestions), { l: place.name }), answer: portrait(random, place) }
        : { question: `What is ${place.name}?`, answer: `${capitalise(place.name)} is ${place.kind}.` },
    ]
    if (isHeldOutFact(place.name, 'kind')) {
      result[0] = { question: fill(random.pick(aboutQuestions), { l: place.name }), answer: portrait(random, place) }
    }
    for (const fact of facts.slice(0, turns - 1)) {
      if (fact.property === 'kind') continue
      result.push({ question: fill(random.pick(fact.wording.followUps), fact.slots), answer: statement(random, fact) })
    }
    return result
  },
}
