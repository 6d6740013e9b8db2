/**
 * A task that phi-nano was not trained on: questions of its world are answered on cards. A card names the topic of the question, answers it, and counts
 * the words of the answer, so that part of it has to be known, part has to be told apart and part has to be counted.
 */
import { present } from '../src/base/errors.ts'
import { conversation } from '../src/data/world/index.ts'

export interface Card {
  readonly question: string
  readonly topic: string
  /** What a card of this question may say. */
  readonly text: string
}

/** Kinds of the world whose answers are short enough to be counted. */
const topics = ['people', 'places', 'things', 'causes', 'words', 'basics'] as const

const wordsIn = (answer: string): number => answer.split(' ').length

/** Card `index` of `seed`: topics take turns. */
export function cardOf(seed: number, index: number): Card {
  const topic = present(topics[index % topics.length], 'topic')
  const { messages } = conversation(seed, index, { kind: topic })
  const [question, answer] = messages.filter(({ role }) => role !== 'system').map(({ content }) => content)
  const told = present(answer, 'answer')
  const text = `Topic: ${topic}\nAnswer: ${told}\nWords: ${wordsIn(told)}`
  return { question: present(question, 'question'), topic, text }
}

/** What of an answer is as a card should be. Whether it answers the question is not looked at: the loss tells. */
export interface CardCheck {
  readonly isCard: boolean
  readonly topicIsRight: boolean
  /** The number is that of the words that stand on the card. */
  readonly countIsRight: boolean
}

export function checkCard(text: string, { topic }: Card): CardCheck {
  const found = /^Topic: (\w+)\nAnswer: (.+)\nWords: (\d+)$/.exec(text.trim())
  if (found === null) return { isCard: false, topicIsRight: false, countIsRight: false }
  const [, named, answer = '', count] = found
  return { isCard: true, topicIsRight: named === topic, countIsRight: Number(count) === wordsIn(answer) }
}
