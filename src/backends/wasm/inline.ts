import { PocketPhiError, present } from '../../base/errors.ts'
import type { Layout } from './layout.ts'
import { kernelsOf, scoreOf, type Runner } from './runner.ts'

/** Lets timers, events and rendering have their turn. */
function yieldToEvents(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.addEventListener('message', () => {
      port1.close()
      resolve()
    })
    port1.start()
    port2.postMessage(0)
  })
}

/** Runs in the caller's thread, for where there are no others; between segments the event loop has its turn. */
export function inlineRunner(module: WebAssembly.Module, memory: WebAssembly.Memory, layout: Layout): Runner {
  const { kernels: names, plans } = scoreOf(layout)
  const kernels = kernelsOf(new WebAssembly.Instance(module, { env: { memory } }), names)
  let failure: PocketPhiError | undefined
  return {
    begin() {},
    end() {},
    async run(program, from, to) {
      if (failure !== undefined) throw failure
      const plan = present(plans[program], 'program')
      try {
        for (let step = from; step < to; step++) {
          present(kernels[plan.kernels[step] as number], 'kernel')(plan.blocks[step] as number, 0, 1)
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
