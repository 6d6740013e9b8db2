import { describe, expect, it } from 'vitest'
import { Random } from '../base/random.ts'
import { concatenationRules, mergePieces, pairRules, withoutResults, type MergeRules } from './merge.ts'

/** Merges by the definition: look for the lowest rank, leftmost, and join there, until nothing joins. */
function mergeByDefinition(ids: readonly number[], rules: MergeRules): number[] {
  const merged = [...ids]
  for (;;) {
    const ranks = merged.slice(1).map((right, index) => rules.rank(merged[index] as number, right))
    const possible = ranks.filter((rank) => rank !== -1)
    if (possible.length === 0) return merged
    const lowest = Math.min(...possible)
    merged.splice(ranks.indexOf(lowest), 2, rules.result(lowest))
  }
}

/** Random rules over a few letters, closed under merging, some pieces made in two ways. */
function randomRules(random: Random): MergeRules {
  const pieces = ['a', 'b', 'c']
  const left: number[] = []
  const right: number[] = []
  const results: number[] = []
  for (let rule = 0; rule < 60; rule++) {
    const one = random.integer(0, pieces.length)
    const two = random.integer(0, pieces.length)
    if (left.some((value, index) => value === one && right[index] === two)) continue
    const piece = `${pieces[one]}${pieces[two]}`
    if (piece.length > 8) continue
    if (!pieces.includes(piece)) pieces.push(piece)
    left.push(one)
    right.push(two)
    results.push(pieces.indexOf(piece))
  }
  return pairRules(left, right, Int32Array.from(results))
}

describe('mergePieces', () => {
  it('follows the definition for short and long texts', () => {
    const random = new Random(3)
    for (let round = 0; round < 60; round++) {
      const rules = randomRules(random)
      for (const length of [0, 1, 2, 17, 40, 41, 150, 400]) {
        const ids = Array.from({ length }, () => random.integer(0, 3))
        expect(mergePieces([...ids], rules)).toEqual(mergeByDefinition(ids, rules))
      }
    }
  })
})

describe('rules', () => {
  it('let the last of equal pairs count', () => {
    const rules = pairRules([0, 0], [1, 1], Int32Array.of(5, 6))
    expect(rules.rank(0, 1)).toBe(1)
    expect(rules.result(rules.rank(0, 1))).toBe(6)
    expect(rules.rank(1, 0)).toBe(-1)
  })

  it('of concatenation rank by the id of what is made', () => {
    const pieces = ['a', 'b', 'ab', 'aba']
    const rules = concatenationRules(pieces, new Map(pieces.map((piece, id) => [piece, id])))
    expect([rules.rank(0, 1), rules.rank(2, 0), rules.rank(1, 0), rules.rank(3, 3)]).toEqual([2, 3, -1, -1])
  })

  it('can be kept from making a piece', () => {
    const rules = withoutResults(pairRules([0, 1], [1, 2], Int32Array.of(5, 6)), new Set([5]))
    expect([rules.rank(0, 1), rules.rank(1, 2)]).toEqual([-1, 1])
  })
})
