/** The chat page as it is shipped, a hub on this machine for its downloads, and a browser. */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import axe from 'axe-core'
import type { BrowserContext, BrowserContextOptions, Locator, Page } from 'playwright-core'
import { buildPage } from '../../apps/web/build/build.ts'
import { headersFor } from '../../apps/web/build/headers.ts'
import { integrityOf, serviceWorkerFile } from '../../apps/web/build/plugins.ts'
import { servePage, type PageServer } from '../../apps/web/build/server.ts'
import { tinyEyes, tinyFiles } from '../../src/engine/tiny-model-harness.ts'
import { HubServer } from '../../src/hub/hub-server-harness.ts'
import { launchChromium, type BrowserOptions } from '../browser/chromium.ts'

export interface Visit {
  readonly page: Page
  readonly context: BrowserContext
  /** What the page complained about, in its console or by errors that nobody caught. */
  readonly complaints: string[]
  /** Opens another tab, on the same device. */
  readonly openTab: (address: string) => Promise<Page>
}

export interface WebBench extends AsyncDisposable {
  readonly folder: string
  readonly hub: HubServer
  /** Our own server, and one that sends no headers. */
  readonly site: PageServer
  readonly plain: PageServer
  /** Another server of the page, or of a copy of it. */
  serve(folder?: string): Promise<PageServer>
  /** A server of a copy whose scripts are changed. @param change is given their names, without folders */
  serveChanged(change: (name: string, script: string) => string): Promise<PageServer>
  /** Opens the page in a context of its own. */
  visit(address?: string, options?: BrowserContextOptions): Promise<Visit>
}

const template = `{% for m in messages %}{{ '<|' + m['role'] + '|>\\n' + m['content'] + '<|end|>\\n' }}{% endfor %}<|assistant|>\\n`

/** Files of a random model that talks until its context is full. @param config what differs from the tiny one */
export async function talkativeFiles(config: Readonly<Record<string, unknown>> = {}): Promise<Map<string, Buffer>> {
  const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
  const files = await tinyFiles({ tidy: true, config: { intermediate_size: 64, ...config } })
  files
    .set('generation_config.json', json({ eos_token_id: [2] }))
    .set('tokenizer_config.json', json({ tokenizer_class: 'LlamaTokenizer', chat_template: template }))
  return new Map(Array.from(files, ([name, bytes]) => [name, Buffer.from(bytes)]))
}

/** Files of a random model that sees; a picture has one tile, which is 313 tokens. */
export async function seeingFiles(): Promise<Map<string, Buffer>> {
  const length = { max_position_embeddings: 2048, original_max_position_embeddings: 2048 }
  const files = await talkativeFiles({ ...tinyEyes, ...length })
  return files.set('preprocessor_config.json', Buffer.from('{"num_crops": 1}'))
}

/** Opens a model from its files, which answers in at most eight tokens, and goes to the chat. */
export async function openForChat(page: Page, files: ReadonlyMap<string, Buffer>): Promise<void> {
  await openScreen(page, 'Settings')
  await page.getByLabel('Longest answer').fill('8')
  await openScreen(page, 'Models')
  const chosen = Array.from(files, ([name, buffer]) => ({ name, mimeType: '', buffer }))
  await page.locator('input[type=file]').first().setInputFiles(chosen)
  await page.getByText('Opened from a file').waitFor()
  await page.getByText('In use').waitFor()
  await page.goto(new URL('#/', page.url()).href)
  await page.getByLabel('Message').waitFor()
}

/** The windows of a phone, whose processor is slow, and of a desktop computer. */
export const devices = {
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
  desktop: { viewport: { width: 1280, height: 800 } },
} as const satisfies Record<string, BrowserContextOptions>

const slowdownOfPhone = 4

/** @param launch how the browser is started */
export async function openWeb(launch: BrowserOptions = {}): Promise<WebBench> {
  const resources = new AsyncDisposableStack()
  const folder = await mkdtemp(path.join(tmpdir(), 'pocket-phi-web-'))
  resources.defer(() => rm(folder, { recursive: true }))
  const hub = resources.use(await HubServer.start(Object.fromEntries(await talkativeFiles())))
  const origins = [hub.endpoint, hub.storage]
  await buildPage(folder, origins)
  const serve = (from = folder): Promise<PageServer> =>
    servePage({ folder: from, headersOf: headersFor(origins), port: 0 })
  const site = resources.use(await serve())
  const plain = resources.use(await servePage({ folder, port: 0 }))
  const { browser } = resources.use(await launchChromium(launch))
  return {
    folder,
    hub,
    site,
    plain,
    serve,
    async serveChanged(change) {
      const copy = await mkdtemp(path.join(tmpdir(), 'pocket-phi-changed-'))
      resources.defer(() => rm(copy, { recursive: true }))
      await cp(folder, copy, { recursive: true })
      const rewrite = async (name: string, edit: (script: string) => string): Promise<void> => {
        const file = path.join(copy, name)
        await writeFile(file, edit(await readFile(file, 'utf8')))
      }
      const digests = new Map<string, string>()
      for (const name of await readdir(copy, { recursive: true })) {
        if (!name.endsWith('.js') || name === serviceWorkerFile) continue
        await rewrite(name, (script) => {
          const changed = change(path.basename(name), script)
          digests.set(integrityOf(script), integrityOf(changed))
          return changed
        })
      }
      // The service worker takes what its build has listed.
      await rewrite(serviceWorkerFile, (script) => {
        const listed = script.replaceAll(/sha256-[\w+/=]+/g, (digest) => digests.get(digest) ?? digest)
        return change(serviceWorkerFile, listed)
      })
      return resources.use(await serve(copy))
    },
    async visit(address = `${site.origin}/`, options = devices.desktop) {
      const context = await browser.newContext(options)
      context.setDefaultTimeout(120_000)
      const complaints: string[] = []
      const openTab = async (to: string): Promise<Page> => {
        const page = await context.newPage()
        page.on('pageerror', (error) => complaints.push(String(error)))
        page.on('console', (message) => {
          if (['warning', 'error'].includes(message.type())) complaints.push(message.text())
        })
        if (options.isMobile === true) {
          const session = await context.newCDPSession(page)
          await session.send('Emulation.setCPUThrottlingRate', { rate: slowdownOfPhone })
        }
        await page.goto(to)
        return page
      }
      return { page: await openTab(address), context, complaints, openTab }
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}

/** Waits until a model is loaded. */
export async function ready(page: Page): Promise<void> {
  await page.locator('.chip.ready').waitFor()
}

export async function send(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message').fill(text)
  await page.getByRole('button', { name: 'Send' }).click()
}

/** The answers that are shown, when none is being written any more and there are so many. */
export async function answers(page: Page, count: number): Promise<string[]> {
  const ended = page.locator('.answer:not(.writing) .markdown')
  await ended.nth(count - 1).waitFor()
  return await ended.allInnerTexts()
}

/** Asks and waits for the answer. */
export async function ask(page: Page, text: string): Promise<string> {
  const before = await page.locator('.answer').count()
  await send(page, text)
  return (await answers(page, before + 1)).at(-1) ?? ''
}

/** What keeps people out of what is shown, by the rules of axe. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  const { violations: found } = await page.evaluate(() => globalThis.axe.run())
  return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}

/** Opens the list of conversations, which on a phone is closed. */
export async function openList(page: Page): Promise<void> {
  const button = page.getByRole('button', { name: 'Conversations', exact: true })
  if (await button.isVisible()) await button.click()
}

/** Opens a screen by its link in the list. */
export async function openScreen(page: Page, name: 'Models' | 'Documents' | 'Settings' | 'Benchmark'): Promise<void> {
  await openList(page)
  await page.locator('.sidebar').getByRole('link', { name }).click()
  await page.getByRole('heading', { level: 1, name }).waitFor()
}

/** The card of a model, by the name that it shows. */
export function cardOf(page: Page, name: string): Locator {
  return page.locator('.card', { has: page.getByRole('heading', { name, exact: true }) })
}

/** For `serveChanged`: code that runs before the script of the engine, since workers cannot be prepared otherwise. */
export function prepareEngine(code: string): (name: string, script: string) => string {
  return (name, script) => (name.startsWith('engine-worker-') ? `${code}\n${script}` : script)
}

export const withoutGpu = `Object.defineProperty(WorkerNavigator.prototype, 'gpu', { get: () => undefined })`

/** The GPU goes away when the answer that is to come has been given some commands. */
export async function loseGpuAmidAnswer(page: Page): Promise<void> {
  // The newest: one that has been told to end may still be there, and answers nothing any more.
  const engine = page.workers().findLast((worker) => worker.url().includes('engine-worker'))
  await engine?.evaluate(() => {
    const { prototype } = GPUDevice
    const original = Object.getOwnPropertyDescriptor(prototype, 'createCommandEncoder')
      ?.value as () => GPUCommandEncoder
    let left = 5
    prototype.createCommandEncoder = function lost() {
      left -= 1
      if (left === 0) this.destroy()
      return original.call(this)
    }
  })
}
