import { describe, expect, it } from 'vitest'
import { Random } from '../../base/random.ts'
import { numberInWords, plural } from './grammar.ts'
import { isHeldOutPair, type Operation } from './held-out.ts'
import { drawProblem, drawArithmeticQuestions } from './kinds/arithmetic.ts'
import { drawEquation, drawScene, drawWordProblem } from './kinds/arithmetic-draw.ts'
import { heldOutFemaleNames, heldOutMaleNames } from './tables/names.ts'
import { heldOutNouns } from './tables/nouns.ts'

const equation = /(\d+) ([-+×÷]) (\d+) = (\d+)/g

/** Recomputed here, apart from the generator. */
function compute(first: number, sign: string, second: number): number {
  if (sign === '+') return first + second
  if (sign === '-') return first - second
  return sign === '×' ? first * second : first / second
}

const problems = Array.from({ length: 2000 }, (_, index) => drawProblem(new Random(index)))
const inText = (text: string, value: number): boolean =>
  new RegExp(`(?<!\\d)${value}(?!\\d)|\\b${numberInWords(value)}\\b`, 'i').test(text)

describe('arithmetic', () => {
  it('states only true equations', () => {
    let seen = 0
    for (const { answer } of problems) {
      for (const [all, first, sign, second, result] of answer.matchAll(equation)) {
        seen++
        if (compute(Number(first), sign ?? '', Number(second)) !== Number(result)) expect.fail(`${all} is wrong`)
      }
    }
    expect(seen).toBeGreaterThan(3500)
  })

  it('works on the numbers of the question and ends with the result of its leads', () => {
    for (const { question, answer, result } of problems) {
      const leads = [...answer.matchAll(/(?:add|subtract|multiply|divide): (\d+) ([-+×÷]) (\d+)\./g)]
      expect(Number(/The answer is (\d+)\.$/.exec(answer)?.[1])).toBe(result)
      let value: number | undefined
      for (const [, first, sign, second] of leads) {
        if (value === undefined) expect(inText(question, Number(first)), question + answer).toBe(true)
        else expect(Number(first)).toBe(value)
        expect(inText(question, Number(second)), question + answer).toBe(true)
        value = compute(Number(first), sign ?? '', Number(second))
      }
      if (leads.length > 0) expect(value, question).toBe(result)
      expect(result).toBeGreaterThanOrEqual(0)
      expect(result).toBeLessThanOrEqual(100)
    }
  })

  it('goes in equal steps to zero', () => {
    let chains = 0
    for (const { answer } of problems) {
      const added = /: (\d+) × (\d+)\. Add (\d+) each time: ([^.]*)\./.exec(answer)
      if (added !== null) {
        chains++
        const [, groups, each, step, chain = ''] = added
        expect(step).toBe(each)
        const links = [...chain.matchAll(/(\d+) and (\d+) to go/g)].map((link) => [Number(link[1]), Number(link[2])])
        const count = Number(groups)
        expect(links).toEqual(Array.from({ length: count }, (_, at) => [Number(each) * (at + 1), count - at - 1]))
      }
      const taken = /: (\d+) ÷ (\d+)\. Take (\d+) away each time: ([^.]*)\./.exec(answer)
      if (taken !== null) {
        chains++
        const [, total, divisor, step, chain = ''] = taken
        expect(step).toBe(divisor)
        const links = [...chain.matchAll(/(\d+) leaves? (\d+)/g)].map((link) => [Number(link[1]), Number(link[2])])
        const count = Number(total) / Number(divisor)
        expect(links).toEqual(
          Array.from({ length: count }, (_, at) => [at + 1, Number(total) - Number(divisor) * (at + 1)]),
        )
      }
    }
    expect(chains).toBeGreaterThan(400)
  })

  it('names the bigger and the smaller number', () => {
    for (const { answer } of problems) {
      const match = /So (\d+) is (bigger|smaller) than (\d+)\. The answer is (\d+)\./.exec(answer)
      if (match === null) continue
      expect(Number(match[1]) > Number(match[3])).toBe(match[2] === 'bigger')
      expect(match[4]).toBe(match[1])
    }
  })

  it('never uses a reserved pair, name or noun in training, and only such in evaluation', () => {
    const reserved = new Set([
      ...heldOutFemaleNames,
      ...heldOutMaleNames,
      ...heldOutNouns,
      ...heldOutNouns.map((noun) => plural(noun)),
    ])
    for (const { question, answer } of problems) {
      expect((question.match(/\p{L}+/gu) ?? []).filter((word) => reserved.has(word))).toEqual([])
      for (const [all, first, sign, second] of answer.matchAll(equation)) {
        if (isHeldOutPair(Number(first), Number(second), sign as Operation)) expect.fail(`${all} is reserved`)
      }
    }
    for (const { question } of drawArithmeticQuestions(3, 200)) {
      expect(
        [...reserved].some((word) => new RegExp(`\\b${word}\\b`).test(question)),
        question,
      ).toBe(true)
    }
    const splits = { words: 'heldOut', numbers: 'heldOut', wordings: 'heldOut' } as const
    for (let seed = 0; seed < 300; seed++) {
      for (const { answer } of [drawEquation(new Random(seed), splits), drawWordProblem(new Random(seed), splits)]) {
        for (const [all, first, sign, second] of answer.matchAll(/: (\d+) ([-+×÷]) (\d+)\./g)) {
          expect(isHeldOutPair(Number(first), Number(second), sign as Operation), all).toBe(true)
        }
      }
    }
  })

  it('reserves about a tenth of the pairs and none of the alphabet of the method', () => {
    const pairs = Array.from({ length: 80 }, (_, index) => index + 11).flatMap((first) =>
      Array.from({ length: 80 }, (_, index) => [first, index + 11] as const),
    )
    const share = pairs.filter(([first, second]) => isHeldOutPair(first, second, '+')).length / pairs.length
    expect(share).toBeGreaterThan(0.06)
    expect(share).toBeLessThan(0.12)
    for (let first = 0; first < 10; first++) {
      for (let second = 0; second < 10; second++) {
        expect(isHeldOutPair(first, second, '+')).toBe(false)
        expect(isHeldOutPair(first + 9, second, '-')).toBe(false)
        expect(isHeldOutPair(10 * first, second, '+')).toBe(false)
      }
    }
  })

  it('draws the same test for the same seed', () => {
    expect(drawArithmeticQuestions(7, 50)).toEqual(drawArithmeticQuestions(7, 50))
    expect(drawArithmeticQuestions(7, 50)).not.toEqual(drawArithmeticQuestions(8, 50))
    expect(new Set(drawArithmeticQuestions(7, 50).map((row) => row.question)).size).toBe(50)
  })

  it('leaves no slot open in a scene', () => {
    for (let seed = 0; seed < 500; seed++) {
      const { question, answer } = drawScene(new Random(seed))
      expect(question + answer).not.toMatch(/[{}[\]|]|undefined/)
    }
  })
})
