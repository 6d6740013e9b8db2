/** The browser around a round: a site of its own on this machine, and a fresh Chromium whose page does the work. */
import { openAsBlob } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { launchChromium } from '../../tests/browser/chromium.ts'
import { serveSite, type Files } from '../../tests/browser/server.ts'
import { bundle } from '../../tests/browser/site.ts'
import { costs, heldByDescendants } from '../processes.ts'
import type { Settings } from '../rounds.ts'

/** How often the browser's memory is looked at while it loads. */
const watchMilliseconds = 500

/** The files of a model as a page gets them, and the one that was named, if one was. */
async function modelFiles(path: string): Promise<{ files: Files; weights: string | undefined }> {
  if ((await stat(path)).isFile()) {
    const name = basename(path)
    return { files: new Map([[name, await openAsBlob(path)]]), weights: name }
  }
  const entries = await readdir(path, { withFileTypes: true })
  const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name)
  const blobs = names.map(async (name) => [name, await openAsBlob(join(path, name))] as const)
  return { files: new Map(await Promise.all(blobs)), weights: undefined }
}

/** Loads what is to be measured; all that it takes from the page has to be in its arguments. */
type Load<T extends Settings> = (page: Page, settings: T, weights: string | undefined) => Promise<void>

/**
 * Prints the round of one contender that runs in a page. No flags of V8, and as many threads as the settings say.
 *
 * @param folders what the page needs beside itself and the model
 */
export async function runInPage<T extends Settings>(
  settings: T,
  load: Load<T>,
  folders: Readonly<Record<string, Files>> = {},
): Promise<void> {
  const { files: page } = await bundle(fileURLToPath(new URL('.', import.meta.url)))
  const { files: model, weights } = await modelFiles(settings.model)
  const all = { page, model, ...folders }
  await using site = await serveSite({ folders: all, isolated: Object.keys(all) })
  await using chromium = await launchChromium()
  const opened = await chromium.browser.newPage()
  opened.setDefaultTimeout(0)
  const failed = new Promise<never>((_, reject) => opened.on('pageerror', reject))
  await opened.goto(`${site.origin}/page/index.html`)
  if (!(await opened.evaluate(() => globalThis.bench.isolated()))) throw new Error('The page has no shared memory.')
  let peakBytes = 0
  // While it is measured nobody disturbs it; memory does not shrink meanwhile.
  const look = (): void => void (peakBytes = Math.max(peakBytes, heldByDescendants()))
  const watch = setInterval(look, watchMilliseconds)
  try {
    await Promise.race([load(opened, settings, weights), failed])
  } finally {
    clearInterval(watch)
  }
  const measuring = opened.evaluate((own) => globalThis.bench.measure(own), settings as Settings)
  const round = await Promise.race([measuring, failed])
  look()
  console.log(JSON.stringify({ ...round, ...costs(peakBytes) }))
}
