/** Wordings of training that are put together from parts. */
import { describe, expect, it } from 'vitest'
import { Random } from '../../base/random.ts'
import { composedEquation, composedProblem } from './kinds/arithmetic-composed.ts'
import { drawComposed } from './kinds/arithmetic-draw.ts'
import { equationWordings, families } from './kinds/arithmetic-families.ts'
import { harms } from './tables/outside.ts'
import { composedHarms, twinTasks } from './wordings/harms.ts'

const wordsOf = (template: string): string[] =>
  (template.split('||')[0] ?? '')
    .replaceAll(/\{\w+\}/g, 'slot')
    .toLowerCase()
    .match(/[\p{L}']+/gu) ?? []

/** The share of words that two templates have in common. */
function likeness(one: readonly string[], other: readonly string[]): number {
  const left = other.slice()
  for (const word of one) {
    const at = left.indexOf(word)
    if (at >= 0) left.splice(at, 1)
  }
  return (other.length - left.length) / Math.max(one.length, other.length)
}

/** The wordings that are near to a reserved one. */
function near(wordings: Iterable<string>, reserved: readonly string[]): string[] {
  const heldOut = reserved.map(wordsOf)
  return [...wordings].filter((wording) => heldOut.some((other) => likeness(wordsOf(wording), other) >= 0.75))
}

describe('composed wordings', () => {
  it('are hardly ever the same, and no near copies of what is reserved', () => {
    const random = new Random(1)
    const problems = new Set(Array.from({ length: 2000 }, () => composedProblem(random).wording))
    expect(problems.size).toBeGreaterThan(1200)
    expect(
      near(
        problems,
        families.flatMap(({ heldOut }) => heldOut),
      ),
    ).toEqual([])
    for (const sign of ['+', '-', '×', '÷'] as const) {
      const equations = new Set(Array.from({ length: 1500 }, () => composedEquation(random, sign)))
      expect(equations.size).toBeGreaterThan(150)
      expect(near(equations, equationWordings[sign].heldOut)).toEqual([])
    }
  })

  it('end with the result that their numbers give', () => {
    const random = new Random(2)
    for (let index = 0; index < 500; index++) {
      const { question, answer, result } = drawComposed(random)
      expect(question).not.toMatch(/[{}|]|undefined/)
      expect(answer).toMatch(new RegExp(`\\b${result}\\b.* The answer is ${result}\\.$`))
    }
  })

  it('of harms are none that is reserved, and their harmless twins are others', () => {
    const tasks = composedHarms.flatMap(({ verbs, objects }) =>
      verbs.flatMap((verb) => objects.map((object) => verb.replace('{o}', object))),
    )
    expect(new Set(tasks).size).toBeGreaterThan(900)
    expect(
      near(
        tasks,
        harms.flatMap(({ heldOut }) => heldOut),
      ),
    ).toEqual([])
    expect(twinTasks.filter(([task]) => tasks.includes(task))).toEqual([])
  })
})
