/**
 * The memory that the chat page takes with a model of full size, which is opened from a file of this machine and runs on wasm: what
 * all processes of the browser hold together (PSS, pages that several share counted once), from before the file is opened until
 * an answer has ended that fills the context. Ends with status 1 where that is more than the limit, or where the answer ended before.
 * Linux only, which alone tells.
 *
 *     node bench/web-full-size.ts MODEL.gguf [--context 1024] [--answer 64] [--limit 3.0]
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import type { Page } from 'playwright-core'
import { buildPage } from '../apps/web/build/build.ts'
import { headersFor } from '../apps/web/build/headers.ts'
import { servePage } from '../apps/web/build/server.ts'
import { formatBytes } from '../src/base/units.ts'
import { openModelFiles } from '../src/engine/model-files.ts'
import { encodePictured, renderConversation } from '../src/engine/picture-text.ts'
import { localFolder } from '../src/formats/tree.ts'
import { launchChromium } from '../tests/browser/chromium.ts'
import { heldByDescendants } from './processes.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    context: { type: 'string', default: '1024' },
    answer: { type: 'string', default: '64' },
    limit: { type: 'string', default: '3.0' },
  },
})
const [file] = positionals
if (file === undefined) throw new Error('Which file? node bench/web-full-size.ts MODEL.gguf')
if (process.platform !== 'linux') throw new Error('Only Linux says what several processes hold together.')

const settings = {
  backend: 'wasm',
  maxContext: Number(values.context),
  // Random weights would repeat one word.
  sampling: { temperature: 1 },
  seed: 1,
  showSpeed: true,
}

/** Milliseconds between two looks, each of which takes some of the processor. */
const lookEvery = 250
/** Milliseconds that a load or an answer may take. */
const patience = 600_000

/** A question that leaves the answer at most so many tokens of the context. */
async function longQuestion(model: string): Promise<string> {
  const files = await openModelFiles(localFolder(path.dirname(model)), path.basename(model))
  const { tokenizer, template } = await files.text()
  await files.close()
  if (tokenizer === undefined || template === undefined)
    throw new Error('This file does not say how one chats with it.')
  const wanted = settings.maxContext - Number(values.answer)
  const tokensOf = (content: string): number =>
    encodePictured(tokenizer, renderConversation(template, [{ role: 'user', content }])).length
  const words = 'What is a hammer used for? It hits nails, and who has no nails has no use for it.'.split(' ')
  let question = ''
  for (let at = 0; tokensOf(question) < wanted; at++) question += `${words[at % words.length]} `
  return question
}

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

const question = await longQuestion(file)
const folder = await mkdtemp(path.join(tmpdir(), 'pocket-phi-web-'))
try {
  await buildPage(folder)
  await using site = await servePage({ folder, headersOf: headersFor([]), port: 0 })
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
  await page.getByLabel('Message').fill(question)
  await page.getByRole('button', { name: 'Send' }).click()
  await page.locator('.answer:not(.writing) .facts').waitFor()
  const facts = await factsIn(page, '.answer .facts')
  const peaks = watch.end()
  for (const line of [...plan, ...facts]) console.log(line)
  for (const [phase, bytes] of peaks) console.log(`Peak, ${phase}: ${formatBytes(bytes)}`)
  const peak = Math.max(...peaks.values())
  const isWithin = peak <= Number(values.limit) * 1e9
  console.log(`Peak of all processes: ${formatBytes(peak)}, ${isWithin ? 'within' : 'above'} ${values.limit} GB`)
  const isFull = facts.includes('End: context full')
  if (!isFull) console.log('The answer ended before the context was full.')
  if (!isWithin || !isFull) process.exitCode = 1
} finally {
  await rm(folder, { recursive: true })
}
