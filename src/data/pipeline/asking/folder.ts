/** The folder in which answers are kept, and what is made of them. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { PocketPhiError } from '../../../base/errors.ts'
import { cleanTemporaries, systemError } from '../../../formats/atomic.ts'
import type { JsonObject } from '../../../formats/json.ts'
import { lockFolder } from '../folder-lock.ts'
import { openJournal, type Journal } from './journal.ts'

/** What is done with a folder while nobody else has it. */
export interface FolderWork<Result> {
  /** Asks about everything whose answers are not there yet. */
  readonly ask: () => Promise<void>
  /** Writes what there is by then. */
  readonly write: () => Promise<Result>
}

export interface FolderWorkOptions {
  /** In the words of the error: "The annotation". */
  readonly name: string
  /** Whether an entry of the journal holds what is taken from answers. */
  readonly isValue: (fields: JsonObject) => boolean
  readonly signal?: AbortSignal | undefined
}

/**
 * Asks, and writes what there is, however that ends.
 *
 * @throws PocketPhiError `aborted`; `invalid-argument` where another run has the folder; what `ask` and `write` throw
 */
export async function askInFolder<Value extends object, Result>(
  folder: string,
  { name, isValue, signal }: FolderWorkOptions,
  begin: (journal: Journal<Value>) => FolderWork<Result>,
): Promise<Result> {
  await makeFolder(folder)
  const lock = await lockFolder(folder)
  try {
    const journal = await openJournal<Value>(join(folder, 'answers.jsonl'), isValue)
    try {
      const { ask, write } = begin(journal)
      let result: Result
      try {
        await ask()
      } catch (error) {
        throw signal?.aborted === true ? stopped(name, folder) : error
      } finally {
        result = await write()
      }
      if (signal?.aborted === true) throw stopped(name, folder)
      return result
    } finally {
      await journal.close()
    }
  } finally {
    lock.close()
  }
}

function stopped(name: string, folder: string): PocketPhiError {
  return new PocketPhiError('aborted', `${name} was stopped.`, {
    remedy: `What was answered so far is in "${folder}"; the same command goes on from there.`,
  })
}

/** @throws PocketPhiError of the system, where the folder cannot be made */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true })
    await cleanTemporaries(folder)
  } catch (error) {
    throw systemError(folder, error)
  }
}
