/** Ctrl-C in commands that can end well: the first asks them to, the second ends the program. */
import { exitCodes } from './errors.ts'

/** Runs work with a signal that fires on Ctrl-C (SIGINT) or SIGTERM. */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
  onInterrupt: () => void = () => {},
): Promise<T> {
  const controller = new AbortController()
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted)
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
