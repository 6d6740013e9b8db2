/** A training as files that PyTorch runs: batches, weights and configuration in the published layout, and a launch file. */
import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { PocketPhiError, throwIfAborted, type ErrorParts } from '../../base/errors.ts'
import type { OnProgress } from '../../base/progress.ts'
import { currentFolder, writeFolderAtomic, type AtomicFolder, type AtomicOptions } from '../../formats/atomic.ts'
import { readLogicalFloat32 } from '../../formats/packed-checkpoint.ts'
import { writeCheckpoint, type TensorEntry } from '../../formats/safetensors-writer.ts'
import { localFolder } from '../../formats/tree.ts'
import { modelParameters, type Model } from '../../models/index.ts'
import type { ParameterSpec } from '../../models/trace.ts'
import { readDatasets, type Datasets } from '../datasets.ts'
import { makeModelFiles, readText } from '../model-files.ts'
import type { Recipe } from '../recipe.ts'
import { recipeSource, type RecipeSource, type TrainedText } from '../sources.ts'
import { packBatch } from '../step/batches.ts'
import { initialValues, openFloatWeights } from '../step/weights.ts'
import { modelOf } from '../trainer.ts'
import { writeBatches, type BatchFilesOptions } from './batch-files.ts'
import { launchFile, launchFiles, settingsFile, trainedFolder, type ExportedParts } from './launch-files.ts'

export interface ExportOptions extends AtomicOptions {
  /** What is written: there whole or not at all. */
  readonly folder: string
  /** Whether an export that is there may be replaced; nothing else ever is. */
  readonly replace?: boolean
  readonly signal?: AbortSignal
  readonly onProgress?: OnProgress
}

/** What was written. */
export interface ExportedTraining {
  readonly batches: number
  /** Whether there are weights to start from; if not, they are named when it is launched. */
  readonly hasWeights: boolean
  /** Examples in files that were left out, since no answer of them begins within the context. */
  readonly tooLong: number
}

/** Data of a file of weights, as published checkpoints have it. */
const shardBytes = 5e9

/**
 * Writes all batches that a run of this recipe would learn from, in its order, with what it starts from and a program that learns from them. A model
 * to start from need not be there if the recipe says what it is: another training may make it where this one will run.
 *
 * @throws PocketPhiError `not-supported` for what the program cannot do; `invalid-argument` for a folder that is there, also with `replace` if it is no
 * export, or one that has been trained in; `aborted`; and as `train` for a recipe that does not fit its model, texts or files
 */
export async function exportTorch(recipe: Recipe, options: ExportOptions): Promise<ExportedTraining> {
  const model = modelOf(recipe)
  refuseOthers(recipe, model)
  if (options.replace === true) await refuseToReplace(options.folder)
  const files = await makeModelFiles(recipe)
  const text = await readText(files, model, recipe)
  using datasets = await readDatasets(recipe, files['tokenizer.json'] ?? '')
  const { initial } = recipe
  const hasWeights = initial === undefined || (await localFolder(initial).has('config.json'))
  const learned = recipeSource(recipe, text, datasets, 'learned')
  await writeFolderAtomic(
    options.folder,
    async (into) => {
      const modelFiles = { ...files, 'config.json': configOf(recipe, model) }
      for (const [name, content] of Object.entries(modelFiles)) await into.writeFile(name, content)
      if (hasWeights) await writeWeights(into, recipe, model, options)
      const written = await writeShards(into, recipe, { model, learned, text, datasets }, options)
      const parts = { recipe, files: Object.keys(modelFiles), hasWeights, ...written }
      for (const [name, content] of await launchFiles(parts)) await into.writeFile(name, content)
    },
    options,
  )
  return { batches: recipe.schedule.steps * recipe.batch.accumulation, hasWeights, tooLong: learned.tooLong }
}

/** Days on GPUs lie in the folder of an export unless `--out` names another. */
async function refuseToReplace(folder: string): Promise<void> {
  const current = await currentFolder(folder)
  if (current === undefined) return
  const names = await readdir(current)
  if (!names.includes(settingsFile) || !names.includes(launchFile)) {
    throw new PocketPhiError('invalid-argument', `"${folder}" is no export, and is not replaced.`, {
      expected: `a folder with ${settingsFile} and ${launchFile}, or none`,
      remedy: 'Name another folder, or remove this one.',
    })
  }
  if (names.includes(trainedFolder)) {
    throw new PocketPhiError('invalid-argument', `"${folder}" has been trained in, and is not replaced.`, {
      expected: `an export without "${trainedFolder}"`,
      found: `checkpoints, metrics or a finished model in ${join(folder, trainedFolder)}`,
      remedy: `Name another folder, or move "${trainedFolder}" elsewhere or remove it.`,
    })
  }
}

/** What would compute something else there than here, or nothing. */
function refuseOthers(recipe: Recipe, { type, shape }: Model): void {
  const refuse = (what: string, parts: ErrorParts): never => {
    throw new PocketPhiError('not-supported', `A training ${what} cannot be exported.`, parts)
  }
  const remedy = 'Run it here: phi train, or phi make.'
  if (type !== 'phi3') refuse('of this model', { expected: 'a model of the type "phi3"', found: `"${type}"`, remedy })
  if (recipe.objective !== undefined) refuse('by preferences', { remedy })
  if (recipe.adapter !== undefined) refuse('of adapters', { remedy })
  const { context } = recipe.batch
  const border = shape.ropeBorder ?? Infinity
  if (context > border) {
    refuse('with two tables of LongRoPE', {
      expected: `"batch.context" of at most ${border}: transformers takes one table for a whole batch`,
      found: String(context),
    })
  }
  const window = Number(recipe.model['sliding_window'] ?? 0)
  if (window > 0 && window < context) {
    refuse('with a sliding window', { expected: `"batch.context" of at most ${window}`, found: String(context) })
  }
}

/** The configuration with all that we and transformers take for granted differently. */
function configOf({ model: given }: Recipe, { shape }: Model): string {
  const config = {
    architectures: ['Phi3ForCausalLM'],
    hidden_act: 'silu',
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    rope_scaling: null,
    sliding_window: null,
    tie_word_embeddings: false,
    num_key_value_heads: given['num_attention_heads'],
    original_max_position_embeddings: shape.maxPositions,
    bos_token_id: null,
    pad_token_id: null,
    eos_token_id: null,
    torch_dtype: 'bfloat16',
    ...given,
    attention_dropout: 0,
    embd_pdrop: 0,
    resid_pdrop: 0,
  }
  return `${JSON.stringify(config, undefined, 2)}\n`
}

async function writeWeights(
  into: AtomicFolder,
  { initial, seed }: Recipe,
  model: Model,
  { signal, onProgress }: ExportOptions,
): Promise<void> {
  const parameters = modelParameters(model)
  const checkpoint =
    initial === undefined ? undefined : await openFloatWeights(initial, parameters, { isUnused: model.isUnused })
  let done = 0
  const valuesOf = async (parameter: ParameterSpec): Promise<Float32Array> => {
    throwIfAborted(signal)
    onProgress?.({ stage: 'weights', done: ++done, total: parameters.length, unit: 'tensors' })
    if (checkpoint === undefined) return initialValues(parameter, model.shape.layers, seed)
    return await readLogicalFloat32(checkpoint, parameter.name)
  }
  const entries = parameters.map((parameter): TensorEntry => {
    return {
      name: parameter.name,
      dtype: 'F32',
      shape: parameter.shape,
      async *data() {
        const { buffer, byteOffset, byteLength } = await valuesOf(parameter)
        yield new Uint8Array(buffer, byteOffset, byteLength)
      },
    }
  })
  try {
    await writeCheckpoint(entries, { format: 'pt' }, shardBytes, into.writeFile)
  } finally {
    await checkpoint?.close()
  }
}

interface Sources {
  readonly model: Model
  readonly learned: RecipeSource
  readonly text: TrainedText
  readonly datasets: Datasets
}

async function writeShards(
  into: AtomicFolder,
  recipe: Recipe,
  { model, learned, text, datasets }: Sources,
  { signal, onProgress }: ExportOptions,
): Promise<Pick<ExportedParts, 'shards' | 'batches'>> {
  const { batch, schedule } = recipe
  const hash = createHash('sha256')
  const common = { rows: batch.rows, vocabulary: model.shape.vocabulary, hash, signal }
  const write = async (source: RecipeSource, batches: number, own: Pick<BatchFilesOptions, 'name' | 'onBatches'>) => {
    let from = 0
    return await writeBatches(
      into,
      () => {
        const { inputs, next } = packBatch(source, from, batch.rows, batch.context)
        from = next
        return inputs
      },
      { ...common, ...own, batches },
    )
  }
  const total = schedule.steps * batch.accumulation
  const onBatches = (done: number): void =>
    onProgress?.({ stage: 'batches', done: done * batch.rows, total: total * batch.rows, unit: 'rows' })
  const training = await write(learned, total, { name: 'training', onBatches })
  const heldOut = recipeSource(recipe, text, datasets, 'heldOut')
  const measured = await write(heldOut, heldOutBatches(recipe, heldOut), { name: 'heldOut' })
  return { shards: { training, heldOut: measured }, batches: hash.digest('hex') }
}

/** A short list is gone through once, as in a run here. */
function heldOutBatches({ batch, evaluation }: Recipe, source: RecipeSource): number {
  let count = 0
  for (let next = 0; count < evaluation.batches && next < (source.size ?? Infinity); count++) {
    ;({ next } = packBatch(source, next, batch.rows, batch.context))
  }
  return count
}
