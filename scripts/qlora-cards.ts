/**
 * A task that phi-nano was not trained on: questions of its world are answered on cards. A card names the topic of the question, answers it, and counts
 * the words of the answer, so that part of it has to be known, part has to be told apart and part has to be counted.
 */
import { createHash } from 'node:crypto'
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

/** Of the trainings. What is measured on is the same for all of them. */
export const learnedSeeds: readonly number[] = [1, 2, 3]
const learnedCount = 16_000
const measuredSeed = 999
const measuredCount = 300

/** One in eight texts is on no card that is learned, whatever the seed. */
const isHeldOut = ({ text }: Card): boolean => present(createHash('sha256').update(text).digest()[0], 'byte') < 32

/** The cards that a training learns from. */
export function learnedCards(seed: number): Card[] {
  const cards: Card[] = []
  for (let index = 0; cards.length < learnedCount; index++) {
    const card = cardOf(100 + seed, index)
    if (!isHeldOut(card)) cards.push(card)
  }
  return cards
}

/** What is measured on. No question of either part is learned with any seed. */
export interface MeasuredCards {
  /** Cards whose text is learned with every seed, for other questions. */
  readonly newWordings: readonly Card[]
  /** Cards whose text is learned with none. */
  readonly newAnswers: readonly Card[]
}

/** Both parts, with 300 different questions each. */
export function measuredCards(): MeasuredCards {
  const learned = learnedSeeds.map((seed) => learnedCards(seed))
  const questions = new Set(learned.flat().map(({ question }) => question))
  const texts = learned.map((cards) => new Set(cards.map(({ text }) => text)))
  const [newWordings, newAnswers]: [Card[], Card[]] = [[], []]
  for (let index = 0; newWordings.length < measuredCount || newAnswers.length < measuredCount; index++) {
    const card = cardOf(measuredSeed, index)
    if (questions.has(card.question)) continue
    questions.add(card.question)
    if (isHeldOut(card)) newAnswers.push(card)
    else if (texts.every((known) => known.has(card.text))) newWordings.push(card)
  }
  return { newWordings: newWordings.slice(0, measuredCount), newAnswers: newAnswers.slice(0, measuredCount) }
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
