/**
 * One request to the hub, and what its answers mean. Redirects are followed here and not by `fetch`, because the token must
 * stay with the hub and what the hub says of a file stands in the headers of the redirect.
 */
import { PocketPhiError, throwIfAborted } from '../base/errors.ts'
import type { Fetch } from '../formats/http.ts'
import type { Clock } from '../base/clock.ts'
import { askedWait, PassingError } from '../base/retry.ts'

/** What a person can do where we run: sentences for errors, with a full stop. */
export interface HubAdvice {
  /** When an answer is not that of a hub. */
  readonly endpoint: string
  /** When no server can be reached. */
  readonly unreachable: string
  /** When more is asked than strangers may ask. */
  readonly limits: string
  /** When strangers may not read a model. */
  readonly access: string
}

/** How the hub is asked. */
export interface Connection {
  /** The origin of the hub: `https://huggingface.co`, or that of a mirror. */
  readonly endpoint: string
  /** Sent to the hub alone, for models that ask for one. */
  readonly token: string | undefined
  /** What errors tell the reader to do. */
  readonly advice: HubAdvice
  /**
   * Leaves redirects and headers to the platform, as a page must: its `fetch` shows no redirects. Then there must be no token, and
   * what the hub says of a file in a redirect is not seen.
   */
  readonly follow?: boolean
  /** Seconds without a byte after which a connection counts as broken. */
  readonly stallSeconds: number
  readonly clock: Clock
  readonly signal?: AbortSignal | undefined
  /** What fetches; the platform's when left out. */
  readonly fetch?: Fetch | undefined
}

export interface RequestOptions {
  /** For error messages: `"config.json" of ORG/NAME`. */
  readonly what: string
  readonly method?: 'GET' | 'HEAD'
  readonly headers?: Readonly<Record<string, string>>
  /** Takes a redirect to another server as the answer: what the hub says of the file is in it. */
  readonly stay?: boolean
}

export interface Answer {
  readonly url: URL
  readonly status: number
  readonly headers: Headers
  /** What the hub said of the file, in its own answer or in the redirect to where the bytes are. */
  readonly file: { readonly etag: string | undefined; readonly size: number | undefined }
  /**
   * The body as it comes, to be read once.
   * @throws PassingError when it breaks off or nothing comes for too long
   */
  body(): AsyncGenerator<Uint8Array, void, undefined>
  /** Ends the connection without reading the rest. */
  cancel(): Promise<void>
}

const mostRedirects = 10

/**
 * Sends a request and follows its redirects. Answers with 200, 206 and 416 are returned, all others thrown.
 *
 * @throws PassingError for what trying again may cure: no connection, nothing coming, 408, 425, 429, 5xx
 * @throws PocketPhiError `no-access`, `not-found`, `invalid-file` for redirects that lead nowhere, `aborted`
 */
export async function request(connection: Connection, address: string, options: RequestOptions): Promise<Answer> {
  let url = new URL(address)
  let file: Answer['file'] = { etag: undefined, size: undefined }
  for (let redirects = 0; redirects <= mostRedirects; redirects++) {
    const watch = new Watch(connection, options.what, url)
    const response = await sendTo(connection, url, options, watch)
    file = linkedFile(response.headers, file)
    const target = redirectTarget(response, url)
    if (target === undefined || (options.stay === true && target.origin !== url.origin)) {
      const answer = answerOf(response, url, file, watch)
      if (target !== undefined || [200, 206, 416].includes(response.status)) return answer
      await answer.cancel()
      throw statusError(connection, response, URL.parse(response.url) ?? url, options.what)
    }
    await discard(response)
    if (!/^https?:$/.test(target.protocol) || (url.protocol === 'https:' && target.protocol === 'http:')) {
      throw new PocketPhiError(
        'invalid-file',
        `The server sends the request for ${options.what} where it must not go.`,
        {
          expected: 'a redirect to an address with https',
          found: target.href.slice(0, 200),
        },
      )
    }
    url = target
  }
  throw new PocketPhiError('invalid-file', `The request for ${options.what} is redirected in circles.`, {
    expected: `at most ${mostRedirects} redirects`,
    remedy: connection.advice.endpoint,
  })
}

/** What is waited for: the beginning of an answer, or more of its body. */
type Phase = 'answer' | 'body'

/** Aborts a request on which nothing comes for too long. Counts only while someone waits for bytes. */
class Watch {
  readonly signal: AbortSignal
  readonly #connection: Connection
  readonly #what: string
  readonly #url: URL
  readonly #stalled = new AbortController()

  constructor(connection: Connection, what: string, url: URL) {
    this.#connection = connection
    this.#what = what
    this.#url = url
    const { signal } = connection
    this.signal = signal === undefined ? this.#stalled.signal : AbortSignal.any([signal, this.#stalled.signal])
  }

  /** Waits for what the server sends next, and gives its failure a name. */
  async next<T>(promise: Promise<T>, phase: Phase): Promise<T> {
    const { clock, stallSeconds, signal } = this.#connection
    const cancel = clock.after(stallSeconds * 1000, () => this.#stalled.abort())
    try {
      return await promise
    } catch (cause) {
      throwIfAborted(signal)
      throw this.#failure(cause, phase)
    } finally {
      cancel()
    }
  }

  #failure(cause: unknown, phase: Phase): PassingError {
    const tryAgain = phase === 'body' ? 'Try again: it goes on where it stopped.' : 'Try again.'
    if (this.#stalled.signal.aborted) {
      const { stallSeconds } = this.#connection
      return new PassingError(
        new PocketPhiError('network', `The download of ${this.#what} stands still.`, {
          found: `no byte from ${this.#url.host} for ${stallSeconds} s`,
          remedy: tryAgain,
          cause,
        }),
      )
    }
    const code = systemCode(cause)
    // A page is told no more than this.
    const isOffline = 'onLine' in globalThis.navigator && !globalThis.navigator.onLine
    // Without a code nothing was ever connected: so a page is told of it, and Node of ports that it never asks.
    const unreachable =
      isOffline ||
      (code === undefined
        ? phase === 'answer'
        : /^(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|EHOSTUNREACH|.*CERT.*)$/.test(code))
    const when = phase === 'body' ? `during the download of ${this.#what}` : `before it answered about ${this.#what}`
    const problem = new PocketPhiError(
      'network',
      unreachable
        ? `The server ${this.#url.host} cannot be reached.`
        : `The connection to ${this.#url.host} broke off ${when}.`,
      {
        found: code ?? innermost(cause),
        remedy: unreachable ? this.#connection.advice.unreachable : tryAgain,
        cause,
      },
    )
    return new PassingError(problem, unreachable ? { failures: 3 } : {})
  }
}

/** The code that the system gave, which `fetch` wraps once or twice. */
function systemCode(error: unknown): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if ('code' in at && typeof at.code === 'string') return at.code
  }
  return undefined
}

/** What the first cause says, in which `fetch` hides its reason. */
function innermost(error: unknown): string {
  let at = error
  for (let depth = 0; at instanceof Error && at.cause instanceof Error && depth < 5; depth++) at = at.cause
  return at instanceof Error ? at.message : String(at)
}

async function sendTo(connection: Connection, url: URL, options: RequestOptions, watch: Watch): Promise<Response> {
  const { token, endpoint, follow = false } = connection
  const send = connection.fetch ?? ((address: string, init: RequestInit) => fetch(address, init))
  const trusted = token !== undefined && url.origin === new URL(endpoint).origin
  return await watch.next(
    send(url.href, {
      method: options.method ?? 'GET',
      redirect: follow ? 'follow' : 'manual',
      // A browser would keep gigabytes twice, or answer with parts that it kept before.
      ...(follow ? { cache: 'no-store' as const } : {}),
      signal: watch.signal,
      headers: {
        // Ranges of a compressed answer would be ranges of the compressed bytes; a browser sees to that itself.
        ...(follow ? {} : { 'user-agent': 'pocket-phi', 'accept-encoding': 'identity' }),
        ...options.headers,
        ...(trusted ? { authorization: `Bearer ${token}` } : {}),
      },
    }),
    'answer',
  )
}

function redirectTarget(response: Response, from: URL): URL | undefined {
  const location = response.headers.get('location')
  if (![301, 302, 303, 307, 308].includes(response.status) || location === null) return undefined
  return URL.parse(location, from.href) ?? undefined
}

/** Headers in which the hub describes a file; those of a storage server mean something else (an MD5, a Xet hash). */
function linkedFile(headers: Headers, before: Answer['file']): Answer['file'] {
  const ofHub = headers.has('x-repo-commit')
  const etag = headers.get('x-linked-etag') ?? (ofHub ? headers.get('etag') : null)
  const size =
    headers.get('x-linked-size') ?? (ofHub && headers.get('location') === null ? headers.get('content-length') : null)
  return {
    etag: before.etag ?? etag?.replace(/^(?:W\/)?"?([^"]*)"?$/, '$1'),
    size: before.size ?? (size !== null && /^\d{1,15}$/.test(size) ? Number(size) : undefined),
  }
}

function answerOf(response: Response, url: URL, file: Answer['file'], watch: Watch): Answer {
  return {
    url,
    status: response.status,
    headers: response.headers,
    file,
    async *body() {
      const reader = response.body?.getReader()
      if (reader === undefined) return
      try {
        for (;;) {
          const { done, value } = await watch.next(reader.read(), 'body')
          if (done) return
          yield value
        }
      } finally {
        // Whoever stops reading does not want the rest, and one who has read all cancels nothing.
        await reader.cancel().catch(() => undefined)
      }
    },
    cancel: () => discard(response),
  }
}

async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => undefined)
}

/** What an answer that is none means. */
function statusError(connection: Connection, response: Response, url: URL, what: string): Error {
  const { status, headers } = response
  const said = headers.get('x-error-message')?.slice(0, 300)
  const found = `status ${status} from ${url.host}${said === undefined ? '' : ` (${said})`}`
  if (status === 429) {
    const pause = askedWait(headers, connection.clock.now())
    const problem = new PocketPhiError('network', `The server limits how much is asked of it; ${what} has to wait.`, {
      found: pause === undefined ? found : `${found}, which asks to wait ${Math.ceil(pause / 1000)} s`,
      remedy: connection.token === undefined ? connection.advice.limits : 'Try again later.',
    })
    return new PassingError(problem, { wait: pause })
  }
  if (status >= 500 || status === 408 || status === 425) {
    const problem = new PocketPhiError('network', `The server fails to give ${what}.`, {
      found,
      remedy: 'Try again later.',
    })
    return new PassingError(problem, { wait: askedWait(headers, connection.clock.now()) })
  }
  if (url.origin !== new URL(connection.endpoint).origin && !headers.has('x-error-code')) {
    // The signed address of a storage server: a new one may work.
    const problem = new PocketPhiError('network', `The storage server does not give ${what}.`, {
      found,
      remedy: 'Check the clock of this machine, and try again later.',
    })
    return new PassingError(problem, { failures: 3 })
  }
  return refusal(connection, status, headers.get('x-error-code') ?? '', found, what)
}

function refusal(connection: Connection, status: number, code: string, found: string, what: string): PocketPhiError {
  const known = connection.token !== undefined
  if (code === 'GatedRepo') {
    return new PocketPhiError('no-access', `The authors give ${what} only to those who accept their conditions.`, {
      found,
      remedy: known
        ? `Accept them on the page of the model at ${connection.endpoint}, with the account of the token.`
        : `Accept them on the page of the model at ${connection.endpoint}. ${connection.advice.access}`,
    })
  }
  // Without a token the hub answers 401 for what is private and for what does not exist, so that nobody can tell.
  if (status === 401 || status === 403) {
    return new PocketPhiError(
      'no-access',
      `The hub does not give ${what} to ${known ? 'the owner of this token' : 'everyone'}.`,
      {
        found,
        remedy: known
          ? 'Check the name, and whether HF_TOKEN is valid and may read this model.'
          : `Check the name. ${connection.advice.access}`,
      },
    )
  }
  if (status === 404 || status === 410) {
    const missing: Readonly<Record<string, string>> = {
      RepoNotFound: 'no such repository',
      RevisionNotFound: 'no such revision',
      EntryNotFound: 'no such file',
    }
    return new PocketPhiError('not-found', `The hub does not have ${what}.`, {
      found: code in missing ? `${missing[code]}: ${found}` : found,
      remedy: 'Check the name and the revision.',
    })
  }
  return new PocketPhiError('network', `The server refuses to give ${what}.`, {
    found,
    remedy: connection.advice.endpoint,
  })
}
