/** The entry of a worker thread: takes its share of the plan once, then walks segments until it is told to quit. */
import { nodeModule } from '../../base/platform.ts'
import { Walker, type Control } from './control.ts'
import type { ThreadTimes } from './timed.ts'
import { callsOf, type Score } from './runner.ts'

/** What the caller sends a worker at the start. */
export interface WorkerStart extends Score {
  readonly module: WebAssembly.Module
  readonly memories: readonly WebAssembly.Memory[]
  readonly control: Control
  readonly thread: number
  /** Where it notes times, if it is to be profiled. */
  readonly times: ThreadTimes | undefined
}

/** What a worker says: once when it can walk, and when a kernel has thrown. */
export type WorkerReport =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly message: string; readonly stack: string }

interface Port {
  send(report: WorkerReport): void
  onStart(listener: (start: WorkerStart) => void): void
  close(): void
}

function openPort(): Port {
  const port = nodeModule('node:worker_threads')?.parentPort
  if (port !== null && port !== undefined) {
    return {
      send: (report) => port.postMessage(report),
      onStart: (listener) => port.once('message', listener),
      close: () => port.close(),
    }
  }
  const scope = globalThis as unknown as {
    postMessage(message: unknown): void
    addEventListener(kind: 'message', listener: (event: MessageEvent) => void): void
    close(): void
  }
  return {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    send: (report) => scope.postMessage(report),
    onStart: (listener) => scope.addEventListener('message', ({ data }) => listener(data as WorkerStart)),
    close: () => scope.close(),
  }
}

const port = openPort()

function failed(error: unknown): void {
  const { message, stack = '' } = error instanceof Error ? error : new Error(String(error))
  port.send({ kind: 'failed', message, stack })
}

port.onStart(({ module, memories, control, thread, times, ...score }) => {
  try {
    const walker = new Walker(control, callsOf(module, memories, score, times), score.plans, thread, failed)
    port.send({ kind: 'ready' })
    walker.serve()
  } catch (error) {
    failed(error)
  }
  port.close()
})
