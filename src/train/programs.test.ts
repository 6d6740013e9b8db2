import { expect, test } from 'vitest'
import { Random } from '../base/random.ts'
import { wasmBackend } from '../backends/wasm/index.ts'
import { modelFromConfig } from '../models/index.ts'
import { stateNames, traceTraining } from './programs.ts'
import { initializeWeights } from './weights.ts'

const settings = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, decayVectors: false }
const model = modelFromConfig({
  model_type: 'phi3',
  vocab_size: 64,
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 12,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 64,
})

/** Runs one gradient step and one update; returns every number that they leave behind, and the scratch they took. */
async function oneStep(rows: number, recompute: boolean, threads: number) {
  const programs = traceTraining(model, rows, settings, { recompute })
  const device = await wasmBackend({ threads }).open([programs.gradients, programs.update])
  try {
    for (const [name, values] of programs.buffers) device.write(name, values)
    initializeWeights(device, programs.parameters, model.shape.layers, 5)
    const random = new Random(3)
    const vector = (draw: (row: number) => number): Int32Array =>
      Int32Array.from({ length: rows }, (_, row) => draw(row))
    const ids = vector(() => random.integer(0, 64))
    const { loss } = await device.run('gradients', {
      ids,
      positions: vector((row) => row % 16),
      regimes: vector(() => 0),
      starts: vector((row) => row - (row % 16)),
      targets: vector((row) => ((row + 1) % 16 === 0 ? -100 : (ids[row + 1] ?? 0))),
      weights: new Float32Array(rows).fill(1 / rows),
      seed: Float32Array.of(1),
    })
    const gradients = programs.parameters.map(({ name }) => device.read(stateNames(name).gradient))
    await device.run('update', { maxNorm: Float32Array.of(1), schedule: Float32Array.of(1e-3, 0.1, 0.05) })
    const weights = programs.parameters.map(({ name }) => device.read(name))
    const cleared = programs.parameters.every(({ name }) =>
      device.read(stateNames(name).gradient).every((value) => value === 0),
    )
    return { loss, gradients, weights, cleared, scratch: device.memory.scratch }
  } finally {
    await device.dispose()
  }
}

test('recomputation gives the same bits in less memory', async () => {
  const kept = await oneStep(128, false, 1)
  const recomputed = await oneStep(128, true, 1)
  expect(recomputed.loss).toEqual(kept.loss)
  expect(recomputed.gradients).toEqual(kept.gradients)
  expect(recomputed.scratch).toBeLessThan(0.6 * kept.scratch)
})

test('one, two and four threads give the same bits', async () => {
  const one = await oneStep(96, false, 1)
  expect(one.cleared).toBe(true)
  expect(one.gradients.some((gradient) => gradient.some((value) => value !== 0))).toBe(true)
  for (const threads of [2, 4]) {
    const { loss, gradients, weights } = await oneStep(96, false, threads)
    expect({ loss, gradients, weights }).toEqual({ loss: one.loss, gradients: one.gradients, weights: one.weights })
  }
})
