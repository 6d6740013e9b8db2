import {
  addBias,
  expertRows,
  expertSum,
  rope,
  siluMultiply,
  sparseMixer,
  type AttentionAttributes,
} from '../program/ops/index.ts'
import type { Tensor } from '../program/trace.ts'
import { ConfigReader } from './config.ts'
import type { Initializer, Model, ModelContext } from './model.ts'
import { affine, affineNorm, decode, embeddings, largestHead, mostLayers, type DecoderParts } from './parts.ts'
import { parseLongRope, parseRopeExtents, type RopeConfig } from './rope.ts'

/** Phi-3.5-MoE: `model_type` "phimoe". */
export interface PhiMoeConfig {
  readonly vocabulary: number
  readonly hidden: number
  /** Of each expert. */
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
  readonly experts: number
  /** How near the scores of experts are that share a softmax (see `sparseMixer`). */
  readonly routerJitter: number
  readonly attentionBias: boolean
  readonly headBias: boolean
  readonly tiedEmbeddings: boolean
}

/** Experts of a row. */
const chosen = 2
/** More than any model has; each is traced. */
const mostExperts = 1024

/**
 * Reads a published config.json of `model_type` "phimoe" (Phi-3 Technical Report, section 2; the fields are those of the Hugging Face
 * repository).
 *
 * @throws PocketPhiError `invalid-config` naming the field that is unknown, missing or contradicts another.
 */
export function parsePhiMoeConfig(json: unknown): PhiMoeConfig {
  const reader = new ConfigReader(json)
  reader.oneOf('model_type', ['phimoe'])
  reader.oneOf('hidden_act', ['silu'], 'silu')
  reader.expectOnly({ num_experts_per_tok: chosen })
  const hidden = reader.extent('hidden_size')
  const heads = reader.extent('num_attention_heads')
  const kvHeads = reader.extent('num_key_value_heads', heads)
  const headSize = reader.extent('head_dim', hidden / heads, largestHead)
  if (headSize % 2 !== 0) reader.fail('hidden_size', 'heads of an even size')
  if (heads % kvHeads !== 0) reader.fail('num_key_value_heads', `a divisor of num_attention_heads, ${heads}`)
  const extents = parseRopeExtents(reader)
  const experts = reader.extent('num_local_experts', undefined, mostExperts)
  if (experts < chosen) reader.fail('num_local_experts', `at least ${chosen}`)
  const config: PhiMoeConfig = {
    vocabulary: reader.extent('vocab_size'),
    hidden,
    intermediate: reader.extent('intermediate_size'),
    layers: reader.extent('num_hidden_layers', undefined, mostLayers),
    heads,
    kvHeads,
    headSize,
    normEpsilon: reader.positive('rms_norm_eps', 1e-5),
    ...extents,
    window: reader.optionalExtent('sliding_window') ?? 0,
    rope: {
      theta: reader.positive('rope_theta', 10000),
      rotaryDimensions: headSize,
      longRope: parseLongRope(reader.object('rope_scaling'), headSize, extents),
    },
    experts,
    routerJitter: reader.positive('router_jitter_noise', 0.01),
    attentionBias: reader.boolean('attention_bias', false),
    headBias: reader.boolean('lm_head_bias', false),
    tiedEmbeddings: reader.boolean('tie_word_embeddings', false),
  }
  reader.tokenIds('eos_token_id')
  reader.ignore('bos_token_id', 'pad_token_id', '_name_or_path', 'architectures', 'auto_map', 'torch_dtype', 'dtype')
  reader.ignore('transformers_version', 'use_cache', 'initializer_range', 'attention_dropout', 'hidden_dropout')
  // What training does to the router, and whether its scores are answered.
  reader.ignore('input_jitter_noise', 'router_aux_loss_coef', 'output_router_logits')
  reader.refuseUnknown()
  return config
}

/** The model of this configuration. Parameter names are those of the published checkpoint. */
export function phimoe(config: PhiMoeConfig): Model {
  const { heads, kvHeads, headSize, hidden } = config
  const attributes: AttentionAttributes = {
    heads,
    kvHeads,
    headSize,
    window: config.window < config.maxPositions ? config.window : 0,
    scale: 1 / Math.sqrt(headSize),
  }

  const projection = (context: ModelContext, x: Tensor, name: string, width: number, start?: Initializer): Tensor =>
    config.attentionBias ? affine(context, x, name, width, start) : context.linear(x, `${name}.weight`, width, start)

  const selfAttention = (context: ModelContext, x: Tensor, layer: number, rotation: Tensor): Tensor => {
    const name = `model.layers.${layer}.self_attn`
    const query = rope(projection(context, x, `${name}.q_proj`, heads * headSize), rotation, headSize)
    const key = rope(projection(context, x, `${name}.k_proj`, kvHeads * headSize), rotation, headSize)
    const value = projection(context, x, `${name}.v_proj`, kvHeads * headSize)
    const mixed = context.attention(layer, query, key, value, attributes)
    return projection(context, mixed, `${name}.o_proj`, hidden, 'residual')
  }

  /** w2(silu(w1 x) * w3 x) of the two experts that each row chose, by their weights. */
  const mixture = (context: ModelContext, x: Tensor, layer: number): Tensor => {
    const name = `model.layers.${layer}.block_sparse_moe`
    const routing = sparseMixer(context.linear(x, `${name}.gate.weight`, config.experts), config.routerJitter)
    const matrix = (...names: readonly string[]) => {
      return (part: number, expert: number): string => `${name}.experts.${expert}.${names[part]}.weight`
    }
    const rows = expertRows(x, routing, chosen)
    const gateUp = context.experts(rows, routing, 2, matrix('w1', 'w3'), config.intermediate)
    const down = context.experts(siluMultiply(gateUp), routing, 1, matrix('w2'), hidden, 'residual')
    return expertSum(down, routing)
  }

  const norm = (context: ModelContext, x: Tensor, name: string): Tensor =>
    affineNorm(context, x, name, config.normEpsilon)

  const decoder: DecoderParts = {
    layers: config.layers,
    rope: config.rope,
    embed: (context) => context.embed(embeddings, config.vocabulary, hidden),
    norm,
    attention: selfAttention,
    feedForward: mixture,
    lastNorm: 'model.norm',
  }

  return {
    type: 'phimoe',
    shape: {
      layers: config.layers,
      vocabulary: config.vocabulary,
      kvHeads,
      headSize,
      widest: Math.max(chosen * 2 * config.intermediate, heads * headSize),
      maxPositions: config.maxPositions,
      // The reference takes the long table as soon as a sequence has the original length, one token before Phi-3 does.
      ropeBorder: config.rope.longRope === undefined ? undefined : config.originalPositions - 1,
    },
    forward(context) {
      const last = decode(context, decoder)
      const logits = context.linear(last, config.tiedEmbeddings ? embeddings : 'lm_head.weight', config.vocabulary)
      if (!config.headBias) return logits
      return addBias(logits, context.parameter('lm_head.bias', [config.vocabulary], 'zeros'))
    },
  }
}
