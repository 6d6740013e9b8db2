/** The part of config.json that LongRoPE changes, in the published form. */
import { PocketPhiError, present } from '../base/errors.ts'
import { modelFromConfig } from '../models/index.ts'
import { frequenciesName } from '../models/parts.ts'
import { traceSequences } from '../models/trace.ts'

/** The fields of a config.json. */
export type ConfigJson = Readonly<Record<string, unknown>>

/** How a model is extended. */
export interface Extension {
  /** Positions that the model learned before it was extended: longer texts use the long factors. */
  readonly trained: number
  /** Positions that it takes. */
  readonly length: number
  readonly shortFactors: readonly number[]
  readonly longFactors: readonly number[]
  /** What cosines and sines of either table are multiplied by, where it is not what the published formula gives for both. */
  readonly scales?: { readonly short: number; readonly long: number }
}

function extentOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : undefined
}

function scalingOf(config: ConfigJson): ConfigJson {
  const scaling = config['rope_scaling']
  return typeof scaling === 'object' && scaling !== null ? (scaling as ConfigJson) : {}
}

/**
 * Positions that a model learned before it was extended, if it was. One that sees only a window of its context has met no
 * distance beyond it, so that its window is what it learned.
 *
 * @throws PocketPhiError `invalid-config`
 */
export function trainedLength(config: ConfigJson): number {
  const original = config['original_max_position_embeddings']
  const beside = scalingOf(config)['original_max_position_embeddings']
  const length = extentOf(original) ?? extentOf(beside) ?? extentOf(config['max_position_embeddings'])
  if (length === undefined) {
    throw new PocketPhiError('invalid-config', 'The configuration does not say how long texts may be.', {
      expected: '"max_position_embeddings", a positive integer',
    })
  }
  return Math.min(length, extentOf(config['sliding_window']) ?? length)
}

/** Positions that a model takes. */
export function takenLength(config: ConfigJson): number {
  return extentOf(config['max_position_embeddings']) ?? trainedLength(config)
}

/** The factors of a model that is extended already; undefined for others. */
export function extensionOf(config: ConfigJson): Extension | undefined {
  const { short_factor: short, long_factor: long, short_mscale, long_mscale } = scalingOf(config)
  if (!Array.isArray(short) || !Array.isArray(long)) return undefined
  const scales =
    typeof short_mscale === 'number' && typeof long_mscale === 'number'
      ? { scales: { short: short_mscale, long: long_mscale } }
      : {}
  return {
    trained: trainedLength(config),
    length: takenLength(config),
    shortFactors: short as number[],
    longFactors: long as number[],
    ...scales,
  }
}

/**
 * The configuration of the model with this extension, as the published ones are written: the trained length stands beside the
 * factors for "phimoe" and at the top for the others, and scales are written only where they are not what the formula gives.
 */
export function extended(
  config: ConfigJson,
  { trained, length, shortFactors, longFactors, scales }: Extension,
): ConfigJson {
  const isBeside = config['model_type'] === 'phimoe'
  const original = { original_max_position_embeddings: trained }
  // A window of the trained length would hide what the longer context is for.
  const window = extentOf(config['sliding_window'])
  const widened = window !== undefined && window < length ? { sliding_window: null } : {}
  return {
    ...config,
    ...widened,
    max_position_embeddings: length,
    ...(isBeside ? {} : original),
    rope_scaling: {
      type: 'longrope',
      short_factor: shortFactors,
      long_factor: longFactors,
      ...(scales === undefined ? {} : { short_mscale: scales.short, long_mscale: scales.long }),
      ...(isBeside ? original : {}),
    },
  }
}

/** The frequencies that the model of this configuration turns by: [short, long], radians from one position to the next. */
export function frequenciesOf(config: ConfigJson): Float64Array {
  const { buffers } = traceSequences(modelFromConfig(config), 'frequencies', 1)
  return present(buffers.get(frequenciesName), frequenciesName)
}

/** The same of the model before it was extended, one row. */
export function trainedFrequencies(config: ConfigJson): number[] {
  const frequencies = frequenciesOf({ ...config, rope_scaling: null })
  return [...frequencies.subarray(0, frequencies.length / 2)]
}
