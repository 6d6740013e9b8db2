import { describe, expect, it } from 'vitest'
import { PocketPhiError, type ErrorCode } from '../base/errors.ts'
import { ggufConfig, ggufName, publishedCheckpoint, publishedName } from './gguf-phi3.ts'
import { openGguf, type GgufCheckpoint } from './gguf.ts'
import { shortestDecimal, type GgufValue } from './gguf-values.ts'
import { ggufBytes, type GgufEntry } from './gguf-writer.ts'
import { bytesSource } from './source.ts'

const integer = (value: number): GgufValue => ({ type: 'uint32', value })
const float = (value: number): GgufValue => ({ type: 'float32', value })
const string = (value: string): GgufValue => ({ type: 'string', value })

/** As the converter of llama.cpp writes them for a model of two layers, four heads of 8 and two of keys. */
const plainMetadata: Readonly<Record<string, GgufValue>> = {
  'general.architecture': string('phi3'),
  'phi3.context_length': integer(128),
  'phi3.rope.scaling.original_context_length': integer(128),
  'phi3.embedding_length': integer(32),
  'phi3.feed_forward_length': integer(48),
  'phi3.block_count': integer(2),
  'phi3.attention.head_count': integer(4),
  'phi3.attention.head_count_kv': integer(2),
  'phi3.attention.layer_norm_rms_epsilon': float(1e-5),
  'phi3.rope.dimension_count': integer(8),
  'phi3.rope.freq_base': float(10000),
  'phi3.attention.sliding_window': integer(0),
  'tokenizer.ggml.bos_token_id': integer(1),
  'tokenizer.ggml.eos_token_id': integer(2),
  'tokenizer.ggml.padding_token_id': integer(0),
}

const longMetadata: Readonly<Record<string, GgufValue>> = {
  ...plainMetadata,
  'phi3.context_length': integer(1024),
  'phi3.rope.scaling.attn_factor': float(Math.sqrt(1 + Math.log(8) / Math.log(128))),
}

function entry(name: string, ...shape: number[]): GgufEntry {
  const length = shape.reduce((product, extent) => product * extent, 1)
  return { name, dtype: 'F32', shape, data: new Uint8Array(new Float32Array(length).fill(length).buffer) }
}

function factorsEntry(name: string, factors: readonly number[]): GgufEntry {
  const data = new Uint8Array(Float32Array.from(factors).buffer)
  return { name: `rope_factors_${name}.weight`, dtype: 'F32', shape: [factors.length], data }
}

const plainTensors = [entry('token_embd.weight', 16, 32), entry('output.weight', 16, 32)]
const short = [1, 1.01, 1.02, 1.08]
const long = [1.07, 2.13, 37.28, 64.76]
const longTensors = [...plainTensors, factorsEntry('short', short), factorsEntry('long', long)]

async function open(
  metadata: Readonly<Record<string, GgufValue | undefined>>,
  tensors: readonly GgufEntry[] = plainTensors,
): Promise<GgufCheckpoint> {
  const pairs = Object.entries(metadata).filter((pair): pair is [string, GgufValue] => pair[1] !== undefined)
  return await openGguf(bytesSource(await ggufBytes(tensors, new Map(pairs))))
}

async function config(
  metadata: Readonly<Record<string, GgufValue | undefined>>,
  tensors: readonly GgufEntry[] = plainTensors,
): Promise<Record<string, unknown>> {
  return await ggufConfig(await open(metadata, tensors))
}

describe('ggufConfig', () => {
  it('is the config.json of the model', async () => {
    expect(await config(plainMetadata)).toEqual({
      architectures: ['Phi3ForCausalLM'],
      model_type: 'phi3',
      hidden_act: 'silu',
      vocab_size: 16,
      hidden_size: 32,
      intermediate_size: 48,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      rms_norm_eps: 1e-5,
      max_position_embeddings: 128,
      original_max_position_embeddings: 128,
      rope_theta: 10000,
      rope_scaling: null,
      sliding_window: null,
      tie_word_embeddings: false,
      bos_token_id: 1,
      eos_token_id: 2,
      pad_token_id: 0,
    })
  })

  it('has the factors of LongRoPE as they were published', async () => {
    const found = await config(longMetadata, longTensors)
    expect(found['rope_scaling']).toEqual({ type: 'longrope', short_factor: short, long_factor: long })
    expect(found['original_max_position_embeddings']).toBe(128)
    const scaled = await config({ ...longMetadata, 'phi3.rope.scaling.attn_factor': float(1.25) }, longTensors)
    expect(scaled['rope_scaling']).toMatchObject({ short_mscale: 1.25, long_mscale: 1.25 })
    const silent = await config({ ...longMetadata, 'phi3.rope.scaling.attn_factor': undefined }, longTensors)
    expect(silent['rope_scaling']).toEqual(found['rope_scaling'])
  })

  it('knows windows, partial rotation, head sizes, tied embeddings and several ends', async () => {
    const one = await config({ ...plainMetadata, 'phi3.attention.sliding_window': integer(63) })
    expect(one['sliding_window']).toBe(63)
    const other = await config(
      {
        ...plainMetadata,
        'phi3.rope.dimension_count': integer(6),
        'tokenizer.ggml.eot_token_id': integer(7),
        'phi3.attention.key_length': integer(8),
      },
      plainTensors.slice(0, 1),
    )
    expect(other).toMatchObject({ partial_rotary_factor: 0.75, tie_word_embeddings: true, eos_token_id: [2, 7] })
    expect(other).not.toHaveProperty('head_dim')
    const wide = await config({ ...plainMetadata, 'phi3.attention.key_length': integer(16) })
    expect(wide).toMatchObject({ head_dim: 16, partial_rotary_factor: 0.5 })
  })

  it('gives a share that leaves the number of rotated components', async () => {
    for (let headSize = 4; headSize <= 130; headSize += 14) {
      for (let rotary = 2; rotary < headSize; rotary += 2) {
        const found = await config({
          ...plainMetadata,
          'phi3.attention.key_length': integer(headSize),
          'phi3.rope.dimension_count': integer(rotary),
        })
        expect(Math.trunc(headSize * (found['partial_rotary_factor'] as number))).toBe(rotary)
      }
    }
  })

  it('takes what old files leave out', async () => {
    const old = { ...plainMetadata, 'phi3.attention.sliding_window': undefined }
    expect((await config(old))['sliding_window']).toBeNull()
    const mini = {
      ...old,
      'phi3.context_length': integer(4096),
      'phi3.rope.scaling.original_context_length': undefined,
      'phi3.block_count': integer(32),
      'phi3.attention.head_count_kv': undefined,
      'phi3.rope.freq_base': undefined,
      'phi3.rope.dimension_count': undefined,
    }
    expect(await config(mini)).toMatchObject({
      sliding_window: 2047,
      original_max_position_embeddings: 4096,
      num_key_value_heads: 4,
      rope_theta: 10000,
    })
    expect((await config({ ...mini, 'phi3.block_count': integer(40) }))['sliding_window']).toBe(2047)
    expect((await config({ ...mini, 'phi3.attention.sliding_window': integer(0) }))['sliding_window']).toBeNull()
  })

  it('takes integers of any width, and lists that say the same for all layers', async () => {
    const found = await config({
      ...plainMetadata,
      'phi3.block_count': { type: 'uint64', value: 2n },
      'phi3.context_length': { type: 'int32', value: 128 },
      'phi3.attention.head_count_kv': { type: 'array', of: 'int32', value: Int32Array.of(2, 2) },
    })
    expect(found).toMatchObject({ num_hidden_layers: 2, max_position_embeddings: 128, num_key_value_heads: 2 })
  })

  it('names what is missing, unknown or contradictory', async () => {
    const refused = async (
      change: Readonly<Record<string, GgufValue | undefined>>,
      message: RegExp,
      tensors: readonly GgufEntry[] = plainTensors,
      code: ErrorCode = 'invalid-config',
    ): Promise<void> => {
      const error: unknown = await config({ ...plainMetadata, ...change }, tensors).catch((thrown: unknown) => thrown)
      if (!(error instanceof PocketPhiError)) throw new Error('no PocketPhiError', { cause: error })
      expect(error.message).toMatch(message)
      expect(error.code).toBe(code)
    }
    const none = (key: string): Record<string, undefined> => ({ [`phi3.${key}`]: undefined })
    const set = (key: string, value: GgufValue): Record<string, GgufValue> => ({ [`phi3.${key}`]: value })
    const plain: readonly GgufEntry[] = plainTensors
    await refused({ 'general.architecture': string('llama') }, /"phi3".*"llama"/, plain, 'not-supported')
    await refused({ 'general.architecture': undefined }, /no such key/, plain, 'not-supported')
    await refused({ 'phi3.expert_count': integer(8) }, /"phi3.expert_count"/)
    await refused(none('embedding_length'), /phi3.embedding_length.*no such key/)
    await refused(none('feed_forward_length'), /phi3.feed_forward_length/)
    await refused(none('attention.layer_norm_rms_epsilon'), /phi3.attention.layer_norm_rms_epsilon/)
    await refused(set('block_count', integer(0)), /phi3.block_count.*positive integer.*0/)
    await refused(set('block_count', float(1.5)), /phi3.block_count.*1.5/)
    await refused(set('rope.freq_base', float(Number.NaN)), /phi3.rope.freq_base.*NaN/)
    await refused(set('block_count', string('two')), /"phi3.block_count".*string/, plain, 'invalid-file')
    await refused(set('block_count', { type: 'uint64', value: 2n ** 60n }), /53 bits/, plain, 'invalid-file')
    const layers: GgufValue = { type: 'array', of: 'int32', value: Int32Array.of(2, 4) }
    await refused(set('attention.head_count_kv', layers), /all layers/)
    await refused(set('embedding_length', integer(64)), /"token_embd.weight".*\[vocabulary, 64\].*\[16, 32\]/)
    await refused(set('vocab_size', integer(17)), /vocabulary.*16.*17/)
    await refused({ 'tokenizer.ggml.tokens': { type: 'array', of: 'string', value: ['a'] } }, /tokens 1/)
    await refused({}, /token_embd.weight/, plainTensors.slice(1))
    await refused(set('attention.value_length', integer(4)), /value_length.*8.*4/)
    await refused(set('rope.dimension_count', integer(10)), /rope.dimension_count/)
    await refused(set('rope.dimension_count', integer(3)), /even/)
    await refused(set('attention.sliding_window', { type: 'int32', value: -1 }), /sliding_window.*-1/)
    await refused({ 'tokenizer.ggml.eos_token_id': integer(16) }, /eos_token_id.*below 16/)
    await refused(set('rope.scaling.type', string('linear')), /"linear"/)
    await refused(set('rope.scaling.factor', float(4)), /rope.scaling.factor.*4/)
    await refused(set('rope.scaling.attn_factor', float(1.19)), /1\.19/)
    await refused(set('context_length', integer(1024)), /context 1024, originally 128/)
    await refused({}, /both/, longTensors.slice(0, 3))
    const few = [...plainTensors, factorsEntry('short', short), factorsEntry('long', [1, 2, 3])]
    await refused({}, /rope_factors_long.*F32 \[4\].*F32 \[3\]/, few)
    const negative = [...plainTensors, factorsEntry('short', short), factorsEntry('long', [1, -2, 3, 4])]
    await refused({}, /rope_factors_long.*positive/, negative)
    await refused(set('rope.scaling.attn_factor', float(-1)), /attn_factor.*-1/, longTensors)
  })
})

describe('names of tensors', () => {
  it('are translated there and back', () => {
    const pairs = [
      ['token_embd.weight', 'model.embed_tokens.weight'],
      ['output_norm.weight', 'model.norm.weight'],
      ['output.weight', 'lm_head.weight'],
      ['blk.0.attn_norm.weight', 'model.layers.0.input_layernorm.weight'],
      ['blk.12.attn_qkv.weight', 'model.layers.12.self_attn.qkv_proj.weight'],
      ['blk.3.attn_output.weight', 'model.layers.3.self_attn.o_proj.weight'],
      ['blk.3.ffn_norm.weight', 'model.layers.3.post_attention_layernorm.weight'],
      ['blk.3.ffn_up.weight', 'model.layers.3.mlp.gate_up_proj.weight'],
      ['blk.31.ffn_down.weight', 'model.layers.31.mlp.down_proj.weight'],
    ] as const
    for (const [name, published] of pairs) {
      expect(publishedName(name)).toBe(published)
      expect(ggufName(published)).toBe(name)
    }
    for (const name of [
      'blk.00.attn_norm.weight',
      'blk.0.attn_q.weight',
      'blk.-1.attn_norm.weight',
      'attn_norm.weight',
    ]) {
      expect(publishedName(name)).toBeUndefined()
      expect(ggufName(name)).toBeUndefined()
    }
  })

  it('are those of the published checkpoints in the view that the engine loads', async () => {
    const layer = [entry('blk.0.attn_qkv.weight', 64, 32), entry('blk.0.attn_norm.weight', 32)]
    const gguf = await open(longMetadata, [...longTensors, ...layer])
    const published = publishedCheckpoint(gguf)
    expect(published.names()).toEqual([
      'lm_head.weight',
      'model.embed_tokens.weight',
      'model.layers.0.input_layernorm.weight',
      'model.layers.0.self_attn.qkv_proj.weight',
    ])
    const name = 'model.layers.0.self_attn.qkv_proj.weight'
    expect(published.has(name)).toBe(true)
    expect(published.has('blk.0.attn_qkv.weight')).toBe(false)
    expect(published.info(name)).toEqual({ dtype: 'F32', shape: [64, 32], bytes: 8192 })
    expect(await published.readFloat32(name, { rows: { first: 3, count: 1 } })).toEqual(new Float32Array(32).fill(2048))
    expect(await published.read(name)).toEqual(await gguf.read('blk.0.attn_qkv.weight'))
    await expect(published.read('blk.0.attn_qkv.weight')).rejects.toThrow(/no tensor/)
    expect(published.metadata).toBe(gguf.metadata)
    await published.close()
    await expect(gguf.read('output.weight')).rejects.toThrow(/closed/)
  })

  it('that a phi3 model does not have are refused', async () => {
    const gguf = await open(plainMetadata, [...plainTensors, entry('blk.0.attn_q.weight', 32, 32)])
    expect(() => publishedCheckpoint(gguf)).toThrow(/blk\.N\.attn_qkv\.weight.*Found "blk\.0\.attn_q\.weight"/)
  })
})

describe('shortestDecimal', () => {
  it('rounds to the same f32', () => {
    for (const value of [1e-5, 1.08, 64.76, 10000, 250000, 1 / 3, 1e-40, 3.4e38, 0, -0.1]) {
      expect(Math.fround(shortestDecimal(Math.fround(value)))).toBe(Math.fround(value))
    }
    expect([1e-5, 1.08, 64.76, 0.1].map((value) => shortestDecimal(Math.fround(value)))).toEqual([
      1e-5, 1.08, 64.76, 0.1,
    ])
    expect(shortestDecimal(Infinity)).toBe(Infinity)
    expect(shortestDecimal(Number.NaN)).toBeNaN()
  })
})
