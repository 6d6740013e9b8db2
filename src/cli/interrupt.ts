/** Ctrl-C in commands that can end well: the first asks them to, the second ends the program. */
import { exitCodes } from './errors.ts'

/** npm passes on a Ctrl-C that the terminal has sent already; what follows this soon is the same key. */
export const sameKeyMilliseconds = 300

/** Runs work with a signal that fires on Ctrl-C (SIGINT) or SIGTERM. */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
  onInterrupt: () => void = () => {},
): Promise<T> {
  const controller = new AbortController()
  let stoppedAt = -Infinity
  const stop = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) {
      if (name === 'SIGINT' && performance.now() - stoppedAt < sameKeyMilliseconds) return
      process.exit(exitCodes.interrupted)
    }
    stoppedAt = performance.now()
    onInterrupt()
    controller.abort()
  }
  const signals = ['SIGINT', 'SIGTERM'] as const
  for (const name of signals) process.on(name, stop)
  try {
    return await work(controller.signal)
  } finally {
    for (const name of signals) process.off(name, stop)
  }
}
