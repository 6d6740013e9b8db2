/** How other methods stretch a rotary embedding, in LongRoPE's terms: a pair of components turns slower by its factor. */

/** Position interpolation (Chen et al., 2023): every pair turns slower by the ratio of the lengths. */
export function positionInterpolation(ratio: number, pairs: number): number[] {
  return new Array<number>(pairs).fill(ratio)
}

/**
 * NTK-aware scaling (bloc97, 2023): the base grows to theta * ratio^(d / (d - 2)), so that the first pair turns as before and
 * the last slower by the ratio.
 */
export function ntkAware(ratio: number, pairs: number): number[] {
  return Array.from({ length: pairs }, (_, pair) => (pairs === 1 ? ratio : ratio ** (pair / (pairs - 1))))
}

/** Turns within the trained length between which YaRN goes from interpolating to leaving alone. */
const [fewTurns, manyTurns] = [1, 32]

/**
 * The interpolation of YaRN (Peng et al., 2023, "NTK by parts"): pairs that turn more than 32 times within the trained length stay,
 * those that turn less than once are interpolated, and frequencies in between are mixed.
 *
 * @param inverseFrequencies radians by which each pair turns from one position to the next
 * @param trained positions that the model learned
 */
export function yarn(ratio: number, inverseFrequencies: readonly number[], trained: number): number[] {
  return inverseFrequencies.map((frequency) => {
    const turns = (trained * frequency) / (2 * Math.PI)
    const kept = Math.min(1, Math.max(0, (turns - fewTurns) / (manyTurns - fewTurns)))
    return 1 / ((1 - kept) / ratio + kept)
  })
}

/** What YaRN multiplies cosines and sines by. */
export function yarnScale(ratio: number): number {
  return ratio <= 1 ? 1 : 0.1 * Math.log(ratio) + 1
}

/** Factors that stretch by one ratio, moved towards 1 (or away) until they stretch by another, as LongRoPE's published search does. */
export function rescaled(factors: readonly number[], from: number, to: number): number[] {
  return factors.map((factor) => 1 + ((factor - 1) * (to - 1)) / (from - 1))
}

/** Factors of a method, for people to see. */
export interface NamedFactors {
  readonly name: string
  readonly factors: readonly number[]
}

/** What a search begins with. */
export interface SeedOptions {
  /** The length that is wanted, in lengths that the model was trained for. */
  readonly ratio: number
  readonly inverseFrequencies: readonly number[]
  readonly trained: number
}

/** The methods that LongRoPE's search starts from. */
export function publishedSeeds({ ratio, inverseFrequencies, trained }: SeedOptions): NamedFactors[] {
  const pairs = inverseFrequencies.length
  return [
    { name: 'PI', factors: positionInterpolation(ratio, pairs) },
    { name: 'NTK', factors: ntkAware(ratio, pairs) },
    { name: 'YaRN', factors: yarn(ratio, inverseFrequencies, trained) },
  ]
}
