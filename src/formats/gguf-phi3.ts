/**
 * What a GGUF file of the architecture "phi3" means in terms of the published checkpoints: the fields of config.json and the
 * names of tensors. Keys and names are those that convert_hf_to_gguf.py and llama-arch.cpp of llama.cpp agree on.
 */
import { quoted } from '../base/describe.ts'
import { PocketPhiError } from '../base/errors.ts'
import { type GgufCheckpoint } from './gguf.ts'
import { ggufNumber, ggufNumbers, ggufString, ggufStrings, shortestDecimal } from './gguf-values.ts'

const architecture = 'phi3'
const embeddings = 'token_embd.weight'
const head = 'output.weight'
const shortFactors = 'rope_factors_short.weight'
const longFactors = 'rope_factors_long.weight'

/** The keys behind `phi3.` that are understood. Another one may change what the model computes. */
const knownKeys: ReadonlySet<string> = new Set([
  'context_length',
  'embedding_length',
  'feed_forward_length',
  'block_count',
  'vocab_size',
  'attention.head_count',
  'attention.head_count_kv',
  'attention.key_length',
  'attention.value_length',
  'attention.layer_norm_rms_epsilon',
  'attention.sliding_window',
  'rope.dimension_count',
  'rope.freq_base',
  'rope.scaling.type',
  'rope.scaling.factor',
  'rope.scaling.attn_factor',
  'rope.scaling.original_context_length',
])

function unusable(what: string, expected: string, found: string): PocketPhiError {
  return new PocketPhiError('invalid-config', `${what} of the GGUF file cannot be used.`, { expected, found })
}

/** The metadata `phi3.*` of a file, each checked when it is asked for. */
interface Keys {
  number(key: string): number | undefined
  positive(key: string, fallback?: number): number
  extent(key: string, fallback?: number): number
}

function keysOf({ metadata }: GgufCheckpoint): Keys {
  const number = (key: string): number | undefined => {
    const name = `${architecture}.${key}`
    if (metadata.get(name)?.type !== 'array') return ggufNumber(metadata, name)
    // Some architectures have a value for every layer; here all layers are alike.
    const values = ggufNumbers(metadata, name) ?? []
    const [first] = Array.from(values)
    if (first !== undefined && Array.from(values).every((value) => value === first)) return first
    throw unusable(`The metadata "${name}"`, 'one value for all layers', 'an array of different values')
  }
  const check = (key: string, value: number | undefined, possible: boolean, expected: string): number => {
    if (value !== undefined && possible) return value
    throw unusable(`The metadata "${architecture}.${key}"`, expected, value === undefined ? 'no such key' : `${value}`)
  }
  return {
    number,
    positive(key, fallback) {
      const value = number(key) ?? fallback
      return check(key, value, Number.isFinite(value) && (value as number) > 0, 'a positive number')
    },
    extent(key, fallback) {
      const value = number(key) ?? fallback
      const possible = Number.isInteger(value) && (value as number) > 0 && (value as number) <= 2 ** 31
      return check(key, value, possible, 'a positive integer')
    },
  }
}

/**
 * The config.json of a GGUF file, with the fields that src/models/phi3.ts reads. Vocabulary, tied embeddings and the factors
 * of LongRoPE come from its tensors.
 * @throws PocketPhiError `not-supported` for another architecture; `invalid-config` naming metadata that are missing,
 * unknown or contradict each other or the tensors; `invalid-file` for metadata of the wrong type
 */
export async function ggufConfig(gguf: GgufCheckpoint): Promise<Record<string, unknown>> {
  checkKeys(gguf)
  const keys = keysOf(gguf)
  const hidden = keys.extent('embedding_length')
  const heads = keys.extent('attention.head_count')
  const headSize = keys.extent('attention.key_length', hidden / heads)
  const valueSize = keys.extent('attention.value_length', headSize)
  if (valueSize !== headSize) {
    throw unusable(
      'The metadata "phi3.attention.value_length"',
      `as phi3.attention.key_length, ${headSize}`,
      `${valueSize}`,
    )
  }
  const layers = keys.extent('block_count')
  const maxPositions = keys.extent('context_length')
  const originalPositions = keys.extent('rope.scaling.original_context_length', maxPositions)
  const rotary = keys.extent('rope.dimension_count', headSize)
  if (rotary > headSize || rotary % 2 !== 0) {
    throw unusable('The metadata "phi3.rope.dimension_count"', `an even number up to ${headSize}`, `${rotary}`)
  }
  const vocabulary = vocabularyOf(gguf, keys, hidden)
  return {
    architectures: ['Phi3ForCausalLM'],
    model_type: 'phi3',
    hidden_act: 'silu',
    vocab_size: vocabulary,
    hidden_size: hidden,
    intermediate_size: keys.extent('feed_forward_length'),
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: keys.extent('attention.head_count_kv', heads),
    ...(headSize !== hidden / heads && { head_dim: headSize }),
    rms_norm_eps: keys.positive('attention.layer_norm_rms_epsilon'),
    max_position_embeddings: maxPositions,
    original_max_position_embeddings: originalPositions,
    rope_theta: keys.positive('rope.freq_base', 10000),
    ...(rotary !== headSize && { partial_rotary_factor: rotaryShare(rotary, headSize) }),
    rope_scaling: await ropeScaling(gguf, keys, rotary, maxPositions, originalPositions),
    sliding_window: slidingWindow(keys, layers, maxPositions),
    tie_word_embeddings: !gguf.has(head),
    ...tokenIds(gguf, vocabulary),
  }
}

function checkKeys({ metadata }: GgufCheckpoint): void {
  const found = ggufString(metadata, 'general.architecture')
  if (found !== architecture) {
    throw new PocketPhiError('not-supported', 'The architecture of this GGUF file is not built.', {
      expected: `"general.architecture" to be "${architecture}"`,
      found: found === undefined ? 'no such key' : quoted(found),
    })
  }
  const prefix = `${architecture}.`
  const unknown = [...metadata.keys()].filter(
    (key) => key.startsWith(prefix) && !knownKeys.has(key.slice(prefix.length)),
  )
  if (unknown.length === 0) return
  throw new PocketPhiError('invalid-config', 'The GGUF file has metadata that this model does not know.', {
    found: unknown.slice(0, 10).map(quoted).join(', '),
    remedy: 'They may change what the model computes; it needs them built.',
  })
}

/** Rows of the embeddings, on which everything that counts tokens must agree. */
function vocabularyOf(gguf: GgufCheckpoint, keys: Keys, hidden: number): number {
  if (!gguf.has(embeddings)) throw unusable('The table of tensors', `"${embeddings}"`, 'no such tensor')
  const { shape } = gguf.info(embeddings)
  const [rows, columns] = shape
  if (shape.length !== 2 || rows === undefined || columns !== hidden) {
    throw unusable(`The tensor "${embeddings}"`, `[vocabulary, ${hidden}]`, `[${shape.join(', ')}]`)
  }
  const announced = keys.number('vocab_size') ?? rows
  const tokens = ggufStrings(gguf.metadata, 'tokenizer.ggml.tokens')?.length ?? rows
  if (announced === rows && tokens === rows) return rows
  const found = `phi3.vocab_size ${announced}, tokenizer.ggml.tokens ${tokens}`
  throw unusable('The size of the vocabulary', `${rows}, the rows of "${embeddings}"`, found)
}

/** The share from which the rotated components are computed again without a rounding error. */
function rotaryShare(rotary: number, headSize: number): number {
  const share = rotary / headSize
  return Math.trunc(share * headSize) === rotary ? share : (rotary + 0.5) / headSize
}

/**
 * Keys a query sees; null for all. Files of the first months lack the key; theirs are the windows that llama.cpp then
 * took: 2047 for Phi-3-mini and medium with 4096 positions. The windows of the long models are as long as their context.
 */
function slidingWindow(keys: Keys, layers: number, maxPositions: number): number | null {
  const window = keys.number('attention.sliding_window')
  if (window === undefined) return maxPositions === 4096 && (layers === 32 || layers === 40) ? 2047 : null
  if (Number.isInteger(window) && window >= 0) return window === 0 ? null : window
  throw unusable('The metadata "phi3.attention.sliding_window"', 'a number of positions, 0 for all', `${window}`)
}

async function ropeScaling(
  gguf: GgufCheckpoint,
  keys: Keys,
  rotary: number,
  maxPositions: number,
  originalPositions: number,
): Promise<object | null> {
  const type = ggufString(gguf.metadata, 'phi3.rope.scaling.type') ?? 'none'
  const hasFactors = gguf.has(shortFactors) && gguf.has(longFactors)
  if (gguf.has(shortFactors) !== gguf.has(longFactors)) {
    throw unusable('The table of tensors', `both "${shortFactors}" and "${longFactors}"`, 'one of them')
  }
  if (!['none', 'longrope', ...(hasFactors ? ['su', 'yarn'] : [])].includes(type)) {
    throw unusable('The metadata "phi3.rope.scaling.type"', 'longrope with factors, or none', quoted(type))
  }
  const factor = keys.number('rope.scaling.factor') ?? 1
  // llama.cpp takes 0 for "not scaled".
  if (factor !== 0 && factor !== 1) throw unusable('The metadata "phi3.rope.scaling.factor"', '1', `${factor}`)
  const attention = keys.number('rope.scaling.attn_factor')
  if (hasFactors) {
    const scales = attentionScales(attention, maxPositions, originalPositions)
    const short = await readFactors(gguf, shortFactors, rotary)
    return {
      type: 'longrope',
      short_factor: short,
      long_factor: await readFactors(gguf, longFactors, rotary),
      ...scales,
    }
  }
  if (type !== 'none' || originalPositions !== maxPositions || (attention ?? 1) !== 1) {
    const found = `context ${maxPositions}, originally ${originalPositions}, attention factor ${attention ?? 1}`
    throw unusable('The scaling of positions', `"${shortFactors}" and "${longFactors}" for an extended context`, found)
  }
  return null
}

/**
 * The factor on cosines and sines, where it is another than the formula of LongRoPE gives (the converter writes another one for
 * models whose scaling is called "yarn").
 */
function attentionScales(
  attention: number | undefined,
  maxPositions: number,
  originalPositions: number,
): { short_mscale?: number; long_mscale?: number } {
  const ratio = maxPositions / originalPositions
  const formula = ratio <= 1 ? 1 : Math.sqrt(1 + Math.log(ratio) / Math.log(originalPositions))
  if (attention === undefined || Math.abs(attention - formula) <= 1e-6 * formula) return {}
  if (!Number.isFinite(attention) || attention <= 0) {
    throw unusable('The metadata "phi3.rope.scaling.attn_factor"', 'a positive number', `${attention}`)
  }
  return { short_mscale: attention, long_mscale: attention }
}

async function readFactors(gguf: GgufCheckpoint, name: string, rotary: number): Promise<number[]> {
  const { dtype, shape } = gguf.info(name)
  if (dtype !== 'F32' || shape.length !== 1 || shape[0] !== rotary / 2) {
    throw unusable(`The tensor "${name}"`, `F32 [${rotary / 2}]`, `${dtype} [${shape.join(', ')}]`)
  }
  const factors = Array.from(await gguf.readFloat32(name), shortestDecimal)
  if (factors.every((factor) => Number.isFinite(factor) && factor > 0)) return factors
  throw unusable(`The tensor "${name}"`, 'positive numbers', 'others among them')
}

function tokenIds({ metadata }: GgufCheckpoint, vocabulary: number): Record<string, unknown> {
  const id = (name: string): number | undefined => {
    const key = `tokenizer.ggml.${name}_token_id`
    const value = ggufNumber(metadata, key)
    if (value === undefined || (Number.isInteger(value) && value >= 0 && value < vocabulary)) return value
    throw unusable(`The metadata "${key}"`, `an id below ${vocabulary}`, `${value}`)
  }
  const [bos, eos, eot, pad] = [id('bos'), id('eos'), id('eot'), id('padding')]
  const ends = [...new Set([eos, eot])].filter((end) => end !== undefined)
  return {
    ...(bos !== undefined && { bos_token_id: bos }),
    ...(ends.length > 0 && { eos_token_id: ends.length === 1 ? ends[0] : ends }),
    ...(pad !== undefined && { pad_token_id: pad }),
  }
}

const modelNames: ReadonlyMap<string, string> = new Map([
  [embeddings, 'model.embed_tokens.weight'],
  ['output_norm.weight', 'model.norm.weight'],
  [head, 'lm_head.weight'],
])

/** Behind `blk.N.` and behind `model.layers.N.`. Gate and up are one matrix in both, and so are query, key and value. */
const layerNames: ReadonlyMap<string, string> = new Map([
  ['attn_norm.weight', 'input_layernorm.weight'],
  ['attn_qkv.weight', 'self_attn.qkv_proj.weight'],
  ['attn_output.weight', 'self_attn.o_proj.weight'],
  ['ffn_norm.weight', 'post_attention_layernorm.weight'],
  ['ffn_up.weight', 'mlp.gate_up_proj.weight'],
  ['ffn_down.weight', 'mlp.down_proj.weight'],
])

function inverse(names: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...names].map(([name, other]) => [other, name]))
}

const modelNamesBack = inverse(modelNames)
const layerNamesBack = inverse(layerNames)

/** The name in published checkpoints of a tensor of a phi3 GGUF file; undefined when there is none. */
export function publishedName(name: string): string | undefined {
  const match = /^blk\.(0|[1-9]\d{0,5})\.(.*)$/s.exec(name)
  if (match === null) return modelNames.get(name)
  const rest = layerNames.get(match[2] as string)
  return rest === undefined ? undefined : `model.layers.${match[1]}.${rest}`
}

/** The name in a phi3 GGUF file of a tensor of a published checkpoint; undefined when there is none. */
export function ggufName(published: string): string | undefined {
  const match = /^model\.layers\.(0|[1-9]\d{0,5})\.(.*)$/s.exec(published)
  if (match === null) return modelNamesBack.get(published)
  const rest = layerNamesBack.get(match[2] as string)
  return rest === undefined ? undefined : `blk.${match[1]}.${rest}`
}

/**
 * The same checkpoint under the names of the published ones. The factors of LongRoPE, which are part of the configuration there,
 * are left out.
 * @throws PocketPhiError `not-supported` naming tensors that a phi3 model does not have
 */
export function publishedCheckpoint(gguf: GgufCheckpoint): GgufCheckpoint {
  const originals = new Map<string, string>()
  const unknown: string[] = []
  for (const name of gguf.names()) {
    const published = publishedName(name)
    if (published !== undefined) originals.set(published, name)
    else if (name !== shortFactors && name !== longFactors) unknown.push(name)
  }
  if (unknown.length > 0) {
    throw new PocketPhiError('not-supported', `"${gguf.file}" has tensors that a phi3 model does not have.`, {
      expected: [...modelNames.keys(), ...[...layerNames.keys()].map((rest) => `blk.N.${rest}`)].join(', '),
      found: `${unknown.slice(0, 5).map(quoted).join(', ')}${unknown.length > 5 ? ` and ${unknown.length - 5} more` : ''}`,
    })
  }
  const original = (published: string): string => {
    const name = originals.get(published)
    if (name !== undefined) return name
    throw new PocketPhiError('not-found', `The GGUF file has no tensor ${quoted(published)}.`)
  }
  return {
    file: gguf.file,
    names: () => [...originals.keys()].sort(),
    has: (name) => originals.has(name),
    info: (name) => gguf.info(original(name)),
    read: async (name, options) => await gguf.read(original(name), options),
    readFloat32: async (name, options) => await gguf.readFloat32(original(name), options),
    metadata: gguf.metadata,
    close: () => gguf.close(),
  }
}
