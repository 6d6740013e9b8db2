/**
 * Bounds on what a backtracking engine does with a pattern, from one place in a text of n characters. Every bound is a
 * polynomial in n; a pattern whose bound grows faster than linearly is refused, so that no file can make encoding hang.
 */

/** c0 + c1 n; `Infinity` in `perCharacter` stands for everything that grows faster. */
interface Bound {
  readonly constant: number
  readonly perCharacter: number
}

export interface Cost {
  /** Ways to match, all of which a later failure makes the engine try. */
  readonly paths: Bound
  /** Steps to try all ways. */
  readonly work: Bound
  /** Steps until the first way is found: what a part costs that is never asked again (the whole, atomic, lookaround). */
  readonly first: Bound
  /** Steps until it is known that there is no way. */
  readonly failure: Bound
  /** Whether there may be no way. */
  readonly fallible: boolean
}

const zero: Bound = { constant: 0, perCharacter: 0 }
const one: Bound = { constant: 1, perCharacter: 0 }

function sum(bounds: readonly Bound[]): Bound {
  return bounds.reduce(
    (left, right) => ({
      constant: left.constant + right.constant,
      perCharacter: left.perCharacter + right.perCharacter,
    }),
    zero,
  )
}

function product(left: Bound, right: Bound): Bound {
  const cross = (count: number, other: number): number => (count === 0 || other === 0 ? 0 : count * other)
  const square = cross(left.perCharacter, right.perCharacter) > 0
  return {
    constant: cross(left.constant, right.constant),
    perCharacter: square
      ? Infinity
      : cross(left.constant, right.perCharacter) + cross(left.perCharacter, right.constant),
  }
}

/** One character or an anchor. */
export const stepCost: Cost = { paths: one, work: one, first: one, failure: one, fallible: true }
export const emptyCost: Cost = { paths: one, work: one, first: one, failure: zero, fallible: false }

export function alternationCost(branches: readonly Cost[]): Cost {
  if (branches.length === 1) return branches[0] as Cost
  return {
    paths: sum(branches.map(({ paths }) => paths)),
    work: sum(branches.map(({ work }) => work)),
    first: sum(branches.map(({ first, failure }) => sum([first, failure]))),
    failure: sum(branches.map(({ failure }) => failure)),
    fallible: branches.every(({ fallible }) => fallible),
  }
}

/** Where all parts after one always match, its first success is the success of the whole. */
export function sequenceCost(parts: readonly Cost[]): Cost {
  const last = parts.findLastIndex(({ fallible }) => fallible)
  let [paths, work, failure] = [one, one, zero]
  parts.forEach((part, index) => {
    const tried = product(paths, part.work)
    if (index < last) failure = sum([failure, tried])
    if (index === last) failure = sum([failure, product(paths, part.failure)])
    work = sum([work, tried])
    paths = product(paths, part.paths)
  })
  const ends = parts.slice(Math.max(last, 0)).map(({ first }) => first)
  return { paths, work, first: sum([one, failure, ...ends]), failure, fallible: last >= 0 }
}

/** Counts above this are taken for "as often as the text is long". */
const largestCount = 64

/** `most` is Infinity for a quantifier without an upper bound. */
export function repetitionCost(body: Cost, least: number, most: number): Cost {
  const { paths, work } = repetitions(body, least, most)
  const failure = least === 0 ? zero : least === 1 ? body.failure : work
  return { paths, work, first: work, failure, fallible: least > 0 && body.fallible }
}

function repetitions(body: Cost, least: number, most: number): Pick<Cost, 'paths' | 'work'> {
  if (most > largestCount) {
    const single = body.paths.constant <= 1 && body.paths.perCharacter === 0
    const rounds = { constant: least + 1, perCharacter: 1 }
    // With two ways to match a round there are 2^rounds ways in all.
    if (!single)
      return { paths: { constant: 1, perCharacter: Infinity }, work: { constant: 1, perCharacter: Infinity } }
    return { paths: { constant: 1, perCharacter: 1 }, work: product(rounds, sum([body.work, one])) }
  }
  let [paths, work, ways] = [least === 0 ? one : zero, one, one]
  for (let round = 1; round <= most; round++) {
    work = sum([work, product(ways, body.work)])
    ways = product(ways, body.paths)
    if (round >= least) paths = sum([paths, ways])
  }
  return { paths: most === 0 ? one : paths, work }
}

/** A part that is never asked for another way: atomic groups, possessive quantifiers, lookaround. */
export function atomicCost(body: Cost, fallible: boolean = body.fallible): Cost {
  const work = sum([body.first, one])
  return { paths: one, work, first: work, failure: fallible ? work : zero, fallible }
}

/** Whether the steps from each place in a text stay below some hundreds for each character of it. */
export function isAffordable({ first }: Cost): boolean {
  return first.constant <= 10_000 && first.perCharacter <= 500
}
