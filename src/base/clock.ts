/** Time as whoever waits for a server sees it, so that tests need not wait. */
import { PocketPhiError } from './errors.ts'

/** Time, so that tests need not wait for it. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** Calls back after so many milliseconds, unless the function that it returns is called first. */
  after(milliseconds: number, call: () => void): () => void
}

/** The clock of the platform. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(milliseconds, call) {
    const timer = setTimeout(call, milliseconds)
    return () => clearTimeout(timer)
  },
}

/** @throws PocketPhiError `aborted` */
export async function wait(clock: Clock, milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const stop = (): void => {
      cancel()
      reject(new PocketPhiError('aborted', 'The operation was aborted.', { cause: signal?.reason }))
    }
    const cancel = clock.after(milliseconds, () => {
      signal?.removeEventListener('abort', stop)
      resolve()
    })
    signal?.addEventListener('abort', stop, { once: true })
    if (signal?.aborted === true) stop()
  })
}
