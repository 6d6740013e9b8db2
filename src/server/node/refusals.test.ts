/** Refusals whose request has a body that nobody reads: who still sends it gets the refusal, and keeps the connection. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { fakeApp } from '../fake-model-harness.ts'
import { listen, type Listening } from './listen.ts'

const key = 'a key'
/** More than a socket, a parser and a stream hold together. */
const large = 'x'.repeat(4 * 2 ** 20)

let server: Listening
const sockets: Socket[] = []

beforeAll(async () => {
  const app = fakeApp(
    async function* () {
      yield await Promise.resolve('Hello')
    },
    { keys: [key] },
  )
  server = await listen(app, { host: '127.0.0.1', port: 0, patience: 60 })
})

afterEach(() => {
  vi.useRealTimers()
  for (const socket of sockets.splice(0)) socket.destroy()
})

afterAll(async () => {
  await server.close()
})

/** A connection, and the statuses that came back on it. */
async function open(): Promise<{ socket: Socket; statuses: () => string[]; until: (count: number) => Promise<void> }> {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1').setEncoding('latin1')
  sockets.push(socket)
  let text = ''
  socket.on('data', (data: string) => (text += data))
  await once(socket, 'connect')
  const statuses = (): string[] => [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status = '']) => status)
  const until = async (count: number): Promise<void> => {
    while (statuses().length < count) {
      await Promise.race([
        once(socket, 'data'),
        once(socket, 'close').then(() => {
          throw new Error(`The connection was closed after ${JSON.stringify(text)}`)
        }),
      ])
    }
  }
  return { socket, statuses, until }
}

function head(authorization: string, ...headers: readonly string[]): string {
  const common = ['Host: 127.0.0.1', 'Content-Type: application/json', `Authorization: Bearer ${authorization}`]
  return ['POST /v1/completions HTTP/1.1', ...common, ...headers, '', ''].join('\r\n')
}

/** One that is answered. */
const body = JSON.stringify({ prompt: 'x' })
const good = `${head(key, `Content-Length: ${body.length}`)}${body}`
const lengthOf = (sent: string): string => `Content-Length: ${sent.length}`
const chunked = `${large.length.toString(16)}\r\n${large}\r\n0\r\n\r\n`

describe('the next request of a connection is answered after', () => {
  it.each([
    ['a body that is too large by its head', '413', `${head(key, lengthOf(large))}${large}`],
    ['a body that turns out to be too large', '413', `${head(key, 'Transfer-Encoding: chunked')}${chunked}`],
    ['a body of a stranger', '401', `${head('none', lengthOf(large))}${large}`],
  ])('%s', async (_, status, refused) => {
    const { socket, statuses, until } = await open()
    socket.write(refused)
    socket.write(good)
    await until(2)
    expect(statuses()).toEqual([status, '200'])
  })

  it.each([
    ['413', key],
    ['401', 'none'],
  ])('a body that is sent slowly, long after its refusal (%s)', async (status, authorization) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { socket, statuses, until } = await open()
    socket.write(head(authorization, lengthOf(large)))
    socket.write(large.slice(1))
    await until(1)
    await vi.advanceTimersByTimeAsync(30_000)
    socket.write(large.slice(0, 1))
    socket.write(good)
    await until(2)
    expect(statuses()).toEqual([status, '200'])
  })
})

it('nothing of a refused body is left to the garbage collector', async () => {
  const incoming: IncomingMessage[] = []
  const hear = (message: unknown): void => void incoming.push((message as { request: IncomingMessage }).request)
  subscribe('http.server.request.start', hear)
  const chunks: Buffer[] = []
  try {
    const { socket, until } = await open()
    socket.write(head('none', lengthOf(large)))
    await until(1)
    incoming[0]?.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.write(large)
    socket.write(good)
    await until(2)
  } finally {
    unsubscribe('http.server.request.start', hear)
  }
  expect(chunks.length).toBeGreaterThan(large.length / 65_536 - 1)
  expect(chunks.filter(({ buffer }) => !(buffer as ArrayBuffer).detached)).toEqual([])
})

describe('a body without end is read away up to 16 MiB, and then cut', () => {
  const total = 2 ** 30
  const chunk = (2 ** 20).toString(16)

  /** Sends as fast as it is taken. @returns MiB that were handed over until all was sent or the connection was closed */
  async function pour(socket: Socket, mebibyte: string): Promise<number> {
    socket.on('error', () => {}) // It is cut while it sends.
    const closed = new Promise((done) => socket.once('close', done))
    let sent = 0
    for (; sent < total / 2 ** 20 && !socket.destroyed; sent++) {
      if (!socket.write(mebibyte)) await Promise.race([new Promise((done) => socket.once('drain', done)), closed])
    }
    return sent
  }

  it.each([
    ['of a length that was said', '413', key, `Content-Length: ${total}`],
    ['of a stranger', '401', 'none', `Content-Length: ${total}`],
    ['of a stranger in chunks', '401', 'none', 'Transfer-Encoding: chunked'],
  ])('%s', async (_, status, authorization, kind) => {
    const { socket, statuses, until } = await open()
    socket.write(head(authorization, kind))
    const isChunked = !kind.startsWith('Content-Length')
    if (status === '401') await until(1)
    const mebibyte = large.slice(0, 2 ** 20)
    const sent = await pour(socket, isChunked ? `${chunk}\r\n${mebibyte}\r\n` : mebibyte)
    expect(sent).toBeGreaterThanOrEqual(16)
    expect(sent).toBeLessThan(64)
    expect(statuses()).toEqual([status])
  })

  it('and one of a connection that would have ended with its request', async () => {
    const { socket } = await open()
    socket.write(head('none', `Content-Length: ${total}`, 'Connection: close'))
    expect(await pour(socket, large.slice(0, 2 ** 20))).toBeLessThan(64)
  })
})

it.each([
  ['413', key],
  ['401', 'none'],
])('a connection that ends with its request ends after all was sent (%s)', async (status, authorization) => {
  const { socket, statuses } = await open()
  socket.write(head(authorization, lengthOf(large), 'Connection: close'))
  socket.write(large)
  await once(socket, 'close')
  expect(statuses()).toEqual([status])
})
