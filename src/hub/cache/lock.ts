/** Locks between processes, waited for or taken together. */
import { tryLock, type FileLock } from '../../base/file-lock.ts'
import { wait, type Clock } from '../../base/clock.ts'

export interface LockOptions {
  readonly clock: Clock
  readonly signal?: AbortSignal | undefined
  /** Called once when another has the lock. */
  readonly onBusy?: () => void
}

const pollMilliseconds = 200
const otherPlace = 'where its file system has no locks, set HF_HUB_CACHE to another one.'

/**
 * Waits for a lock and runs an action while it is held.
 *
 * @param path of a file that exists only for the lock and stays: to remove it would let two in
 * @throws PocketPhiError `not-supported` on a file system without locks, `aborted`; what the action throws
 */
export async function withLock<T>(
  path: string,
  { clock, signal, onBusy }: LockOptions,
  action: () => T | Promise<T>,
): Promise<T> {
  let held = tryLock(path, otherPlace)
  if (held === undefined) onBusy?.()
  while (held === undefined) {
    await wait(clock, pollMilliseconds, signal)
    held = tryLock(path, otherPlace)
  }
  try {
    return await action()
  } finally {
    held.close()
  }
}

/** Takes the first lock that is free of a row without an end. @throws PocketPhiError `not-supported` as `withLock` */
export function takeFree(pathOf: (number: number) => string): Disposable {
  for (let number = 0; ; number++) {
    const held = tryLock(pathOf(number), otherPlace)
    if (held !== undefined) return { [Symbol.dispose]: () => held.close() }
  }
}

/**
 * Takes all of these locks at once, or none of them: undefined where another has one.
 *
 * @param withoutLocks what to do where the file system has no locks
 * @throws PocketPhiError as `withLock`
 */
export function tryLocks(paths: readonly string[], withoutLocks: string): Disposable | undefined {
  const held: FileLock[] = []
  const release = (): void => {
    for (const one of held) one.close()
  }
  try {
    for (const path of paths) {
      const lock = tryLock(path, withoutLocks)
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
