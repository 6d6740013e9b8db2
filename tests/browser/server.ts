/** A small web server with ranges of files, whose pages are cross-origin isolated or not by the first part of the path. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'

/** Files by their path below the first part, without a leading slash; large ones as blobs, which are not read at once. */
export type Files = ReadonlyMap<string, Uint8Array | Blob>

export interface SiteServer extends AsyncDisposable {
  readonly origin: string
  /** Paths that were asked for, in order. */
  readonly requests: string[]
  /** Resolves when a file is asked for that is `held`. */
  readonly holding: Promise<void>
}

function sizeOf(file: Uint8Array | Blob): number {
  return file instanceof Blob ? file.size : file.length
}

/** Answers with the bytes [first, end) of a file. */
function send(response: ServerResponse, file: Uint8Array | Blob, first = 0, end = sizeOf(file)): void {
  if (file instanceof Blob) pipeline(file.slice(first, end).stream(), response).catch(() => response.destroy())
  else response.end(file.subarray(first, end))
}

export interface SiteOptions {
  /** Files by the first part of the path. */
  readonly folders: Readonly<Record<string, Files>>
  /** Folders whose answers have the headers that give a page threads. */
  readonly isolated: readonly string[]
  /** A path whose answers, but for those of a single byte, never come. */
  readonly held?: string
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
}

const isolation = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
}

export async function serveSite({ folders, isolated, held }: SiteOptions): Promise<SiteServer> {
  const requests: string[] = []
  const holding = Promise.withResolvers<void>()
  const answer = ({ url = '/', headers }: IncomingMessage, response: ServerResponse): void => {
    const { pathname } = new URL(url, 'http://host')
    requests.push(pathname)
    const [folder = '', ...rest] = pathname.slice(1).split('/')
    const file = folders[folder]?.get(decodeURIComponent(rest.join('/')))
    if (file === undefined) {
      response.writeHead(404).end()
      return
    }
    const common = {
      'content-type': types[path.extname(pathname)] ?? 'application/octet-stream',
      'cache-control': 'no-store',
      ...(isolated.includes(folder) ? isolation : {}),
    }
    const range = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '')
    if (range === null) {
      send(response.writeHead(200, { ...common, 'content-length': sizeOf(file) }), file)
      return
    }
    const [first, last] = [Number(range[1]), Math.min(Number(range[2]), sizeOf(file) - 1)]
    if (pathname === held && last > first) {
      holding.resolve()
      return
    }
    const contentRange = `bytes ${first}-${last}/${sizeOf(file)}`
    const partial = { ...common, 'content-range': contentRange, 'content-length': last + 1 - first }
    send(response.writeHead(206, partial), file, first, last + 1)
  }
  const server = createServer(answer)
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    holding: holding.promise,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
}
