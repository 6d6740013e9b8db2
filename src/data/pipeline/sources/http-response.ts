/** HTTP responses as archives keep them (RFC 9112): status, fields and a body that may be chunked and compressed. */
import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib'
import { parseFields } from './warc.ts'

export interface HttpResponse {
  readonly status: number
  readonly fields: ReadonlyMap<string, string>
  readonly body: Uint8Array
}

const latin1 = new TextDecoder('latin1')
/** What a compressed page may become. */
const largestBody = 1 << 25

/**
 * @returns undefined where the block is no response
 */
export function parseResponse(block: Uint8Array): HttpResponse | undefined {
  const end = headEnd(block)
  const [statusLine = '', ...lines] = latin1.decode(block.subarray(0, end.head)).split(/\r?\n/)
  const status = /^HTTP\/\d(?:\.\d)? (\d{3})/.exec(statusLine)?.[1]
  if (status === undefined) return undefined
  const fields = parseFields(lines)
  const body = block.subarray(end.body)
  const isChunked = /\bchunked\b/i.test(fields.get('transfer-encoding') ?? '')
  return {
    status: Number(status),
    fields,
    body: decoded(isChunked ? unchunked(body) : body, fields.get('content-encoding') ?? ''),
  }
}

/** Where the head ends and the body begins. */
function headEnd(block: Uint8Array): { head: number; body: number } {
  for (let at = block.indexOf(0x0a); at >= 0; at = block.indexOf(0x0a, at + 1)) {
    if (block[at + 1] === 0x0a) return { head: at, body: at + 2 }
    if (block[at + 1] === 0x0d && block[at + 2] === 0x0a) return { head: at, body: at + 3 }
  }
  return { head: block.length, body: block.length }
}

/** Joins chunks. Archives hold bodies that say they are chunked and are not: those stay as they are. */
function unchunked(body: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = []
  for (let at = 0; at < body.length;) {
    const lineEnd = body.indexOf(0x0a, at)
    const size = lineEnd < 0 ? '' : latin1.decode(body.subarray(at, Math.min(lineEnd, at + 64)))
    const digits = /^([0-9a-f]{1,7})\s*(?:;.*)?\r?$/i.exec(size)?.[1]
    if (digits === undefined) return parts.length === 0 ? body : joined([...parts, body.subarray(at)])
    const length = Number.parseInt(digits, 16)
    if (length === 0) break
    parts.push(body.subarray(lineEnd + 1, lineEnd + 1 + length))
    at = lineEnd + 1 + length
    if (body[at] === 0x0d) at++
    if (body[at] === 0x0a) at++
  }
  return joined(parts)
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

const decoders: Readonly<Record<string, (body: Uint8Array) => Uint8Array>> = {
  gzip: (body) => gunzipSync(body, { maxOutputLength: largestBody }),
  'x-gzip': (body) => gunzipSync(body, { maxOutputLength: largestBody }),
  br: (body) => brotliDecompressSync(body, { maxOutputLength: largestBody }),
  // The standard means zlib's format; servers send it without its frame as well.
  deflate: (body) =>
    (body[0] ?? 0) % 16 === 8
      ? inflateSync(body, { maxOutputLength: largestBody })
      : inflateRawSync(body, { maxOutputLength: largestBody }),
}

/** The body without its content coding; as it is where it is not what the fields say, which crawlers that decode leave standing. */
function decoded(body: Uint8Array, coding: string): Uint8Array {
  const decode = decoders[coding.trim().toLowerCase()]
  if (decode === undefined) return body
  try {
    return decode(body)
  } catch {
    return body
  }
}
