/** As much text as there is room for. */
import type { RulerKind, Sample } from './kinds.ts'

/** Tries to come closer to the length; each makes a text and counts its tokens. */
const mostTries = 8

/** A text, and how many units it is made of. */
interface Fitted extends Sample {
  readonly units: number
}

export interface FitOptions {
  /** Tokens that a prompt may have. */
  readonly room: number
  /** How many units are tried first. */
  readonly start: number
  readonly countTokens: (text: string) => number
}

/** Makes a text of as many units as fit, by the tokens that a unit has on average; of the fewest where no more do. */
export function fitted(
  { fewest, most = Infinity }: Pick<RulerKind, 'fewest' | 'most'>,
  build: (units: number) => Sample,
  { room, start, countTokens }: FitOptions,
): Fitted {
  const least = build(fewest)
  const leastTokens = countTokens(least.prompt)
  let best: Fitted = { ...least, units: fewest }
  let tooMany = most + 1
  let units = Math.max(fewest + 1, Math.min(start, most))
  for (let tries = 0; tries < mostTries && units > best.units && units < tooMany; tries++) {
    const sample = build(units)
    const tokens = countTokens(sample.prompt)
    if (tokens <= room) best = { ...sample, units }
    else tooMany = units
    const tokensOfUnit = Math.max(1, (tokens - leastTokens) / (units - fewest))
    const next = units + Math.floor((room - tokens) / tokensOfUnit)
    units = Math.min(Math.max(next, best.units), tooMany - 1)
  }
  return best
}
