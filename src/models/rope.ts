import { PocketPhiError } from '../base/errors.ts'

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
