import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { elementCount } from '../base/dtype.ts'
import { PocketPhiError, present, throwIfAborted } from '../base/errors.ts'
import type { OnProgress } from '../base/progress.ts'
import type { Backend, Device, RunOutputs } from '../backends/backend.ts'
import {
  cleanTemporaries,
  systemError,
  writeFileAtomic,
  writeFolderAtomic,
  type AtomicOptions,
} from '../formats/atomic.ts'
import { writeSafetensors } from '../formats/safetensors-writer.ts'
import type { WeightsFile } from '../engine/weights.ts'
import { modelFromConfig, type Model } from '../models/index.ts'
import type { MemoryPlan } from '../program/plan.ts'
import type { ParameterSpec } from '../models/trace.ts'
import {
  listCheckpoints,
  pruneCheckpoints,
  readModelFiles,
  readState,
  restoreCheckpoint,
  saveCheckpoint,
  type RunState,
} from './checkpoint.ts'
import { openMetrics, plotLoss, readMetrics, type HeldOutMetrics, type MetricsLog } from './metrics.ts'
import { readDatasets } from './datasets.ts'
import { makeModelFiles, readText, type ModelFiles } from './model-files.ts'
import { lossOf, openObjective, type Objective } from './objective.ts'
import type { Recipe } from './recipe.ts'
import {
  baseFingerprint,
  beginWeights,
  openBase,
  savedWeights,
  trainedFormats,
  type SavedWeights,
} from './starting-weights.ts'
import type { Batch } from './step/batches.ts'
import type { RewardMetrics } from './step/preferences.ts'
import { openedPrograms, traceTraining, type TrainingPrograms } from './step/programs.ts'
import { accumulateGradients, stepOptimizer } from './step/update.ts'
import { weightEntries } from './step/weights.ts'

/** What a run tells while it goes on; rewards where it learns by preferences. */
export interface TrainingProgress extends Partial<RewardMetrics> {
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
  /** Continue from the newest checkpoint, if there is one. Without it a folder that holds checkpoints is refused. */
  readonly resume?: boolean
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: TrainingProgress) => void
  /** Sees what the run takes before its memory is allocated. */
  readonly onPlan?: (plan: TrainingPlan) => void
  /** Hears of what is computed before the first step. */
  readonly onPreparation?: OnProgress
  /** Hears how many examples in files are left out, since no answer of them begins within the context; nothing where none are. */
  readonly onTooLong?: (examples: number) => void
  /** Where results are kept that several runs may need: those of reference models. When left out `cache` beside the folder. */
  readonly cache?: string
  /** Wall clock in seconds; tests replace it. */
  readonly now?: () => number
}

/**
 * Runs a recipe to its end. The finished model is in `folder/final`, in the published layout. A run that is killed at any
 * moment and resumed ends in the same bits as an undisturbed one.
 *
 * A checkpoint holds all that resuming needs, tokenizer included. A run that begins anew takes over nothing that lies in
 * the folder; a finished model there is replaced when the run ends.
 *
 * @throws PocketPhiError as `readDatasets`; `invalid-config` for a recipe that does not fit, or is not that of the checkpoint, or
 * lets the loss diverge; `invalid-argument` when there are checkpoints and `resume` is not set; `invalid-file` for a damaged
 * checkpoint; `out-of-memory` when memory or disk are full; `aborted` when the signal fires (a checkpoint is saved
 * first); and what the backend throws. Checkpoints that were saved stay in every case.
 */
export async function train(recipe: Recipe, options: TrainOptions): Promise<void> {
  throwIfAborted(options.signal)
  const model = modelOf(recipe)
  const checkpoint = await openFolder(options)
  const state = checkpoint === undefined ? undefined : await readState(checkpoint, recipe)
  // What a run that died between saving and removing had left over.
  await pruneCheckpoints(checkpointsOf(options.folder), recipe.checkpoint.keep, options)
  const files = await (checkpoint === undefined ? makeModelFiles(recipe) : readModelFiles(checkpoint))
  const text = await readText(files, model, recipe)
  using datasets = await readDatasets(recipe, files['tokenizer.json'] ?? '')
  const { programs, device } = await openDevice(recipe, model, options, checkpoint === undefined)
  try {
    const { parameters, frozen } = programs
    const saved = savedWeights(recipe, programs)
    const base = await baseFingerprint(recipe, device, programs)
    if (state !== undefined) checkBase(recipe, state, base)
    // Preferences compare with the weights that the run began with, so that a checkpoint comes after.
    const weights = [...parameters, ...frozen]
    const objective = await openObjective({ recipe, datasets, model, text, device, weights, options })
    if (objective.tooLong > 0) options.onTooLong?.(objective.tooLong)
    if (checkpoint !== undefined) await restoreCheckpoint(checkpoint, device, parameters, saved)
    await new Run({ recipe, options, device, programs, saved, files, objective, state, base }).toTheEnd()
  } finally {
    await device.dispose()
  }
}

/**
 * Plans a run and allocates its memory, with the weights that it begins with where they are needed: at its beginning, under
 * adapters, and for preferences.
 */
async function openDevice(
  recipe: Recipe,
  model: Model,
  { backend, onPlan }: TrainOptions,
  isBeginning: boolean,
): Promise<{ readonly programs: TrainingPrograms; readonly device: Device }> {
  const base = await openBase(recipe)
  try {
    const weights = await base?.weights()
    const programs = trainingPrograms(recipe, model, weights)
    onPlan?.(planOf(recipe, programs, backend))
    const device = await backend.open(openedPrograms(programs))
    try {
      for (const [name, values] of programs.buffers) device.write(name, values)
      const isNeeded = isBeginning || weights !== undefined || recipe.objective !== undefined
      if (isNeeded) await beginWeights(recipe, model, device, programs, weights)
      return { programs, device }
    } catch (error) {
      await device.dispose()
      throw error
    }
  } finally {
    await base?.close()
  }
}

/** Refuses to go on with adapters on another model than they were trained on. */
function checkBase({ initial = '' }: Recipe, { base: then }: RunState, now: string | undefined): void {
  if (then === now) return
  throw new PocketPhiError('invalid-config', `The model in "${initial}" is not what it was when the run began.`, {
    expected: `weights with the fingerprint ${then ?? 'of none'}`,
    found: now ?? 'none',
    remedy: 'Resume with the model that the adapters were trained on, or begin anew in another folder.',
  })
}

/** What a run would take. */
export interface TrainingPlan {
  /** Weights that are trained. */
  readonly parameters: number
  /** Weights that stay as they are: those of a vision tower, and those that have adapters. */
  readonly frozen: number
  /** Rows of one update, padding included. */
  readonly rowsPerUpdate: number
  /** `states` are gradients and moments. */
  readonly memory: MemoryPlan
}

/**
 * What a recipe would take on a backend, before anything is trained or allocated.
 *
 * @throws PocketPhiError as `train` for a recipe that does not fit
 */
export async function planTraining(recipe: Recipe, backend: Backend): Promise<TrainingPlan> {
  const base = await openBase(recipe)
  try {
    return planOf(recipe, trainingPrograms(recipe, modelOf(recipe), await base?.weights()), backend)
  } finally {
    await base?.close()
  }
}

function planOf(recipe: Recipe, programs: TrainingPrograms, backend: Backend): TrainingPlan {
  const count = (weights: readonly ParameterSpec[]): number =>
    weights.reduce((sum, { shape }) => sum + elementCount(shape), 0)
  return {
    parameters: count(programs.parameters),
    frozen: count(programs.frozen),
    rowsPerUpdate: recipe.batch.rows * recipe.batch.accumulation,
    memory: backend.measure(openedPrograms(programs)),
  }
}

/** The model of a recipe. @throws PocketPhiError `invalid-config` for one that cannot take the recipe's examples */
export function modelOf(recipe: Recipe): Model {
  const model = modelFromConfig(recipe.model)
  if (recipe.pictures !== undefined && model.vision === undefined) {
    throw new PocketPhiError('invalid-config', 'The recipe has pictures, and its model cannot see.', {
      expected: 'a model of the type "phi3_v"',
      found: `"${model.type}"`,
      remedy: 'Correct "model", or leave out "pictures".',
    })
  }
  if (recipe.batch.context <= model.shape.maxPositions) return model
  throw new PocketPhiError('invalid-config', 'The examples are longer than the sequences that the model takes.', {
    expected: `"batch.context" of at most ${model.shape.maxPositions}`,
    found: String(recipe.batch.context),
    remedy: 'Lower it, or raise "model.max_position_embeddings".',
  })
}

function trainingPrograms(recipe: Recipe, model: Model, base: WeightsFile | undefined): TrainingPrograms {
  const { batch, optimizer } = recipe
  const formats = trainedFormats(recipe, base)
  const options = { ...formats, recompute: batch.recompute, appendLoss: lossOf(recipe) }
  return traceTraining(model, batch.rows, optimizer, options)
}

function checkpointsOf(folder: string): string {
  return join(folder, 'checkpoints')
}

/** Makes the folder of a run ready. @returns the checkpoint to continue from */
async function openFolder(options: TrainOptions): Promise<string | undefined> {
  const { folder, resume = false } = options
  const checkpoints = checkpointsOf(folder)
  await mkdir(checkpoints, { recursive: true }).catch((error: unknown) => {
    throw systemError(checkpoints, error)
  })
  await cleanTemporaries(folder, options)
  await cleanTemporaries(checkpoints, options)
  const newest = (await listCheckpoints(checkpoints)).at(-1)
  if (newest === undefined || resume) return newest
  throw new PocketPhiError('invalid-argument', `"${folder}" holds a run already.`, {
    expected: 'a folder without checkpoints, or "resume"',
    found: `"${newest}"`,
    remedy: `Resume the run, choose another folder, or remove "${checkpoints}" to begin anew.`,
  })
}

interface RunParts {
  readonly recipe: Recipe
  readonly options: TrainOptions
  readonly device: Device
  readonly programs: TrainingPrograms
  readonly saved: SavedWeights
  readonly files: ModelFiles
  readonly objective: Objective
  /** Where the checkpoint stands that the device holds; undefined at the beginning. */
  readonly state: RunState | undefined
  /** Names the model that adapters are trained on. */
  readonly base: string | undefined
}

class Run {
  readonly #recipe: Recipe
  readonly #options: TrainOptions
  readonly #device: Device
  readonly #programs: TrainingPrograms
  readonly #saved: SavedWeights
  readonly #files: ModelFiles
  readonly #objective: Objective
  #state: Omit<RunState, 'nextExamples'>
  #savedStep: number | undefined

  constructor({ recipe, options, device, programs, saved, files, objective, state, base }: RunParts) {
    this.#recipe = recipe
    this.#options = options
    this.#device = device
    this.#programs = programs
    this.#saved = saved
    this.#files = files
    this.#objective = objective
    if (state !== undefined) this.#checkData(state)
    this.#savedStep = state?.step
    this.#state = state ?? {
      step: 0,
      nextExample: 0,
      tokens: 0,
      learnedTokens: 0,
      recipe: JSON.parse(JSON.stringify(recipe)) as RunState['recipe'],
      ...(base === undefined ? {} : { base }),
    }
  }

  /** Refuses to go on with other texts than the run would have seen. */
  #checkData({ nextExample, nextExamples }: RunState): void {
    const found = this.#objective.fingerprint(nextExample)
    if (found === nextExamples) return
    throw new PocketPhiError('invalid-config', 'The data of this recipe is not what it was when the run began.', {
      expected: `examples from ${nextExample} on with the fingerprint ${nextExamples}`,
      found,
      remedy:
        'Resume with the files and the version of pocket-phi that the run began with, or begin anew in another folder.',
    })
  }

  async toTheEnd(): Promise<void> {
    const { folder } = this.#options
    const metricsFile = join(folder, 'metrics.jsonl')
    const before = (await readMetrics(metricsFile, this.#state.step)).at(-1)?.seconds ?? 0
    const metrics = await openMetrics(metricsFile, this.#state.step, this.#options)
    try {
      await this.#steps(metrics, before)
    } finally {
      await metrics.close()
    }
    await this.#export()
    const { name, objective } = this.#recipe
    const plot = plotLoss(name, await readMetrics(metricsFile), objective === undefined ? 'token' : 'pair')
    await writeFileAtomic(join(folder, 'loss.svg'), plot, this.#options)
  }

  /** @param before seconds that the steps until here took, in earlier calls */
  async #steps(metrics: MetricsLog, before: number): Promise<void> {
    const { schedule, checkpoint } = this.#recipe
    const { signal, now = () => performance.now() / 1000 } = this.#options
    const began = now()
    const { step: firstStep, tokens: firstTokens } = this.#state
    while (this.#state.step < schedule.steps) {
      const { loss, gradientNorm, rate, rewards } = await this.#update()
      const seconds = now() - began
      const tokensPerSecond = (this.#state.tokens - firstTokens) / Math.max(seconds, 1e-9)
      const measured = await this.#heldOut()
      const { step, tokens } = this.#state
      const common = { step, loss, learningRate: rate, gradientNorm, ...rewards }
      await metrics.append({ ...common, tokens, ...measured, tokensPerSecond, seconds: before + seconds })
      const secondsLeft = ((schedule.steps - step) * seconds) / Math.max(1, step - firstStep)
      const { heldOutLoss } = measured
      this.#options.onProgress?.({ ...common, steps: schedule.steps, heldOutLoss, tokensPerSecond, secondsLeft })
      if (step % checkpoint.everySteps === 0 || step === schedule.steps || signal?.aborted) await this.#save(metrics)
      throwIfAborted(signal)
    }
  }

  /** Gradients of one or several batches, then one step of the optimiser. */
  async #update(): Promise<{ loss: number; gradientNorm: number; rate: number; rewards: Partial<RewardMetrics> }> {
    const { batch, optimizer, schedule } = this.#recipe
    const batches: Batch[] = []
    let next = this.#state.nextExample
    for (let part = 0; part < batch.accumulation; part++) {
      const packed = await this.#objective.pack('learned', next)
      batches.push(packed)
      next = packed.next
    }
    const { loss, outputs } = await accumulateGradients(this.#device, batches)
    if (!Number.isFinite(loss)) throw this.#diverged('loss', loss)
    const step = this.#state.step
    const { gradientNorm, rate } = await stepOptimizer(this.#device, { ...optimizer, schedule }, step)
    if (!Number.isFinite(gradientNorm)) throw this.#diverged('norm of the gradients', gradientNorm)
    this.#state = {
      ...this.#state,
      step: step + 1,
      nextExample: next,
      tokens: this.#state.tokens + batches.reduce((sum, packed) => sum + packed.tokens, 0),
      learnedTokens: this.#state.learnedTokens + batches.reduce((sum, packed) => sum + packed.learnedTokens, 0),
    }
    return { loss, gradientNorm, rate, rewards: this.#objective.metrics(batches, outputs) }
  }

  /** The weights are of no use any more, so that nothing is saved. */
  #diverged(what: string, value: number): PocketPhiError {
    const { schedule, optimizer } = this.#recipe
    const saved = this.#savedStep === undefined ? 'No checkpoint was saved yet.' : `Step ${this.#savedStep} is saved.`
    return new PocketPhiError('invalid-config', `The ${what} of step ${this.#state.step + 1} is ${value}.`, {
      found: `a learning rate of up to ${schedule.peak}, ${schedule.warmupSteps} steps of warm-up, clipping at ${optimizer.clip}`,
      remedy:
        'The training diverged: lower "schedule.peak", raise "schedule.warmupSteps" or lower "optimizer.clip", and begin ' +
        `in another folder; "initial" can name a checkpoint to start from. ${saved}`,
    })
  }

  /** What is measured on held-out text after this step; nothing after most. */
  async #heldOut(): Promise<HeldOutMetrics> {
    const { evaluation, schedule } = this.#recipe
    const { step } = this.#state
    if (step % evaluation.everySteps !== 0 && step !== schedule.steps) return {}
    const batches: Batch[] = []
    const outputs: RunOutputs[] = []
    // A short list is gone through once.
    for (let next = 0; batches.length < evaluation.batches && next < this.#objective.heldOutSize;) {
      const packed = await this.#objective.pack('heldOut', next)
      next = packed.next
      batches.push(packed)
      outputs.push(await this.#device.run('evaluate', packed.inputs))
    }
    const terms = batches.reduce((sum, packed) => sum + packed.terms, 0)
    const sum = batches.reduce((all, packed, at) => all + present(outputs[at]?.['loss']?.[0], 'loss') * packed.terms, 0)
    const { rewardMargin, rewardAccuracy } = this.#objective.metrics(batches, outputs)
    return {
      heldOutLoss: sum / Math.max(1, terms),
      ...(rewardMargin === undefined ? {} : { heldOutRewardMargin: rewardMargin }),
      ...(rewardAccuracy === undefined ? {} : { heldOutRewardAccuracy: rewardAccuracy }),
    }
  }

  async #save(metrics: MetricsLog): Promise<void> {
    // A checkpoint promises the metrics up to its step, also when the machine loses power right after it.
    await metrics.sync()
    const state = { ...this.#state, nextExamples: this.#objective.fingerprint(this.#state.nextExample) }
    const { parameters } = this.#programs
    const parts = { device: this.#device, parameters, saved: this.#saved, files: this.#files, state }
    await saveCheckpoint(checkpointsOf(this.#options.folder), this.#recipe.checkpoint.keep, parts, this.#options)
    this.#savedStep = state.step
  }

  /** The finished model: weights in BF16, as published checkpoints have them, or adapters in F32. */
  async #export(): Promise<void> {
    await writeFolderAtomic(
      join(this.#options.folder, 'final'),
      async (into) => {
        for (const [name, text] of Object.entries(this.#files)) await into.writeFile(name, text)
        const dtype = this.#recipe.adapter === undefined ? 'BF16' : 'F32'
        const entries = await weightEntries(this.#device, this.#saved.tensors, dtype)
        await into.writeFile(this.#saved.file, writeSafetensors(entries))
      },
      { ...this.#options, replace: true },
    )
  }
}
