/** The chat page as an app: what Chromium itself says of it, and two copies of it on one host. */
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CDPSession, Page } from 'playwright-core'
import { hasBrowser } from '../browser/chromium.ts'
import { ask, devices, openWeb, ready, type WebBench } from './bench.ts'

let web: WebBench

interface Picture {
  readonly src: string
  readonly sizes: string
  readonly type: string
  readonly purpose?: string
  readonly form_factor?: string
}

async function manifestOf(session: CDPSession): Promise<Readonly<Record<string, unknown>>> {
  const { data, errors } = await session.send('Page.getAppManifest')
  expect(errors).toEqual([])
  return JSON.parse(data ?? '') as Readonly<Record<string, unknown>>
}

/** Width and height of a picture, as the page decodes it. */
async function sizesOf(page: Page, { src }: Picture): Promise<string> {
  return await page.evaluate(async (address) => {
    const picture = new Image()
    picture.src = address
    await picture.decode()
    return `${picture.naturalWidth}x${picture.naturalHeight}`
  }, src)
}

describe.skipIf(!hasBrowser)('the chat page as an app', () => {
  beforeAll(async () => {
    web = await openWeb()
  }, 180_000)
  afterAll(() => web[Symbol.asyncDispose]())

  it.each(Object.entries(devices))('can be installed, says Chromium: on a %s', async (_name, device) => {
    const { page, context } = await web.visit(undefined, device)
    await ready(page)
    await page.evaluate(() => navigator.serviceWorker.ready)
    const session = await context.newCDPSession(page)
    const { installabilityErrors } = await session.send('Page.getInstallabilityErrors')
    // Contexts of tests are like private windows, from which nothing is installed.
    expect(installabilityErrors.map(({ errorId }) => errorId).filter((id) => id !== 'in-incognito')).toEqual([])
    await context.close()
  })

  it('says what it is called, where it begins and how it looks, with pictures of the sizes that it says', async () => {
    const { page, context } = await web.visit()
    await ready(page)
    const manifest = await manifestOf(await context.newCDPSession(page))
    expect(manifest).toMatchObject({ name: 'Pocket Phi', start_url: './', scope: './', display: 'standalone' })
    const [icons, screenshots] = [manifest['icons'], manifest['screenshots']] as [Picture[], Picture[]]
    expect(icons.map(({ sizes, purpose }) => [sizes, purpose])).toEqual([
      ['192x192', undefined],
      ['512x512', undefined],
      ['512x512', 'maskable'],
    ])
    expect(screenshots.map((one) => one.form_factor)).toEqual(['narrow', 'wide'])
    for (const picture of [...icons, ...screenshots]) expect(await sizesOf(page, picture)).toBe(picture.sizes)
    await context.close()
  })

  it('two copies on one host keep their own files, and both work without a network', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'pocket-phi-copies-'))
    for (const copy of ['one', 'two']) {
      await mkdir(path.join(folder, copy))
      await cp(web.folder, path.join(folder, copy), { recursive: true })
    }
    const site = await web.serve(folder)
    const { page, context } = await web.visit(`${site.origin}/one/`)
    for (const copy of ['one', 'two']) {
      await page.goto(`${site.origin}/${copy}/`)
      await ready(page)
      await page.evaluate(() => navigator.serviceWorker.ready)
    }
    const names = await page.evaluate(() => caches.keys())
    expect(names.map((name) => name.replace(/ [0-9a-f]+$/, '')).sort()).toEqual([
      'pocket-phi-page /one/',
      'pocket-phi-page /two/',
    ])
    await site[Symbol.asyncDispose]()
    for (const copy of ['one', 'two']) {
      await page.goto(`${site.origin}/${copy}/`)
      await ready(page)
      expect(await ask(page, 'What is 27 plus 15?')).toContain('42')
    }
    await context.close()
    await rm(folder, { recursive: true })
  })
})
