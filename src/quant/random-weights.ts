/** Random weights of any model, tensor by tensor and piece by piece. */
import { elementCount } from '../base/dtype.ts'
import { PocketPhiError } from '../base/errors.ts'
import { normalQuantiles } from '../base/normal.ts'
import { Random } from '../base/random.ts'
import { bf16ToF32, f32ToBf16 } from '../blocks/half.ts'
import { isJsonObject } from '../formats/json.ts'
import { modelFromConfig } from '../models/index.ts'
import type { Initializer, Model } from '../models/model.ts'
import { traceSequences, type ParameterSpec } from '../models/trace.ts'

/** Gives the next `count` values of a tensor, row major. */
export type NextValues = (count: number) => Float32Array

export interface RandomTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly elements: number
  /** Begins at the first value; the values are the same however many are taken at a time. */
  readonly start: () => NextValues
}

/** A published configuration says so in `initializer_range`. */
const usualDeviation = 0.02

/** How far the weights of norms are from 1, and biases from 0: visible in the logits, harmless to the model. */
const normDeviation = 0.1

/** Entries of a table of values; a random number of 16 bits picks one. */
const tableSize = 2 ** 16

/**
 * The tensors of a model with normal values that bf16 holds exactly: matrices with the given standard deviation (those that
 * write into the residual stream divided by sqrt(2 * layers), as in GPT-2), weights of norms around 1, biases around 0.
 *
 * A tensor's values depend on the seed, its name and the deviation alone, not on order, files or the other tensors.
 */
function randomTensors(model: Model, seed: number, deviation = usualDeviation): RandomTensor[] {
  const { parameters } = traceSequences(model, 'parameters', 1)
  const quantiles = normalQuantiles(tableSize)
  const table = (centre: number, spread: number): Float32Array =>
    bf16ToF32(f32ToBf16(Float32Array.from(quantiles, (quantile) => centre + spread * quantile)))
  const tables: Readonly<Record<Initializer, Float32Array>> = {
    ones: table(1, normDeviation),
    zeros: table(0, normDeviation),
    normal: table(0, deviation),
    residual: table(0, deviation / Math.sqrt(2 * model.shape.layers)),
  }
  return parameters.map((parameter) => randomTensor(parameter, seed, tables[parameter.initializer]))
}

function randomTensor({ name, shape }: ParameterSpec, seed: number, table: Float32Array): RandomTensor {
  const start = (): NextValues => {
    const random = new Random(seed).fork(name)
    return (count) => {
      const values = new Float32Array(count)
      for (let index = 0; index < count; index++) values[index] = table[random.uint32() >>> 16] as number
      return values
    }
  }
  return { name, shape, elements: elementCount(shape), start }
}

/**
 * The random tensors of a config.json, with the standard deviation that it names.
 *
 * @throws PocketPhiError `invalid-config`, `not-supported` as `modelFromConfig`
 */
export function configuredTensors(config: unknown, seed: number): RandomTensor[] {
  const model = modelFromConfig(config)
  const range = isJsonObject(config) ? config['initializer_range'] : undefined
  if (range === undefined || range === null) return randomTensors(model, seed)
  if (typeof range === 'number' && range > 0 && Number.isFinite(range)) return randomTensors(model, seed, range)
  throw new PocketPhiError('invalid-config', 'The field "initializer_range" cannot be used.', {
    expected: 'a positive number',
    found: JSON.stringify(range),
  })
}
