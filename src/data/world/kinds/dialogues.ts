import type { Random } from '../../../base/random.ts'
import { people, type Person } from '../tables/people.ts'
import type { Exchange, WorldKind } from '../types.ts'
import { basicsExchange } from './basics.ts'
import { anyPersonExchange } from './people.ts'
import { anyPlaceExchange } from './places.ts'
import { anyThingExchange } from './things.ts'

const scenes = [
  'at Redhill Market',
  'in Rose Park',
  'at the Golden Loaf',
  'at Oakton Library',
  'on the train',
  'by the Silver River',
  'at Bayport Harbour',
  'near Moon Lake',
  'in Owl Wood',
  'on Star Hill',
  'at Sunny Farm',
  'in the street',
]
const greetings = [
  '"Hello, {B}!" said {A}. "Hello, {A}!" said {B}.',
  '"Good morning," said {A}. "Good morning, {A}," said {B}.',
  '"How are you?" asked {A}. "I am fine, thank you," said {B}.',
]
const farewells = [
  '"Thank you," said {A}. "You are welcome," said {B}.',
  '"Goodbye!" said {A}. "See you soon," said {B}.',
  '"Thank you, {B}. Goodbye!" said {A}.',
]

function spoken(random: Random, exchange: Exchange, asker: Person, teller: Person): string {
  const verb = exchange.question.endsWith('?') ? 'asked' : 'said'
  const question = exchange.question.endsWith('.') ? `${exchange.question.slice(0, -1)},` : exchange.question
  const answer = exchange.answer
  const said = random.pick(['said', 'answered'])
  if (random.float() < 0.5)
    return `"${question}" ${verb} ${asker.name}. "${answer.slice(0, -1)}," ${said} ${teller.name}.`
  return `${asker.name} ${verb}, "${exchange.question}" ${teller.name} ${said}, "${answer}"`
}

function topic(random: Random): Exchange {
  const chance = random.float()
  if (chance < 0.55) return anyThingExchange(random)
  if (chance < 0.65) return basicsExchange(random)
  return chance < 0.82 ? anyPersonExchange(random) : anyPlaceExchange(random)
}

/** Two of the cast meet and tell each other what is so. */
export const dialoguesKind: WorldKind = {
  name: 'dialogues',
  documentWeight: 5,
  conversationWeight: 0,

  document(random) {
    const asker = random.pick(people)
    const teller = random.pick(people.filter((person) => person !== asker))
    const name = (template: string): string => template.replaceAll('{A}', asker.name).replaceAll('{B}', teller.name)
    const lines = [`${asker.name} and ${teller.name} met ${random.pick(scenes)}.`]
    if (random.float() < 0.6) lines.push(name(random.pick(greetings)))
    for (let count = random.integer(2, 6); count > 0; count--) {
      const exchange = topic(random)
      // Nobody asks about a person who is standing there, and quotes inside quotes are hard to read.
      if (/"|\n/.test(exchange.question + exchange.answer)) continue
      if (exchange.question.includes(asker.name) || exchange.question.includes(teller.name)) continue
      lines.push(spoken(random, exchange, asker, teller))
    }
    if (random.float() < 0.5) lines.push(name(random.pick(farewells)))
    return lines.join(random.float() < 0.5 ? '\n' : ' ')
  },

  exchanges: () => [],
}
