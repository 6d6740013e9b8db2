/** Web workers for libraries that are written for browsers, on the threads of Node: enough for a script behind a blob URL. */
import { resolveObjectURL } from 'node:buffer'
import { Worker as NodeWorker } from 'node:worker_threads'

const scope = `
  const { parentPort } = require('node:worker_threads')
  globalThis.self = globalThis
  globalThis.postMessage = (message) => parentPort.postMessage(message)
  parentPort.on('message', (data) => globalThis.onmessage({ data }))
`

class WebWorker {
  onmessage: ((event: { data: unknown }) => void) | undefined
  onerror: ((event: { message: string }) => void) | undefined
  readonly #thread: Promise<NodeWorker>

  constructor(url: string) {
    this.#thread = this.#start(url)
  }

  async #start(url: string): Promise<NodeWorker> {
    const source = await resolveObjectURL(url)?.text()
    const thread = new NodeWorker(`${scope}${source}`, { eval: true, execArgv: [] })
    thread.on('message', (data: unknown) => this.onmessage?.({ data }))
    thread.on('error', (error) => this.onerror?.({ message: String(error) }))
    return thread
  }

  postMessage(message: unknown): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    void this.#thread.then((thread) => thread.postMessage(message))
  }
}

/** Gives this process `Worker`, and says how many it should start. To be called before the library is loaded. */
export function provideWebWorkers(threads: number): void {
  Object.assign(globalThis, { Worker: WebWorker })
  Object.defineProperty(navigator, 'hardwareConcurrency', { value: threads, configurable: true })
}
