/** The two searches of LongRoPE: of factors for long texts, and of factors for short ones once a model is extended. */
import { PocketPhiError } from '../base/errors.ts'
import { longRopeScale } from '../models/rope.ts'
import type { SearchSpace } from './candidates.ts'
import { publishedSeeds, rescaled, type NamedFactors } from './factors.ts'
import {
  extended,
  extensionOf,
  trainedFrequencies,
  trainedLength,
  type ConfigJson,
  type Extension,
} from './rope-scaling.ts'

/** What a search looks for, and how the model is written with what it found. */
export interface SearchPlan {
  /** Tokens of the documents that are read. */
  readonly length: number
  /** What cosines and sines are multiplied by. */
  readonly scale: number
  readonly seeds: readonly NamedFactors[]
  readonly space: SearchSpace
  /** The configuration with these factors. */
  readonly configOf: (factors: readonly number[]) => ConfigJson
}

/** The largest factor that is tried, as a share of the ratio of the lengths (table 4 of the paper). */
const widestShare = 1.25

export interface LongPlanOptions {
  /** Tokens that the model is to take. */
  readonly length: number
  /** Numbers of start tokens to choose from; none are left alone where left out. */
  readonly startTokens?: readonly number[]
  /**
   * Short texts are computed as before: scales of their own are written, which the published form has for "phimoe" alone. Without it
   * the scale of the published formula is written, which is for all texts.
   */
  readonly keepShort?: boolean
  /** What cosines and sines of long texts are multiplied by, where it is to be another than the published formula gives; written as above. */
  readonly longScale?: number
}

/**
 * A search of factors for texts of this length. A model that is extended already begins with its factors, rescaled to the new
 * length, beside those of other methods, and keeps those for short texts.
 *
 * @throws PocketPhiError `invalid-argument` for a length that the model was trained for
 */
export function longPlan(config: ConfigJson, options: LongPlanOptions): SearchPlan {
  const { length, startTokens = [0], keepShort = false, longScale } = options
  const trained = trainedLength(config)
  if (length <= trained) {
    throw new PocketPhiError('invalid-argument', 'The model need not be extended.', {
      expected: `a length above the ${trained} tokens that it was trained for`,
      found: String(length),
    })
  }
  const ratio = length / trained
  const scale = longScale ?? longRopeScale(length, trained)
  const inverseFrequencies = trainedFrequencies(config)
  const before = extensionOf(config)
  const shortFactors = before?.shortFactors ?? inverseFrequencies.map(() => 1)
  const scales =
    keepShort || longScale !== undefined ? { scales: { short: before?.scales?.short ?? 1, long: scale } } : {}
  return {
    length,
    scale,
    seeds: [...publishedSeeds({ ratio, inverseFrequencies, trained }), ...seedsOf(before, ratio)],
    space: { most: widestShare * ratio, startTokens },
    configOf: (longFactors) => extended(config, { trained, length, shortFactors, longFactors, ...scales }),
  }
}

/** The factors that a model has for long texts, and the same rescaled to another ratio. */
function seedsOf(before: Extension | undefined, ratio: number): NamedFactors[] {
  if (before === undefined) return []
  const from = before.length / before.trained
  const seeds = [{ name: 'before', factors: before.longFactors }]
  return from > 1 && from !== ratio
    ? [...seeds, { name: 'before, rescaled', factors: rescaled(before.longFactors, from, ratio) }]
    : seeds
}

/**
 * A search of factors for texts of the length that an extended model was trained for first, which its new weights read less well under
 * the old ones (section 3.4 of the paper).
 *
 * @param most the largest factor that is tried: less than a longer text needs
 * @throws PocketPhiError `invalid-argument` for a model that is not extended
 */
export function shortPlan(config: ConfigJson, most: number): SearchPlan {
  const before = extensionOf(config)
  if (before === undefined) {
    throw new PocketPhiError('invalid-argument', 'The model is not extended, so that there is nothing to readjust.', {
      expected: '"rope_scaling" with factors in config.json',
      remedy: 'Extend it first: phi longrope search, or phi longrope extend.',
    })
  }
  const { trained, length } = before
  const inverseFrequencies = trainedFrequencies(config)
  return {
    length: trained,
    scale: before.scales?.short ?? longRopeScale(length, trained),
    seeds: [
      { name: 'before', factors: before.shortFactors },
      { name: 'long, rescaled', factors: rescaled(before.longFactors, length / trained, most) },
      ...publishedSeeds({ ratio: most, inverseFrequencies, trained }),
    ],
    space: { most, startTokens: [0] },
    configOf: (shortFactors) => extended(config, { ...before, shortFactors }),
  }
}
