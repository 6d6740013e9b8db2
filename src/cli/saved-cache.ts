/** Files of a cache, which commands that answer save and open. */
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Command } from 'commander'
import { PocketPhiError } from '../base/errors.ts'
import { formatName, type WriteChunks } from '../engine/cache-file.ts'
import type { PhiModel } from '../engine/phi-model.ts'
import { writeFileAtomic } from '../formats/atomic.ts'
import { fileSource, type ByteSource } from '../formats/source.ts'
import { UsageError } from './errors.ts'
import { readFailure } from './files.ts'
import { given } from './options.ts'
import type { PictureCommandOptions } from './pictures.ts'

export interface SavedCacheOptions {
  readonly openCache?: string
  readonly saveCache?: string
}

/** Adds `--save-cache` and `--open-cache`, for what `text` names, which is saved when `when` says. */
export function addSavedCacheOptions(command: Command, text: string, when: string): Command {
  return command
    .option('--save-cache <file>', `${when}, keep what was computed of the ${text} in this file`)
    .option(
      '--open-cache <file>',
      `take the beginning of the ${text} from a file of --save-cache instead of computing it`,
    )
}

/**
 * Looks before anything is computed whether a cache can be saved where it is to be.
 *
 * @throws UsageError for pictures, which such a file has no place for; PocketPhiError `invalid-argument` for a place where something else is, `not-found` for a
 * folder that is not there
 */
export async function checkSavedCache({ image, saveCache }: SavedCacheOptions & PictureCommandOptions): Promise<void> {
  if (saveCache === undefined) return
  if (image !== undefined) throw new UsageError('--save-cache keeps text alone; leave it or --image out.')
  const folder = await stat(dirname(saveCache)).catch(() => undefined)
  if (folder?.isDirectory() !== true) {
    throw new PocketPhiError('not-found', `There is no folder for "${saveCache}".`, {
      remedy: 'Make it, or name another.',
    })
  }
  const there = await stat(saveCache).catch(() => undefined)
  if (there === undefined || (there.isFile() && (await isSavedCache(saveCache)))) return
  throw new PocketPhiError('invalid-argument', `"${saveCache}" is no cache file of phi, and would be written over.`, {
    remedy: 'Name another file.',
  })
}

/** Whether a file says of itself that it is a cache. */
async function isSavedCache(path: string): Promise<boolean> {
  const source = await fileSource(path)
  try {
    if (!(await beginsAsCache(source))) return false
    const start = await source.read(0, Math.min(source.size, 1 << 16))
    return new TextDecoder().decode(start).includes(`"format":"${formatName}"`)
  } finally {
    await source.close()
  }
}

/** @throws PocketPhiError as `PhiModel.openCache`; `not-found` */
export async function openSavedCache(
  model: PhiModel,
  { openCache }: SavedCacheOptions,
  signal?: AbortSignal,
): Promise<void> {
  if (openCache !== undefined) await model.openCache(await savedCache(openCache), given({ signal }))
}

/** The bytes before the JSON of a safetensors file, which say how long it is. */
const lengthBytes = 8

/**
 * Opens a file that --save-cache wrote, as far as its beginning tells; what is in it is for the engine to judge.
 *
 * @throws PocketPhiError `not-found`; `invalid-file` for a file of another kind
 */
export async function savedCache(path: string): Promise<ByteSource> {
  const source = await fileSource(path).catch((error: unknown) => {
    throw readFailure(path, 'saved cache', error instanceof PocketPhiError ? (error.cause ?? error.message) : error)
  })
  if (await beginsAsCache(source)) return source
  await source.close()
  throw new PocketPhiError('invalid-file', `"${path}" is no cache file of phi.`, {
    expected: 'a file that --save-cache wrote',
    found: 'another kind of file',
  })
}

/** Whether a file announces JSON, and has it. */
async function beginsAsCache(source: ByteSource): Promise<boolean> {
  if (source.size <= lengthBytes) return false
  const start = await source.read(0, lengthBytes + 1)
  const length = Number(new DataView(start.buffer, start.byteOffset).getBigUint64(0, true))
  return start[lengthBytes] === '{'.charCodeAt(0) && length <= source.size - lengthBytes
}

/** Writes the file of `--save-cache`, if it was asked for. @param save `PhiModel.saveCache` or `Chat.saveCache` */
export async function writeSavedCache(
  { saveCache }: SavedCacheOptions,
  save: (write: WriteChunks) => Promise<void>,
): Promise<void> {
  if (saveCache !== undefined) await save((chunks) => writeFileAtomic(saveCache, chunks))
}
