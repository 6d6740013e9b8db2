/** A server app on a port of this machine. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { isIPv6, type Socket } from 'node:net'
import { finished } from 'node:stream/promises'
import { createAdaptorServer, type HttpBindings } from '@hono/node-server'
import { PocketPhiError } from '../../base/errors.ts'
import type { ServerApp } from '../app.ts'

export interface ListenOptions {
  readonly host: string
  /** 0 for any that is free. */
  readonly port: number
  /** Seconds that readers have left to take what was sent, once all was answered. */
  readonly patience: number
}

/** A server that can be reached. */
export interface Listening {
  readonly url: string
  /** Takes no new connections, lets what is being answered be answered and sent, and closes. */
  close(): Promise<void>
}

/**
 * Milliseconds for the head of a request and for all of it: those who send slowly hold no connection for ever. Connections that rest
 * are kept for longer than that, since Node counts one as resting while a body comes that was refused already, and for longer than
 * proxies keep theirs (60 s are usual), so that none is ended while a request is on its way.
 */
const serverOptions = { headersTimeout: 20_000, requestTimeout: 60_000, keepAliveTimeout: 75_000 }

/** Bytes of a body that are read away once its request was answered: some times the usual limit of one, and little for a stranger to waste. */
const mostDiscarded = 16 * 2 ** 20

/** @throws PocketPhiError `invalid-argument` where the address cannot be listened on */
export async function listen(app: ServerApp, { host, port, patience }: ListenOptions): Promise<Listening> {
  const fetch = async (request: Request, bindings: unknown): Promise<Response> => {
    const response = await app.fetch(request)
    const { incoming, outgoing } = bindings as HttpBindings
    // Closed with bytes in it that nobody read, a connection is reset, and who still sends may never see the answer.
    if (!outgoing.shouldKeepAlive) await discardRest(incoming)
    return response
  }
  const server = createAdaptorServer({
    fetch,
    createServer,
    serverOptions,
    // Other code of the process is to find the platform's own Request and Response.
    overrideGlobalObjects: false,
    // It would end the connection half a second after an answer to a request whose body was not read, whatever is asked on it by then.
    autoCleanupIncoming: false,
  }) as Server
  const unused = new Set<Socket>()
  server.on('connection', (socket) => {
    unused.add(socket)
    socket.once('close', () => unused.delete(socket))
  })
  server.on('request', (incoming: IncomingMessage, outgoing: ServerResponse) => {
    unused.delete(incoming.socket)
    outgoing.prependOnceListener('finish', () => void discardOrCut(incoming))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(listenError(error, host, port)))
    server.listen(port, host, resolve)
  })
  return { url: urlOf(server, host), close: () => close(server, app, unused, patience) }
}

/** Nobody reads on for who sends without end: the answer is out. */
async function discardOrCut(incoming: IncomingMessage): Promise<void> {
  await discardRest(incoming)
  if (!incoming.complete) incoming.socket.destroy()
}

/**
 * Reads what is left of the body of a request that was answered, within the time for a request and up to `mostDiscarded`: who was refused may look at the
 * answer only when all is sent, and the next request of the connection comes behind it.
 */
async function discardRest(incoming: IncomingMessage): Promise<void> {
  const { socket } = incoming
  // Of the connection, since chunks of one byte each are six on the wire.
  const last = socket.bytesRead + mostDiscarded
  const enough = new AbortController()
  // A web stream over the body would pause it for ever, since nobody reads the stream any more.
  incoming.removeAllListeners('data').on('data', (chunk: Buffer) => {
    release(chunk)
    if (socket.bytesRead > last) enough.abort()
  })
  // Of a body that nobody has begun to read Node throws all away at the end of the answer, and tells of none of it.
  incoming.resume().read(0)
  await finished(incoming, { signal: enough.signal }).catch(() => {}) // That was enough, or the client went away.
}

/**
 * Gives the memory of a chunk back at once. The garbage collector comes for it only after tens of megabytes, of which the C library then keeps
 * what it cannot return: the process would grow with refused bodies alone.
 */
function release({ buffer, byteLength }: Buffer): void {
  // Small buffers share one.
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0)
}

async function close(server: Server, app: ServerApp, unused: ReadonlySet<Socket>, patience: number): Promise<void> {
  const closed = new Promise<void>((resolve) => void server.close(() => resolve()))
  await app.drain()
  server.closeIdleConnections()
  // Browsers and clients open some to spare, which Node takes for busy until the time for a head is over.
  for (const socket of unused) socket.destroy()
  // What the system has buffered for a reader who does not read would keep the connection open.
  const timer = setTimeout(() => server.closeAllConnections(), patience * 1000)
  await closed
  clearTimeout(timer)
}

function urlOf(server: Server, host: string): string {
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return `http://${isIPv6(host) ? `[${host}]` : host}:${port}`
}

function listenError(error: Error, host: string, port: number): PocketPhiError {
  const { code } = error as NodeJS.ErrnoException
  const remedy = code === 'EADDRINUSE' ? 'Choose another port (--port), or end what listens on this one.' : undefined
  return new PocketPhiError('invalid-argument', `The server cannot listen on ${host}, port ${port}.`, {
    found: error.message,
    ...(remedy === undefined ? {} : { remedy }),
    cause: error,
  })
}
