/**
 * A hub on this machine, and the storage server that it redirects to, which misbehave as a test says. Both log what they
 * were asked.
 */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Asked {
  readonly server: 'hub' | 'storage'
  readonly path: string
  readonly range: string | undefined
  readonly ifRange: string | undefined
  readonly authorization: string | undefined
}

/** What lets a page of another origin ask, as the hub and its storage servers do. */
const cors = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'Content-Range, ETag, X-Error-Code, X-Error-Message, X-Repo-Commit',
}

/** What a misbehaviour can use: the request, and what an honest server would send. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly content: Buffer
  /** Where the answer begins and ends, as the range asks. */
  readonly from: number
  readonly end: number
  /** Answers honestly, from another content if one is given. */
  readonly honest: (content?: Buffer) => void
  /** Waits until the client has so many bytes of the file on its disk: a connection that breaks takes those on their way along. */
  readonly kept: (bytes: number) => Promise<void>
}

export type Misbehaviour = (exchange: Exchange) => void

export const commit = '0123456789abcdef0123456789abcdef01234567'

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
const gitId = (bytes: Buffer): string => createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex')

/** Files from this size on are in LFS: listed with SHA-256, and redirected to the storage server. */
const smallestInLfs = 1000

export class HubServer implements AsyncDisposable {
  readonly asked: Asked[] = []
  readonly files: Map<string, Buffer>
  /** How the next requests for content are answered, by file; an honest answer when the list is empty. */
  readonly misbehaviours = new Map<string, Misbehaviour[]>()
  /** How the next requests for the listing are answered. */
  readonly listingMisbehaviours: Misbehaviour[] = []
  commit = commit
  /** What changes the listing before it is sent. */
  editListing: (listing: { sha: unknown; siblings: Record<string, unknown>[] }) => unknown = (listing) => listing
  /** How much of a file the client has on its disk. */
  keptOf: (name: string) => number = () => Infinity
  readonly #hub: Server
  readonly #storage: Server

  private constructor(files: Readonly<Record<string, Buffer>>) {
    this.files = new Map(Object.entries(files))
    this.#hub = createServer((request, response) => this.#answerHub(request, response))
    this.#storage = createServer((request, response) => this.#answerStorage(request, response))
  }

  static async start(files: Readonly<Record<string, Buffer>>): Promise<HubServer> {
    const server = new HubServer(files)
    for (const one of [server.#hub, server.#storage]) {
      one.prependListener('request', (_request, response) => {
        for (const [name, value] of Object.entries(cors)) response.setHeader(name, value)
      })
      await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve))
    }
    return server
  }

  get endpoint(): string {
    return addressOf(this.#hub)
  }

  get storage(): string {
    return addressOf(this.#storage)
  }

  etag(name: string): string {
    const content = this.files.get(name) ?? Buffer.alloc(0)
    return content.length < smallestInLfs ? gitId(content) : sha256(content)
  }

  /** Requests for the content of a file, where its bytes came from. */
  contentRequests(name: string): Asked[] {
    const server = (this.files.get(name)?.length ?? 0) < smallestInLfs ? 'hub' : 'storage'
    return this.asked.filter((one) => one.server === server && one.path.endsWith(`/${name}`))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of [this.#hub, this.#storage]) {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  }

  #log(server: Asked['server'], request: IncomingMessage): string {
    const path = decodeURIComponent((request.url ?? '').replace(/\?.*/, ''))
    const { range, authorization } = request.headers
    this.asked.push({ server, path, range, ifRange: request.headers['if-range']?.toString(), authorization })
    return path
  }

  #answerHub(request: IncomingMessage, response: ServerResponse): void {
    const path = this.#log('hub', request)
    if (path.startsWith('/api/models/org/model/revision/')) return this.#answerListing(request, response)
    const name = path.replace(/^\/org\/model\/resolve\/[0-9a-f]{40}\//, '')
    const content = this.files.get(name)
    if (content === undefined) return fail(response, 404, 'EntryNotFound')
    const headers = {
      'x-repo-commit': this.commit,
      'x-linked-etag': `"${this.etag(name)}"`,
      'x-linked-size': String(content.length),
    }
    if (content.length < smallestInLfs) return this.#answerContent(name, request, response, content, headers)
    response.writeHead(302, { ...headers, location: `${this.storage}/signed/${name}` }).end()
  }

  #answerListing(request: IncomingMessage, response: ServerResponse): void {
    const siblings = Array.from(this.files, ([name, content]) => ({
      rfilename: name,
      size: content.length,
      ...(content.length < smallestInLfs
        ? { blobId: gitId(content) }
        : {
            blobId: gitId(Buffer.from('pointer')),
            lfs: { sha256: sha256(content), size: content.length, pointerSize: 134 },
          }),
    }))
    const content = Buffer.from(JSON.stringify(this.editListing({ sha: this.commit, siblings })))
    const honest = (other: Buffer = content): void => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(other)
    }
    const misbehave = this.listingMisbehaviours.shift()
    if (misbehave === undefined) return honest()
    misbehave({ request, response, content, from: 0, end: content.length, honest, kept: async () => {} })
  }

  #answerStorage(request: IncomingMessage, response: ServerResponse): void {
    const name = this.#log('storage', request).replace(/^\/signed\//, '')
    const content = this.files.get(name)
    if (content === undefined) return fail(response, 403, undefined)
    this.#answerContent(name, request, response, content, {})
  }

  #answerContent(
    name: string,
    request: IncomingMessage,
    response: ServerResponse,
    content: Buffer,
    headers: Readonly<Record<string, string>>,
  ): void {
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '')
    const honest = (whole = content): void => {
      // A version as storage servers name it: not the checksum that the hub gives.
      const etag = `"v-${sha256(whole).slice(0, 32)}"`
      const asked = request.headers['if-range']
      const from = range === null || (asked !== undefined && asked !== etag) ? 0 : Number(range[1])
      const end = endOf(range, whole)
      const partial = from > 0 || (range?.[2] ?? '') !== ''
      if (from >= whole.length && partial) {
        response.writeHead(416, { ...headers, 'content-range': `bytes */${whole.length}` }).end()
        return
      }
      const body = whole.subarray(from, end)
      response
        .writeHead(partial ? 206 : 200, {
          etag,
          ...headers,
          'content-length': body.length,
          ...(partial ? { 'content-range': `bytes ${from}-${end - 1}/${whole.length}` } : {}),
        })
        .end(request.method === 'HEAD' ? undefined : body)
    }
    const misbehave = request.method === 'HEAD' ? undefined : this.misbehaviours.get(name)?.shift()
    if (misbehave === undefined) return honest()
    const kept = async (bytes: number): Promise<void> => {
      while (!response.destroyed && this.keptOf(name) < bytes) await new Promise((resolve) => setImmediate(resolve))
    }
    const [from, end] = [Number(range?.[1] ?? 0), endOf(range, content)]
    misbehave({ request, response, content, from, end, honest, kept })
  }
}

/** Behind the last byte that a range asks for. */
function endOf(range: RegExpExecArray | null, { length }: Buffer): number {
  const last = range?.[2] ?? ''
  return last === '' ? length : Math.min(length, Number(last) + 1)
}

function addressOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Answers with an error as the hub does. */
export function fail(
  response: ServerResponse,
  status: number,
  code: string | undefined,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { ...headers, ...(code === undefined ? {} : { 'x-error-code': code }) }).end('{}')
}

/** Headers of an honest answer, and the bytes from where it begins. */
export function begin(
  { response, content, from, end }: Exchange,
  headers: Readonly<Record<string, string | number>> = {},
): Buffer {
  const body = content.subarray(from, end)
  const partial = from > 0 || end < content.length
  response.writeHead(partial ? 206 : 200, {
    'content-length': body.length,
    ...(partial ? { 'content-range': `bytes ${from}-${end - 1}/${content.length}` } : {}),
    ...headers,
  })
  return body
}

/** Sends so many bytes and breaks the connection when they have come. */
export const dropAfter =
  (bytes: number): Misbehaviour =>
  (exchange) => {
    const { response, from, kept } = exchange
    const body = begin(exchange)
    const drop = async (): Promise<void> => {
      await kept(from + bytes)
      response.destroy()
    }
    response.write(body.subarray(0, bytes), () => void drop())
  }

/** Sends so many bytes and then nothing, with the connection open. */
export const stallAfter =
  (bytes: number): Misbehaviour =>
  (exchange) =>
    void exchange.response.write(begin(exchange).subarray(0, bytes))

/** Answers with a status. */
export const answerWith =
  (status: number, headers: Readonly<Record<string, string>> = {}, code?: string): Misbehaviour =>
  ({ response }) =>
    fail(response, status, code, headers)
