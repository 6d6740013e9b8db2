/**
 * What the search of LongRoPE tries (Ding et al., 2024, section 3): a factor for each pair of components, never smaller than that
 * of the pair before, and how many tokens at the start of a text are left alone. Factors lie on a grid of hundredths.
 */
import { present } from '../base/errors.ts'
import type { Random } from '../base/random.ts'

export interface Candidate {
  readonly factors: readonly number[]
  /** Positions below this turn as they did before the extension. */
  readonly startTokens: number
}

/** Where candidates are looked for. */
export interface SearchSpace {
  /** The largest factor; the smallest is 1. */
  readonly most: number
  /** The numbers of start tokens to choose from. */
  readonly startTokens: readonly number[]
}

const stepsOfOne = 100

/** The place on the grid that is nearest. */
function gridPlace(factor: number): number {
  return Math.round(factor * stepsOfOne)
}

/** The factors as a candidate within the space: on the grid, between 1 and the largest, none smaller than the one before. */
export function candidateOf(factors: readonly number[], startTokens: number, { most }: SearchSpace): Candidate {
  let place = stepsOfOne
  const placed = factors.map((factor) => {
    place = Math.max(place, Math.min(gridPlace(most), gridPlace(factor)))
    return place / stepsOfOne
  })
  return { factors: placed, startTokens }
}

/** The same for equal candidates. */
export function keyOf({ factors, startTokens }: Candidate): string {
  return `${startTokens} ${factors.map(gridPlace).join(' ')}`
}

function isMonotone(factors: readonly number[]): boolean {
  return factors.every((factor, index) => index === 0 || factor >= present(factors[index - 1], 'factor'))
}

/**
 * Each gene is drawn anew with this probability: a factor between those of its neighbours, which keeps the order, the number of
 * start tokens from the list.
 */
export function mutate(parent: Candidate, probability: number, space: SearchSpace, random: Random): Candidate {
  const factors = [...parent.factors]
  factors.forEach((_, index) => {
    if (random.float() >= probability) return
    const low = gridPlace(factors[index - 1] ?? 1)
    const high = gridPlace(factors[index + 1] ?? space.most)
    factors[index] = random.integer(low, high + 1) / stepsOfOne
  })
  const draws = space.startTokens.length > 1 && random.float() < probability
  return { factors, startTokens: draws ? random.pick(space.startTokens) : parent.startTokens }
}

/** Scans of two parents after which there is taken to be no child of them that is new. */
const mostScans = 20

/**
 * A child of two candidates as the published code makes it: the first with genes of the second, of which it takes one after the
 * other until it is monotone and new.
 *
 * @param isNew whether a candidate was not there yet
 * @returns undefined where none was found
 */
export function cross(
  first: Candidate,
  second: Candidate,
  probability: number,
  isNew: (candidate: Candidate) => boolean,
  random: Random,
): Candidate | undefined {
  const factors = [...first.factors]
  let { startTokens } = first
  for (let scan = 0; scan < mostScans; scan++) {
    if (random.float() < probability / 2) startTokens = second.startTokens
    for (let index = 0; index < factors.length; index++) {
      if (random.float() >= probability || random.float() >= 0.5) continue
      factors[index] = present(second.factors[index], 'factor')
      if (!isMonotone(factors)) continue
      const child = { factors: [...factors], startTokens }
      if (isNew(child)) return child
    }
  }
  return undefined
}
