import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PocketPhiError } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import { httpSource } from './http.ts'
import { blobSource, bytesSource, fileSource, type ByteSource } from './source.ts'
import { rangeServer } from './testing.ts'

const content = Uint8Array.from({ length: 1000 }, (_, index) => (index * 31) & 255)
let root = ''

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'pocket-phi-source-'))
  writeFileSync(join(root, 'data'), content)
  writeFileSync(join(root, 'empty'), '')
})

afterAll(() => {
  rmSync(root, { recursive: true, force: true })
})

async function codeOf(action: () => Promise<unknown>): Promise<string> {
  try {
    await action()
  } catch (error) {
    if (error instanceof PocketPhiError) return error.code
    throw error
  }
  return 'no error'
}

const media: readonly [string, () => Promise<ByteSource>, () => Promise<ByteSource>][] = [
  ['bytes', async () => bytesSource(content, 'data'), async () => bytesSource(new Uint8Array(0))],
  ['a Blob', async () => blobSource(new Blob([content]), 'data'), async () => blobSource(new Blob([]))],
  ['a File', async () => blobSource(new File([content], 'data')), async () => blobSource(new File([], 'empty'))],
  ['a file', () => fileSource(join(root, 'data')), () => fileSource(join(root, 'empty'))],
  [
    'HTTP ranges',
    () => httpSource('https://host/a/data?x=/1', { fetch: rangeServer(content) }),
    () => httpSource('https://host/empty', { fetch: rangeServer(new Uint8Array(0)) }),
  ],
]

describe.each(media)('a source of %s', (_, open, openEmpty) => {
  it('reads any range, with and without a view', async () => {
    const source = await open()
    expect([source.name, source.size]).toEqual(['data', 1000])
    const random = new Random(8)
    for (let trial = 0; trial < 40; trial++) {
      const offset = random.integer(0, 1001)
      const length = random.integer(0, 1001 - offset)
      expect(await source.read(offset, length)).toEqual(content.subarray(offset, offset + length))
      const around = new Uint8Array(length + 2).fill(77)
      const into = around.subarray(1, 1 + length)
      expect(await source.read(offset, length, into)).toBe(into)
      expect(around).toEqual(Uint8Array.of(77, ...content.subarray(offset, offset + length), 77))
    }
    await source.close()
  })

  it('reads straight into WebAssembly memory', async () => {
    for (const shared of [false, true]) {
      const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared })
      const source = await open()
      await source.read(100, 50, new Uint8Array(memory.buffer, 4096, 50))
      expect(new Uint8Array(memory.buffer).slice(4096, 4146)).toEqual(content.slice(100, 150))
      expect(new Uint8Array(memory.buffer).slice(4095, 4096)).toEqual(Uint8Array.of(0))
      await source.close()
    }
  })

  it('refuses ranges outside, wrong views and reads after closing', async () => {
    const source = await open()
    const outside: [number, number][] = [
      [-1, 1],
      [0, 1001],
      [1000, 1],
      [1001, 0],
      [0, -1],
      [0.5, 1],
      [Number.NaN, 1],
      [2 ** 53, 1],
    ]
    for (const [offset, length] of outside) {
      expect(await codeOf(() => source.read(offset, length))).toBe('invalid-argument')
    }
    expect(await codeOf(() => source.read(0, 4, new Uint8Array(5)))).toBe('invalid-argument')
    await source.close()
    await source.close()
    expect(await codeOf(() => source.read(0, 1))).toBe('invalid-argument')
  })

  it('may be empty', async () => {
    const source = await openEmpty()
    expect(source.size).toBe(0)
    expect((await source.read(0, 0)).length).toBe(0)
    expect(await codeOf(() => source.read(0, 1))).toBe('invalid-argument')
    await source.close()
  })
})

describe('a file', () => {
  it('that is not there or no file is a typed error', async () => {
    expect(await codeOf(() => fileSource(join(root, 'none')))).toBe('not-found')
    expect(await codeOf(() => fileSource(root))).toBe('not-found')
  })

  it('that is truncated while open is a typed error', async () => {
    writeFileSync(join(root, 'shrinking'), content)
    const source = await fileSource(join(root, 'shrinking'))
    truncateSync(join(root, 'shrinking'), 500)
    expect((await source.read(0, 500)).length).toBe(500)
    expect(await codeOf(() => source.read(400, 200))).toBe('invalid-file')
    await source.close()
  })
})

describe('an HTTP server', () => {
  const url = 'https://host/model.bin'

  it('is asked for one byte first and then for ranges', async () => {
    const asked: string[] = []
    const serve = rangeServer(content)
    const source = await httpSource(url, {
      headers: { authorization: 'x' },
      fetch: async (address, init) => {
        const headers = new Headers(init.headers)
        asked.push(`${headers.get('range')} ${headers.get('authorization')}`)
        return await serve(address, init)
      },
    })
    await source.read(10, 5)
    await source.read(3, 0)
    expect(asked).toEqual(['bytes=0-0 x', 'bytes=10-14 x'])
  })

  it.each([
    ['lacks the file', { status: 404 }, 'not-found'],
    ['keeps the file from us', { status: 403 }, 'not-found'],
    ['refuses', { status: 401 }, 'invalid-file'],
    ['fails', { status: 500 }, 'invalid-file'],
    ['serves no ranges', { status: 200 }, 'not-supported'],
    ['hides the range', { contentRange: null }, 'not-supported'],
    ['does not say the size', { contentRange: 'bytes 0-0/*' }, 'not-supported'],
  ])('that %s is a typed error', async (_, change, code) => {
    expect(await codeOf(() => httpSource(url, { fetch: rangeServer(content, change) }))).toBe(code)
  })

  it.each([200, 206])('that is a web page instead is a missing file, with status %i', async (status) => {
    const headers = { 'content-type': 'text/html; charset=utf-8', 'content-range': 'bytes 0-0/1' }
    const fetch = (): Promise<Response> => Promise.resolve(new Response('<', { status, headers }))
    expect(await codeOf(() => httpSource(url, { fetch }))).toBe('not-found')
  })

  it.each([
    ['a changed version', { etag: '"2"' }],
    ['a lost version', { etag: null }],
    ['another size', { contentRange: 'bytes 10-19/999' }],
    ['another range', { contentRange: 'bytes 11-20/1000' }],
    ['an earlier range', { contentRange: 'bytes 9-19/1000' }],
    ['a longer range', { contentRange: 'bytes 10-20/1000' }],
    ['too few bytes', { cut: -1 }],
    ['too many bytes', { cut: 1 }],
    ['a refused range', { status: 416 }],
  ])('that answers a read with %s is a typed error', async (_, change) => {
    let requests = 0
    const good = rangeServer(content)
    const bad = rangeServer(content, change)
    const source = await httpSource(url, { fetch: (address, init) => (requests++ === 0 ? good : bad)(address, init) })
    expect(await codeOf(() => source.read(10, 10))).toBe('invalid-file')
    expect(requests).toBe(2)
  })

  it('is tried again when the connection breaks, but not for ever', async () => {
    const serve = rangeServer(content)
    const broken = rangeServer(content, { breaksAfter: 3 })
    const answers = [serve, broken, () => Promise.reject(new TypeError('network')), serve]
    let at = 0
    const source = await httpSource(url, { fetch: (address, init) => (answers[at++] ?? broken)(address, init) })
    expect(await source.read(10, 10)).toEqual(content.subarray(10, 20))
    expect(at).toBe(4)
    expect(await codeOf(() => source.read(10, 10))).toBe('not-found')
    expect(at).toBe(7)
  })

  it('is no longer asked after an abort', async () => {
    const controller = new AbortController()
    const serve = rangeServer(content)
    let requests = 0
    const source = await httpSource(url, {
      signal: controller.signal,
      fetch: async (address, init) => {
        requests++
        init.signal?.throwIfAborted()
        return await serve(address, init)
      },
    })
    controller.abort()
    expect(await codeOf(() => source.read(0, 1))).toBe('aborted')
    expect(requests).toBe(2)
  })
})
