import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { PocketPhiError } from '../base/errors.ts'
import type { Device } from '../backends/backend.ts'
import { removeFolderAtomic, writeFolderAtomic, type AtomicOptions } from '../formats/atomic.ts'
import { writeSafetensors } from '../formats/safetensors-writer.ts'
import { localFolder } from '../formats/tree.ts'
import type { ParameterSpec } from '../models/trace.ts'
import { filesIn, modelFileNames, type ModelFiles } from './model-files.ts'
import type { SavedWeights } from './starting-weights.ts'
import { stateNames } from './step/programs.ts'
import { restoreTensors, weightEntries } from './step/weights.ts'

const stateSchema = z.strictObject({
  /** Updates done. */
  step: z.int().min(0),
  /** The first example that was not used. */
  nextExample: z.int().min(0),
  /** A fingerprint of the examples from there on (`fingerprint`): has the data stayed what it was? */
  nextExamples: z.string(),
  /** Tokens seen, and those of them that were predicted. */
  tokens: z.int().min(0),
  learnedTokens: z.int().min(0),
  /** The recipe as it was; a changed one is refused. */
  recipe: z.record(z.string(), z.json()),
  /** A fingerprint of the model that adapters are trained on, which a checkpoint does not hold. */
  base: z.string().optional(),
})

/** Where a run stands; with the tensors, all that a resumed run needs to continue with the same bits. */
export type RunState = Readonly<z.infer<typeof stateSchema>>

const stateFile = 'state.json'
const optimizerFile = 'optimizer.safetensors'

function stepOf(checkpoint: string): number {
  return Number(basename(checkpoint).slice('step-'.length))
}

/** The finished checkpoints of a run, oldest first. */
export async function listCheckpoints(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  return names
    .filter((name) => /^step-\d{7,}$/.test(name))
    .toSorted((left, right) => stepOf(left) - stepOf(right))
    .map((name) => join(folder, name))
}

/** The optimiser's moments, by the names of their states. */
function moments(parameters: readonly ParameterSpec[]): ParameterSpec[] {
  return parameters.flatMap((parameter) => {
    const { first, second } = stateNames(parameter.name)
    return [
      { ...parameter, name: first },
      { ...parameter, name: second },
    ]
  })
}

/** What a checkpoint is made of. */
export interface CheckpointParts {
  readonly device: Device
  readonly parameters: readonly ParameterSpec[]
  readonly saved: SavedWeights
  readonly files: ModelFiles
  readonly state: RunState
}

/**
 * Saves weights, optimiser and position as one folder that is there whole or not at all, then removes the oldest beyond
 * `keep`. The folder is a model as well, or one's adapters: it can be loaded while the run goes on.
 *
 * @throws PocketPhiError `invalid-argument` when that step was saved already, `out-of-memory` for a full disk; the
 * checkpoints before it stay
 */
export async function saveCheckpoint(
  folder: string,
  keep: number,
  { device, parameters, saved, files, state }: CheckpointParts,
  options: AtomicOptions,
): Promise<void> {
  const target = join(folder, `step-${String(state.step).padStart(7, '0')}`)
  if ((await listCheckpoints(folder)).includes(target)) {
    throw new PocketPhiError('invalid-argument', `The checkpoint "${target}" exists already.`, {
      remedy: 'Another process seems to run this training in the same folder; end one of them and resume.',
    })
  }
  await writeFolderAtomic(
    target,
    async (into) => {
      for (const [name, text] of Object.entries(files)) await into.writeFile(name, text)
      const weights = await weightEntries(device, saved.tensors, 'F32')
      await into.writeFile(saved.file, writeSafetensors(weights))
      const optimizer = await weightEntries(device, moments(parameters), 'F32')
      await into.writeFile(optimizerFile, writeSafetensors(optimizer))
      // Parsed, so that the order of the fields is that of the schema.
      await into.writeFile(stateFile, `${JSON.stringify(stateSchema.parse(state), undefined, 2)}\n`)
    },
    options,
  )
  await pruneCheckpoints(folder, keep, options)
}

/** Removes all but the newest checkpoints. */
export async function pruneCheckpoints(folder: string, keep: number, options: AtomicOptions): Promise<void> {
  const checkpoints = await listCheckpoints(folder)
  for (const old of checkpoints.slice(0, Math.max(0, checkpoints.length - keep))) await removeFolderAtomic(old, options)
}

/** Runs with what went wrong in a checkpoint named as damage of that checkpoint. */
async function reading<T>(checkpoint: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (cause) {
    throw new PocketPhiError('invalid-file', `The checkpoint "${checkpoint}" cannot be read.`, {
      found: cause instanceof Error ? cause.message : String(cause),
      remedy: 'Remove that folder to continue from the checkpoint before it.',
      cause,
    })
  }
}

/** The recipe that a checkpoint was made by; undefined for one of another program. @throws PocketPhiError `invalid-file` when it is damaged */
export async function recordedRecipe(checkpoint: string): Promise<RunState['recipe'] | undefined> {
  return (await readdir(checkpoint)).includes(stateFile) ? (await stateOf(checkpoint)).recipe : undefined
}

async function stateOf(checkpoint: string): Promise<RunState> {
  return await reading(checkpoint, async () =>
    stateSchema.parse(JSON.parse(await readFile(join(checkpoint, stateFile), 'utf8'))),
  )
}

/**
 * Where the run of this checkpoint stood.
 *
 * @throws PocketPhiError `invalid-config` when it was made by another recipe, `invalid-file` when it is damaged
 */
export async function readState(checkpoint: string, recipe: unknown): Promise<RunState> {
  const state = await stateOf(checkpoint)
  const changed = differences(state.recipe, JSON.parse(JSON.stringify(recipe)))
  if (changed.length === 0) return state
  throw new PocketPhiError('invalid-config', `The checkpoint "${checkpoint}" was made by another recipe.`, {
    found: `changes in ${changed.join('; ')}`,
    remedy:
      'Restore the recipe that it was made by. To train on with a changed one, give that recipe another folder and ' +
      `"initial: ${checkpoint}".`,
  })
}

/** The fields in which two trees of JSON differ, each with its two values. */
export function differences(then: unknown, now: unknown, path = ''): string[] {
  if (isDeepStrictEqual(then, now)) return []
  const isTree = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
  if (!isTree(then) || !isTree(now) || Array.isArray(then) !== Array.isArray(now)) {
    const show = (value: unknown): string => JSON.stringify(value) ?? 'nothing'
    return [`${path} (${show(then)} then, ${show(now)} now)`]
  }
  const keys = new Set([...Object.keys(then), ...Object.keys(now)])
  return [...keys].flatMap((key) => differences(then[key], now[key], path === '' ? key : `${path}.${key}`))
}

/** The texts that make the checkpoint a model: configuration and tokenizer, as the run had them. */
export async function readModelFiles(checkpoint: string): Promise<ModelFiles> {
  return await reading(checkpoint, async () => await filesIn(localFolder(checkpoint), modelFileNames))
}

/** Puts the weights and the optimiser's moments of a checkpoint back into the store. */
export async function restoreCheckpoint(
  checkpoint: string,
  device: Device,
  parameters: readonly ParameterSpec[],
  saved: SavedWeights,
): Promise<void> {
  await reading(checkpoint, async () => {
    await restoreTensors(checkpoint, device, saved.tensors, { file: saved.file })
    await restoreTensors(checkpoint, device, moments(parameters), { file: optimizerFile })
  })
}
