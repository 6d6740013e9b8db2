/**
 * Draws the icons of the chat page from its one drawing, apps/web/public/icons/icon.svg, in the browser of the tests.
 *
 *     node scripts/draw-web-icons.ts
 */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { launchChromium } from '../tests/browser/chromium.ts'

const folder = fileURLToPath(new URL('../apps/web/public/icons', import.meta.url))

interface IconForm {
  readonly name: string
  /** Pixels. */
  readonly size: number
  /** Whether it fills its square, for systems that cut the corners themselves. */
  readonly isSquare: boolean
}

const forms: readonly IconForm[] = [
  { name: 'icon-180', size: 180, isSquare: true },
  { name: 'icon-192', size: 192, isSquare: false },
  { name: 'icon-512', size: 512, isSquare: false },
  { name: 'maskable-512', size: 512, isSquare: true },
]

const drawing = await readFile(path.join(folder, 'icon.svg'), 'utf8')
await using own = await launchChromium()
const page = await own.browser.newPage()
for (const { name, size, isSquare } of forms) {
  const svg = isSquare ? drawing.replace('rx="14" ', '') : drawing
  await page.setViewportSize({ width: size, height: size })
  await page.setContent(`<style>body { margin: 0 } svg { display: block; width: 100vw }</style>${svg}`)
  await page.screenshot({ path: path.join(folder, `${name}.png`), omitBackground: true })
  console.log(`${name}.png: ${size} pixels`)
}
