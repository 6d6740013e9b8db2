import { describe, expect, it } from 'vitest'
import { elementCount } from '../base/dtype.ts'
import { ggmlTypeOf } from '../blocks/ggml.ts'
import { ggufName } from '../formats/gguf-phi3.ts'
import { modelFromConfig } from '../models/index.ts'
import { publishedConfig } from '../models/published.ts'
import { traceSequences } from '../models/trace.ts'
import { ggufTensorType, type GgufFileType } from './gguf-file-type.ts'

function typesOf(model: string, fileType: GgufFileType): Map<string, { type: string; bytes: number }> {
  const config = publishedConfig(model)
  const { parameters } = traceSequences(modelFromConfig(config), 'parameters', 1)
  return new Map(
    parameters.map(({ name, shape }) => {
      const ggml = ggufName(name) as string
      const tied = config['tie_word_embeddings'] === true
      const type = ggufTensorType(fileType, ggml, shape, config['num_hidden_layers'] as number, tied)
      const { blockBytes, blockLength } = ggmlTypeOf(type)
      return [ggml, { type, bytes: (elementCount(shape) / blockLength) * blockBytes }]
    }),
  )
}

const total = (types: ReturnType<typeof typesOf>): number =>
  [...types.values()].reduce((sum, { bytes }) => sum + bytes, 0)

describe('ggufTensorType', () => {
  it('makes Phi-3-mini in Q4_K_M as large as the published file', () => {
    // Phi-3-mini-4k-instruct-q4.gguf holds 2.39 GB; its tensors by the rule of llama.cpp come to this.
    expect(total(typesOf('phi-3-mini', 'q4_k_m'))).toBe(2_392_493_568)
  })

  it('gives more bits to what needs them', () => {
    const types = typesOf('phi-3-mini', 'q4_k_m')
    const typeOf = (name: string): string | undefined => types.get(name)?.type
    expect(['token_embd', 'output', 'output_norm'].map((name) => typeOf(`${name}.weight`))).toEqual([
      'Q4_K',
      'Q6_K',
      'F32',
    ])
    const layer = ['attn_norm', 'attn_qkv', 'attn_output', 'ffn_norm', 'ffn_up']
    expect(layer.map((name) => typeOf(`blk.9.${name}.weight`))).toEqual(['F32', 'Q5_K', 'Q4_K', 'F32', 'Q4_K'])
    const rich = Array.from({ length: 32 }, (_, index) => index).filter(
      (index) => typeOf(`blk.${index}.ffn_down.weight`) === 'Q6_K',
    )
    expect(rich).toEqual([0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 28, 29, 30, 31])
  })

  it('takes the embeddings for the head where they are tied', () => {
    expect(typesOf('phi-4-mini', 'q4_k_m').get('token_embd.weight')?.type).toBe('Q6_K')
    expect(typesOf('phi-4-mini', 'q8_0').get('token_embd.weight')?.type).toBe('Q8_0')
  })

  it.each([
    ['f16', { token_embd: 'F16', output: 'F16', 'blk.0.ffn_down': 'F16' }],
    ['q4_0', { token_embd: 'Q4_0', output: 'Q6_K', 'blk.0.ffn_down': 'Q4_0' }],
    ['q8_0', { token_embd: 'Q8_0', output: 'Q8_0', 'blk.0.ffn_down': 'Q8_0' }],
  ] as const)('%s is that type but for what is more sensitive', (fileType, expected) => {
    const types = typesOf('phi-3-mini', fileType)
    for (const [name, type] of Object.entries(expected)) expect(types.get(`${name}.weight`)?.type, name).toBe(type)
    expect(types.get('blk.0.ffn_norm.weight')?.type).toBe('F32')
  })

  it.each([
    ['q4_k_m', 'blk.5.ffn_up.weight', 96, 'Q5_0'],
    ['q4_k_m', 'blk.5.attn_qkv.weight', 96, 'Q5_1'],
    ['q4_k_m', 'output.weight', 96, 'Q8_0'],
    ['q4_0', 'output.weight', 96, 'Q8_0'],
    ['q4_0', 'blk.5.ffn_up.weight', 48, 'F16'],
    ['q8_0', 'blk.5.ffn_up.weight', 48, 'F16'],
  ] as const)('%s: columns that no block divides, %s [64, %d]', (fileType, name, columns, type) => {
    expect(ggufTensorType(fileType, name, [64, columns], 32, false)).toBe(type)
  })
})
