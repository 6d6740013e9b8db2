/** Files of a cache, which commands that answer save and open. */
import type { Command } from 'commander'
import type { WriteChunks } from '../engine/cache-file.ts'
import type { PhiModel } from '../engine/phi-model.ts'
import { writeFileAtomic } from '../formats/atomic.ts'
import { fileSource } from '../formats/source.ts'
import { UsageError } from './errors.ts'
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

/** @throws UsageError for pictures, which such a file has no place for */
export function checkSavedCache({ image, saveCache }: SavedCacheOptions & PictureCommandOptions): void {
  if (image !== undefined && saveCache !== undefined) {
    throw new UsageError('--save-cache keeps text alone; leave it or --image out.')
  }
}

/** @throws PocketPhiError as `PhiModel.openCache`; `not-found` */
export async function openSavedCache(
  model: PhiModel,
  { openCache }: SavedCacheOptions,
  signal?: AbortSignal,
): Promise<void> {
  if (openCache !== undefined) await model.openCache(await fileSource(openCache), given({ signal }))
}

/** Writes the file of `--save-cache`, if it was asked for. @param save `PhiModel.saveCache` or `Chat.saveCache` */
export async function writeSavedCache(
  { saveCache }: SavedCacheOptions,
  save: (write: WriteChunks) => Promise<void>,
): Promise<void> {
  if (saveCache !== undefined) await save((chunks) => writeFileAtomic(saveCache, chunks))
}
