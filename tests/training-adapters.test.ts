/** LoRA and QLoRA: derivatives, runs, files in the layout of PEFT, and merging. */
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { referenceBackend } from '../src/backends/ref/index.ts'
import { wasmBackend } from '../src/backends/wasm/index.ts'
import { elementCount } from '../src/base/dtype.ts'
import { present } from '../src/base/errors.ts'
import { Random } from '../src/base/random.ts'
import { main } from '../src/cli/program.ts'
import { loadModel } from '../src/index.ts'
import { fillParameters } from '../src/engine/load.ts'
import { formatsOf } from '../src/engine/weights.ts'
import { openSafetensors } from '../src/formats/safetensors.ts'
import { localFolder } from '../src/formats/tree.ts'
import { modelFromConfig } from '../src/models/index.ts'
import { readMetrics } from '../src/train/metrics.ts'
import { readRecipe } from '../src/train/read-recipe.ts'
import { parseRecipe, type Recipe } from '../src/train/recipe.ts'
import { packBatch } from '../src/train/step/batches.ts'
import { stateNames, traceTraining } from '../src/train/step/programs.ts'
import { planTraining } from '../src/train/trainer.ts'
import { filesBelow, inFolder, outcome, temporaryFolder, tinyRecipeText, trainTiny } from './training-harness.ts'

/** A finished model, dense and in 4 bits, and conversations to tune it on; not to be written to. */
let base = ''
const dense = (): string => join(base, 'run', 'final')
const packed = (): string => join(base, 'packed')

beforeAll(async () => {
  base = temporaryFolder()
  const text = tinyRecipeText
    .replace('hidden_size: 16', 'hidden_size: 32')
    .replace('intermediate_size: 16', 'intermediate_size: 32')
  await trainTiny(join(base, 'run'), {}, parseRecipe(text))
  await main(['quantize', dense(), packed(), '--json'])
  const lines = Array.from({ length: 24 }, (_, index) =>
    JSON.stringify({ instruction: `Say ${index}.`, output: `It is ${index}.` }),
  )
  writeFileSync(join(base, 'chat.jsonl'), lines.join('\n'))
})

afterAll(() => {
  rmSync(base, { recursive: true, force: true })
})

async function recipeOf(initial: string, adapter = '{ rank: 4, alpha: 8 }'): Promise<Recipe> {
  return await readRecipe(`
name: adapters
description: For tests of adapters.
seed: 5
initial: ${initial}
adapter: ${adapter}
data: [{ source: conversations, file: ${join(base, 'chat.jsonl')}, weight: 1, seed: 2, heldOut: 0.2 }]
batch: { rows: 96, context: 48 }
optimizer: { weightDecay: 0 }
schedule: { peak: 0.02, warmupSteps: 1, steps: 6, decay: linear }
checkpoint: { everySteps: 2 }
evaluation: { everySteps: 3, batches: 4, seed: 1000 }`)
}

const adapter = { rank: 3, alpha: 6, targets: 'all-linear' } as const

test.each([
  ['dense', 'ref', referenceBackend()],
  ['packed', 'ref', referenceBackend()],
  ['packed', 'wasm', wasmBackend({ mode: 'inline' })],
] as const)('the derivatives of adapters on %s weights are those of differences, on %s', async (kind, _, backend) => {
  const tree = localFolder(kind === 'dense' ? dense() : packed())
  const model = modelFromConfig(await tree.readJson('config.json'))
  const weights = await openSafetensors(tree)
  const rows = 12
  const random = new Random(4)
  const ids = Array.from({ length: rows }, () => random.integer(3, 300))
  const { inputs } = packBatch({ example: () => ({ ids }) }, 0, rows, rows)
  const settings = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0, decayVectors: false }
  const programs = traceTraining(model, rows, settings, { ...formatsOf(weights, true), adapter })
  expect(programs.parameters.length).toBe(8)
  const device = await backend.open([programs.gradients, programs.evaluate])
  await fillParameters(device, weights, { parameters: programs.frozen, buffers: programs.buffers })
  await weights.close()
  const values = new Map<string, Float32Array>()
  for (const { name, shape } of programs.parameters) {
    values.set(
      name,
      new Float32Array(elementCount(shape)).map(() => 0.1 * random.normal()),
    )
    device.write(name, present(values.get(name), name))
  }
  await device.run('gradients', { ...inputs, seed: Float32Array.of(1) })
  let largest = 0
  for (const { name } of programs.parameters) {
    const gradient = await device.read(stateNames(name).gradient)
    const own = present(values.get(name), name)
    const at = random.integer(0, own.length)
    // So long that the rounding of the loss to f32 is of no account.
    const step = 2 ** -6
    const losses: number[] = []
    for (const side of [1, -1]) {
      device.write(
        name,
        own.map((value, index) => (index === at ? value + side * step : value)),
      )
      losses.push(present((await device.run('evaluate', inputs))['loss']?.[0], 'loss'))
    }
    device.write(name, own)
    const difference = ((losses[0] ?? NaN) - (losses[1] ?? NaN)) / (2 * step)
    expect(Math.abs((gradient[at] ?? NaN) - difference)).toBeLessThan(1e-4)
    largest = Math.max(largest, Math.abs(difference))
  }
  expect(largest).toBeGreaterThan(0.02)
  await device.dispose()
})

describe.each([['dense'], ['packed']])('a run with adapters on %s weights', (kind) => {
  const initial = (): string => (kind === 'dense' ? dense() : packed())

  test('trains them alone, and writes them as PEFT does', async () => {
    await inFolder(async (folder) => {
      const recipe = await recipeOf(initial())
      await trainTiny(folder, {}, recipe)
      const metrics = await readMetrics(join(folder, 'metrics.jsonl'))
      expect(metrics.at(-1)?.heldOutLoss).toBeLessThan(metrics[2]?.heldOutLoss ?? NaN)
      const final = localFolder(join(folder, 'final'))
      expect(await final.readJson('adapter_config.json')).toMatchObject({
        peft_type: 'LORA',
        task_type: 'CAUSAL_LM',
        base_model_name_or_path: initial(),
        r: 4,
        lora_alpha: 8,
        target_modules: ['qkv_proj', 'o_proj', 'gate_up_proj', 'down_proj'],
      })
      const tensors = await openSafetensors(final, 'adapter_model.safetensors')
      const module = 'base_model.model.model.layers.0.mlp.gate_up_proj'
      expect(tensors.names().length).toBe(8)
      expect(tensors.info(`${module}.lora_A.weight`)).toMatchObject({ dtype: 'F32', shape: [4, 32] })
      expect(tensors.info(`${module}.lora_B.weight`)).toMatchObject({ dtype: 'F32', shape: [64, 4] })
      await tensors.close()
      expect(readdirSync(join(folder, 'final')).toSorted()).toEqual([
        'adapter_config.json',
        'adapter_model.safetensors',
        'tokenizer.json',
        'tokenizer_config.json',
      ])
      const [checkpoint = ''] = readdirSync(join(folder, 'checkpoints'))
      const saved = localFolder(join(folder, 'checkpoints', checkpoint))
      const moments = await openSafetensors(saved, 'optimizer.safetensors')
      expect(moments.names().every((name) => name.includes('.lora_'))).toBe(true)
      expect(moments.names().length).toBe(16)
      await moments.close()
      const { parameters, frozen, memory } = await planTraining(recipe, wasmBackend({ threads: 1 }))
      expect(parameters).toBe(4 * (32 + 64 + 32 + 32 + 32 + 64 + 32 + 32))
      expect(frozen).toBeGreaterThan(15_000)
      expect(memory.states).toBeLessThan(16 * parameters)
    })
  })

  test('resumed ends in the same bits, and not on another model', async () => {
    await inFolder(async (folder) => {
      const model = join(folder, 'model')
      cpSync(initial(), model, { recursive: true })
      const recipe = await recipeOf(model)
      await trainTiny(join(folder, 'whole'), {}, recipe)
      const stop = new AbortController()
      const onProgress = ({ step }: { readonly step: number }): void => {
        if (step === 3) stop.abort()
      }
      const run = join(folder, 'stopped')
      const options = { onProgress, signal: stop.signal }
      await expect(trainTiny(run, options, recipe)).rejects.toMatchObject({ code: 'aborted' })
      const stopped = join(folder, 'copy')
      cpSync(run, stopped, { recursive: true })
      await trainTiny(run, { resume: true }, recipe)
      expect(outcome(run)['metrics.jsonl']).toEqual(outcome(join(folder, 'whole'))['metrics.jsonl'])
      expect(filesBelow(join(run, 'final'))).toEqual(filesBelow(join(folder, 'whole', 'final')))
      const file = join(model, 'model.safetensors')
      const bytes = readFileSync(file)
      bytes[bytes.length - 6] = (bytes[bytes.length - 6] ?? 0) ^ 1
      writeFileSync(file, bytes)
      await expect(trainTiny(stopped, { resume: true }, recipe)).rejects.toMatchObject({
        code: 'invalid-config',
        message: expect.stringContaining('is not what it was when the run began'),
      })
    })
  })

  test('goes on from adapters that are there', async () => {
    await inFolder(async (folder) => {
      await trainTiny(join(folder, 'first'), {}, await recipeOf(initial()))
      const onward = (rank: number) =>
        recipeOf(initial(), `{ rank: ${rank}, alpha: 8, initial: ${join(folder, 'first', 'final')} }`)
      await trainTiny(join(folder, 'second'), {}, await onward(4))
      const [first, second] = ['first', 'second'].map((name) => join(folder, name, 'metrics.jsonl'))
      const before = (await readMetrics(first ?? '')).at(-1)?.heldOutLoss ?? NaN
      const after = (await readMetrics(second ?? '')).at(-1)?.heldOutLoss ?? NaN
      expect(after).toBeLessThan(before)
      await expect(trainTiny(join(folder, 'third'), {}, await onward(2))).rejects.toMatchObject({
        code: 'invalid-config',
      })
    })
  })

  test('merged is the model that was trained, which can be quantised again', async () => {
    await inFolder(async (folder) => {
      const run = join(folder, 'run')
      await trainTiny(run, {}, await recipeOf(initial()))
      const merged = join(folder, 'merged')
      await main(['merge', initial(), join(run, 'final'), merged, '--json'])
      // A run of one step that changes next to nothing measures the held-out loss of what it starts from.
      const measured = async (model: string): Promise<number> => {
        const { adapter: _, ...plain } = await recipeOf(model)
        const schedule = { ...plain.schedule, steps: 1, peak: 1e-9 }
        await trainTiny(join(folder, 'measured'), {}, { ...plain, schedule })
        const loss = (await readMetrics(join(folder, 'measured', 'metrics.jsonl'))).at(-1)?.heldOutLoss
        rmSync(join(folder, 'measured'), { recursive: true })
        return loss ?? NaN
      }
      const trained = (await readMetrics(join(run, 'metrics.jsonl'))).at(-1)?.heldOutLoss ?? NaN
      // Its weights are rounded to BF16.
      expect(Math.abs((await measured(merged)) - trained)).toBeLessThan(0.01)
      expect(Math.abs((await measured(dense())) - trained)).toBeGreaterThan(0.05)
      await main(['quantize', merged, join(folder, 'again'), '--json'])
      await using model = await loadModel(join(folder, 'again'), { backend: wasmBackend({ mode: 'inline' }) })
      expect((await model.chat().send('Say 3.', { maxTokens: 3 }).result()).ids.length).toBeGreaterThan(0)
    })
  })
})

describe('what does not fit is refused', () => {
  test('modules that the model has not', async () => {
    await inFolder(async (folder) => {
      const recipe = await recipeOf(dense(), '{ rank: 4, alpha: 8, targets: [q_proj, o_proj] }')
      await expect(trainTiny(folder, {}, recipe)).rejects.toMatchObject({
        code: 'invalid-config',
        message: expect.stringMatching(/"q_proj".*qkv_proj, o_proj, gate_up_proj, down_proj/s),
      })
    })
  })

  test('adapters without a model', async () => {
    const { initial: _, ...fields } = await recipeOf(dense())
    expect(() => parseRecipe(JSON.stringify(fields))).toThrow(/adapters are added to a model/)
  })

  test.each([
    ['of another kind', (config: object) => ({ ...config, use_dora: true }), 'use_dora'],
    ['of another rank', (config: object) => ({ ...config, r: 5 }), 'not those of this model'],
  ])('merging adapters %s', async (_, change, message) => {
    await inFolder(async (folder) => {
      const run = join(folder, 'run')
      await trainTiny(run, {}, await recipeOf(dense()))
      const file = join(run, 'final', 'adapter_config.json')
      writeFileSync(file, JSON.stringify(change(JSON.parse(readFileSync(file, 'utf8')) as object)))
      const said: string[] = []
      const write = process.stderr.write.bind(process.stderr)
      process.stderr.write = (text: string | Uint8Array) => said.push(String(text)) > 0
      try {
        await main(['merge', dense(), join(run, 'final'), join(folder, 'out')])
      } finally {
        process.stderr.write = write
      }
      expect(process.exitCode).toBe(1)
      process.exitCode = 0
      expect(said.join('')).toContain(message)
    })
  })
})
