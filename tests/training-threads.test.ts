/** Losses, weights and moments of a run do not depend on how many threads computed them. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { wasmBackend } from '../src/backends/wasm/index.ts'
import { parseRecipe } from '../src/train/recipe.ts'
import { readMetrics } from '../src/train/metrics.ts'
import { inFolder, outcome, tinyRecipeText, trainTiny } from './training-harness.ts'

/** Matrices that are worth dividing, several layers, and both ways to get from gradients to an update. */
const recipe = parseRecipe(
  tinyRecipeText
    .replace('hidden_size: 16', 'hidden_size: 48')
    .replace('intermediate_size: 16', 'intermediate_size: 80')
    .replace('num_hidden_layers: 1', 'num_hidden_layers: 3')
    .replace('rows: 64, context: 32, accumulation: 2', 'rows: 160, context: 64, accumulation: 2, recompute: true')
    .replace('everySteps: 1 }', 'everySteps: 5 }')
    .replace('steps: 4', 'steps: 5'),
)

test('inline and with 1, 2 and 4 threads, five updates leave the same bits', async () => {
  const run = async (threads: number): Promise<{ files: Record<string, unknown>; losses: number[] }> =>
    inFolder(async (folder) => {
      await trainTiny(folder, { backend: wasmBackend({ threads }) }, recipe)
      const metrics = await readMetrics(join(folder, 'metrics.jsonl'))
      return { files: outcome(folder), losses: metrics.map(({ loss }) => loss) }
    })
  const alone = await run(0)
  expect(alone.losses.length).toBe(5)
  expect(new Set(alone.losses).size).toBe(5)
  expect(alone.losses.at(-1)).toBeLessThan(alone.losses[0] ?? 0)
  expect(Object.keys(alone.files)).toContain('checkpoints/step-0000005/optimizer.safetensors')
  for (const threads of [1, 2, 4]) expect(await run(threads)).toEqual(alone)
})
