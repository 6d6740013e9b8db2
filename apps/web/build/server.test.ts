import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { headersFor } from './headers.ts'
import { servePage, type PageServer } from './server.ts'

let folder: string
let site: PageServer

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'pocket-phi-served-'))
  await writeFile(path.join(folder, 'index.html'), 'page')
  site = await servePage({ folder, headersOf: headersFor(['https://hub.example']), port: 0 })
})

afterAll(async () => {
  await site[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

/** The status of a path as it is, which `fetch` would tidy up. */
function statusOf(raw: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const { port } = new URL(site.origin)
    request({ port, path: raw }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
      .on('error', reject)
      .end()
  })
}

describe('the server of the page', () => {
  it('sends the page with headers that isolate it and say what it may ask', async () => {
    const response = await fetch(site.origin)
    expect(await response.text()).toBe('page')
    expect(response.headers.get('cross-origin-embedder-policy')).toBe('require-corp')
    expect(response.headers.get('content-security-policy')).toContain(`connect-src 'self';`)
    const worker = await fetch(`${site.origin}/assets/downloads.worker-abc.js`)
    expect(worker.headers.get('content-security-policy')).toContain(`connect-src 'self' https://hub.example`)
  })

  it('sends what has been written anew', async () => {
    await writeFile(path.join(folder, 'new.json'), '1')
    expect(await (await fetch(`${site.origin}/new.json`)).text()).toBe('1')
    await writeFile(path.join(folder, 'new.json'), '22')
    expect(await (await fetch(`${site.origin}/new.json`)).text()).toBe('22')
  })

  it('sends nothing twice that has not changed', async () => {
    const { headers } = await fetch(site.origin)
    const again = await fetch(site.origin, { headers: { 'if-none-match': headers.get('etag') ?? '' } })
    expect(again.status).toBe(304)
  })

  it.each(['/../package.json', '/%2e%2e/package.json', '/..%5cpackage.json', '/%', '/%00', '/absent', '//', '//host/'])(
    'sends nothing from outside of its folder: %s',
    async (raw) => {
      expect(await statusOf(raw)).toBe(404)
    },
  )

  it('sends a page whatever is asked of it', async () => {
    expect(await statusOf('/?a=//b#c')).toBe(200)
  })
})
