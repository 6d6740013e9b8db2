import type { Random } from '../../../base/random.ts'
import { capitalise, fill, withArticle } from '../grammar.ts'
import { isHeldOutFact } from '../held-out.ts'
import { opposites, wordMeanings, type WordMeaning } from '../tables/words.ts'
import type { Exchange, Split, WorldKind } from '../types.ts'
import { defineFrames, meanings, oppositeFrames, oppositePairs } from '../wordings/definitions.ts'
import { questionAndAnswer, roughen } from './wording.ts'

const defineWordings = {
  training: [
    'What does "{w}" mean?',
    'What does the word "{w}" mean?',
    'What is the meaning of "{w}"?',
    'Can you explain the word "{w}"?',
    'Explain the word "{w}".',
    'What do people mean by "{w}"?',
    'Define "{w}".',
    'Please define "{w}".',
    'Tell me what "{w}" means.',
    'I do not know the word "{w}". What does it mean?',
    'What does {w} mean?',
    'Do you know the word "{w}"?',
    ...defineFrames,
  ],
  heldOut: [
    'How would a teacher explain "{w}"?',
    'Give me a short definition of "{w}".',
    'In plain words, what does "{w}" stand for?',
  ],
} as const

/** Words of training alone come beside those that are evaluated. */
const trainingMeanings = [...wordMeanings, ...meanings]
const trainingOpposites = [...opposites, ...oppositePairs]

export function isHeldOutMeaning(entry: WordMeaning): boolean {
  return isHeldOutFact(entry.word, 'meaning')
}

export function defineExchange(random: Random, entry: WordMeaning, split: Split): Exchange {
  const question = fill(random.pick(defineWordings[split]), { w: entry.word })
  const nounQuestion = entry.form === 'noun' && split === 'training' && random.float() < 0.4
  return {
    question: nounQuestion ? `What is ${withArticle(entry.word)}?` : question,
    answer: definition(random, entry),
  }
}

function definition(random: Random, entry: WordMeaning): string {
  const { word, form, meaning, example } = entry
  const sentence =
    form === 'noun'
      ? `${capitalise(withArticle(word))} is ${meaning}.`
      : form === 'verb'
        ? `To ${word} means ${meaning}.`
        : `The word "${word}" means ${meaning}.`
  return random.float() < 0.45
    ? `${sentence} ${random.pick(['For example:', 'Here is an example:'])} ${example}`
    : sentence
}

function oppositeExchange(random: Random): Exchange {
  for (;;) {
    const pair = random.pick(trainingOpposites)
    const [first, second] = random.float() < 0.5 ? pair : [pair[1], pair[0]]
    if (isHeldOutFact(first, 'opposite')) continue
    const question = random.pick([
      `What is the opposite of "${first}"?`,
      `What is the opposite of ${first}?`,
      `Tell me the opposite of "${first}".`,
      `Which word is the opposite of "${first}"?`,
      `Do you know the opposite of "${first}"?`,
      ...oppositeFrames.map((frame) => fill(frame, { w: first })),
    ])
    return { question, answer: oppositeStatement(random, first, second) }
  }
}

function oppositeStatement(random: Random, first: string, second: string): string {
  return random.pick([
    `The opposite of "${first}" is "${second}".`,
    `"${capitalise(second)}" is the opposite of "${first}".`,
  ])
}

function anyExchange(random: Random): Exchange {
  if (random.float() < 0.25) return oppositeExchange(random)
  for (;;) {
    const entry = random.pick(trainingMeanings)
    if (!isHeldOutMeaning(entry)) return defineExchange(random, entry, 'training')
  }
}

export const wordsKind: WorldKind = {
  name: 'words',
  documentWeight: 6,
  conversationWeight: 8,

  document(random) {
    const chance = random.float()
    if (chance < 0.4) {
      const chosen = random.shuffle(trainingMeanings.slice()).slice(0, random.integer(3, 7))
      return chosen.map((entry) => definition(random, entry)).join('\n')
    }
    if (chance < 0.5) {
      const chosen = random.shuffle(trainingOpposites.slice()).slice(0, random.integer(4, 9))
      return chosen
        .map(([first, second]) =>
          random.float() < 0.5 ? oppositeStatement(random, first, second) : oppositeStatement(random, second, first),
        )
        .join(' ')
    }
    return questionAndAnswer(
      random,
      Array.from({ length: random.integer(2, 6) }, () => anyExchange(random)),
    )
  },

  exchanges(random, turns) {
    return Array.from({ length: turns }, () => {
      const exchange = anyExchange(random)
      return { question: roughen(random, exchange.question), answer: exchange.answer }
    })
  },
}
