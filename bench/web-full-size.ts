/**
 * The memory that the chat page takes with a model of full size, which is opened from a file of this machine and runs on wasm: what
 * all processes of the browser hold together (PSS, pages that several share counted once), from before the file is opened until
 * an answer has ended. Ends with status 1 where that is more than the limit. Linux only, which alone tells.
 *
 *     node bench/web-full-size.ts MODEL.gguf [--context 1024] [--tokens 32] [--limit 3.0]
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import type { Page } from 'playwright-core'
import { buildPage } from '../apps/web/build/build.ts'
import { servePage } from '../apps/web/build/server.ts'
import { formatBytes } from '../src/base/units.ts'
import { launchChromium } from '../tests/browser/chromium.ts'
import { heldByDescendants } from './processes.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    context: { type: 'string', default: '1024' },
    tokens: { type: 'string', default: '32' },
    limit: { type: 'string', default: '3.0' },
  },
})
const [file] = positionals
if (file === undefined) throw new Error('Which file? node bench/web-full-size.ts MODEL.gguf')
if (process.platform !== 'linux') throw new Error('Only Linux says what several processes hold together.')

const settings = {
  backend: 'wasm',
  maxContext: Number(values.context),
  maxTokens: Number(values.tokens),
  // Random weights would repeat one word.
  sampling: { temperature: 1 },
  seed: 1,
  showSpeed: true,
}

/** Milliseconds between two looks, each of which takes some of the processor. */
const lookEvery = 250
/** Milliseconds that a load or an answer may take. */
const patience = 600_000

/** The most that is held from now on, and when. */
class Watch {
  #phase = ''
  readonly #peaks = new Map<string, number>()
  readonly #timer = setInterval(() => this.#look(), lookEvery)

  begin(phase: string): void {
    this.#phase = phase
    this.#look()
  }

  #look(): void {
    this.#peaks.set(this.#phase, Math.max(this.#peaks.get(this.#phase) ?? 0, heldByDescendants(['Pss'])))
  }

  /** @returns the peak of each phase, in bytes */
  end(): ReadonlyMap<string, number> {
    this.#look()
    clearInterval(this.#timer)
    return this.#peaks
  }
}

/** What a list of facts says, by its names. */
async function factsIn(page: Page, list: string): Promise<string[]> {
  return await page.locator(`${list} > div`).evaluateAll((rows) => {
    return rows.map((row) => Array.from(row.children, ({ textContent }) => textContent.trim()).join(': '))
  })
}

const folder = await mkdtemp(path.join(tmpdir(), 'pocket-phi-web-'))
try {
  await buildPage(folder)
  await using site = await servePage({ folder, hub: [], port: 0 })
  await using own = await launchChromium()
  const context = await own.browser.newContext()
  context.setDefaultTimeout(patience)
  await context.addInitScript((text) => localStorage.setItem('pocket-phi-settings', text), JSON.stringify(settings))
  const page = await context.newPage()
  await page.goto(`${site.origin}/#/models`)
  await page.getByText('In use').waitFor()
  const watch = new Watch()
  watch.begin('the page')
  watch.begin('loading')
  await page.locator('input[type=file]').first().setInputFiles(file)
  const card = page.locator('.card', { has: page.getByRole('heading', { name: path.basename(file) }) })
  await card.getByText('In use').click()
  const plan = await factsIn(page, '.loaded .facts')
  watch.begin('answering')
  await page.goto(`${site.origin}/#/`)
  await page.getByLabel('Message').fill('What is a hammer used for?')
  await page.getByRole('button', { name: 'Send' }).click()
  await page.locator('.answer:not(.writing) .facts').waitFor()
  const speed = await factsIn(page, '.answer .facts')
  const peaks = watch.end()
  for (const line of [...plan, ...speed]) console.log(line)
  for (const [phase, bytes] of peaks) console.log(`Peak, ${phase}: ${formatBytes(bytes)}`)
  const peak = Math.max(...peaks.values())
  const isWithin = peak <= Number(values.limit) * 1e9
  console.log(`Peak of all processes: ${formatBytes(peak)}, ${isWithin ? 'within' : 'above'} ${values.limit} GB`)
  if (!isWithin) process.exitCode = 1
} finally {
  await rm(folder, { recursive: true })
}
