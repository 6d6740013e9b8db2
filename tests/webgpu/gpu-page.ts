/** Our page for the webgpu backend in a real browser, whose GPU is SwiftShader; the tests and the comparison with goldens share it. */
import path from 'node:path'
import type { Page } from 'playwright-core'
import { launchChromium } from '../browser/chromium.ts'
import { root } from '../browser/root.ts'
import { serveSite, type Files } from '../browser/server.ts'
import { bundle } from '../browser/site.ts'

export interface GpuPage extends AsyncDisposable {
  readonly page: Page
  /** What the bundler, the page and the browser complained about. */
  readonly heard: string[]
}

/** Opens it. @param folders what is served beside the page, by the names of the folders */
export async function openGpuPage(folders: Readonly<Record<string, Files>>): Promise<GpuPage> {
  await using opening = new AsyncDisposableStack()
  const { files, complaints } = await bundle(path.join(root, 'tests/webgpu/page'))
  // The goldens of pictures take in at once what other pages load with the first picture.
  const isOfGoldens = (complaint: string): boolean =>
    complaint.includes('INEFFECTIVE_DYNAMIC_IMPORT') && complaint.includes('src/vision/prepare.ts')
  const heard = complaints.filter((complaint) => !isOfGoldens(complaint))
  const site = opening.use(await serveSite({ folders: { ...folders, page: files }, isolated: ['page'] }))
  const { browser } = opening.use(await launchChromium({ gpu: true }))
  const page = await browser.newPage()
  page.on('pageerror', (error) => heard.push(String(error)))
  page.on('console', (message) => {
    // Of the files of a model, some need not be there.
    if (!message.text().startsWith('Failed to load resource')) heard.push(message.text())
  })
  await page.goto(`${site.origin}/page/index.html`)
  const resources = opening.move()
  return { page, heard, [Symbol.asyncDispose]: () => resources.disposeAsync() }
}
