/**
 * Calls over a port, by name: one side makes them, the other answers. Each has one end, news on its way and can be aborted;
 * errors arrive with all their parts.
 */
import type { PocketPhiError } from '../base/errors.ts'
import { errorFromData, errorToData, type ErrorData } from '../base/error-data.ts'

/** One end of a channel: a MessagePort, a Worker, or the scope of a worker. */
export interface MessageEnd {
  /** Sends to the other end. */
  postMessage(message: unknown, options?: { readonly transfer?: Transferable[] }): void
  /** Hears what the other end sends. */
  addEventListener(kind: 'message', listener: (event: MessageEvent) => void): void
  /** Hears it no more. */
  removeEventListener(kind: 'message', listener: (event: MessageEvent) => void): void
  /** Of a MessagePort. */
  start?(): void
}

/** What a call takes, what is heard of it on its way, and what it gives: all of it plain data. */
export interface CallShape {
  readonly takes: unknown
  readonly news: unknown
  readonly gives: unknown
}

/** A call, as an entry of a `CallTable`. */
export interface Call<Takes, Gives, News = never> extends CallShape {
  readonly takes: Takes
  readonly gives: Gives
  readonly news: News
}

/** The calls that one side of a port answers, by name. */
export type CallTable<Table> = { readonly [Name in keyof Table]: CallShape }

/** How a call is made. */
export interface CallOptions<News> {
  /** Hears what the other side tells on the way. */
  readonly onNews?: (news: News) => void
  /** Asks the other side to end the call, which then answers as it sees fit, usually with the error `aborted`. */
  readonly signal?: AbortSignal | undefined
  /** What of the input is given away instead of being copied. */
  readonly transfer?: readonly Transferable[]
}

/** What an answer can do while it is being worked on. */
export interface CallScope<News> {
  /** Fires when the caller aborts. */
  readonly signal: AbortSignal
  /** Sends news to the caller. */
  readonly tell: (news: News) => void
}

/** The functions that answer the calls of a table. */
export type CallAnswers<Table extends CallTable<Table>> = {
  readonly [Name in keyof Table]: (
    input: Table[Name]['takes'],
    scope: CallScope<Table[Name]['news']>,
  ) => Promise<Table[Name]['gives']>
}

type Order =
  | {
      readonly kind: 'call'
      readonly call: number
      readonly name: string
      readonly input: unknown
      /** Whether it was aborted before it was made. */
      readonly aborted: boolean
    }
  | { readonly kind: 'abort'; readonly call: number }

type Report =
  | { readonly kind: 'news'; readonly call: number; readonly news: unknown }
  | { readonly kind: 'done'; readonly call: number; readonly output: unknown }
  | { readonly kind: 'failed'; readonly call: number; readonly error: ErrorData }

interface Pending {
  readonly resolve: (output: unknown) => void
  readonly reject: (error: Error) => void
  readonly onNews: ((news: never) => void) | undefined
}

/** Makes calls. */
export class Caller<Table extends CallTable<Table>> {
  readonly #port: MessageEnd
  readonly #pending = new Map<number, Pending>()
  #calls = 0
  #failure: PocketPhiError | undefined

  constructor(port: MessageEnd) {
    this.#port = port
    port.addEventListener('message', this.#receive)
    port.start?.()
  }

  /** @throws what the other side throws; what `close` was given */
  async call<Name extends keyof Table & string>(
    name: Name,
    input: Table[Name]['takes'],
    { onNews, signal, transfer = [] }: CallOptions<Table[Name]['news']> = {},
  ): Promise<Table[Name]['gives']> {
    if (this.#failure !== undefined) throw this.#failure
    const call = ++this.#calls
    const abort = (): void => this.#send({ kind: 'abort', call })
    try {
      return await new Promise<unknown>((resolve, reject) => {
        this.#pending.set(call, { resolve, reject, onNews })
        this.#send({ kind: 'call', call, name, input, aborted: signal?.aborted === true }, transfer)
        signal?.addEventListener('abort', abort, { once: true })
      })
    } finally {
      this.#pending.delete(call)
      signal?.removeEventListener('abort', abort)
    }
  }

  /** Ends all calls, and refuses those to come. */
  close(failure: PocketPhiError): void {
    this.#failure ??= failure
    this.#port.removeEventListener('message', this.#receive)
    for (const { reject } of this.#pending.values()) reject(this.#failure)
  }

  #send(order: Order, transfer: readonly Transferable[] = []): void {
    this.#port.postMessage(order, { transfer: [...transfer] })
  }

  readonly #receive = ({ data }: MessageEvent): void => {
    const report = data as Report
    const pending = this.#pending.get(report.call)
    if (report.kind === 'news') pending?.onNews?.(report.news as never)
    else if (report.kind === 'done') pending?.resolve(report.output)
    else pending?.reject(errorFromData(report.error))
  }
}

/** Answers calls. */
export function serveCalls<Table extends CallTable<Table>>(port: MessageEnd, answers: CallAnswers<Table>): void {
  const running = new Map<number, AbortController>()
  const send = (report: Report): void => {
    port.postMessage(report)
  }
  const answer = async ({ call, name, input, aborted }: Extract<Order, { kind: 'call' }>): Promise<void> => {
    const controller = new AbortController()
    if (aborted) controller.abort()
    running.set(call, controller)
    try {
      const scope = { signal: controller.signal, tell: (news: unknown) => send({ kind: 'news', call, news }) }
      const handle = answers[name as keyof Table]
      send({ kind: 'done', call, output: await handle(input, scope) })
    } catch (error) {
      send({ kind: 'failed', call, error: errorToData(error) })
    } finally {
      running.delete(call)
    }
  }
  port.addEventListener('message', ({ data }) => {
    const order = data as Order
    if (order.kind === 'abort') running.get(order.call)?.abort()
    else void answer(order)
  })
  port.start?.()
}
