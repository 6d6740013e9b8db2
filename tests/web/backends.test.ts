/** What the model of the chat page runs on: a GPU (SwiftShader, here) that is there, is not there, or is lost. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Page } from 'playwright-core'
import { hasBrowser } from '../browser/chromium.ts'
import {
  answers,
  ask,
  devices,
  loseGpuAmidAnswer,
  openScreen,
  openWeb,
  prepareEngine,
  ready,
  send,
  withoutGpu,
  type WebBench,
} from './bench.ts'

let web: WebBench

/** Milliseconds that this GPU, which is the processor, may take for one thing, and for a whole test. */
const patience = 120_000
const inSoftware = { timeout: 400_000 }

/** The GPU in software says that it is none, so that it is chosen like any other. */
const hardware = `
  Object.defineProperty(GPUAdapterInfo.prototype, 'isFallbackAdapter', { get: () => false })
  for (const name of ['vendor', 'architecture', 'description']) {
    Object.defineProperty(GPUAdapterInfo.prototype, name, { get: () => 'test' })
  }`

async function choose(page: Page, label: string): Promise<void> {
  await openScreen(page, 'Settings')
  await page.getByRole('radio', { name: label }).check()
}

/** What the card of the loaded model says. */
async function facts(page: Page): Promise<string> {
  await openScreen(page, 'Models')
  await page.getByText('In use').click()
  return await page.locator('.loaded').innerText()
}

async function toChat(page: Page): Promise<void> {
  await page.goto(new URL('#/', page.url()).href)
  await page.getByLabel('Message').waitFor()
}

describe.skipIf(!hasBrowser)('what the model of the page runs on', () => {
  beforeAll(async () => {
    web = await openWeb({ gpu: true })
  })
  afterAll(() => web[Symbol.asyncDispose]())

  describe.each(Object.entries(devices))('on a %s', (_name, device) => {
    it('says that the GPU was lost, keeps what was said, and loads the model again', inSoftware, async () => {
      const { page, context } = await web.visit(undefined, device)
      context.setDefaultTimeout(patience)
      await ready(page)
      await choose(page, 'GPU')
      await page.getByText('Now the GPU (webgpu). Why: chosen in the settings.').waitFor()
      await toChat(page)
      await loseGpuAmidAnswer(page)
      await send(page, 'What is a hammer used for?')
      const alert = page.locator('.answer').getByRole('alert')
      await alert.getByText('The GPU was lost.').waitFor()
      await alert.getByText('What had come is kept.').waitFor()
      const [said = ''] = await answers(page, 1)
      expect(said).not.toBe('')
      await ready(page)
      await page.reload()
      await ready(page)
      expect(await answers(page, 1)).toEqual([said])
      await page.locator('.answer').getByRole('button', { name: 'Try again' }).click()
      await expect.poll(() => answers(page, 1), { timeout: patience }).toEqual([expect.stringContaining('nails')])
      await context.close()
    })

    it('says where there is no WebGPU that the processor answers, and why', async () => {
      await using site = await web.serveChanged(prepareEngine(withoutGpu))
      const { page, context } = await web.visit(`${site.origin}/`, device)
      await ready(page)
      expect(await ask(page, 'What is 27 plus 15?')).toContain('42')
      expect(await facts(page)).toMatch(/the processor \(wasm, 2 threads\)[\s\S]*There is no WebGPU here/)
      await context.close()
    })
  })

  it('refuses a GPU that is not there with an error, and offers to choose by itself', async () => {
    await using site = await web.serveChanged(prepareEngine(withoutGpu))
    const { page, context } = await web.visit(`${site.origin}/`)
    await ready(page)
    await choose(page, 'GPU')
    await page.getByRole('alert').getByText('There is no WebGPU here.').waitFor()
    await page.reload()
    const alert = page.getByRole('alert')
    await alert.getByText('There is no WebGPU here.').waitFor()
    await alert.getByRole('button', { name: 'Choose automatically' }).click()
    await page.getByText('Now the processor').waitFor()
    expect(await page.getByRole('radio', { name: 'Automatic' }).first().isChecked()).toBe(true)
    await context.close()
  })

  it('a GPU that was chosen by itself and is lost is not chosen again during the visit', inSoftware, async () => {
    await using site = await web.serveChanged(prepareEngine(hardware))
    const { page, context } = await web.visit(`${site.origin}/`)
    context.setDefaultTimeout(patience)
    await ready(page)
    expect(await facts(page)).toMatch(/the GPU \(webgpu\)[\s\S]*there is a GPU \(test test test\)/)
    await toChat(page)
    await loseGpuAmidAnswer(page)
    await send(page, 'What is a hammer used for?')
    await page.locator('.answer').getByRole('alert').getByText('The GPU was lost.').waitFor()
    await ready(page)
    await page.locator('.answer').getByRole('button', { name: 'Try again' }).click()
    await expect.poll(() => answers(page, 1), { timeout: patience }).toEqual([expect.stringContaining('nails')])
    expect(await facts(page)).toMatch(/the processor[\s\S]*the GPU was lost during this visit/)
    await context.close()
  })

  it('is the processor where the GPU is software, and says so', async () => {
    const { page, context } = await web.visit()
    await ready(page)
    expect(await facts(page)).toMatch(/the processor[\s\S]*the only adapter of WebGPU is software/)
    await context.close()
  })

  it('has a context of the length that was chosen', async () => {
    const { page, context } = await web.visit()
    await ready(page)
    expect(await facts(page)).toContain('512 tokens')
    await openScreen(page, 'Settings')
    // More than the model can read is as much as it can.
    await page.getByLabel('Context').selectOption('at most 1024 tokens')
    await page.getByText('Now the processor').waitFor()
    expect(await facts(page)).toContain('512 tokens')
    await context.close()
  })
})
