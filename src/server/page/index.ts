/**
 * A model behind OpenAI's interface, within a page: what the page (and others of its origin) ask of `/v1/…` comes to it through its
 * service worker. Nothing leaves the machine.
 *
 *     import { loadModel } from 'pocket-phi'
 *     import { servePage } from 'pocket-phi/serve'
 *
 *     await navigator.serviceWorker.register('service-worker.js', { type: 'module' })
 *     const server = servePage(await loadModel('models/phi'), { name: 'phi' })
 *     await server.isServing
 */
import type { EngineCounters } from '../../engine/counters.ts'
import type { TakenPicture } from '../../openai/answers.ts'
import { serveCalls, type CallScope } from '../../worker/calls.ts'
import { createServerApp, type ServerApp, type ServerOptions } from '../app.ts'
import type { ServedModel } from '../endpoints.ts'
import {
  identityMessage,
  livingLock,
  lockName,
  portMessage,
  servingLock,
  type PageCalls,
  type ResponseNews,
  type SentRequest,
} from './messages.ts'

export type { RequestRecord } from '../figures.ts'
export type { ServedModel } from '../endpoints.ts'

/** How a model is served in a page. */
export interface PageServerOptions extends Pick<ServerOptions, 'name' | 'onRequest' | 'onDefect'> {
  /** Requests that are answered or wait, together; 16 when left out. */
  readonly places?: number
  /** Seconds that a request may take, waiting included; 600 when left out. */
  readonly timeout?: number
  /** Bytes of a request's body at most; 4 MiB when left out. */
  readonly bodyLimit?: number
}

/** What is needed of a model to be served in a page: `PhiModel` has it, and so has `RemoteModel`. */
export interface PageServedModel<Picture extends TakenPicture> extends ServedModel<Picture> {
  /** Rows computed and reused so far. */
  readonly counters: EngineCounters | (() => Promise<EngineCounters>)
}

/** A model that is being served. */
export interface PageServer {
  /** Resolves when this page is the one of its origin that answers: when it has a service worker, and those that began before it have ended. */
  readonly isServing: Promise<void>
  /** Takes no new requests, lets those that are being answered end, and lets another page answer. The model stays the caller's. */
  close(): Promise<void>
}

/**
 * Lets a model answer what the service worker passes on (`pocket-phi/serve/service-worker`), as long as the page is open. It is
 * disposed of after `close`.
 */
export function servePage<Picture extends TakenPicture>(
  model: PageServedModel<Picture>,
  { places = 16, timeout = 600, bodyLimit = 4 * 2 ** 20, ...options }: PageServerOptions,
): PageServer {
  const app = createServerApp(model, {
    ...options,
    places,
    timeout,
    bodyLimit,
    // The service worker reads whatever the reader does.
    patience: timeout,
    // Only pages of this origin have this service worker.
    hosts: [location.hostname],
    counters: () => (typeof model.counters === 'function' ? model.counters() : model.counters),
  })
  const { serviceWorker } = navigator
  const receive = ({ data, ports: [port] }: MessageEvent): void => {
    if (data !== portMessage || port === undefined) return
    serveCalls<PageCalls>(port, { request: (sent, scope) => respond(app, sent, scope) })
  }
  const closing = new AbortController()
  // Not before its turn: another model of the same page may still have its own.
  const turn = new Turn(() => {
    serviceWorker.addEventListener('message', receive, { signal: closing.signal })
    serviceWorker.startMessages()
  })
  return {
    isServing: turn.begun,
    async close() {
      closing.abort()
      await turn.end(() => app.drain())
    },
  }
}

/** The time for which this page is the one that answers. */
class Turn {
  readonly #begun = Promise.withResolvers<void>()
  /** Ends the wait for the turn of others to end. */
  readonly #waiting = new AbortController()
  readonly #leaving = Promise.withResolvers<void>()
  readonly #left = Promise.withResolvers<void>()
  readonly #whole: Promise<void>

  /** @param onBegin called when it begins */
  constructor(onBegin: () => void) {
    this.#whole = this.#take(onBegin)
    this.#whole.catch(this.#begun.reject)
  }

  get begun(): Promise<void> {
    return this.#begun.promise
  }

  /** Lets another page answer, and waits for what this one still has to. */
  async end(drain: () => Promise<void>): Promise<void> {
    this.#waiting.abort(ended)
    this.#leaving.resolve()
    await drain()
    this.#left.resolve()
    await this.#whole
  }

  async #take(onBegin: () => void): Promise<void> {
    const { locks } = navigator
    const client = await Promise.race([ownIdentity(), this.#leaving.promise])
    if (client === undefined) return
    await locks.request(livingLock(client), async () => {
      const turn = locks.request(lockName, { signal: this.#waiting.signal }, async () => {
        await locks.request(servingLock(client), async () => {
          onBegin()
          this.#begun.resolve()
          await this.#leaving.promise
        })
      })
      await turn.catch((error: unknown) => {
        if (error !== ended) throw error
      })
      await this.#left.promise
    })
  }
}

/** Why a page does not wait any longer. */
const ended = new Error('It was closed before it was its turn.')

/** What the page is called by its service worker, once it has one. */
async function ownIdentity(): Promise<string> {
  const { serviceWorker } = navigator
  while (serviceWorker.controller === null) {
    await new Promise((resolve) => serviceWorker.addEventListener('controllerchange', resolve, { once: true }))
  }
  const { port1, port2 } = new MessageChannel()
  const identity = new Promise<string>((resolve) => {
    port1.addEventListener('message', ({ data }) => resolve(data as string), { once: true })
  })
  port1.start()
  serviceWorker.controller.postMessage(identityMessage, [port2])
  return await identity
}

/** Answers a request and tells of the response on the way. */
async function respond(
  app: ServerApp,
  { url, method, headers, body }: SentRequest,
  { signal, tell }: CallScope<ResponseNews>,
): Promise<void> {
  const init = { method, headers: headers.map(([name, value]): [string, string] => [name, value]), signal }
  const response = await app.fetch(new Request(url, body === undefined ? init : { ...init, body }))
  tell({ kind: 'head', status: response.status, headers: [...response.headers] })
  const reader = response.body?.getReader()
  if (reader === undefined) return
  // Who goes away in the middle of a stream does not abort its request any more.
  signal.addEventListener('abort', () => void reader.cancel())
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    tell({ kind: 'data', bytes: new Uint8Array(piece.value) })
  }
}
