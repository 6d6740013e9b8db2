/** Pictures in the chat page, in a real browser, with a random model that sees and is opened from files. */
import { readFile } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadModel } from '../../src/index.ts'
import { hasBrowser } from '../browser/chromium.ts'
import {
  answers,
  ask,
  devices,
  openForChat,
  openScreen,
  openWeb,
  ready,
  send,
  seeingFiles,
  violations,
  type WebBench,
} from './bench.ts'

let web: WebBench

const files = await seeingFiles()

/** A picture of noise, the same for the same number. */
async function png(seed: number, width = 60, height = 40): Promise<Buffer> {
  const data = Uint8Array.from({ length: width * height * 4 }, (_, at) => (at * at * seed + at) % 256)
  return await sharp(data, { raw: { width, height, channels: 4 } })
    .png()
    .toBuffer()
}

const first = await png(7)
const second = await png(3, 30, 50)
const asFile = (name: string, buffer: Buffer) => ({ name, mimeType: 'image/png', buffer })

async function attach(page: Page, ...chosen: readonly ReturnType<typeof asFile>[]): Promise<void> {
  await page.getByLabel('Attach pictures').setInputFiles([...chosen])
}

const attached = (page: Page) => page.getByRole('list', { name: 'Attached pictures' }).getByRole('listitem')

/** Waits until pictures of a list are drawn; a broken one never is. */
async function drawn(page: Page, count: number): Promise<void> {
  const images = page.locator('.question img.picture')
  await expect
    .poll(() => images.evaluateAll((all) => all.map((one) => (one as HTMLImageElement).naturalWidth > 0)))
    .toEqual(Array.from({ length: count }, () => true))
}

/** How many pictures the database of the page has. */
async function keptPictures(page: Page): Promise<number> {
  return await page.evaluate(
    () =>
      new Promise<number>((resolve, reject) => {
        const opening = indexedDB.open('pocket-phi')
        opening.addEventListener('error', () => reject(new Error('no database')))
        opening.addEventListener('success', () => {
          const database = opening.result
          const counting = database.transaction('pictures').objectStore('pictures').count()
          counting.addEventListener('success', () => {
            database.close()
            resolve(counting.result)
          })
        })
      }),
  )
}

describe.skipIf(!hasBrowser)('pictures in the chat page', () => {
  beforeAll(async () => {
    web = await openWeb()
  })
  afterAll(() => web[Symbol.asyncDispose]())

  it('are attached with their cost, shown, answered as in Node, and kept, exported, deleted and imported', async () => {
    const { page, context, complaints } = await web.visit()
    await openForChat(page, files)
    await attach(page, asFile('first.png', first), asFile('second.png', second), asFile('third.png', await png(5)))
    await expect
      .poll(() => attached(page).allInnerTexts())
      .toEqual([
        expect.stringMatching(/first\.png\s+60 × 40, 313 tokens/),
        expect.stringMatching(/second\.png\s+30 × 50, 313 tokens/),
        expect.stringMatching(/third\.png\s+60 × 40, 313 tokens/),
      ])
    await page.getByRole('button', { name: 'Remove third.png' }).click()
    await expect.poll(() => attached(page).count()).toBe(2)
    const answer = await ask(page, 'what is it?')
    await using model = await loadModel(new Map(files), { backend: 'wasm' })
    const pictures = [await model.picture(first), await model.picture(second)]
    const expected = await model.chat().send('what is it?', { pictures, maxTokens: 8 }).result()
    expect(answer).toBe(expected.text.trim())
    expect(await attached(page).count()).toBe(0)
    await drawn(page, 2)

    // A second question goes on from what was read, with a picture of its own and no words.
    await attach(page, asFile('fourth.png', await png(11)))
    await attached(page).getByText('313 tokens').waitFor()
    await page.getByRole('button', { name: 'Send' }).click()
    await answers(page, 2)
    await drawn(page, 3)
    await page.getByRole('button', { name: 'Edit' }).first().click()
    await page.getByLabel('Edit the question').fill('and what is this?')
    await page.getByRole('button', { name: 'Ask', exact: true }).click()
    await page.getByText('2 / 2').waitFor()
    await answers(page, 1)
    await drawn(page, 2)

    await page.reload()
    await drawn(page, 2)
    expect(await keptPictures(page)).toBe(3)
    await openScreen(page, 'Settings')
    const saved = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Export' }).click()
    const file = await (await saved).path()
    const { conversations } = JSON.parse(await readFile(file, 'utf8')) as {
      conversations: { pictures: Record<string, string> }[]
    }
    const exported = Object.values(conversations[0]?.pictures ?? {})
    expect(exported).toHaveLength(3)
    expect(exported).toContain(`data:image/png;base64,${first.toString('base64')}`)
    await page.getByRole('button', { name: 'Delete all' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete all' }).click()
    await expect.poll(() => keptPictures(page)).toBe(0)
    await page.locator('input[accept*=json]').setInputFiles(file)
    await page.getByText('One conversation was added.').waitFor()
    await page.locator('.conversations').getByRole('link', { name: 'what is it?' }).click()
    await drawn(page, 2)
    await page.getByRole('button', { name: /^Delete / }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await expect.poll(() => keptPictures(page)).toBe(0)
    expect(complaints).toEqual([])
    await context.close()
  })

  it('are dropped and pasted', async () => {
    const { page, context } = await web.visit()
    await openForChat(page, files)
    const transfer = await page.evaluateHandle((content) => {
      const data = new DataTransfer()
      const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0))
      data.items.add(new File([bytes], 'dropped.png', { type: 'image/png' }))
      return data
    }, first.toString('base64'))
    await page.dispatchEvent('main', 'dragover', { dataTransfer: transfer })
    await page.locator('main.target').waitFor()
    await page.dispatchEvent('main', 'drop', { dataTransfer: transfer })
    await attached(page).getByText('313 tokens').waitFor()
    await page.getByLabel('Message').evaluate((area, data) => {
      const event = new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true })
      area.dispatchEvent(event)
    }, transfer)
    await expect.poll(() => attached(page).getByText('313 tokens').count()).toBe(2)
    await context.close()
  })

  it('are refused by a model that cannot see them, and measured again by one that can', async () => {
    const { page, context } = await web.visit()
    await ready(page)
    await attach(page, asFile('first.png', first))
    const alert = page.locator('.composer').getByRole('alert')
    await alert.getByText('This model cannot see pictures.').waitFor()
    await alert.getByText('Choose a model that can under Models').waitFor()
    expect(await attached(page).count()).toBe(0)
    await page.getByRole('button', { name: 'Dismiss' }).click()
    await expect.poll(() => alert.count()).toBe(0)
    await openForChat(page, files)
    await attach(page, asFile('first.png', first))
    await attached(page).getByText('313 tokens').waitFor()
    await ask(page, 'what is it?')
    // The conversation goes on with the model that ships, which cannot see what was shown.
    await openScreen(page, 'Models')
    await page.getByRole('button', { name: 'Use', exact: true }).first().click()
    await page.goBack()
    await ready(page)
    await send(page, 'and now?')
    await page.locator('.answer').getByRole('alert').getByText('This model cannot see pictures.').waitFor()
    await context.close()
  })

  it.each([
    ['no picture', Buffer.from('a text'), 'This is no picture that can be read.'],
    ['a drawing with a script', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), 'This is no picture'],
    ['half a picture', first.subarray(0, first.length / 2), 'The PNG file cannot be decoded.'],
  ])('are refused: %s', async (_title, buffer, problem) => {
    const { page, context } = await web.visit()
    await openForChat(page, files)
    await attach(page, asFile('odd.png', buffer), asFile('first.png', first))
    await page.locator('.composer').getByRole('alert').getByText(`odd.png: ${problem}`).waitFor()
    // The other one is taken.
    await attached(page).getByText('313 tokens').waitFor()
    expect(await attached(page).allInnerTexts()).toEqual([expect.stringContaining('first.png')])
    await context.close()
  })

  it.each(Object.entries(devices))('keep nobody out, on a %s', async (name, device) => {
    const { page, context } = await web.visit(undefined, { ...device, reducedMotion: 'reduce' })
    await openForChat(page, files)
    expect(await page.getByLabel('Take a picture').locator('..').isVisible()).toBe(name === 'phone')
    await attach(page, asFile('odd.png', Buffer.from('a text')), asFile('first.png', first))
    await page.locator('.composer').getByRole('alert').waitFor()
    await attached(page).getByText('313 tokens').waitFor()
    expect(await violations(page)).toEqual([])
    await ask(page, 'what is it?')
    await drawn(page, 1)
    expect(await violations(page)).toEqual([])
    await context.close()
  })
})
