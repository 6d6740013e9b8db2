/** The chat page in a real browser: conversations, on a phone and on a desktop computer, with and without a network. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasBrowser } from '../browser/chromium.ts'
import {
  answers,
  ask,
  devices,
  openList,
  openScreen,
  openWeb,
  ready,
  send,
  talkativeFiles,
  violations,
  type WebBench,
} from './bench.ts'

let web: WebBench

/** A model that talks for long enough to be stopped. */
const slow = await talkativeFiles({
  hidden_size: 256,
  intermediate_size: 512,
  num_hidden_layers: 4,
  max_position_embeddings: 4096,
  original_max_position_embeddings: 4096,
})

describe.skipIf(!hasBrowser)('the chat page', () => {
  beforeAll(async () => {
    web = await openWeb()
  })
  afterAll(() => web[Symbol.asyncDispose]())

  describe.each(Object.entries(devices))('on a %s', (_name, device) => {
    it('answers at the first visit, remembers what was said, and leaves nothing in the console', async () => {
      const { page, context, complaints } = await web.visit(undefined, device)
      await ready(page)
      expect(await page.evaluate(() => crossOriginIsolated)).toBe(true)
      expect(await ask(page, 'What is 27 plus 15?')).toContain('42')
      expect(await ask(page, 'What is a hammer used for?')).toContain('nails')
      await page.reload()
      expect(await answers(page, 2)).toEqual([expect.stringContaining('42'), expect.stringContaining('nails')])
      await openList(page)
      const titles = page.locator('.conversations .title')
      await expect.poll(() => titles.allInnerTexts()).toEqual(['What is 27 plus 15?'])
      expect(complaints).toEqual([])
      await context.close()
    })

    it('edits a question into a branch, and steps between branches', async () => {
      const { page, context } = await web.visit(undefined, device)
      await ready(page)
      await ask(page, 'What is 27 plus 15?')
      await page.getByRole('button', { name: 'Edit' }).click()
      await page.getByLabel('Edit the question').fill('What is 20 plus 3?')
      await page.getByRole('button', { name: 'Ask', exact: true }).click()
      await page.getByText('2 / 2').waitFor()
      expect(await answers(page, 1)).toEqual([expect.stringContaining('23')])
      await page.getByRole('button', { name: 'Version before' }).click()
      await page.getByText('1 / 2').waitFor()
      expect(await answers(page, 1)).toEqual([expect.stringContaining('42')])
      await page.getByRole('button', { name: 'Answer again' }).click()
      // The question has two versions, and so has this answer to the first.
      await page.locator('.answer .branches').waitFor()
      expect(await page.getByText('2 / 2').count()).toBe(1)
      await page.reload()
      expect(await answers(page, 1)).toEqual([expect.stringContaining('42')])
      await context.close()
    })

    it('stops an answer, keeps what was said, and goes on', async () => {
      const { page, context } = await web.visit(undefined, device)
      await openScreen(page, 'Models')
      const files = Array.from(slow, ([name, buffer]) => ({ name, mimeType: '', buffer }))
      await page.locator('input[type=file]').first().setInputFiles(files)
      await page.getByText('Opened from a file').waitFor()
      await page.getByText('In use').waitFor()
      await openList(page)
      await page.getByRole('link', { name: 'New conversation' }).click()
      await send(page, 'the story of the sea')
      // The page goes on while the model does.
      const writing = page.locator('.answer.writing .markdown')
      await expect.poll(() => writing.innerText()).not.toBe('')
      expect(await page.evaluate(() => document.querySelectorAll('.answer.writing').length)).toBe(1)
      await page.getByRole('button', { name: 'Stop' }).click()
      const [said = ''] = await answers(page, 1)
      expect(said).not.toBe('')
      await page.getByText('You stopped this answer.').waitFor()
      await page.getByRole('button', { name: 'Speed' }).click()
      await page.getByText('stopped', { exact: true }).waitFor()
      await send(page, 'and then?')
      await expect.poll(() => writing.innerText()).not.toBe('')
      await page.getByRole('button', { name: 'Stop' }).click()
      expect((await answers(page, 2))[0]).toBe(said)
      await page.reload()
      expect((await answers(page, 2))[0]).toBe(said)
      expect(await page.getByText('You stopped this answer.').count()).toBe(2)
      await context.close()
    })
  })

  it('says so where an address names nothing, and leads back', async () => {
    for (const address of ['#/nowhere', '#/models/phi', '#/c/', '#anchor']) {
      const { page, context } = await web.visit(`${web.site.origin}/${address}`)
      await page.getByRole('heading', { level: 1, name: 'Nothing is here' }).waitFor()
      expect(await page.getByLabel('Message').count()).toBe(0)
      expect(await violations(page)).toEqual([])
      await page.getByRole('link', { name: 'To a new conversation' }).click()
      await page.getByLabel('Message').waitFor()
      await context.close()
    }
  })

  it('takes a question back that is stopped before it could be kept', async () => {
    const { page, context } = await web.visit('about:blank')
    // The database is opened only when the test says so, and the model never comes.
    await page.addInitScript(() => {
      const { value } = { ...Object.getOwnPropertyDescriptor(EventTarget.prototype, 'addEventListener') }
      const listen = value as EventTarget['addEventListener']
      const released = new Promise((resolve) => addEventListener('released', resolve))
      Object.assign(IDBOpenDBRequest.prototype, {
        addEventListener(this: IDBOpenDBRequest, kind: string, listener: (event: Event) => void): void {
          const later = (event: Event): void => void released.then(() => listener(event))
          listen.call(this, kind, kind === 'success' ? later : listener)
        },
      })
    })
    await page.route('**/model.safetensors', () => undefined)
    await page.goto(`${web.site.origin}/`)
    await send(page, 'What is 27 plus 15?')
    await page.getByRole('button', { name: 'Stop' }).click()
    await page.evaluate(() => dispatchEvent(new Event('released')))
    await expect.poll(() => page.getByRole('button', { name: 'Stop' }).count()).toBe(0)
    expect(await page.locator('.question').count()).toBe(1)
    expect(await page.locator('.answer').count()).toBe(0)
    await context.close()
  })

  it('keeps the end of a conversation in sight when the window gets smaller, but not from who reads its beginning', async () => {
    const { page, context } = await web.visit()
    await ready(page)
    for (const question of ['What is 27 plus 15?', 'What is a hammer used for?', 'What is a forest?']) {
      await ask(page, question)
    }
    const transcript = page.locator('.transcript')
    const below = (): Promise<number> =>
      transcript.evaluate(({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight)
    await page.setViewportSize({ width: 1280, height: 420 })
    await expect.poll(() => transcript.evaluate(({ scrollTop }) => scrollTop)).toBeGreaterThan(100)
    await expect.poll(below).toBeLessThan(2)
    await transcript.evaluate((element) => element.scrollTo({ top: 0 }))
    await page.getByRole('button', { name: 'To the end' }).waitFor()
    await page.setViewportSize({ width: 1280, height: 400 })
    await expect.poll(() => transcript.evaluate(({ clientHeight }) => clientHeight)).toBeLessThan(350)
    expect(await transcript.evaluate(({ scrollTop }) => scrollTop)).toBe(0)
    await context.close()
  })

  it('moves the cursor of an editor before anything can be selected or typed', async () => {
    const { page, context } = await web.visit()
    await ready(page)
    await ask(page, 'What is 27 plus 15?')
    // Selects all as soon as the editor is there, and looks again after a frame.
    await page.evaluate(() => {
      const observer = new MutationObserver(() => {
        const area = document.querySelector<HTMLTextAreaElement>('.editor textarea')
        if (area === null) return
        observer.disconnect()
        area.select()
        requestAnimationFrame(() => setTimeout(() => (area.dataset['selected'] = `${area.selectionStart}`)))
      })
      observer.observe(document.body, { childList: true, subtree: true })
    })
    await page.getByRole('button', { name: 'Edit' }).click()
    const area = page.locator('.editor textarea')
    await expect.poll(() => area.getAttribute('data-selected')).toBe('0')
    await context.close()
  })

  it.each(Object.entries(devices))(
    'works without a network after the first visit, threads included: on a %s',
    async (_name, device) => {
      const site = await web.serve()
      const { page, context } = await web.visit(`${site.origin}/`, device)
      await ready(page)
      await page.evaluate(() => navigator.serviceWorker.ready)
      await site[Symbol.asyncDispose]()
      await page.reload()
      await ready(page)
      expect(await page.evaluate(() => crossOriginIsolated)).toBe(true)
      expect(await ask(page, 'What is 27 plus 15?')).toContain('42')
      await context.close()
    },
  )

  it('offers a newer version of the page when there is one', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'pocket-phi-newer-'))
    await cp(web.folder, folder, { recursive: true })
    await using site = await web.serve(folder)
    const { page, context } = await web.visit(`${site.origin}/`)
    await ready(page)
    await page.evaluate(() => navigator.serviceWorker.ready)
    const worker = path.join(folder, 'service-worker.js')
    const script = await readFile(worker, 'utf8')
    await writeFile(worker, script.replace(/"[0-9a-f]{16}"/, '"newer"'))
    await page.reload()
    await page.getByText('A newer version is here.').waitFor()
    const other = await context.newPage()
    await other.goto(`${site.origin}/`)
    await other.getByText('A newer version is here.').waitFor()
    await page.getByRole('button', { name: 'Reload' }).click()
    await expect.poll(() => page.getByText('A newer version is here.').count()).toBe(0)
    await ready(page)
    // What one tab took over is offered in the others.
    await other.getByRole('button', { name: 'Reload' }).click()
    await expect.poll(() => other.getByText('A newer version is here.').count()).toBe(0)
    await other.close()
    expect(await page.evaluate(() => caches.keys())).toEqual(['pocket-phi-page / newer'])
    await context.close()
    await rm(folder, { recursive: true })
  })

  it.each(Object.entries(devices))(
    'is isolated by its service worker where the host sends no headers: on a %s',
    async (_name, device) => {
      const { page, context } = await web.visit(`${web.plain.origin}/`, device)
      await expect.poll(() => page.evaluate(() => crossOriginIsolated).catch(() => false)).toBe(true)
      await ready(page)
      expect(await ask(page, 'What is 27 plus 15?')).toContain('42')
      await openScreen(page, 'Models')
      await page.getByText('In use').click()
      expect(await page.locator('.loaded').innerText()).toContain('threads')
      expect(await page.locator('.loaded').innerText()).not.toContain('Slower because')
      await context.close()
    },
  )

  it.each(Object.entries(devices))(
    'runs in one thread where it cannot be isolated, and says why: on a %s',
    async (_name, device) => {
      const { page, context } = await web.visit(`${web.plain.origin}/`, { ...device, serviceWorkers: 'block' })
      await ready(page)
      expect(await page.evaluate(() => crossOriginIsolated)).toBe(false)
      expect(await ask(page, 'What is 27 plus 15?')).toContain('42')
      await openScreen(page, 'Models')
      await page.getByText('In use').click()
      expect(await page.locator('.loaded').innerText()).toMatch(/one thread[\s\S]*not cross-origin isolated/)
      await context.close()
    },
  )

  it.each(Object.entries(devices))(
    'shares one model between two tabs: the second asks, and the first lets go: on a %s',
    async (_name, device) => {
      const { page: first, context, openTab } = await web.visit(undefined, device)
      await ready(first)
      const second = await openTab(`${web.site.origin}/`)
      await second.getByText('A model is loaded in another tab').waitFor()
      await second.getByRole('button', { name: 'Use it here' }).click()
      await ready(second)
      await first.getByText('A model is loaded in another tab').waitFor()
      expect(await ask(second, 'What is 27 plus 15?')).toContain('42')
      // The other tab hears of the conversation.
      await openList(first)
      await first.getByRole('link', { name: 'What is 27 plus 15?' }).waitFor()
      await context.close()
    },
  )

  it('takes the model over only when the other tab has freed its own', async () => {
    const { page: first, context } = await web.visit('about:blank')
    // The tabs note it themselves: what they do is heard of here in no certain order.
    await context.addInitScript(() => {
      const note = (what: string): void =>
        localStorage.setItem(what, String(performance.timeOrigin + performance.now()))
      const terminate = Object.getOwnPropertyDescriptor(Worker.prototype, 'terminate')?.value as (this: Worker) => void
      Worker.prototype.terminate = function noted() {
        terminate.call(this)
        note('freed')
      }
      globalThis.Worker = class extends Worker {
        constructor(url: string | URL, options?: WorkerOptions) {
          super(url, options)
          if (String(url).includes('engine-worker')) note('loads')
        }
      }
    })
    await first.goto(`${web.site.origin}/`)
    await ready(first)
    const second = await context.newPage()
    await second.goto(`${web.site.origin}/`)
    await second.getByText('A model is loaded in another tab').waitFor()
    await second.getByRole('button', { name: 'Use it here' }).click()
    await ready(second)
    const times = await second.evaluate(() => ['freed', 'loads'].map((what) => Number(localStorage.getItem(what))))
    expect(times[0]).toBeGreaterThan(0)
    expect(times[1]).toBeGreaterThan(times[0] ?? 0)
    await context.close()
  })

  it('takes the model over from a tab that does not answer', async () => {
    const { page: second, context } = await web.visit('about:blank')
    const first = await context.newPage()
    await first.addInitScript(() => {
      // Like a tab that the browser has frozen.
      BroadcastChannel.prototype.addEventListener = () => undefined
    })
    await first.goto(`${web.site.origin}/`)
    await ready(first)
    await second.goto(`${web.site.origin}/`)
    await second.getByRole('button', { name: 'Use it here' }).click()
    await ready(second)
    await first.getByText('A model is loaded in another tab').waitFor()
    expect(await ask(second, 'What is 27 plus 15?')).toContain('42')
    await context.close()
  })

  it('keeps what two tabs say in one conversation, and what one deletes stays deleted', async () => {
    const { page: first, context } = await web.visit()
    await ready(first)
    await ask(first, 'What is 27 plus 15?')
    const second = await context.newPage()
    await second.goto(first.url())
    await second.getByRole('button', { name: 'Use it here' }).click()
    await ready(second)
    expect(await ask(second, 'What is a hammer used for?')).toContain('nails')
    expect(await answers(first, 2)).toEqual([expect.stringContaining('42'), expect.stringContaining('nails')])
    await second.getByRole('button', { name: /^Delete / }).click()
    await second.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await first.getByText('What would you like to know?').waitFor()
    expect(new URL(first.url()).hash).toBe('#/')
    await first.reload()
    await first.getByText('What you talk about is kept here, on this device.').waitFor()
    await context.close()
  })

  it('does not send with the Enter that ends a word in an input method', async () => {
    const { page, context } = await web.visit()
    await ready(page)
    const area = page.getByLabel('Message')
    await area.focus()
    const session = await context.newCDPSession(page)
    await session.send('Input.imeSetComposition', { text: 'にほん', selectionStart: 3, selectionEnd: 3 })
    await page.keyboard.press('Enter')
    // Safari has ended the composition by then.
    await area.evaluate((element) => {
      const init = { key: 'Enter', keyCode: 229, bubbles: true, cancelable: true }
      element.dispatchEvent(new KeyboardEvent('keydown', init))
    })
    expect(await page.locator('.question').count()).toBe(0)
    await area.fill('What is 27 plus 15?')
    await page.keyboard.press('Enter')
    expect(await answers(page, 1)).toEqual([expect.stringContaining('42')])
    await context.close()
  })

  it('searches, renames, exports, deletes and imports conversations', async () => {
    const { page, context } = await web.visit()
    await ready(page)
    await ask(page, 'What is a hammer used for?')
    await page.getByRole('link', { name: 'New conversation' }).click()
    await page.getByText('What would you like to know?').waitFor()
    await ask(page, 'What is 27 plus 15?')
    await page.getByLabel('Search in conversations').fill('nails')
    const titles = page.locator('.conversations .title')
    await expect.poll(() => titles.allInnerTexts()).toEqual(['What is a hammer used for?'])
    await page.getByLabel('Search in conversations').fill('')
    await page.getByRole('button', { name: 'Rename What is 27 plus 15?' }).click()
    await page.getByLabel('Title').fill('A sum')
    await page.getByLabel('Title').press('Enter')
    await expect.poll(() => titles.allInnerTexts()).toContain('A sum')
    await openScreen(page, 'Settings')
    const saved = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Export' }).click()
    const file = await (await saved).path()
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({
      format: 'pocket-phi-conversations',
      conversations: [{ heading: { title: 'A sum' } }, { heading: { title: 'What is a hammer used for?' } }],
    })
    await page.getByRole('button', { name: 'Delete all' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete all' }).click()
    await expect.poll(() => titles.count()).toBe(0)
    await page.locator('input[accept*=json]').setInputFiles(file)
    await page.getByText('2 conversations were added.').waitFor()
    await page.locator('.conversations').getByRole('link', { name: 'A sum' }).click()
    expect(await answers(page, 1)).toEqual([expect.stringContaining('42')])
    await page.goto(`${web.site.origin}/#/settings`)
    const other = { name: 'other.json', mimeType: 'application/json', buffer: Buffer.from('{"messages": 5}') }
    await page.locator('input[accept*=json]').setInputFiles(other)
    await page.getByRole('alert').getByText('The file holds no conversations.').waitFor()
    await context.close()
  })

  it('says so when the engine dies, keeps what was said, and loads the model again', async () => {
    const { page, context } = await web.visit()
    await openScreen(page, 'Models')
    const files = Array.from(slow, ([name, buffer]) => ({ name, mimeType: '', buffer }))
    await page.locator('input[type=file]').first().setInputFiles(files)
    await page.getByText('Opened from a file').waitFor()
    await page.getByText('In use').waitFor()
    await page.getByRole('link', { name: 'New conversation' }).click()
    await send(page, 'the story of the sea')
    await expect.poll(() => page.locator('.answer.writing .markdown').innerText()).not.toBe('')
    // The newest: one that has been told to end may still be there, and answers nothing any more.
    const engine = page.workers().findLast((worker) => worker.url().includes('engine-worker'))
    await engine?.evaluate(() => {
      setTimeout(() => {
        throw new Error('no memory left')
      })
    })
    const alert = page.locator('.answer').getByRole('alert')
    await alert.getByText('The worker of the engine has died.').waitFor()
    expect((await answers(page, 1))[0]).not.toBe('')
    // By itself, also what was opened from files.
    await ready(page)
    await alert.getByRole('button', { name: 'Try again' }).click()
    await expect.poll(() => page.locator('.answer.writing .markdown').innerText()).not.toBe('')
    await context.close()
  })

  it('keeps an answer that is broken off by a reload as far as it came', async () => {
    const { page, context } = await web.visit()
    await openScreen(page, 'Models')
    const files = Array.from(slow, ([name, buffer]) => ({ name, mimeType: '', buffer }))
    await page.locator('input[type=file]').first().setInputFiles(files)
    await page.getByText('In use').waitFor()
    await page.getByRole('link', { name: 'New conversation' }).click()
    await send(page, 'the story of the sea')
    await expect.poll(() => page.locator('.answer.writing .markdown').innerText()).not.toBe('')
    await page.reload()
    await page.getByText('broken off when the page was closed').waitFor()
    await ready(page)
    await page.getByRole('button', { name: 'Try again' }).click()
    await expect.poll(() => page.getByText('broken off').count()).toBe(0)
    await context.close()
  })

  it('runs the benchmark and exports what it found', async () => {
    const { page, context } = await web.visit()
    await ready(page)
    await openScreen(page, 'Benchmark')
    await page.getByRole('button', { name: 'Run' }).click()
    await page.locator('.chart rect').first().waitFor()
    await page.getByRole('button', { name: 'Stop' }).click()
    const saved = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Export' }).click()
    const report: unknown = JSON.parse(await readFile(await (await saved).path(), 'utf8'))
    expect(report).toMatchObject({
      format: 'pocket-phi-benchmark',
      model: 'phi-nano',
      device: { isIsolated: true },
      drift: expect.any(Number),
    })
    await context.close()
  })

  it.each([
    ['phone', 'light'],
    ['phone', 'dark'],
    ['desktop', 'light'],
    ['desktop', 'dark'],
  ] as const)('has nothing that keeps people out, on a %s in %s colours', async (name, colorScheme) => {
    const { page, context } = await web.visit(undefined, { ...devices[name], colorScheme, reducedMotion: 'reduce' })
    await ready(page)
    expect(await violations(page)).toEqual([])
    await ask(page, 'What is 27 plus 15?')
    await page.getByRole('button', { name: 'Answer again' }).click()
    await page.locator('.branches').waitFor()
    await page.getByRole('button', { name: 'Speed' }).click()
    expect(await violations(page)).toEqual([])
    await page.getByRole('button', { name: 'Edit' }).click()
    await openList(page)
    expect(await violations(page)).toEqual([])
    for (const screen of ['models', 'settings', 'benchmark'] as const) {
      await page.goto(`${web.site.origin}/#/${screen}`)
      await page.locator(`h1:focus`).waitFor()
      expect(await violations(page)).toEqual([])
    }
    await context.close()
  })

  it('is used with the keyboard alone', async () => {
    const { page, context } = await web.visit()
    await ready(page)
    await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe('Message')
    await page.keyboard.type('What is 27 plus 15?')
    await page.keyboard.press('Enter')
    expect(await answers(page, 1)).toEqual([expect.stringContaining('42')])
    // What was said is announced to those who do not see it.
    await expect.poll(() => page.locator('.unseen[aria-live]').innerText()).toContain('42')
    await page.getByRole('button', { name: 'Edit' }).focus()
    await page.keyboard.press('Enter')
    await page.locator('[aria-label="Edit the question"]:focus').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Edit' }).waitFor()
    await context.close()
  })
})
