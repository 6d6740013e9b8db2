/**
 * A lock between processes that the system itself releases when its owner dies, however it dies. Node has no `flock`; what it
 * has is SQLite, which locks its files with the means of each platform. The database stays empty: only its lock is used.
 */
import { PocketPhiError } from './errors.ts'
import { nodeModule } from './platform.ts'

/** A lock that is held until it is closed. */
export interface FileLock {
  close(): void
}

/** SQLITE_BUSY, which is also what SQLite makes of ENOLCK (network file systems without locks), and SQLITE_LOCKED. */
const heldByAnother = [5, 6]

/** Files whose neighbours could be locked. */
const amongLocks = new Set<string>()

/**
 * Takes a lock if it is free.
 *
 * @param path of a file that exists only for the lock and stays: to remove it would let two in
 * @param otherPlace what to do where the file system has no locks
 * @returns undefined when another has it, in this process or in any other
 * @throws PocketPhiError `not-supported` on a file system without locks, and outside Node
 */
export function tryLock(path: string, otherPlace: string): FileLock | undefined {
  const lock = lockIfFree(path, otherPlace)
  if (lock !== undefined || amongLocks.has(path)) return lock
  // Without this, who waits for the other would wait for ever.
  if (isLockRefused(path)) throw cannotLock(path, 'a file system without locks', otherPlace)
  amongLocks.add(path)
  return undefined
}

/** Whether even a file beside this one that nobody else knows counts as locked. */
function isLockRefused(path: string): boolean {
  const probe = `${path}.probe-${crypto.randomUUID()}`
  try {
    const lock = lockIfFree(probe, '')
    lock?.close()
    return lock === undefined
  } catch {
    // No new file may be made here, which says nothing of locks.
    return false
  } finally {
    nodeModule('node:fs')?.rmSync(probe, { force: true })
  }
}

function lockIfFree(path: string, otherPlace: string): FileLock | undefined {
  const sqlite = nodeModule('node:sqlite')
  if (sqlite === undefined) throw new PocketPhiError('not-supported', 'Files can only be locked in Node.')
  let database: InstanceType<typeof sqlite.DatabaseSync> | undefined
  try {
    database = new sqlite.DatabaseSync(path, { timeout: 0 })
    // Without a journal beside the file, which a killed owner would leave.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return database
  } catch (cause) {
    database?.close()
    const code = cause instanceof Error && 'errcode' in cause && typeof cause.errcode === 'number' ? cause.errcode : 0
    if (heldByAnother.includes(code & 0xff)) return undefined
    throw cannotLock(path, cause instanceof Error ? cause.message : String(cause), otherPlace, cause)
  }
}

function cannotLock(path: string, found: string, otherPlace: string, cause?: unknown): PocketPhiError {
  const remedy = `Check that the folder is writable; ${otherPlace}`
  return new PocketPhiError('not-supported', `The file "${path}" cannot be locked.`, { found, remedy, cause })
}
