/**
 * A lock between processes that the system itself releases when its owner dies, however it dies. Node has no `flock`; what it
 * has is SQLite, which locks its files with the means of each platform. The database stays empty: only its lock is used.
 */
import { DatabaseSync } from 'node:sqlite'
import { PocketPhiError } from '../../base/errors.ts'
import { wait, type Clock } from '../../base/clock.ts'

export interface LockOptions {
  readonly clock: Clock
  readonly signal?: AbortSignal | undefined
  /** Called once when another has the lock. */
  readonly onBusy?: () => void
}

const pollMilliseconds = 200
/** SQLITE_BUSY and SQLITE_LOCKED. */
const heldByAnother = [5, 6]

/**
 * Waits for a lock and runs an action while it is held.
 *
 * @param path of a file that exists only for the lock and stays: to remove it would let two in
 * @throws PocketPhiError `not-supported` on a file system without locks, `aborted`; what the action throws
 */
export async function withLock<T>(
  path: string,
  { clock, signal, onBusy }: LockOptions,
  action: () => Promise<T>,
): Promise<T> {
  let held = tryLock(path)
  if (held === undefined) onBusy?.()
  while (held === undefined) {
    await wait(clock, pollMilliseconds, signal)
    held = tryLock(path)
  }
  try {
    return await action()
  } finally {
    held.close()
  }
}

/** Takes all of these locks at once, or none of them: undefined where another has one. @throws PocketPhiError as `withLock` */
export function tryLocks(paths: readonly string[]): Disposable | undefined {
  const held: DatabaseSync[] = []
  const release = (): void => {
    for (const one of held) one.close()
  }
  try {
    for (const path of paths) {
      const lock = tryLock(path)
      if (lock === undefined) {
        release()
        return undefined
      }
      held.push(lock)
    }
  } catch (error) {
    release()
    throw error
  }
  return { [Symbol.dispose]: release }
}

/** @returns the connection that holds the lock until it is closed, or undefined when another has it */
function tryLock(path: string): DatabaseSync | undefined {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path, { timeout: 0 })
    // Without a journal beside the file, which a killed owner would leave.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return database
  } catch (cause) {
    database?.close()
    const code = cause instanceof Error && 'errcode' in cause && typeof cause.errcode === 'number' ? cause.errcode : 0
    if (heldByAnother.includes(code & 0xff)) return undefined
    throw new PocketPhiError('not-supported', `The file "${path}" cannot be locked.`, {
      found: cause instanceof Error ? cause.message : String(cause),
      remedy: 'Check that the folder is writable; where its file system has no locks, set HF_HUB_CACHE to another one.',
      cause,
    })
  }
}
