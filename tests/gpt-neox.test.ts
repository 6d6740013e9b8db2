/** GPT-NeoX against a statement of its own in plain loops (Black et al., 2022, section 2), over the weights of the published layout. */
import { describe, expect, it } from 'vitest'
import { referenceBackend } from '../src/backends/ref/index.ts'
import { elementCount } from '../src/base/dtype.ts'
import { present } from '../src/base/errors.ts'
import { openSafetensors } from '../src/formats/safetensors.ts'
import { memoryFolder } from '../src/formats/tree.ts'
import { modelFromConfig, modelParameters } from '../src/models/index.ts'
import { describeTinyModel, filesOf, largestDifference, logitsOf, tinyIds, type Files } from './tiny-model-harness.ts'

const config = {
  model_type: 'gpt_neox',
  vocab_size: 96,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  rotary_pct: 0.25,
  rotary_emb_base: 1000,
  max_position_embeddings: 256,
  initializer_range: 0.15,
}
const [layers, heads, headSize, turned, theta, epsilon] = [2, 4, 16, 4, 1000, 1e-5]

type Row = readonly number[]

const sum = (values: Row): number => values.reduce((total, value) => total + value, 0)
const plus = (left: Row, right: Row): number[] => left.map((value, index) => value + (right[index] ?? NaN))
const dot = (left: Row, right: Row): number => sum(left.map((value, index) => value * (right[index] ?? NaN)))

/** Half the area under the bell from -x to x, by Simpson's rule. */
function halfArea(x: number): number {
  const steps = 200
  const bell = (at: number): number => Math.exp((-at * at) / 2) / Math.sqrt(2 * Math.PI)
  const weight = (step: number): number => (step === 0 || step === steps ? 1 : 2 + 2 * (step % 2))
  return sum(Array.from({ length: steps + 1 }, (_, step) => (weight(step) * bell((x * step) / steps) * x) / steps / 3))
}

/** The first quarter of a head turns: component i with the one that is two further. */
function rotate(head: Row, position: number): number[] {
  const result = [...head]
  for (let index = 0; index < turned / 2; index++) {
    const angle = position * theta ** ((-2 * index) / turned)
    const [one, other] = [head[index] ?? NaN, head[index + turned / 2] ?? NaN]
    result[index] = one * Math.cos(angle) - other * Math.sin(angle)
    result[index + turned / 2] = other * Math.cos(angle) + one * Math.sin(angle)
  }
  return result
}

/** Logits of all positions. */
async function statement(files: Files, parallel: boolean): Promise<Float32Array> {
  const weights = await openSafetensors(memoryFolder(files))
  const tensors = new Map<string, Row[]>()
  for (const name of weights.names()) {
    const width = present(weights.info(name).shape.at(-1), name)
    const values = [...(await weights.readFloat32(name))]
    const rows = Array.from({ length: values.length / width }, (_, row) => values.slice(row * width, (row + 1) * width))
    tensors.set(name, rows)
  }
  const matrix = (name: string): Row[] => present(tensors.get(name), name)
  const vector = (name: string): Row => present(matrix(name)[0], name)
  const affine = (x: Row, name: string): number[] =>
    plus(
      matrix(`${name}.weight`).map((row) => dot(row, x)),
      vector(`${name}.bias`),
    )
  const norm = (x: Row, name: string): number[] => {
    const mean = sum(x) / x.length
    const deviation = Math.sqrt(sum(x.map((value) => (value - mean) ** 2)) / x.length + epsilon)
    const [weight, bias] = [vector(`${name}.weight`), vector(`${name}.bias`)]
    return x.map((value, index) => ((value - mean) / deviation) * (weight[index] ?? NaN) + (bias[index] ?? NaN))
  }
  const attend = (rows: readonly Row[], name: string): number[][] => {
    const projected = rows.map((row) => affine(row, `${name}.query_key_value`))
    /** A head has its query, key and value side by side. */
    const part = (row: number, head: number, which: number): Row =>
      present(projected[row], 'row').slice((3 * head + which) * headSize, (3 * head + which + 1) * headSize)
    return rows.map((_, row) => {
      const mixed = Array.from({ length: heads }, (__, head) => {
        const query = rotate(part(row, head, 0), row)
        const seen = Array.from({ length: row + 1 }, (___, key) => key)
        const scores = seen.map((key) => Math.exp(dot(query, rotate(part(key, head, 1), key)) / Math.sqrt(headSize)))
        const values = seen.map((key) =>
          part(key, head, 2).map((value) => (value * (scores[key] ?? NaN)) / sum(scores)),
        )
        return values.reduce(plus)
      })
      return affine(mixed.flat(), `${name}.dense`)
    })
  }
  const feed = (row: Row, name: string): number[] =>
    affine(
      affine(row, `${name}.dense_h_to_4h`).map((value) => value * (0.5 + halfArea(value))),
      `${name}.dense_4h_to_h`,
    )

  const embeddings = matrix('gpt_neox.embed_in.weight')
  let rows: Row[] = tinyIds.map((id) => present(embeddings[id], 'embedding'))
  for (let layer = 0; layer < layers; layer++) {
    const name = `gpt_neox.layers.${layer}`
    const mixed = attend(
      rows.map((row) => norm(row, `${name}.input_layernorm`)),
      `${name}.attention`,
    )
    rows = rows.map((row, index) => {
      const attended = plus(row, present(mixed[index], 'mixture'))
      return plus(attended, feed(norm(parallel ? row : attended, `${name}.post_attention_layernorm`), `${name}.mlp`))
    })
  }
  const head = matrix('embed_out.weight')
  return new Float32Array(
    rows.flatMap((row) => {
      const last = norm(row, 'gpt_neox.final_layer_norm')
      return head.map((weight) => dot(weight, last))
    }),
  )
}

describe.each([true, false])('GPT-NeoX with use_parallel_residual %s', (parallel) => {
  it('has the logits of the statement', async () => {
    // Older checkpoints hold masks and angles, too.
    const extra = ['bias', 'masked_bias', 'rotary_emb.inv_freq'].map((name) => `gpt_neox.layers.0.attention.${name}`)
    const files = await filesOf({ ...config, use_parallel_residual: parallel }, extra)
    const found = await logitsOf(files, referenceBackend(), true)
    const expected = await statement(files, parallel)
    expect(largestDifference(found, expected)).toBeLessThan(1e-4)
    expect(Math.max(...expected)).toBeGreaterThan(1)
  })
})

describeTinyModel('gpt_neox', config)

it('has the parameters that Pythia-70m was published with', () => {
  const pythia = { vocab_size: 50304, hidden_size: 512, intermediate_size: 2048, num_hidden_layers: 6 }
  const parameters = modelParameters(modelFromConfig({ ...config, ...pythia, num_attention_heads: 8 }))
  expect(sum(parameters.map(({ shape }) => elementCount(shape)))).toBe(70_426_624)
})

it.each([
  ['hidden_act', 'gelu_new'],
  ['num_attention_heads', 3],
  ['rotary_pct', 1.5],
  ['rotary_pct', 0.2],
  ['rope_scaling', { type: 'linear', factor: 2 }],
  ['attention_bias', false],
  ['qk_layernorm', true],
])('a configuration with %s = %j is refused by the name of the field', (field, value) => {
  expect(() => modelFromConfig({ ...config, [field]: value })).toThrow(new RegExp(field))
})
