/** Documents in the chat page, in a real browser: kept on the device, looked up for each question, named below the answer. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasBrowser } from '../browser/chromium.ts'
import { answers, ask, devices, openScreen, openWeb, ready, violations, type WebBench } from './bench.ts'

let web: WebBench

const file = (name: string, text: string) => ({ name, mimeType: '', buffer: Buffer.from(text) })
const boats = file(
  'boats.md',
  '# Boats\n\nThe ferry of Redhill leaves at noon.\n\n## Fares\n\nA ticket costs four crowns.\n',
)
const stone = 'The lighthouse of Bayport was built of grey stone by the fishermen of the town themselves. '.repeat(6)
const light = file(
  'light.html',
  `<title>Light</title><nav><a href="/">Menu</a></nav><article><p>${stone}</p></article>`,
)
const rows = file(
  'rows.jsonl',
  '{"title": "Sea", "url": "https://sea.example/", "text": "A walrus sleeps on the ice."}\n{torn',
)

const kept = (page: Page) => page.locator('.documents li')
const sources = (page: Page) => page.locator('.sources').last().locator('summary')

async function add(page: Page, ...files: readonly ReturnType<typeof file>[]): Promise<void> {
  await page
    .locator('.documents-place input')
    .first()
    .setInputFiles([...files])
}

/** A page with documents, at the chat, with a short answer at most. */
async function withDocuments(page: Page): Promise<void> {
  await openScreen(page, 'Settings')
  await page.getByLabel('Longest answer').fill('8')
  await openScreen(page, 'Documents')
  await add(page, boats, light, rows)
  await expect.poll(() => kept(page).count()).toBe(3)
  await page.goto(new URL('#/', page.url()).href)
  await page.getByLabel('Message').waitFor()
}

describe.skipIf(!hasBrowser)('documents in the chat page', () => {
  beforeAll(async () => {
    web = await openWeb()
  })
  afterAll(() => web[Symbol.asyncDispose]())

  describe.each(Object.entries(devices))('on a %s', (name, device) => {
    const colorScheme = name === 'phone' ? 'dark' : 'light'

    it('are kept, looked up and named below the answer, and keep nobody out', async () => {
      const { page, context, complaints } = await web.visit(undefined, {
        ...device,
        colorScheme,
        reducedMotion: 'reduce',
      })
      await ready(page)
      expect(await page.getByRole('button', { name: 'Answer from documents' }).count()).toBe(0)
      await openScreen(page, 'Documents')
      expect(await violations(page)).toEqual([])
      await withDocuments(page)
      await page.reload()
      await ready(page)
      await ask(page, 'When does the ferry leave?')
      await expect.poll(() => sources(page).allInnerTexts()).toEqual(['[1] Boats'])
      await sources(page).first().click()
      await page.locator('.sources').getByText('The ferry of Redhill leaves at noon.').waitFor()
      expect(await violations(page)).toEqual([])
      // It is looked up by the words of the page, not by those of its menu.
      await ask(page, 'Who built the lighthouse of stone?')
      await expect.poll(async () => (await sources(page).allInnerTexts())[0]).toBe('[1] Light')
      // In a conversation of its own, where no query that the model writes can have words of what was asked before.
      await page.goto(new URL('#/', page.url()).href)
      await page.getByLabel('Message').waitFor()
      expect(await ask(page, 'Byzantine emperors')).toBe('Nothing was found about this in your documents.')
      // The model was not asked, so there is nothing to say of its speed.
      expect(await page.locator('.answer').last().getByRole('button', { name: 'Speed' }).count()).toBe(0)
      expect(complaints).toEqual([])
      await context.close()
    })

    it('are left alone when they are not to be asked, and removed', async () => {
      const { page, context, complaints } = await web.visit(undefined, device)
      await ready(page)
      await withDocuments(page)
      const button = page.getByRole('button', { name: 'Answer from documents' })
      expect(await button.getAttribute('aria-pressed')).toBe('true')
      await button.click()
      expect(await button.getAttribute('aria-pressed')).toBe('false')
      await ask(page, 'What does a walrus do on the ice?')
      expect(await page.locator('.answer').last().locator('.sources').count()).toBe(0)

      await openScreen(page, 'Documents')
      await expect
        .poll(() => kept(page).allInnerTexts())
        .toEqual([
          expect.stringMatching(/boats\.md\s+2 passages, \d+ B/),
          expect.stringMatching(/light\.html\s+1 passage, \d+ B/),
          expect.stringMatching(/rows\.jsonl\s+1 passage, \d+ B, 1 left out: damaged/),
        ])
      await page.getByText('3 documents, 4 passages').waitFor()
      expect(await violations(page)).toEqual([])
      await page.getByRole('button', { name: 'Remove boats.md' }).click()
      await expect.poll(() => kept(page).count()).toBe(2)
      await page.getByRole('button', { name: 'Remove all' }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'Remove all' }).click()
      await page.getByText('No document is here yet.').waitFor()
      await page.reload()
      await page.getByText('No document is here yet.').waitFor()
      expect(complaints).toEqual([])
      await context.close()
    })
  })

  it('work without a network after the first visit', async () => {
    const site = await web.serve()
    const { page, context } = await web.visit(`${site.origin}/`)
    await page.evaluate(() => navigator.serviceWorker.ready)
    await site[Symbol.asyncDispose]()
    await page.reload()
    await ready(page)
    await withDocuments(page)
    await ask(page, 'When does the ferry leave?')
    await expect.poll(() => sources(page).allInnerTexts()).toEqual(['[1] Boats'])
    await context.close()
  })

  it('come from folders without what is hidden, are dropped, and take the place of what had their name', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'pocket-phi-notes-'))
    await mkdir(path.join(folder, '.git'))
    await writeFile(path.join(folder, '.git', 'notes.txt'), 'hidden')
    await writeFile(path.join(folder, 'trains.txt'), 'The trains to Redhill run every hour.')
    await writeFile(path.join(folder, 'picture.png'), 'no text')
    const { page, context } = await web.visit(`${web.site.origin}/#/documents`)
    await page.locator('.documents-place input').last().setInputFiles(folder)
    await expect
      .poll(() => kept(page).locator('.name').allInnerTexts())
      .toEqual([`${path.basename(folder)}/trains.txt`])
    const transfer = await page.evaluateHandle(() => {
      const data = new DataTransfer()
      data.items.add(new File(['The buses run every day.'], 'buses.txt'))
      return data
    })
    await page.dispatchEvent('.documents-place', 'dragover', { dataTransfer: transfer })
    await page.locator('.documents-place.target').waitFor()
    await page.dispatchEvent('.documents-place', 'drop', { dataTransfer: transfer })
    await expect.poll(() => kept(page).count()).toBe(2)
    await add(page, file('buses.txt', 'No bus runs.\n\n'.repeat(300)))
    await kept(page).getByText('5 passages').waitFor()
    expect(await kept(page).count()).toBe(2)
    await context.close()
    await rm(folder, { recursive: true })
  })

  it('are all taken that lie in a folder which is dropped', async () => {
    const parent = await mkdtemp(path.join(tmpdir(), 'pocket-phi-notes-'))
    const folder = path.join(parent, 'notes')
    await mkdir(path.join(folder, 'travel', '.old'), { recursive: true })
    await writeFile(path.join(folder, 'travel', '.old', 'ferries.txt'), 'hidden')
    await writeFile(path.join(folder, 'travel', 'trains.txt'), 'The trains to Redhill run every hour.')
    await writeFile(path.join(folder, 'picture.png'), 'no text')
    // A browser gives entries a hundred at a time.
    const many = Array.from({ length: 120 }, (_, index) => `note-${String(index).padStart(3, '0')}.md`)
    await Promise.all(many.map((name) => writeFile(path.join(folder, name), `This is ${name}.`)))
    const { page, context } = await web.visit(`${web.site.origin}/#/documents`)
    const box = await page.locator('.documents-place').boundingBox()
    const place = { x: (box?.x ?? 0) + 5, y: (box?.y ?? 0) + 5 }
    const session = await context.newCDPSession(page)
    const data = { items: [], files: [folder, path.join(folder, 'travel', 'trains.txt')], dragOperationsMask: 1 }
    for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
      await session.send('Input.dispatchDragEvent', { type, ...place, data })
    }
    await expect.poll(() => kept(page).count()).toBe(122)
    const names = await kept(page).locator('.name').allInnerTexts()
    expect(names.toSorted()).toEqual(
      [...many.map((name) => `notes/${name}`), 'notes/travel/trains.txt', 'trains.txt'].toSorted(),
    )
    await context.close()
    await rm(parent, { recursive: true })
  })

  it('are refused with a sentence where there is nothing to read in them, and the others are taken', async () => {
    const { page, context } = await web.visit(`${web.site.origin}/#/documents`)
    await add(page, file('a.pdf', '%PDF'), file('b.txt', '\0\0\0'), boats)
    await page.getByRole('alert').getByText('"a.pdf" is of no format that is read.').waitFor()
    await page.getByRole('alert').getByText('There is nothing to read in "b.txt".').waitFor()
    await expect.poll(() => kept(page).locator('.name').allInnerTexts()).toEqual(['boats.md'])
    await context.close()
  })

  it('that another tab adds and removes are known here', async () => {
    const { page, context, openTab } = await web.visit()
    await ready(page)
    await withDocuments(page)
    await ask(page, 'When does the ferry leave?')
    const other = await openTab(`${web.site.origin}/#/documents`)
    await other.getByRole('button', { name: 'Remove boats.md' }).click()
    await expect.poll(() => kept(other).count()).toBe(2)
    expect(await ask(page, 'When does the ferry leave?')).toBe('Nothing was found about this in your documents.')
    await add(other, file('boats.md', 'Now the ferry leaves at dawn.'))
    await expect.poll(() => kept(other).count()).toBe(3)
    await ask(page, 'When does the ferry leave?')
    await sources(page).first().click()
    await page.locator('.sources').last().getByText('Now the ferry leaves at dawn.').waitFor()
    await context.close()
  })

  it('that an answer names are shown, and what it names without being there is said', async () => {
    const { page, context } = await web.visit(`${web.site.origin}/#/settings`)
    const given = ['Boats', 'Trains', 'Walrus'].map((title) => ({
      title,
      address: `${title}.txt`,
      text: `About ${title}.`,
    }))
    const turns = [
      { id: 1, parent: 0, role: 'user', content: 'When?', at: 1 },
      { id: 2, parent: 1, role: 'assistant', content: 'At noon [3]. By train [1, 7].', at: 2, sources: given },
      { id: 3, parent: 2, role: 'user', content: 'And then?', at: 3 },
      { id: 4, parent: 3, role: 'assistant', content: 'The sources do not say.', at: 4, sources: given },
    ]
    const heading = { id: 'a', title: 'A trip', created: 1, updated: 4 }
    const conversations = [{ heading, thread: { id: 'a', system: '', turns, chosen: {} }, pictures: {} }]
    const text = JSON.stringify({ format: 'pocket-phi-conversations', version: 1, conversations })
    await page.locator('input[accept*=json]').setInputFiles([file('a.json', text)])
    await page.locator('.conversations').getByRole('link', { name: 'A trip' }).click()
    await answers(page, 2)
    const first = page.locator('.sources').first()
    expect(await first.locator('summary').allInnerTexts()).toEqual(['[3] Walrus', '[1] Boats'])
    await first.getByText('There is no source 7.').waitFor()
    expect(await page.locator('.sources').last().locator('summary').count()).toBe(0)
    await context.close()
  })

  it('a database of the version before keeps its conversations', async () => {
    const { page, context } = await web.visit(`${web.site.origin}/manifest.webmanifest`)
    await page.evaluate(
      () =>
        new Promise<void>((resolve, reject) => {
          const opening = indexedDB.open('pocket-phi', 2)
          opening.addEventListener('error', () => reject(new Error('no database')))
          opening.addEventListener('upgradeneeded', () => {
            const { result: database } = opening
            const headings = database.createObjectStore('headings', { keyPath: 'id' })
            const threads = database.createObjectStore('threads', { keyPath: 'id' })
            database.createObjectStore('pictures', { keyPath: 'id' }).createIndex('conversation', 'conversation')
            headings.put({ id: 'old', title: 'An old one', created: 1, updated: 1 })
            const turn = { id: 1, parent: 0, role: 'user', content: 'An old one', at: 1 }
            threads.put({ id: 'old', system: '', turns: [turn], chosen: {} })
          })
          opening.addEventListener('success', () => {
            opening.result.close()
            resolve()
          })
        }),
    )
    await page.goto(`${web.site.origin}/`)
    await page.locator('.conversations').getByRole('link', { name: 'An old one' }).click()
    await page.locator('.question').getByText('An old one').waitFor()
    await openScreen(page, 'Documents')
    await add(page, boats)
    await expect.poll(() => kept(page).count()).toBe(1)
    await context.close()
  })
})
