/** Keeps a second process out of a folder that one is writing. */
import { hostname } from 'node:os'
import { join } from 'node:path'
import { PocketPhiError } from '../../base/errors.ts'
import { tryLock, type FileLock } from '../../base/file-lock.ts'
import { readJsonIfThere, writeJson } from './files.ts'

/** Who has a folder, or had it last. */
interface Owner {
  readonly process: number
  readonly machine: string
  /** ISO 8601. */
  readonly since: string
}

const lockFile = (folder: string): string => join(folder, 'lock')
const ownerFile = (folder: string): string => join(folder, 'lock.json')

/**
 * Locks a folder until the lock is closed or its process ends, however it ends. Some file systems that machines share have no locks: there nothing
 * keeps others out.
 *
 * @param folder that is there
 * @throws PocketPhiError `invalid-argument` where it is locked, naming the process
 */
export async function lockFolder(folder: string): Promise<FileLock> {
  const lock = lockIfThereAreAny(folder)
  if (lock === undefined) {
    const owner = await readJsonIfThere<Owner>(ownerFile(folder))
    throw new PocketPhiError('invalid-argument', `Another process is writing in "${folder}".`, {
      expected: 'one at a time',
      ...(owner !== undefined && { found: `process ${owner.process} on ${owner.machine}, since ${owner.since}` }),
      remedy: 'Let it end or end it, or name another folder.',
    })
  }
  try {
    const since = new Date().toISOString()
    await writeJson(ownerFile(folder), { process: process.pid, machine: hostname(), since } satisfies Owner)
    return lock
  } catch (error) {
    lock.close()
    throw error
  }
}

function lockIfThereAreAny(folder: string): FileLock | undefined {
  try {
    return tryLock(lockFile(folder), 'name a folder on a disk of this machine.')
  } catch (error) {
    if (error instanceof PocketPhiError && error.code === 'not-supported') return { close() {} }
    throw error
  }
}
