import type { Random } from '../../../base/random.ts'
import { capitalise, fill, listed } from '../grammar.ts'
import { isHeldOutFact } from '../held-out.ts'
import { things } from '../tables/index.ts'
import { generic, type PropertyName, type Thing } from '../tables/parse.ts'
import type { Exchange, Split, WorldKind } from '../types.ts'
import { comparisonExchange } from './comparisons.ts'
import {
  answerAbout,
  askableFacts,
  askAbout,
  factsAbout,
  factsByProperty,
  pronounStatement,
  singularStatement,
  statement,
  thingFacts,
} from './thing-facts.ts'
import { crossExchange } from './thing-questions.ts'
import { contentWords, paragraph, questionAndAnswer, roughen } from './wording.ts'

/** "Tell me about a dog." and its kin; the answer is a few facts. */
const aboutTraining = [
  'Tell me about {a}.',
  'What do you know about {a}?',
  'Can you tell me something about {a}?',
  'Describe {a}.',
  'Please describe {a}.',
  'What can you say about {a}?',
  'Tell me something about {a}.',
  'Write a few sentences about {a}.',
]
const aboutHeldOut = [
  'Give me a short text about {a}.',
  'I would love to hear about {a}.',
  'What should everybody know about {a}?',
]

export function portrait(random: Random, thing: Thing, sentences: number): string {
  const facts = factsAbout(thing)
  const first = facts.find((fact) => fact.property === 'kind') ?? facts[0]
  if (first === undefined) return ''
  // What a person with a job is, already says what that person does.
  const others = facts.filter((fact) => fact !== first && !(thing.category === 'job' && fact.property === 'does'))
  const rest = random.shuffle(others).slice(0, sentences - 1)
  const parts = [singularStatement(random, first)]
  for (const fact of rest) {
    parts.push(random.float() < 0.75 ? pronounStatement(random, fact) : singularStatement(random, fact))
  }
  return paragraph(random, parts)
}

export function aboutExchange(random: Random, thing: Thing, split: Split): Exchange {
  const question = fill(random.pick(split === 'training' ? aboutTraining : aboutHeldOut), { a: generic(thing) })
  return { question, answer: portrait(random, thing, random.integer(3, 5)) }
}

/** A value of the same property that a thing does not have: no content word in common. */
export function wrongValue(random: Random, property: PropertyName, value: string): string | undefined {
  const words = new Set(contentWords(value))
  const others = factsByProperty.get(property) ?? []
  for (let attempt = 0; attempt < 12; attempt++) {
    const other = random.pick(others).value
    // "Do you use a finger to put food on?" is hard to read.
    if (property === 'use' && / (on|in|at)$/.test(other)) continue
    if (!contentWords(other).some((word) => words.has(word))) return other
  }
  return undefined
}

/** Properties that make sensible yes-or-no questions: how to ask, to affirm, to deny. */
const yesNoForms: Readonly<Partial<Record<PropertyName, readonly [string, string, string]>>> = {
  kind: ['{Is} {a} {va}?', 'Yes, {a} {is} {va}.', 'No, {a} {is} not {wa}. {It} {is} {va}.'],
  colour: ['{Is} {a} {v}?', 'Yes, {a} {is} {v}.', 'No, {a} {is} not {w}. {It} {is} {v}.'],
  size: ['{Is} {a} {v}?', 'Yes, {a} {is} {v}.', 'No, {a} {is} not {w}. {It} {is} {v}.'],
  eats: ['{Does} {a} eat {v}?', 'Yes, {a} eats {v}.', 'No, {a} does not eat {w}. {It} eats {v}.'],
  lives: ['{Does} {a} live {v}?', 'Yes, {a} lives {v}.', 'No, {a} does not live {w}. {It} lives {v}.'],
  taste: ['{Does} {a} taste {v}?', 'Yes, {a} tastes {v}.', 'No, {a} does not taste {w}. {It} tastes {v}.'],
  made: ['{Is} {a} made of {v}?', 'Yes, {a} {is} made of {v}.', 'No, {a} {is} not made of {w}. {It} {is} made of {v}.'],
  use: ['Do you use {a} to {v}?', 'Yes, you use {a} to {v}.', 'No, you do not use {a} to {w}. You use {them} to {v}.'],
  wornOn: ['Do you wear {a} {v}?', 'Yes, you wear {a} {v}.', 'No, you do not wear {a} {w}. You wear {them} {v}.'],
  works: ['Does {a} work {v}?', 'Yes, {a} works {v}.', 'No, {a} does not work {w}. {It} works {v}.'],
}
const yesNoProperties = Object.keys(yesNoForms) as PropertyName[]

export function yesNoExchange(random: Random): Exchange {
  for (;;) {
    const property = random.pick(yesNoProperties)
    const forms = yesNoForms[property]
    const fact = random.pick(factsByProperty.get(property) ?? [])
    if (forms === undefined || fact.heldOut || (property === 'kind' && fact.thing.form === 'pair')) continue
    const [ask, affirm, deny] = forms
    if (random.float() < 0.5) return { question: fill(ask, fact.slots), answer: fill(affirm, fact.slots) }
    const wrong = wrongValue(random, property, fact.value)
    if (wrong === undefined || (property === 'kind' && !kindsExclude(fact.value, wrong))) continue
    const wrongWithArticle = wrong.startsWith('a ') ? wrong : `${/^[aeiou]/.test(wrong) ? 'an' : 'a'} ${wrong}`
    const slots = { ...fact.slots, w: wrong, wa: wrongWithArticle }
    const question = fill(ask, { ...slots, v: wrong, va: wrongWithArticle })
    return { question, answer: fill(deny, slots) }
  }
}

/** Kinds that no thing has together ("Is a carrot a food?" must not be denied). */
const sharpKinds = new Set(
  'mammal,bird,fish,insect,reptile,fruit,vegetable,drink,tree,flower,tool,musical instrument,vehicle,boat,aircraft,piece of clothing,piece of furniture,part of the body'.split(
    ',',
  ),
)

function kindsExclude(first: string, second: string): boolean {
  const vehicles = new Set(['vehicle', 'boat', 'aircraft'])
  if (vehicles.has(first) && vehicles.has(second)) return false
  return sharpKinds.has(first) && sharpKinds.has(second)
}

const lifeWords: Readonly<Record<string, boolean>> = {
  animal: true,
  plant: true,
  tool: false,
  household: false,
  toy: false,
  instrument: false,
  clothing: false,
  vehicle: false,
}
const categoryNames: Readonly<Record<string, string>> = {
  animal: 'animal',
  plant: 'plant',
  food: 'food',
  vehicle: 'vehicle',
  toy: 'toy',
  job: 'job',
}

const askedCategories: readonly string[] = ['animal', 'plant', 'vehicle']

/** Alive or not, and membership of the big categories. */
function lifeExchange(random: Random): Exchange {
  for (;;) {
    const thing = random.pick(things)
    const alive = lifeWords[thing.category]
    if (alive === undefined || isHeldOutFact(thing.name, 'alive')) continue
    const name = generic(thing)
    const is = thing.form === 'pair' ? 'are' : 'is'
    if (random.float() < 0.5) {
      const question = random.pick([`${capitalise(is)} ${name} alive?`, `${capitalise(is)} ${name} a living thing?`])
      const answer = alive
        ? `Yes, ${name} ${is} alive. ${thing.category === 'animal' ? 'It is an animal.' : 'It is a plant.'}`
        : `No, ${name} ${is} not alive.`
      if (alive && is === 'are') continue
      return { question, answer }
    }
    const own = categoryNames[thing.category] ?? ''
    // Its own category more often than by chance, so that the answer is not mostly no.
    const category = askedCategories.includes(own) && random.float() < 0.5 ? own : random.pick(askedCategories)
    if (is === 'are') continue
    const categoryWithArticle = `${category === 'animal' ? 'an' : 'a'} ${category}`
    const question = `Is ${name} ${categoryWithArticle}?`
    if (own === category) return { question, answer: `Yes, ${name} is ${categoryWithArticle}.` }
    return { question, answer: `No, ${name} is not ${categoryWithArticle}.` }
  }
}

/** "What do you use to cut wood?", "Who bakes bread?", "Name an animal that lives on a farm." */
function reverseExchange(random: Random): Exchange {
  for (;;) {
    const property = random.pick(['use', 'does', 'lives', 'kind', 'young'] as const)
    const fact = random.pick(factsByProperty.get(property) ?? [])
    const { thing, value, slots } = fact
    if (isHeldOutFact(thing.name, `reverse ${property}`)) continue
    const name = generic(thing)
    if (property === 'use' && thing.category !== 'body part' && thing.category !== 'plant') {
      const question = random.pick([
        `What do you use to ${value}?`,
        `What can I use to ${value}?`,
        `Which thing do people use to ${value}?`,
        `I want to ${value}. What do I need?`,
        `What do I need to ${value}?`,
      ])
      return { question, answer: random.pick([`You use ${name} to ${value}.`, `You can use ${name} to ${value}.`]) }
    }
    if (property === 'does' && thing.category === 'job') {
      const question = random.pick([
        `Who ${value}?`,
        `What do you call a person who ${value}?`,
        `Which person ${value}?`,
      ])
      return { question, answer: fill(random.pick(['{A} {v}.', 'A person who {v} is called {a}.']), slots) }
    }
    if (property === 'lives') {
      const question = random.pick([`Name an animal that lives ${value}.`, `Which animal lives ${value}?`])
      return { question, answer: `${capitalise(name)} lives ${value}.` }
    }
    if (property === 'young') {
      const question = random.pick([`What is ${slots['va'] ?? ''}?`, `Which animal is ${slots['va'] ?? ''}?`])
      if (['pup', 'cub', 'kit', 'chick', 'calf', 'foal'].includes(value)) continue
      return { question, answer: `${capitalise(slots['va'] ?? '')} is a young ${thing.name}.` }
    }
    if (property === 'kind') {
      const family = (factsByProperty.get('kind') ?? []).filter(
        (other) => other.value === value && other.thing.form === 'count',
      )
      if (family.length < 6 || !sharpKinds.has(value)) continue
      const members = random.shuffle(family.slice()).slice(0, 3)
      if (random.float() < 0.5) {
        const member = members[0] ?? fact
        const question = random.pick([`Name ${slots['va'] ?? ''}.`, `Can you name ${slots['va'] ?? ''}?`])
        return { question, answer: fill('{A} is {va}.', member.slots) }
      }
      const many = pluralKind(value)
      const question = random.pick([`Name three ${many}.`, `Can you name three ${many}?`, `Tell me three ${many}.`])
      return { question, answer: `${capitalise(listed(members.map((member) => member.thing.plural)))} are ${many}.` }
    }
  }
}

function pluralKind(kind: string): string {
  const plurals: Readonly<Record<string, string>> = {
    fish: 'fish',
    'piece of clothing': 'pieces of clothing',
    'piece of furniture': 'pieces of furniture',
    'part of the body': 'parts of the body',
    aircraft: 'aircraft',
  }
  return plurals[kind] ?? `${kind}s`
}

const groupIntroductions: Readonly<Partial<Record<PropertyName, readonly string[]>>> = {
  colour: ['Things have many colours.', 'Look at the colours.', 'Here are some colours.'],
  size: ['Some things are big and some are small.', 'Things have many sizes.'],
  legs: ['Animals have different numbers of legs.', 'Let us count legs.'],
  eats: ['Animals eat different things.', 'Every animal needs food.'],
  lives: ['Animals live in many places.', 'Every animal has a home.'],
  sound: ['Animals make many sounds.', 'Listen to the animals.'],
  young: ['Young animals have their own names.'],
  can: ['Animals can do many things.'],
  taste: ['Foods have many tastes.', 'Let us taste some food.'],
  origin: ['Where does our food come from?', 'Food comes from many places.'],
  made: ['Things are made of many materials.', 'Look at what things are made of.'],
  use: ['People use many things.', 'Every thing has a use.'],
  found: ['Things have their places.', 'Where are the things?'],
  wornWhen: ['People wear clothes for all kinds of weather.'],
  does: ['People have many jobs.', 'Everyone has something to do.'],
  works: ['People work in many places.'],
}
const groupProperties = [...factsByProperty.keys()]

function groupText(random: Random): string {
  const property = random.pick(groupProperties)
  const facts = random.shuffle((factsByProperty.get(property) ?? []).slice()).slice(0, random.integer(4, 8))
  const introductions = groupIntroductions[property]
  const sentences = facts.map((fact) => statement(random, fact))
  // The introduction to jobs does not suit the sun, nor the other way round.
  const jobs = facts.every((fact) => fact.thing.category === 'job')
  if (introductions !== undefined && (property !== 'does' || jobs) && random.float() < 0.7) {
    sentences.unshift(random.pick(introductions))
  }
  return sentences.join(' ')
}

/** Any question about things on its own. */
export function anyThingExchange(random: Random): Exchange {
  const chance = random.float()
  if (chance < 0.52) {
    const fact = random.pick(thingFacts)
    if (!fact.heldOut) return { question: askAbout(random, fact, 'training'), answer: answerAbout(random, fact) }
  }
  if (chance < 0.66) return crossExchange(random)
  if (chance < 0.75) return yesNoExchange(random)
  if (chance < 0.8) return lifeExchange(random)
  if (chance < 0.89) return reverseExchange(random)
  if (chance < 0.95) return comparisonExchange(random, 'training')
  return aboutExchange(random, random.pick(things), 'training')
}

export const thingsKind: WorldKind = {
  name: 'things',
  documentWeight: 24,
  conversationWeight: 22,

  document(random) {
    const chance = random.float()
    if (chance < 0.45) {
      const first = random.pick(things)
      const alike = things.filter((thing) => thing.category === first.category && thing !== first)
      const parts = [portrait(random, first, random.integer(4, 9))]
      for (let index = random.integer(0, 3); index > 0; index--) {
        parts.push(portrait(random, random.pick(alike), random.integer(4, 9)))
      }
      return parts.join('\n')
    }
    if (chance < 0.65) return groupText(random)
    const pairs = Array.from({ length: random.integer(3, 8) }, () => anyThingExchange(random))
    return questionAndAnswer(random, pairs)
  },

  exchanges(random, turns) {
    if (turns === 1) {
      const exchange = anyThingExchange(random)
      return [{ question: roughen(random, exchange.question), answer: exchange.answer }]
    }
    const thing = random.pick(things)
    const facts = random.shuffle(askableFacts(factsAbout(thing)))
    const opening = random.float() < 0.25 ? undefined : facts.pop()
    const result: Exchange[] = [
      opening === undefined
        ? aboutExchange(random, thing, 'training')
        : { question: askAbout(random, opening, 'training'), answer: answerAbout(random, opening) },
    ]
    let subject = thing
    while (result.length < turns) {
      const fact = facts.pop()
      if (fact === undefined) break
      if (fact.property === 'kind') continue
      if (random.float() < 0.25) {
        // "And a cat?": the same property of another thing of the same category.
        const others = askableFacts(factsByProperty.get(fact.property) ?? []).filter(
          (other) => other.thing.category === subject.category && other.thing !== subject,
        )
        const question = fill(random.pick(fact.wording.followUps), fact.slots)
        result.push({ question, answer: statement(random, fact) })
        if (others.length === 0 || result.length >= turns) continue
        const other = random.pick(others)
        const again = random.pick(['And {a}?', 'What about {a}?', 'And what about {a}?', 'How about {a}?'])
        result.push({ question: fill(again, other.slots), answer: statement(random, other) })
        subject = other.thing
        break
      }
      const question = fill(random.pick(fact.wording.followUps), fact.slots)
      const answer = random.float() < 0.6 ? statement(random, fact) : pronounStatement(random, fact)
      result.push({ question, answer })
    }
    return result
  },
}
