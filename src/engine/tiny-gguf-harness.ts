/** The tiny model as a GGUF file, for tests. */
import { dequantizeGgml } from '../blocks/ggml-dequantize.ts'
import { quantizeGgml, type GgmlQuantizedType } from '../blocks/ggml-quantize.ts'
import { present } from '../base/errors.ts'
import { ggufName } from '../formats/gguf-phi3.ts'
import type { GgufMetadata, GgufValue } from '../formats/gguf-values.ts'
import { ggufBytes, type GgufEntry } from '../formats/gguf-writer.ts'
import { floatEntry, safetensorsBytes } from '../formats/safetensors-writer.ts'
import { openSafetensors } from '../formats/safetensors.ts'
import { memoryFolder } from '../formats/tree.ts'
import { ggufVocabulary } from '../text/gguf-vocabulary.ts'
import { tinyFiles, tinyTokenizerJson, type TinyOptions } from './tiny-model-harness.ts'

export interface TinyGgufOptions extends TinyOptions {
  /** The type of a tensor by its published name; vectors are F32 unless `vectors` says else. */
  readonly type: GgmlQuantizedType | ((name: string) => GgmlQuantizedType)
  readonly vectors?: GgmlQuantizedType
  readonly chatTemplate?: string
}

export interface TinyGguf {
  readonly entries: readonly GgufEntry[]
  readonly metadata: GgufMetadata
  /** The file. */
  readonly bytes: Uint8Array<ArrayBuffer>
  /** A published model with the values of the file in f32. */
  readonly twin: ReadonlyMap<string, Uint8Array>
}

const integer = (value: number): GgufValue => ({ type: 'uint32', value })
const string = (value: string): GgufValue => ({ type: 'string', value })

function metadataOf(config: Readonly<Record<string, unknown>>, chatTemplate: string | undefined): GgufMetadata {
  const number = (name: string): GgufValue => integer(config[name] as number)
  const heads = config['num_attention_heads'] as number
  return new Map<string, GgufValue>([
    ['general.architecture', string('phi3')],
    ['phi3.context_length', number('max_position_embeddings')],
    ['phi3.rope.scaling.original_context_length', number('original_max_position_embeddings')],
    ['phi3.embedding_length', number('hidden_size')],
    ['phi3.feed_forward_length', number('intermediate_size')],
    ['phi3.block_count', number('num_hidden_layers')],
    ['phi3.attention.head_count', number('num_attention_heads')],
    ['phi3.attention.head_count_kv', number('num_key_value_heads')],
    ['phi3.attention.layer_norm_rms_epsilon', { type: 'float32', value: config['rms_norm_eps'] as number }],
    ['phi3.rope.dimension_count', integer((config['hidden_size'] as number) / heads)],
    ['phi3.rope.freq_base', { type: 'float32', value: 10_000 }],
    ['phi3.attention.sliding_window', integer(0)],
    ...ggufVocabulary(tinyTokenizerJson, { rows: config['vocab_size'] as number, bosId: 1, endIds: [2], chatTemplate }),
  ])
}

/** A GGUF file with the weights of `tinyFiles`, rounded, and its twin. */
export async function tinyGguf(options: TinyGgufOptions): Promise<TinyGguf> {
  const files = await tinyFiles(options)
  const checkpoint = await openSafetensors(memoryFolder(files))
  const entries: GgufEntry[] = []
  const values = new Map<string, Float32Array>()
  for (const published of checkpoint.names()) {
    const { shape } = checkpoint.info(published)
    const ofMatrix = typeof options.type === 'string' ? options.type : options.type(published)
    const dtype = shape.length === 2 ? ofMatrix : (options.vectors ?? 'F32')
    const data = quantizeGgml(dtype, await checkpoint.readFloat32(published))
    entries.push({ name: present(ggufName(published), published), dtype, shape, data })
    values.set(published, dequantizeGgml(dtype, data))
  }
  const config = JSON.parse(new TextDecoder().decode(files.get('config.json'))) as Record<string, unknown>
  const metadata = metadataOf(config, options.chatTemplate)
  const dense = [...values].map(([name, floats]) => floatEntry(name, checkpoint.info(name).shape, floats, 'F32'))
  return {
    entries,
    metadata,
    bytes: Uint8Array.from(await ggufBytes(entries, metadata)),
    twin: new Map([...files, ['model.safetensors', await safetensorsBytes(dense)]]),
  }
}
