/** A task that computes nothing: what remains is what the queue takes. */
import { setTimeout as pause } from 'node:timers/promises'

/** @param milliseconds that it waits; with 0 it is done at once */
export async function runTask(milliseconds: number): Promise<null> {
  if (milliseconds > 0) await pause(milliseconds)
  return null
}
