/** OpenAI's interface in a page, through its service worker: in a real browser, asked by the official client. */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { build } from 'vite'
import { loadModel, type PhiModel } from '../src/index.ts'
import { hasBrowser, launchChromium, noGpu } from './browser/chromium.ts'
import { root } from './browser/root.ts'
import { serveSite } from './browser/server.ts'
import { filesBelow, installPackage } from './browser/site.ts'

const resources = new AsyncDisposableStack()
const complaints: string[] = []
const model = '../model'
let openPage: () => Promise<Page>
let inNode: PhiModel

/** The page as somebody bundles it who has installed the package. */
async function bundled(folder: string): Promise<ReadonlyMap<string, Uint8Array>> {
  await installPackage(folder)
  for (const name of ['hono', 'openai']) {
    await cp(path.join(root, 'node_modules', name), path.join(folder, 'node_modules', name), { recursive: true })
  }
  const source = path.join(root, 'tests/browser/page-server')
  for (const name of ['page.ts', 'service-worker.ts']) {
    const text = (await readFile(path.join(source, name), 'utf8'))
      .replaceAll(`'../../../src/index.ts'`, `'pocket-phi'`)
      .replaceAll(`'../../../src/worker/index.ts'`, `'pocket-phi/worker'`)
      .replaceAll(`'../../../src/server/page/index.ts'`, `'pocket-phi/serve'`)
      .replaceAll(`'../../../src/server/page/service-worker.ts'`, `'pocket-phi/serve/service-worker'`)
    await writeFile(path.join(folder, name), text)
  }
  const html = '<!doctype html><link rel="icon" href="data:,"><script type="module" src="./page.ts"></script>'
  await writeFile(path.join(folder, 'index.html'), html)
  await build({
    root: folder,
    base: './',
    configFile: false,
    logLevel: 'error',
    build: {
      rolldownOptions: {
        input: { index: path.join(folder, 'index.html'), 'service-worker': path.join(folder, 'service-worker.ts') },
        output: { entryFileNames: ({ name }) => (name === 'service-worker' ? '[name].js' : 'assets/[name]-[hash].js') },
      },
    },
  })
  return await filesBelow(path.join(folder, 'dist'))
}

async function start(): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'pocket-phi-served-'))
  resources.defer(() => rm(folder, { recursive: true }))
  await mkdir(folder, { recursive: true })
  const folders = { page: await bundled(folder), model: await filesBelow(path.join(root, 'models/phi-nano')) }
  const site = resources.use(await serveSite({ folders, isolated: ['page'] }))
  const { browser } = resources.use(await launchChromium())
  const context = await browser.newContext()
  context.setDefaultTimeout(50_000)
  openPage = async () => {
    const page = await context.newPage()
    page.on('pageerror', (error) => complaints.push(String(error)))
    page.on('console', (message) => {
      // Refusals, and files that a model may lack.
      const isExpected = /Failed to load resource/.test(message.text()) || noGpu.includes(message.text())
      if (!isExpected) complaints.push(message.text())
    })
    await page.goto(`${site.origin}/page/index.html`)
    await page.evaluate(() => globalThis.served.control())
    return page
  }
}

describe.skipIf(!hasBrowser)('a page that serves', () => {
  let page: Page

  beforeAll(async () => {
    await start()
    inNode = resources.use(await loadModel('phi-nano', { threads: 1, context: 512 }))
    page = await openPage()
  })
  afterAll(() => resources.disposeAsync())

  const said = async (): Promise<string> => (await inNode.chat().send('What is a dog?').result()).text

  it('refuses before it does', async () => {
    expect(await page.evaluate(() => globalThis.served.none())).toMatchObject({ status: 503, code: 'no_page' })
    await page.evaluate((url) => globalThis.served.serve(url), model)
  })

  it('answers whole and in pieces, as Node does', async () => {
    const expected = await said()
    expect(await page.evaluate(() => globalThis.served.answer())).toBe(expected)
    const pieces = await page.evaluate(() => globalThis.served.stream())
    expect(pieces.join('')).toBe(expected)
    expect(pieces.length).toBeGreaterThan(5)
  })

  it('holds answers to schemas, has functions called, and tells log-probabilities and vectors', async () => {
    const schema = { type: 'object', properties: { alive: { type: 'boolean' } }, required: ['alive'] }
    const thing = await page.evaluate((wanted) => globalThis.served.bySchema(wanted), schema)
    expect(thing).toEqual({ alive: expect.any(Boolean) })
    expect(await page.evaluate(() => globalThis.served.functionCall())).toEqual({
      name: 'look_up',
      size: expect.stringMatching(/^(?:small|large)$/),
    })
    const tokens = await page.evaluate(() => globalThis.served.logprobs())
    expect(tokens?.trim()).toBe((await said()).trim())
    const [{ vector } = { vector: [] }] = await inNode.embed(['A dog'])
    const found = (await page.evaluate(() => globalThis.served.vector())) ?? []
    expect(found).toHaveLength(vector.length)
    found.forEach((value, at) => expect(value).toBeCloseTo(vector[at] ?? NaN, 5))
  })

  it('fails as a server does', async () => {
    expect(await page.evaluate(() => globalThis.served.failures())).toMatchObject([
      { status: 404, code: 'model_not_found' },
      { status: 400, code: 'invalid_value' },
      { status: 400, code: 'invalid_value' },
      { status: 400, code: 'context_length_exceeded' },
    ])
  })

  it('ends a stream in the engine when it is left, and lets a whole answer be aborted', async () => {
    const { rows, isAbort } = await page.evaluate(() => globalThis.served.abort())
    expect(rows).toBeGreaterThan(4)
    expect(rows).toBeLessThan(350)
    // Chromium does not tell service workers of it, so that the engine may go on to the end of that one.
    expect(isAbort).toBe(true)
  })

  it('answers other pages of its origin, until it closes and the next one that serves takes its place', async () => {
    const other = await openPage()
    expect(await other.evaluate(() => globalThis.served.answer())).toBe(await said())
    const waiting = other.evaluate((url) => globalThis.served.serve(url, true), model)
    await page.evaluate(() => globalThis.served.close())
    await waiting
    expect(await page.evaluate(() => globalThis.served.answer())).toBe(await said())
    await page.evaluate(() => globalThis.served.beginStream())
    await other.close()
    expect(await page.evaluate(() => globalThis.served.endOfStream())).toBeDefined()
    await expect
      .poll(async () => await page.evaluate(() => globalThis.served.none()), { timeout: 20_000 })
      .toMatchObject({ status: 503, code: 'no_page' })
  })

  // Last, because it is about all above.
  it('left nothing in the console', () => {
    expect(complaints).toEqual([])
  })
})
