import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { PocketPhiError } from '../base/errors.ts'
import type { Device } from '../backends/backend.ts'
import { writeFolderAtomic, type AtomicOptions } from '../formats/atomic.ts'
import { floatEntry, writeSafetensors } from '../formats/safetensors-writer.ts'
import { openSafetensors } from '../formats/safetensors.ts'
import { localFolder } from '../formats/tree.ts'
import type { ParameterSpec } from '../models/trace.ts'
import { stateNames } from './programs.ts'

/** Where a run stands; with the tensors, all that a resumed run needs to continue with the same bits. */
export interface RunState {
  /** Updates done. */
  readonly step: number
  /** The first example that was not used. */
  readonly nextExample: number
  /** Tokens seen, and those of them that were predicted. */
  readonly tokens: number
  readonly learnedTokens: number
  /** The recipe as it was; a changed one is refused. */
  readonly recipe: unknown
}

/** Files that make a folder a model, besides the weights. */
export type ModelFiles = Readonly<Record<string, string>>

const stateFile = 'state.json'
const optimizerFile = 'optimizer.safetensors'

function stepFolder(folder: string, step: number): string {
  return join(folder, `step-${String(step).padStart(7, '0')}`)
}

/** The finished checkpoints of a run, oldest first. */
export async function listCheckpoints(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  return names
    .filter((name) => /^step-\d{7,}$/.test(name))
    .toSorted()
    .map((name) => join(folder, name))
}

/** The weights as `model.safetensors`, in the published layout. */
export function weightEntries(device: Device, parameters: readonly ParameterSpec[], dtype: 'F32' | 'BF16') {
  return parameters.map(({ name, shape }) => floatEntry(name, shape, device.read(name), dtype))
}

/**
 * Saves weights, optimiser and position as one folder that is there whole or not at all, then removes the oldest beyond
 * `keep`.
 */
export async function saveCheckpoint(
  folder: string,
  keep: number,
  device: Device,
  parameters: readonly ParameterSpec[],
  state: RunState,
  files: ModelFiles,
  options: AtomicOptions,
): Promise<void> {
  const target = stepFolder(folder, state.step)
  await writeFolderAtomic(
    target,
    async (into) => {
      for (const [name, text] of Object.entries(files)) await into.writeFile(name, text)
      await into.writeFile('model.safetensors', writeSafetensors(weightEntries(device, parameters, 'F32')))
      const moments = parameters.flatMap(({ name, shape }) => {
        const { first, second } = stateNames(name)
        return [floatEntry(first, shape, device.read(first)), floatEntry(second, shape, device.read(second))]
      })
      await into.writeFile(optimizerFile, writeSafetensors(moments))
      await into.writeFile(stateFile, `${JSON.stringify(state, undefined, 2)}\n`)
    },
    { ...options, replace: true },
  )
  const checkpoints = await listCheckpoints(folder)
  for (const old of checkpoints.slice(0, Math.max(0, checkpoints.length - keep))) {
    await options.faults?.before('remove', old)
    await rm(old, { recursive: true })
  }
}

/** Reads every float tensor of a safetensors file into the store. */
async function restore(folder: string, file: string, device: Device, names: readonly string[]): Promise<void> {
  const checkpoint = await openSafetensors(localFolder(folder), file)
  try {
    for (const name of names) device.write(name, await checkpoint.readFloat32(name))
  } finally {
    await checkpoint.close()
  }
}

/** Puts weights into the store from any folder with a checkpoint in the published layout. */
export async function restoreWeights(
  folder: string,
  device: Device,
  parameters: readonly ParameterSpec[],
): Promise<void> {
  await restore(
    folder,
    'model.safetensors',
    device,
    parameters.map(({ name }) => name),
  )
}

/**
 * Puts the newest checkpoint of a run back into the store.
 *
 * @returns undefined when there is none yet
 * @throws PocketPhiError `invalid-config` when it was made by another recipe
 */
export async function resumeCheckpoint(
  folder: string,
  device: Device,
  parameters: readonly ParameterSpec[],
  recipe: unknown,
): Promise<RunState | undefined> {
  const newest = (await listCheckpoints(folder)).at(-1)
  if (newest === undefined) return undefined
  const state = JSON.parse(await readFile(join(newest, stateFile), 'utf8')) as RunState
  if (JSON.stringify(state.recipe) !== JSON.stringify(recipe)) {
    throw new PocketPhiError('invalid-config', `The checkpoint "${newest}" was made by another recipe.`, {
      remedy: 'Restore the recipe that it was made by, or give the changed recipe another name.',
    })
  }
  await restoreWeights(newest, device, parameters)
  const moments = parameters.flatMap(({ name }) => [stateNames(name).first, stateNames(name).second])
  await restore(newest, optimizerFile, device, moments)
  return state
}
