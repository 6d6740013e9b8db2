/**
 * The part of a service worker that lets a page answer (`servePage`): it has no engine of its own, since a service worker has no threads, and
 * is ended whenever nothing is asked of it.
 *
 *     import { routeToPages } from 'pocket-phi/serve/service-worker'
 *
 *     routeToPages()
 *     addEventListener('activate', (event) => event.waitUntil(clients.claim()))
 */
import { PocketPhiError } from '../../base/errors.ts'
import { Caller } from '../../worker/calls.ts'
import { answerTo, Refusal } from '../refusals.ts'
import {
  livingLock,
  servingLock,
  identityMessage,
  portMessage,
  type PageCalls,
  type ResponseNews,
  type SentRequest,
} from './messages.ts'

/** What is needed of the events and of the scope of a service worker, whose types cannot be had beside those of pages. */
interface FetchEvent extends Event {
  readonly request: Request
  respondWith(response: Promise<Response>): void
  waitUntil(work: Promise<unknown>): void
}

interface Client {
  readonly id: string
  postMessage(message: unknown, transfer: Transferable[]): void
}

interface Scope {
  readonly clients: { get(id: string): Promise<Client | undefined> }
}

/**
 * Lets the page that serves answer the requests of the worker's own origin whose path begins so; other requests come to listeners that
 * are added later. To be called while the script of the service worker first runs.
 */
export function routeToPages(path = '/v1/'): void {
  addEventListener('message', ({ data, source, ports: [port] }) => {
    if (data === identityMessage) port?.postMessage((source as unknown as Client).id)
  })
  addEventListener('fetch', (event) => {
    const fetched = event as FetchEvent
    const { origin, pathname } = new URL(fetched.request.url)
    if (origin !== location.origin || !pathname.startsWith(path)) return
    const ended = Promise.withResolvers<void>()
    // What is still being written keeps no service worker alive by itself.
    fetched.waitUntil(ended.promise)
    fetched.respondWith(ask(fetched.request, ended.resolve))
  })
}

async function ask(request: Request, onEnd: () => void): Promise<Response> {
  const page = await servingPage()
  if (page === undefined) {
    onEnd()
    return refusal(
      new Refusal('no_page', 'No page serves a model.', {
        remedy: 'Open one that does, and ask again when its model is loaded.',
        headers: { 'retry-after': '1' },
      }),
    )
  }
  const { port1, port2 } = new MessageChannel()
  page.postMessage(portMessage, [port2])
  const caller = new Caller<PageCalls>(port1)
  const watch = new AbortController()
  navigator.locks
    .request(livingLock(page.id), { mode: 'shared', signal: watch.signal }, () => caller.close(lostError()))
    // It answered to the end.
    .catch(() => {})
  return await new PageResponse(request.signal).head(caller, await sentRequest(request), () => {
    watch.abort()
    port1.close()
    onEnd()
  })
}

/** The page that has the lock. */
async function servingPage(): Promise<Client | undefined> {
  const { held = [] } = await navigator.locks.query()
  const prefix = servingLock('')
  const [id] = held.flatMap(({ name = '' }) => (name.startsWith(prefix) ? [name.slice(prefix.length)] : []))
  return id === undefined ? undefined : await (globalThis as unknown as Scope).clients.get(id)
}

async function sentRequest(request: Request): Promise<SentRequest> {
  const { url, method, headers } = request
  const body = method === 'GET' || method === 'HEAD' ? undefined : await request.arrayBuffer()
  return { url, method, headers: [...headers], body }
}

/** A response that is told piece by piece. */
class PageResponse {
  readonly #gone = new AbortController()
  readonly #head = Promise.withResolvers<Response>()
  readonly #body: ReadableStream<Uint8Array<ArrayBuffer>>
  #pieces: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined

  /** @param signal fires when the one who asked goes away before there is a response; later the body is cancelled */
  constructor(signal: AbortSignal) {
    signal.addEventListener('abort', () => this.#gone.abort())
    if (signal.aborted) this.#gone.abort()
    this.#body = new ReadableStream({
      start: (pieces) => void (this.#pieces = pieces),
      cancel: () => {
        this.#pieces = undefined
        this.#gone.abort()
      },
    })
  }

  /** Asks, and resolves when the head of the response is known. @param onEnd called when nothing more will come */
  async head(caller: Caller<PageCalls>, request: SentRequest, onEnd: () => void): Promise<Response> {
    const { signal } = this.#gone
    caller
      .call('request', request, { signal, onNews: (news) => this.#hear(news) })
      .then(
        () => this.#pieces?.close(),
        (error: unknown) => {
          this.#head.resolve(refusal(error))
          this.#pieces?.error(error)
        },
      )
      .finally(onEnd)
    return await this.#head.promise
  }

  #hear(news: ResponseNews): void {
    if (news.kind === 'data') this.#pieces?.enqueue(news.bytes)
    else {
      const { status, headers } = news
      const init = { status, headers: headers.map(([name, value]): [string, string] => [name, value]) }
      this.#head.resolve(new Response(status === 204 ? null : this.#body, init))
    }
  }
}

function refusal(error: unknown): Response {
  const { status, error: body, headers } = answerTo(error)
  return Response.json({ error: body }, { status, headers })
}

function lostError(): PocketPhiError {
  return new PocketPhiError('device-lost', 'The page that answered was closed.', {
    remedy: 'Open one that serves a model, and ask again.',
  })
}
