import { describe, expect, test } from 'vitest'
import { candidateOf, keyOf, type Candidate, type SearchSpace } from './candidates.ts'
import { evolve, plannedMeasurements, ranked, type EvolutionSettings } from './evolution.ts'

const space: SearchSpace = { most: 10, startTokens: [0] }
const settings: EvolutionSettings = {
  population: 24,
  parents: 8,
  mutations: 8,
  crossovers: 8,
  generations: 30,
  mutationProbability: 0.3,
  seed: 3,
}
const goal = [1, 1.5, 3, 6, 8, 8.5]
const seeds = [new Array<number>(6).fill(8), goal.map((_, pair) => 8 ** (pair / 5))].map((factors) =>
  candidateOf(factors, 0, space),
)

/** How far a candidate is from the goal. */
async function distance({ factors }: Candidate): Promise<number> {
  return Math.hypot(...factors.map((factor, index) => factor - (goal[index] ?? 0)))
}

describe('evolve', () => {
  test('comes closer to the goal than what it began with, and measures nothing twice', async () => {
    const measured = await evolve(seeds, settings, space, distance)
    expect(new Set(measured.map(keyOf)).size).toBe(measured.length)
    expect(measured).toHaveLength(plannedMeasurements(settings))
    expect(measured.slice(0, 2).map(({ factors }) => factors)).toEqual(seeds.map(({ factors }) => factors))
    const [best] = ranked(measured)
    const bestSeed = Math.min(...(await Promise.all(seeds.map(distance))))
    expect(best?.loss).toBeLessThan(0.2 * bestSeed)
  })

  test('depends on the seed and the losses alone', async () => {
    const first = await evolve(seeds, settings, space, distance)
    expect(await evolve(seeds, settings, space, distance)).toEqual(first)
    expect(await evolve(seeds, { ...settings, seed: 4 }, space, distance)).not.toEqual(first)
  })

  test('makes the next generation of the best', async () => {
    const one = { ...settings, generations: 1, mutations: 40, crossovers: 0, parents: 1, mutationProbability: 0.1 }
    const measured = await evolve(seeds, one, space, distance)
    const [parent] = ranked(measured.filter(({ generation }) => generation === 0))
    const children = measured.filter(({ generation }) => generation === 1)
    expect(children.length).toBe(40)
    const equal = children.map(({ factors }) => factors.filter((factor, at) => factor === parent?.factors[at]).length)
    // Of six genes about five stay as they are.
    expect(equal.reduce((sum, count) => sum + count, 0) / 40).toBeGreaterThan(3.5)
  })

  test('ends when a small space is exhausted', async () => {
    const narrow: SearchSpace = { most: 1.02, startTokens: [0] }
    const measured = await evolve([candidateOf([1, 1], 0, narrow)], settings, narrow, distance)
    // 1, 1.01 and 1.02 in two places, in order.
    expect(measured).toHaveLength(6)
  })

  test('tries numbers of start tokens', async () => {
    const open: SearchSpace = { most: 10, startTokens: [0, 4] }
    const withStart = async (candidate: Candidate): Promise<number> =>
      (await distance(candidate)) + (candidate.startTokens === 4 ? 0 : 1)
    const [best] = ranked(await evolve(seeds, settings, open, withStart))
    expect(best?.startTokens).toBe(4)
  })
})
