/** Phi-3-small and Phi-3.5-MoE: masks and routes of the reference implementations, and whole tiny models on every processor backend. */
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Backend } from '../src/backends/backend.ts'
import { referenceBackend } from '../src/backends/ref/index.ts'
import { wasmBackend } from '../src/backends/wasm/index.ts'
import { PocketPhiError, present } from '../src/base/errors.ts'
import { loadCheckpoint } from '../src/engine/load.ts'
import { floatEntry, safetensorsBytes } from '../src/formats/safetensors-writer.ts'
import { openSafetensors } from '../src/formats/safetensors.ts'
import { localFolder, memoryFolder } from '../src/formats/tree.ts'
import { modelFromConfig } from '../src/models/index.ts'
import { Trace } from '../src/program/index.ts'
import { seesPosition } from '../src/program/ops/block-pattern.ts'
import { sparseMixer } from '../src/program/ops/index.ts'
import { configuredTensors } from '../src/quant/random-weights.ts'
import { quantize, type QuantizeOptions } from '../src/quant/quantize.ts'

const fixtures = fileURLToPath(new URL('fixtures', import.meta.url))

async function bytesOf(name: string): Promise<Uint8Array<ArrayBuffer>> {
  const tensors = await openSafetensors(localFolder(fixtures), 'routes-and-masks.safetensors')
  const bytes = (await tensors.read(name)).slice()
  await tensors.close()
  return bytes
}

it('what heads see is what the reference shows them', async () => {
  const mask = await bytesOf('blocksparse_mask')
  const [heads, length] = [8, 50]
  const pattern = { blockSize: 4, localBlocks: 2, verticalStride: 3, headStep: 1 }
  const found = Array.from(mask, (_, index) => {
    const [head, position, key] = [Math.floor(index / length ** 2), Math.floor(index / length) % length, index % length]
    return Number(key <= position && seesPosition(pattern, head, position, key))
  })
  expect(mask).toHaveLength(heads * length ** 2)
  expect(found).toEqual([...mask])
})

describe.each([
  ['ref', referenceBackend],
  ['wasm', () => wasmBackend({ threads: 0 })],
] as const)('routes on %s', (_, backend) => {
  it.each([
    ['short', 0.01],
    ['wide', 0.12],
  ])('are those of the reference: %s', async (name, jitter) => {
    for (const layer of [0, 1]) {
      const logits = new Float32Array((await bytesOf(`${name}.router_logits.${layer}`)).buffer)
      const weights = new Float32Array((await bytesOf(`${name}.routing_weights.${layer}`)).buffer)
      const chosen = new Int32Array((await bytesOf(`${name}.selected_experts.${layer}`)).buffer)
      const [rows, experts] = [logits.length / 6, 6]
      const trace = new Trace('routes')
      const scores = trace.bind('input', 'scores', { dtype: 'f32', shape: [rows, experts] })
      trace.output('routing', sparseMixer(scores, jitter))
      const device = await backend().open([trace.finish()])
      const routing = present((await device.run('routes', { scores: logits }))['routing'], 'routing')
      await device.dispose()
      const expected = new Float32Array(rows * experts)
      chosen.forEach((expert, index) => (expected[Math.floor(index / 2) * experts + expert] = weights[index] ?? 0))
      routing.forEach((weight, index) => expect(weight).toBeCloseTo(expected[index] ?? NaN, 6))
    }
  })
})

const common = {
  vocab_size: 96,
  hidden_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 256,
  initializer_range: 0.15,
}

const configs: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  phi3small: {
    ...common,
    model_type: 'phi3small',
    ff_intermediate_size: 96,
    blocksparse_block_size: 16,
    blocksparse_num_local_blocks: 2,
    blocksparse_vert_stride: 3,
    dense_attention_every_n_layers: 2,
    mup_embedding_multiplier: 3,
    dummy_token_indices: [90, 95],
  },
  phimoe: {
    ...common,
    model_type: 'phimoe',
    intermediate_size: 96,
    num_local_experts: 5,
    router_jitter_noise: 0.1,
    attention_bias: true,
    lm_head_bias: true,
  },
}

type Files = Map<string, Uint8Array>

async function filesOf(config: Readonly<Record<string, unknown>>, extra: readonly string[] = []): Promise<Files> {
  const tensors = configuredTensors(config, 7)
  const entries = tensors.map(({ name, shape, elements, start }) => floatEntry(name, shape, start()(elements)))
  for (const name of extra) entries.push(floatEntry(name, [2, 64], new Float32Array(128)))
  return new Map([
    ['config.json', new TextEncoder().encode(JSON.stringify(config))],
    ['model.safetensors', await safetensorsBytes(entries)],
  ])
}

async function packed(files: Files, config: unknown, options: QuantizeOptions): Promise<Files> {
  const { file } = quantize(modelFromConfig(config), await openSafetensors(memoryFolder(files)), options)
  const pieces: Uint8Array[] = []
  for await (const piece of file) pieces.push(piece)
  const bytes = new Uint8Array(await new Blob(pieces as Uint8Array<ArrayBuffer>[]).arrayBuffer())
  return new Map([...files, ['model.safetensors', bytes]])
}

/** A prompt over three pages of the cache, and a few tokens that come one by one. */
const [promptTokens, decodedTokens] = [150, 4]

async function logitsOf(files: Files, backend: Backend, exact: boolean): Promise<Float32Array> {
  const engine = await loadCheckpoint(memoryFolder(files), backend, {
    context: 192,
    maxRows: 64,
    exact,
    cacheType: 'f32',
  })
  try {
    const ids = Array.from({ length: promptTokens + decodedTokens }, (_, index) => (index * 37 + 11) % 89)
    const sequence = await engine.open(ids.slice(0, promptTokens))
    const logits = new Float32Array(ids.length * engine.vocabulary)
    await sequence.rows(0, (row, values) => logits.set(values, row * engine.vocabulary))
    for (let row = promptTokens; row < ids.length; row++) {
      sequence.append(ids.slice(row, row + 1))
      logits.set(await sequence.logits(), row * engine.vocabulary)
    }
    return logits
  } finally {
    await engine.dispose()
  }
}

function largestDifference(left: Float32Array, right: Float32Array): number {
  return left.reduce(
    (most, value, index) => Math.max(most, value === right[index] ? 0 : Math.abs(value - (right[index] ?? NaN))),
    0,
  )
}

describe.each(Object.entries(configs))('a tiny %s', (_, config) => {
  let files: Files
  beforeAll(async () => {
    files = await filesOf(config)
  })

  it('has the logits of the oracle on wasm, over several pages and token by token', async () => {
    const expected = await logitsOf(files, referenceBackend(), true)
    const found = await logitsOf(files, wasmBackend({ threads: 0 }), true)
    expect(largestDifference(found, expected)).toBeLessThan(1e-4)
  })

  it.each([true, false])('packs to 4 bits, with the logits of the oracle on wasm (exact: %s)', async (exact) => {
    const four = await packed(files, config, { bits: 4, group: 32 })
    const expected = await logitsOf(four, referenceBackend(), exact)
    const found = await logitsOf(four, wasmBackend({ threads: 0 }), exact)
    // Rounded activations may fall on the other side of a tie, and near scores of experts change places.
    expect(largestDifference(found, expected)).toBeLessThan(exact ? 2e-4 : 0.2)
    expect(largestDifference(expected, await logitsOf(files, referenceBackend(), true))).toBeGreaterThan(1e-3)
  })

  it('is refused with a tensor that it does not know, by its name', async () => {
    const more = await filesOf(config, ['model.layers.0.mystery.weight'])
    const refusal = expect.objectContaining({
      code: 'invalid-file',
      message: expect.stringContaining('0.mystery.weight'),
    })
    await expect(logitsOf(more, referenceBackend(), true)).rejects.toEqual(refusal)
    await expect(packed(more, config, {})).rejects.toThrow(PocketPhiError)
  })
})

it.each([
  ['phi3small', 'hidden_act', 'silu'],
  ['phi3small', 'rope_position_scale', 2],
  ['phi3small', 'dummy_token_indices', [96]],
  ['phi3small', 'num_key_value_heads', 3],
  ['phi3small', 'blocksparse_vert_stride', 0],
  ['phi3small', 'qk_layernorm', true],
  ['phimoe', 'num_experts_per_tok', 4],
  ['phimoe', 'num_local_experts', 1],
  ['phimoe', 'router_jitter_noise', -1],
  ['phimoe', 'shared_expert', 1],
])('a configuration of %s with %s = %j is refused by the name of the field', (type, field, value) => {
  expect(() => modelFromConfig({ ...configs[type], [field]: value })).toThrow(new RegExp(field))
})
