/** Fine-tuning on conversations and on preferences from files, from a model that is there. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Backend } from '../src/backends/backend.ts'
import { wasmBackend } from '../src/backends/wasm/index.ts'
import { conversation } from '../src/data/world/index.ts'
import { readMetrics } from '../src/train/metrics.ts'
import { readRecipe } from '../src/train/read-recipe.ts'
import type { Recipe } from '../src/train/recipe.ts'
import type { TrainOptions } from '../src/train/trainer.ts'
import { filesBelow, inFolder, Killed, killBefore, outcome, temporaryFolder, trainTiny } from './training-harness.ts'

/** A finished run of the tiny recipe, and files to tune its model on; not to be written to. */
let base = ''
const initial = (): string => join(base, 'run', 'final')

beforeAll(async () => {
  base = temporaryFolder()
  await trainTiny(join(base, 'run'))
  const questions = Array.from({ length: 40 }, (_, index) => conversation(9, index).messages[0]?.content ?? '')
  const lines = (of: (question: string, index: number) => object): string =>
    questions.map((question, index) => `${JSON.stringify(of(question, index))}\n`).join('')
  writeFileSync(
    join(base, 'chat.jsonl'),
    lines((instruction, index) => ({ instruction, output: `The answer ${index}.` })),
  )
  writeFileSync(
    join(base, 'pairs.jsonl'),
    lines((prompt) => ({ prompt, chosen: 'Yes.', rejected: 'No no.' })),
  )
})

afterAll(() => {
  rmSync(base, { recursive: true, force: true })
})

/** A recipe that takes model and tokenizer from the model that it starts from. */
async function recipeOf(others: string): Promise<Recipe> {
  return await readRecipe(`
name: tuned
description: For tests of tuning.
seed: 5
initial: ${initial()}
optimizer: { weightDecay: 0 }
schedule: { peak: 0.01, warmupSteps: 1, steps: 6, decay: linear }
checkpoint: { everySteps: 2 }
evaluation: { everySteps: 3, batches: 4, seed: 1000 }
${others}`)
}

const chatRecipe = (): Promise<Recipe> =>
  recipeOf(`
data: [{ source: conversations, file: ${join(base, 'chat.jsonl')}, weight: 1, seed: 2, heldOut: 0.1 }]
batch: { rows: 64, context: 48 }`)

const pairsRecipe = (beta = 0.5): Promise<Recipe> =>
  recipeOf(`
objective: { kind: dpo, beta: ${beta} }
data: [{ source: preferences, file: ${join(base, 'pairs.jsonl')}, weight: 1, seed: 2, heldOut: 0.1 }]
batch: { rows: 192, context: 48, accumulation: 2 }`)

/** A run that stops after so many steps. */
async function stopAfter(steps: number, folder: string, recipe: Recipe, cache: string): Promise<void> {
  const stop = new AbortController()
  const onProgress = ({ step }: { readonly step: number }): void => {
    if (step === steps) stop.abort()
  }
  await expect(trainTiny(folder, { onProgress, signal: stop.signal, cache }, recipe)).rejects.toMatchObject({
    code: 'aborted',
  })
}

test('a run over conversations lowers their loss, and resumed it ends in the same bits', async () => {
  await inFolder(async (folder) => {
    const recipe = await chatRecipe()
    await trainTiny(join(folder, 'whole'), {}, recipe)
    const metrics = await readMetrics(join(folder, 'whole', 'metrics.jsonl'))
    expect(metrics.at(-1)?.heldOutLoss).toBeLessThan(metrics[2]?.heldOutLoss ?? NaN)
    expect(metrics.at(-1)?.loss).toBeLessThan(0.9 * (metrics[0]?.loss ?? NaN))
    expect(filesBelow(join(folder, 'whole', 'final'))['tokenizer.json']).toBe(filesBelow(initial())['tokenizer.json'])
    await stopAfter(3, join(folder, 'stopped'), recipe, join(folder, 'cache'))
    await trainTiny(join(folder, 'stopped'), { resume: true }, recipe)
    const ended = outcome(join(folder, 'stopped'))
    expect(ended).toMatchObject(filesOfFinal(join(folder, 'whole')))
    expect(ended['metrics.jsonl']).toEqual(outcome(join(folder, 'whole'))['metrics.jsonl'])
  })
})

/** The finished model, file by file. */
function filesOfFinal(folder: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(outcome(folder)).filter(([path]) => path.startsWith('final/')))
}

test('a file that changes under a run is noticed when it is resumed', async () => {
  await inFolder(async (folder) => {
    const file = join(folder, 'chat.jsonl')
    const text = readFileSync(join(base, 'chat.jsonl'), 'utf8')
    writeFileSync(file, text)
    const recipe = await chatRecipe()
    const moved = { ...recipe, data: recipe.data.map((entry) => ({ ...entry, file })) } as Recipe
    await stopAfter(2, join(folder, 'run'), moved, join(folder, 'cache'))
    writeFileSync(file, text.replace('The answer 39.', 'The answer 93.'))
    await expect(trainTiny(join(folder, 'run'), { resume: true }, moved)).rejects.toMatchObject({
      code: 'invalid-config',
      message: expect.stringContaining('is not what it was'),
    })
  })
})

test('a run over preferences with adapters that dies at any moment, and is resumed, ends in the same bits', async () => {
  await inFolder(async (folder) => {
    const recipe = { ...(await pairsRecipe()), adapter: { rank: 2, alpha: 4, targets: 'all-linear' as const } }
    const run = async (name: string, options: Partial<TrainOptions> = {}): Promise<Record<string, unknown>> => {
      const at = join(folder, name)
      await trainTiny(join(at, 'run'), { cache: join(at, 'cache'), ...options }, recipe)
      return { ...outcome(join(at, 'run')), cache: filesBelow(join(at, 'cache')) }
    }
    const countdown = killBefore()
    const undisturbed = await run('whole', { faults: countdown })
    expect(countdown.operations.some((operation) => operation.includes('reference-'))).toBe(true)
    // Every operation on the cache, and some of the others.
    const numbers = countdown.operations.flatMap((operation, index) =>
      operation.includes('reference-') || index % 6 === 0 ? [index + 1] : [],
    )
    for (const number of numbers) {
      await expect(run(`${number}`, { faults: killBefore(number) })).rejects.toThrow(Killed)
      expect(await run(`${number}`, { resume: true })).toEqual(undisturbed)
    }
  })
})

/** Counts runs of `evaluate` that come before the first gradients: those of the reference model. */
function counting(): { readonly backend: Backend; readonly before: () => number } {
  const backend = wasmBackend({ mode: 'inline' })
  const names: string[] = []
  return {
    before: () => names.indexOf('gradients'),
    backend: {
      ...backend,
      async open(programs) {
        const device = await backend.open(programs)
        const run = device.run.bind(device)
        device.run = async (name, inputs, options) => {
          names.push(name)
          return await run(name, inputs, options)
        }
        return device
      },
    },
  }
}

describe('a run over preferences', () => {
  test('begins as the reference model, and learns to prefer what was chosen', async () => {
    await inFolder(async (folder) => {
      await trainTiny(join(folder, 'run'), {}, await pairsRecipe())
      const metrics = await readMetrics(join(folder, 'run', 'metrics.jsonl'))
      const [first] = metrics
      const last = metrics.at(-1)
      expect(first?.loss).toBeCloseTo(Math.log(2), 4)
      expect(first?.rewardMargin).toBeCloseTo(0, 4)
      expect(last?.loss).toBeLessThan(0.5)
      expect(last?.rewardAccuracy).toBe(1)
      expect(last?.rewardMargin).toBeCloseTo((last?.rewardChosen ?? NaN) - (last?.rewardRejected ?? NaN), 5)
      expect(last?.heldOutRewardAccuracy).toBeGreaterThanOrEqual(0.5)
      expect(last?.heldOutRewardMargin).toBeGreaterThan(metrics[2]?.heldOutRewardMargin ?? NaN)
      expect(last?.heldOutLoss).toBeLessThan(metrics[2]?.heldOutLoss ?? NaN)
    })
  })

  test('resumed ends in the same bits, with what is known of the reference model and without', async () => {
    await inFolder(async (folder) => {
      const recipe = await pairsRecipe()
      const cache = join(folder, 'cache')
      await trainTiny(join(folder, 'whole'), { cache }, recipe)
      for (const forgets of [false, true]) {
        const run = join(folder, `forgets-${forgets}`)
        await stopAfter(3, run, recipe, cache)
        if (forgets) rmSync(cache, { recursive: true })
        await trainTiny(run, { resume: true, cache }, recipe)
        expect(outcome(run)).toMatchObject(filesOfFinal(join(folder, 'whole')))
        expect(outcome(run)['metrics.jsonl']).toEqual(outcome(join(folder, 'whole'))['metrics.jsonl'])
      }
    })
  })

  test('asks the reference model once, whatever else changes, and again when its answers are damaged', async () => {
    await inFolder(async (folder) => {
      const cache = join(folder, 'cache')
      const asked = async (name: string, recipe: Recipe): Promise<number> => {
        const { backend, before } = counting()
        await trainTiny(join(folder, name), { cache, backend }, recipe)
        return before()
      }
      expect(await asked('first', await pairsRecipe())).toBeGreaterThan(5)
      const files = readdirSync(cache)
      expect(files.length).toBe(2)
      expect(await asked('other beta', await pairsRecipe(0.1))).toBe(0)
      writeFileSync(join(cache, files[0] ?? ''), 'torn')
      expect(await asked('damaged', await pairsRecipe())).toBeGreaterThan(0)
      expect(filesOfFinal(join(folder, 'damaged'))).toEqual(filesOfFinal(join(folder, 'first')))
      expect(readdirSync(cache).toSorted()).toEqual(files.toSorted())
    })
  })

  test('learns pairs that are made, and holds out others', async () => {
    await inFolder(async (folder) => {
      const recipe = await recipeOf(`
objective: { kind: dpo, beta: 0.5 }
data: [{ source: world-preferences, weight: 1, seed: 2, pairs: 60, mixture: { reading: 0, arithmetic: 0 } }]
batch: { rows: 192, context: 48, accumulation: 2 }`)
      await trainTiny(join(folder, 'run'), {}, recipe)
      const last = (await readMetrics(join(folder, 'run', 'metrics.jsonl'))).at(-1)
      expect(last?.rewardMargin).toBeGreaterThan(0)
      expect(last?.heldOutRewardAccuracy).toBeGreaterThanOrEqual(0)
    })
  })

  test('keeps what it knows of the reference model beside its folder', async () => {
    await inFolder(async (folder) => {
      await trainTiny(join(folder, 'runs', 'one'), {}, await pairsRecipe())
      expect(existsSync(join(folder, 'runs', 'cache'))).toBe(true)
    })
  })
})

describe('a recipe is refused', () => {
  const pairs = '{ source: preferences, file: pairs.jsonl, weight: 1, seed: 2 }'
  const chats = '{ source: conversations, file: chat.jsonl, weight: 1, seed: 2 }'
  test.each([
    ['for preferences without an objective', `data: [${pairs}]\nbatch: { rows: 64, context: 32 }`, 'objective'],
    [
      'for other data with one',
      `data: [${pairs}, ${chats}]\nobjective: { kind: dpo }\nbatch: { rows: 64, context: 32 }`,
      'must all be preferences',
    ],
    [
      'for pairs of a kind that there is not',
      'data: [{ source: world-preferences, weight: 1, seed: 2, pairs: 9, mixture: { stories: 1 } }]\nobjective: { kind: dpo }\nbatch: { rows: 64, context: 32 }',
      'is no kind of the world (arithmetic',
    ],
    [
      'for pairs that do not fit',
      `data: [${pairs}]\nobjective: { kind: dpo }\nbatch: { rows: 64, context: 40 }`,
      'at most half of batch.rows',
    ],
    [
      'for a tokenizer to train on files',
      `data: [${chats}]\nbatch: { rows: 64, context: 32 }\ntokenizer: { train: { vocabulary: 352, examples: 2 } }`,
      'must be a folder for data in files',
    ],
  ])('%s', async (_, fields, message) => {
    await expect(recipeOf(fields)).rejects.toMatchObject({
      code: 'invalid-config',
      message: expect.stringContaining(message),
    })
  })

  test('without the model that it starts from', async () => {
    await inFolder(async (folder) => {
      mkdirSync(join(folder, 'empty'))
      await expect(readRecipe(`initial: ${join(folder, 'empty')}`)).rejects.toMatchObject({ code: 'not-found' })
    })
  })
})
