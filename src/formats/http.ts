/**
 * Files of an HTTP server, read by ranges (RFC 9110, section 14), so that a tensor is fetched when it is needed. Every
 * answer is checked: that it is the range that was asked for, of the file that was opened.
 */
import { PocketPhiError } from '../base/errors.ts'
import { checkedSource, truncatedError, type ByteSource } from './source.ts'

/** What asks a server, as the platform's `fetch`. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** How a server is asked. */
export interface HttpOptions {
  /** What fetches; the platform's `fetch` when left out. */
  readonly fetch?: Fetch
  /** Sent with every request (authorisation, say). */
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
  /** How often a read is tried when the connection breaks (not when the server answers with an error). Default 3. */
  readonly attempts?: number
}

interface Content {
  readonly total: number
  readonly tag: string | undefined
}

/** A broken connection: the one failure that trying again may cure. */
class BrokenConnection extends Error {}

/**
 * Opens a file of an HTTP server by asking for its first byte.
 * @throws PocketPhiError `not-found` for 403, 404, 410 and web pages, `not-supported` when the server does not serve ranges, `invalid-file`
 * for answers that are not what was asked for, `aborted`
 */
export async function httpSource(url: string, options: HttpOptions = {}): Promise<ByteSource> {
  const name = fileName(url)
  const first = await withAttempts(url, options, async () => {
    const response = await request(url, options, 'bytes=0-0')
    const content = contentOf(url, response)
    await response.body?.cancel()
    return content
  })
  return checkedSource(name, first.total, async (offset, length, into = new Uint8Array(length)) => {
    if (length > 0) await withAttempts(url, options, () => readRange(url, options, first, offset, into))
    return into
  })
}

function fileName(url: string): string {
  const path = url.replace(/[?#].*$/s, '')
  return path.slice(path.lastIndexOf('/') + 1)
}

async function withAttempts<T>(url: string, options: HttpOptions, action: () => Promise<T>): Promise<T> {
  const attempts = Math.max(1, options.attempts ?? 3)
  for (let attempt = 1; ; attempt++) {
    try {
      return await action()
    } catch (error) {
      if (options.signal?.aborted) {
        throw new PocketPhiError('aborted', `Reading "${fileName(url)}" was aborted.`, { cause: error })
      }
      if (!(error instanceof BrokenConnection)) throw error
      if (attempt >= attempts) {
        throw new PocketPhiError('not-found', `The connection to "${url}" failed ${attempts} times.`, {
          remedy: 'Check the network and, in a browser, whether the server allows this origin (CORS).',
          cause: error.cause,
        })
      }
    }
  }
}

async function request(url: string, options: HttpOptions, range: string): Promise<Response> {
  const init: RequestInit = {
    // A compressed answer would have ranges of the compressed bytes. (A browser sends its own header and ignores this one.)
    headers: { ...options.headers, range, 'accept-encoding': 'identity' },
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  }
  const send = options.fetch ?? ((address: string, parts: RequestInit) => fetch(address, parts))
  return await send(url, init).catch((cause: unknown) => {
    throw new BrokenConnection('no answer', { cause })
  })
}

/** Size and version of the file that an answer is a part of. */
function contentOf(url: string, response: Response): Content {
  const tag = response.headers.get('etag') ?? undefined
  if (response.status === 416) {
    const empty = /^bytes \*\/0$/.test(response.headers.get('content-range') ?? '')
    if (empty) return { total: 0, tag }
  }
  // What storage services answer for files that are not there to those who may not list the folder.
  if (response.status === 403) {
    throw new PocketPhiError('not-found', `The server has no "${url}", or does not give it to everyone.`, {
      found: 'status 403',
      remedy: 'Check the address, and whether it needs authorisation.',
    })
  }
  const { total } = rangeOf(url, response)
  return { total, tag }
}

function rangeOf(url: string, response: Response): { start: number; end: number; total: number } {
  const { status } = response
  if (status === 404 || status === 410) throw new PocketPhiError('not-found', `The server has no "${url}".`)
  // Servers of single-page applications, among them development servers, answer everything they lack with the page.
  if (response.ok && /^text\/html\b/i.test(response.headers.get('content-type') ?? '')) {
    throw new PocketPhiError('not-found', `The server has no "${url}": it answered with a web page.`)
  }
  if (status === 200) {
    throw new PocketPhiError('not-supported', `The server of "${url}" does not serve ranges of files.`, {
      expected: 'status 206',
      found: 'status 200',
      remedy: 'Serve the model from a server that supports range requests, or download it first.',
    })
  }
  if (status !== 206) {
    throw new PocketPhiError('invalid-file', `The server refused a range of "${url}".`, {
      expected: 'status 206',
      found: `status ${status}`,
    })
  }
  const header = response.headers.get('content-range')
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(header ?? '')
  if (match === null) {
    throw new PocketPhiError('not-supported', `The answer for "${url}" does not say which range it is.`, {
      expected: 'a Content-Range header with the size of the file',
      found: header ?? 'none',
      remedy: 'Across origins the server must expose it: Access-Control-Expose-Headers: Content-Range, ETag.',
    })
  }
  return { start: Number(match[1]), end: Number(match[2]), total: Number(match[3]) }
}

async function readRange(
  url: string,
  options: HttpOptions,
  first: Content,
  offset: number,
  target: Uint8Array,
): Promise<void> {
  const name = fileName(url)
  const end = offset + target.length - 1
  const response = await request(url, options, `bytes=${offset}-${end}`)
  try {
    const range = rangeOf(url, response)
    const tag = response.headers.get('etag') ?? undefined
    if (range.total !== first.total || tag !== first.tag) {
      throw new PocketPhiError('invalid-file', `"${name}" changed on the server while it was read.`, {
        expected: `${first.total} bytes, version ${first.tag ?? 'unnamed'}`,
        found: `${range.total} bytes, version ${tag ?? 'unnamed'}`,
        remedy: 'Open the model again.',
      })
    }
    if (range.start !== offset || range.end !== end) {
      throw new PocketPhiError('invalid-file', `The server sent another range of "${name}" than was asked for.`, {
        expected: `bytes ${offset}-${end}`,
        found: `bytes ${range.start}-${range.end}`,
      })
    }
    await readBody(name, response, target)
  } catch (error) {
    await response.body?.cancel().catch(() => undefined)
    throw error
  }
}

async function readBody(name: string, response: Response, target: Uint8Array): Promise<void> {
  const reader = response.body?.getReader()
  let done = 0
  try {
    while (reader !== undefined) {
      const part = await reader.read().catch((cause: unknown) => {
        throw new BrokenConnection('the answer broke off', { cause })
      })
      if (part.done) break
      if (done + part.value.length > target.length) {
        throw new PocketPhiError('invalid-file', `The server sent more of "${name}" than was asked for.`, {
          expected: `${target.length} bytes`,
        })
      }
      target.set(part.value, done)
      done += part.value.length
    }
  } finally {
    reader?.releaseLock()
  }
  if (done !== target.length) throw truncatedError(name, target.length, done)
}
