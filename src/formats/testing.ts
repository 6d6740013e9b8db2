/** A stand-in for an HTTP server, for tests: it answers range requests from memory, well or badly. */
import { type Fetch } from './http.ts'

export interface BadAnswer {
  readonly status?: number
  readonly contentRange?: string | null
  readonly etag?: string | null
  /** Bytes of the body more or fewer than asked for. */
  readonly cut?: number
  /** Bytes after which the connection breaks. */
  readonly breaksAfter?: number
}

/** A `fetch` that serves this content at every URL. */
export function rangeServer(content: Uint8Array<ArrayBuffer>, bad: BadAnswer = {}): Fetch {
  return async (_, init) => {
    const match = /^bytes=(\d+)-(\d+)$/.exec(new Headers(init.headers).get('range') ?? '')
    const start = Number(match?.[1])
    const end = Math.min(Number(match?.[2]), content.length - 1)
    const headers = new Headers()
    if (bad.etag !== null) headers.set('etag', bad.etag ?? '"1"')
    const status = bad.status ?? (start < content.length ? 206 : 416)
    if (status === 416) {
      headers.set('content-range', `bytes */${content.length}`)
      return new Response(null, { status, headers })
    }
    if (status !== 206) return new Response(status === 200 ? content : null, { status, headers })
    const range = bad.contentRange === undefined ? `bytes ${start}-${end}/${content.length}` : bad.contentRange
    if (range !== null) headers.set('content-range', range)
    const body = content.slice(start, end + 1 + (bad.cut ?? 0))
    return new Response(bad.breaksAfter === undefined ? body : breaking(body.slice(0, bad.breaksAfter)), {
      status,
      headers,
    })
  }
}

function breaking(bytes: Uint8Array): ReadableStream {
  let sent = false
  return new ReadableStream({
    pull(controller) {
      if (sent) {
        controller.error(new TypeError('the connection broke'))
      } else {
        sent = true
        controller.enqueue(bytes)
      }
    },
  })
}
