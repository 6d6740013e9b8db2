/** A model whose memory is known, for tests of what fits. */
import { PocketPhiError } from '../base/errors.ts'
import type { MemoryPlan } from '../program/plan.ts'

export const mega = 1_000_000

/** 100 MB of weights, and a cache of 10 kB a token in whole pages and one more; more than 2 GB is refused. */
export async function measure(context: number): Promise<MemoryPlan> {
  const states = (Math.ceil(context / 64) + 1) * 64 * 10_000
  const total = 100 * mega + states
  if (total > 2000 * mega) throw new PocketPhiError('out-of-memory', 'Too much.')
  return { parameters: 100 * mega, states, scratch: 0, total, memories: [total] }
}
