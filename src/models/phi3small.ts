import { fillColumns, gegelu, rope, scale, type AttentionAttributes, type BlockPattern } from '../program/ops/index.ts'
import type { Tensor } from '../program/trace.ts'
import { ConfigReader } from './config.ts'
import type { Model, ModelContext } from './model.ts'
import {
  affine,
  affineNorm,
  decode,
  embeddings,
  groupedProjections,
  largestHead,
  mostLayers,
  type DecoderParts,
} from './parts.ts'
import { parseLongRope, parseRopeExtents, type RopeConfig } from './rope.ts'

/** Phi-3-small, with 8,192 and with 131,072 positions: `model_type` "phi3small". */
export interface Phi3SmallConfig {
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
  readonly rope: RopeConfig
  readonly tiedEmbeddings: boolean
  /** What GEGELU cuts gates and values at. */
  readonly gegeluLimit: number
  /** What embeddings are multiplied by (muP; Yang et al., 2022). */
  readonly embeddingMultiplier: number
  /** What logits are divided by. */
  readonly widthMultiplier: number
  /** What dot products of queries and keys are multiplied by. */
  readonly attentionScale: number
  /** What heads see in the layers that are not dense. */
  readonly pattern: BlockPattern
  /** Every so many layers, the last of them sees everything; undefined where none does. */
  readonly denseEvery: number | undefined
  /** Ids of the vocabulary that stand for nothing and are never answered, ascending. */
  readonly dummyTokens: readonly number[]
}

/** What their logits are: the least float. */
const leastLogit = -3.4028234663852886e38

/** Those of the published vocabulary of 100,352, which its configuration leaves to the tokenizer. */
const publishedDummies: readonly number[] = [
  ...[100_256, 100_258, 100_259, 100_260, 100_264, 100_265],
  ...Array.from({ length: 85 }, (_, index) => 100_267 + index),
]

/**
 * Reads a published config.json of `model_type` "phi3small" (Phi-3 Technical Report, section 2; the fields are those of the
 * Hugging Face repositories).
 *
 * @throws PocketPhiError `invalid-config` naming the field that is unknown, missing or contradicts another.
 */
export function parsePhi3SmallConfig(json: unknown): Phi3SmallConfig {
  const reader = new ConfigReader(json)
  reader.oneOf('model_type', ['phi3small'])
  reader.oneOf('hidden_act', ['gegelu'], 'gegelu')
  reader.expectOnly({ reorder_and_upcast_attn: false, rope_position_scale: 1 })
  const hidden = reader.extent('hidden_size')
  const heads = reader.extent('num_attention_heads')
  const kvHeads = reader.extent('num_key_value_heads', heads)
  if (hidden % heads !== 0) reader.fail('num_attention_heads', `a divisor of hidden_size, ${hidden}`)
  const headSize = hidden / heads
  if (headSize % 2 !== 0 || headSize > largestHead) reader.fail('hidden_size', 'heads of an even size')
  if (heads % kvHeads !== 0) reader.fail('num_key_value_heads', `a divisor of num_attention_heads, ${heads}`)
  const extents = parseRopeExtents(reader)
  const vocabulary = reader.extent('vocab_size')
  const multiplier = reader.positive('mup_attn_multiplier', 1)
  const config: Phi3SmallConfig = {
    vocabulary,
    hidden,
    intermediate: reader.extent('ff_intermediate_size'),
    layers: reader.extent('num_hidden_layers', undefined, mostLayers),
    heads,
    kvHeads,
    headSize,
    normEpsilon: reader.positive('layer_norm_epsilon', 1e-5),
    ...extents,
    rope: {
      theta: reader.positive('rope_embedding_base', 1_000_000),
      rotaryDimensions: headSize,
      longRope: parseLongRope(reader.object('rope_scaling'), headSize, extents),
    },
    tiedEmbeddings: reader.boolean('tie_word_embeddings', true),
    gegeluLimit: reader.positive('gegelu_limit', 20),
    embeddingMultiplier: reader.positive('mup_embedding_multiplier', 1),
    widthMultiplier: reader.positive('mup_width_multiplier', 1),
    attentionScale: reader.boolean('mup_use_scaling', true) ? multiplier / headSize : 1 / Math.sqrt(headSize),
    pattern: parsePattern(reader, heads),
    denseEvery: reader.optionalExtent('dense_attention_every_n_layers'),
    dummyTokens: parseDummies(reader, vocabulary),
  }
  reader.tokenIds('eos_token_id')
  reader.ignore('bos_token_id', 'pad_token_id', '_name_or_path', 'architectures', 'auto_map', 'torch_dtype', 'dtype')
  reader.ignore('attention_dropout_prob', 'embedding_dropout_prob', 'ffn_dropout_prob', 'initializer_range')
  reader.ignore('transformers_version', 'use_cache', 'pad_sequence_to_multiple_of_64')
  // The first is that of the kernel which the pattern was published with; the others shape a width that is given outright.
  reader.ignore('blocksparse_triton_kernel_block_size', 'gegelu_pad_to_256', 'ff_dim_multiplier', 'intermediate_size')
  // Published as false, of projections that do have biases.
  reader.ignore('attention_bias')
  reader.refuseUnknown()
  return config
}

function parsePattern(reader: ConfigReader, heads: number): BlockPattern {
  const verticalStride = reader.extent('blocksparse_vert_stride')
  const sharesColumns = reader.boolean('blocksparse_homo_head_pattern', false)
  return {
    blockSize: reader.extent('blocksparse_block_size'),
    localBlocks: reader.extent('blocksparse_num_local_blocks'),
    verticalStride,
    headStep: sharesColumns ? 0 : Math.max(1, Math.floor(verticalStride / heads)),
  }
}

function parseDummies(reader: ConfigReader, vocabulary: number): number[] {
  if (!reader.has('dummy_token_indices')) return publishedDummies.filter((id) => id < vocabulary)
  const ids = [...new Set(reader.tokenIds('dummy_token_indices'))].toSorted((left, right) => left - right)
  if ((ids.at(-1) ?? 0) >= vocabulary) reader.fail('dummy_token_indices', `ids below vocab_size, ${vocabulary}`)
  return ids
}

/** The model of this configuration. Parameter names are those of the published checkpoints. */
export function phi3small(config: Phi3SmallConfig): Model {
  const { heads, kvHeads, headSize, hidden } = config
  const dense: AttentionAttributes = { heads, kvHeads, headSize, window: 0, scale: config.attentionScale }
  const sparse: AttentionAttributes = { ...dense, ...config.pattern }

  const selfAttention = (context: ModelContext, x: Tensor, layer: number, rotation: Tensor): Tensor => {
    const name = `model.layers.${layer}.self_attn`
    const [query, key, value] = groupedProjections(context, x, `${name}.query_key_value`, dense)
    const turned = (part: Tensor): Tensor => rope(part, rotation, headSize)
    const isDense = config.denseEvery !== undefined && (layer + 1) % config.denseEvery === 0
    const mixed = context.attention(layer, turned(query), turned(key), value, isDense ? dense : sparse)
    return affine(context, mixed, `${name}.dense`, hidden, 'residual')
  }

  const mlp = (context: ModelContext, x: Tensor, layer: number): Tensor => {
    const name = `model.layers.${layer}.mlp`
    const both = affine(context, x, `${name}.up_proj`, 2 * config.intermediate)
    return affine(context, gegelu(both, config.gegeluLimit), `${name}.down_proj`, hidden, 'residual')
  }

  const norm = (context: ModelContext, x: Tensor, name: string): Tensor =>
    affineNorm(context, x, name, config.normEpsilon)

  const decoder: DecoderParts = {
    layers: config.layers,
    rope: config.rope,
    embed: (context) => scale(context.embed(embeddings, config.vocabulary, hidden), config.embeddingMultiplier),
    norm,
    attention: selfAttention,
    feedForward: mlp,
    lastNorm: 'model.final_layernorm',
  }

  return {
    type: 'phi3small',
    shape: {
      layers: config.layers,
      vocabulary: config.vocabulary,
      kvHeads,
      headSize,
      widest: Math.max(2 * config.intermediate, (heads + 2 * kvHeads) * headSize),
      maxPositions: config.maxPositions,
      ropeBorder: config.rope.longRope === undefined ? undefined : config.originalPositions,
    },
    forward(context) {
      const last = decode(context, decoder)
      const head = config.tiedEmbeddings ? embeddings : 'lm_head.weight'
      const logits = scale(context.linear(last, head, config.vocabulary), 1 / config.widthMultiplier)
      return fillColumns(logits, config.dummyTokens, leastLogit)
    },
  }
}
