/** Texts of RULER against readers that know nothing of how they were made: what they find in a text is what the answer has to be. */
import { describe, expect, test } from 'vitest'
import { readTask } from '../benchmarks/rows.ts'
import type { Row } from '../tasks/row.ts'
import type { GenerationItem } from '../tasks/types.ts'
import { rulerRows, rulerTask } from './index.ts'

/** Words and marks, as simple a tokenizer as there is. */
const countTokens = (text: string): number => text.match(/\w+|[^\w\s]/g)?.length ?? 0

const facts = ['The mill stands by the brook.', 'The ferry leaves at nine.', 'Otto keeps bees.', 'The well is dry.']
const asked = [
  { question: 'Where does the mill stand?', answers: ['by the brook', 'at the brook'], passages: [facts[0], facts[3]] },
  { question: 'When does the ferry leave?', answers: ['nine'], passages: [facts[1]] },
  { question: 'What does Otto keep?', answers: ['bees'], passages: [facts[2]] },
]
const questions = new Map<string, readonly Row[]>([['qa-1', asked.map((fields) => ({ fields, place: '' }))]])

async function itemsOf(length: number, limit: number, seed = 1): Promise<readonly GenerationItem[]> {
  const { source } = rulerRows({ length, seed, limit, countTokens, questions })
  return ((await readTask(rulerTask(length), source))?.items ?? []) as readonly GenerationItem[]
}

/** One text of each kind. */
const kinds = new Map((await itemsOf(6000, 24)).slice(12).map((item) => [item.group, item]))

function itemOf(kind: string): GenerationItem {
  const item = kinds.get(kind)
  if (item === undefined) throw new Error(`no text of ${kind}`)
  return item
}

/** What the text tells of things, and the things of its question. */
function readNeedles({ question }: GenerationItem): {
  told: (readonly [thing: string, secret: string])[]
  wanted: string[]
} {
  const [text = '', ask = ''] = question.split(/\n\nWhat (?:is|are all) the /)
  const told = [...text.matchAll(/The secret (?:number|code) of (.+?) is ([\w-]+)\./g)]
  const [, things = ''] = /^secret \w+ of (.+) that the text tells\?/.exec(ask) ?? []
  return { told: told.map(([, thing = '', secret = '']) => [thing, secret] as const), wanted: things.split(/, | and /) }
}

describe('needles', () => {
  test.each([
    ['single-1', 1, 1, /^\d{7}$/],
    ['single-2', 1, 1, /^\d{7}$/],
    ['single-3', 1, 1, /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/],
    ['multi-key-1', 4, 1, /^\d{7}$/],
    ['multi-value', 4, 4, /^\d{7}$/],
    ['multi-query', 4, 4, /^\d{7}$/],
  ])('%s', (kind, tellings, right, form) => {
    const item = itemOf(kind)
    const { told, wanted } = readNeedles(item)
    expect(told.length).toBe(tellings)
    const found = told.filter(([thing]) => wanted.includes(thing)).map(([, secret]) => secret)
    expect(found.toSorted()).toEqual(item.answers.toSorted())
    expect(found.length).toBe(right)
    for (const secret of found) expect(secret).toMatch(form)
  })

  test.each(['multi-key-2', 'multi-key-3'])('%s is one among hundreds of its like', (kind) => {
    const item = itemOf(kind)
    const { told, wanted } = readNeedles(item)
    expect(told.length).toBeGreaterThan(200)
    expect(new Set(told.map(([thing]) => thing)).size).toBe(told.length)
    expect(told.filter(([thing]) => wanted.includes(thing)).map(([, secret]) => secret)).toEqual(item.answers)
  })

  test('stand anywhere', async () => {
    const items = (await itemsOf(1500, 400)).filter(({ group }) => group === 'single-2')
    const places = items.map(({ question }) => question.indexOf('The secret number of') / question.length)
    expect(items.length).toBeGreaterThan(30)
    expect(Math.min(...places)).toBeLessThan(0.15)
    expect(Math.max(...places)).toBeGreaterThan(0.85)
  })
})

test('tracking: names are followed to their value', () => {
  const { question, answers } = itemOf('tracking')
  const values = new Map<string, string>()
  for (const [, name = '', other, value] of question.matchAll(/Let (\w+) be (?:the same as (\w+)|(\d+))\./g)) {
    values.set(name, value ?? values.get(other ?? '') ?? 'unknown')
  }
  const wanted = /Which names have the value (\d+)\?/g
  const [example, last] = [...question.matchAll(wanted)].map(([, value]) => value)
  const namesOf = (value: string | undefined): string[] =>
    [...values].flatMap(([name, own]) => (own === value ? [name] : []))
  expect(namesOf(last).toSorted()).toEqual(answers.toSorted())
  expect(answers.length).toBe(5)
  expect(question).toContain(`The 5 names that have the value ${example} are ${namesOf(example).join(', ')}\n\n`)
})

/** How often each word of a text comes, the most frequent first. */
function frequencies(words: readonly string[]): (readonly [word: string, count: number])[] {
  const groups = Map.groupBy(words, (word) => word)
  return [...groups].map(([word, all]) => [word, all.length] as const).sort(([, a], [, b]) => b - a)
}

test('common words come thirty times and others three times', () => {
  const { question, answers } = itemOf('common-words')
  const [list = ''] = question.split('\n\n').slice(-2)
  const counted = frequencies(list.match(/[a-z]+/g) ?? [])
  expect(
    counted
      .slice(0, 10)
      .map(([word]) => word)
      .toSorted(),
  ).toEqual(answers.toSorted())
  expect([...new Set(counted.map(([, count]) => count))]).toEqual([30, 3])
  // The list with its answer before.
  const [, example = '', solved = ''] = question.split('\n\n')
  const common = frequencies(example.match(/[a-z]+/g) ?? []).slice(0, 10)
  expect(common.map(([, count]) => count)).toEqual(Array.from({ length: 10 }, () => 10))
  for (const [word] of common) expect(solved).toContain(word)
})

test('frequent words are the three after the filler, in their order', () => {
  const { question, answers } = itemOf('frequent-words')
  const [, text = ''] = question.split('\n\n')
  const counted = frequencies(text.split(' '))
  expect(counted[0]?.[0]).toBe('...')
  expect(counted.slice(1, 4).map(([word]) => word)).toEqual(answers)
  const [most = 0, second = 0] = counted.map(([, count]) => count)
  expect(most / second).toBeCloseTo(4, 1)
})

test('questions are asked in turn, among the passages of the others', async () => {
  const items = (await itemsOf(6000, 36)).filter(({ group }) => group === 'qa-1')
  expect(items.map(({ answers }) => answers)).toEqual(asked.map(({ answers }) => answers))
  for (const [index, { question }] of items.entries()) {
    for (const passage of asked[index]?.passages ?? []) expect(question).toContain(`:\n${passage}\n`)
    const numbers = [...question.matchAll(/Document (\d+):/g)].map(([, number]) => Number(number))
    expect(numbers).toEqual(numbers.map((_, place) => place + 1))
    expect(question).toMatch(new RegExp(`Question: ${asked[index]?.question.replace('?', String.raw`\?`)}\nAnswer:$`))
  }
})

describe('lengths', () => {
  test.each([3000, 6000, 20_000])('of %i tokens with the answer are kept, and nearly used', async (length) => {
    for (const { group, question, maxTokens = 0 } of await itemsOf(length, 24)) {
      const tokens = countTokens(question) + maxTokens
      expect(tokens, group).toBeLessThanOrEqual(length)
      if (group !== 'qa-1') expect(tokens, group).toBeGreaterThan(0.98 * length - 40)
    }
  })

  test('that are too short for a kind leave it out', async () => {
    const { source: made, tooLong } = rulerRows({ length: 400, seed: 1, limit: 9, countTokens, questions: new Map() })
    expect(tooLong).toEqual(['common-words'])
    expect((await made.rows('ruler-400', 'test'))?.map(({ fields }) => fields['kind'])).not.toContain('common-words')
    expect(() => rulerRows({ length: 40, seed: 1, limit: 9, countTokens, questions })).toThrow('as short as 40 tokens')
  })
})

test('texts are the same for a seed, and others for another', async () => {
  const texts = async (seed: number): Promise<readonly string[]> =>
    (await itemsOf(3000, 24, seed)).map(({ question }) => question)
  const first = await texts(1)
  expect(await texts(1)).toEqual(first)
  expect(new Set(first).size).toBe(24)
  expect((await texts(2)).filter((text) => first.includes(text)).length).toBe(0)
})

describe('scores', () => {
  // Restated by hand: the share of the answers that stand in what was written, whatever their case; of questions, whether any does.
  test.each([
    ['multi-value', ['111', '222', '333', '444'], ' 111, 333 and 999.', 0.5],
    ['multi-value', ['111', '222', '333', '444'], '444 333 222 111', 1],
    ['single-3', ['ab-cd'], 'It is AB-CD.', 1],
    ['single-1', ['1234567'], '123456', 0],
    ['tracking', ['ABCDE', 'FGHIJ'], 'abcde', 0.5],
    ['qa-1', ['by the brook', 'at the brook'], 'It stands At The Brook', 1],
    ['qa-1', ['nine'], 'ten', 0],
    ['common-words', ['crow', 'swan'], '', 0],
  ])('%s: %j in %j', (group, answers, answer, match) => {
    expect(rulerTask(4096).score({ id: '', group, solved: '', question: '', answers }, answer)).toEqual({ match })
  })
})

test('prompts', async () => {
  // A tokenizer of letters for short ones.
  const short = rulerRows({ length: 1300, seed: 1, limit: 12, countTokens: (text) => text.length, questions })
  const rows = (await short.source.rows('ruler', 'test')) ?? []
  for (const { fields } of rows) expect(fields['prompt']).toMatchSnapshot(String(fields['kind']))
  expect(new Set(rows.map(({ fields }) => fields['kind'])).size).toBe(12 - short.tooLong.length)
})
