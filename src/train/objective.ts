/** What a run minimises: where its batches come from, and what is told of them. */
import { dirname, join, resolve } from 'node:path'
import type { OnProgress } from '../base/progress.ts'
import type { Device, RunOutputs } from '../backends/backend.ts'
import { tensorsFingerprint } from '../engine/tensors-fingerprint.ts'
import type { AtomicOptions } from '../formats/atomic.ts'
import type { Model } from '../models/index.ts'
import type { Tensor } from '../program/index.ts'
import type { ParameterSpec, TracedModel } from '../models/trace.ts'
import type { Datasets } from './datasets.ts'
import { fingerprint } from './fingerprint.ts'
import type { Recipe } from './recipe.ts'
import { referenceLogProbabilities } from './reference.ts'
import { recipePairs, recipeSource, type Split, type TrainedText } from './sources.ts'
import { packBatch, type Batch } from './step/batches.ts'
import { eyesOf, seeBatch } from './step/pictures.ts'
import {
  appendPreferenceLoss,
  packPairs,
  rewardMetrics,
  type PairSource,
  type RewardMetrics,
} from './step/preferences.ts'
import { appendLoss } from './step/programs.ts'

export interface Objective {
  /** Examples in files that are left out, since no answer of them begins within the context. */
  readonly tooLong: number
  /** How many different examples are held out; of endless kinds `Infinity`. */
  readonly heldOutSize: number
  /** The batch that begins with an example. */
  pack(split: Split, from: number): Promise<Batch>
  /** Names what will be learned from an example on (see `fingerprint`). */
  fingerprint(from: number): string
  /** What else is told of batches, by the outputs of their runs. */
  metrics(batches: readonly Batch[], outputs: readonly RunOutputs[]): Partial<RewardMetrics>
}

/** Appends the loss of a recipe to a trace of its model. */
export function lossOf({ objective }: Recipe): (traced: TracedModel, rows: number) => Tensor {
  if (objective === undefined) return appendLoss
  return (traced, rows) => appendPreferenceLoss(traced, rows, objective.beta)
}

export interface ObjectiveParts {
  readonly recipe: Recipe
  readonly datasets: Datasets
  readonly model: Model
  readonly text: TrainedText
  /** With the weights that the run starts from. */
  readonly device: Device
  /** What those are. */
  readonly weights: readonly ParameterSpec[]
  readonly options: AtomicOptions & {
    readonly folder: string
    readonly cache?: string
    readonly signal?: AbortSignal
    readonly onPreparation?: OnProgress
  }
}

/**
 * Makes examples of what the recipe learns from. Of preferences this computes, or reads, what the model that the device holds
 * makes of them.
 *
 * @throws PocketPhiError as `recipeSource`, `recipePairs` and `referenceLogProbabilities`
 */
export async function openObjective(parts: ObjectiveParts): Promise<Objective> {
  return parts.recipe.objective === undefined ? likelihood(parts) : await preferences(parts)
}

function likelihood({ recipe, datasets, model, text, device }: ObjectiveParts): Objective {
  const { rows, context } = recipe.batch
  const eyes = eyesOf(model, device)
  const sources = {
    learned: recipeSource(recipe, text, datasets, 'learned'),
    heldOut: recipeSource(recipe, text, datasets, 'heldOut'),
  }
  const { learned, heldOut } = sources
  return {
    tooLong: learned.tooLong + heldOut.tooLong,
    heldOutSize: heldOut.size ?? Infinity,
    pack: async (split, from) =>
      await seeBatch(packBatch(sources[split], from, rows, context, model.shape.ropeBorder), eyes),
    fingerprint: (from) => fingerprint((index) => [learned.example(index)], from, learned.contents),
    metrics: () => ({}),
  }
}

async function preferences(parts: ObjectiveParts): Promise<Objective> {
  const { recipe, datasets, model, text } = parts
  const { rows, context } = recipe.batch
  const { ropeBorder } = model.shape
  const learned = recipePairs(recipe, text, datasets, 'learned')
  const heldOut = recipePairs(recipe, text, datasets, 'heldOut')
  const fingerprintOfModel = await tensorsFingerprint(
    parts.device,
    parts.weights.map(({ name }) => name),
  )
  const sourceOf = async (pairs: typeof learned): Promise<PairSource> => {
    const reference = await referenceLogProbabilities(parts.device, pairs, {
      ...parts.options,
      rows,
      context,
      ropeBorder,
      model: fingerprintOfModel,
      folder: parts.options.cache ?? join(dirname(resolve(parts.options.folder)), 'cache'),
      onProgress: parts.options.onPreparation,
    })
    return {
      pair: (index) => pairs.at(pairs.place(index)),
      reference: (index) => reference(pairs.place(index)),
    }
  }
  const sources = { learned: await sourceOf(learned), heldOut: await sourceOf(heldOut) }
  return {
    tooLong: learned.tooLong + heldOut.tooLong,
    heldOutSize: heldOut.size,
    pack: (split, from) => Promise.resolve(packPairs(sources[split], from, rows, context, ropeBorder)),
    fingerprint: (from) =>
      fingerprint(
        (index) => {
          const { chosen, rejected } = sources.learned.pair(index)
          return [chosen, rejected]
        },
        from,
        learned.contents,
      ),
    metrics: rewardMetrics,
  }
}
