/** Phi-3-small and Phi-3.5-MoE: masks and routes of the reference implementations, and whole tiny models on every processor backend. */
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { referenceBackend } from '../src/backends/ref/index.ts'
import { wasmBackend } from '../src/backends/wasm/index.ts'
import { present } from '../src/base/errors.ts'
import { openSafetensors } from '../src/formats/safetensors.ts'
import { localFolder } from '../src/formats/tree.ts'
import { modelFromConfig } from '../src/models/index.ts'
import { Trace } from '../src/program/index.ts'
import { seesPosition } from '../src/program/ops/block-pattern.ts'
import { sparseMixer } from '../src/program/ops/index.ts'
import { describeTinyModel } from './tiny-model-harness.ts'

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

for (const [type, config] of Object.entries(configs)) describeTinyModel(type, config)

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
