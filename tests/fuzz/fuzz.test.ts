/**
 * Ten thousand mutants of the files that come from somewhere: each is refused with a typed error that says why, or loads as its
 * bytes say. More of them: `node scripts/fuzz.ts`.
 */
import { describe, expect, test } from 'vitest'
import { count, emptyTally, tallyLine } from './format.ts'
import { fuzzFormats, mutantsOf, runMutant } from './formats.ts'

const [seed, mutants] = [1, 10_000]

describe(`${mutants} mutants`, () => {
  test.each(fuzzFormats.map((format) => [format.name, format] as const))('of %s', async (name, format) => {
    const tally = emptyTally()
    for (let index = 0; index < mutantsOf(format, mutants); index++) {
      const outcome = await runMutant(format, seed, index)
      expect(outcome.defect, `node scripts/fuzz.ts --seed ${seed} --only "${name}" --index ${index}`).toBeUndefined()
      count(tally, outcome)
    }
    const { loaded = 0 } = tally.results
    const line = tallyLine(name, tally)
    expect(tally.passed, line).toBeGreaterThanOrEqual(tally.mutants / 2)
    expect(loaded, line).toBeGreaterThan(tally.mutants / 20)
    expect(loaded, line).toBeLessThan(tally.mutants)
  })
})
