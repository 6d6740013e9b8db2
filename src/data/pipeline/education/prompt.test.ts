import { describe, expect, test } from 'vitest'
import { excerptOf } from './annotation.ts'
import { answerKey, promptOf, readAnswer } from './prompt.ts'

const excerpt = 'Water boils sooner on a mountain, because the air presses less.'
const mark = /=== (\w+) ===/.exec(promptOf(excerpt)[1]?.content ?? '')?.[1] ?? ''
const judgement = (points: readonly number[], score: number): object => ({ reason: ' It explains. ', points, score })
const answer = (more: object = {}): string =>
  JSON.stringify({ mark, education: judgement([1, 1, 1, 0, 0], 3), reasoning: judgement([1, 1, 0, 1, 0], 3), ...more })

describe('an answer', () => {
  test.each([
    ['alone', answer()],
    ['in a fence', `\`\`\`json\n${answer()}\n\`\`\``],
    ['in sentences', `Sorry for the wait: ${answer()} That is all.`],
    ['with the mark as it stands', answer({ mark: `=== ${mark} ===` })],
  ])('is read %s', (_, text) => {
    const three = { score: 3, reason: 'It explains.' }
    expect(readAnswer(text, excerpt)).toEqual({ education: three, reasoning: three })
  })

  test.each([
    ['that is torn', answer().slice(0, -2), 'not readable'],
    ['without a reason', answer({ reasoning: { points: [0, 0, 0, 0, 0], score: 0 } }), 'not readable'],
    ['with an empty reason', answer({ reasoning: { reason: ' ', points: [0, 0, 0, 0, 0], score: 0 } }), 'not readable'],
    ['with four points', answer({ education: judgement([1, 1, 1, 0], 3) }), 'not readable'],
    [
      'with words for a score',
      answer({ education: { ...judgement([1, 0, 0, 0, 0], 1), score: 'one' } }),
      'not readable',
    ],
    ['that declines', 'I can’t help with that.', 'refused'],
    ['of nothing', '', 'not readable'],
    ['to another text', answer({ mark: '01234567' }), 'about another document'],
    ['above the scale', answer({ education: judgement([1, 1, 1, 1, 1], 6) }), 'out of range'],
    ['below the scale', answer({ education: judgement([0, 0, 0, 0, 0], -1) }), 'out of range'],
    ['between two scores', answer({ education: judgement([1, 1, 1, 0, 0], 2.5) }), 'out of range'],
    ['with half a point', answer({ education: judgement([1, 0.5, 0.5, 0, 0], 2) }), 'out of range'],
    ['that does not add up', answer({ reasoning: judgement([1, 1, 0, 1, 0], 2) }), 'does not add up'],
  ])('%s is not taken', (_, text, rejected) => {
    expect(readAnswer(text, excerpt)).toMatchObject({ rejected })
  })
})

test('the key of an answer changes with the text and the model', () => {
  const keys = [answerKey('a', excerpt), answerKey('b', excerpt), answerKey('a', `${excerpt}.`)]
  expect(new Set(keys).size).toBe(3)
  expect(answerKey('a', excerpt)).toBe(keys[0])
})

test.each([
  ['a short text', '  short \n', 'short'],
  ['words', 'word '.repeat(2000), 'word '.repeat(800).trim()],
  ['a text without spaces', '字'.repeat(5000), '字'.repeat(4000)],
  ['pairs of surrogates', `a${'😀'.repeat(3000)}`, `a${'😀'.repeat(1999)}`],
])('the excerpt of %s ends with a word', (_, text, excerptExpected) => {
  expect(excerptOf(text)).toBe(excerptExpected)
})
