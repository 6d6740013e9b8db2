import { add, gelu, rope, type AttentionAttributes } from '../program/ops/index.ts'
import type { Tensor } from '../program/trace.ts'
import { ConfigReader } from './config.ts'
import type { Model, ModelContext } from './model.ts'
import { affine, affineNorm, groupedProjections, largestHead, mostLayers, rotationTable } from './parts.ts'
import type { RopeConfig } from './rope.ts'

/** GPT-NeoX-20B (Black et al., 2022) and Pythia (Biderman et al., 2023): `model_type` "gpt_neox". */
export interface GptNeoxConfig {
  readonly vocabulary: number
  readonly hidden: number
  readonly intermediate: number
  readonly layers: number
  readonly heads: number
  readonly headSize: number
  readonly normEpsilon: number
  readonly maxPositions: number
  readonly rope: RopeConfig
  /** Whether the feed-forward part of a layer sees what came into the layer, or what attention has added to it. */
  readonly parallelResidual: boolean
  readonly tiedEmbeddings: boolean
}

/**
 * Reads a published config.json of `model_type` "gpt_neox" (the fields are those of the Hugging Face repositories).
 *
 * @throws PocketPhiError `invalid-config` naming the field that is unknown, missing or contradicts another.
 */
export function parseGptNeoxConfig(json: unknown): GptNeoxConfig {
  const reader = new ConfigReader(json)
  reader.oneOf('model_type', ['gpt_neox'])
  reader.oneOf('hidden_act', ['gelu'], 'gelu')
  reader.expectOnly({ attention_bias: true })
  if (reader.object('rope_scaling') !== undefined) reader.fail('rope_scaling', 'null: nothing else is supported')
  const hidden = reader.extent('hidden_size')
  const heads = reader.extent('num_attention_heads')
  if (hidden % heads !== 0 || hidden / heads > largestHead) {
    reader.fail('num_attention_heads', `a divisor of hidden_size, ${hidden}`)
  }
  const headSize = hidden / heads
  const share = reader.positive('rotary_pct', 0.25)
  const rotaryDimensions = Math.trunc(headSize * share)
  if (share > 1 || rotaryDimensions % 2 !== 0 || rotaryDimensions === 0) {
    reader.fail('rotary_pct', `a share of the head size ${headSize} that leaves an even number of components`)
  }
  const config: GptNeoxConfig = {
    vocabulary: reader.extent('vocab_size'),
    hidden,
    intermediate: reader.extent('intermediate_size'),
    layers: reader.extent('num_hidden_layers', undefined, mostLayers),
    heads,
    headSize,
    normEpsilon: reader.positive('layer_norm_eps', 1e-5),
    maxPositions: reader.extent('max_position_embeddings'),
    rope: { theta: reader.positive('rotary_emb_base', 10000), rotaryDimensions, longRope: undefined },
    parallelResidual: reader.boolean('use_parallel_residual', true),
    tiedEmbeddings: reader.boolean('tie_word_embeddings', false),
  }
  reader.tokenIds('eos_token_id')
  reader.ignore('bos_token_id', 'pad_token_id', '_name_or_path', 'architectures', 'torch_dtype', 'dtype')
  reader.ignore('transformers_version', 'use_cache', 'initializer_range')
  reader.ignore('attention_dropout', 'hidden_dropout', 'classifier_dropout')
  reader.refuseUnknown()
  return config
}

/** The model of this configuration. Parameter names are those of the published checkpoints. */
export function gptNeox(config: GptNeoxConfig): Model {
  const { heads, headSize, hidden, layers, vocabulary } = config
  const attributes: AttentionAttributes = { heads, kvHeads: heads, headSize, window: 0, scale: 1 / Math.sqrt(headSize) }

  const selfAttention = (context: ModelContext, x: Tensor, layer: number, rotation: Tensor): Tensor => {
    const name = `gpt_neox.layers.${layer}.attention`
    const [query, key, value] = groupedProjections(context, x, `${name}.query_key_value`, attributes)
    const turned = (part: Tensor): Tensor => rope(part, rotation, headSize)
    const mixed = context.attention(layer, turned(query), turned(key), value, attributes)
    return affine(context, mixed, `${name}.dense`, hidden, 'residual')
  }

  const mlp = (context: ModelContext, x: Tensor, layer: number): Tensor => {
    const name = `gpt_neox.layers.${layer}.mlp`
    const wide = gelu(affine(context, x, `${name}.dense_h_to_4h`, config.intermediate))
    return affine(context, wide, `${name}.dense_4h_to_h`, hidden, 'residual')
  }

  const norm = (context: ModelContext, x: Tensor, name: string): Tensor =>
    affineNorm(context, x, `gpt_neox.${name}`, config.normEpsilon)

  const decoderLayer = (context: ModelContext, x: Tensor, layer: number, rotation: Tensor): Tensor => {
    const attended = add(
      x,
      selfAttention(context, norm(context, x, `layers.${layer}.input_layernorm`), layer, rotation),
    )
    const seen = norm(context, config.parallelResidual ? x : attended, `layers.${layer}.post_attention_layernorm`)
    return add(attended, mlp(context, seen, layer))
  }

  return {
    type: 'gpt_neox',
    shape: {
      layers,
      vocabulary,
      kvHeads: heads,
      headSize,
      widest: Math.max(config.intermediate, 3 * hidden),
      maxPositions: config.maxPositions,
      ropeBorder: undefined,
    },
    forward(context) {
      const rotation = rotationTable(context, config.rope)
      let x = context.embed('gpt_neox.embed_in.weight', vocabulary, hidden)
      context.tap('embeddings', x)
      for (let layer = 0; layer < layers; layer++) {
        x = context.within(`gpt_neox.layers.${layer}`, () => decoderLayer(context, x, layer, rotation))
        context.tap(`layer.${layer}`, x)
      }
      const last = norm(context, context.select(x), 'final_layer_norm')
      context.tap('norm', last)
      const head = config.tiedEmbeddings ? 'gpt_neox.embed_in.weight' : 'embed_out.weight'
      return context.linear(last, head, vocabulary)
    },
    // Masks and angles, which older revisions kept with the weights.
    isUnused: (name) => /\.attention\.(bias|masked_bias|rotary_emb\.inv_freq)$/.test(name),
  }
}
