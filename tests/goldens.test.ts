/** A small set of golden numbers; `npm run goldens` compares whole folders of them. */
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { openSafetensors } from '../src/formats/safetensors.ts'
import { loadModel, localFolder } from '../src/index.ts'
import greedy from './fixtures/phi4-mini-tiny/greedy.json' with { type: 'json' }

const folder = fileURLToPath(new URL('fixtures/phi4-mini-tiny', import.meta.url))

async function golden(file: string, name: string): Promise<Float32Array> {
  const tensors = await openSafetensors(localFolder(folder), file)
  const values = await tensors.readFloat32(name)
  await tensors.close()
  return values
}

async function goldenIds(): Promise<number[]> {
  const tensors = await openSafetensors(localFolder(folder), 'golden.safetensors')
  const bytes = await tensors.read('long.input_ids')
  await tensors.close()
  return [...new Int32Array(bytes.slice().buffer)]
}

function largestDifference(actual: Float32Array, expected: Float32Array): number {
  expect(actual.length).toBe(expected.length)
  return actual.reduce((most, value, at) => Math.max(most, Math.abs(value - (expected[at] ?? NaN))), 0)
}

describe.each(['wasm', 'ref'] as const)('the reference implementation of Phi-4-mini on %s', (backend) => {
  it('gives the same logits', async () => {
    await using model = await loadModel(folder, { backend, exact: true })
    const logits = await model.logits(await goldenIds())
    expect(largestDifference(logits, await golden('golden.safetensors', 'long.logits'))).toBeLessThan(1e-4)
  })

  it('gives the same text and the same logits at every step, across the LongRoPE border', async () => {
    await using model = await loadModel(folder, { backend, exact: true })
    const { prompt, continuation } = greedy
    const result = await model.generate(prompt, { maxTokens: continuation.length, stopIds: [] }).result()
    expect(result.ids).toEqual(continuation)
    expect(model.counters.recomputedRows).toBe(32)
    const steps = await golden('greedy.safetensors', 'greedy.step_logits')
    const width = model.engine.vocabulary
    for (let step = 0; step < continuation.length; step += 4) {
      const logits = await model.logits([...prompt, ...continuation.slice(0, step)], { from: prompt.length - 1 + step })
      expect(largestDifference(logits, steps.subarray(step * width, (step + 1) * width))).toBeLessThan(1e-4)
    }
  })
})
