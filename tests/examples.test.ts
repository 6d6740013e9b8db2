/** The examples in a real browser, each with the package as it is built and installed. */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { build } from 'vite'
import { openSafetensors } from '../src/formats/safetensors.ts'
import { memoryFolder } from '../src/formats/tree.ts'
import { loadModel } from '../src/index.ts'
import { hasBrowser, launchChromium, noGpu } from './browser/chromium.ts'
import { root } from './browser/root.ts'
import { serveSite, type Files } from './browser/server.ts'
import { filesBelow, installPackage } from './browser/site.ts'

const question = 'What is a dog?'
const resources = new AsyncDisposableStack()
const complaints: string[] = []
const addresses: string[] = []
let origin: string
let openPage: (example: string) => Promise<Page>
/** What the model says in Node. */
let expected: string

/** Copies an example beside the installed package. @returns its folder */
async function install(folder: string, example: string): Promise<string> {
  const copy = path.join(folder, example)
  await mkdir(copy)
  // Without what somebody has installed or built there.
  const isSource = (file: string): boolean => !/[/\\](?:node_modules|dist)$/.test(file)
  await cp(path.join(root, 'examples', example), copy, { recursive: true, filter: isSource })
  await symlink(path.join(folder, 'node_modules'), path.join(copy, 'node_modules'))
  return copy
}

/** An example as Vite builds it with the example's own settings; paths are relative, because one server holds them all. */
async function bundled(folder: string, example: string): Promise<Files> {
  const copy = await install(folder, example)
  await build({ root: copy, base: './', logLevel: 'error' })
  return await filesBelow(path.join(copy, 'dist'))
}

/** An example as it lies there, with the package below it. */
async function unbundled(folder: string, example: string): Promise<Files> {
  const page = await readFile(path.join(root, 'examples', example, 'index.html'))
  const packages = await filesBelow(path.join(folder, 'node_modules'))
  const below = Array.from(packages, ([name, bytes]): [string, Uint8Array | Blob] => [`node_modules/${name}`, bytes])
  return new Map(below).set('index.html', page)
}

async function start(): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'pocket-phi-examples-'))
  resources.defer(() => rm(folder, { recursive: true }))
  await installPackage(folder)
  const folders = {
    plain: await unbundled(folder, 'plain'),
    vite: await bundled(folder, 'vite'),
    training: await bundled(folder, 'training'),
  }
  const site = resources.use(await serveSite({ folders, isolated: Object.keys(folders) }))
  origin = site.origin
  const { browser } = resources.use(await launchChromium())
  openPage = async (example) => {
    const context = await browser.newContext()
    resources.defer(() => context.close())
    context.setDefaultTimeout(50_000)
    context.on('request', (request) => addresses.push(request.url()))
    const page = await context.newPage()
    page.on('pageerror', (error) => complaints.push(String(error)))
    page.on('console', (message) => {
      // Files that a model may lack are asked for: phi-nano has no chat_template.jinja.
      if (!message.text().includes('404') && !noGpu.includes(message.text())) complaints.push(message.text())
    })
    await page.goto(`${origin}/${example}/index.html`)
    return page
  }
}

async function answerInNode(text: string): Promise<string> {
  await using model = await loadModel('phi-nano', { threads: 1, context: 256 })
  return (await model.chat().send(text).result()).text
}

describe.skipIf(!hasBrowser)('the example', () => {
  beforeAll(async () => {
    await start()
    expected = await answerInNode(question)
  })
  afterAll(() => resources.disposeAsync())

  it('without a bundler answers as Node does', async () => {
    const page = await openPage('plain')
    await page.getByLabel('Question').fill(question)
    await page.getByRole('button', { name: 'Ask' }).click()
    await expect.poll(() => page.locator('output').textContent()).toBe(expected)
    expect(await page.locator('p').textContent()).toMatch(/^Ready, with \d threads\.$/)
  })

  it('with Vite streams the answer of the worker in the shape of OpenAI, and stops', async () => {
    const page = await openPage('vite')
    const [ask, stop] = [page.getByRole('button', { name: 'Ask' }), page.getByRole('button', { name: 'Stop' })]
    await page.getByLabel('Question').fill(question)
    await ask.click()
    await expect.poll(() => page.locator('dd').first().textContent()).toBe(expected)
    await ask.and(page.locator(':enabled')).waitFor()
    // Pressed by the page itself at the first word, since nothing outside is fast enough.
    await page.evaluate(() => {
      const pressed = new MutationObserver(() => {
        if (document.querySelectorAll('dd')[1]?.textContent === '') return
        pressed.disconnect()
        document.querySelector<HTMLButtonElement>('button[name=stop]')?.click()
      })
      pressed.observe(document.querySelector('dl') ?? document, { childList: true, subtree: true })
    })
    await page.getByLabel('Question').fill('Tell me a story about a fox.')
    await ask.click()
    await page.locator('dd').nth(1).filter({ hasText: /./ }).waitFor()
    await ask.and(page.locator(':enabled')).waitFor()
    expect(await stop.isDisabled()).toBe(true)
    expect(await page.getByRole('status').textContent()).toBe('')
    expect(await page.getByLabel('Question').inputValue()).toBe('')

    // More than the context of 512 tokens holds.
    for (let turn = 2; turn < 12; turn++) {
      await page.getByLabel('Question').fill(`${question} `.repeat(15))
      await ask.click()
      await page.locator('dd').nth(turn).filter({ hasText: /./ }).waitFor()
      await ask.and(page.locator(':enabled')).waitFor()
    }
    expect(await page.getByRole('status').textContent()).toBe('')

    // Too long by itself: nothing is left of it but its words, to be shortened.
    const long = 'What is a dog? '.repeat(150)
    await page.getByLabel('Question').fill(long)
    await ask.click()
    await page.getByText('does not fit the context').waitFor()
    await ask.and(page.locator(':enabled')).waitFor()
    expect(await page.locator('dd').count()).toBe(12)
    expect(await page.getByLabel('Question').inputValue()).toBe(long)

    await page.getByRole('button', { name: 'New conversation' }).click()
    expect(await page.locator('dl').textContent()).toBe('')
    await page.getByLabel('Question').fill(question)
    await ask.click()
    await expect.poll(() => page.locator('dd').first().textContent()).toBe(expected)
  })

  it('of training lowers the loss, changes the answer to a line, and gives the weights away', async () => {
    const page = await openPage('training')
    const answer = 'I am the red fox of the hill.'
    await page.getByLabel('Lines to learn').fill(`Who are you? => ${answer}\n${question} => A dog is my friend.`)
    await page.getByRole('spinbutton', { name: 'Updates' }).fill('24')
    await page.getByRole('button', { name: 'Train', exact: true }).click()
    await page.getByText('Trained with 24 updates.').waitFor()

    // Height in the picture grows downwards.
    const points = (await page.locator('polyline').getAttribute('points'))?.split(' ') ?? []
    const heights = points.map((point) => Number(point.split(',')[1]))
    expect(heights).toHaveLength(24)
    const [first, last] = [heights[0] ?? NaN, heights.at(-1) ?? NaN]
    expect(140 - last).toBeLessThan((140 - first) / 5)

    await page.getByLabel('Question', { exact: true }).fill('Who are you?')
    await page.getByRole('button', { name: 'Ask both' }).click()
    await expect.poll(async () => (await page.locator('#after').textContent())?.trim()).toBe(answer)
    expect(await page.locator('#before').textContent()).toBe(await answerInNode('Who are you?'))

    const download = page.waitForEvent('download')
    await page.getByRole('link', { name: 'Save the tuned weights' }).click()
    const file = await readFile(await (await download).path())
    const saved = await openSafetensors(memoryFolder(new Map([['model.safetensors', new Uint8Array(file)]])))
    expect(saved.info('model.norm.weight')).toMatchObject({ dtype: 'BF16', shape: [256] })
  })

  it('of training stops after the update that is going on, and says which line is none', async () => {
    const page = await openPage('training')
    await page.getByLabel('Lines to learn').fill('no answer')
    await page.getByRole('button', { name: 'Train', exact: true }).click()
    await page.getByText('Line 1 is not of the form').waitFor()
    await page.getByLabel('Lines to learn').fill('Who are you? => I am Ann.')
    await page.getByRole('spinbutton', { name: 'Updates' }).fill('1000')
    await page.getByRole('button', { name: 'Train', exact: true }).click()
    await page.getByText(/^Update \d+ of 1000/).waitFor()
    await page.getByRole('button', { name: 'Stop' }).click()
    const ended = page.getByText(/^Trained with \d+ updates\.$/)
    await ended.waitFor()
    expect(Number(/\d+/.exec((await ended.textContent()) ?? '')?.[0])).toBeLessThan(1000)
  })

  // Last, because it is about all pages above.
  it('asked nobody but its server, and left nothing in the console', () => {
    expect(
      addresses.filter((address) => !address.startsWith(`${origin}/`) && !/^(?:data|blob):/.test(address)),
    ).toEqual([])
    expect(complaints).toEqual([])
  })
})

// The balancers are tested in tests/balancers.test.ts.
it('every example is tested, and says what it is', async () => {
  const examples = (await readdir(path.join(root, 'examples'), { withFileTypes: true })).filter((entry) =>
    entry.isDirectory(),
  )
  expect(examples.map(({ name }) => name).sort()).toEqual(['balancers', 'plain', 'training', 'vite'])
  for (const { name } of examples) {
    expect(await readFile(path.join(root, 'examples', name, 'README.md'), 'utf8')).toMatch(/^# /)
  }
})
