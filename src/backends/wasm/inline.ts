import { PocketPhiError, present } from '../../base/errors.ts'
import { yieldToEvents } from '../events.ts'
import type { Layout } from './layout.ts'
import type { ThreadTimes } from './profiler.ts'
import { callsOf, scoreOf, type Runner } from './runner.ts'

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
      await yieldToEvents()
    },
    dispose: () => Promise.resolve(),
  }
}
