import { gatherRows, gelu, reshape } from '../program/ops/index.ts'
import type { Tensor } from '../program/trace.ts'
import { clipTower, patchesOfSide, readClipConfig, type ClipConfig } from './clip.ts'
import { ConfigReader } from './config.ts'
import type { Model, ProjectorContext, VisionContext } from './model.ts'
import { affine } from './parts.ts'
import { parsePhi3Config, phi3, type Phi3Config } from './phi3.ts'

/** Phi-3-vision and Phi-3.5-vision: `model_type` "phi3_v". */
export interface Phi3vConfig {
  /** The decoder, which is a Phi-3. */
  readonly text: Phi3Config
  readonly clip: ClipConfig
}

/**
 * Reads a published config.json of `model_type` "phi3_v". The published files name the tower and leave its sizes out;
 * `img_processor` may hold them under the names of CLIP's configurations, for towers of other sizes.
 *
 * @throws PocketPhiError `invalid-config` naming the field that is unknown, missing or contradicts another.
 */
export function parsePhi3vConfig(json: unknown): Phi3vConfig {
  const reader = new ConfigReader(json)
  reader.oneOf('model_type', ['phi3_v'])
  const { img_processor: _, embd_layer: __, _attn_implementation: ___, ...decoder } = json as Record<string, unknown>
  const text = parsePhi3Config({ ...decoder, model_type: 'phi3' })
  const processor = reader.object('img_processor') ?? reader.fail('img_processor', 'a description of the vision tower')
  processor.oneOf('name', ['clip_vision_model'])
  processor.expectOnly({ layer_idx: -2, type_feature: 'patch', image_size: 336, patch_size: 14 })
  processor.ignore('model_name')
  const clip = readClipConfig(processor)
  if (processor.extent('image_dim_out', clip.hidden) !== clip.hidden) {
    processor.fail('image_dim_out', `the width of the tower, ${clip.hidden}`)
  }
  const tokens = (patchesOfSide(clip) / 2) ** 2
  if (processor.extent('num_img_tokens', tokens) !== tokens) processor.fail('num_img_tokens', String(tokens))
  processor.refuseUnknown()
  const layer = reader.object('embd_layer') ?? reader.fail('embd_layer', 'a description of how pictures are embedded')
  layer.expectOnly({
    embedding_cls: 'image',
    hd_transform_order: 'sub_glb',
    projection_cls: 'mlp',
    use_hd_transform: true,
    with_learnable_separator: true,
  })
  layer.refuseUnknown()
  return { text, clip }
}

const embedding = 'model.vision_embed_tokens'
/** The embeddings of the ids, which published checkpoints hold a second time, or only here. */
export const sharedEmbeddings = `${embedding}.wte.weight`
const tower = `${embedding}.img_processor.vision_model`

/** The model of this configuration. Parameter names are those of the published checkpoints. */
export function phi3v({ text, clip }: Phi3vConfig): Model {
  const side = patchesOfSide(clip)
  /** Two by two patches side by side are one token. */
  const width = 4 * clip.hidden
  // The published models take what the last layer but one makes.
  const layers = clip.layers - 1

  const features = (context: VisionContext): Tensor => {
    const patches = clipTower(context, clip, tower, layers)
    context.tap('features', patches)
    return reshape(gatherRows(patches, context.tokenOrder), side ** 2 / 4, width)
  }

  const separators = (context: ProjectorContext): { lineEnd: Tensor; viewEnd: Tensor } => {
    const separator = (name: string, ...shape: number[]): Tensor =>
      reshape(context.parameter(`${embedding}.${name}`, [...shape, width], 'normal'), 1, width)
    return { lineEnd: separator('sub_GN', 1, 1, 1), viewEnd: separator('glb_GN', 1, 1) }
  }

  const project = (context: ProjectorContext, x: Tensor): Tensor => {
    const inner = affine(context, x, `${embedding}.img_projection.0`, text.hidden)
    return affine(context, gelu(inner), `${embedding}.img_projection.2`, text.hidden)
  }

  return {
    ...phi3(text),
    type: 'phi3_v',
    vision: {
      rows: side ** 2 + 1,
      patchValues: 3 * clip.patch ** 2,
      width: text.hidden,
      featureWidth: width,
      features,
      separators,
      project,
      forward(context) {
        const tokens = project(context, features(context))
        const { lineEnd, viewEnd } = separators(context)
        return { tokens, lineEnd: project(context, lineEnd), viewEnd: project(context, viewEnd) }
      },
    },
    isUnused: (name) =>
      name === sharedEmbeddings ||
      name.startsWith(`${tower}.encoder.layers.${layers}.`) ||
      name.startsWith(`${tower}.post_layernorm.`),
  }
}
