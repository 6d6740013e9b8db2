/** What the experiment with adapters measures on, against what it learns from. */
import { expect, test } from 'vitest'
import { learnedCards, learnedSeeds, measuredCards } from '../scripts/qlora-cards.ts'

const { newWordings, newAnswers } = measuredCards()

test('what is measured on are different questions', () => {
  const questions = [...newWordings, ...newAnswers].map(({ question }) => question)
  expect(new Set(questions).size).toBe(600)
})

test.each(learnedSeeds)(
  'no question is learned with seed %i, every answer to new wordings is, and no new answer',
  (seed) => {
    const learned = learnedCards(seed)
    const questions = new Set(learned.map(({ question }) => question))
    const texts = new Set(learned.map(({ text }) => text))
    expect([...newWordings, ...newAnswers].filter(({ question }) => questions.has(question))).toEqual([])
    expect(newWordings.filter(({ text }) => !texts.has(text))).toEqual([])
    expect(newAnswers.filter(({ text }) => texts.has(text))).toEqual([])
  },
)
