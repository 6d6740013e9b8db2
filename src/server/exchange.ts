import type { CompletionUsage } from '../openai/types.ts'
import type { RequestRecord } from './figures.ts'

/** nginx's: the client closed the connection before there was an answer. */
const clientGone = 499

/** A request and what becomes of it, until all is sent. */
export class Exchange {
  key: number | undefined
  error: string | undefined
  usage: CompletionUsage | undefined
  readonly #time = new Date()
  readonly #start = performance.now()
  readonly #method: string
  readonly #path: string
  readonly #onEnd: (record: RequestRecord) => void
  #first: number | undefined
  #isStreaming = false
  #isGone = false
  #status = 0

  /** @param path one of the server's; what strangers try is not told, so that they cannot fill the figures */
  constructor(method: string, path = 'other', onEnd: (record: RequestRecord) => void) {
    this.#method = method
    this.#path = path
    this.#onEnd = onEnd
  }

  /** What follows is sent piece by piece; `sent` ends it. */
  streams(): void {
    this.#isStreaming = true
    this.#first = this.#seconds()
  }

  /** The client went away. */
  leave(): void {
    this.#isGone = true
  }

  /** The head of the response is known. */
  responded(status: number): void {
    this.#status = status
    if (!this.#isStreaming) this.sent()
  }

  /** All is sent. */
  sent(): void {
    const { key, error, usage } = this
    this.#onEnd({
      time: this.#time.toISOString(),
      method: this.#method,
      path: this.#path,
      status: this.#isGone ? clientGone : this.#status,
      ...(error === undefined ? {} : { error }),
      ...(key === undefined ? {} : { key }),
      seconds: this.#seconds(),
      ...(this.#first === undefined ? {} : { firstSeconds: this.#first }),
      ...(usage === undefined ? {} : { usage }),
    })
  }

  #seconds(): number {
    return Math.round(performance.now() - this.#start) / 1000
  }
}
