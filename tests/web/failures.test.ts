/** The chat page where the browser fails it: nothing can be written, or read, or is allowed at all. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasBrowser } from '../browser/chromium.ts'
import { answers, ask, openScreen, openWeb, ready, type WebBench } from './bench.ts'

let web: WebBench

describe.skipIf(!hasBrowser)('where the browser fails, the chat page', () => {
  beforeAll(async () => {
    web = await openWeb()
  })
  afterAll(() => web[Symbol.asyncDispose]())

  it('says so while what is said cannot be kept, and no longer when it can', async () => {
    const { page, context } = await web.visit()
    await ready(page)
    await ask(page, 'How are you?')
    await page.evaluate(() => {
      const { prototype } = IDBObjectStore
      const put = { ...Object.getOwnPropertyDescriptor(prototype, 'put') }
      const broken = (): never => {
        throw new DOMException('No room.', 'QuotaExceededError')
      }
      prototype.put = broken
      addEventListener('mended', () => Object.defineProperty(prototype, 'put', put))
    })
    expect(await ask(page, 'What is 27 plus 15?')).toContain('42')
    await page.getByText('This conversation could not be kept.').waitFor()
    await page.evaluate(() => dispatchEvent(new Event('mended')))
    await ask(page, 'What is a hammer used for?')
    await expect.poll(() => page.getByText('This conversation could not be kept.').count()).toBe(0)
    await page.reload()
    expect(await answers(page, 3)).toEqual([
      expect.any(String),
      expect.stringContaining('42'),
      expect.stringContaining('nails'),
    ])
    await context.close()
  })

  it('shows why a conversation could not be renamed, deleted or imported, and leaves the list as it is', async () => {
    const { page, context } = await web.visit()
    await ready(page)
    await ask(page, 'How are you?')
    await page.evaluate(() => {
      const { prototype } = IDBObjectStore
      const before = Object.getOwnPropertyDescriptors(prototype)
      const broken = (): never => {
        throw new DOMException('No room.', 'QuotaExceededError')
      }
      Object.assign(prototype, { put: broken, delete: broken, clear: broken })
      addEventListener('mended', () => Object.defineProperties(prototype, before))
    })
    const titles = page.locator('.conversations .title')
    const rename = async (): Promise<void> => {
      await titles.click()
      await page.getByRole('button', { name: 'Rename How are you?' }).click()
      await page.getByLabel('Title').fill('Well')
      await page.getByLabel('Title').press('Enter')
    }
    await rename()
    const alert = page.locator('.sidebar').getByRole('alert')
    await alert.getByText('The conversation could not be renamed.').waitFor()
    await page.getByRole('button', { name: 'Delete How are you?' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await alert.getByText('The conversation could not be deleted.').waitFor()
    await openScreen(page, 'Settings')
    await page.getByRole('button', { name: 'Delete all' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete all' }).click()
    await alert.getByText('The conversations could not be deleted.').waitFor()
    const buffer = Buffer.from(JSON.stringify({ messages: [{ role: 'user', content: 'show' }] }))
    await page.locator('input[accept*=json]').setInputFiles([{ name: 'a.json', mimeType: 'application/json', buffer }])
    await page.locator('main').getByRole('alert').getByText('no more room for the page').waitFor()
    expect(await titles.allInnerTexts()).toEqual(['How are you?'])
    await page.evaluate(() => dispatchEvent(new Event('mended')))
    await rename()
    await expect.poll(() => titles.allInnerTexts()).toEqual(['Well'])
    expect(await alert.count()).toBe(0)
    await context.close()
  })

  it('answers where the browser refuses to keep anything and to lock', async () => {
    const { page, context, complaints } = await web.visit('about:blank')
    await page.addInitScript(() => {
      const refused = (): Promise<never> => Promise.reject(new DOMException('Refused.', 'SecurityError'))
      Object.assign(StorageManager.prototype, { persist: refused })
      Object.assign(LockManager.prototype, { request: refused })
    })
    await page.goto(`${web.site.origin}/`)
    await ready(page)
    expect(await ask(page, 'What is 27 plus 15?')).toContain('42')
    expect(complaints).toEqual([])
    await context.close()
  })

  it('shows no other conversation in the place of one that cannot be read, and says why', async () => {
    const { page, context, complaints } = await web.visit()
    await ready(page)
    await ask(page, 'What is 27 plus 15?')
    const first = page.url()
    await page.getByRole('link', { name: 'New conversation' }).click()
    await page.getByText('What would you like to know?').waitFor()
    await ask(page, 'What is a hammer used for?')
    await page.evaluate(() => {
      const before = { ...Object.getOwnPropertyDescriptor(IDBObjectStore.prototype, 'get') }
      IDBObjectStore.prototype.get = () => {
        throw new DOMException('The disk cannot be read.', 'DataError')
      }
      addEventListener('mended', () => Object.defineProperty(IDBObjectStore.prototype, 'get', before))
    })
    await page.goto(first)
    const alert = page.locator('main').getByRole('alert')
    await alert.getByText('This conversation could not be read. The disk cannot be read.').waitFor()
    expect(await page.locator('.question, .answer').count()).toBe(0)
    await page.goto(`${web.site.origin}/#/`)
    await page.getByText('What would you like to know?').waitFor()
    expect(await alert.count()).toBe(0)
    await page.evaluate(() => dispatchEvent(new Event('mended')))
    await page.goto(first)
    expect(await answers(page, 1)).toEqual([expect.stringContaining('42')])
    expect(await alert.count()).toBe(0)
    expect(complaints).toEqual([])
    await context.close()
  })

  it('says so where what another tab has said cannot be read', async () => {
    const { page: first, context, complaints } = await web.visit()
    await ready(first)
    await ask(first, 'What is 27 plus 15?')
    const second = await context.newPage()
    await second.goto(first.url())
    await answers(second, 1)
    await second.evaluate(() => {
      IDBObjectStore.prototype.get = () => {
        throw new DOMException('The disk cannot be read.', 'DataError')
      }
    })
    const failures: string[] = []
    second.on('pageerror', (error) => failures.push(String(error)))
    await ask(first, 'What is a hammer used for?')
    await second.locator('main').getByRole('alert').getByText('This conversation could not be read.').waitFor()
    // What was there before stays.
    expect(await answers(second, 1)).toEqual([expect.stringContaining('42')])
    expect([...failures, ...complaints]).toEqual([])
    await context.close()
  })

  it('says so where there is no file system for models, and answers with the one that ships', async () => {
    const { page, context, complaints } = await web.visit('about:blank')
    await page.addInitScript(() => {
      StorageManager.prototype.getDirectory = () => Promise.reject(new DOMException('Refused.', 'SecurityError'))
    })
    await page.goto(`${web.site.origin}/`)
    await ready(page)
    await openScreen(page, 'Models')
    await page.getByRole('alert').getByText('The models on this device could not be read. Refused.').waitFor()
    await page.goto(`${web.site.origin}/#/`)
    expect(await ask(page, 'What is 27 plus 15?')).toContain('42')
    expect(complaints).toEqual([])
    await context.close()
  })
})
