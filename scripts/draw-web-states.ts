/**
 * Draws the states of the chat page as they are on a phone and on a desktop computer, in light and in dark colours, into a folder that
 * git does not keep; and the two pictures of its guide, docs/web-phone.png and docs/web-desktop.png.
 *
 *     node scripts/draw-web-states.ts [--out apps/web/states] [--only lost-gpu]
 */
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { parseArgs } from 'node:util'
import type { BrowserContextOptions, Page } from 'playwright-core'
import sharp from 'sharp'
import { stallAfter } from '../src/hub/hub-server-harness.ts'
import { drawShape, type ColourName, type ShapeName } from '../src/data/shapes.ts'
import { root } from '../tests/browser/root.ts'
import {
  answers,
  ask,
  cardOf,
  devices,
  loseGpuAmidAnswer,
  openForChat,
  openScreen,
  openWeb,
  prepareEngine,
  ready,
  seeingFiles,
  send,
  talkativeFiles,
  withoutGpu,
  type WebBench,
} from '../tests/web/bench.ts'
import { makeMidSizeFile } from '../tests/web/mid-size.ts'

const { values } = parseArgs({
  options: { out: { type: 'string', default: path.join(root, 'apps/web/states') }, only: { type: 'string' } },
})

/** Opens the page at the address that is given, or at the usual one, as the device that is drawn. */
type Visit = (address?: string, options?: BrowserContextOptions) => Promise<Page>

interface Stage {
  readonly web: WebBench
  readonly visit: Visit
}

const weights = 'model.safetensors'

async function readyPage({ visit }: Stage, address?: string): Promise<Page> {
  const page = await visit(address)
  await ready(page)
  return page
}

async function toChat(page: Page): Promise<void> {
  await page.goto(new URL('#/', page.url()).href)
  await page.getByLabel('Message').waitFor()
}

/** The card of the model of the hub on this machine, which is looked up. */
async function lookUp({ web, visit }: Stage): Promise<Page> {
  web.hub.misbehaviours.clear()
  const page = await visit(`${web.site.origin}/#/models`)
  await page.getByLabel('Another model by its name').fill('org/model')
  await page.getByRole('button', { name: 'Look up' }).click()
  await cardOf(page, 'model').getByText('of memory with a context of').waitFor()
  return page
}

async function download(page: Page): Promise<void> {
  await cardOf(page, 'model').getByRole('button', { name: 'Download' }).click()
}

async function showFacts(page: Page): Promise<void> {
  await openScreen(page, 'Models')
  await page.getByText('In use').click()
}

async function addDocuments(page: Page): Promise<void> {
  const file = (name: string, text: string) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(text) })
  const boats = '# Boats\n\nThe ferry of Redhill leaves at noon.\n\n## Fares\n\nA ticket costs four crowns.\n'
  const files = [
    file('boats.md', boats),
    file('trains.txt', 'Trains to Redhill run every hour.'),
    file('a.pdf', '%PDF'),
  ]
  await page.locator('.documents-place input').first().setInputFiles(files)
}

/** An answer, and its question while it is edited. */
async function edited(stage: Stage): Promise<Page> {
  const page = await readyPage(stage)
  await ask(page, 'What is 27 plus 15?')
  await page.getByRole('button', { name: 'Edit' }).click()
  await page.getByLabel('Edit the question').fill('What is 20 plus 3?')
  return page
}

/** Made when it is first needed. */
let midSizeFile: Promise<string> | undefined

/** What is drawn, by its name; ends when it can be seen. */
const states: Readonly<Record<string, (stage: Stage) => Promise<Page>>> = {
  'first-load': (stage) => readyPage(stage),
  async chat(stage) {
    const page = await readyPage(stage)
    for (const question of ['Which is bigger, a horse or a mouse?', 'What is a forest?']) {
      await ask(page, question)
      await toChat(page)
    }
    await ask(page, 'What is a hammer used for?')
    await ask(page, 'What is 27 plus 15?')
    await page.getByRole('button', { name: 'Answer again' }).last().click()
    await page.getByText('2 / 2').waitFor()
    await page.getByRole('button', { name: 'Speed' }).last().click()
    await page.locator('.answer .facts').scrollIntoViewIfNeeded()
    return page
  },
  async stop(stage) {
    const page = await readyPage(stage)
    await openScreen(page, 'Models')
    const slow = await talkativeFiles({
      hidden_size: 256,
      intermediate_size: 512,
      num_hidden_layers: 4,
      max_position_embeddings: 4096,
      original_max_position_embeddings: 4096,
    })
    const files = Array.from(slow, ([name, buffer]) => ({ name, mimeType: '', buffer }))
    await page.locator('input[type=file]').first().setInputFiles(files)
    await page.getByText('Opened from a file').waitFor()
    await page.getByText('In use').waitFor()
    await toChat(page)
    await send(page, 'the story of the sea')
    await page.locator('.answer.writing .markdown:not(:empty)').waitFor()
    await page.getByRole('button', { name: 'Stop' }).click()
    await answers(page, 1)
    await page.getByRole('button', { name: 'Speed' }).click()
    return page
  },
  async pictures(stage) {
    const page = await readyPage(stage)
    await openForChat(page, await seeingFiles())
    const draw = (colour: ColourName, shape: ShapeName): Promise<Buffer> => {
      const { data, width, height } = drawShape({ colour, shape, x: 42, y: 42, size: 30 }, [244, 240, 232])
      return sharp(data, { raw: { width, height, channels: 4 } })
        .png()
        .toBuffer()
    }
    const attach = async (name: string, buffer: Buffer): Promise<void> => {
      await page.getByLabel('Attach pictures').setInputFiles({ name, mimeType: 'image/png', buffer })
      await page.getByText('313 tokens').first().waitFor()
    }
    await attach('circle.png', await draw('orange', 'circle'))
    await ask(page, 'What is in the picture?')
    await attach('cross.png', await draw('blue', 'cross'))
    await page.getByLabel('Attach pictures').setInputFiles({
      name: 'notes.txt',
      mimeType: 'text/plain',
      buffer: Buffer.from('no picture'),
    })
    await page.locator('.composer').getByRole('alert').waitFor()
    await page.getByLabel('Message').fill('And this one?')
    return page
  },
  async documents(stage) {
    const page = await readyPage(stage)
    await openScreen(page, 'Documents')
    await addDocuments(page)
    await page.locator('.documents li').nth(1).waitFor()
    return page
  },
  async sources(stage) {
    const page = await readyPage(stage)
    await openScreen(page, 'Documents')
    await addDocuments(page)
    await page.locator('.documents li').nth(1).waitFor()
    await toChat(page)
    await ask(page, 'When does the ferry leave?')
    await page.locator('.sources summary').first().click()
    await ask(page, 'Byzantine emperors')
    return page
  },
  edit: edited,
  async branch(stage) {
    const page = await edited(stage)
    await page.getByRole('button', { name: 'Ask', exact: true }).click()
    await page.getByText('2 / 2').waitFor()
    await answers(page, 1)
    return page
  },
  async 'reload-amid-download'(stage) {
    const page = await lookUp(stage)
    stage.web.hub.misbehaviours.set(weights, [stallAfter(40_000)])
    await download(page)
    await cardOf(page, 'model').getByText('downloading').waitFor()
    await page.reload()
    await cardOf(page, 'model').getByText('are here').waitFor()
    await cardOf(page, 'model').scrollIntoViewIfNeeded()
    return page
  },
  async 'offline-reload'(stage) {
    const site = await stage.web.serve()
    const page = await readyPage(stage, `${site.origin}/`)
    await page.evaluate(() => navigator.serviceWorker.ready)
    await site[Symbol.asyncDispose]()
    await page.reload()
    await ready(page)
    await ask(page, 'What is 27 plus 15?')
    return page
  },
  async 'low-storage'(stage) {
    const page = await lookUp(stage)
    await page.evaluate(() => navigator.serviceWorker.ready)
    const { usage = 0 } = await page.evaluate(() => navigator.storage.estimate())
    const session = await page.context().newCDPSession(page)
    const { origin } = stage.web.site
    await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: usage + 100_000 })
    await download(page)
    await cardOf(page, 'model').getByRole('alert').scrollIntoViewIfNeeded()
    return page
  },
  async 'corrupted-download'(stage) {
    const page = await lookUp(stage)
    const content = Buffer.from(stage.web.hub.files.get(weights) ?? '')
    content[content.length >> 1] = (content[content.length >> 1] ?? 0) ^ 1
    stage.web.hub.misbehaviours.set(weights, [({ honest }) => honest(content), ({ honest }) => honest(content)])
    await download(page)
    await cardOf(page, 'model').getByRole('alert').getByText('Particulars').click()
    await cardOf(page, 'model').getByRole('button', { name: 'Go on' }).scrollIntoViewIfNeeded()
    return page
  },
  async 'lost-gpu'(stage) {
    const page = await readyPage(stage)
    await openScreen(page, 'Settings')
    await page.getByRole('radio', { name: 'GPU' }).check()
    await page.getByText('Now the GPU').waitFor()
    await toChat(page)
    await loseGpuAmidAnswer(page)
    await send(page, 'What is a hammer used for?')
    await page.locator('.answer').getByRole('alert').waitFor()
    await page.getByText('being loaded again').waitFor()
    return page
  },
  async 'no-webgpu'(stage) {
    const site = await stage.web.serveChanged(prepareEngine(withoutGpu))
    const page = await readyPage(stage, `${site.origin}/`)
    await showFacts(page)
    return page
  },
  async 'refused-webgpu'(stage) {
    const site = await stage.web.serveChanged(prepareEngine(withoutGpu))
    const page = await readyPage(stage, `${site.origin}/`)
    await openScreen(page, 'Settings')
    await page.getByRole('radio', { name: 'GPU' }).check()
    await page.getByRole('alert').waitFor()
    return page
  },
  async 'no-isolation'({ web, visit }) {
    const page = await visit(`${web.plain.origin}/`, { serviceWorkers: 'block' })
    await ready(page)
    await showFacts(page)
    return page
  },
  async 'two-tabs'(stage) {
    const first = await readyPage(stage)
    const second = await first.context().newPage()
    await second.goto(first.url())
    await second.getByText('A model is loaded in another tab').waitFor()
    return second
  },
  async 'mid-size-model'(stage) {
    const file = await (midSizeFile ??= makeMidSizeFile(stage.web.folder))
    const page = await readyPage(stage)
    await openScreen(page, 'Models')
    await page.locator('input[type=file]').first().setInputFiles(file)
    await cardOf(page, 'mid.gguf').getByText('In use').click({ timeout: 120_000 })
    return page
  },
  async settings(stage) {
    const page = await readyPage(stage)
    await openScreen(page, 'Settings')
    return page
  },
  async benchmark(stage) {
    const page = await readyPage(stage)
    await openScreen(page, 'Benchmark')
    await page.getByRole('button', { name: 'Run' }).click()
    await page.locator('.chart rect').nth(3).waitFor()
    return page
  },
}

/** Milliseconds: the GPU of the tests is the processor, which may have other things to do. */
const patience = 120_000

/** Pixels of a picture for each that the page counts. */
const scale = { phone: 2, desktop: 1.5 } as const

/** What is drawn again for the guide, large enough to be read in it. */
const guide = {
  phone: { colours: 'light', viewport: devices.phone.viewport },
  desktop: { colours: 'dark', viewport: { width: 1200, height: 760 } },
} as const

await mkdir(values.out, { recursive: true })
await using web = await openWeb({ gpu: true })
for (const [name, show] of Object.entries(states)) {
  if (values.only !== undefined && values.only !== name) continue
  for (const device of ['phone', 'desktop'] as const) {
    const visit: Visit = async (address, options) => {
      const drawn = {
        ...devices[device],
        deviceScaleFactor: scale[device],
        reducedMotion: 'reduce' as const,
        ...options,
      }
      const { page, context } = await web.visit(address, drawn)
      context.setDefaultTimeout(patience)
      return page
    }
    const page = await show({ web, visit })
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      await page.screenshot({ path: path.join(values.out, `${name}-${device}-${colorScheme}.png`) })
    }
    if (name === 'chat') {
      const { colours, viewport } = guide[device]
      await page.emulateMedia({ colorScheme: colours, reducedMotion: 'reduce' })
      await page.setViewportSize(viewport)
      await page.screenshot({ path: path.join(root, 'docs', `web-${device}.png`) })
    }
    await page.context().close()
    console.log(`${name}, ${device}`)
  }
}
