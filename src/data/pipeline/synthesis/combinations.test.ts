import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { drawCombinations } from './combinations.ts'
import { diversityOf, openingOf } from './diversity.ts'
import { parseSynthesisPlan, topicsOf } from './plan.ts'
import { isSameAnswer, verdictOn } from './solutions.ts'

const topics = Array.from({ length: 200 }, (_, index) => `topic ${index}`)
const plan = { seed: 1, count: 600, audiences: ['children', 'adults'], forms: { textbook: 3, exercise: 1 } }

describe('combinations', () => {
  test('come once each, as often as forms weigh, and in the same order when more are wanted', () => {
    const drawn = drawCombinations(plan, topics)
    expect(new Set(drawn.map(({ id }) => id)).size).toBe(600)
    const share = drawn.slice(0, 200).filter(({ form }) => form === 'textbook').length / 200
    expect(share).toBeGreaterThan(0.68)
    expect(share).toBeLessThan(0.82)
    expect(drawCombinations({ ...plan, count: 100 }, topics)).toEqual(drawn.slice(0, 100))
    expect(drawCombinations({ ...plan, seed: 2 }, topics)).not.toEqual(drawn)
    expect(drawCombinations(plan, topics.toReversed())).toEqual(drawn)
    // New topics come between those that there were.
    const more = drawCombinations({ ...plan, count: 800 }, [...topics, 'another', 'and another'])
    const before = new Set(drawn.map(({ id }) => id))
    expect(more.filter(({ id }) => before.has(id))).toEqual(drawn)
    expect(new Set(drawn.map(({ opening }) => opening)).size).toBeGreaterThan(10)
  })
})

describe('final answers', () => {
  test.each([
    ['84 pencils', '84'],
    ['84', 'There are 84 pencils.'],
    ['$1,250.50', '1250.5 dollars'],
    ['3/4', '0.75'],
    ['3.33', '10/3'],
    ['The red one', 'red one.'],
    ['Yes', 'yes, it works'],
    ['-5', '−5 degrees'],
  ])('%s is %s', (one, other) => {
    expect([isSameAnswer(one, other), isSameAnswer(other, one)]).toEqual([true, true])
  })

  test.each([
    ['84', '85'],
    ['84', '-84'],
    ['12', '12.4'],
    ['yes', 'no'],
    ['red', 'blue'],
    ['from 3 to 4', '3'],
    ['', ''],
  ])('%s is not %s', (one, other) => {
    expect(isSameAnswer(one, other)).toBe(false)
  })

  test.each([
    [[], 1, 'open'],
    [['7'], 1, 'agreed'],
    [['8'], 1, 'disagreed'],
    [['7'], 3, 'open'],
    [['7', '7'], 3, 'agreed'],
    [['8', '7'], 3, 'open'],
    [['8', '9'], 3, 'disagreed'],
    [['7'], 2, 'open'],
    [['8'], 2, 'disagreed'],
    // Solutions beyond those that are wanted are not looked at.
    [['8', '7', '7'], 1, 'disagreed'],
  ] as const)('of which solutions come to %j of %i are %s', (finals, wanted, verdict) => {
    expect(verdictOn('7', finals, wanted)).toBe(verdict)
  })
})

test('diversity is the share of sequences that are different, on as many words of all', () => {
  expect(diversityOf(['a b a b', 'A, B!'])).toEqual({ words: 6, distinct: [2 / 6, 2 / 4, 2 / 2, 1] })
  const long = Array.from({ length: 120_000 }, (_, index) => `w${index}`).join(' ')
  expect(diversityOf([long])).toEqual({ words: 100_000, distinct: [1, 1, 1, 1] })
  expect(diversityOf([])).toEqual({ words: 0, distinct: [0, 0, 0, 0] })
})

test('texts begin alike whatever the numbers', () => {
  expect(openingOf('A farmer has 12 boxes, and more.', 4)).toBe(openingOf('A farmer has 7 sheep.', 4))
})

test('the plan that comes with the package counts on combinations that there are', async () => {
  const text = await readFile(new URL('../../../../recipes/synthesis/lessons.yaml', import.meta.url), 'utf8')
  const lessons = parseSynthesisPlan(text)
  expect(drawCombinations(lessons, await topicsOf(lessons)).length).toBe(lessons.count)
})

test('topics of a file come once each, without remarks', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'phi-topics-'))
  const file = join(folder, 'topics.txt')
  await writeFile(file, '# remark\nshadows\n\n  echoes \nshadows\n')
  const found = await topicsOf({ ...parseSynthesisPlan(small), topics: { file } })
  await rm(folder, { recursive: true })
  expect(found).toEqual(['shadows', 'echoes'])
})

const whole = 'name: a\ndescription: b\nseed: 1\ncount: 2\ntopics: [x]\naudiences: [y]\n'
const small = `${whole}forms: { question: 1 }`

test('a plan says what is wrong with it', () => {
  expect(parseSynthesisPlan(small)).toMatchObject({
    temperature: 0.8,
    openings: { most: 5 },
  })
  expect(() => parseSynthesisPlan(`${whole}forms: { poem: 1 }`)).toThrow(/forms/)
  expect(() => parseSynthesisPlan(`${whole}forms: {}`)).toThrow(/at least one form/)
  expect(() => parseSynthesisPlan(`${whole}forms: { question: 0 }`)).toThrow(/forms.question/)
  expect(() => parseSynthesisPlan(`${whole}forms: { question: 1 }\nmore: 1`)).toThrow(/more/)
})
