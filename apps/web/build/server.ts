/** A small web server for the built page, with the headers that isolate it and hold it to its policy. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { brotliCompressSync, constants } from 'node:zlib'
import { isNamedByContent, type HeadersOf } from './headers.ts'

export interface PageServerOptions {
  /** The built page. */
  readonly folder: string
  /** What is sent with files beyond what they are; nothing when left out, as by a static host that cannot be told. */
  readonly headersOf?: HeadersOf
  /** 0 takes any. */
  readonly port: number
}

export interface PageServer extends AsyncDisposable {
  readonly origin: string
  /** Paths that were asked for, in order. */
  readonly requests: readonly string[]
}

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.ts': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
  '.yaml': 'text/plain; charset=utf-8',
}

/** What shrinks when it is compressed. */
const compressible = /^(?:text|image\/svg)|json|wasm|manifest/

interface Stored {
  /** When the file was last written: a page that is built anew is served anew. */
  readonly written: number
  readonly plain: Buffer
  readonly brotli: Buffer | undefined
}

/** The path that was asked for as it was sent: read as an address, one that begins with two slashes would name a host. */
function pathOf({ url = '/' }: IncomingMessage): string {
  return url.replace(/[?#].*$/s, '')
}

/** The file below the folder that a path means; undefined where it would leave the folder, or is no path. */
function fileName(pathname: string): string | undefined {
  if (!/^\/(?!\/)/.test(pathname)) return undefined
  try {
    const name = decodeURIComponent(pathname.endsWith('/') ? `${pathname}index.html` : pathname)
    return name.split(/[\\/]/).includes('..') ? undefined : name
  } catch {
    return undefined
  }
}

/** @throws the error of the system when the port is taken */
export async function servePage({ folder, headersOf, port }: PageServerOptions): Promise<PageServer> {
  const files = new Map<string, Stored>()
  const requests: string[] = []
  const load = async (name: string, type: string): Promise<Stored> => {
    const file = path.join(folder, name)
    const { mtimeMs: written, size } = await stat(file)
    const known = files.get(name)
    if (known?.written === written && known.plain.length === size) return known
    const plain = await readFile(file)
    const parameters = { [constants.BROTLI_PARAM_QUALITY]: 6 }
    const brotli = compressible.test(type) ? brotliCompressSync(plain, { params: parameters }) : undefined
    const stored = { written, plain, brotli }
    files.set(name, stored)
    return stored
  }
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const pathname = pathOf(request)
    requests.push(pathname)
    const headers = headersOf?.(pathname) ?? {}
    const name = fileName(pathname)
    const type = types[path.extname(name ?? '')] ?? 'application/octet-stream'
    const stored = name === undefined ? undefined : await load(name, type).catch(() => undefined)
    if (stored === undefined) {
      response.writeHead(404, { ...headers, 'content-type': 'text/plain' }).end('There is no such file.')
      return
    }
    const packed = /\bbr\b/.test(String(request.headers['accept-encoding'])) ? stored.brotli : undefined
    const version = {
      ...headers,
      etag: `"${stored.written}-${stored.plain.length}"`,
      'cache-control': isNamedByContent(pathname) ? 'public, max-age=31536000, immutable' : 'no-cache',
      vary: 'accept-encoding',
    }
    if (request.headers['if-none-match'] === version.etag) {
      response.writeHead(304, version).end()
      return
    }
    response.writeHead(200, {
      ...version,
      'content-type': type,
      'content-length': (packed ?? stored.plain).length,
      ...(packed === undefined ? {} : { 'content-encoding': 'br' }),
    })
    response.end(request.method === 'HEAD' ? undefined : (packed ?? stored.plain))
  }
  const server = createServer((request, response) => void answer(request, response))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    // Only this machine: pages of other machines would need TLS to be isolated and to be kept.
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
}
