/**
 * A process that pulls and may be killed at a moment that the test names. It prints `moment` there, and goes on, or waits for
 * its death, as the test says; at the latest it waits before the last step.
 *
 *     node pull-child-harness.ts ENDPOINT CACHE MOMENT holds|goes-on
 *
 * MOMENT: so many bytes of the weights, or what is about to be done: `rename blobs/`.
 */
import { setTimeout } from 'node:timers/promises'
import type { FaultInjector } from '../../formats/atomic.ts'
import { weights } from './pull-harness.ts'
import { pull } from './pull.ts'

const [endpoint = '', cache = '', moment = '', manner = ''] = process.argv.slice(2)

let reached = false

async function reach(hold: boolean): Promise<void> {
  if (!reached) process.stdout.write('moment\n')
  reached = true
  // Longer than any test; its death comes first.
  if (hold) await setTimeout(600_000)
}

const bytes = /^\d+$/.test(moment) ? Number(moment) : Infinity
let ofWeights = -1

const faults: FaultInjector = {
  async before(operation, path) {
    const place = `${operation} ${path.replaceAll('\\', '/').slice(cache.length)}`
    if (ofWeights >= bytes || (bytes === Infinity && place.includes(moment))) await reach(manner === 'holds')
    if (operation === 'rename' && place.includes('/refs/')) await reach(moment !== 'never')
  },
}

const environment = { endpoint, cache, token: undefined, offline: false, stallSeconds: 60 }
await pull('org/model', environment, {
  faults,
  onProgress: ({ stage, done, total }) => {
    if (stage === weights) ofWeights = done - (total - size())
  },
})

/** The weights come last, so that what is missing of all is missing of them. */
function size(): number {
  return Number(process.env['WEIGHT_BYTES'])
}
