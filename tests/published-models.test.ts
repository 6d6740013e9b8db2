import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { elementCount } from '../src/base/dtype.ts'
import { wasmBackend } from '../src/backends/wasm/index.ts'
import { modelFromConfig } from '../src/models/index.ts'
import { traceCached } from '../src/models/trace.ts'
import { printProgram } from '../src/program/index.ts'

type Config = Record<string, unknown>

/**
 * Configurations as published. Those of medium-128k, Phi-4 and Phi-4-mini are put together from published figures; the
 * LongRoPE factors of medium-128k stand in for those of the checkpoint, which has as many.
 */
function publishedConfig(name: string): Config {
  return JSON.parse(readFileSync(new URL(`fixtures/configs/${name}.json`, import.meta.url), 'utf8')) as Config
}

const exactParameters = {
  'phi-3-mini-4k': 3_821_079_552,
  'phi-3-mini-128k': 3_821_079_552,
  'phi-3.5-mini': 3_821_079_552,
  'phi-3-medium-4k': 13_960_238_080,
  'phi-3-medium-128k': 13_960_238_080,
  'phi-3-small-8k': 7_392_272_384,
  'phi-3.5-moe': 41_873_153_344,
  'phi-4': 14_659_507_200,
  'phi-4-mini': 3_836_021_760,
}

describe.each(Object.entries(exactParameters))('%s', (name, count) => {
  const model = modelFromConfig(publishedConfig(name))
  const cache = { pages: 16, sequences: 1, pagesOfSequence: 16 }

  test('has exactly the published number of parameters', () => {
    const { parameters } = traceCached(model, 1, cache).traced
    expect(parameters.reduce((sum, { shape }) => sum + elementCount(shape), 0)).toBe(count)
  })

  test('is printed and sized before anything is loaded', () => {
    const dtypeOf = (_: string, shape: readonly number[]): 'q4g32' | 'f32' => (shape.length === 2 ? 'q4g32' : 'f32')
    const { program } = traceCached(model, 1, cache, { dtypeOf })
    expect(printProgram(program)).toContain('q4g32')
    const { parameters, states, memories } = wasmBackend().measure([program])
    expect(memories.length > 1).toBe(count > 5e9)
    expect(Math.max(...memories)).toBeLessThanOrEqual(2 ** 32)
    expect(parameters / count).toBeGreaterThan(4.5 / 8)
    expect(parameters / count).toBeLessThan(4.52 / 8)
    const { layers, kvHeads, headSize } = model.shape
    expect(states).toBeGreaterThanOrEqual(2 * 4 * layers * kvHeads * headSize * 1024)
  })
})

test.each([
  ['hidden_act', 'gelu', /hidden_act/],
  ['num_key_value_heads', 5, /num_key_value_heads/],
  ['original_max_position_embeddings', 200_000, /original_max_position_embeddings/],
  ['rope_scaling', { type: 'linear', factor: 2 }, /rope_scaling.type/],
  ['rope_scaling', { type: 'longrope', short_factor: [1, 1], long_factor: [1, 1] }, /rope_scaling.short_factor/],
  ['partial_rotary_factor', 1.5, /partial_rotary_factor/],
  ['hidden_size', -1, /hidden_size/],
  ['vocab_size', '32064', /vocab_size/],
  ['attention_bias', true, /attention_bias/],
  ['qk_layernorm', true, /qk_layernorm/],
  ['model_type', 'llama', /llama/],
])('a configuration with %s = %j is refused by the name of the field', (field, value, message) => {
  expect(() => modelFromConfig({ ...publishedConfig('phi-3-mini-128k'), [field]: value })).toThrow(message)
})
