import { describe, expect, test } from 'vitest'
import { elementCount, type BlockDType } from '../../base/dtype.ts'
import { present } from '../../base/errors.ts'
import { Random } from '../../base/random.ts'
import { packMatrix } from '../../blocks/packed.ts'
import type { Model } from '../../models/index.ts'
import { phi3, parsePhi3Config } from '../../models/phi3.ts'
import { gptNeox, parseGptNeoxConfig } from '../../models/gpt-neox.ts'
import { parsePhiMoeConfig, phimoe } from '../../models/phimoe.ts'
import { parsePhi3vConfig, phi3v } from '../../models/phi3v.ts'
import { parsePhi3SmallConfig, phi3small } from '../../models/phi3small.ts'
import { tracePictured } from '../../models/trace.ts'
import * as ops from '../../program/ops/index.ts'
import { definitionOf, operationKinds, tensorType, type ReferenceTensor } from '../../program/ops/definition.ts'
import { differentiate } from '../../program/derivative.ts'
import { Trace, type Program, type Tensor } from '../../program/index.ts'
import { evaluate } from './evaluate.ts'

type Tensors = Map<string, ReferenceTensor>

/** What a case computes, and the tensors that it computes with; floats whose name starts with `_` are not varied. */
interface Case {
  /** Traces the computation under a program name. */
  readonly start: (name: string) => { trace: Trace; result: Tensor }
  readonly tensors: Tensors
}

let random = new Random(7)

function floats(...shape: number[]): ReferenceTensor {
  const data = Float64Array.from({ length: elementCount(shape) }, () => random.normal())
  return { type: tensorType('f32', ...shape), data }
}

function indices(...values: number[]): ReferenceTensor {
  return { type: tensorType('i32', values.length), data: Int32Array.from(values) }
}

function packed(dtype: BlockDType, rows: number, columns: number): ReferenceTensor {
  const data = packMatrix(Float32Array.from(floats(rows, columns).data), rows, columns, dtype)
  return { type: { dtype, shape: [rows, columns] }, data }
}

function makeCase(given: Record<string, ReferenceTensor>, build: (bind: (name: string) => Tensor) => Tensor): Case {
  const tensors = new Map(Object.entries(given))
  const start = (name: string): { trace: Trace; result: Tensor } => {
    const trace = new Trace(name)
    return { trace, result: build((key) => trace.bind('parameter', key, present(tensors.get(key), key).type)) }
  }
  return { start, tensors }
}

const grouped = { heads: 4, kvHeads: 2, headSize: 4, scale: 0.5 }
const starts = indices(0, 0, 0, 3, 3, 3, 3, -1)

function attentionCase(window: number): Case {
  return makeCase({ query: floats(8, 16), key: floats(8, 8), value: floats(8, 8), starts }, (bind) =>
    ops.attention(bind('query'), bind('key'), bind('value'), bind('starts'), { ...grouped, window }),
  )
}

/** Three sequences over several blocks of two rows. */
function sparseAttentionCase(headStep: number): Case {
  const sequences = indices(0, 0, 0, 0, 0, 0, 6, 6, 6, -1)
  const pattern = { blockSize: 2, localBlocks: 1, verticalStride: 2, headStep }
  return makeCase({ query: floats(10, 16), key: floats(10, 8), value: floats(10, 8), sequences }, (bind) =>
    ops.attention(bind('query'), bind('key'), bind('value'), bind('sequences'), { ...grouped, window: 0, ...pattern }),
  )
}

function matmulCase(transposeLeft: boolean, transposeRight: boolean): Case {
  const left = transposeLeft ? floats(5, 3) : floats(3, 5)
  const right = transposeRight ? floats(4, 5) : floats(5, 4)
  return makeCase({ left, right }, (bind) => ops.matmul(bind('left'), bind('right'), { transposeLeft, transposeRight }))
}

const table = {
  positions: indices(0, 1, 7, 30),
  regimes: indices(0, 0, 1, 1),
  _frequencies: { type: tensorType('f64', 2, 3), data: Float64Array.of(1, 0.1, 0.01, 0.5, 0.05, 0.005) },
}

/** Four rows that choose among three experts. */
const routerScores = floats(4, 3)
const chosen = { _scores: routerScores }
const experts = { first: packed('q4g32', 9, 32), second: packed('q4g32', 9, 32), third: packed('q4g32', 9, 32) }

/** At least one case for every operation that has a derivative, under the operation's name. */
const cases: Readonly<Record<string, readonly Case[]>> = {
  add: [makeCase({ left: floats(3, 4), right: floats(3, 4) }, (bind) => ops.add(bind('left'), bind('right')))],
  addBias: [makeCase({ x: floats(3, 4), bias: floats(4) }, (bind) => ops.addBias(bind('x'), bind('bias')))],
  attention: [attentionCase(0), attentionCase(2), sparseAttentionCase(0), sparseAttentionCase(1)],
  crossEntropy: [
    makeCase({ logits: floats(4, 6), targets: indices(1, 5, -100, 0) }, (bind) =>
      ops.crossEntropy(bind('logits'), bind('targets')),
    ),
  ],
  embedding: [
    makeCase({ table: floats(5, 3), ids: indices(4, 0, 4, 2) }, (bind) => ops.embedding(bind('table'), bind('ids'))),
  ],
  expertMatmul: [
    makeCase({ ...chosen, x: floats(8, 5), first: floats(4, 5), second: floats(4, 5), third: floats(4, 5) }, (bind) => {
      const parts = [
        [bind('first'), bind('second'), bind('third')],
        [bind('third'), bind('first'), bind('second')],
      ]
      return ops.expertMatmul(bind('x'), ops.sparseMixer(bind('_scores'), 0.3), parts, 'f32')
    }),
    makeCase({ ...chosen, x: floats(8, 32), ...experts }, (bind) => {
      const matrices = [bind('first'), bind('second'), bind('third')]
      return ops.expertMatmul(bind('x'), ops.sparseMixer(bind('_scores'), 0.3), [matrices], 'f32')
    }),
  ],
  expertRows: [
    makeCase({ ...chosen, x: floats(4, 3) }, (bind) =>
      ops.expertRows(bind('x'), ops.sparseMixer(bind('_scores'), 0.3), 2),
    ),
  ],
  expertSum: [
    makeCase({ scores: routerScores, y: floats(8, 3) }, (bind) =>
      ops.expertSum(bind('y'), ops.sparseMixer(bind('scores'), 0.3)),
    ),
  ],
  fillColumns: [makeCase({ x: floats(3, 5) }, (bind) => ops.fillColumns(bind('x'), [0, 2, 3], -7))],
  gatherRows: [
    makeCase({ x: floats(4, 3), indices: indices(2, 0, 2) }, (bind) => ops.gatherRows(bind('x'), bind('indices'))),
  ],
  gelu: [
    makeCase({ x: floats(3, 8) }, (bind) => ops.gelu(bind('x'))),
    makeCase({ x: floats(3, 8) }, (bind) => ops.quickGelu(bind('x'))),
  ],
  layerNorm: [
    makeCase({ x: floats(3, 5), weight: floats(5), bias: floats(5) }, (bind) =>
      ops.layerNorm(bind('x'), bind('weight'), bind('bias'), 1e-5),
    ),
  ],
  gegelu: [makeCase({ x: floats(5, 12) }, (bind) => ops.gegelu(bind('x'), 0.8))],
  matmul: [matmulCase(false, false), matmulCase(false, true), matmulCase(true, false), matmulCase(true, true)],
  matmulPacked: [
    makeCase({ x: floats(3, 32), weight: packed('q4g32', 9, 32) }, (bind) =>
      ops.linear(bind('x'), bind('weight'), 'f32'),
    ),
  ],
  replaceRows: [
    makeCase({ x: floats(5, 3), source: floats(4, 3), indices: indices(-1, 2, 0, -1, 2) }, (bind) =>
      ops.replaceRows(bind('x'), bind('source'), bind('indices')),
    ),
  ],
  reshape: [
    makeCase({ x: floats(2, 6), weight: floats(4) }, (bind) =>
      ops.rmsNorm(ops.reshape(bind('x'), 3, 4), bind('weight'), 1e-5),
    ),
  ],
  rmsNorm: [makeCase({ x: floats(3, 5), weight: floats(5) }, (bind) => ops.rmsNorm(bind('x'), bind('weight'), 1e-5))],
  rope: [
    makeCase({ x: floats(4, 16), ...table }, (bind) => {
      const scales = { shortScale: 1.2, longScale: 1.3 }
      return ops.rope(bind('x'), ops.ropeTable(bind('positions'), bind('regimes'), bind('_frequencies'), scales), 8)
    }),
  ],
  scale: [makeCase({ x: floats(2, 3) }, (bind) => ops.scale(bind('x'), -1.5))],
  siluMultiply: [makeCase({ x: floats(3, 8) }, (bind) => ops.siluMultiply(bind('x')))],
  sparseMixer: [makeCase({ scores: floats(6, 4) }, (bind) => ops.sparseMixer(bind('scores'), 0.3))],
  splitColumns: [
    makeCase({ x: floats(3, 7) }, (bind) => {
      const [first, , last] = ops.splitColumns(bind('x'), 2, 3, 2)
      return ops.add(present(first, 'first'), present(last, 'last'))
    }),
    makeCase({ x: floats(3, 6) }, (bind) => {
      const [first, second, third] = ops.splitColumns(bind('x'), 2, 2, 2)
      return ops.add(ops.add(present(first, 'first'), present(second, 'second')), present(third, 'third'))
    }),
  ],
  weightedSum: [
    makeCase({ x: floats(6), _weights: floats(6) }, (bind) => ops.weightedSum(bind('x'), bind('_weights'))),
  ],
}

/** The forward program and the one that computes the gradients of sum(result * seed). */
function programsOf({ start, tensors }: Case): { forward: Program; backward: Program; varied: string[] } {
  const varied = [...tensors].filter(([name, { data }]) => data instanceof Float64Array && !name.startsWith('_'))
  const forward = start('forward')
  forward.trace.output('result', forward.result)
  const { trace, result } = start('backward')
  const seed = trace.bind('input', 'seed', result.type)
  const sources = varied.map(([name, { type }]) => trace.bind('parameter', name, type))
  differentiate(result, seed, sources).forEach((gradient, index) => {
    trace.output(present(varied[index], 'source')[0], present(gradient, 'gradient'))
  })
  return { forward: forward.trace.finish(), backward: trace.finish(), varied: varied.map(([name]) => name) }
}

/** The largest difference between gradients and central differences, relative to the largest gradient, per tensor. */
async function gradientError(one: Case, elements = Infinity): Promise<Record<string, number>> {
  const { forward, backward, varied } = programsOf(one)
  const run = async (program: Program, seed?: ReferenceTensor): Promise<Record<string, ReferenceTensor>> =>
    evaluate(program, ({ name }) =>
      present(name === 'seed' ? seed : (one.tensors.get(name) ?? one.tensors.get(`_${name}`)), name),
    )
  const result = present((await run(forward))['result'], 'result')
  const seed = floats(...result.type.shape)
  const gradients = await run(backward, seed)
  const objective = async (): Promise<number> => {
    const { data } = present((await run(forward))['result'], 'result')
    return (data as Float64Array).reduce((sum, value, index) => sum + value * present(seed.data[index], 'seed'), 0)
  }
  const errors: Record<string, number> = {}
  for (const name of varied) {
    const data = present(one.tensors.get(name), name).data as Float64Array
    const gradient = present(gradients[name], name).data as Float64Array
    const greatest = gradient.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3)
    let worst = 0
    const stride = Math.max(1, Math.floor(data.length / elements))
    for (let index = 0; index < data.length; index += stride) {
      const held = present(data[index], 'element')
      const step = 1e-5
      data[index] = held + step
      const above = await objective()
      data[index] = held - step
      const below = await objective()
      data[index] = held
      worst = Math.max(worst, Math.abs((above - below) / (2 * step) - present(gradient[index], 'gradient')) / greatest)
    }
    errors[name] = worst
  }
  return errors
}

test('every operation with a derivative has a case', () => {
  const differentiable = operationKinds().filter((kind) => definitionOf(kind).derivative !== 'none')
  expect(Object.keys(cases).toSorted()).toEqual(differentiable)
})

describe.each(Object.keys(cases))('%s', (kind) => {
  test.each((cases[kind] ?? []).map((one, index) => [index, one] as const))(
    'has the derivative that finite differences give (case %i)',
    async (_, one) => {
      for (const [name, error] of Object.entries(await gradientError(one))) expect(error, name).toBeLessThan(1e-7)
    },
  )
})

const tinyModels: Readonly<Record<string, () => Model>> = {
  phi3: () =>
    phi3(
      parsePhi3Config({
        model_type: 'phi3',
        vocab_size: 11,
        hidden_size: 16,
        intermediate_size: 12,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        max_position_embeddings: 64,
        original_max_position_embeddings: 4,
        partial_rotary_factor: 0.5,
        rope_scaling: { type: 'longrope', short_factor: [1.1], long_factor: [2.5] },
        sliding_window: 3,
        tie_word_embeddings: true,
      }),
    ),
  phi3small: () =>
    phi3small(
      parsePhi3SmallConfig({
        model_type: 'phi3small',
        vocab_size: 11,
        hidden_size: 16,
        ff_intermediate_size: 12,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        max_position_embeddings: 64,
        rope_scaling: {
          ...{ type: 'su', short_factor: [1.1, 1.2], long_factor: [2.5, 3], short_mscale: 1.1, long_mscale: 1.2 },
          original_max_position_embeddings: 4,
        },
        gegelu_limit: 1.5,
        mup_embedding_multiplier: 3,
        mup_width_multiplier: 2,
        blocksparse_block_size: 1,
        blocksparse_num_local_blocks: 2,
        blocksparse_vert_stride: 3,
        dense_attention_every_n_layers: 2,
        dummy_token_indices: [1, 9],
      }),
    ),
  gpt_neox: () =>
    gptNeox(
      parseGptNeoxConfig({
        model_type: 'gpt_neox',
        vocab_size: 11,
        hidden_size: 16,
        intermediate_size: 12,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        max_position_embeddings: 64,
      }),
    ),
  phi3v: () =>
    phi3v(
      parsePhi3vConfig({
        model_type: 'phi3_v',
        vocab_size: 11,
        hidden_size: 8,
        intermediate_size: 12,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        num_key_value_heads: 1,
        max_position_embeddings: 64,
        tie_word_embeddings: true,
        img_processor: {
          ...{ name: 'clip_vision_model', hidden_size: 2, intermediate_size: 4 },
          ...{ num_hidden_layers: 2, num_attention_heads: 1 },
        },
        embd_layer: { embedding_cls: 'image', use_hd_transform: true },
      }),
    ),
  phimoe: () =>
    phimoe(
      parsePhiMoeConfig({
        model_type: 'phimoe',
        vocab_size: 11,
        hidden_size: 16,
        intermediate_size: 6,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        num_local_experts: 4,
        router_jitter_noise: 0.3,
        attention_bias: true,
        lm_head_bias: true,
        max_position_embeddings: 64,
        original_max_position_embeddings: 4,
        rope_scaling: { type: 'longrope', short_factor: [1.1, 1.2], long_factor: [2.5, 3] },
      }),
    ),
}

test.each(Object.entries(tinyModels))(
  'a whole tiny %s has the derivatives that finite differences give',
  async (_, build) => {
    // Draws of its own, which no case that is added above changes.
    random = new Random(7)
    const model = build()
    const rows = 8
    const probe = tracePictured(model, 'probe', rows)
    const tensors: Tensors = new Map()
    for (const { name, shape } of probe.parameters) tensors.set(name, floats(...shape))
    const start = (program: string): { trace: Trace; result: Tensor } => {
      const { trace, logits } = tracePictured(model, program, rows)
      return { trace, result: ops.crossEntropy(logits, trace.bind('input', 'targets', tensorType('i32', rows))) }
    }
    for (const [name, data] of probe.buffers) {
      tensors.set(`_${name}`, { type: tensorType('f64', 2, data.length / 2), data })
    }
    tensors.set('ids', indices(1, 2, 3, 4, 5, 6, 7, 0))
    tensors.set('positions', indices(0, 1, 2, 0, 1, 2, 3, 4))
    tensors.set('regimes', indices(0, 0, 0, 1, 1, 1, 1, 1))
    tensors.set('starts', indices(0, 0, 0, 3, 3, 3, 3, 3))
    if (model.vision !== undefined) {
      tensors.set('_features', floats(rows, model.vision.featureWidth))
      tensors.set('pictureRows', indices(-1, 1, -1, -1, 4, 5, 6, -1))
      tensors.set('lineEnds', indices(-1, -1, -1, -1, -1, 0, -1, -1))
      tensors.set('viewEnds', indices(-1, -1, -1, -1, -1, -1, 0, -1))
    }
    tensors.set('targets', indices(2, 3, -100, 5, 6, 7, 0, 10))
    const errors = await gradientError({ start, tensors }, 6)
    for (const [name, error] of Object.entries(errors)) expect(error, name).toBeLessThan(1e-6)
    expect(Object.keys(errors).length).toBe(probe.parameters.length)
  },
)
