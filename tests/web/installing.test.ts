/** The chat page as an app: what Chromium itself says of it, and two copies of it on one host. */
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CDPSession, Page } from 'playwright-core'
import { integrityOf, serviceWorkerFile } from '../../apps/web/build/plugins.ts'
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

/**
 * Lays a newer version over a built page, whose script has another name, but leaves the index.html that was there.
 *
 * @returns what brings the new index.html, too
 */
async function deployByHalf(folder: string): Promise<() => Promise<void>> {
  const assets = path.join(folder, 'assets')
  const script = (await readdir(assets)).find((name) => /^page-.*\.js$/.test(name)) ?? ''
  await rename(path.join(assets, script), path.join(assets, 'page-newer.js'))
  const index = path.join(folder, 'index.html')
  const before = await readFile(index, 'utf8')
  const after = before.replaceAll(script, 'page-newer.js')
  const worker = path.join(folder, serviceWorkerFile)
  const listed = await readFile(worker, 'utf8')
  await writeFile(
    worker,
    listed
      .replaceAll(script, 'page-newer.js')
      .replace(integrityOf(before), integrityOf(after))
      .replace(/"[0-9a-f]{16}"/, '"newer"'),
  )
  return () => writeFile(index, after)
}

/** What becomes of the newer version that the host has. */
async function updated(page: Page): Promise<string | undefined> {
  return await page.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready
    await registration.update()
    const worker = registration.installing ?? registration.waiting
    while (worker?.state === 'installing') {
      await new Promise((resolve) => worker.addEventListener('statechange', resolve, { once: true }))
    }
    return worker?.state
  })
}

describe.skipIf(!hasBrowser)('the chat page as an app', () => {
  beforeAll(async () => {
    web = await openWeb()
  })
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

  it('takes a newer version only when the host has all of it', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'pocket-phi-lagging-'))
    await cp(web.folder, folder, { recursive: true })
    await using site = await web.serve(folder)
    const { page, context } = await web.visit(`${site.origin}/`)
    await ready(page)
    await page.evaluate(() => navigator.serviceWorker.ready)
    const catchUp = await deployByHalf(folder)
    expect(await updated(page)).toBe('redundant')
    await page.reload()
    await ready(page)
    expect(await page.evaluate(() => caches.keys())).toEqual([expect.not.stringContaining('newer')])
    await catchUp()
    await page.reload()
    await page.getByText('A newer version is here.').waitFor()
    await page.getByRole('button', { name: 'Reload' }).click()
    await expect.poll(() => page.getByText('A newer version is here.').count()).toBe(0)
    await ready(page)
    expect(await page.evaluate(() => caches.keys())).toEqual(['pocket-phi-page / newer'])
    await context.close()
    await rm(folder, { recursive: true })
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
