/** Found figures against published ones. */

/** By how much a logit may differ: `absolute + relative * |expected|`. */
export interface Tolerance {
  readonly absolute: number
  readonly relative: number
}

/** The place where found and expected are furthest apart, in units of what is allowed there. */
export interface Worst {
  readonly place: string
  readonly difference: number
  readonly tolerance: number
}

export interface Verdict {
  readonly passed: boolean
  readonly worst: Worst
}

const allowed = ({ absolute, relative }: Tolerance, logit: number): number => absolute + relative * Math.abs(logit)

function verdictOn(places: readonly Worst[]): Verdict {
  // What is not a number is as far away as can be.
  const excess = ({ difference, tolerance }: Worst): number =>
    Number.isNaN(difference) ? Infinity : difference / tolerance
  const worst = places.reduce((before, place) => (excess(place) > excess(before) ? place : before))
  return { passed: excess(worst) <= 1, worst }
}

/** Compares rows of logits of equal shape. */
export function judgeLogits(
  expected: readonly (readonly number[])[],
  found: readonly (readonly number[])[],
  tolerance: Tolerance,
): Verdict {
  const places = expected.flatMap((row, index) =>
    row.map((value, id) => ({
      place: `row ${index}, id ${id}`,
      difference: Math.abs((found[index]?.[id] ?? Number.NaN) - value),
      tolerance: allowed(tolerance, value),
    })),
  )
  return verdictOn(places)
}

/** A step of a continuation: what should come next, and what the model holds likeliest. */
export interface Step {
  readonly expected: number
  readonly expectedLogit: number
  readonly likeliest: number
  readonly likeliestLogit: number
}

/** Of the tokens of a continuation; with the published weights in 4 bits it should be far more. */
const leastShare = 0.75

/**
 * Judges a continuation that is the most likely one by how far the likeliest token stands above the expected one at each
 * step; no distance where they are the same. Two logits that may both be off by the tolerance may change places within
 * twice of it. A model that holds everything equally likely is near everything, so most tokens must be the expected ones.
 */
export function judgeContinuation(steps: readonly Step[], tolerance: Tolerance): Verdict {
  const verdict = verdictOn(
    steps.map(({ expectedLogit, likeliestLogit }, index) => ({
      place: `token ${index + 1} of ${steps.length}`,
      difference: likeliestLogit - expectedLogit,
      tolerance: 2 * allowed(tolerance, likeliestLogit),
    })),
  )
  const equal = steps.filter(({ expected, likeliest }) => expected === likeliest).length
  return { ...verdict, passed: verdict.passed && equal >= leastShare * steps.length }
}
