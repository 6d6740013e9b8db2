/** What `pull` makes of a hub, a storage server and a network that misbehave: the right files or a clear error. */
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  answerWith,
  HubServer,
  begin,
  commit,
  dropAfter,
  stallAfter,
  type Exchange,
  type Misbehaviour,
} from '../hub-server-harness.ts'
import {
  bench,
  expectNothingTorn,
  expectWhole,
  size,
  blobsOf,
  bytesOf,
  modelFiles,
  snapshotOf,
  weights,
} from './pull-harness.ts'
import { pull } from './pull.ts'

describe('a connection that breaks', () => {
  test.each([
    ['after some bytes', dropAfter(100_000)],
    ['before the answer', ({ request }: Exchange) => void request.socket.destroy()],
    ['after the headers', dropAfter(0)],
    [
      'by an end that looks regular, too early',
      (exchange: Exchange) => {
        exchange.response.writeHead(200)
        exchange.response.end(exchange.content.subarray(0, 100_000))
      },
    ],
  ] satisfies [string, Misbehaviour][])('%s is opened again', async (_, misbehave) => {
    await using hub = await bench()
    hub.server.misbehaviours.set(weights, [misbehave])
    await hub.pull()
    expectWhole(hub)
    expect(hub.clock.waits).toHaveLength(1)
  })

  test('costs only what had not come yet', async () => {
    await using hub = await bench()
    hub.server.misbehaviours.set(weights, [dropAfter(100_000), dropAfter(50_000)])
    const { files } = await hub.pull()
    expectWhole(hub)
    expect(hub.server.contentRequests(weights).map(({ range }) => range)).toEqual([
      undefined,
      'bytes=100000-',
      'bytes=150000-',
    ])
    expect(files.find(({ name }) => name === weights)?.received).toBe(size)
  })

  test('again and again is opened as long as something comes', async () => {
    await using hub = await bench()
    hub.server.misbehaviours.set(
      weights,
      Array.from({ length: 20 }, () => dropAfter(10_000)),
    )
    await hub.pull()
    expectWhole(hub)
    // Waits do not grow while there is progress.
    expect(Math.max(...hub.clock.waits)).toBeLessThanOrEqual(500)
  })

  test('is given up when nothing comes six times in a row, and the next pull goes on there', async () => {
    await using hub = await bench()
    hub.server.misbehaviours.set(weights, [dropAfter(70_000), ...Array.from({ length: 6 }, () => dropAfter(0))])
    await expect(hub.pull()).rejects.toMatchObject({ code: 'network', message: expect.stringContaining('broke off') })
    expectNothingTorn(hub)
    expect(blobsOf(hub.cache).partial).toEqual({ [hub.server.etag(weights)]: 70_000 })
    expect(hub.clock.waits).toHaveLength(5)
    hub.clock.waits.forEach((wait, index) => {
      expect(wait).toBeGreaterThanOrEqual(250 * 2 ** index)
      expect(wait).toBeLessThanOrEqual(500 * 2 ** index)
    })
    hub.server.misbehaviours.clear()
    hub.server.asked.length = 0
    await hub.pull()
    expectWhole(hub)
    expect(hub.server.contentRequests(weights).map(({ range }) => range)).toEqual(['bytes=70000-'])
  })

  test('of a server without ranges does not go on for ever', async () => {
    await using hub = await bench()
    const fromStart = (exchange: Exchange): void => {
      dropAfter(50_000)({ ...exchange, from: 0 })
    }
    hub.server.misbehaviours.set(
      weights,
      Array.from({ length: 50 }, () => fromStart),
    )
    await expect(hub.pull()).rejects.toMatchObject({ code: 'network' })
    expect(hub.server.contentRequests(weights)).toHaveLength(6)
    expectNothingTorn(hub)
  })

  test('while the list is asked for is opened again', async () => {
    await using hub = await bench()
    hub.server.listingMisbehaviours.push(
      ({ request }) => void request.socket.destroy(),
      (exchange) => {
        exchange.response.writeHead(200, { 'content-length': exchange.content.length })
        exchange.response.write(exchange.content.subarray(0, 20), () => exchange.response.destroy())
      },
    )
    await hub.pull()
    expectWhole(hub)
  })

  test('to a server that is not there is an error that says so', async () => {
    await using hub = await bench()
    const gone = await HubServer.start({})
    const environment = { ...hub.environment, endpoint: gone.endpoint }
    await gone[Symbol.asyncDispose]()
    await expect(pull('org/model', environment, { clock: hub.clock })).rejects.toMatchObject({
      code: 'network',
      message: expect.stringMatching(/cannot be reached.*HF_HUB_OFFLINE/s),
      found: 'ECONNREFUSED',
    })
  })
})

test('a port that fetch never asks is not reached, and nothing is promised of what was never begun', async () => {
  await using hub = await bench()
  const environment = { ...hub.environment, endpoint: 'http://127.0.0.1:9' }
  await expect(pull('org/model', environment, { clock: hub.clock })).rejects.toMatchObject({
    message: expect.stringMatching(/^The server 127\.0\.0\.1:9 cannot be reached\./),
    found: 'bad port',
  })
  expect(hub.clock.waits).toHaveLength(2)
})

test('a server that hangs up before it answers has not begun anything', async () => {
  await using hub = await bench()
  const hangUp = ({ request }: Exchange): void => void request.socket.destroy()
  hub.server.listingMisbehaviours.push(...Array.from({ length: 6 }, () => hangUp))
  await expect(hub.pull()).rejects.toMatchObject({
    message: expect.stringContaining('broke off before it answered'),
    remedy: 'Try again.',
  })
})

describe('a server that stands still', () => {
  test('in the middle of a file is left, and the rest is asked for anew', async () => {
    await using hub = await bench()
    hub.server.misbehaviours.set(weights, [stallAfter(100_000)])
    await hub.pull({
      onProgress: ({ stage, done, total }) => {
        if (stage === weights && total - done === size - 100_000) hub.clock.stall()
      },
    })
    expectWhole(hub)
    expect(hub.server.contentRequests(weights).map(({ range }) => range)).toEqual([undefined, 'bytes=100000-'])
  })

  test('before it answers is left', async () => {
    await using hub = await bench()
    hub.server.misbehaviours.set(weights, [() => hub.clock.stall()])
    hub.server.listingMisbehaviours.push(() => hub.clock.stall())
    await hub.pull()
    expectWhole(hub)
  })

  test('each time is an error in the end, which says for how long nothing came', async () => {
    await using hub = await bench()
    hub.server.misbehaviours.set(
      weights,
      Array.from({ length: 6 }, () => () => hub.clock.stall()),
    )
    await expect(hub.pull()).rejects.toMatchObject({
      code: 'network',
      found: expect.stringContaining('no byte from 127.0.0.1'),
    })
    expectNothingTorn(hub)
  })
})

describe('a server that is busy', () => {
  test.each([
    ['seconds', { 'retry-after': '7' }, 7000],
    ['a date', { 'retry-after': 'Thu, 01 Jan 2026 00:00:09 GMT' }, 9000],
    ['the rest of its window', { ratelimit: '"api";r=0;t=55' }, 55_000],
  ])('is asked again after as long as it says: %s', async (_, headers, wait) => {
    await using hub = await bench()
    hub.server.misbehaviours.set(weights, [answerWith(429, headers)])
    await hub.pull()
    expectWhole(hub)
    expect(hub.clock.waits).toEqual([wait])
  })

  test('for an hour is an error that says so', async () => {
    await using hub = await bench()
    hub.server.listingMisbehaviours.push(answerWith(429, { 'retry-after': '3600' }))
    await expect(hub.pull()).rejects.toMatchObject({ code: 'network', found: expect.stringContaining('3600 s') })
    expect(hub.clock.waits).toEqual([])
  })

  test.each([500, 502, 503, 504, 408])('is asked again after status %i, and the wait is shown', async (status) => {
    await using hub = await bench()
    hub.server.misbehaviours.set(weights, [answerWith(status), answerWith(status)])
    hub.server.listingMisbehaviours.push(answerWith(status))
    const stages: string[] = []
    await hub.pull({ onProgress: ({ stage }) => stages.push(stage) })
    expectWhole(hub)
    expect(stages.filter((stage) => stage.includes(`status ${status}`))).toHaveLength(3)
  })

  test('in its storage six times is an error', async () => {
    await using hub = await bench()
    hub.server.misbehaviours.set(
      weights,
      Array.from({ length: 6 }, () => answerWith(503)),
    )
    await expect(hub.pull()).rejects.toMatchObject({ code: 'network', found: expect.stringContaining('status 503') })
    expectNothingTorn(hub)
  })
})

describe('redirects', () => {
  test('to another server carry no token, and the hub gets it', async () => {
    await using hub = await bench(modelFiles(), { token: 'hf_secret' })
    await hub.pull()
    expectWhole(hub)
    const tokens = (server: 'hub' | 'storage'): unknown[] => [
      ...new Set(hub.server.asked.filter((one) => one.server === server).map(({ authorization }) => authorization)),
    ]
    expect(tokens('hub')).toEqual(['Bearer hf_secret'])
    expect(tokens('storage')).toEqual([undefined])
  })

  test('within the hub are followed, as of a model that was renamed', async () => {
    await using hub = await bench(modelFiles(), { token: 'hf_secret' })
    hub.server.listingMisbehaviours.push(({ response }) => {
      response.writeHead(307, { location: '/api/models/org/model/revision/main' }).end()
    })
    await hub.pull()
    expectWhole(hub)
    expect(hub.server.asked[1]?.authorization).toBe('Bearer hf_secret')
  })

  test('in circles are an error', async () => {
    await using hub = await bench()
    const around: Misbehaviour = ({ request, response }) => {
      response.writeHead(302, { location: request.url ?? '/' }).end()
    }
    hub.server.listingMisbehaviours.push(...Array.from({ length: 20 }, () => around))
    await expect(hub.pull()).rejects.toMatchObject({
      code: 'invalid-file',
      message: expect.stringContaining('circles'),
    })
  })

  test.each(['http://storage.example/x', 'file:///etc/passwd'])(
    'from a secure address to %s are refused, and nobody is asked there',
    async (location) => {
      await using hub = await bench(modelFiles(), { endpoint: 'https://hub.example', token: 'hf_secret' })
      const asked: string[] = []
      const fetch = async (url: string): Promise<Response> => {
        asked.push(url)
        return new Response(null, { status: 302, headers: { location } })
      }
      await expect(hub.pull({ fetch })).rejects.toMatchObject({ code: 'invalid-file' })
      expect(asked).toEqual(['https://hub.example/api/models/org/model/revision/main?blobs=true'])
    },
  )
})

describe('a file that changes', () => {
  /** The beginning of an old version with its ETag, and then a broken connection. */
  const oldVersion: Misbehaviour = (exchange) => {
    exchange.response.setHeader('etag', '"v-old"')
    dropAfter(100_000)({ ...exchange, content: bytesOf(size, 77) })
  }

  test('between two attempts is noticed by its ETag and begun anew', async () => {
    await using hub = await bench()
    hub.server.misbehaviours.set(weights, [oldVersion])
    const { files } = await hub.pull()
    expectWhole(hub)
    const [, second] = hub.server.contentRequests(weights)
    expect(second).toMatchObject({ range: 'bytes=100000-', ifRange: '"v-old"' })
    expect(hub.server.contentRequests(weights)).toHaveLength(2)
    expect(files.find(({ name }) => name === weights)?.received).toBe(size + 100_000)
  })

  test('is noticed by its checksum where the server ignores the ETag', async () => {
    await using hub = await bench()
    const rest: Misbehaviour = (exchange) => exchange.response.end(begin(exchange))
    hub.server.misbehaviours.set(weights, [oldVersion, rest])
    await hub.pull()
    expectWhole(hub)
    expect(hub.server.contentRequests(weights).map(({ range }) => range)).toEqual([
      undefined,
      'bytes=100000-',
      undefined,
    ])
  })

  test('between two runs is noticed by its checksum', async () => {
    await using hub = await bench()
    hub.server.misbehaviours.set(weights, [oldVersion, ...Array.from({ length: 6 }, () => dropAfter(0))])
    await expect(hub.pull()).rejects.toMatchObject({ code: 'network' })
    hub.server.misbehaviours.clear()
    await hub.pull()
    expectWhole(hub)
  })

  test('after it was listed is an error before any of it is kept', async () => {
    await using hub = await bench()
    const listed = hub.server.etag(weights)
    hub.server.editListing = (listing) => {
      hub.server.files.set(weights, bytesOf(size, 5))
      return listing
    }
    await expect(hub.pull()).rejects.toMatchObject({
      code: 'invalid-file',
      message: expect.stringContaining('has changed'),
      expected: expect.stringContaining(listed),
    })
    expect(blobsOf(hub.cache).partial).toEqual({ [listed]: 0 })
    expectNothingTorn(hub)
  })

  test('to something shorter than what is here is begun anew', async () => {
    await using hub = await bench()
    hub.server.misbehaviours.set(weights, [
      dropAfter(100_000),
      ({ response }) => {
        response.writeHead(416, { 'content-range': 'bytes */90000' }).end()
      },
    ])
    await hub.pull()
    expectWhole(hub)
    expect(hub.server.contentRequests(weights).at(-1)?.range).toBeUndefined()
  })

  test('into the same length of other bytes, for good, is an error, and nothing of it stays', async () => {
    await using hub = await bench()
    const wrong: Misbehaviour = ({ honest }) => honest(bytesOf(size, 8))
    hub.server.misbehaviours.set(weights, [wrong, wrong])
    await expect(hub.pull()).rejects.toMatchObject({
      code: 'invalid-file',
      expected: `sha256 ${hub.server.etag(weights)}`,
      found: createHash('sha256').update(bytesOf(size, 8)).digest('hex'),
    })
    expectNothingTorn(hub)
    expect(blobsOf(hub.cache).partial).toEqual({ [hub.server.etag(weights)]: 0 })
    await hub.pull()
    expectWhole(hub)
  })

  test('once, on the way here, is brought again', async () => {
    await using hub = await bench()
    hub.server.misbehaviours.set(weights, [({ honest }) => honest(bytesOf(size, 8))])
    hub.server.misbehaviours.set('config.json', [({ honest }) => honest(Buffer.from('{"model_type":"phi4"}\n'))])
    await hub.pull()
    expectWhole(hub)
  })
})

describe('a server that lies about the length', () => {
  const chunked =
    (edit: (content: Buffer) => Buffer): Misbehaviour =>
    ({ response, content }) => {
      response.writeHead(200).end(edit(content))
    }
  const lies: [string, Misbehaviour][] = [
    [
      'more than was listed, in its header',
      (one) => void one.response.writeHead(200, { 'content-length': size + 5 }).end(Buffer.alloc(size + 5)),
    ],
    [
      'less than was listed, in its header',
      (one) => void one.response.writeHead(200, { 'content-length': size - 5 }).end(one.content.subarray(5)),
    ],
    ['more than was listed, in its body alone', chunked((content) => Buffer.concat([content, Buffer.from('more')]))],
    ['much more, without an end', (one) => void one.response.writeHead(200).write(Buffer.alloc(4 * size))],
    [
      'another part than was asked for',
      (one) =>
        void one.response
          .writeHead(206, { 'content-range': `bytes 10-${size - 1}/${size}` })
          .end(one.content.subarray(10)),
    ],
    [
      'a part of something longer',
      (one) =>
        void one.response.writeHead(206, { 'content-range': `bytes 0-${size - 1}/${size * 2}` }).end(one.content),
    ],
    ['a part without saying which', (one) => void one.response.writeHead(206).end(one.content)],
    [
      'a web page',
      (one) =>
        void one.response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Log in to the network</html>'),
    ],
  ]

  test.each(lies)('once is asked again: %s', async (_, lie) => {
    await using hub = await bench()
    hub.server.misbehaviours.set(weights, [lie])
    await hub.pull()
    expectWhole(hub)
  })

  test.each(lies)('always gets an error that names the file, and nothing is kept: %s', async (_, lie) => {
    await using hub = await bench()
    hub.server.misbehaviours.set(
      weights,
      Array.from({ length: 12 }, () => lie),
    )
    await expect(hub.pull()).rejects.toMatchObject({
      code: expect.stringMatching(/^(?:invalid-file|network)$/),
      message: expect.stringContaining(weights),
    })
    expectNothingTorn(hub)
  })

  test('and closes before what its header promises is one that breaks off', async () => {
    await using hub = await bench()
    hub.server.misbehaviours.set(weights, [dropAfter(size - 1)])
    await hub.pull()
    expectWhole(hub)
    expect(hub.server.contentRequests(weights).at(-1)?.range).toBe(`bytes=${size - 1}-`)
  })

  test.each([1, -1])('in the list, by %i, gets an error before anything is kept', async (by) => {
    await using hub = await bench()
    hub.server.editListing = ({ sha, siblings }) => ({
      sha,
      siblings: siblings.map((one) => ({
        ...one,
        lfs: one['lfs'] && { ...one['lfs'], size: Number(one['size']) + by },
      })),
    })
    await expect(hub.pull()).rejects.toMatchObject({ code: 'invalid-file' })
    expectNothingTorn(hub)
  })
})

describe('the list of files', () => {
  const lists: [string, unknown][] = [
    ['is no object', []],
    ['has no commit', { siblings: [] }],
    ['has a commit that leaves the cache', { sha: '../../../../evil', siblings: [] }],
    ['has no files', { sha: commit }],
    ['has a file without a name', { sha: commit, siblings: [{ size: 3 }] }],
    ['has a file twice', { sha: commit, siblings: [{ rfilename: 'config.json' }, { rfilename: 'config.json' }] }],
  ]
  test.each(lists)('is refused when it %s', async (_, list) => {
    await using hub = await bench()
    hub.server.editListing = () => list
    await expect(hub.pull()).rejects.toMatchObject({ code: 'invalid-file' })
    expect(blobsOf(hub.cache).blobs).toEqual([])
  })

  test.each([
    '../evil.safetensors',
    '/evil.safetensors',
    'a/../../evil.safetensors',
    '..\\evil.safetensors',
    'C:evil.safetensors',
    'a//b.safetensors',
  ])('is refused when a file is named %s', async (name) => {
    await using hub = await bench({ ...modelFiles(), [name]: bytesOf(2000) })
    await expect(hub.pull({ include: ['*'] })).rejects.toMatchObject({
      code: 'invalid-file',
      found: undefined,
      message: expect.stringContaining(JSON.stringify(name)),
    })
    expect(snapshotOf(hub.cache)).toEqual({})
  })

  test('without checksums, as of some mirrors, is completed by what the files say of themselves', async () => {
    await using hub = await bench()
    hub.server.editListing = ({ sha, siblings }) => ({
      sha,
      siblings: siblings.map(({ rfilename }) => ({ rfilename })),
    })
    await hub.pull()
    expectWhole(hub)
    // Where the redirect leads need not be known for that.
    expect(hub.server.contentRequests(weights)).toHaveLength(1)
  })

  test('without checksums anywhere is refused, as nothing could be verified', async () => {
    await using hub = await bench()
    hub.server.editListing = ({ sha, siblings }) => ({
      sha,
      siblings: siblings.map(({ rfilename }) => ({ rfilename })),
    })
    const fetch = async (url: string, init: RequestInit): Promise<Response> => {
      const answer = await globalThis.fetch(url, init)
      const headers = new Headers(answer.headers)
      headers.delete('x-linked-etag')
      headers.delete('etag')
      return new Response(init.method === 'HEAD' ? null : answer.body, { status: answer.status, headers })
    }
    await expect(hub.pull({ fetch })).rejects.toMatchObject({
      code: 'invalid-file',
      message: expect.stringContaining('by what to check'),
    })
  })
})
