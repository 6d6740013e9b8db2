/** The rules for answers about pictures, restated by hand on fixed answers. */
import { describe, expect, test } from 'vitest'
import { summariseTask } from '../../benchmarks/summary.ts'
import type { Row } from '../row.ts'
import { taskCases } from '../task-cases.ts'
import type { PictureItem, PictureTask } from '../types.ts'
import { chosenLetter } from './choices.ts'
import { mathvista, mmmu, pictureTasks, pope, scienceqa } from './index.ts'
import { agreement, isOpenAnswer, isRelaxedlyRight, plainAnswer } from './open-answers.ts'

const open = (name: string) => Promise.resolve(new TextEncoder().encode(name))
const rowOf = (fields: Record<string, unknown>): Row => ({ fields, place: 'line 7 of x', open })

function itemOf(task: PictureTask, fields: Record<string, unknown> = {}): PictureItem {
  const item = task.read(rowOf({ ...taskCases[task.name]?.test, ...fields }))
  if (item === undefined) throw new Error('no question')
  return item
}

describe('the letter of an answer', () => {
  const choices = ['a red boat', 'a blue boat', 'a green boat', 'no boat']

  test.each([
    ['B', 'B'],
    ['B.', 'B'],
    [' (C) ', 'C'],
    ['The answer is B', 'B'],
    // Brackets before letters by themselves, the last of several.
    ['A boat, so (B)', 'B'],
    ['Not (A) but (D)', 'D'],
    ['A or C', 'C'],
    // By the text of an option where there is no letter, in a long answer alone.
    ['I can see that there is a Green Boat here', 'C'],
    ['It is no red one, it is a red boat or rather no boat', 'D'],
    ['a green boat', '[invalid]'],
    // Letters within words and with marks are none; options beyond the last neither.
    ['Boat', '[invalid]'],
    ['b', '[invalid]'],
    ['E', '[invalid]'],
    ['B: blue', '[invalid]'],
    ["'B'", 'B'],
    ['', '[invalid]'],
  ])('%j is %s', (answer, letter) => {
    expect(chosenLetter(answer, choices)).toBe(letter)
  })
})

describe('MMMU without options', () => {
  test.each([
    ['14', ['14'], true],
    ['It is 14.', ['14'], true],
    ['The total is 1,400 crowns', ['1400'], true],
    ['x = 2.504', ['2.5'], true],
    ['x = 2.506', ['2.5'], false],
    ['So the answer is gothic style', ['Gothic'], true],
    ['romanesque', ['Gothic'], false],
    // A single letter is not found within a word.
    ['the answer is b', ['B'], true],
    ['the answer is bible', ['B'], false],
    ['The answer is seven', ['7', 'seven'], true],
    ['', ['7'], false],
  ])('%j against %j: %s', (answer, answers, right) => {
    expect(isOpenAnswer(answer, answers)).toBe(right)
    const item = itemOf(mmmu, { choices: undefined, answers })
    expect(item.question).toMatch(/\nAnswer the question using a single word or phrase\.$/)
    expect(mmmu.score(item, answer)).toEqual({ acc: right ? 1 : 0 })
  })
})

test.each([
  ['14', '14', true],
  ['14.7', '14', true],
  ['14.71', '14', false],
  ['13.3', '14', true],
  ['-14', '14', false],
  // A percentage is its hundredth, on both sides.
  ['50%', '0.5', true],
  ['52%', '50%', true],
  ['50', '50%', false],
  // Nothing is within 5 % of nothing but itself.
  ['0', '0', true],
  ['0.0', '0', false],
  ['Yes', 'yes', true],
  ['Yes.', 'yes', false],
  [' Blue ', 'blue', true],
  ['1,400', '1400', false],
])('ChartQA: %j for %j is %s', (answer, right, is) => {
  expect(isRelaxedlyRight(answer, right)).toBe(is)
})

describe('TextVQA', () => {
  test.each([
    ['The Stop!', 'stop'],
    ['two  cats', '2 cats'],
    ['dont', "don't"],
    ['1,000', '1000'],
    ['9.5', '9.5'],
    ['st. james', 'st james'],
    // A mark between letters leaves a space; where it is loose anywhere it goes.
    ['red/blue', 'red blue'],
    ['red/blue / green', 'redblue green'],
    ["Tom's", "tom 's"],
  ])('%j is compared as %j', (answer, plain) => {
    expect(plainAnswer(answer)).toBe(plain)
  })

  const people = (...counts: readonly (readonly [string, number])[]): string[] =>
    counts.flatMap(([answer, count]) => Array.from({ length: count }, () => answer))

  test.each([
    ['stop', people(['stop', 10]), 1],
    ['stop', people(['halt', 10]), 0],
    // Of three the three see two of their like and seven see three: (3 * 2/3 + 7) / 10.
    ['stop', people(['stop', 3], ['halt', 7]), 0.9],
    ['stop', people(['Stop!', 2], ['halt', 8]), 0.6],
    ['stop', people(['stop', 1], ['halt', 9]), 0.3],
    ['stop', people(['stop', 4], ['halt', 6]), 1],
  ])('%j among %j is worth %d', (answer, answers, score) => {
    expect(agreement(answer, answers)).toBeCloseTo(score, 12)
  })
})

describe('POPE', () => {
  test.each([
    ['Yes', 1],
    ['Yes, there is no doubt.', 0],
    ['No', 0],
    ['There is not.', 0],
    ['Not at all', 1],
    ['I see one. No other.', 1],
    ['no, there is none', 0],
    ['', 1],
  ])('%j says yes: %d', (answer, yes) => {
    expect(pope.score(itemOf(pope, { answer: 'yes' }), answer)).toEqual({ acc: yes, yes })
    expect(pope.score(itemOf(pope, { answer: 'no' }), answer)).toEqual({ acc: 1 - yes, yes })
  })

  test('the harmonic mean of precision and recall is that of all questions', () => {
    // Yes was right twice and wrong once; no was right three times and wrong twice.
    const scores = [
      [1, 1],
      [1, 1],
      [0, 1],
      [1, 0],
      [1, 0],
      [1, 0],
      [0, 0],
      [0, 0],
    ].map(([acc = 0, yes = 0]) => ({ acc, yes }))
    const [precision, recall] = [2 / 3, 2 / 4]
    const records = scores.map((score, index) => {
      return { id: `${index}`, group: 'random', shots: 0, cutTokens: 0, prompts: [''], answer: '', scores: score }
    })
    const summary = summariseTask(pope, { items: [], leftOut: 0, fewShots: new Map() }, records)
    expect(summary.scores['f1']).toEqual({
      mean: expect.closeTo((2 * precision * recall) / (precision + recall), 12),
      standardError: undefined,
    })
    expect(Object.keys(summary.scores)).toEqual(['acc', 'yes', 'f1'])
  })
})

describe('MathVista', () => {
  test.each([
    ['integer', undefined, '12', 'It is 12', 1],
    ['integer', undefined, '12', '12.9', 1],
    ['integer', undefined, '1200', '3 times 400 is 1,200.', 1],
    ['integer', undefined, '12', 'twelve', 0],
    ['float', 1, '2.5', '2.46 cm', 1],
    ['float', 1, '2.5', '2.44', 0],
    ['float', 2, '0.25', '.25', 1],
    ['text', undefined, 'Left', 'left.', 1],
    ['text', undefined, 'Left', 'the left', 0],
    ['list', undefined, '[1, 2]', '[1,2]', 1],
  ])('%s to %s decimals: %s against %j is %d', (type, precision, answer, said, acc) => {
    const item = itemOf(mathvista, { answer_type: type, precision, answer })
    expect(mathvista.score(item, said)).toEqual({ acc })
  })

  test('with options has a letter', () => {
    const item = itemOf(mathvista, { choices: ['1 cm', '2 cm'], answer: 1 })
    expect(item.question).toContain('(Unit: cm)\nA. 1 cm\nB. 2 cm\n')
    expect([mathvista.score(item, 'B'), mathvista.score(item, 'A')]).toEqual([{ acc: 1 }, { acc: 0 }])
  })
})

test('guessing gets its share where all questions have options', () => {
  const [shown, exam] = [itemOf(scienceqa), itemOf(mmmu)]
  const written = itemOf(mmmu, { choices: undefined, answers: ['7'] })
  const chanceAmong = (...items: readonly PictureItem[]) =>
    summariseTask(mmmu, { items, leftOut: 0, fewShots: new Map() }, []).chance
  expect(chanceAmong(shown, exam)).toBeCloseTo(1 / 3, 12)
  expect(chanceAmong(exam, written)).toBeUndefined()
})

test('ScienceQA takes rows whose prompt is whole', () => {
  const prompt = 'Question: Which is cold?\nOptions: (A): Hot ice (B): Snow (C): Fire \nAnswer with the letter.'
  const item = scienceqa.read(rowOf({ id: 'x', image: 'red.png', prompt, answer: 'B' }))
  expect(item).toMatchObject({ question: prompt, choices: ['Hot ice', 'Snow', 'Fire'], answers: ['B'] })
})

describe('rows', () => {
  test.each(pictureTasks.map((task) => [task.name, task] as const))('of %s have pictures', async (_, task) => {
    const { pictures } = itemOf(task, { image: undefined, images: ['one.png', 'two.png'] })
    expect(pictures.map(({ name }) => name)).toEqual(['one.png', 'two.png'])
    expect(new TextDecoder().decode(await pictures[1]?.read())).toBe('two.png')
    expect(() => itemOf(task, { image: undefined })).toThrow('The field "image" of line 7 of x cannot be used.')
  })
})
