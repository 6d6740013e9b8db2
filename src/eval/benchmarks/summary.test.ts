import { expect, test } from 'vitest'
import { mmlu } from '../tasks/letters.ts'
import { mgsm } from '../tasks/word-problems.ts'
import type { ChoiceItem, FewShot } from '../tasks/types.ts'
import type { AnswerRecord } from './answers.ts'
import { measured, summariseTask } from './summary.ts'

test('the standard error of a share is that of a coin, with n - 1', () => {
  const values = [1, 1, 0, 1, 0, 0, 0, 0]
  const { mean, standardError } = measured(values)
  expect(mean).toBe(3 / 8)
  expect(standardError).toBeCloseTo(Math.sqrt(((3 / 8) * (5 / 8)) / 7), 12)
})

test('of one value there is no error', () => {
  expect(measured([1])).toEqual({ mean: 1, standardError: undefined })
})

const item = (id: string, options: number, truths: readonly number[]): ChoiceItem => ({
  id,
  group: id,
  solved: '',
  truths,
  options: Array.from({ length: options }, () => ({ context: '', text: 'A' })),
})

const record = (id: string, shots: number, cutTokens: number, acc: number): AnswerRecord => ({
  id,
  group: id,
  shots,
  cutTokens,
  prompts: [''],
  scores: { acc },
})

test('chance, and prompts that had to be made to fit', () => {
  const three: FewShot = { preamble: '', shots: ['1', '2', '3'] }
  const rows = {
    items: [item('a', 4, [0]), item('b', 4, [1, 2]), item('c', 5, [0])],
    leftOut: 2,
    fewShots: new Map([
      ['a', three],
      ['b', three],
    ]),
  }
  const records = [record('a', 3, 0, 1), { ...record('b', 0, 7, 0), unanswered: 'no room' }, record('c', 0, 0, 1)]
  expect(summariseTask(mmlu, rows, records)).toEqual({
    task: 'mmlu',
    title: 'MMLU',
    questions: 3,
    scores: { acc: { mean: 2 / 3, standardError: expect.closeTo(Math.sqrt(2 / 9 / 2), 12) } },
    chance: expect.closeTo((1 / 4 + 2 / 4 + 1 / 5) / 3, 12),
    shots: 3,
    shotsOfReport: 5,
    fewerShots: 1,
    cut: 1,
    unanswered: 1,
    leftOut: 2,
  })
})

test('what is written has no chance level', () => {
  const question = { id: 'a', group: '', solved: '', question: '', answers: ['1'] }
  const rows = { items: [question], leftOut: 0, fewShots: new Map() }
  const records = [{ ...record('a', 0, 0, 0), scores: { flexible: 1 } }]
  expect(summariseTask(mgsm, rows, records).chance).toBeUndefined()
})
