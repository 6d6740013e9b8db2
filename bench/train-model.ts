/** The model and the batch that train.ts times, for us and for peers alike, and what they take in multiply-adds. */
import { Random } from '../src/base/random.ts'

/** What train.ts tells the rounds that it runs in processes of their own. */
export interface TrainSettings {
  readonly threads: number
  readonly wide: boolean
  /** Where a peer is installed. */
  readonly peer: string
}

/** What a round of training says at its end. */
export interface TrainRound {
  /** Of gradients and update. */
  readonly stepSeconds: number
  /** Losses of the steps, the first one first: contenders that train the same model agree about them. */
  readonly losses: readonly number[]
  readonly cpuSeconds: number
}

export const shape = {
  vocabulary: 4096,
  width: 256,
  intermediate: 704,
  layers: 4,
  heads: 4,
  normEpsilon: 1e-5,
  ropeTheta: 10_000,
} as const

/** Sequences of one batch, and tokens of each. */
export const batch = { sequences: 8, tokens: 256 } as const
export const rows = batch.sequences * batch.tokens
export const headSize = shape.width / shape.heads

export const optimizer = {
  beta1: 0.9,
  beta2: 0.95,
  epsilon: 1e-8,
  weightDecay: 0.1,
  decayVectors: true,
  clip: 1,
  rate: 1e-3,
} as const

/** Steps before those that are timed, and those. */
export const steps = { untimed: 2, timed: 3 } as const

/** The fields of config.json. */
export const config = {
  model_type: 'phi3',
  vocab_size: shape.vocabulary,
  hidden_size: shape.width,
  intermediate_size: shape.intermediate,
  num_hidden_layers: shape.layers,
  num_attention_heads: shape.heads,
  max_position_embeddings: batch.tokens,
  rms_norm_eps: shape.normEpsilon,
  rope_theta: shape.ropeTheta,
  tie_word_embeddings: false,
} as const

/**
 * Multiply-adds of a step: every product of weights forward and towards both of its operands; in attention two products
 * forward and four backward, over the pairs that causality leaves. Nothing that is computed twice counts twice.
 */
export function multiplyAddsOfStep(): { readonly products: number; readonly attention: number } {
  const { vocabulary, width, intermediate, layers } = shape
  const weights = layers * (4 * width * width + 3 * width * intermediate) + width * vocabulary
  const pairs = (batch.sequences * batch.tokens * (batch.tokens + 1)) / 2
  return { products: 3 * rows * weights, attention: 6 * layers * pairs * width }
}

/** Token ids of the batch, and for each the one that follows. */
export function tokens(): { readonly ids: Int32Array; readonly targets: Int32Array } {
  const random = new Random(1)
  const draw = () => Int32Array.from({ length: rows }, () => random.integer(0, shape.vocabulary))
  return { ids: draw(), targets: draw() }
}
