import { describe } from '../base/describe.ts'
import { PocketPhiError } from '../base/errors.ts'
import type { Model } from './model.ts'
import { parsePhi3Config, phi3 } from './phi3.ts'
import { parsePhi3vConfig, phi3v } from './phi3v.ts'
import { traceVision } from './trace-vision.ts'
import { traceSequences, type ParameterSpec } from './trace.ts'
import { gptNeox, parseGptNeoxConfig } from './gpt-neox.ts'
import { parsePhiMoeConfig, phimoe } from './phimoe.ts'
import { parsePhi3SmallConfig, phi3small } from './phi3small.ts'

/** The architectures that are built, by `model_type`. Adding one is a file beside phi3.ts and a line here. */
const architectures: ReadonlyMap<unknown, (config: unknown) => Model> = new Map([
  ['phi3', (config: unknown) => phi3(parsePhi3Config(config))],
  ['phi3_v', (config: unknown) => phi3v(parsePhi3vConfig(config))],
  ['phimoe', (config: unknown) => phimoe(parsePhiMoeConfig(config))],
  ['gpt_neox', (config: unknown) => gptNeox(parseGptNeoxConfig(config))],
  ['phi3small', (config: unknown) => phi3small(parsePhi3SmallConfig(config))],
])

/**
 * The model that a config.json describes.
 *
 * @throws PocketPhiError `not-supported` for an unknown `model_type`, `invalid-config` for fields that do not fit.
 */
export function modelFromConfig(config: unknown): Model {
  const type =
    typeof config === 'object' && config !== null ? (config as { model_type?: unknown }).model_type : undefined
  const build = architectures.get(type)
  if (build === undefined) {
    throw new PocketPhiError('not-supported', 'The architecture of this model is not built.', {
      expected: `"model_type" to be one of ${[...architectures.keys()].join(', ')}`,
      found: type === undefined ? 'no "model_type" in the configuration' : describe(type),
    })
  }
  return build(config)
}

/** All parameters of a model in the order in which it asks for them, those of its vision part last. */
export function modelParameters(model: Model): readonly ParameterSpec[] {
  const { parameters } = traceSequences(model, 'parameters', 1)
  return model.vision === undefined ? parameters : [...parameters, ...traceVision(model.vision).parameters]
}

export type { Model, ModelShape } from './model.ts'
