/** Test support: answers that are drawn from a few candidates, compared with those that all logits give. */
import { expect, it } from 'vitest'
import type { GenerateOptions } from './generate.ts'
import { loadModel, type LoadModelOptions } from './load-model.ts'
import { someIds, tinyTree } from './tiny-model-harness.ts'

const samplings: readonly GenerateOptions[] = [
  {},
  { temperature: 0.7, topK: 50 },
  { temperature: 1.3, topK: 8, topP: 0.8 },
  { temperature: 1, topK: 40, topP: 0.95, minP: 0.02 },
  // What needs all logits.
  { temperature: 0.9, topP: 0.9 },
  { repetitionPenalty: 1.3 },
]

/** The same tokens on a backend, however few logits are read. @param rounds seeds for each way to sample */
export function candidateTests(backend: LoadModelOptions['backend'] & string, rounds: number): void {
  it.each([
    ['of which hardly two are equal', false],
    ['of which most are equal', true],
  ])('draws the same tokens from a few logits as from all, %s', async (_title, tidy) => {
    const load = { backend, context: 128, maxRows: 16, ...(backend === 'wasm' ? { threads: 1 } : {}) }
    await using few = await loadModel(await tinyTree({ tidy }), load)
    await using all = await loadModel(await tinyTree({ tidy }), load)
    for (const [index, sampling] of samplings.entries()) {
      for (let seed = 0; seed < rounds; seed++) {
        const prompt = someIds(5 + seed, 10 * index + seed)
        const options = { ...sampling, seed, maxTokens: 12, stopIds: someIds(10, seed), speculate: seed % 2 === 1 }
        // Log-probabilities are those of all.
        const expected = await all.generate(prompt, { ...options, logprobs: 0 }).result()
        const { ids, finish, text } = await few.generate(prompt, options).result()
        expect({ ids, finish, text }).toEqual({ ids: expected.ids, finish: expected.finish, text: expected.text })
      }
    }
    // Where equals of the last candidate may be missing, the row is computed again.
    if (tidy) expect(few.counters.runs).toBeGreaterThan(all.counters.runs)
    else expect(few.counters.runs).toBe(all.counters.runs)
  })
}
