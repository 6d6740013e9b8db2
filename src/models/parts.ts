/** What several architectures have in common. */
import {
  add,
  addBias,
  layerNorm,
  reshape,
  ropeTable,
  splitColumns,
  type AttentionAttributes,
} from '../program/ops/index.ts'
import type { Tensor } from '../program/trace.ts'
import type { Initializer, ModelContext } from './model.ts'
import { ropeFrequencies, type RopeConfig } from './rope.ts'

/** The name of the embeddings of the ids. */
export const embeddings = 'model.embed_tokens.weight'

/** The name of the float64 table of frequencies, [2, pairs]: short and long. */
export const frequenciesName = 'rope.inverse_frequencies'

/** Limits that no model comes near: what is traced takes memory for every layer and every rotated component. */
export const mostLayers = 1024
export const largestHead = 2 ** 16

/** x times the transpose of `name.weight`, plus `name.bias`. */
export function affine(
  context: Pick<ModelContext, 'linear' | 'parameter'>,
  x: Tensor,
  name: string,
  outputs: number,
  initializer: Initializer = 'normal',
): Tensor {
  const product = context.linear(x, `${name}.weight`, outputs, initializer)
  return addBias(product, context.parameter(`${name}.bias`, [outputs], 'zeros'))
}

/** LayerNorm with `name.weight` and `name.bias`. */
export function affineNorm(context: Pick<ModelContext, 'parameter'>, x: Tensor, name: string, epsilon: number): Tensor {
  const width = [x.type.shape[1] ?? 0]
  const weight = context.parameter(`${name}.weight`, width, 'ones')
  return layerNorm(x, weight, context.parameter(`${name}.bias`, width, 'zeros'), epsilon)
}

/** The angles by which queries and keys of the rows of this batch are turned. */
export function rotationTable(context: ModelContext, rope: RopeConfig): Tensor {
  const { shortScale, longScale } = rope.longRope ?? { shortScale: 1, longScale: 1 }
  const frequencies = context.buffer(frequenciesName, ropeFrequencies(rope))
  return ropeTable(context.positions, context.regimes, frequencies, { shortScale, longScale })
}

/**
 * Queries, keys and values of one matrix `name.weight`, with `name.bias`, whose rows are in groups: the query heads of a key head, that
 * key head, its value head.
 */
export function groupedProjections(
  context: ModelContext,
  x: Tensor,
  name: string,
  { heads, kvHeads, headSize }: AttentionAttributes,
): [query: Tensor, key: Tensor, value: Tensor] {
  const qkv = affine(context, x, name, (heads + 2 * kvHeads) * headSize)
  const rows = qkv.type.shape[0] ?? 0
  const groups = reshape(qkv, rows * kvHeads, (heads / kvHeads + 2) * headSize)
  const parts = splitColumns(groups, (heads / kvHeads) * headSize, headSize, headSize)
  return parts.map((part) => reshape(part, rows, (part.type.shape[1] ?? 0) * kvHeads)) as [Tensor, Tensor, Tensor]
}

/** What a decoder of the family consists of. */
export interface DecoderParts {
  readonly layers: number
  readonly rope: RopeConfig
  /** f32[rows, hidden], of the ids of this batch. */
  embed(context: ModelContext): Tensor
  /** The norm of this name. */
  norm(context: ModelContext, x: Tensor, name: string): Tensor
  /** @param rotation the angles by which queries and keys are turned */
  attention(context: ModelContext, x: Tensor, layer: number, rotation: Tensor): Tensor
  feedForward(context: ModelContext, x: Tensor, layer: number): Tensor
  /** The name of the norm behind the layers. */
  readonly lastNorm: string
}

/**
 * The selected rows behind all layers, each of which adds attention and then what is fed forward, of normed rows.
 */
export function decode(context: ModelContext, parts: DecoderParts): Tensor {
  // Before the embeddings: what all layers share stands before the first, so that calibration finds layers that are alike.
  const rotation = rotationTable(context, parts.rope)
  let hidden = parts.embed(context)
  context.tap('embeddings', hidden)
  for (let layer = 0; layer < parts.layers; layer++) {
    hidden = decoderLayer(context, hidden, layer, rotation, parts)
    context.tap(`layer.${layer}`, hidden)
  }
  const last = parts.norm(context, context.select(hidden), parts.lastNorm)
  context.tap('norm', last)
  return last
}

function decoderLayer(context: ModelContext, x: Tensor, layer: number, rotation: Tensor, parts: DecoderParts): Tensor {
  const name = `model.layers.${layer}`
  const normed = (rows: Tensor, which: string): Tensor => parts.norm(context, rows, `${name}.${which}`)
  return context.within(name, () => {
    const attended = add(x, parts.attention(context, normed(x, 'input_layernorm'), layer, rotation))
    return add(attended, parts.feedForward(context, normed(attended, 'post_attention_layernorm'), layer))
  })
}
