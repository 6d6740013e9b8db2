/**
 * How long the chat page takes from navigation to the first token of an answer, with everything in its caches: the question is
 * sent as soon as the page takes one, which is before the model is loaded. Ends with status 1 where the median is above the limit, in
 * seconds.
 *
 *     node bench/web-first-token.ts [--rounds 9] [--slowdown 4] [--limit 1.5]
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import type { Page } from 'playwright-core'
import { buildPage } from '../apps/web/build/build.ts'
import { headersFor } from '../apps/web/build/headers.ts'
import { servePage } from '../apps/web/build/server.ts'
import { launchChromium } from '../tests/browser/chromium.ts'
import { median } from './summary.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    slowdown: { type: 'string', default: '1' },
    limit: { type: 'string', default: '1.5' },
  },
})
const [rounds, slowdown] = [Number(values.rounds), Number(values.slowdown)]

interface Times {
  /** Milliseconds since navigation began. */
  readonly usable: number
  readonly firstToken: number
}

/** Sends a question when there is a place for it, and waits for the first text of the answer. */
async function timesOf(page: Page): Promise<Times> {
  return await page.evaluate(async () => {
    const appears = async <T>(find: () => T | null | false): Promise<T> => {
      for (;;) {
        const found = find()
        if (found !== null && found !== false) return found
        await new Promise((resolve) => {
          requestAnimationFrame(resolve)
        })
      }
    }
    const area = await appears(() => document.querySelector<HTMLTextAreaElement>('.composer textarea'))
    const before = document.querySelectorAll('.answer').length
    area.value = 'What is 27 plus 15?'
    area.dispatchEvent(new Event('input', { bubbles: true }))
    const button = await appears(() => document.querySelector<HTMLButtonElement>('.composer button:not(:disabled)'))
    const usable = performance.now()
    button.click()
    await appears(() => {
      const answer = document.querySelectorAll('.answer')[before]?.querySelector('.markdown')
      return answer?.textContent !== undefined && answer.textContent !== ''
    })
    return { usable, firstToken: performance.now() }
  })
}

const folder = await mkdtemp(path.join(tmpdir(), 'pocket-phi-web-'))
try {
  await buildPage(folder)
  await using site = await servePage({ folder, headersOf: headersFor([]), port: 0 })
  await using own = await launchChromium()
  const context = await own.browser.newContext()
  const page = await context.newPage()
  await page.goto(`${site.origin}/`)
  await page.locator('.chip.ready').waitFor()
  await page.evaluate(() => navigator.serviceWorker.ready)
  const session = await context.newCDPSession(page)
  await session.send('Emulation.setCPUThrottlingRate', { rate: slowdown })
  const times: Times[] = []
  for (let round = 0; round < rounds; round++) {
    // Away and back: a reload of the same address would not load the page again.
    await page.goto('about:blank')
    await page.goto(`${site.origin}/`, { waitUntil: 'commit' })
    times.push(await timesOf(page))
  }
  const sorted = (of: (one: Times) => number): number[] => times.map(of).sort((a, b) => a - b)
  const line = (name: string, all: readonly number[]): string =>
    `${name.padEnd(12)} median ${median(all).toFixed(0)} ms, ${all[0]?.toFixed(0)} to ${all.at(-1)?.toFixed(0)} ms`
  console.log(`${rounds} visits with a warm cache${slowdown === 1 ? '' : `, processor slowed down ${slowdown} times`}`)
  const firstTokens = sorted((one) => one.firstToken)
  console.log(
    line(
      'usable',
      sorted((one) => one.usable),
    ),
  )
  console.log(line('first token', firstTokens))
  const isWithin = median(firstTokens) <= Number(values.limit) * 1000
  console.log(`${isWithin ? 'within' : 'above'} ${values.limit} s`)
  if (!isWithin) process.exitCode = 1
} finally {
  await rm(folder, { recursive: true })
}
