/** A pull that is killed, whatever it is doing, leaves what the next one finishes, and nothing that is torn. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { bench, blobsOf, expectWhole, modelFiles, refsOf, tornFiles, weights, type Bench } from './pull-harness.ts'

const child = fileURLToPath(new URL('pull-child-harness.ts', import.meta.url))
const weightBytes = 2_000_000

/** Starts a pull in a process group of its own and kills the group when it says that it is there. */
async function pullAndKill(hub: Bench, moment: string, manner: 'holds' | 'goes-on'): Promise<NodeJS.Signals | null> {
  const running = spawn(process.execPath, [child, hub.server.endpoint, hub.cache, moment, manner], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, WEIGHT_BYTES: String(weightBytes) },
  })
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    running.on('error', reject)
    running.on('close', (code, signal) => resolve({ code, signal }))
  })
  let complaints = ''
  running.stderr.on('data', (data: Buffer) => (complaints += data.toString()))
  for await (const line of createInterface(running.stdout)) {
    if (line === 'moment' && running.pid !== undefined && moment !== 'never') process.kill(-running.pid, 'SIGKILL')
  }
  const { code, signal } = await ended
  if (signal === null && code !== 0) throw new Error(complaints)
  return signal
}

/** From before the first byte to after the last, and what is done with the file then. */
const moments = [
  ...[0, 1, 200_000, 400_000, 600_000, 800_000, 1_000_000, 1_200_000, 1_400_000, 1_600_000, 1_800_000, 1_999_999].map(
    String,
  ),
  'write /models--org--model/blobs/',
  'sync /models--org--model/blobs/',
  'rename /models--org--model/blobs/',
  'phi.link.incomplete',
  'rename /models--org--model/snapshots/',
  'model.safetensors',
  'blobs/ref-',
  'rename /models--org--model/refs/',
].map((moment, index) => ({ moment, manner: index % 2 === 0 ? ('holds' as const) : ('goes-on' as const) }))

test('there are twenty moments', () => {
  expect(moments).toHaveLength(20)
})

test.each(moments)(
  'killed at "$moment", where it $manner, it is finished by the next pull',
  async ({ moment, manner }) => {
    const files = modelFiles(weightBytes)
    await using hub = await bench(files)
    expect(await pullAndKill(hub, moment, manner)).toBe('SIGKILL')
    expect(tornFiles(hub.cache, files)).toEqual([])
    expect(refsOf(hub.cache)).toEqual({})
    const there = blobsOf(hub.cache)
    const kept = there.blobs.includes(hub.server.etag(weights))
      ? weightBytes
      : (there.partial[hub.server.etag(weights)] ?? 0)
    if (/^\d+$/.test(moment)) expect(kept).toBeGreaterThanOrEqual(Number(moment))
    const { files: pulled } = await hub.pull()
    expectWhole(hub, files)
    // Nothing that had come is asked for again.
    expect(pulled.find(({ name }) => name === weights)?.received).toBe(weightBytes - kept)
  },
)

test('killed again and again, it gets further each time and ends', async () => {
  const files = modelFiles(weightBytes)
  await using hub = await bench(files)
  for (const moment of ['100000', '500000', '500001', '1500000']) {
    expect(await pullAndKill(hub, moment, 'holds')).toBe('SIGKILL')
  }
  expect(await pullAndKill(hub, 'never', 'goes-on')).toBe(null)
  expectWhole(hub, files)
})

test('two processes at once, of which the one that downloads is killed: the other finishes', async () => {
  const files = modelFiles(weightBytes)
  await using hub = await bench(files)
  let waiting = (): void => {}
  const seen = new Promise<void>((resolve) => (waiting = resolve))
  const first = spawn(process.execPath, [child, hub.server.endpoint, hub.cache, '1000000', 'holds'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, WEIGHT_BYTES: String(weightBytes) },
  })
  const ended = new Promise((resolve) => first.on('close', (_, signal) => resolve(signal)))
  for await (const line of createInterface(first.stdout)) if (line === 'moment') break
  const second = hub.pull({
    onProgress: ({ stage }) => {
      if (stage === `waiting for another download of ${weights}`) waiting()
    },
  })
  await seen
  if (first.pid !== undefined) process.kill(-first.pid, 'SIGKILL')
  expect(await ended).toBe('SIGKILL')
  const { files: pulled } = await second
  expectWhole(hub, files)
  expect(pulled.find(({ name }) => name === weights)?.received).toBeLessThanOrEqual(weightBytes - 1_000_000)
})
