/** Folders of golden numbers that are compared within a page of a real browser, which reads them from a server on this machine. */
import path from 'node:path'
import type { Page } from 'playwright-core'
import { filesBelow } from '../../tests/browser/site.ts'
import { openGpuPage } from '../../tests/webgpu/gpu-page.ts'
import type { Choice, GoldenSession } from './session.ts'

/** Opens a session in a page. @param directory what holds the folders @param folders those that may be read */
export async function openSessionInChromium(
  choice: Choice,
  directory: string,
  folders: readonly string[],
): Promise<GoldenSession & AsyncDisposable> {
  const goldens = new Map<string, Uint8Array | Blob>()
  for (const folder of folders) {
    for (const [file, content] of await filesBelow(path.join(directory, folder))) {
      goldens.set(`${folder}/${file}`, content)
    }
  }
  const opened = await openGpuPage({ goldens })
  const session = await sessionIn(opened.page, choice, [...goldens.keys()])
  return {
    async compare(folder) {
      const compared = await session.compare(folder)
      for (const complaint of opened.heard.splice(0)) console.error(`the page: ${complaint}`)
      return compared
    },
    dispatches: () => session.dispatches(),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  }
}

/** A session in a page of ours. @param files what lies below ../goldens/ of it */
export async function sessionIn(page: Page, choice: Choice, files: readonly string[]): Promise<GoldenSession> {
  await page.evaluate(([given, names]) => globalThis.gpuScenarios.openGoldens(given, names), [choice, files] as const)
  return {
    compare: (folder) => page.evaluate((name) => globalThis.gpuScenarios.compareFolder(name), folder),
    dispatches: () => page.evaluate(() => globalThis.gpuScenarios.goldenDispatches()),
  }
}
