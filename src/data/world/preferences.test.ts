import { describe, expect, it } from 'vitest'
import { abstains, refuses, scoreAnswer } from '../../eval/world/score.ts'
import { isHeldOutPair, type Operation } from './held-out.ts'
import { preference, preferenceKinds } from './index.ts'

const pairs = Array.from({ length: 3000 }, (_, index) => preference(3, index))
const ofKind = (kind: string): typeof pairs => pairs.filter((pair) => pair.kind === kind)

/** Whether the last number of an answer is that of another. */
const givesNumber = (answer: string, other: string): boolean => {
  const value = Number(/The answer is (\d+)\./.exec(other)?.[1])
  return scoreAnswer({ id: 'x', kind: 'x', question: '?', check: { type: 'number', value } }, answer).right
}

describe('preferences of the world', () => {
  it('are the same for the same seed and index, in any order', () => {
    expect([9, 2, 9].map((index) => preference(5, index))).toEqual([9, 2, 9].map((index) => preference(5, index)))
    expect(preference(5, 9)).not.toEqual(preference(5, 10))
    expect(preference(6, 9)).not.toEqual(preference(5, 9))
  })

  it('come by their weights, or by those of a mixture', () => {
    const total = preferenceKinds.reduce((sum, { weight }) => sum + weight, 0)
    for (const { name, weight } of preferenceKinds) {
      expect(Math.abs(ofKind(name).length / pairs.length - weight / total), name).toBeLessThan(0.03)
    }
    const mixture = { ...Object.fromEntries(preferenceKinds.map(({ name }) => [name, 0])), outside: 1 }
    for (let index = 0; index < 20; index++) expect(preference(1, index, { mixture }).kind).toBe('outside')
    expect(() => preference(1, 0, { mixture: { stories: 1 } })).toThrow('no kind "stories"')
  })

  it('end with a question and have two well-formed answers that differ', () => {
    for (const { prompt, chosen, rejected } of pairs) {
      expect(prompt.at(-1)?.role).toBe('user')
      expect(chosen).not.toBe(rejected)
      for (const text of [chosen, rejected]) {
        expect(text).not.toMatch(/[{}|~^]|undefined|NaN| {2}|\n/)
        expect(text, text).toMatch(/^[\p{Lu}\d].*[.!?"]$/u)
      }
    }
  })

  it('reject sums under a wrong sign, of no pair of numbers that is reserved', () => {
    for (const { chosen, rejected } of ofKind('arithmetic')) {
      expect(givesNumber(chosen, chosen)).toBe(true)
      expect(givesNumber(rejected, chosen)).toBe(false)
      expect(chosen.slice(0, 9)).not.toBe(rejected.slice(0, 9))
      for (const [, first, sign, second] of rejected.matchAll(/(\d+) ([-+×÷]) (\d+)/g)) {
        expect(isHeldOutPair(Number(first), Number(second), sign as Operation), rejected).toBe(false)
      }
    }
  })

  it('reject what is made up where nothing is known, and refusals where nothing is wrong', () => {
    for (const { chosen, rejected } of ofKind('outside')) {
      expect([abstains(chosen), abstains(rejected)], rejected).toEqual([true, false])
    }
    for (const { chosen, rejected } of ofKind('refusals')) {
      expect([refuses(chosen), refuses(rejected)], rejected).toEqual([true, false])
    }
    for (const { chosen, rejected } of ofKind('harmless')) {
      expect([refuses(chosen), refuses(rejected)], chosen).toEqual([false, true])
    }
  })
})
