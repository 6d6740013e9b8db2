import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Random } from '../base/random.ts'
import { candidateOf, cross, keyOf, mutate, type Candidate, type SearchSpace } from './candidates.ts'

const space: SearchSpace = { most: 10, startTokens: [0, 4, 16] }

const drawn = fc
  .array(fc.double({ min: 0.5, max: 12, noNaN: true }), { minLength: 1, maxLength: 24 })
  .map((factors) => candidateOf(factors, 0, space))

function expectWithin({ factors, startTokens }: Candidate): void {
  factors.forEach((factor, index) => {
    expect(factor).toBeGreaterThanOrEqual(factors[index - 1] ?? 1)
    expect(factor).toBeLessThanOrEqual(space.most)
    expect(Math.abs(factor * 100 - Math.round(factor * 100))).toBeLessThan(1e-9)
  })
  expect(space.startTokens).toContain(startTokens)
}

describe('candidates', () => {
  test('are put on the grid, in order, within the space', () => {
    expect(candidateOf([0.3, 2.004, 1.5, 99], 4, space)).toEqual({ factors: [1, 2, 2, 10], startTokens: 4 })
    fc.assert(fc.property(drawn, (candidate) => expectWithin(candidate)))
  })

  test('stay monotone and within the space when they mutate', () => {
    let changed = 0
    fc.assert(
      fc.property(drawn, fc.integer(), fc.constantFrom(0.3, 0.6, 1), (parent, seed, probability) => {
        const child = mutate(parent, probability, space, new Random(seed))
        expectWithin(child)
        if (keyOf(child) !== keyOf(parent)) changed++
      }),
    )
    expect(changed).toBeGreaterThan(30)
  })

  test('mutate every gene or none as the probability says', () => {
    const parent = candidateOf([1, 3, 5, 7, 9], 0, space)
    expect(mutate(parent, 0, space, new Random(1))).toEqual(parent)
    const child = mutate(parent, 1, space, new Random(1))
    expect(child.factors.filter((factor, index) => factor !== parent.factors[index]).length).toBeGreaterThan(3)
  })

  test('have children whose genes are of one parent or the other', () => {
    let found = 0
    const pairs = fc.integer({ min: 2, max: 16 }).chain((length) => {
      const one = fc.array(fc.double({ min: 1, max: 10, noNaN: true }), { minLength: length, maxLength: length })
      return fc.tuple(one, one)
    })
    fc.assert(
      fc.property(pairs, fc.integer(), ([one, other], seed) => {
        const [first, second] = [candidateOf(one, 0, space), candidateOf(other, 4, space)]
        const known = new Set([keyOf(first), keyOf(second)])
        const child = cross(first, second, 0.3, (candidate) => !known.has(keyOf(candidate)), new Random(seed))
        if (child === undefined) return
        found++
        expectWithin(child)
        expect(known.has(keyOf(child))).toBe(false)
        child.factors.forEach((factor, index) => {
          expect([first.factors[index], second.factors[index]]).toContain(factor)
        })
      }),
    )
    expect(found).toBeGreaterThan(20)
  })
})
