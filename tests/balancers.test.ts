/**
 * Two `phi serve` behind the load balancers of examples/balancers: one of them is told to close in the middle of traffic, and no request is lost. nginx and
 * HAProxy are run where they are installed; there is no package of npm that brings one.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { get, type IncomingMessage } from 'node:http'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import OpenAI from 'openai'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RequestRecord } from '../src/server/figures.ts'

const root = path.join(import.meta.dirname, '..')
const main = path.join(root, 'src/cli/main.ts')

let folder: string
const children: ChildProcess[] = []
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'pocket-phi-balancer-'))
})
afterEach(async () => {
  const running = children.splice(0).filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)
  const ended = running.map((child) => once(child, 'close'))
  for (const child of running) child.kill('SIGKILL')
  await Promise.all(ended)
  await rm(folder, { recursive: true })
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

interface Served {
  readonly child: ChildProcess
  readonly ended: Promise<unknown>
  /** The answers that it has logged. */
  readonly answered: () => RequestRecord[]
}

/** A server with a log, when it is ready. */
async function serve(port: number): Promise<Served> {
  const options = ['--port', String(port), '--threads', '1', '--parallel', '4', '--log', '--allow-host', 'phi.example']
  const words = ['serve', 'phi-nano', ...options]
  const child = spawn(process.execPath, [main, ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  let [out, err] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  await expect.poll(() => err).toMatch(/is served at http/)
  const records = (): RequestRecord[] =>
    out
      .split('\n')
      .filter((line) => line.endsWith('}'))
      .map((line) => JSON.parse(line) as RequestRecord)
  const answered = (): RequestRecord[] => records().filter(({ method, status }) => method === 'POST' && status === 200)
  return { child, ended: once(child, 'close'), answered }
}

interface Balancer {
  readonly name: string
  readonly config: string
  /** Writes what has the configuration in it, and says how it is started. */
  readonly command: (config: string) => Promise<readonly string[]>
}

const balancers: readonly Balancer[] = [
  {
    name: 'nginx',
    config: 'nginx.conf',
    async command(config) {
      const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${name};`)
      const http = `access_log off; ${temporary.join(' ')} include ${config};`
      const file = path.join(folder, 'main.conf')
      await writeFile(
        file,
        `daemon off; master_process off; pid nginx.pid; error_log stderr; events {} http { ${http} }\n`,
      )
      return ['-p', folder, '-c', file]
    },
  },
  { name: 'haproxy', config: 'haproxy.cfg', command: (config) => Promise.resolve(['-db', '-f', config]) },
]

const isThere = (name: string): boolean => spawnSync(name, ['-v']).status === 0

/** Starts a balancer with its example, on other ports. @returns where it listens */
async function balance({ name, config, command }: Balancer, ports: readonly [number, number]): Promise<string> {
  const port = await freePort()
  const example = await readFile(path.join(root, 'examples/balancers', config), 'utf8')
  const file = path.join(folder, config)
  const [first, second] = ports
  const moved = [8080, 8081, 8082].reduce(
    (text, old, at) => text.replaceAll(`127.0.0.1:${old}`, `127.0.0.1:${[port, first, second][at]}`),
    example,
  )
  await writeFile(file, moved)
  const child = spawn(name, await command(file), { stdio: ['ignore', 'ignore', 'pipe'] })
  children.push(child)
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const isUp = async (): Promise<string> =>
    await fetch(`http://127.0.0.1:${port}/health`).then(
      ({ status }) => `status ${status}`,
      (error: unknown) => `${String(error)} ${said}`,
    )
  await expect.poll(isUp).toBe('status 200')
  return `http://127.0.0.1:${port}/v1`
}

/** Somebody who asks one question after another, as a whole and as a stream in turn, until there is an end. */
async function askOn(client: OpenAI, isOver: () => boolean, hear: (answer: string) => void): Promise<void> {
  const question = {
    model: 'phi-nano',
    messages: [{ role: 'user' as const, content: 'What is a dog?' }],
    temperature: 0,
  }
  for (let count = 0; !isOver(); count++) {
    if (count % 2 === 0) {
      const { choices } = await client.chat.completions.create(question)
      hear(choices[0]?.message.content ?? '')
    } else {
      let text = ''
      for await (const chunk of await client.chat.completions.create({ ...question, stream: true })) {
        text += chunk.choices[0]?.delta.content ?? ''
      }
      hear(text)
    }
  }
}

/** The status with which a list of models is refused or given to who came by this name, as a page does when its name was let mean the balancer. */
async function statusUnder(host: string, url: string): Promise<number | undefined> {
  const headers = { host, origin: `http://${host}` }
  const [response] = (await once(get(`${url}/models`, { headers }), 'response')) as [IncomingMessage]
  response.resume()
  return response.statusCode
}

const clientOf = (baseURL: string, apiKey: string): OpenAI => new OpenAI({ baseURL, apiKey, maxRetries: 0 })

describe.each(balancers)('two servers behind $name', (balancer) => {
  it.skipIf(!isThere(balancer.name))('lose no request when one of them is told to close', async () => {
    const ports = [await freePort(), await freePort()] as const
    const [first, second] = await Promise.all([serve(ports[0]), serve(ports[1])])
    const url = await balance(balancer, ports)
    const heard: string[] = []
    let isOver = false
    // Keys decide which server is asked; of a dozen some go to each.
    const asking = Array.from({ length: 12 }, (_, number) =>
      askOn(
        clientOf(url, `key-${number}`),
        () => isOver,
        (answer) => heard.push(answer),
      ),
    )
    const all = Promise.all(asking)
    // What one of them throws ends the test below.
    all.catch(() => (isOver = true))
    await expect.poll(() => [first.answered().length > 5, second.answered().length > 5]).toEqual([true, true])
    first.child.kill('SIGTERM')
    expect(await first.ended).toEqual([0, null])
    const afterwards = heard.length
    await expect.poll(() => isOver || heard.length >= afterwards + 24).toBe(true)
    isOver = true
    await all
    expect(new Set(heard).size).toBe(1)
    expect(heard[0]).toMatch(/dog/)
    await expect.poll(() => first.answered().length + second.answered().length).toBe(heard.length)
    console.log(
      `${balancer.name}: ${heard.length} answers, ${first.answered().length} of the server that was closed, none lost`,
    )
  })

  it.skipIf(!isThere(balancer.name))(
    'keep a client with the server that knows its conversation, and pass chunks on at once',
    async () => {
      const ports = [await freePort(), await freePort()] as const
      const servers = await Promise.all([serve(ports[0]), serve(ports[1])])
      const url = await balance(balancer, ports)
      const answeredBy = (): number[] => servers.map(({ answered }) => answered().length)
      const perKey: number[][] = []
      for (const key of ['one', 'two', 'three']) {
        const before = answeredBy()
        for (let count = 0; count < 3; count++) {
          const messages = [{ role: 'user' as const, content: 'What is a fox?' }]
          await clientOf(url, key).chat.completions.create({ model: 'phi-nano', messages, max_tokens: 2 })
        }
        await expect.poll(() => answeredBy().reduce((sum, count) => sum + count)).toBe(3 * (perKey.length + 1))
        perKey.push(answeredBy().map((count, at) => count - (before[at] ?? 0)))
      }
      for (const counts of perKey) expect(counts.toSorted((a, b) => a - b)).toEqual([0, 3])
      // An answer without an end: its first words come all the same.
      const endless = {
        model: 'phi-nano',
        prompt: Array.from({ length: 128 }, () => 'A dog'),
        n: 128,
        stream: true as const,
      }
      const stream = await clientOf(url, 'one').completions.create(endless)
      for await (const chunk of stream) {
        expect(chunk.choices).toHaveLength(1)
        break
      }
    },
  )

  it.skipIf(!isThere(balancer.name))('are reached under the names that they allow, and no others', async () => {
    const ports = [await freePort(), await freePort()] as const
    await Promise.all(ports.map(serve))
    const url = await balance(balancer, ports)
    const { host } = new URL(url)
    const names = [host, 'phi.example', 'evil.example', 'localhost.evil.example']
    const statuses = await Promise.all(names.map((name) => statusUnder(name, url)))
    expect(statuses).toEqual([200, 200, 403, 403])
  })
})
