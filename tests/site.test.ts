/** The site of the documentation as it is built: what is in it, where its links lead, and its playground in a browser. */
import { existsSync, globSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { inflateSync } from 'node:zlib'
import { parseHTML } from 'linkedom'
import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildSite } from '../apps/site/build/build.ts'
import { addressOf, chapters } from '../apps/site/build/contents.ts'
import { siteHeaders } from '../apps/site/build/headers.ts'
import { publicEntries } from '../apps/web/build/plugins.ts'
import { servePage, type PageServer } from '../apps/web/build/server.ts'
import { loadModel } from '../src/index.ts'
import { hasBrowser, launchChromium, type OwnBrowser } from './browser/chromium.ts'
import { root } from './browser/root.ts'
import { devices, violations } from './web/bench.ts'

let folder: string
/** Pages by their addresses. */
let pages: Map<string, Document>

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'pocket-phi-site-'))
  await buildSite(folder)
  pages = new Map(
    await Promise.all(
      globSync('**/*.html', { cwd: folder }).map(async (name) => {
        const { document } = parseHTML(await readFile(path.join(folder, name), 'utf8'))
        return [name.split(path.sep).join('/'), document] as const
      }),
    ),
  )
})

afterAll(() => rm(folder, { recursive: true }))

/** Links of a page that lead nowhere within the site. */
function brokenLinks(address: string, document: Document, all: ReadonlyMap<string, Document>): string[] {
  const links = [...document.querySelectorAll('[href], [src]')].map(
    (element) => element.getAttribute('href') ?? element.getAttribute('src') ?? '',
  )
  return links.filter((link) => isBroken(address, link, all))
}

function isBroken(address: string, link: string, all: ReadonlyMap<string, Document>): boolean {
  if (/^(?:[a-z]+:|#icon-)/.test(link)) return false
  const [name = '', anchor = ''] = decodeURI(link).split('#')
  const target = name === '' ? address : path.posix.join(path.posix.dirname(address), name)
  const page = all.get(target)
  if (page === undefined) return !existsSync(path.join(folder, target))
  return anchor !== '' && page.getElementById(anchor) === null
}

interface MenuEntry {
  readonly text: string
  readonly path?: string
  readonly children?: readonly MenuEntry[]
}

/** All entries of the menu, which the pages unpack when they are opened. */
async function menuEntries(): Promise<MenuEntry[]> {
  const script = await readFile(path.join(folder, 'assets', 'navigation.js'), 'utf8')
  const packed = /"([\w+/=]+)"/.exec(script)?.[1] ?? ''
  const flat = (entries: readonly MenuEntry[]): MenuEntry[] =>
    entries.flatMap((entry) => [entry, ...flat(entry.children ?? [])])
  return flat(JSON.parse(inflateSync(Buffer.from(packed, 'base64')).toString()) as MenuEntry[])
}

/** The names that the source of an entry point gives away. */
function exportedNames(source: string): string[] {
  const lists = Array.from(source.matchAll(/^export (?:type )?\{([^}]*)\}/gm), ([, names = '']) => names.split(','))
  const declared = source.matchAll(/^export (?:async )?(?:class|const|function|interface|type) (\w+)/gm)
  return [
    ...lists.flat().flatMap((name) => /(\w+)\s*$/.exec(name)?.[1] ?? []),
    ...Array.from(declared, ([, name = '']) => name),
  ]
}

describe('the site', () => {
  it('has every page that is for readers', () => {
    const written = globSync(['*.md', '{docs,examples,models,bench}/**/*.md'], { cwd: root })
      .filter((file) => file !== 'README.md' && !file.includes('node_modules'))
      .map((file) => file.split(path.sep).join('/'))
    expect(chapters.flatMap(({ files }) => files).toSorted()).toEqual(written.toSorted())
    expect(written.filter((file) => !pages.has(`${addressOf(file)}.html`))).toEqual([])
  })

  it('begins with the README, whose tables are those that scripts write', async () => {
    const readme = await readFile(path.join(root, 'README.md'), 'utf8')
    const home = pages.get('index.html')?.querySelector('[role=main]')?.textContent ?? ''
    expect(home).toContain('npm ci && npm start')
    for (const [part, cells] of [
      ['capabilities', 3],
      ['speed', 6],
    ] as const) {
      const table = new RegExp(`<!-- ${part} -->([\\s\\S]*)<!-- /${part} -->`).exec(readme)?.[1] ?? ''
      const rows = table.split('\n').filter((line) => /^\|(?! ?-)/.test(line))
      expect(rows.length).toBeGreaterThan(10)
      const missing = rows
        .flatMap((row) => row.split('|').slice(1, cells + 1))
        .filter((cell) => {
          return !home.includes(cell.trim().replaceAll('`', ''))
        })
      expect(missing).toEqual([])
    }
  })

  it('has every public name in its reference', async () => {
    for (const { name, source } of await publicEntries()) {
      const names = exportedNames(await readFile(source, 'utf8'))
      expect(names.length).toBeGreaterThan(0)
      const listed = [...(pages.get(`api/${name}.html`)?.querySelectorAll('[role=main] a') ?? [])]
      const documented = new Set(listed.map(({ textContent }) => textContent))
      expect(
        names.filter((exported) => !documented.has(exported)),
        name,
      ).toEqual([])
    }
  })

  it('has no link that leads nowhere', async () => {
    expect(pages.size).toBeGreaterThan(200)
    const broken = [...pages].flatMap(([address, document]) =>
      brokenLinks(address, document, pages).map((link) => `${address}: ${link}`),
    )
    expect(broken).toEqual([])
    const menu = (await menuEntries()).flatMap(({ path: address = '' }) => address)
    expect(menu.length).toBeGreaterThan(pages.size / 2)
    expect(menu.filter((link) => isBroken('index.html', link, pages))).toEqual([])
  })

  it('would tell of a link that leads nowhere', () => {
    const { document } = parseHTML(
      '<h1 id="a"></h1><a href="b.html"></a><a href="#a"></a><a href="#c"></a><img src="d">',
    )
    expect(brokenLinks('guide/x.html', document, new Map([['guide/x.html', document]]))).toEqual(['b.html', '#c', 'd'])
  })
})

describe.skipIf(!hasBrowser)('the playground', () => {
  let server: PageServer
  let own: OwnBrowser
  let context: BrowserContext
  let page: Page
  const complaints: string[] = []

  beforeAll(async () => {
    server = await servePage({ folder, headersOf: siteHeaders, port: 0 })
    own = await launchChromium()
    context = await own.browser.newContext(devices.desktop)
    page = await context.newPage()
    page.on('pageerror', (error) => complaints.push(String(error)))
    page.on('console', (message) => {
      if (['warning', 'error'].includes(message.type())) complaints.push(message.text())
    })
    page.on('request', (request) => {
      if (!request.url().startsWith(server.origin) && !/^(?:data|blob):/.test(request.url()))
        complaints.push(request.url())
    })
    await page.goto(`${server.origin}/guide/playground.html`)
    await page.getByText('phi-nano is ready').waitFor()
  })

  afterAll(async () => {
    await own[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
  })

  async function answerTo(question: string): Promise<string> {
    await page.getByRole('textbox', { name: 'Question' }).fill(question)
    await page.getByRole('button', { name: 'Answer' }).click()
    await page.getByText('The answer is there.').waitFor()
    return (await page.locator('#playground-answer').textContent()) ?? ''
  }

  it('answers as the library does in Node', async () => {
    await using model = await loadModel('phi-nano', { backend: 'wasm' })
    const question = 'What is a hammer used for?'
    const expected = await model.chat().send(question, { temperature: 0, maxTokens: 80 }).result()
    await page.getByLabel('Temperature').fill('0')
    expect(await answerTo(question)).toBe(expected.text)
    expect(await page.locator('#playground-code').textContent()).toContain(`send('${question}', {\n  temperature: 0,`)
  })

  it('colours tokens by their probability and lists what else was likely', async () => {
    const first = page.locator('#playground-answer button').first()
    await first.focus()
    const rows = page.locator('#playground-likely tbody tr')
    expect(await rows.count()).toBe(5)
    const chosen = page.locator('#playground-likely .chosen')
    expect(await chosen.locator('th').textContent()).toContain((await first.textContent()) ?? '-')
    const likelihoods = (await rows.locator('td:last-child').allTextContents()).map(Number.parseFloat)
    // Greedy: the chosen token is the likeliest.
    expect(await chosen.locator('td').last().textContent()).toBe(await first.getAttribute('title'))
    expect(likelihoods).toEqual(likelihoods.toSorted((a, b) => b - a))
    expect(await page.locator('#playground-answer .step-4').count()).toBeGreaterThan(0)
  })

  it('draws the same answer with the same seed', async () => {
    await page.getByLabel('Temperature').fill('2')
    await page.getByLabel('Seed').fill('7')
    const answer = await answerTo('What is a dog?')
    expect(await answerTo('What is a dog?')).toBe(answer)
    await page.getByLabel('Seed').fill('8')
    expect(await answerTo('What is a dog?')).not.toBe(answer)
  })

  it('holds an answer to a regular expression and to a schema', async () => {
    const format = page.getByLabel('Format')
    await format.selectOption('regex')
    await page.getByLabel('Regular expression').fill('(yes|no), [a-z]{3}')
    expect(await answerTo('Is a dog an animal?')).toMatch(/^(?:yes|no), [a-z]{3}$/)
    await format.selectOption('json-schema')
    await page.getByLabel('Schema').fill('{ "enum": [{ "legs": 4 }, { "legs": 6 }] }')
    expect([4, 6]).toContain((JSON.parse(await answerTo('How many legs?')) as { legs: number }).legs)
    await format.selectOption('free')
  })

  it('shows the tokens of the question', async () => {
    await page.getByRole('textbox', { name: 'Question' }).fill('a dog')
    expect(await page.locator('#playground-token-count').textContent()).toMatch(/^\d+ tokens, 5 characters$/)
    const pieces = await page
      .locator('#playground-tokens .piece')
      .evaluateAll((found) => found.map((piece) => piece.firstChild?.textContent ?? ''))
    expect(pieces.join('')).toBe('␣a␣dog')
  })

  it('can be asked again where the engine does not hear that a conversation is over', async () => {
    const other = await context.newPage()
    other.on('pageerror', (error) => complaints.push(String(error)))
    await other.addInitScript(() => {
      const { value } = { ...Object.getOwnPropertyDescriptor(Worker.prototype, 'postMessage') }
      const post = value as Worker['postMessage']
      Object.assign(Worker.prototype, {
        postMessage(this: Worker, message: { readonly name?: string }, options: StructuredSerializeOptions): void {
          if (message.name === 'closeChat') throw new Error('the worker is gone')
          post.call(this, message, options)
        },
      })
    })
    await other.goto(`${server.origin}/guide/playground.html`)
    await other.getByText('phi-nano is ready').waitFor()
    await other.getByRole('textbox', { name: 'Question' }).fill('What is a dog?')
    await other.getByRole('button', { name: 'Answer' }).click()
    await other.getByText('The answer is there.').waitFor()
    expect(await other.getByRole('button', { name: 'Answer' }).isEnabled()).toBe(true)
    expect(await other.getByRole('button', { name: 'Stop' }).isEnabled()).toBe(false)
    await other.close()
  })

  it.each([
    ['light', 'phone'],
    ['dark', 'desktop'],
  ] as const)('and other pages keep nobody out, in %s, on a %s', async (colorScheme, device) => {
    const { viewport } = devices[device]
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize(viewport)
    expect(await violations(page)).toEqual([])
    const other = await context.newPage()
    await other.emulateMedia({ colorScheme })
    await other.setViewportSize(viewport)
    for (const address of ['index.html', 'guide/serve.html', 'api/pocket-phi/Chat.html']) {
      await other.goto(`${server.origin}/${address}`)
      await other.getByRole('main').waitFor()
      expect(await violations(other), address).toEqual([])
      expect(await other.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(viewport.width)
    }
    await other.close()
  })

  it('works without the server, and so does the search', async () => {
    await page.waitForFunction(() => navigator.serviceWorker.ready.then(({ active }) => active?.state === 'activated'))
    await server[Symbol.asyncDispose]()
    await page.goto(`${server.origin}/guide/playground.html`)
    await page.getByText('phi-nano is ready').waitFor()
    expect(await answerTo('What is a dog?')).not.toBe('')
    await page.getByRole('button', { name: 'Search' }).click()
    await page.getByRole('combobox', { name: 'Search' }).fill('regular expression')
    await page.getByRole('option', { name: 'Answers in a format' }).first().waitFor()
    await page.goto(`${server.origin}/api/pocket-phi/loadModel.html`)
    await page.getByRole('heading', { level: 1, name: 'loadModel' }).waitFor()
    expect(complaints).toEqual([])
  })
})
