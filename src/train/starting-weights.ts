/** What a run starts from, and which of its weights are saved. */
import { PocketPhiError } from '../base/errors.ts'
import type { Device } from '../backends/backend.ts'
import { checkTensors, fillParameters } from '../engine/load.ts'
import { openModelFiles, type ModelFiles } from '../engine/model-files.ts'
import { tensorsFingerprint } from '../engine/tensors-fingerprint.ts'
import { formatsOf, type WeightsFile } from '../engine/weights.ts'
import { singleFileName } from '../formats/safetensors.ts'
import { localFolder } from '../formats/tree.ts'
import type { Model } from '../models/index.ts'
import type { NumberFormats, ParameterSpec } from '../models/trace.ts'
import { adapterWeightsFile, readAdapterConfig } from './adapter/adapter-files.ts'
import type { Recipe } from './recipe.ts'
import type { TrainingPrograms } from './step/programs.ts'
import { initializeAdapters, initializeWeights, restoreTensors } from './step/weights.ts'

/** The tensors that a run saves as its result, and the file that they have in the published layout. */
export interface SavedWeights {
  readonly file: string
  readonly tensors: readonly ParameterSpec[]
}

/** Of a run with adapters those alone, else all weights. */
export function savedWeights({ adapter }: Recipe, { parameters, frozen }: TrainingPrograms): SavedWeights {
  return adapter === undefined
    ? { file: singleFileName, tensors: [...parameters, ...frozen] }
    : { file: adapterWeightsFile, tensors: parameters }
}

/** The model that adapters are trained on, open; undefined for a run that trains all weights. */
export async function openBase({ adapter, initial }: Recipe): Promise<ModelFiles | undefined> {
  return adapter === undefined || initial === undefined ? undefined : await openModelFiles(localFolder(initial))
}

/** How the numbers of a run are stored: the weights below adapters as in their file, met by f32 so that derivatives are exact. */
export function trainedFormats({ adapter }: Recipe, base: WeightsFile | undefined): NumberFormats {
  return adapter === undefined || base === undefined ? {} : { ...formatsOf(base, true), adapter }
}

/**
 * Puts the weights into the store that a run begins with.
 *
 * @param base what adapters are trained on
 * @throws PocketPhiError as `restoreTensors` and `fillParameters`; `invalid-config` for adapters to go on from that are others
 */
export async function beginWeights(
  recipe: Recipe,
  model: Model,
  device: Device,
  { parameters, frozen }: TrainingPrograms,
  base: WeightsFile | undefined,
): Promise<void> {
  const { initial, seed, adapter } = recipe
  const { isUnused, shape } = model
  const all = [...parameters, ...frozen]
  if (adapter === undefined || base === undefined) {
    if (initial === undefined) initializeWeights(device, all, shape.layers, seed)
    else await restoreTensors(initial, device, all, { isUnused })
    return
  }
  checkTensors(base, frozen, isUnused)
  await fillParameters(device, base, { parameters: frozen, buffers: new Map() })
  if (adapter.initial === undefined) return initializeAdapters(device, parameters, seed)
  const { rank, scale } = await readAdapterConfig(localFolder(adapter.initial))
  if (rank !== adapter.rank || scale !== adapter.alpha / adapter.rank) {
    throw new PocketPhiError(
      'invalid-config',
      `The adapters in "${adapter.initial}" are others than the recipe asks for.`,
      {
        expected: `rank ${adapter.rank} and alpha ${adapter.alpha}`,
        found: `rank ${rank} and alpha ${scale * rank}`,
        remedy: 'Correct "adapter".',
      },
    )
  }
  await restoreTensors(adapter.initial, device, parameters, { file: adapterWeightsFile })
}

/** Names what adapters are trained on, so that a resumed run notices another model; undefined without adapters. */
export async function baseFingerprint(
  { adapter }: Recipe,
  device: Device,
  { frozen }: TrainingPrograms,
): Promise<string | undefined> {
  if (adapter === undefined) return undefined
  return await tensorsFingerprint(
    device,
    frozen.map(({ name }) => name),
  )
}
