import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { elementCount } from '../base/dtype.ts'
import { present, throwIfAborted } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import type { Backend, Device } from '../backends/backend.ts'
import { cleanTemporaries, writeFileAtomic, writeFolderAtomic, type AtomicOptions } from '../formats/atomic.ts'
import { writeSafetensors } from '../formats/safetensors-writer.ts'
import { modelFromConfig, type Model } from '../models/index.ts'
import type { ParameterSpec } from '../models/trace.ts'
import { trainTokenizer } from '../text/bpe-trainer.ts'
import { loadTokenizerJson } from '../text/tokenizer-json.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { packBatch, type Batch, type ExampleSource } from './batches.ts'
import {
  resumeCheckpoint,
  restoreWeights,
  saveCheckpoint,
  weightEntries,
  type ModelFiles,
  type RunState,
} from './checkpoint.ts'
import { openMetrics, plotLoss, readMetrics } from './metrics.ts'
import { traceTraining, type TrainingPrograms } from './programs.ts'
import type { Recipe } from './recipe.ts'
import { learningRate } from './schedule.ts'
import { recipeSource, recipeTexts } from './sources.ts'
import { trainedTokenizerConfig } from './tokenizer-config.ts'

/** What a run tells while it goes on. */
export interface TrainingProgress {
  readonly step: number
  readonly steps: number
  readonly loss: number
  readonly heldOutLoss: number | undefined
  readonly learningRate: number
  readonly gradientNorm: number
  readonly tokensPerSecond: number
  readonly secondsLeft: number
}

export interface TrainOptions extends AtomicOptions {
  /** The folder of the run: checkpoints, metrics and the finished model are below it. */
  readonly folder: string
  readonly backend: Backend
  /** Continue from the newest checkpoint, if there is one; without it a folder with checkpoints is started afresh. */
  readonly resume?: boolean
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: TrainingProgress) => void
  /** Wall clock in seconds; tests replace it. */
  readonly now?: () => number
}

/**
 * Runs a recipe to its end. The finished model is in `folder/final`, in the published layout. A run that is killed at any
 * moment and resumed ends in the same bits as an undisturbed one.
 *
 * @throws PocketPhiError `invalid-config` for a recipe that does not fit, `aborted` when the signal fires (a checkpoint
 * is saved first), and what the backend throws.
 */
export async function train(recipe: Recipe, options: TrainOptions): Promise<void> {
  await mkdir(join(options.folder, 'checkpoints'), { recursive: true })
  await cleanTemporaries(options.folder)
  await cleanTemporaries(join(options.folder, 'checkpoints'))
  const model = modelFromConfig(recipe.model)
  const { tokenizer, files } = await prepareTokenizer(recipe, options)
  const programs = traceTraining(model, recipe.batch.rows, recipe.optimizer, { recompute: recipe.batch.recompute })
  const device = await options.backend.open([programs.gradients, programs.update, programs.evaluate])
  try {
    for (const [name, values] of programs.buffers) device.write(name, values)
    const run = new Run(recipe, options, device, programs, model, tokenizer, files)
    await run.start()
    await run.toTheEnd()
  } finally {
    await device.dispose()
  }
}

/** Reads or trains the tokenizer, and gathers the files that stand beside the weights. */
async function prepareTokenizer(
  recipe: Recipe,
  options: TrainOptions,
): Promise<{ tokenizer: Tokenizer; files: ModelFiles }> {
  const own = join(options.folder, 'tokenizer.json')
  const from = 'folder' in recipe.tokenizer ? join(recipe.tokenizer.folder, 'tokenizer.json') : own
  let text = await readFile(from, 'utf8').catch(() => undefined)
  if (text === undefined && 'train' in recipe.tokenizer) {
    const { vocabulary, examples } = recipe.tokenizer.train
    text = JSON.stringify(trainTokenizer(recipeTexts(recipe, examples), { vocabularySize: vocabulary }))
    await writeFileAtomic(own, text, options)
  }
  const json = present(text, `a tokenizer.json at ${from}`)
  const files = {
    'config.json': `${JSON.stringify(recipe.model, undefined, 2)}\n`,
    'tokenizer.json': json,
    'tokenizer_config.json': `${JSON.stringify(trainedTokenizerConfig, undefined, 2)}\n`,
  }
  return { tokenizer: loadTokenizerJson(JSON.parse(json)), files }
}

/** Random weights: norms are 1, matrices N(0, 0.02), and those that write into the residual stream smaller by sqrt(2 layers). */
export function initializeWeights(
  device: Device,
  parameters: readonly ParameterSpec[],
  layers: number,
  seed: number,
): void {
  for (const { name, shape, initializer } of parameters) {
    const values = new Float32Array(elementCount(shape))
    const random = new Random(seed).fork(name)
    const deviation = initializer === 'residual' ? 0.02 / Math.sqrt(2 * layers) : 0.02
    for (let index = 0; index < values.length; index++) {
      values[index] = initializer === 'ones' ? 1 : deviation * random.normal()
    }
    device.write(name, values)
  }
}

class Run {
  readonly #recipe: Recipe
  readonly #options: TrainOptions
  readonly #device: Device
  readonly #programs: TrainingPrograms
  readonly #model: Model
  readonly #files: ModelFiles
  readonly #source: ExampleSource
  readonly #heldOut: ExampleSource
  readonly #now: () => number
  #state: RunState
  #savedStep = -1

  constructor(
    recipe: Recipe,
    options: TrainOptions,
    device: Device,
    programs: TrainingPrograms,
    model: Model,
    tokenizer: Tokenizer,
    files: ModelFiles,
  ) {
    this.#recipe = recipe
    this.#options = options
    this.#device = device
    this.#programs = programs
    this.#model = model
    this.#files = files
    this.#source = recipeSource(recipe, tokenizer)
    this.#heldOut = recipeSource(recipe, tokenizer, recipe.evaluation.seed)
    this.#now = options.now ?? (() => performance.now() / 1000)
    this.#state = { step: 0, nextExample: 0, tokens: 0, learnedTokens: 0, recipe }
  }

  get #checkpoints(): string {
    return join(this.#options.folder, 'checkpoints')
  }

  async start(): Promise<void> {
    const { parameters } = this.#programs
    if (this.#options.resume === true) {
      const state = await resumeCheckpoint(this.#checkpoints, this.#device, parameters, this.#recipe)
      if (state !== undefined) {
        this.#state = state
        this.#savedStep = state.step
        return
      }
    }
    if (this.#recipe.initial === undefined) {
      initializeWeights(this.#device, parameters, this.#model.shape.layers, this.#recipe.seed)
    } else {
      await restoreWeights(this.#recipe.initial, this.#device, parameters)
    }
  }

  async toTheEnd(): Promise<void> {
    const { schedule, checkpoint, name } = this.#recipe
    const metricsFile = join(this.#options.folder, 'metrics.jsonl')
    const metrics = await openMetrics(metricsFile, this.#state.step, this.#options)
    const began = this.#now()
    const firstTokens = this.#state.tokens
    const firstStep = this.#state.step
    while (this.#state.step < schedule.steps) {
      const { loss, gradientNorm, rate } = await this.#update()
      const seconds = this.#now() - began
      const tokensPerSecond = (this.#state.tokens - firstTokens) / Math.max(seconds, 1e-9)
      const heldOutLoss = await this.#heldOutLoss()
      const { step, tokens } = this.#state
      const measured = heldOutLoss === undefined ? {} : { heldOutLoss }
      await metrics.append({
        step,
        loss,
        learningRate: rate,
        gradientNorm,
        tokens,
        ...measured,
        tokensPerSecond,
        seconds,
      })
      this.#options.onProgress?.({
        step,
        steps: schedule.steps,
        loss,
        heldOutLoss,
        learningRate: rate,
        gradientNorm,
        tokensPerSecond,
        secondsLeft: ((schedule.steps - step) * seconds) / Math.max(1, step - firstStep),
      })
      if (step % checkpoint.everySteps === 0) await this.#save()
      if (this.#options.signal?.aborted) await this.#save()
      throwIfAborted(this.#options.signal)
    }
    await this.#save()
    await writeFileAtomic(
      join(this.#options.folder, 'loss.svg'),
      plotLoss(name, await readMetrics(metricsFile)),
      this.#options,
    )
    await this.#export()
  }

  /** Gradients of one or several batches, then one step of the optimiser. */
  async #update(): Promise<{ loss: number; gradientNorm: number; rate: number }> {
    const { batch, optimizer, schedule } = this.#recipe
    const batches: Batch[] = []
    let next = this.#state.nextExample
    for (let part = 0; part < batch.accumulation; part++) {
      const packed = packBatch(this.#source, next, batch.rows, batch.context)
      batches.push(packed)
      next = packed.next
    }
    const learned = batches.reduce((sum, packed) => sum + packed.learnedTokens, 0)
    let loss = 0
    for (const { inputs } of batches) {
      const weights = new Float32Array(batch.rows).fill(1 / Math.max(1, learned))
      const result = await this.#device.run('gradients', { ...inputs, weights, seed: Float32Array.of(1) })
      loss += present(result['loss']?.[0], 'loss')
    }
    const step = this.#state.step
    const rate = learningRate(schedule, step)
    const { clip } = await this.#device.run('update', {
      maxNorm: Float32Array.of(optimizer.clip),
      schedule: Float32Array.of(rate, 1 - optimizer.beta1 ** (step + 1), 1 - optimizer.beta2 ** (step + 1)),
    })
    this.#state = {
      ...this.#state,
      step: step + 1,
      nextExample: next,
      tokens: this.#state.tokens + batches.reduce((sum, packed) => sum + packed.tokens, 0),
      learnedTokens: this.#state.learnedTokens + learned,
    }
    return { loss, gradientNorm: present(clip?.[1], 'gradient norm'), rate }
  }

  async #heldOutLoss(): Promise<number | undefined> {
    const { evaluation, schedule } = this.#recipe
    const { step } = this.#state
    if (step % evaluation.everySteps !== 0 && step !== schedule.steps) return undefined
    return heldOutLoss(this.#device, this.#heldOut, this.#recipe, evaluation.batches)
  }

  async #save(): Promise<void> {
    if (this.#savedStep === this.#state.step) return
    const { parameters } = this.#programs
    const { keep } = this.#recipe.checkpoint
    await saveCheckpoint(this.#checkpoints, keep, this.#device, parameters, this.#state, this.#files, this.#options)
    this.#savedStep = this.#state.step
  }

  /** The finished model: weights in BF16, as published checkpoints have them. */
  async #export(): Promise<void> {
    await writeFolderAtomic(
      join(this.#options.folder, 'final'),
      async (into) => {
        for (const [name, text] of Object.entries(this.#files)) await into.writeFile(name, text)
        const entries = weightEntries(this.#device, this.#programs.parameters, 'BF16')
        await into.writeFile('model.safetensors', writeSafetensors(entries))
      },
      { ...this.#options, replace: true },
    )
  }
}

/** The mean loss per predicted token over the first batches of a source, in nats. */
export async function heldOutLoss(
  device: Device,
  source: ExampleSource,
  { batch }: Pick<Recipe, 'batch'>,
  batches: number,
): Promise<number> {
  let sum = 0
  let learned = 0
  let next = 0
  for (let index = 0; index < batches; index++) {
    const packed = packBatch(source, next, batch.rows, batch.context)
    next = packed.next
    const { loss } = await device.run('evaluate', packed.inputs)
    sum += present(loss?.[0], 'loss') * packed.learnedTokens
    learned += packed.learnedTokens
  }
  return sum / Math.max(1, learned)
}
