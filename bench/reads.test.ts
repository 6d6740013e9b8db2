import { expect, it } from 'vitest'
import { modelFromConfig } from '../src/models/index.ts'
import { publishedConfig } from '../src/models/published.ts'
import { traceCached } from '../src/models/trace.ts'
import { attentionsOf, cacheBytes, productsOfPass, productsOfRow, weightBytes } from './reads.ts'
import { tensorType } from '../src/program/ops/definition.ts'
import { linear, reshape } from '../src/program/ops/index.ts'
import type { Program } from '../src/program/program.ts'
import { Trace } from '../src/program/trace.ts'

/** The pass over one row of a small model with the layers of a published one. */
function decodeOf(name: string, sizes: Readonly<Record<string, unknown>>): Program {
  const model = modelFromConfig({ ...publishedConfig(name), ...sizes })
  const cache = { pages: 1, sequences: 1, pagesOfSequence: 1 }
  return traceCached(model, 1, cache, { cache: 'f16' }).program
}

/** Bytes of a key and a value of two heads of 8 in halves, those of one position. */
const position = 2 * 2 * 8 * 2

function readBehind(program: Program, depth: number): number[] {
  return attentionsOf(program).map((attention) => cacheBytes(program, attention, depth) / position)
}

it('counts of a sparse layer the blocks that at least one of the heads sees which share keys', () => {
  const sizes = { hidden_size: 32, num_attention_heads: 4, num_key_value_heads: 2, ff_intermediate_size: 8 }
  const pattern = { blocksparse_block_size: 64, blocksparse_num_local_blocks: 2, blocksparse_vert_stride: 8 }
  const program = decodeOf('phi-3-small', { ...sizes, ...pattern, num_hidden_layers: 2 })
  // The token stands in block 16, and all heads see 15. Heads 0 and 1 see 7, and 5 and 13, too; heads 2 and 3 see 3 and 11, and 1 and 9.
  expect(readBehind(program, 1024)).toEqual([(64 * (4 + 5)) / 2, 1024])
  expect(readBehind(program, 100)).toEqual([100, 100])
})

it('counts no more than a window', () => {
  const sizes = { hidden_size: 32, num_attention_heads: 4, num_key_value_heads: 2, intermediate_size: 8 }
  const program = decodeOf('phi-3-mini', { ...sizes, num_hidden_layers: 1, sliding_window: 200 })
  expect([150, 4000].map((depth) => readBehind(program, depth))).toEqual([[150], [200]])
})

it('counts matrices with the rows that meet them', () => {
  const trace = new Trace('pass')
  const x = trace.bind('input', 'x', tensorType('f32', 6, 4))
  const wide = linear(x, trace.bind('parameter', 'wide', tensorType('f32', 8, 4)), 'f32')
  const narrow = linear(reshape(wide, 3, 16), trace.bind('parameter', 'narrow', tensorType('f32', 2, 16)), 'f32')
  trace.output('narrow', narrow)
  expect(productsOfPass(trace.finish())).toBe(6 * 8 * 4 + 3 * 2 * 16)
})

it('counts matrices, but a table of embeddings only where it also makes logits', () => {
  const sizes = { hidden_size: 32, num_attention_heads: 4, num_key_value_heads: 4, num_hidden_layers: 1 }
  const mini = { ...sizes, intermediate_size: 8, vocab_size: 320, pad_token_id: 0 }
  const products = 32 * (3 * 32 + 32 + 2 * 8 + 8) + 32 * 320
  for (const isTied of [false, true]) {
    const program = decodeOf('phi-3-mini', { ...mini, tie_word_embeddings: isTied })
    expect(productsOfRow(program)).toBe(products)
    // Beside the matrices three norms, and in float64 the frequencies of the four pairs of a head, in both regimes.
    expect(weightBytes(program)).toBe(4 * (products + 3 * 32) + 8 * 2 * 4)
  }
})
