/** Reads of parts of files from a hub, a storage server and a network that misbehave: the right bytes or a clear error. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TestClock } from '../base/clock-harness.ts'
import type { ByteSource } from '../formats/source.ts'
import {
  answerWith,
  begin,
  commit,
  dropAfter,
  HubServer,
  stallAfter,
  type Exchange,
  type Misbehaviour,
} from './hub-server-harness.ts'
import { fileAddress, listRepository } from './listing.ts'
import { hubSource } from './ranges.ts'
import type { Connection } from './request.ts'

const name = 'default/test/0000.parquet'
/** Without zeros, so that it can be seen how much of it has come. */
const content = Buffer.from(
  Uint8Array.from({ length: 100_000 }, (_, index) => 1 + (((index * index * 31) >>> 5) % 255)),
)
const stallSeconds = 12_345
const advice = { endpoint: 'Check the address.', unreachable: 'x', limits: 'x', access: 'x' }

let server: HubServer
let clock: TestClock

beforeEach(async () => {
  server = await HubServer.start({ [name]: content })
  clock = new TestClock(stallSeconds)
})
afterEach(() => server[Symbol.asyncDispose]())

async function opened(more: Partial<Connection> = {}): Promise<ByteSource> {
  const connection = { endpoint: server.endpoint, token: undefined, advice, stallSeconds, clock, ...more }
  const retry = { clock, signal: more.signal }
  const { files } = await listRepository(connection, retry, 'org/model', 'main')
  const file = files.find((one) => one.name === name) ?? { name, size: undefined, checksum: undefined }
  return await hubSource(connection, retry, fileAddress(server.endpoint, 'org/model', commit, name), file)
}

const misbehave = (...all: Misbehaviour[]): Map<string, Misbehaviour[]> => server.misbehaviours.set(name, all)
const ranges = (): (string | undefined)[] =>
  server.asked.flatMap((asked) => (asked.server === 'storage' ? [asked.range] : []))

describe('a part of a file', () => {
  test('is read alone, with the token for the hub and for nobody else', async () => {
    const source = await opened({ token: 'secret' })
    expect([source.name, source.size]).toEqual(['0000.parquet', content.length])
    expect(Buffer.from(await source.read(500, 300))).toEqual(content.subarray(500, 800))
    expect((await source.read(7, 0)).length).toBe(0)
    const into = new Uint8Array(10)
    expect(await source.read(content.length - 10, 10, into)).toBe(into)
    expect(Buffer.from(into)).toEqual(content.subarray(-10))
    expect(ranges()).toEqual(['bytes=500-799', `bytes=${content.length - 10}-${content.length - 1}`])
    for (const { server: asked, authorization } of server.asked) {
      expect(authorization).toBe(asked === 'hub' ? 'Bearer secret' : undefined)
    }
    await source.close()
    await expect(source.read(0, 1)).rejects.toMatchObject({ code: 'invalid-argument' })
  })

  test('is asked for on from where a connection broke', async () => {
    misbehave(dropAfter(30_000), dropAfter(20_000))
    const into = new Uint8Array(80_000)
    server.keptOf = () => 1000 + into.indexOf(0)
    const source = await opened()
    expect(Buffer.from(await source.read(1000, 80_000, into))).toEqual(content.subarray(1000, 81_000))
    expect(ranges()).toEqual(['bytes=1000-80999', 'bytes=31000-80999', 'bytes=51000-80999'])
    expect(clock.waits).toHaveLength(2)
  })

  test.each([
    ['a server that is busy', answerWith(503)],
    ['a limit', answerWith(429, { 'retry-after': '3' })],
    ['a signed address that has expired', answerWith(403)],
    ['a page of something on the way', ({ response }: Exchange) => void response.end('<html>')],
    ['a server that stands still', (exchange: Exchange) => (stallAfter(100)(exchange), clock.stall())],
  ] satisfies [string, Misbehaviour][])('is asked for again after %s', async (_, once) => {
    misbehave(once)
    const source = await opened()
    expect(Buffer.from(await source.read(10, 5000))).toEqual(content.subarray(10, 5010))
    expect(clock.waits).toHaveLength(1)
  })

  test('is given up in the end, and may be read another time', async () => {
    misbehave(...Array.from({ length: 6 }, () => answerWith(503)))
    const source = await opened()
    await expect(source.read(10, 5000)).rejects.toMatchObject({ code: 'network' })
    expect(Buffer.from(await source.read(10, 5000))).toEqual(content.subarray(10, 5010))
  })

  test('that never comes is an error that says for how long', async () => {
    misbehave(...Array.from({ length: 6 }, () => () => clock.stall()))
    const reading = opened().then((source) => source.read(10, 5000))
    await expect(reading).rejects.toMatchObject({
      code: 'network',
      found: expect.stringContaining(`${stallSeconds} s`),
    })
  })

  test.each([
    ['another part', (exchange: Exchange) => void exchange.response.end(begin({ ...exchange, from: 20, end: 5020 }))],
    ['the whole file', ({ response, content: whole }: Exchange) => void response.end(whole)],
    [
      'another size',
      (exchange: Exchange) => void exchange.response.end(begin(exchange, { 'content-range': 'bytes 10-5009/77' })),
    ],
  ] satisfies [string, Misbehaviour][])('is not taken for %s', async (_, lie) => {
    misbehave(lie, lie)
    const source = await opened()
    await expect(source.read(10, 5000)).rejects.toMatchObject({
      code: 'invalid-file',
      expected: `bytes 10-5009/${content.length}`,
    })
  })

  test('of another version than was listed is refused', async () => {
    const source = await opened()
    server.files.set(name, Buffer.from(content.toReversed()))
    await expect(source.read(10, 5000)).rejects.toMatchObject({
      code: 'invalid-file',
      message: expect.stringContaining('has changed on the server'),
    })
  })

  test('is not waited for once the signal has fired', async () => {
    const controller = new AbortController()
    misbehave(() => controller.abort())
    const source = await opened({ signal: controller.signal })
    await expect(source.read(10, 5000)).rejects.toMatchObject({ code: 'aborted' })
  })
})
