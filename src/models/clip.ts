import { add, matmul, quickGelu, replaceRows, reshape, type AttentionAttributes } from '../program/ops/index.ts'
import type { Tensor } from '../program/trace.ts'
import type { ConfigReader } from './config.ts'
import type { VisionContext } from './model.ts'
import { affine, affineNorm } from './parts.ts'

/** The sizes of a vision tower of CLIP (Radford et al., 2021). */
export interface ClipConfig {
  readonly hidden: number
  readonly intermediate: number
  readonly layers: number
  readonly heads: number
  /** Pixels along a side of a patch, and of the picture. */
  readonly patch: number
  readonly side: number
  readonly normEpsilon: number
}

/** ViT-L/14 at 336 pixels, which the published code of Phi-3-vision names and does not read from a file. */
export const clipLarge: ClipConfig = {
  hidden: 1024,
  intermediate: 4096,
  layers: 24,
  heads: 16,
  patch: 14,
  side: 336,
  normEpsilon: 1e-5,
}

/** Limits that no tower comes near: what is traced takes memory for every layer and every patch. */
const mostLayers = 1024
const largestSide = 4096

/**
 * Reads the sizes of a tower from fields as they are in the configurations of CLIP; those that are left out are `otherwise`.
 *
 * @throws PocketPhiError `invalid-config`
 */
export function readClipConfig(reader: ConfigReader, otherwise: ClipConfig = clipLarge): ClipConfig {
  reader.oneOf('hidden_act', ['quick_gelu'], 'quick_gelu')
  reader.expectOnly({ num_channels: 3 })
  const config: ClipConfig = {
    hidden: reader.extent('hidden_size', otherwise.hidden),
    intermediate: reader.extent('intermediate_size', otherwise.intermediate),
    layers: reader.extent('num_hidden_layers', otherwise.layers, mostLayers),
    heads: reader.extent('num_attention_heads', otherwise.heads),
    patch: reader.extent('patch_size', otherwise.patch, largestSide),
    side: reader.extent('image_size', otherwise.side, largestSide),
    normEpsilon: reader.positive('layer_norm_eps', otherwise.normEpsilon),
  }
  if (config.hidden % config.heads !== 0) reader.fail('num_attention_heads', `a divisor of ${config.hidden}`)
  if (config.side % config.patch !== 0) reader.fail('patch_size', `a divisor of image_size, ${config.side}`)
  reader.ignore('attention_dropout', 'dropout', 'initializer_factor', 'initializer_range', 'projection_dim')
  return config
}

/** Patches along a side of the picture. */
export function patchesOfSide({ side, patch }: ClipConfig): number {
  return side / patch
}

/**
 * What the tower makes of a picture after its first `layers` layers: [1 + patches, hidden], the row of the class first, then the
 * patches row by row. Parameter names begin with `name`.
 */
export function clipTower(context: VisionContext, config: ClipConfig, name: string, layers: number): Tensor {
  const { hidden, intermediate, heads, normEpsilon } = config
  const headSize = hidden / heads
  const attributes: AttentionAttributes = {
    heads,
    kvHeads: heads,
    headSize,
    window: 0,
    scale: 1 / Math.sqrt(headSize),
  }

  const encoderLayer = (x: Tensor, layer: string): Tensor => {
    const norm = affineNorm(context, x, `${layer}.layer_norm1`, normEpsilon)
    const projected = (which: string): Tensor => affine(context, norm, `${layer}.self_attn.${which}_proj`, hidden)
    const mixed = context.attention(projected('q'), projected('k'), projected('v'), attributes)
    const attended = add(x, affine(context, mixed, `${layer}.self_attn.out_proj`, hidden, 'residual'))
    const wide = affine(
      context,
      affineNorm(context, attended, `${layer}.layer_norm2`, normEpsilon),
      `${layer}.mlp.fc1`,
      intermediate,
    )
    return add(attended, affine(context, quickGelu(wide), `${layer}.mlp.fc2`, hidden, 'residual'))
  }

  let x = affineNorm(context, embedPatches(context, config, `${name}.embeddings`), `${name}.pre_layrnorm`, normEpsilon)
  context.tap('layer.-1', x)
  for (let layer = 0; layer < layers; layer++) {
    const scope = `${name}.encoder.layers.${layer}`
    x = context.within(scope, () => encoderLayer(x, scope))
    context.tap(`layer.${layer}`, x)
  }
  return x
}

/** The convolution over patches, the vector of the class before them, and what each place adds. */
function embedPatches(context: VisionContext, { hidden, patch }: ClipConfig, name: string): Tensor {
  const values = 3 * patch ** 2
  const kernel = context.parameter(`${name}.patch_embedding.weight`, [hidden, 3, patch, patch], 'normal')
  const patches = matmul(context.patches, reshape(kernel, hidden, values), { transposeRight: true })
  const classVector = reshape(context.parameter(`${name}.class_embedding`, [hidden], 'normal'), 1, hidden)
  return add(
    replaceRows(patches, classVector, context.classRow),
    context.embedPlaces(`${name}.position_embedding.weight`, hidden),
  )
}
