/** The webgpu backend in a real browser, whose GPU is SwiftShader. */
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasBrowser, launchChromium } from '../browser/chromium.ts'
import { root } from '../browser/root.ts'
import { serveSite } from '../browser/server.ts'
import { bundle } from '../browser/site.ts'
import { golden, goldenFolder, goldenIds, largestDifference } from '../goldens-harness.ts'

const resources = new AsyncDisposableStack()
let page: Page
/** What the bundler, the page and the browser complained about. */
const heard: string[] = []

async function filesOf(folder: string): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>()
  for (const name of await readdir(folder)) files.set(name, await readFile(path.join(folder, name)))
  return files
}

describe.skipIf(!hasBrowser)('in a browser with WebGPU', () => {
  beforeAll(async () => {
    const { files, complaints } = await bundle(path.join(root, 'tests/webgpu/page'))
    heard.push(...complaints)
    const folders = { page: files, model: await filesOf(goldenFolder) }
    const site = resources.use(await serveSite({ folders, isolated: ['page'], held: '' }))
    const { browser } = resources.use(await launchChromium({ gpu: true }))
    page = await browser.newPage()
    page.on('pageerror', (error) => heard.push(String(error)))
    page.on('console', (message) => {
      // Of the files of a model, some need not be there.
      if (!message.text().startsWith('Failed to load resource')) heard.push(message.text())
    })
    await page.goto(`${site.origin}/page/index.html`)
  }, 180_000)
  afterAll(() => resources.disposeAsync())

  it('every operation agrees with the oracle', { timeout: 300_000 }, async () => {
    const { faults, dispatches } = await page.evaluate(() => globalThis.gpuScenarios.operationFaults([0, 1]))
    expect(faults).toEqual([])
    expect(dispatches).toBeGreaterThan(66)
  })

  it('a model has the logits of the reference implementation', { timeout: 300_000 }, async () => {
    const ids = await goldenIds()
    const found = await page.evaluate((prompt) => globalThis.gpuScenarios.logitsOf('../model', prompt, 'webgpu'), ids)
    expect(found.backend).toBe('webgpu')
    const expected = await golden('golden.safetensors', 'long.logits')
    expect(largestDifference(Float32Array.from(found.logits), expected)).toBeLessThan(1e-4)
  })

  it('is not chosen by itself, since this GPU is software', async () => {
    const ids = (await goldenIds()).slice(0, 4)
    const found = await page.evaluate((prompt) => globalThis.gpuScenarios.logitsOf('../model', prompt, 'auto'), ids)
    expect(found).toMatchObject({ backend: 'wasm', chosen: expect.stringContaining('software') })
  })

  // Last, because it is about the page above.
  it('leaves nothing to complain about', () => {
    expect(heard).toEqual([])
  })
})
