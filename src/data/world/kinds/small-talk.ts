import type { Random } from '../../../base/random.ts'
import { smallTalk, type SmallTalk } from '../tables/small-talk.ts'
import type { Exchange, Split, WorldKind } from '../types.ts'
import {
  askNameWordings,
  namesOfListener,
  nameWordings as moreNames,
  smallTalkWordings,
  wordsAfter,
  wordsBefore,
} from '../wordings/small-talk.ts'
import { drawCharacter } from './arithmetic-draw.ts'
import { questionAndAnswer } from './wording.ts'

export function smallTalkExchange(random: Random, split: Split, row: SmallTalk = random.pick(smallTalk)): Exchange {
  const questions = split === 'training' ? [...row.training, ...(smallTalkWordings[row.name] ?? [])] : row.heldOut
  const question = random.pick(questions)
  const asked = split === 'training' && random.float() < 0.3 ? addressed(random, question) : question
  return { question: asked, answer: random.pick(row.answers) }
}

/** The same said to somebody by name, or with a few words before or after it. */
function addressed(random: Random, question: string): string {
  const chance = random.float()
  if (chance < 0.5) return question.replace(/([.?!]?)$/, `, ${random.pick(namesOfListener)}$1`)
  return chance < 0.75 ? `${random.pick(wordsBefore)} ${question}` : `${question} ${random.pick(wordsAfter)}`
}

const nameWordings = {
  training: [
    'My name is {P}.',
    'I am {P}.',
    'Hello, I am {P}.',
    'Hi, my name is {P}.',
    'Hello! My name is {P}.',
    'You can call me {P}.',
    ...moreNames,
  ],
  heldOut: ['People call me {P}.', 'Good morning, {P} is my name.', 'Let me introduce myself: I am {P}.'],
} as const

/** The user gives a name; the model greets by it, and remembers it in the next turn. */
export function nameExchange(random: Random, split: Split, name: string = drawCharacter(random, split).name): Exchange {
  const answer = random.pick([
    `Hello, ${name}! How can I help you?`,
    `Hello, ${name}! It is nice to meet you.`,
    `Nice to meet you, ${name}!`,
  ])
  return { question: random.pick(nameWordings[split]).replace('{P}', name), answer }
}

function rememberExchanges(random: Random): Exchange[] {
  const name = drawCharacter(random, 'training').name
  const asks = [
    'What is my name?',
    'Do you know my name?',
    'Who am I?',
    'Can you remember my name?',
    ...askNameWordings,
  ]
  const question = random.pick(asks)
  return [nameExchange(random, 'training', name), { question, answer: `Your name is ${name}.` }]
}

const closers = new Set(['thanks', 'goodbye', 'praise'])

export const smallTalkKind: WorldKind = {
  name: 'small talk',
  documentWeight: 2,
  conversationWeight: 9,

  document(random) {
    return questionAndAnswer(
      random,
      Array.from({ length: random.integer(3, 7) }, () => smallTalkExchange(random, 'training')),
    )
  },

  exchanges(random, turns) {
    if (turns > 1 && random.float() < 0.3) return rememberExchanges(random)
    return Array.from({ length: turns }, (_, index) => {
      if (random.float() < 0.15 && index === 0) return nameExchange(random, 'training')
      for (;;) {
        const row = random.pick(smallTalk)
        // Thanks and farewells come last, greetings first.
        if (closers.has(row.name) && index < turns - 1) continue
        if (row.name === 'greeting' && index > 0) continue
        return smallTalkExchange(random, 'training', row)
      }
    })
  },
}
