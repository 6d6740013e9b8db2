/** What a run does when it is stopped, misused, or meets something that is not as it should be. */
import {
  appendFileSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Backend } from '../src/backends/backend.ts'
import { wasmBackend } from '../src/backends/wasm/index.ts'
import type { FaultInjector } from '../src/formats/atomic.ts'
import { loadModel, localFolder } from '../src/index.ts'
import { openSafetensors } from '../src/formats/safetensors.ts'
import { modelFromConfig } from '../src/models/index.ts'
import { quantize } from '../src/quant/quantize.ts'
import { packBatch } from '../src/train/step/batches.ts'
import { listCheckpoints } from '../src/train/checkpoint.ts'
import { readMetrics } from '../src/train/metrics.ts'
import { makeModelFiles, readText } from '../src/train/model-files.ts'
import { parseRecipe, type Recipe } from '../src/train/recipe.ts'
import { recipeSource } from '../src/train/sources.ts'
import {
  filesBelow,
  inFolder,
  outcome,
  temporaryFolder,
  tinyRecipe,
  tinyRecipeText,
  trainTiny,
} from './training-harness.ts'

/** A finished run of the tiny recipe; not to be written to. */
let finished = ''

beforeAll(async () => {
  finished = temporaryFolder()
  await trainTiny(finished)
})

afterAll(() => {
  rmSync(finished, { recursive: true, force: true })
})

function changed(...replacements: readonly (readonly [string, string])[]): Recipe {
  let text = tinyRecipeText
  for (const [from, to] of replacements) {
    if (!text.includes(from)) throw new Error(`no "${from}" in the recipe`)
    text = text.replace(from, to)
  }
  return parseRecipe(text)
}

/** The model and the metrics of a run, without the checkpoints that are left. */
function result(folder: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(outcome(folder)).filter(([path]) => !path.startsWith('checkpoints/')))
}

async function steps(folder: string): Promise<string[]> {
  return (await listCheckpoints(join(folder, 'checkpoints'))).map((path) => path.slice(-1))
}

/** A backend whose program of that name gives other numbers when it is run for the `time`th time. */
function spoilt(program: string, output: string, time: number, values: readonly number[]): Backend {
  const backend = wasmBackend({ mode: 'inline' })
  let runs = 0
  return {
    ...backend,
    async open(programs) {
      const device = await backend.open(programs)
      const run = device.run.bind(device)
      device.run = async (name, inputs, options) => {
        const outputs = await run(name, inputs, options)
        runs += name === program ? 1 : 0
        return name === program && runs === time ? { ...outputs, [output]: Float32Array.from(values) } : outputs
      }
      return device
    },
  }
}

describe('the finished model', () => {
  test('is loaded by the engine, with its tokenizer and template, and has the held-out loss that was measured', async () => {
    await using model = await loadModel(join(finished, 'final'), { backend: wasmBackend({ mode: 'inline' }) })
    expect(model.stopIds).toEqual([341, 348])
    const reply = await model.chat().send('How are you?', { maxTokens: 3 }).result()
    expect(reply.ids.length).toBeGreaterThan(0)

    const { rows, context } = tinyRecipe.batch
    const files = await makeModelFiles(tinyRecipe)
    const text = await readText(files, modelFromConfig(tinyRecipe.model), tinyRecipe)
    const heldOut = recipeSource(tinyRecipe, text, { conversations: new Map(), shards: new Map() }, 'heldOut')
    const { next, learnedTokens } = packBatch(heldOut, 0, rows, context)
    let sum = 0
    for (let index = 0; index < next; index++) {
      const { ids, learned } = heldOut.example(index)
      const seen = ids.slice(0, context)
      const logits = await model.logits(seen)
      for (let at = 1; at < seen.length; at++) {
        if (learned?.[at] === false) continue
        const scores = logits.subarray((at - 1) * 352, at * 352)
        sum += Math.log(scores.reduce((total, score) => total + Math.exp(score), 0)) - (scores[seen[at] ?? 0] ?? NaN)
      }
    }
    const measured = (await readMetrics(join(finished, 'metrics.jsonl'))).at(-1)?.heldOutLoss
    // The exported weights are rounded to bfloat16.
    expect(sum / learnedTokens).toBeCloseTo(measured ?? NaN, 2)
  })

  test('has the tokenizer that its recipe always gives', async () => {
    const { 'tokenizer.json': first, ...others } = await makeModelFiles(tinyRecipe)
    expect((await makeModelFiles(tinyRecipe))['tokenizer.json']).toBe(first)
    expect(readFileSync(join(finished, 'final', 'tokenizer.json'), 'utf8')).toBe(first)
    expect(readFileSync(join(finished, 'final', 'config.json'), 'utf8')).toBe(others['config.json'])
  })

  test('came from metrics that say where and what each step was', async () => {
    const metrics = await readMetrics(join(finished, 'metrics.jsonl'))
    expect(metrics.map(({ step }) => step)).toEqual([1, 2, 3, 4])
    expect(metrics.map(({ learningRate }) => learningRate)).toEqual([0.01, 0.01, 0.01 * 0.7, 0.01 * 0.4])
    expect(metrics.map(({ heldOutLoss }) => heldOutLoss !== undefined)).toEqual([false, false, true, true])
    // Untrained, every one of the 352 ids is about as likely as any other.
    expect(metrics[0]?.loss).toBeCloseTo(Math.log(352), 1)
    expect(metrics.at(-1)?.loss).toBeLessThan(metrics[0]?.loss ?? 0)
  })
})

test('a run hands every example to the model once, in order, and every step its place in the schedule', async () => {
  const inline = wasmBackend({ mode: 'inline' })
  const seen = new Map<string, Record<string, Float32Array | Int32Array>[]>()
  const spying: Backend = {
    ...inline,
    async open(programs) {
      const device = await inline.open(programs)
      const run = device.run.bind(device)
      device.run = async (name, inputs, options) => {
        seen.set(name, [...(seen.get(name) ?? []), inputs])
        return run(name, inputs, options)
      }
      return device
    },
  }
  await inFolder(async (folder) => {
    await trainTiny(folder, { backend: spying })
    const text = await readText(await makeModelFiles(tinyRecipe), modelFromConfig(tinyRecipe.model), tinyRecipe)
    const source = recipeSource(tinyRecipe, text, { conversations: new Map(), shards: new Map() })
    const batches = seen.get('gradients') ?? []
    expect(batches.length).toBe(8)
    const ids = batches.flatMap(({ ids: row, starts }) => [...(row ?? [])].filter((_, at) => (starts?.[at] ?? -1) >= 0))
    const expected: number[] = []
    for (let index = 0; expected.length < ids.length; index++) expected.push(...source.example(index).ids.slice(0, 32))
    expect(ids).toEqual(expected)
    // The weights of both batches of an update together make the sum of its losses a mean.
    for (let step = 0; step < 4; step++) {
      const pair = batches.slice(2 * step, 2 * step + 2)
      const counts = pair.map(({ targets }) => [...(targets ?? [])].filter((target) => target !== -100).length)
      const weight = Math.fround(1 / ((counts[0] ?? NaN) + (counts[1] ?? NaN)))
      for (const { weights } of pair) expect(new Set(weights)).toEqual(new Set([weight]))
    }
    const metrics = await readMetrics(join(folder, 'metrics.jsonl'))
    expect(metrics.at(-1)?.tokens).toBe(ids.length)
    const updates = seen.get('update') ?? []
    expect(updates).toEqual(
      metrics.map(({ step, learningRate }) => ({
        maxNorm: Float32Array.of(1),
        schedule: Float32Array.of(learningRate, 1 - 0.9 ** step, 1 - 0.95 ** step),
      })),
    )
  })
})

describe('an abort', () => {
  const sparse = changed(['checkpoint: { everySteps: 1 }', 'checkpoint: { everySteps: 4 }'])

  test('saves a checkpoint, and the resumed run ends in the same bits', async () => {
    await inFolder(async (folder) => {
      for (const [step, resume] of [
        [1, false],
        [2, true],
      ] as const) {
        const stop = new AbortController()
        const onProgress = (progress: { step: number }): void => {
          if (progress.step === step) stop.abort()
        }
        await expect(trainTiny(folder, { signal: stop.signal, resume, onProgress }, sparse)).rejects.toMatchObject({
          code: 'aborted',
        })
        expect((await steps(folder)).at(-1)).toBe(String(step))
      }
      await trainTiny(folder, { resume: true }, sparse)
      expect(result(folder)).toEqual(result(finished))
    })
  })

  test('stops the seconds of the metrics, which a resumed run goes on with', async () => {
    await inFolder(async (folder) => {
      const stop = new AbortController()
      const onProgress = ({ step }: { step: number }): void => {
        if (step === 2) stop.abort()
      }
      /** A clock that is read once at the beginning and after every step, ten seconds later each time. */
      const clock = (seconds: number) => () => (seconds += 10)
      const aborted = trainTiny(folder, { signal: stop.signal, onProgress, now: clock(1000) }, sparse)
      await expect(aborted).rejects.toMatchObject({ code: 'aborted' })
      await trainTiny(folder, { resume: true, now: clock(5000) }, sparse)
      const metrics = await readMetrics(join(folder, 'metrics.jsonl'))
      expect(metrics.map(({ seconds }) => seconds)).toEqual([10, 20, 30, 40])
      const [, second, third] = metrics
      expect(third?.tokensPerSecond).toBe(((third?.tokens ?? NaN) - (second?.tokens ?? NaN)) / 10)
    })
  })

  test('before the first step leaves nothing', async () => {
    await inFolder(async (folder) => {
      await expect(trainTiny(folder, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' })
      expect(readdirSync(folder)).toEqual([])
    })
  })

  test('at the last step keeps the model for a resumed run to export', async () => {
    await inFolder(async (folder) => {
      const stop = new AbortController()
      const onProgress = ({ step }: { step: number }): void => {
        if (step === 4) stop.abort()
      }
      await expect(trainTiny(folder, { signal: stop.signal, onProgress })).rejects.toMatchObject({ code: 'aborted' })
      expect(existsSync(join(folder, 'final'))).toBe(false)
      await trainTiny(folder, { resume: true })
      expect(outcome(folder)).toEqual(outcome(finished))
    })
  })
})

describe('a run that cannot go on', () => {
  test.each([
    ['the loss is no number', 'gradients', 'loss', 5, [NaN], /The loss of step 3 is NaN.*Step 2 is saved/s],
    ['the loss is infinite', 'gradients', 'loss', 6, [Infinity], /The loss of step 3 is Infinity/],
    ['the gradients are no numbers', 'update', 'clip', 3, [NaN, NaN], /The norm of the gradients of step 3 is NaN/],
  ])('because %s says what to lower and keeps its checkpoints', async (_, program, output, time, values, message) => {
    await inFolder(async (folder) => {
      const backend = spoilt(program, output, time, values)
      const error = await trainTiny(folder, { backend }).catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ code: 'invalid-config', message: expect.stringMatching(message) })
      expect(String(error)).toMatch(/lower "schedule\.peak", raise "schedule\.warmupSteps" or lower "optimizer\.clip"/)
      expect(await steps(folder)).toEqual(['1', '2'])
      expect((await readMetrics(join(folder, 'metrics.jsonl'))).length).toBe(2)
      await trainTiny(folder, { resume: true })
      expect(outcome(folder)).toEqual(outcome(finished))
    })
  })

  test('because it really diverges is noticed', async () => {
    const wild = changed(['peak: 0.01', 'peak: 1e30'])
    await inFolder(async (folder) => {
      await expect(trainTiny(folder, {}, wild)).rejects.toThrow(
        /^The (loss|norm of the gradients) of step 2 is .*1e\+30/s,
      )
    })
  })

  test.each(['write checkpoints', 'sync checkpoints', 'write metrics', 'write final', 'write loss'])(
    'because the disk is full (%s) leaves what it had and nothing half written',
    async (where) => {
      const [operation, part = ''] = where.split(' ')
      const error = { code: 'ENOSPC', syscall: 'write' }
      let left = part === 'checkpoints' ? (operation === 'sync' ? 12 : 40) : part === 'metrics' ? 5 : 1
      const faults: FaultInjector = {
        before(kind, path) {
          if (kind !== operation || !path.includes(part)) return
          left -= 1
          if (left === 0) throw Object.assign(new Error('ENOSPC: no space left on device, write'), error)
        },
      }
      await inFolder(async (folder) => {
        await expect(trainTiny(folder, { faults })).rejects.toMatchObject({
          code: 'out-of-memory',
          message: expect.stringMatching(new RegExp(`${part}.*no space left on device.*Free some space`, 's')),
        })
        expect(Object.keys(filesBelow(folder)).filter((path) => /\.(tmp|old)-/.test(path))).toEqual([])
        await trainTiny(folder, { resume: true })
        expect(outcome(folder)).toEqual(outcome(finished))
      })
    },
  )

  test('because another process trains in the same folder says so and spoils nothing', async () => {
    await inFolder(async (folder) => {
      // The other one resumes from step 2 while this one measures the held-out loss of step 3, and ends first.
      let other: Promise<void> | undefined
      const inline = wasmBackend({ mode: 'inline' })
      const waiting: Backend = {
        ...inline,
        async open(programs) {
          const device = await inline.open(programs)
          const run = device.run.bind(device)
          device.run = async (name, inputs, options) => {
            if (name === 'evaluate') await (other ??= trainTiny(folder, { resume: true }))
            return run(name, inputs, options)
          }
          return device
        },
      }
      await expect(trainTiny(folder, { backend: waiting })).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringMatching(/step-0000003" exists already.*Another process/s),
      })
      expect(outcome(folder)).toEqual(outcome(finished))
    })
  })
})

describe('a resumed run', () => {
  /** A run with checkpoints of step 1 and 2, stopped by an abort. */
  async function stopped(folder: string): Promise<void> {
    const stop = new AbortController()
    const onProgress = ({ step }: { step: number }): void => {
      if (step === 2) stop.abort()
    }
    await trainTiny(folder, { signal: stop.signal, onProgress }).catch(() => undefined)
    expect(await steps(folder)).toEqual(['1', '2'])
  }

  const state = (folder: string): string => join(folder, 'checkpoints', 'step-0000002', 'state.json')

  test('refuses a changed recipe and leaves the run as it is', async () => {
    await inFolder(async (folder) => {
      await stopped(folder)
      const before = filesBelow(folder)
      const longer = changed(['steps: 4', 'steps: 5'])
      await expect(trainTiny(folder, { resume: true }, longer)).rejects.toMatchObject({
        code: 'invalid-config',
        message: expect.stringMatching(
          /step-0000002" was made by another recipe\. Found changes in schedule\.steps \(4 then, 5 now\)\. Restore/,
        ),
      })
      expect(filesBelow(folder)).toEqual(before)
      await trainTiny(folder, { resume: true })
      expect(outcome(folder)).toEqual(outcome(finished))
    })
  })

  test('refuses texts that are not those that it would have seen', async () => {
    await inFolder(async (folder) => {
      await stopped(folder)
      const text = readFileSync(state(folder), 'utf8')
      writeFileSync(
        state(folder),
        text.replace(/"nextExamples": "[0-9a-f]{16}"/, '"nextExamples": "of another version"'),
      )
      await expect(trainTiny(folder, { resume: true })).rejects.toMatchObject({
        code: 'invalid-config',
        message: expect.stringMatching(
          /data of this recipe is not what it was.*of another version.*Resume with the files and the version/s,
        ),
      })
    })
  })

  test('names a damaged checkpoint, and without it goes on from the one before', async () => {
    await inFolder(async (folder) => {
      await stopped(folder)
      const newest = join(folder, 'checkpoints', 'step-0000002')
      truncateSync(join(newest, 'optimizer.safetensors'), 5000)
      await expect(trainTiny(folder, { resume: true })).rejects.toMatchObject({
        code: 'invalid-file',
        message: expect.stringMatching(/step-0000002" cannot be read.*Remove that folder/s),
      })
      rmSync(newest, { recursive: true })
      await trainTiny(folder, { resume: true })
      expect(outcome(folder)).toEqual(outcome(finished))
    })
  })

  test('drops a torn line of metrics', async () => {
    await inFolder(async (folder) => {
      await stopped(folder)
      appendFileSync(join(folder, 'metrics.jsonl'), '{"step":3,"loss":5.1')
      await trainTiny(folder, { resume: true })
      expect(outcome(folder)).toEqual(outcome(finished))
    })
  })

  test('needs nothing but its own folder: neither initial weights nor the tokenizer they came with', async () => {
    await inFolder(async (folder) => {
      const source = join(folder, 'source')
      cpSync(join(finished, 'final'), source, { recursive: true })
      const second = changed(
        [
          'tokenizer: { train: { vocabulary: 352, examples: 20 } }',
          `tokenizer: { folder: ${source} }\ninitial: ${source}`,
        ],
        ['peak: 0.01', 'peak: 0.005'],
      )
      const [whole, interrupted] = [join(folder, 'whole'), join(folder, 'interrupted')]
      await trainTiny(whole, {}, second)
      const stop = new AbortController()
      await trainTiny(interrupted, { signal: stop.signal, onProgress: () => stop.abort() }, second).catch(
        () => undefined,
      )
      rmSync(source, { recursive: true })
      await trainTiny(interrupted, { resume: true }, second)
      expect(outcome(interrupted)).toEqual(outcome(whole))
      expect(result(whole)).not.toEqual(result(finished))
    })
  })

  test('without a checkpoint begins anew', async () => {
    await inFolder(async (folder) => {
      await trainTiny(folder, { resume: true })
      expect(outcome(folder)).toEqual(outcome(finished))
    })
  })
})

describe('initial weights', () => {
  const from = (folder: string, ...more: readonly (readonly [string, string])[]): Recipe =>
    changed(
      [
        'tokenizer: { train: { vocabulary: 352, examples: 20 } }',
        `tokenizer: { folder: ${folder} }\ninitial: ${folder}`,
      ],
      ...more,
    )

  test('are those of a finished model or of a checkpoint', async () => {
    await inFolder(async (folder) => {
      const still = [
        ['peak: 0.01', 'peak: 1e-12'],
        ['steps: 4', 'steps: 1'],
      ] as const
      for (const [name, source] of [
        ['final', join(finished, 'final')],
        ['checkpoint', join(finished, 'checkpoints', 'step-0000004')],
      ] as const) {
        await trainTiny(join(folder, name), {}, from(source, ...still))
        expect(filesBelow(join(folder, name, 'final'))).toEqual(filesBelow(join(finished, 'final')))
      }
    })
  })

  test('of another shape, packed, or missing are refused before anything is trained', async () => {
    await inFolder(async (folder) => {
      const run = (recipe: Recipe): Promise<void> => trainTiny(join(folder, 'run'), {}, recipe)
      const wider = from(join(finished, 'final'), ['intermediate_size: 16', 'intermediate_size: 24'])
      await expect(run(wider)).rejects.toMatchObject({ code: 'invalid-file', message: expect.stringContaining('mlp.') })
      await expect(run(from(join(folder, 'none')))).rejects.toMatchObject({
        code: 'not-found',
        message: expect.stringMatching(/tokenizer of the recipe.*none.*tokenizer\.folder/s),
      })

      const wide = [
        ['hidden_size: 16', 'hidden_size: 32'],
        ['intermediate_size: 16', 'intermediate_size: 32'],
      ] as const
      await trainTiny(join(folder, 'wide'), {}, changed(...wide, ['steps: 4', 'steps: 1']))
      const packed = join(folder, 'wide', 'final')
      const checkpoint = await openSafetensors(localFolder(packed))
      const bytes: Uint8Array[] = []
      const config: unknown = JSON.parse(readFileSync(join(packed, 'config.json'), 'utf8'))
      for await (const piece of quantize(modelFromConfig(config), checkpoint).file) bytes.push(piece.slice())
      await checkpoint.close()
      writeFileSync(join(packed, 'model.safetensors'), Buffer.concat(bytes))
      await expect(run(from(packed, ...wide))).rejects.toMatchObject({
        code: 'not-supported',
        message: expect.stringMatching(/packed and cannot be trained.*q4g32/s),
      })
      expect(await steps(join(folder, 'run'))).toEqual([])
    })
  })
})

describe('a recipe that does not fit', () => {
  const folder = '/nowhere'

  test.each([
    [
      'examples longer than the model takes',
      changed(
        ['max_position_embeddings: 64', 'max_position_embeddings: 30'],
        ['original_max_position_embeddings: 64', 'original_max_position_embeddings: 30'],
      ),
      /"batch\.context" of at most 30.*32/s,
    ],
    [
      'a configuration that no model has',
      changed(['num_key_value_heads: 1', 'num_key_value_heads: 3']),
      /num_key_value_heads/,
    ],
  ])('%s: is refused before anything is read or written', async (_, recipe, message) => {
    await expect(trainTiny(folder, {}, recipe)).rejects.toMatchObject({
      code: 'invalid-config',
      message: expect.stringMatching(message),
    })
    expect(existsSync(folder)).toBe(false)
  })

  test('a tokenizer with more ids than the model has rows', async () => {
    await inFolder(async (run) => {
      const recipe = changed(
        [
          'tokenizer: { train: { vocabulary: 352, examples: 20 } }',
          `tokenizer: { folder: ${join(finished, 'final')} }`,
        ],
        ['vocab_size: 352', 'vocab_size: 350'],
      )
      await expect(trainTiny(run, {}, recipe)).rejects.toMatchObject({
        code: 'invalid-config',
        message: expect.stringMatching(/more ids than the model has rows for.*of at least 352.*350/s),
      })
    })
  })

  test('ends of answers that the model would not stop at', async () => {
    await inFolder(async (run) => {
      const recipe = changed(['eos_token_id: [341, 348]', 'eos_token_id: [341, 2]'])
      await expect(trainTiny(run, {}, recipe)).rejects.toMatchObject({
        code: 'invalid-config',
        message: expect.stringMatching(/would not stop at <\|end\|>.*"model\.eos_token_id" with 348.*\[341,2\]/s),
      })
    })
  })
})
