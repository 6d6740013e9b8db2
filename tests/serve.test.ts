/** `phi serve` as a person starts it and ends it, asked by the official client of OpenAI. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import OpenAI, { AuthenticationError } from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RequestRecord } from '../src/server/figures.ts'

const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))

interface Running {
  readonly child: ChildProcessWithoutNullStreams
  readonly output: { out: string; err: string }
  /** The exit code, once it has ended. */
  readonly ended: Promise<number | null>
}

const started: Running[] = []
let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pocket-phi-serve-'))
})

afterAll(async () => {
  for (const { child } of started) child.kill('SIGKILL')
  await rm(folder, { recursive: true })
})

function start(...options: string[]): Running {
  const child = spawn(process.execPath, [main, 'serve', ...options], { cwd: folder })
  const output = { out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.err += text))
  const ended = once(child, 'close').then(([code]) => code as number | null)
  const running = { child, output, ended }
  started.push(running)
  return running
}

/** The address that a server announces. */
async function addressOf({ output }: Running): Promise<string> {
  await expect.poll(() => output.out + output.err).toMatch(/is served at http/)
  return /http:\S+/.exec(output.out + output.err)?.[0] ?? ''
}

async function startClient(...options: string[]): Promise<{ running: Running; client: OpenAI }> {
  const running = start('phi-nano', '--port', '0', '--threads', '1', ...options)
  return { running, client: new OpenAI({ baseURL: await addressOf(running), apiKey: 'none', maxRetries: 0 }) }
}

const question = { model: 'phi-nano', messages: [{ role: 'user' as const, content: 'What is a dog?' }] }

/** Texts enough for minutes. */
const endless = { model: 'phi-nano', prompt: Array.from({ length: 128 }, () => 'A dog'), n: 128, stream: true as const }

describe('phi serve', () => {
  it('announces itself, answers, and ends well when it is told to, after what it is answering', async () => {
    const { running, client } = await startClient('--parallel', '2')
    expect(running.output.out).toMatch(
      /^phi-nano is served at http:\/\/127\.0\.0\.1:\d+\/v1 \(\d+ tokens of context, 2 at once, on wasm\)/,
    )
    const { choices } = await client.chat.completions.create(question)
    const stream = await client.chat.completions.create({ ...question, stream: true })
    running.child.kill('SIGTERM')
    await expect.poll(() => running.output.err).toContain('Closing')
    let text = ''
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ''
    expect(text).toBe(choices[0]?.message.content)
    expect(await running.ended).toBe(0)
  })

  it('ends at once when it is told so twice', async () => {
    const { running, client } = await startClient()
    const stream = await client.completions.create(endless)
    const broken = (async () => {
      try {
        for await (const _ of stream) continue
      } catch (error) {
        return String(error)
      }
      return 'whole'
    })()
    running.child.kill('SIGTERM')
    await expect.poll(() => running.output.err).toContain('Closing')
    running.child.kill('SIGTERM')
    expect(await running.ended).toBe(130)
    expect(await broken).toContain('terminated')
  })

  it('asks for keys, and logs requests without what was said', async () => {
    const keys = join(folder, 'keys.txt')
    await writeFile(keys, '# two keys\nfirst\nsecond # of a friend\n')
    const { running, client } = await startClient('--keys', keys, '--log', '--name', 'nano')
    await expect(client.chat.completions.create(question)).rejects.toThrow(AuthenticationError)
    const friend = client.withOptions({ apiKey: 'second' })
    await friend.chat.completions.create({ ...question, model: 'nano' })
    running.child.kill('SIGINT')
    expect(await running.ended).toBe(0)
    const records = running.output.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as RequestRecord)
    const common = {
      method: 'POST',
      path: '/v1/chat/completions',
      time: expect.any(String),
      seconds: expect.any(Number),
    }
    expect(records).toEqual([
      { ...common, status: 401, error: 'invalid_api_key' },
      { ...common, status: 200, key: 2, usage: expect.anything() },
    ])
    expect(running.output.out).not.toContain('dog')
  })

  it.each([
    [['--keys', 'no-such-file'], 1, 'file of keys "no-such-file" cannot be read'],
    [['--cors', 'example.org'], 2, '--cors wants an origin'],
    [['--port', '70000'], 2, 'integer from 0 to 65535'],
    [['--host', '192.0.2.1', '--port', '0'], 1, 'cannot listen on 192.0.2.1'],
  ])('says what is wrong with %j', async (options, code, message) => {
    const { ended, output } = start('phi-nano', '--threads', '1', ...options)
    expect(await ended).toBe(code)
    expect(output.err).toContain(message)
  })
})
