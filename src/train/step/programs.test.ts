import { describe, expect, test } from 'vitest'
import { elementCount } from '../../base/dtype.ts'
import { present } from '../../base/errors.ts'
import { Random } from '../../base/random.ts'
import type { Device } from '../../backends/backend.ts'
import { wasmBackend } from '../../backends/wasm/index.ts'
import { modelFromConfig } from '../../models/index.ts'
import { packBatch, type ExampleSource } from './batches.ts'
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

/** Tensors of the store, one after the other. */
async function readEach(device: Device, names: readonly string[]): Promise<Float32Array[]> {
  const tensors: Float32Array[] = []
  for (const name of names) tensors.push(await device.read(name))
  return tensors
}

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
    const names = programs.parameters.map(({ name }) => name)
    const gradientNames = names.map((name) => stateNames(name).gradient)
    const gradients = await readEach(device, gradientNames)
    await device.run('update', { maxNorm: Float32Array.of(1), schedule: Float32Array.of(1e-3, 0.1, 0.05) })
    const weights = await readEach(device, names)
    const cleared = (await readEach(device, gradientNames)).every((gradient) => gradient.every((value) => value === 0))
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

/** Random sequences of 5 to 20 ids, of which about two thirds are learned. */
const sequences: ExampleSource = {
  example(index) {
    const random = new Random(1000 + index)
    const ids = Array.from({ length: random.integer(5, 21) }, () => random.integer(0, 64))
    return { ids, learned: ids.map(() => random.float() < 0.67) }
  },
}

/** The gradients of the mean loss of a run of examples, in batches of so many rows. */
async function gradientsIn(rows: number, batches: number) {
  const packed = Array.from({ length: batches }, () => 0).reduce<ReturnType<typeof packBatch>[]>(
    (list) => [...list, packBatch(sequences, list.at(-1)?.next ?? 0, rows, 32)],
    [],
  )
  const learned = packed.reduce((sum, { learnedTokens }) => sum + learnedTokens, 0)
  const programs = traceTraining(model, rows, settings)
  const device = await wasmBackend({ mode: 'inline' }).open([programs.gradients, programs.update])
  try {
    for (const [name, values] of programs.buffers) device.write(name, values)
    initializeWeights(device, programs.parameters, model.shape.layers, 5)
    const weights = new Float32Array(rows).fill(1 / learned)
    let loss = 0
    for (const { inputs } of packed) {
      const result = await device.run('gradients', { ...inputs, weights, seed: Float32Array.of(1) })
      loss += present(result['loss']?.[0], 'loss')
    }
    const gradientNames = programs.parameters.map(({ name }) => stateNames(name).gradient)
    const gradients = await readEach(device, gradientNames)
    return { loss, gradients, next: packed.at(-1)?.next, learned }
  } finally {
    await device.dispose()
  }
}

test('the gradients of several batches add up to those of one large batch', async () => {
  const parts = await gradientsIn(64, 3)
  // Room for the same examples at once; what does not fit into a small batch leaves padding there.
  const rows = Array.from({ length: parts.next ?? 0 }, (_, index) => sequences.example(index).ids.length)
  const whole = await gradientsIn(
    rows.reduce((sum, length) => sum + length, 0),
    1,
  )
  expect([whole.next, whole.learned]).toEqual([parts.next, parts.learned])
  expect(whole.loss).toBeCloseTo(parts.loss, 5)
  whole.gradients.forEach((gradient, index) => {
    const scale = gradient.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    expect(scale).toBeGreaterThan(0)
    const other = present(parts.gradients[index], 'gradient')
    const worst = gradient.reduce((most, value, at) => Math.max(most, Math.abs(value - (other[at] ?? NaN))), 0)
    expect(worst / scale).toBeLessThan(1e-4)
  })
})

describe('the update', () => {
  const beta = [0.8, 0.97] as const

  /** AdamW (Loshchilov and Hutter, 2019, algorithm 2, with decoupled decay times the rate) in float64, one tensor. */
  function plainAdamW(weights: Float64Array, decay: number) {
    const [first, second] = [new Float64Array(weights.length), new Float64Array(weights.length)]
    return (gradient: Float32Array, factor: number, rate: number, step: number, epsilon: number): void => {
      for (let at = 0; at < weights.length; at++) {
        const slope = (gradient[at] as number) * factor
        first[at] = beta[0] * (first[at] as number) + (1 - beta[0]) * slope
        second[at] = beta[1] * (second[at] as number) + (1 - beta[1]) * slope ** 2
        const mean = (first[at] as number) / (1 - beta[0] ** step)
        const variance = (second[at] as number) / (1 - beta[1] ** step)
        const before = weights[at] as number
        weights[at] = before - rate * decay * before - (rate * mean) / (Math.sqrt(variance) + epsilon)
      }
    }
  }

  test.each([
    { maxNorm: 0, decayVectors: false },
    { maxNorm: 0.5, decayVectors: true },
    { maxNorm: 1e6, decayVectors: false },
  ])('is AdamW after clipping to $maxNorm, vectors decaying: $decayVectors', async ({ maxNorm, decayVectors }) => {
    const optimizer = { beta1: beta[0], beta2: beta[1], epsilon: 1e-6, weightDecay: 0.3, decayVectors }
    const { update, parameters } = traceTraining(model, 8, optimizer)
    const device = await wasmBackend({ threads: 2 }).open([update])
    try {
      const random = new Random(9)
      const exact = parameters.map(({ name, shape }) => {
        const weights = Float32Array.from({ length: elementCount(shape) }, () => random.normal())
        device.write(name, weights)
        const plain = Float64Array.from(weights)
        return { name, plain, step: plainAdamW(plain, shape.length > 1 || decayVectors ? 0.3 : 0) }
      })
      for (const step of [1, 2, 3]) {
        const rate = 0.02 / step
        const gradients = exact.map(({ name, plain }) => {
          const gradient = Float32Array.from({ length: plain.length }, () => 0.01 * random.normal())
          device.write(stateNames(name).gradient, gradient)
          return gradient
        })
        const norm = Math.sqrt(gradients.reduce((sum, gradient) => sum + gradient.reduce((s, g) => s + g * g, 0), 0))
        const factor = maxNorm > 0 && norm > maxNorm ? maxNorm / norm : 1
        expect(factor < 1).toBe(maxNorm === 0.5)
        const { clip } = await device.run('update', {
          maxNorm: Float32Array.of(maxNorm),
          schedule: Float32Array.of(rate, 1 - beta[0] ** step, 1 - beta[1] ** step),
        })
        expect(clip?.[0]).toBeCloseTo(factor, 6)
        expect((clip?.[1] ?? NaN) / norm).toBeCloseTo(1, 6)
        exact.forEach((one, index) => one.step(present(gradients[index], 'gradient'), factor, rate, step, 1e-6))
        for (const { name, plain } of exact) {
          const found = await device.read(name)
          const worst = plain.reduce((most, value, at) => Math.max(most, Math.abs(value - (found[at] ?? NaN))), 0)
          expect(worst).toBeLessThan(2e-6)
          expect((await device.read(stateNames(name).gradient)).every((value) => value === 0)).toBe(true)
        }
      }
    } finally {
      await device.dispose()
    }
  })
})
