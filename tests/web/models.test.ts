/** Models in the page: downloads from a hub on this machine, through all that can happen to them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { stallAfter } from '../../src/hub/hub-server-harness.ts'
import { tinyGguf } from '../../src/engine/tiny-gguf-harness.ts'
import { hasBrowser } from '../browser/chromium.ts'
import { ask, cardOf, devices, openWeb, ready, violations, type Visit, type WebBench } from './bench.ts'

const weights = 'model.safetensors'
let web: WebBench

async function visitModels(device: BrowserContextOptions = devices.desktop): Promise<Visit> {
  return await web.visit(`${web.site.origin}/#/models`, device)
}

/** Asks for the model of the hub, which appears as a card of its own with what it will take. */
async function lookUp(page: Page): Promise<void> {
  await page.getByLabel('Another model by its name').fill('org/model')
  await page.getByRole('button', { name: 'Look up' }).click()
  await card(page).getByText('of memory with a context of').waitFor()
}

const card = (page: Page) => cardOf(page, 'model')

function size(name: string): number {
  return web.hub.files.get(name)?.length ?? 0
}

describe.skipIf(!hasBrowser)('models in the page', () => {
  beforeAll(async () => {
    web = await openWeb()
  })
  afterAll(() => web[Symbol.asyncDispose]())
  beforeEach(() => {
    web.hub.asked.length = 0
    web.hub.misbehaviours.clear()
  })

  it.each(Object.entries(devices))('are looked up, downloaded, used, and deleted: on a %s', async (_name, device) => {
    const { page, context, complaints } = await visitModels(device)
    await lookUp(page)
    // Only what tells the size was read, and nothing is kept yet.
    expect(web.hub.contentRequests(weights).every(({ range }) => range !== undefined)).toBe(true)
    await card(page).getByRole('button', { name: 'Download' }).click()
    await card(page).getByRole('button', { name: 'Use', exact: true }).click()
    await card(page).getByText('In use').waitFor()
    await page.goto(`${web.site.origin}/#/`)
    expect(await ask(page, 'hello there')).not.toBe('')
    // It is the model of the next visit as well, without asking the hub.
    web.hub.asked.length = 0
    await page.reload()
    await ready(page)
    expect(await page.locator('.chip').innerText()).toContain('model')
    expect(web.hub.asked).toEqual([])
    await page.goto(`${web.site.origin}/#/models`)
    await card(page).getByText('In use').waitFor()
    await page.evaluate(() => localStorage.clear())
    await page.reload()
    await card(page).getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await expect.poll(() => card(page).count()).toBe(0)
    expect(complaints).toEqual([])
    await context.close()
  })

  it.each(Object.entries(devices))(
    'a download that a reload cuts off goes on where it stopped: on a %s',
    async (_name, device) => {
      const { page, context } = await visitModels(device)
      await lookUp(page)
      const kept = Math.floor(size(weights) / 2)
      web.hub.misbehaviours.set(weights, [stallAfter(kept)])
      await card(page).getByRole('button', { name: 'Download' }).click()
      await card(page).getByText('downloading').waitFor()
      await expect.poll(() => storedBytes(page)).toBe(kept)
      await page.reload()
      await card(page).getByText('are here').waitFor()
      await card(page).getByRole('button', { name: 'Go on' }).click()
      await card(page).getByRole('button', { name: 'Use', exact: true }).waitFor()
      expect(web.hub.contentRequests(weights).at(-1)?.range).toBe(`bytes=${kept}-`)
      await context.close()
    },
  )

  it.each(Object.entries(devices))('is paused and goes on: on a %s', async (_name, device) => {
    const { page, context } = await visitModels(device)
    await lookUp(page)
    web.hub.misbehaviours.set(weights, [stallAfter(1000)])
    await card(page).getByRole('button', { name: 'Download' }).click()
    await expect.poll(() => storedBytes(page)).toBe(1000)
    await card(page).getByRole('button', { name: 'Pause' }).click()
    await card(page).getByRole('button', { name: 'Go on' }).click()
    await card(page).getByRole('button', { name: 'Use', exact: true }).waitFor()
    expect(web.hub.contentRequests(weights).at(-1)?.range).toBe('bytes=1000-')
    await context.close()
  })

  it.each(Object.entries(devices))(
    'content that is not what the hub lists is refused, and comes when the server is honest again: on a %s',
    async (_name, device) => {
      const { page, context } = await visitModels(device)
      await lookUp(page)
      const content = Buffer.from(web.hub.files.get(weights) ?? '')
      content[content.length >> 1] = (content[content.length >> 1] ?? 0) ^ 1
      web.hub.misbehaviours.set(weights, [({ honest }) => honest(content), ({ honest }) => honest(content)])
      await card(page).getByRole('button', { name: 'Download' }).click()
      const alert = card(page).getByRole('alert')
      await alert.getByText('is not the file that the hub lists').waitFor()
      await alert.getByText('Particulars').click()
      expect(await alert.innerText()).toContain(`sha256 ${web.hub.etag(weights)}`)
      expect(await card(page).getByRole('button', { name: 'Use', exact: true }).count()).toBe(0)
      await card(page).getByRole('button', { name: 'Go on' }).click()
      await card(page).getByRole('button', { name: 'Use', exact: true }).click()
      await card(page).getByText('In use').waitFor()
      await context.close()
    },
  )

  it.each(Object.entries(devices))(
    'says so where there is no more room, and goes on when there is: on a %s',
    async (_name, device) => {
      const { page, context } = await visitModels(device)
      await page.getByText('In use').waitFor()
      await lookUp(page)
      // The page itself is stored by then, which takes room too.
      await page.evaluate(() => navigator.serviceWorker.ready)
      const { usage = 0 } = await page.evaluate(() => navigator.storage.estimate())
      const session = await context.newCDPSession(page)
      const { origin } = web.site
      await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: usage + 100_000 })
      await card(page).getByRole('button', { name: 'Download' }).click()
      const alert = card(page).getByRole('alert')
      await alert.getByText('This browser has no more room for the model.').waitFor()
      await alert.getByText('Delete another model').waitFor()
      await session.send('Storage.overrideQuotaForOrigin', { origin })
      await card(page).getByRole('button', { name: 'Go on' }).click()
      await card(page).getByRole('button', { name: 'Use', exact: true }).waitFor()
      expect(await storedBytes(page)).toBe(size(weights))
      await context.close()
    },
  )

  it.each(Object.entries(devices))(
    'two tabs that download the same model share the work: on a %s',
    async (_name, device) => {
      const { page: first, context, openTab } = await visitModels(device)
      await lookUp(first)
      const second = await openTab(`${web.site.origin}/#/models`)
      await lookUp(second)
      web.hub.asked.length = 0
      web.hub.misbehaviours.set(weights, [stallAfter(1000)])
      await card(first).getByRole('button', { name: 'Download' }).click()
      await expect.poll(() => storedBytes(first)).toBe(1000)
      await card(second).getByRole('button', { name: 'Download' }).click()
      await card(second).getByText('another tab is downloading').waitFor()
      // The first gives up, and the second takes over what has come.
      await card(first).getByRole('button', { name: 'Pause' }).click()
      await card(second).getByRole('button', { name: 'Use', exact: true }).waitFor()
      await card(first).getByRole('button', { name: 'Use', exact: true }).waitFor()
      expect(web.hub.contentRequests(weights).map(({ range }) => range)).toEqual([undefined, 'bytes=1000-'])
      await context.close()
    },
  )

  it('keeps the list of files that was there when the device goes off amid the writing of another', async () => {
    await using site = await web.serveChanged((name, script) =>
      name.startsWith('downloads.worker') ? `${goesOff}\n${script}` : script,
    )
    const { page, context } = await web.visit(`${site.origin}/#/models`)
    await lookUp(page)
    await card(page).getByRole('button', { name: 'Download' }).click()
    await card(page).getByRole('alert').waitFor()
    await page.reload()
    await card(page).getByText('are here').waitFor()
    await lookUp(page)
    const worker = page.workers().find((one) => one.url().includes('downloads.worker'))
    await worker?.evaluate(() => dispatchEvent(new Event('mended')))
    await card(page).getByRole('button', { name: 'Go on' }).click()
    await card(page).getByRole('button', { name: 'Use', exact: true }).click()
    await card(page).getByText('In use').waitFor()
    expect(await storedBytes(page)).toBe(size(weights))
    await context.close()
  })

  it('does not take a model for another one whose folder would have the same name', async () => {
    const { page, context } = await visitModels()
    const other = cardOf(page, 'model:main')
    const own = cardOf(page, 'model@main')
    for (const name of ['org/model@main', 'org/model:main']) {
      await page.getByLabel('Another model by its name').fill(name)
      await page.getByRole('button', { name: 'Look up' }).click()
    }
    await own.getByRole('button', { name: 'Download' }).click()
    await own.getByRole('button', { name: 'Use', exact: true }).waitFor()
    // The model has no such file.
    await other.getByRole('alert').waitFor()
    await other.getByRole('button', { name: 'Download' }).click()
    await other.getByText('org/model:main would lie in the folder of another model.').waitFor()
    await other.getByText('Delete org/model@main first.').waitFor()
    expect(await other.getByRole('button', { name: 'Use', exact: true }).count()).toBe(0)
    await page.evaluate(() => localStorage.setItem('pocket-phi-settings', JSON.stringify({ model: 'org/model:main' })))
    await page.goto(`${web.site.origin}/#/`)
    await page.reload()
    await page.getByRole('alert').getByText('org/model:main is not on this device.').waitFor()
    await context.close()
  })

  it('shows folders that do not say what is in them, and removes them', async () => {
    const { page, context } = await visitModels()
    await lookUp(page)
    await card(page).getByRole('button', { name: 'Download' }).click()
    await card(page).getByRole('button', { name: 'Use', exact: true }).waitFor()
    await overwrite(page, 'manifest.json', '{"name":')
    await page.reload()
    const broken = cardOf(page, 'org--model')
    await broken.getByText('whose list of files cannot be read').waitFor()
    await broken.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await expect.poll(() => broken.count()).toBe(0)
    expect(await storedBytes(page)).toBe(0)
    await context.close()
  })

  it('brings again what was cut off after it had come', async () => {
    const { page, context } = await visitModels()
    await lookUp(page)
    await card(page).getByRole('button', { name: 'Download' }).click()
    await card(page).getByRole('button', { name: 'Use', exact: true }).waitFor()
    await overwrite(page, weights, '')
    await page.reload()
    await card(page).getByRole('button', { name: 'Go on' }).click()
    await card(page).getByRole('button', { name: 'Use', exact: true }).click()
    await card(page).getByText('In use').waitFor()
    expect(await storedBytes(page)).toBe(size(weights))
    await context.close()
  })

  it('does without Symbol.dispose and its like, which some browsers have not', async () => {
    await using site = await web.serveChanged((_name, script) =>
      script
        .replaceAll(/Symbol\.(?:d|asyncD)ispose/g, 'Symbol.absent')
        .replaceAll(/(?:Async)?DisposableStack/g, 'Absent'),
    )
    const { page, context, complaints } = await web.visit(`${site.origin}/#/models`)
    await lookUp(page)
    await card(page).getByRole('button', { name: 'Download' }).click()
    await card(page).getByRole('button', { name: 'Use', exact: true }).click()
    await card(page).getByText('In use').waitFor()
    await page.goto(`${site.origin}/#/`)
    expect(await ask(page, 'hello there')).not.toBe('')
    const other = await context.newPage()
    await other.goto(`${site.origin}/#/models`)
    await other.getByRole('button', { name: 'Use it here' }).click()
    await card(other).getByText('In use').waitFor()
    await page.getByText('A model is loaded in another tab').waitFor()
    expect(complaints).toEqual([])
    await context.close()
  })

  it('names that are none and models that are not there are refused with a remedy', async () => {
    const { page, context } = await visitModels()
    for (const [name, problem] of [
      ['nothing', 'is no name of a model on the hub'],
      ['org/absent', 'The hub does not have org/absent'],
    ] as const) {
      await page.getByLabel('Another model by its name').fill(name)
      await page.getByRole('button', { name: 'Look up' }).click()
      await expect.poll(() => page.getByRole('alert').allInnerTexts()).toContainEqual(expect.stringContaining(problem))
    }
    await context.close()
  })

  it.each(['light', 'dark'] as const)(
    'downloads, errors and dialogs keep nobody out, in %s colours',
    async (colours) => {
      const { page, context } = await visitModels({ ...devices.phone, colorScheme: colours, reducedMotion: 'reduce' })
      await page.getByLabel('Another model by its name').fill('org/absent')
      await page.getByRole('button', { name: 'Look up' }).click()
      await page.getByRole('alert').getByText('Particulars').click()
      await lookUp(page)
      web.hub.misbehaviours.set(weights, [stallAfter(1000)])
      await card(page).getByRole('button', { name: 'Download' }).click()
      await card(page).getByRole('button', { name: 'Pause' }).waitFor()
      expect(await violations(page)).toEqual([])
      await expect.poll(() => storedBytes(page)).toBe(1000)
      await card(page).getByRole('button', { name: 'Pause' }).click()
      await card(page).getByRole('button', { name: 'Delete' }).click()
      await page.getByRole('dialog').waitFor()
      expect(await violations(page)).toEqual([])
      await context.close()
    },
  )

  it('a folder is opened from this device', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'pocket-phi-folder-'))
    for (const [name, bytes] of web.hub.files) await writeFile(path.join(folder, name), bytes)
    const { page, context } = await visitModels()
    await page.getByText('In use').waitFor()
    await page.locator('input[type=file]').nth(1).setInputFiles(folder)
    const own = cardOf(page, path.basename(folder))
    await own.getByText('In use').waitFor()
    await page.goto(`${web.site.origin}/#/`)
    expect(await ask(page, 'hello there')).not.toBe('')
    await context.close()
    await rm(folder, { recursive: true })
  })

  it('a GGUF file is opened from this device, and other files are refused', async () => {
    const { page, context } = await visitModels()
    await page.getByText('In use').waitFor()
    const { bytes } = await tinyGguf({
      type: () => 'Q8_0',
      tidy: true,
      config: { intermediate_size: 64 },
      chatTemplate: `{{ messages[0]['content'] }}`,
    })
    const input = page.locator('input[type=file]').first()
    await input.setInputFiles([{ name: 'own.gguf', mimeType: '', buffer: Buffer.from(bytes) }])
    const own = cardOf(page, 'own.gguf')
    await own.getByText('In use').waitFor()
    await page.goto(`${web.site.origin}/#/`)
    expect(await ask(page, 'hello there')).not.toBe('')
    await page.goto(`${web.site.origin}/#/models`)
    await input.setInputFiles([{ name: 'notes.json', mimeType: '', buffer: Buffer.from('{}') }])
    const alert = page.getByRole('alert')
    await alert.getByText('These files hold no weights of a model.').waitFor()
    expect(await alert.getByRole('button', { name: 'Try again' }).count()).toBe(0)
    await alert.getByRole('button', { name: 'Back to own.gguf' }).click()
    await own.getByText('In use').waitFor()
    await context.close()
  })
})

/** Put before the script of the downloads: the second list of files that it writes, it writes by half. */
const goesOff = `
  const { write } = FileSystemSyncAccessHandle.prototype
  let lists = 0
  addEventListener('mended', () => Object.assign(FileSystemSyncAccessHandle.prototype, { write }))
  FileSystemSyncAccessHandle.prototype.write = function (bytes, options) {
    if (!new TextDecoder().decode(bytes.subarray(0, 80)).includes('"repository"')) return write.call(this, bytes, options)
    lists += 1
    if (lists !== 2) return write.call(this, bytes, options)
    write.call(this, bytes.subarray(0, bytes.length >> 1), options)
    throw new DOMException('The device goes off.', 'UnknownError')
  }`

/** Something else has changed a file of the model that is kept. */
async function overwrite(page: Page, file: string, text: string): Promise<void> {
  await page.evaluate(
    async ([name, content]) => {
      const top = await navigator.storage.getDirectory()
      const folder = await (await top.getDirectoryHandle('models')).getDirectoryHandle('org--model')
      const stream = await (await folder.getFileHandle(name)).createWritable()
      await stream.write(content)
      await stream.close()
    },
    [file, text] as const,
  )
}

/** Bytes of weights that are kept for the model, whole or not. */
async function storedBytes(page: Page): Promise<number> {
  return await page.evaluate(async (name) => {
    try {
      const top = await navigator.storage.getDirectory()
      const folder = await (await top.getDirectoryHandle('models')).getDirectoryHandle('org--model')
      return (await (await folder.getFileHandle(name)).getFile()).size
    } catch {
      return 0
    }
  }, weights)
}
