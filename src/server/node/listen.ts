/** A server app on a port of this machine. */
import { createServer, type Server } from 'node:http'
import { isIPv6 } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
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

/** Time for the head of a request, and for all of it, in milliseconds: those who send slowly hold no connection for ever. */
const serverOptions = { headersTimeout: 20_000, requestTimeout: 60_000 }

/** @throws PocketPhiError `invalid-argument` where the address cannot be listened on */
export async function listen(app: ServerApp, { host, port, patience }: ListenOptions): Promise<Listening> {
  const server = createAdaptorServer({
    fetch: (request) => app.fetch(request),
    createServer,
    serverOptions,
    // Other code of the process is to find the platform's own Request and Response.
    overrideGlobalObjects: false,
  }) as Server
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(listenError(error, host, port)))
    server.listen(port, host, resolve)
  })
  return { url: urlOf(server, host), close: () => close(server, app, patience) }
}

async function close(server: Server, app: ServerApp, patience: number): Promise<void> {
  const closed = new Promise<void>((resolve) => void server.close(() => resolve()))
  await app.drain()
  server.closeIdleConnections()
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
