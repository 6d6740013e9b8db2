/** `phi pull` as a person calls it: child processes, against a hub on this machine. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { stallAfter } from '../src/hub/hub-server-harness.ts'
import {
  bench,
  blobsOf,
  expectWhole,
  modelFiles,
  needed,
  size,
  weights,
  type Bench,
} from '../src/hub/cache/pull-harness.ts'

const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs `phi pull`; sends SIGINT when the condition holds. */
async function phiPull(hub: Bench, args: readonly string[], interruptWhen?: () => boolean): Promise<Ended> {
  return await phi(hub, ['pull', ...args], interruptWhen)
}

async function phi(hub: Bench, args: readonly string[], interruptWhen?: () => boolean): Promise<Ended> {
  const child = spawn(process.execPath, [main, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      HF_ENDPOINT: hub.server.endpoint,
      HF_HUB_CACHE: hub.cache,
      HF_HUB_OFFLINE: '',
      HF_TOKEN: 'hf_of_the_test',
    },
  })
  let out = ''
  let err = ''
  child.stdout.on('data', (data: Buffer) => (out += data.toString()))
  child.stderr.on('data', (data: Buffer) => (err += data.toString()))
  const ended = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)))
  if (interruptWhen !== undefined) {
    while (!interruptWhen() && child.exitCode === null) await new Promise((resolve) => setImmediate(resolve))
    child.kill('SIGINT')
  }
  return { code: await ended, out, err }
}

test('prints the folder of the model on standard output, and the files on standard error', async () => {
  await using hub = await bench()
  const { code, out, err } = await phiPull(hub, ['org/model'])
  expect({ code, out }).toEqual({ code: 0, out: `${(await hub.pull()).folder}\n` })
  for (const name of needed) expect(err).toContain(`${name}  `)
  expect(err).toContain('4 files, 302 kB; 302 kB came over the network')
  expectWhole(hub)
  expect(hub.server.asked[0]?.authorization).toBe('Bearer hf_of_the_test')
})

test('prints one JSON object where that is asked for, and nothing else', async () => {
  await using hub = await bench()
  const { code, out, err } = await phiPull(hub, ['org/model', '--json', '--include', '*.json', '--revision', 'v1'])
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(JSON.parse(out)).toMatchObject({
    model: 'org/model',
    commit: hub.server.commit,
    files: [
      { name: 'config.json', size: 22, received: 22 },
      { name: 'tokenizer.json' },
      { name: 'tokenizer_config.json' },
    ],
  })
})

test('ends with 130 on Ctrl-C, and the next call goes on from there', async () => {
  await using hub = await bench()
  hub.server.misbehaviours.set(weights, [stallAfter(100_000)])
  const kept = (): number => blobsOf(hub.cache).partial[hub.server.etag(weights)] ?? 0
  const { code, out } = await phiPull(hub, ['org/model'], () => kept() === 100_000)
  expect({ code, out }).toEqual({ code: 130, out: '' })
  expect(kept()).toBe(100_000)
  expect((await phiPull(hub, ['org/model'])).code).toBe(0)
  expectWhole(hub)
  expect(hub.server.contentRequests(weights).map(({ range }) => range)).toEqual([undefined, 'bytes=100000-'])
})

test('twice at once downloads once, and both print the folder', async () => {
  const files = modelFiles(10 * size)
  await using hub = await bench(files)
  const ends = await Promise.all([phiPull(hub, ['org/model']), phiPull(hub, ['org/model'])])
  expect(ends.map(({ code }) => code)).toEqual([0, 0])
  expect(ends[0].out).toBe(ends[1].out)
  expectWhole(hub, files)
  expect(hub.server.contentRequests(weights)).toHaveLength(1)
})

test('ends with 1 and a remedy where the hub refuses, and with 2 where the call is wrong', async () => {
  await using hub = await bench()
  hub.server.listingMisbehaviours.push(({ response }) => {
    response.writeHead(403, { 'x-error-code': 'GatedRepo' }).end()
  })
  const refused = await phiPull(hub, ['org/model'])
  expect(refused.code).toBe(1)
  expect(refused.err).toMatch(
    /^error: .*accept their conditions\.\n {2}found .*403.*\n {2}remedy .*with the account of the token/,
  )
  expect((await phiPull(hub, ['org/model', '--file', 'x', '--include', 'y'])).code).toBe(2)
})

test('what was downloaded is listed, and removed when that is asked for', async () => {
  await using hub = await bench()
  expect((await phi(hub, ['list'])).out).toContain(`There are no models in ${hub.cache}.`)
  await hub.pull()
  const listed = await phi(hub, ['list'])
  expect(listed.out).toMatch(/^org\/model +302 kB +safetensors +\d{4}-\d\d-\d\d$/m)
  expect(JSON.parse((await phi(hub, ['list', '--json'])).out)).toMatchObject([{ repository: 'org/model' }])
  const wrong = await phi(hub, ['rm', 'org/model', 'org/none'])
  expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining('The cache has no "org/none"') })
  expect(await phi(hub, ['rm', 'org/model'])).toMatchObject({ code: 0, out: 'org/model: 302 kB are free again.\n' })
  expect((await phi(hub, ['rm', 'org/model:Q4'])).code).toBe(2)
  expect(blobsOf(hub.cache).blobs).toEqual([])
})
