import type { Random } from '../../../base/random.ts'
import { capitalise, fill, withArticle } from '../grammar.ts'
import { isHeldOutFact } from '../held-out.ts'
import { animals } from '../tables/animals.ts'
import { things } from '../tables/index.ts'
import type { PropertyName } from '../tables/parse.ts'
import type { Exchange } from '../types.ts'
import { factsByProperty, type ThingFact } from './thing-facts.ts'
import { contentWords } from './wording.ts'

/** Questions that run against the columns of the tables: either-or, who can fly, which thing has this value. */

const cannotFly = new Set(['penguin', 'ostrich', 'hen', 'rooster'])
const flyingInsects = new Set(['bee', 'butterfly', 'fly', 'ladybird', 'beetle', 'grasshopper'])

function flies(name: string, kind: string | undefined): boolean {
  return (
    (kind === 'bird' && !cannotFly.has(name)) || name === 'bat' || (flyingInsects.has(name) && name !== 'grasshopper')
  )
}

function flyExchange(random: Random): Exchange {
  for (;;) {
    const animal = random.pick(animals)
    if (isHeldOutFact(animal.name, 'fly')) continue
    const can = flies(animal.name, animal.values.kind)
    // More birds and insects than beasts, so that the answer is not always no.
    if (!can && random.float() < 0.5) continue
    const name = withArticle(animal.name)
    const form = random.integer(0, 3)
    if (form === 0) {
      return {
        question: `Can ${animal.plural} fly?`,
        answer: can ? `Yes, ${animal.plural} can fly.` : `No, ${animal.plural} cannot fly.`,
      }
    }
    if (form === 1) {
      return {
        question: `Do ${animal.plural} fly?`,
        answer: can ? `Yes, ${animal.plural} can fly.` : `No, ${animal.plural} cannot fly.`,
      }
    }
    return {
      question: `Can ${name} fly?`,
      answer: can ? `Yes, ${name} can fly.` : `No, ${name} cannot fly.`,
    }
  }
}

/** Two values that no thing has together, and how to put them. */
const eitherForms: Readonly<Partial<Record<PropertyName, { ask: string; answer: string; values: readonly string[] }>>> =
  {
    colour: {
      ask: '{Is} {a} {x} or {y}?',
      answer: '{A} {is} {v}.',
      values: ['red', 'blue', 'green', 'yellow', 'white', 'black', 'brown', 'grey', 'orange'],
    },
    kind: {
      ask: '{Is} {a} {ax} or {ay}?',
      answer: '{A} {is} {va}.',
      values: ['mammal', 'bird', 'fish', 'insect', 'reptile', 'fruit', 'vegetable', 'drink', 'tree', 'flower', 'tool'],
    },
    taste: {
      ask: 'Does {a} taste {x} or {y}?',
      answer: '{A} tastes {v}.',
      values: ['sweet', 'sour', 'salty', 'bitter'],
    },
    size: { ask: '{Is} {a} {x} or {y}?', answer: '{A} {is} {v}.', values: ['tiny', 'huge', 'small', 'big'] },
    cover: {
      ask: 'Does {a} have {x} or {y}?',
      answer: 'The body of {a} is covered with {v}.',
      values: ['fur', 'feathers', 'scales'],
    },
    travels: {
      ask: 'Does {a} travel {x} or {y}?',
      answer: '{A} travels {v}.',
      values: ['on the road', 'in the air', 'on the sea', 'on rails'],
    },
  }
const eitherProperties = Object.keys(eitherForms) as PropertyName[]

function eitherExchange(random: Random): Exchange {
  for (;;) {
    const property = random.pick(eitherProperties)
    const form = eitherForms[property]
    const fact = random.pick(factsByProperty.get(property) ?? [])
    if (form === undefined || fact.heldOut || fact.thing.form === 'pair' || !form.values.includes(fact.value)) continue
    const other = random.pick(form.values)
    if (other === fact.value) continue
    const [x, y] = random.float() < 0.5 ? [fact.value, other] : [other, fact.value]
    const slots = { ...fact.slots, x, y, ax: withArticle(x), ay: withArticle(y) }
    return { question: fill(form.ask, slots), answer: fill(form.answer, slots) }
  }
}

/** "Which animal barks?": from a value to a thing that has it. */
const reverseForms: Readonly<Partial<Record<PropertyName, readonly [readonly string[], string]>>> = {
  sound: [['Which animal {vs}?', 'What animal can {v}?', 'Name an animal that {vs}.'], '{A} {vs}.'],
  can: [['Which animal can {v}?', 'What animal can {v}?', 'Name an animal that can {v}.'], '{A} can {v}.'],
  eats: [['Which animal eats {v}?', 'Name an animal that eats {v}.', 'What animal eats {v}?'], '{A} eats {v}.'],
  colour: [['Name something {v}.', 'What is {v}?', 'Name a thing that is {v}.'], '{A} {is} {v}.'],
  made: [
    ['Name something that is made of {v}.', 'What is made of {v}?', 'What can people make from {v}?'],
    '{A} {is} made of {v}.',
  ],
  taste: [['Name a food that tastes {v}.', 'Which food tastes {v}?', 'What tastes {v}?'], '{A} tastes {v}.'],
  works: [['Who works {v}?', 'Which person works {v}?'], '{A} works {v}.'],
  travels: [['What travels {v}?', 'Name something that travels {v}.', 'What can travel {v}?'], '{A} travels {v}.'],
  blooms: [['What blooms {v}?', 'Which plant blooms {v}?', 'Name a flower that blooms {v}.'], '{A} blooms {v}.'],
  wornOn: [['What do you wear {v}?', 'What can I wear {v}?', 'What do people wear {v}?'], 'You wear {a} {v}.'],
  wornWhen: [['What do you wear {v}?', 'What should I wear {v}?', 'What can I wear {v}?'], 'You wear {a} {v}.'],
  found: [
    ['What can I find {v}?', 'What can you find {v}?', 'Name something that you can find {v}.'],
    'You can find {a} {v}.',
  ],
}
const reverseProperties = Object.keys(reverseForms) as PropertyName[]

function backwardExchange(random: Random): Exchange {
  for (;;) {
    const property = random.pick(reverseProperties)
    const form = reverseForms[property]
    const fact = random.pick(factsByProperty.get(property) ?? [])
    if (form === undefined || isHeldOutFact(fact.thing.name, `reverse ${property}`)) continue
    if (property === 'blooms' && fact.value === 'in autumn') continue
    const [questions, answer] = form
    const question = fill(random.pick(questions), fact.slots)
    if (/^What is (white|red|blue|green|yellow|black|brown|grey|orange)\?$/.test(question)) continue
    return { question, answer: fill(answer, fact.slots) }
  }
}

/** Yes-or-no questions in the plural: "Do cows eat grass?", "Are bananas blue?" */
const pluralForms: Readonly<Partial<Record<PropertyName, readonly [string, string, string]>>> = {
  colour: ['Are {s} {w}?', 'Yes, {s} are {v}.', 'No, {s} are not {w}. They are {v}.'],
  eats: ['Do {s} eat {w}?', 'Yes, {s} eat {v}.', 'No, {s} do not eat {w}. They eat {v}.'],
  lives: ['Do {s} live {w}?', 'Yes, {s} live {v}.', 'No, {s} do not live {w}. They live {v}.'],
  legs: ['Do {s} have {w} legs?', 'Yes, {s} have {v} legs.', 'No, {s} do not have {w} legs. They have {v} legs.'],
  made: ['Are {s} made of {w}?', 'Yes, {s} are made of {v}.', 'No, {s} are not made of {w}. They are made of {v}.'],
  grows: ['Do {s} grow {w}?', 'Yes, {s} grow {v}.', 'No, {s} do not grow {w}. They grow {v}.'],
}
const pluralProperties = Object.keys(pluralForms) as PropertyName[]

function pluralExchange(random: Random): Exchange {
  for (;;) {
    const property = random.pick(pluralProperties)
    const form = pluralForms[property]
    const facts = factsByProperty.get(property) ?? []
    const fact: ThingFact = random.pick(facts)
    if (form === undefined || fact.heldOut || fact.thing.form !== 'count' || fact.value === 'no') continue
    const [ask, affirm, deny] = form
    if (random.float() < 0.5) {
      const slots = { ...fact.slots, w: fact.value }
      return { question: fill(ask, slots), answer: fill(affirm, slots) }
    }
    const wrong = random.pick(facts).value
    const words = new Set(contentWords(fact.value))
    if (wrong === 'no' || contentWords(wrong).some((word) => words.has(word))) continue
    const slots = { ...fact.slots, w: wrong }
    return { question: fill(ask, slots), answer: fill(deny, slots) }
  }
}

/** What the categories are called that exclude each other. */
const categoryNames: Readonly<Record<string, string>> = {
  animal: 'animal',
  plant: 'plant',
  tool: 'tool',
  toy: 'toy',
  instrument: 'musical instrument',
  vehicle: 'vehicle',
}
const sortable = things.filter(({ category, form }) => form === 'count' && category in categoryNames)

const categoryAsks = [
  'Is {a} {va}?',
  'Is it true that {a} is {va}?',
  'Would you call {a} {va}?',
  'Do {s} belong to the {vs}?',
]

/** "Is a dog an animal?", yes as often as no. */
function categoryExchange(random: Random): Exchange {
  for (;;) {
    const thing = random.pick(sortable)
    if (isHeldOutFact(thing.name, 'category')) continue
    const own = categoryNames[thing.category] ?? ''
    const asked = random.float() < 0.6 ? own : random.pick(Object.values(categoryNames))
    // A toy boat is a boat for some.
    if (thing.category === 'toy' && asked !== own) continue
    const name = withArticle(thing.name)
    const slots = { a: name, s: thing.plural, va: withArticle(asked), vs: `${asked}s` }
    const answer =
      asked === own
        ? `Yes, ${name} is ${withArticle(own)}.`
        : `No, ${name} is not ${withArticle(asked)}. It is ${withArticle(own)}.`
    return { question: fill(random.pick(categoryAsks), slots), answer }
  }
}

export function crossExchange(random: Random): Exchange {
  const chance = random.float()
  if (random.float() < 0.25) return categoryExchange(random)
  const exchange =
    chance < 0.12
      ? flyExchange(random)
      : chance < 0.4
        ? eitherExchange(random)
        : chance < 0.72
          ? backwardExchange(random)
          : pluralExchange(random)
  return { question: capitalise(exchange.question), answer: exchange.answer }
}
