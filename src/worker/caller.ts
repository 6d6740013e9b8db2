/** Calls over a port: each has a number, news on its way, and one end. */
import { PocketPhiError } from '../base/errors.ts'
import { errorFromData } from './errors.ts'
import type { CallName, Calls, MessageEnd, News, Order, Report } from './messages.ts'

interface Pending {
  readonly resolve: (output: unknown) => void
  readonly reject: (error: Error) => void
  readonly onNews: ((news: News) => void) | undefined
}

export interface CallOptions {
  readonly onNews?: (news: News) => void
  readonly signal?: AbortSignal | undefined
}

export class Caller {
  readonly #port: MessageEnd
  readonly #pending = new Map<number, Pending>()
  #calls = 0
  #chats = 0
  #failure: PocketPhiError | undefined

  constructor(port: MessageEnd) {
    this.#port = port
    port.addEventListener('message', this.#receive)
    port.start?.()
  }

  /**
   * A signal that fires asks the other side to end the call, which then answers: with the error `aborted`, or with an answer
   * that was broken off.
   */
  async call<Name extends CallName>(
    name: Name,
    input: Calls[Name]['takes'],
    { onNews, signal }: CallOptions = {},
  ): Promise<Calls[Name]['gives']> {
    if (this.#failure !== undefined) throw this.#failure
    const call = ++this.#calls
    const abort = (): void => this.#send({ kind: 'abort', call })
    try {
      return (await new Promise<unknown>((resolve, reject) => {
        this.#pending.set(call, { resolve, reject, onNews })
        this.#send({ kind: 'call', call, name, input, aborted: signal?.aborted === true })
        signal?.addEventListener('abort', abort, { once: true })
      })) as Calls[Name]['gives']
    } finally {
      this.#pending.delete(call)
      signal?.removeEventListener('abort', abort)
    }
  }

  /** A number that no conversation has had. */
  nextChat(): number {
    return ++this.#chats
  }

  /** Ends all calls, and refuses those to come. */
  close(failure: PocketPhiError): void {
    this.#failure ??= failure
    this.#port.removeEventListener('message', this.#receive)
    for (const { reject } of this.#pending.values()) reject(this.#failure)
  }

  #send(order: Order): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port has no origin
    this.#port.postMessage(order)
  }

  readonly #receive = ({ data }: MessageEvent): void => {
    const report = data as Report
    const pending = this.#pending.get(report.call)
    if (report.kind === 'news') pending?.onNews?.(report.news)
    else if (report.kind === 'done') pending?.resolve(report.output)
    else pending?.reject(errorFromData(report.error))
  }
}

export function closedError(): PocketPhiError {
  return new PocketPhiError('aborted', 'The engine was disposed of.', { remedy: 'Start another one.' })
}
