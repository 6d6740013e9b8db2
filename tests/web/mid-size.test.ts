/** A model of 134 million parameters in 4 bits, opened in the page from a file of this machine. Its weights are random. */
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { heldByDescendants } from '../../bench/processes.ts'
import { hasBrowser } from '../browser/chromium.ts'
import { answers, cardOf, devices, openScreen, openWeb, ready, send, type WebBench } from './bench.ts'
import { makeMidSizeFile } from './mid-size.ts'

/** What the page may take beside its plan while it loads: the worker's script, pieces of the file on their way. */
const besidePlan = 96e6

let web: WebBench
let folder: string
let file: string

describe.skipIf(!hasBrowser)('a 4-bit file of 134 million parameters in the page', () => {
  beforeAll(async () => {
    web = await openWeb()
    folder = await mkdtemp(path.join(tmpdir(), 'pocket-phi-mid-'))
    file = await makeMidSizeFile(folder)
  })
  afterAll(async () => {
    await rm(folder, { recursive: true })
    await web[Symbol.asyncDispose]()
  })

  it.each(Object.entries(devices))(
    'loads within its plan, answers bit by bit, is stopped, and shows speed and memory: on a %s',
    { timeout: 180_000 },
    async (_name, device) => {
      const { page, context, complaints } = await web.visit(undefined, device)
      context.setDefaultTimeout(120_000)
      await ready(page)
      await openScreen(page, 'Settings')
      // Random weights would repeat one token.
      await page.getByLabel('Temperature').fill('1')
      await page.getByLabel('Seed').fill('1')
      await openScreen(page, 'Models')
      const before = heldByDescendants()
      await page.locator('input[type=file]').first().setInputFiles(file)
      const card = cardOf(page, 'mid.gguf')
      await card.getByText('In use').click()
      const held = heldByDescendants() - before
      const shown = await card.innerText()
      const [, total = '', unit = ''] = /Memory\s+([\d.]+) (MB|GB)/.exec(shown) ?? []
      const plan = Number(total) * (unit === 'GB' ? 1e9 : 1e6)
      const { size } = await stat(file)
      expect(plan).toBeGreaterThan(size)
      // Pages of memory that nothing was written to are not held yet, such as those of the cache.
      expect(held).toBeGreaterThan(size * 0.9)
      expect(held).toBeLessThan(plan + besidePlan)
      await page.goto(`${web.site.origin}/#/`)
      await send(page, 'What is a hammer used for?')
      const writing = page.locator('.answer.writing .markdown')
      await expect.poll(() => writing.innerText(), { timeout: 60_000 }).not.toBe('')
      const first = await writing.innerText()
      await expect
        .poll(async () => (await writing.innerText()).length, { timeout: 60_000 })
        .toBeGreaterThan(first.length)
      await page.getByRole('button', { name: 'Stop' }).click()
      const [said = ''] = await answers(page, 1)
      expect(said.length).toBeGreaterThan(first.length)
      await page.getByRole('button', { name: 'Speed' }).click()
      const facts = await page.locator('.answer .facts').innerText()
      expect(facts).toMatch(/mid\.gguf[\s\S]*[1-9][\d.]* tokens\/s[\s\S]*stopped/)
      expect(complaints).toEqual([])
      await context.close()
    },
  )
})
