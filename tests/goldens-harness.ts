/** Test support: a small set of golden numbers; `npm run goldens` compares whole folders of them. */
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { openSafetensors } from '../src/formats/safetensors.ts'
import { loadModel, localFolder, type BackendName } from '../src/index.ts'
import greedy from './fixtures/phi4-mini-tiny/greedy.json' with { type: 'json' }

/** The model and what was computed of it. */
export const goldenFolder = fileURLToPath(new URL('fixtures/phi4-mini-tiny', import.meta.url))

export async function golden(file: string, name: string): Promise<Float32Array> {
  const tensors = await openSafetensors(localFolder(goldenFolder), file)
  const values = await tensors.readFloat32(name)
  await tensors.close()
  return values
}

export async function goldenIds(): Promise<number[]> {
  const tensors = await openSafetensors(localFolder(goldenFolder), 'golden.safetensors')
  const bytes = await tensors.read('long.input_ids')
  await tensors.close()
  return [...new Int32Array(bytes.slice().buffer)]
}

export function largestDifference(actual: Float32Array, expected: Float32Array): number {
  expect(actual.length).toBe(expected.length)
  return actual.reduce((most, value, at) => Math.max(most, Math.abs(value - (expected[at] ?? NaN))), 0)
}

/** Compares a tiny Phi-4-mini on a backend with the reference implementation. */
export function goldenTests(backend: BackendName): void {
  it('gives the same logits', async () => {
    await using model = await loadModel(goldenFolder, { backend, exact: true })
    expect(model.backend).toBe(backend)
    const logits = await model.logits(await goldenIds())
    expect(largestDifference(logits, await golden('golden.safetensors', 'long.logits'))).toBeLessThan(1e-4)
  })

  it('gives the hidden states that these logits are products of', async () => {
    await using model = await loadModel(goldenFolder, { backend, exact: true })
    const rows: Float32Array[] = []
    using sequence = await model.engine.open(await goldenIds())
    await sequence.deliver(0, { hidden: (row, values) => (rows[row] = values) })
    const head = await golden('model-00001-of-00007.safetensors', 'model.embed_tokens.weight')
    const width = rows[0]?.length ?? NaN
    const logits = rows.flatMap((row) =>
      Array.from({ length: head.length / width }, (_, id) =>
        row.reduce((sum, value, at) => sum + value * (head[id * width + at] ?? NaN), 0),
      ),
    )
    const expected = await golden('golden.safetensors', 'long.logits')
    expect(largestDifference(Float32Array.from(logits), expected)).toBeLessThan(1e-4)
  })

  it('gives the same text and the same logits at every step, across the LongRoPE border', async () => {
    await using model = await loadModel(goldenFolder, { backend, exact: true })
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
}
