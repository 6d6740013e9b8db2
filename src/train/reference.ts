/** What the model that a training by preferences starts from makes of the pairs: computed once, kept on disk. */
import { createHash } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { present, throwIfAborted } from '../base/errors.ts'
import type { OnProgress } from '../base/progress.ts'
import type { Device } from '../backends/backend.ts'
import { cleanTemporaries, systemError, writeFileAtomic, type AtomicOptions } from '../formats/atomic.ts'
import { openSafetensors } from '../formats/safetensors.ts'
import { bytesSource } from '../formats/source.ts'
import { floatEntry, safetensorsBytes } from '../formats/safetensors-writer.ts'
import type { RecipePairs } from './sources.ts'
import { packPairs, type PreferencePair, type ReferenceLogProbabilities } from './step/preferences.ts'

/** Pairs of one file: so few that a run that is stopped loses little. */
const pairsOfFile = 256

const tensorName = 'log_probabilities'

/** How the pairs are given to the model, on which its results depend. */
export interface ReferenceOptions extends AtomicOptions {
  readonly rows: number
  readonly context: number
  readonly ropeBorder: number | undefined
  /** A fingerprint of the model, and of how it computes. */
  readonly model: string
  /** The folder of the files, which any run may share. */
  readonly folder: string
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: OnProgress | undefined
}

/**
 * The log-probabilities of both answers of every pair by the model that the device holds, which has the programs of a training by
 * preferences open. What was computed for the same model and the same pairs is read from the folder instead.
 *
 * @returns those of a pair by its place
 * @throws PocketPhiError `aborted`, `out-of-memory` for a full disk; what was computed until then is kept
 */
export async function referenceLogProbabilities(
  device: Pick<Device, 'run'>,
  pairs: Pick<RecipePairs, 'size' | 'at'>,
  options: ReferenceOptions,
): Promise<(place: number) => ReferenceLogProbabilities> {
  await mkdir(options.folder, { recursive: true }).catch((error: unknown) => {
    throw systemError(options.folder, error)
  })
  await cleanTemporaries(options.folder, options)
  const all = new Float32Array(2 * pairs.size)
  for (let first = 0; first < pairs.size; first += pairsOfFile) {
    throwIfAborted(options.signal)
    const length = Math.min(pairsOfFile, pairs.size - first)
    const some = Array.from({ length }, (_, index) => pairs.at(first + index))
    all.set(await filedLogProbabilities(device, some, options), 2 * first)
    options.onProgress?.({ stage: 'reference', done: first + length, total: pairs.size, unit: 'pairs' })
  }
  return (place) => ({
    chosen: present(all[2 * place], 'log-probability'),
    rejected: present(all[2 * place + 1], 'log-probability'),
  })
}

async function filedLogProbabilities(
  device: Pick<Device, 'run'>,
  pairs: readonly PreferencePair[],
  options: ReferenceOptions,
): Promise<Float32Array> {
  const { model, rows, context, ropeBorder, folder } = options
  const key = createHash('sha256').update(JSON.stringify({ model, rows, context, ropeBorder, pairs })).digest('hex')
  const file = join(folder, `reference-${key.slice(0, 32)}.safetensors`)
  const known = await readValues(file, pairs.length)
  if (known !== undefined) return known
  const values = await computeLogProbabilities(device, pairs, options)
  await writeFileAtomic(file, await safetensorsBytes([floatEntry(tensorName, [pairs.length, 2], values)]), options)
  return values
}

/** What a file holds; undefined where there is none that can be used: it is only a copy of what can be computed. */
async function readValues(file: string, pairs: number): Promise<Float32Array | undefined> {
  try {
    const checkpoint = await openSafetensors(bytesSource(await readFile(file), file))
    const values = await checkpoint.readFloat32(tensorName)
    return values.length === 2 * pairs ? values : undefined
  } catch {
    return undefined
  }
}

async function computeLogProbabilities(
  device: Pick<Device, 'run'>,
  pairs: readonly PreferencePair[],
  { rows, context, ropeBorder, signal }: ReferenceOptions,
): Promise<Float32Array> {
  const nothing = { chosen: 0, rejected: 0 }
  const source = {
    pair: (index: number) => present(pairs[index], 'pair'),
    reference: () => nothing,
    end: pairs.length,
  }
  const values = new Float32Array(2 * pairs.length)
  for (let next = 0; next < pairs.length;) {
    throwIfAborted(signal)
    const batch = packPairs(source, next, rows, context, ropeBorder)
    const { negativeLogLikelihoods } = await device.run('evaluate', batch.inputs)
    const found = present(negativeLogLikelihoods, 'likelihoods').subarray(0, 2 * batch.terms)
    values.set(
      found.map((value) => -value),
      2 * next,
    )
    next = batch.next
  }
  return values
}
