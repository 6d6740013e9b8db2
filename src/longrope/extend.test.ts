import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { wasmBackend } from '../backends/wasm/index.ts'
import type { FaultInjector } from '../formats/atomic.ts'
import { loadModel, loadTokenizerJson, type Tokenizer } from '../index.ts'
import { parseRecipe } from '../train/recipe.ts'
import { train } from '../train/trainer.ts'
import { extend, type ExtendOptions } from './extend.ts'
import { parseExtensionPlan } from './extension-plan.ts'
import { extensionOf, type ConfigJson } from './rope-scaling.ts'

const backend = wasmBackend({ mode: 'inline' })

const recipe = parseRecipe(`
name: base
description: For tests of extensions.
seed: 5
model:
  model_type: phi3
  vocab_size: 400
  hidden_size: 16
  intermediate_size: 16
  num_hidden_layers: 1
  num_attention_heads: 2
  num_key_value_heads: 1
  max_position_embeddings: 32
  original_max_position_embeddings: 32
  tie_word_embeddings: true
  eos_token_id: [389]
tokenizer: { train: { vocabulary: 400, examples: 200 } }
data: [{ source: recall-documents, weight: 1, seed: 1, words: 32 }]
batch: { rows: 64, context: 32 }
optimizer: {}
schedule: { peak: 0.01, warmupSteps: 1, steps: 2, decay: linear }
checkpoint: { everySteps: 1 }
evaluation: { everySteps: 2, batches: 1, seed: 1000 }
`)

const tune = `
    tune:
      seed: 2
      data: [{ source: recall-documents, weight: 1, seed: 2, words: 64 }]
      batch: { rows: 128 }
      optimizer: {}
      schedule: { peak: 0.01, warmupSteps: 1, steps: 2, decay: linear }
      checkpoint: { everySteps: 1 }
      evaluation: { everySteps: 2, batches: 1, seed: 1000 }`
const planText = `
name: wider
description: Twice as long, then four times.
documents: { source: recall-documents, count: 2, seed: 9 }
search: { population: 4, parents: 2, mutations: 1, crossovers: 1, generations: 1 }
stages:
  - length: 64${tune}
  - length: 128
readjust: { most: 2 }
`
const plan = parseExtensionPlan(planText)

let root = ''
let model = ''
let tokenizer: Tokenizer
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'phi-extend-'))
  await train(recipe, { folder: join(root, 'base'), backend })
  model = join(root, 'base/final')
  tokenizer = loadTokenizerJson(JSON.parse(await readFile(join(model, 'tokenizer.json'), 'utf8')))
})
afterAll(async () => {
  await rm(root, { recursive: true })
})

async function run(name: string, options: Partial<ExtendOptions> = {}): Promise<string[]> {
  const parts: string[] = []
  const onFound = (part: string): number => parts.push(part)
  const onTraining: ExtendOptions['onTraining'] = (part, { step }) => parts.push(`${part} ${step}`)
  await extend(model, plan, { folder: join(root, name), backend, tokenizer, onFound, onTraining, ...options })
  return parts
}

async function outcome(name: string): Promise<string[]> {
  const files = ['64/search/search.json', '128/search/search.json', 'readjust/search.json', 'final/config.json']
  const texts = files.map((file) => readFile(join(root, name, file), 'utf8'))
  return [...(await Promise.all(texts)), await readFile(join(root, name, 'final/model.safetensors'), 'hex')]
}

describe('extend', () => {
  test('searches, trains, searches at the next length, and readjusts', async () => {
    expect(await run('whole')).toEqual(['64/search', '64/tune 1', '64/tune 2', '128/search', 'readjust'])
    const config = JSON.parse(await readFile(join(root, 'whole/final/config.json'), 'utf8')) as ConfigJson
    const extension = extensionOf(config)
    expect(extension).toMatchObject({ trained: 32, length: 128 })
    expect(Math.max(...(extension?.longFactors ?? []))).toBeLessThanOrEqual(1.25 * 4)
    expect(Math.max(...(extension?.shortFactors ?? []))).toBeLessThanOrEqual(2)
    const [before, after] = await Promise.all(
      [model, join(root, 'whole/final')].map((folder) => readFile(join(folder, 'model.safetensors'))),
    )
    expect(after?.equals(before ?? Buffer.alloc(0))).toBe(false)
    await using loaded = await loadModel(join(root, 'whole/final'), { backend, context: 128 })
    const text = Array.from({ length: 100 }, (_, index) => 3 + (index % 90))
    expect((await loaded.logits(text)).every(Number.isFinite)).toBe(true)
  })

  test('that is broken off in every part ends as an undisturbed one', async () => {
    await run('undisturbed')
    let kills = 0
    for (let isOver = false; !isOver;) {
      let operations = 0
      const faults: FaultInjector = {
        before() {
          operations++
          if (operations === 40 * (kills + 1)) throw new Error('killed')
        },
      }
      isOver = await run('broken', { resume: true, faults }).then(
        () => true,
        (error: unknown) => {
          expect(String(error)).toContain('killed')
          kills++
          return false
        },
      )
    }
    expect(kills).toBeGreaterThan(2)
    expect(await outcome('broken')).toEqual(await outcome('undisturbed'))
  })

  test('refuses plans that make no sense, naming the fields', () => {
    expect(() => parseExtensionPlan(planText.replace('length: 128', 'length: 48'))).toThrow(
      /stages: lengths that do not fall/,
    )
    expect(() => parseExtensionPlan(planText.replace('most: 2', 'most: 1'))).toThrow(/readjust\.most/)
    expect(() => parseExtensionPlan(planText.replace('rows: 128', 'rows: 128, context: 64'))).toThrow(
      /stages\.0\.tune\.batch/,
    )
  })
})
