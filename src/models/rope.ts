import { PocketPhiError } from '../base/errors.ts'
import type { ConfigReader } from './config.ts'

/** LongRoPE (Ding et al., 2024) as the published configurations state it: factors for short and for long sequences. */
export interface LongRope {
  readonly shortFactors: readonly number[]
  readonly longFactors: readonly number[]
  readonly shortScale: number
  readonly longScale: number
}

export interface RopeConfig {
  readonly theta: number
  /** How many components of a head turn; even. */
  readonly rotaryDimensions: number
  readonly longRope: LongRope | undefined
}

/** 1 / (factor_i * theta^(2i / d)) for i < d / 2. */
export function inverseFrequencies(rope: RopeConfig, factors: readonly number[] | undefined): number[] {
  const { theta, rotaryDimensions } = rope
  return Array.from(
    { length: rotaryDimensions / 2 },
    (_, index) => 1 / ((factors?.[index] ?? 1) * theta ** ((2 * index) / rotaryDimensions)),
  )
}

/** The two rows of the rotary table's frequencies: short and long; the same row twice without LongRoPE. */
export function ropeFrequencies(rope: RopeConfig): [short: number[], long: number[]] {
  return [inverseFrequencies(rope, rope.longRope?.shortFactors), inverseFrequencies(rope, rope.longRope?.longFactors)]
}

/**
 * What cosines and sines are multiplied by, for short sequences too: sqrt(1 + ln(max / original) / ln(original)), and 1
 * where the context was not extended (the models' published code; it depends on the configuration, not on the length).
 */
export function longRopeScale(maxPositions: number, originalPositions: number): number {
  const ratio = maxPositions / originalPositions
  return ratio <= 1 ? 1 : Math.sqrt(1 + Math.log(ratio) / Math.log(originalPositions))
}

/** Positions that a model takes, and those that it learned first: longer sequences use the long table. */
export interface RopeExtents {
  readonly maxPositions: number
  readonly originalPositions: number
}

/**
 * Reads `rope_scaling`; undefined where there is none.
 *
 * @throws PocketPhiError `invalid-config`
 */
export function parseLongRope(
  reader: ConfigReader | undefined,
  rotaryDimensions: number,
  { maxPositions, originalPositions }: RopeExtents,
): LongRope | undefined {
  if (reader === undefined) return undefined
  // Older revisions call the method "su", one even "yarn"; the factors and the formula are the same.
  reader.oneOf(reader.has('type') ? 'type' : 'rope_type', ['longrope', 'su', 'yarn'])
  const shortFactors = reader.numbers('short_factor')
  const longFactors = reader.numbers('long_factor')
  checkFactors('rope_scaling.short_factor', shortFactors, rotaryDimensions)
  checkFactors('rope_scaling.long_factor', longFactors, rotaryDimensions)
  const scale = longRopeScale(maxPositions, originalPositions)
  const shortScale = reader.optionalPositive('short_mscale') ?? scale
  const longScale = reader.optionalPositive('long_mscale') ?? scale
  reader.ignore('type', 'rope_type', 'original_max_position_embeddings')
  reader.refuseUnknown()
  return { shortFactors, longFactors, shortScale, longScale }
}

/**
 * The positions of a model that says how many it learned first beside its factors, or beside its other extents, or nowhere.
 *
 * @throws PocketPhiError `invalid-config` when they are more than it takes
 */
export function parseRopeExtents(reader: ConfigReader): RopeExtents {
  const maxPositions = reader.extent('max_position_embeddings')
  const beside = reader.object('rope_scaling')?.optionalExtent('original_max_position_embeddings')
  const originalPositions = reader.extent('original_max_position_embeddings', beside ?? maxPositions)
  if (originalPositions > maxPositions) {
    reader.fail('original_max_position_embeddings', `at most max_position_embeddings, ${maxPositions}`)
  }
  return { maxPositions, originalPositions }
}

/** Throws `invalid-config` unless there is a positive factor for every rotated pair. */
export function checkFactors(field: string, factors: readonly number[], rotaryDimensions: number): void {
  const positive = factors.every((factor) => Number.isFinite(factor) && factor > 0)
  if (factors.length !== rotaryDimensions / 2 || !positive) {
    throw new PocketPhiError('invalid-config', `The field "${field}" does not fit the head size.`, {
      expected: `${rotaryDimensions / 2} positive numbers, one for each rotated pair`,
      found: `${factors.length} numbers${positive ? '' : ', not all positive'}`,
    })
  }
}
