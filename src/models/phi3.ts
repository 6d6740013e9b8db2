import { rmsNorm, rope, siluMultiply, splitColumns, type AttentionAttributes } from '../program/ops/index.ts'
import type { Tensor } from '../program/trace.ts'
import { ConfigReader } from './config.ts'
import type { Model, ModelContext } from './model.ts'
import { decode, embeddings, largestHead, mostLayers, type DecoderParts } from './parts.ts'
import { parseLongRope, type RopeConfig } from './rope.ts'

/** Phi-3-mini, Phi-3.5-mini, Phi-3-medium, Phi-4 and Phi-4-mini: `model_type` "phi3". */
export interface Phi3Config {
  readonly vocabulary: number
  readonly hidden: number
  readonly intermediate: number
  readonly layers: number
  readonly heads: number
  readonly kvHeads: number
  readonly headSize: number
  readonly normEpsilon: number
  readonly maxPositions: number
  readonly originalPositions: number
  /** How many keys a query sees, itself included; 0 for all. */
  readonly window: number
  readonly rope: RopeConfig
  readonly tiedEmbeddings: boolean
}

/**
 * Reads a published config.json of `model_type` "phi3" (Phi-3 Technical Report, section 2; the fields are those of the
 * Hugging Face repositories).
 *
 * @throws PocketPhiError `invalid-config` naming the field that is unknown, missing or contradicts another.
 */
export function parsePhi3Config(json: unknown): Phi3Config {
  const reader = new ConfigReader(json)
  reader.oneOf('model_type', ['phi3'])
  reader.oneOf('hidden_act', ['silu'], 'silu')
  reader.expectOnly({
    attention_bias: false,
    mlp_bias: false,
    lm_head_bias: false,
    full_attn_mod: 1,
    interpolate_factor: 1,
  })
  const hidden = reader.extent('hidden_size')
  const heads = reader.extent('num_attention_heads')
  const kvHeads = reader.extent('num_key_value_heads', heads)
  const headSize = reader.extent('head_dim', hidden / heads, largestHead)
  if (heads % kvHeads !== 0) reader.fail('num_key_value_heads', `a divisor of num_attention_heads, ${heads}`)
  const maxPositions = reader.extent('max_position_embeddings')
  const originalPositions = reader.extent('original_max_position_embeddings', maxPositions)
  if (originalPositions > maxPositions) {
    reader.fail('original_max_position_embeddings', `at most max_position_embeddings, ${maxPositions}`)
  }
  const factor = reader.positive('partial_rotary_factor', 1)
  const rotaryDimensions = Math.trunc(headSize * factor)
  if (factor > 1 || rotaryDimensions % 2 !== 0 || rotaryDimensions === 0) {
    reader.fail(
      'partial_rotary_factor',
      `a share of the head size ${headSize} that leaves an even number of components`,
    )
  }
  const config: Phi3Config = {
    vocabulary: reader.extent('vocab_size'),
    hidden,
    intermediate: reader.extent('intermediate_size'),
    layers: reader.extent('num_hidden_layers', undefined, mostLayers),
    heads,
    kvHeads,
    headSize,
    normEpsilon: reader.positive('rms_norm_eps', 1e-5),
    maxPositions,
    originalPositions,
    window: reader.optionalExtent('sliding_window') ?? 0,
    rope: {
      theta: reader.positive('rope_theta', 10000),
      rotaryDimensions,
      longRope: parseLongRope(reader.object('rope_scaling'), rotaryDimensions, { maxPositions, originalPositions }),
    },
    tiedEmbeddings: reader.boolean('tie_word_embeddings', false),
  }
  reader.tokenIds('eos_token_id')
  reader.ignore('bos_token_id', 'pad_token_id', '_name_or_path', 'architectures', 'auto_map', 'torch_dtype', 'dtype')
  reader.ignore(
    'transformers_version',
    'use_cache',
    'initializer_range',
    'attention_dropout',
    'embd_pdrop',
    'resid_pdrop',
  )
  reader.refuseUnknown()
  return config
}

/** The model of this configuration. Parameter names are those of the published checkpoints. */
export function phi3(config: Phi3Config): Model {
  const attributes: AttentionAttributes = {
    heads: config.heads,
    kvHeads: config.kvHeads,
    headSize: config.headSize,
    window: config.window < config.maxPositions ? config.window : 0,
    scale: 1 / Math.sqrt(config.headSize),
  }

  const norm = (context: ModelContext, x: Tensor, name: string): Tensor =>
    rmsNorm(x, context.parameter(`${name}.weight`, [config.hidden], 'ones'), config.normEpsilon)

  const selfAttention = (context: ModelContext, x: Tensor, layer: number, rotation: Tensor): Tensor => {
    const name = `model.layers.${layer}.self_attn`
    const queryWidth = config.heads * config.headSize
    const keyWidth = config.kvHeads * config.headSize
    const qkv = context.linear(x, `${name}.qkv_proj.weight`, queryWidth + 2 * keyWidth)
    const [query, key, value] = splitColumns(qkv, queryWidth, keyWidth, keyWidth) as [Tensor, Tensor, Tensor]
    const turned = (heads: Tensor): Tensor => rope(heads, rotation, config.headSize)
    const mixed = context.attention(layer, turned(query), turned(key), value, attributes)
    return context.linear(mixed, `${name}.o_proj.weight`, config.hidden, 'residual')
  }

  const mlp = (context: ModelContext, x: Tensor, layer: number): Tensor => {
    const name = `model.layers.${layer}.mlp`
    const gateUp = context.linear(x, `${name}.gate_up_proj.weight`, 2 * config.intermediate)
    return context.linear(siluMultiply(gateUp), `${name}.down_proj.weight`, config.hidden, 'residual')
  }

  const decoder: DecoderParts = {
    layers: config.layers,
    rope: config.rope,
    embed: (context) => context.embed(embeddings, config.vocabulary, config.hidden),
    norm,
    attention: selfAttention,
    feedForward: mlp,
    lastNorm: 'model.norm',
  }

  return {
    type: 'phi3',
    shape: {
      layers: config.layers,
      vocabulary: config.vocabulary,
      kvHeads: config.kvHeads,
      headSize: config.headSize,
      widest: Math.max(2 * config.intermediate, (config.heads + 2 * config.kvHeads) * config.headSize),
      maxPositions: config.maxPositions,
      ropeBorder: config.rope.longRope === undefined ? undefined : config.originalPositions,
    },
    forward(context) {
      const last = decode(context, decoder)
      return context.linear(last, config.tiedEmbeddings ? embeddings : 'lm_head.weight', config.vocabulary)
    },
  }
}
