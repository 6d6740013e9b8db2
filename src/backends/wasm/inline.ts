import { PocketPhiError, present } from '../../base/errors.ts'
import { yieldToEvents } from '../events.ts'
import type { Layout } from './layout.ts'
import type { ThreadTimes } from './timed.ts'
import { callsOf, scoreOf, type Runner } from './runner.ts'

/** Milliseconds after which the event loop has its turn. Having it takes some 50 us, a token of a small model 300. */
const longestTurn = 8

/** Runs in the caller's thread, for where there are no others; between segments the event loop has its turn. */
export function inlineRunner(
  module: WebAssembly.Module,
  memories: readonly WebAssembly.Memory[],
  layout: Layout,
  times?: ThreadTimes,
): Runner {
  const score = scoreOf(layout)
  const calls = callsOf(module, memories, score, times)
  let failure: PocketPhiError | undefined
  let lastYield = performance.now()
  return {
    begin() {},
    end() {},
    async run(program, from, to) {
      if (failure !== undefined) throw failure
      const plan = present(score.plans[program], 'program')
      try {
        for (let step = from; step < to; step++) {
          present(calls[plan.kernels[step] as number], 'kernel')(plan.blocks[step] as number, 0, 1)
        }
      } catch (cause) {
        failure = new PocketPhiError('device-lost', 'A kernel failed.', { found: String(cause), cause })
        throw failure
      }
      if (performance.now() - lastYield < longestTurn) return
      await yieldToEvents()
      lastYield = performance.now()
    },
    dispose: () => Promise.resolve(),
  }
}
