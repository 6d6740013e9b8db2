/** A tiny model with random weights and a trained tokenizer, for tests. */
import { Random } from '../base/random.ts'
import { floatEntry, safetensorsBytes } from '../formats/safetensors-writer.ts'
import { memoryFolder, type FileTree } from '../formats/tree.ts'
import { modelFromConfig, modelParameters } from '../models/index.ts'
import { phi3ControlTokens, trainTokenizer } from '../text/bpe-trainer.ts'

const words = [
  'the small phi reads a story about the sea and the old ship',
  'a reader asks how the ship sails and the model says that the wind helps',
  'hello there, how are you today? I am well, thank you.',
]

export const tinyTokenizerJson = trainTokenizer(words, { vocabularySize: 320, characterCoverage: 1 })

const longRope = {
  type: 'longrope',
  short_factor: [1, 1.1, 1.2, 1.3],
  long_factor: [1.5, 2, 4, 6],
}

export interface TinyOptions {
  readonly seed?: number
  /** Uses LongRoPE with this original context. */
  readonly border?: number
  readonly config?: Readonly<Record<string, unknown>>
  readonly dtype?: 'F32' | 'F16' | 'BF16'
  /** Makes bytes and control tokens unlikely, so that greedy answers are made of words. */
  readonly tidy?: boolean
}

/** What makes the model one that sees, with room for a picture or two. */
export const tinyEyes = {
  model_type: 'phi3_v',
  max_position_embeddings: 1024,
  img_processor: {
    name: 'clip_vision_model',
    num_img_tokens: 144,
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: 2,
    num_attention_heads: 2,
  },
  embd_layer: { embedding_cls: 'image', use_hd_transform: true },
}

/** A config.json with two layers, hidden size 32, two key heads of size 8 and a context of 256. */
export function tinyConfig({ border, config = {} }: TinyOptions = {}): Record<string, unknown> {
  return {
    model_type: 'phi3',
    vocab_size: 320,
    hidden_size: 32,
    intermediate_size: 48,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    max_position_embeddings: 256,
    original_max_position_embeddings: border ?? 256,
    rope_scaling: border === undefined ? null : longRope,
    rms_norm_eps: 1e-5,
    eos_token_id: 2,
    ...config,
  }
}

/** The files of the model: config.json, model.safetensors, tokenizer.json. */
export async function tinyFiles(options: TinyOptions = {}): Promise<Map<string, Uint8Array>> {
  const config = tinyConfig(options)
  const random = new Random(options.seed ?? 1)
  const parameters = modelParameters(modelFromConfig(config))
  const entries = parameters.map(({ name, shape }) => {
    const count = shape.reduce((product, extent) => product * extent, 1)
    const scale = shape.length === 1 ? 0.1 : 1.5 / Math.sqrt(shape[1] ?? 1)
    const centre = shape.length === 1 ? 1 : 0
    const values = Float32Array.from({ length: count }, () => centre + scale * random.normal())
    if (options.tidy === true && name === 'lm_head.weight') {
      const width = shape[1] ?? 0
      values.fill(0, 0, 259 * width)
      values.fill(0, (count / width - phi3ControlTokens.length) * width)
    }
    return floatEntry(name, shape, values, options.dtype ?? 'F32')
  })
  const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
  return new Map([
    ['config.json', text(config)],
    ['model.safetensors', await safetensorsBytes(entries)],
    ['tokenizer.json', text(tinyTokenizerJson)],
  ])
}

export async function tinyTree(options: TinyOptions = {}): Promise<FileTree> {
  return memoryFolder(await tinyFiles(options), 'tiny')
}

/** Ids that are no control tokens, the same for the same seed. */
export function someIds(count: number, seed: number): number[] {
  const random = new Random(seed)
  return Array.from({ length: count }, () => random.integer(3, 300))
}
