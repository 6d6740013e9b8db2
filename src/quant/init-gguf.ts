/** Writing random models as GGUF files of the architecture "phi3". */
import { PocketPhiError, present } from '../base/errors.ts'
import { quantizeGgml } from '../blocks/ggml-quantize.ts'
import { writeFileAtomic, type FaultInjector } from '../formats/atomic.ts'
import { checkDiskSpace, type FreeBytes } from '../formats/disk-space.ts'
import { ggufTensorBytes } from '../formats/gguf-header.ts'
import { ggufName } from '../formats/gguf-phi3.ts'
import type { GgufMetadata, GgufValue } from '../formats/gguf-values.ts'
import { writeGguf, type GgufEntry } from '../formats/gguf-writer.ts'
import { parsePhi3Config, type Phi3Config } from '../models/phi3.ts'
import type { LongRope } from '../models/rope.ts'
import { ggufFileTypes, ggufTensorType, type GgufFileType } from './gguf-file-type.ts'
import { configuredTensors, type RandomTensor } from './random-weights.ts'
import { watched, type WatchOptions } from './watched.ts'

export interface InitGgufOptions extends WatchOptions {
  readonly seed: number
  readonly type: GgufFileType
  /** The vocabulary, as `ggufVocabulary` gives it; none where left out. */
  readonly vocabulary?: GgufMetadata
  /** For tests: a full or a dying disk. */
  readonly freeBytes?: FreeBytes
  readonly faults?: FaultInjector
}

/** Rows that are made, rounded and written at a time. */
const slabElements = 1 << 20

/** The table of tensors and the numbers of the metadata. */
const overheadBytes = 1 << 20

/**
 * Writes a GGUF file with the random weights that `initModel` writes, rounded to the types of the mixture. It is there whole
 * or not at all, and replaces a file of that name.
 *
 * @param config a config.json of `model_type` "phi3"
 * @returns bytes of all tensors, and the number of parameters
 * @throws PocketPhiError `out-of-memory` before anything is written when the disk has too little room; `invalid-config`;
 * `not-supported` for what GGUF files cannot say; `aborted`
 */
export async function initGguf(
  config: unknown,
  file: string,
  options: InitGgufOptions,
): Promise<{ bytes: number; parameters: number }> {
  const parsed = parsePhi3Config(config)
  const tensors = configuredTensors(config, options.seed)
  const entries = [...factorEntries(parsed.rope.longRope), ...tensors.map((tensor) => entryOf(tensor, parsed, options))]
  const metadata = new Map([...ggufMetadata(parsed, options.type), ...(options.vocabulary ?? [])])
  const bytes = entries.reduce((sum, { name, dtype, shape }) => {
    return sum + present(ggufTensorBytes(dtype, shape), `the size of ${name}`)
  }, 0)
  await checkDiskSpace(file, bytes + metadataBytes(metadata) + overheadBytes, options.freeBytes)
  const pieces = writeGguf(watched(entries, 'writing random weights', bytes, options), metadata)
  await writeFileAtomic(file, pieces, options.faults === undefined ? {} : { faults: options.faults })
  return { bytes, parameters: tensors.reduce((sum, { elements }) => sum + elements, 0) }
}

function entryOf(tensor: RandomTensor, config: Phi3Config, { type }: InitGgufOptions): GgufEntry {
  const { shape, elements, start } = tensor
  const name = present(ggufName(tensor.name), `the GGUF name of ${tensor.name}`)
  const dtype = ggufTensorType(type, name, shape, config.layers, config.tiedEmbeddings)
  const columns = shape.at(-1) ?? 1
  const step = columns * Math.max(1, Math.floor(slabElements / columns))
  return {
    name,
    dtype,
    shape,
    *data() {
      const next = start()
      for (let done = 0; done < elements; done += step) {
        yield quantizeGgml(dtype, next(Math.min(step, elements - done)))
      }
    },
  }
}

/** The factors of LongRoPE are tensors here. */
function factorEntries(rope: LongRope | undefined): GgufEntry[] {
  if (rope === undefined) return []
  const entry = (length: string, factors: readonly number[]): GgufEntry => ({
    name: `rope_factors_${length}.weight`,
    dtype: 'F32',
    shape: [factors.length],
    data: quantizeGgml('F32', Float32Array.from(factors)),
  })
  return [entry('long', rope.longFactors), entry('short', rope.shortFactors)]
}

/** The keys that convert_hf_to_gguf.py of llama.cpp writes for the configuration, but for the vocabulary. */
export function ggufMetadata(config: Phi3Config, type: GgufFileType): GgufMetadata {
  const { rope } = config
  const uint32 = (value: number): GgufValue => ({ type: 'uint32', value })
  const float32 = (value: number): GgufValue => ({ type: 'float32', value })
  const text = (value: string): GgufValue => ({ type: 'string', value })
  return new Map([
    ['general.architecture', text('phi3')],
    ['general.name', text('Random Phi-3')],
    ['general.file_type', uint32(ggufFileTypes[type])],
    ['general.quantization_version', uint32(2)],
    ['phi3.context_length', uint32(config.maxPositions)],
    ['phi3.rope.scaling.original_context_length', uint32(config.originalPositions)],
    ['phi3.embedding_length', uint32(config.hidden)],
    ['phi3.feed_forward_length', uint32(config.intermediate)],
    ['phi3.block_count', uint32(config.layers)],
    ['phi3.attention.head_count', uint32(config.heads)],
    ['phi3.attention.head_count_kv', uint32(config.kvHeads)],
    ['phi3.attention.key_length', uint32(config.headSize)],
    ['phi3.attention.value_length', uint32(config.headSize)],
    ['phi3.attention.layer_norm_rms_epsilon', float32(config.normEpsilon)],
    ['phi3.attention.sliding_window', uint32(config.window)],
    ['phi3.rope.dimension_count', uint32(rope.rotaryDimensions)],
    ['phi3.rope.freq_base', float32(rope.theta)],
    ...(rope.longRope === undefined
      ? []
      : [['phi3.rope.scaling.attn_factor', float32(attentionFactor(rope.longRope))] as const]),
  ])
}

function attentionFactor({ shortScale, longScale }: LongRope): number {
  if (shortScale === longScale) return shortScale
  throw new PocketPhiError('not-supported', 'A GGUF file has one attention factor for short and long sequences.', {
    expected: 'the same "short_mscale" and "long_mscale"',
    found: `${shortScale} and ${longScale}`,
  })
}

/** At most so many bytes for the arrays and texts of the metadata. */
function metadataBytes(metadata: GgufMetadata): number {
  const textBytes = (text: string): number => 8 + 3 * text.length
  let bytes = 0
  for (const value of metadata.values()) {
    if (value.type === 'string') bytes += textBytes(value.value)
    if (value.type !== 'array') continue
    bytes +=
      value.of === 'string' ? value.value.reduce((sum, text) => sum + textBytes(text), 0) : value.value.byteLength
  }
  return bytes
}
