/** What `pull` promises, against a hub on this machine. */
import { existsSync, mkdirSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Progress } from '../../base/progress.ts'
import { systemLinks } from './repository-cache.ts'
import { answerWith, commit, dropAfter, fail, stallAfter, type Misbehaviour } from '../hub-server-harness.ts'
import {
  bench,
  expectWhole,
  size,
  blobsOf,
  bytesOf,
  linksOf,
  modelFiles,
  needed,
  neededOf,
  refsOf,
  snapshotOf,
  weights,
} from './pull-harness.ts'
import { planPull, pull } from './pull.ts'

describe('an honest hub', () => {
  test('gives what a model needs, in the layout that the tools of the hub share', async () => {
    await using hub = await bench()
    const pulled = await hub.pull()
    expectWhole(hub)
    expect(pulled.folder).toBe(join(hub.cache, 'models--org--model', 'snapshots', commit))
    expect(linksOf(hub.cache)).toEqual(
      Object.fromEntries(needed.map((name) => [`${commit}/${name}`, join('..', '..', 'blobs', hub.server.etag(name))])),
    )
    expect(pulled.files.map(({ received }) => received)).toEqual(pulled.files.map((file) => file.size))
    expect(hub.clock.waits).toEqual([])
  })

  test('is asked for the list only when all is there', async () => {
    await using hub = await bench()
    await hub.pull()
    hub.server.asked.length = 0
    const { files } = await hub.pull()
    expect(hub.server.asked.map(({ path }) => path)).toEqual(['/api/models/org/model/revision/main'])
    expect(files.map(({ received }) => received)).toEqual(needed.map(() => 0))
  })

  test('sends a new version of one file, and the others are taken from the old one', async () => {
    await using hub = await bench()
    await hub.pull()
    hub.server.commit = 'f'.repeat(40)
    hub.server.files.set('config.json', Buffer.from('{"model_type":"phi3","new":1}\n'))
    const { files, folder } = await hub.pull()
    expect(files.filter(({ received }) => received > 0).map(({ name }) => name)).toEqual(['config.json'])
    expect(folder).toContain('f'.repeat(40))
    expect(refsOf(hub.cache)).toEqual({ main: 'f'.repeat(40) })
  })

  test('reports bytes of all files together, up to the last one', async () => {
    await using hub = await bench()
    const seen: Progress[] = []
    await hub.pull({ onProgress: (progress) => seen.push(progress) })
    const files = modelFiles()
    const total = needed.reduce((sum, name) => sum + (files[name]?.length ?? 0), 0)
    const bytes = seen.filter((progress) => progress.total > 0).map(({ done }) => done)
    expect(seen.at(-1)).toMatchObject({ done: total, total, unit: 'bytes' })
    expect(bytes).toEqual([...bytes].sort((a, b) => a - b))
    expect(bytes.length).toBeGreaterThan(4)
  })

  test('is asked for the revision that was named, and a commit gets no ref', async () => {
    await using hub = await bench()
    await hub.pull({ revision: 'refs/pr/7' })
    await hub.pull({ revision: commit })
    expect(hub.server.asked[0]?.path).toBe('/api/models/org/model/revision/refs/pr/7')
    expect(refsOf(hub.cache)).toEqual({ 'refs/pr/7': commit })
  })

  test('gives one file of a folder where one was asked for', async () => {
    await using hub = await bench()
    await hub.pull({ include: ['onnx/*'] })
    expect(Object.keys(snapshotOf(hub.cache))).toEqual(['onnx/model.onnx'])
    expect(Object.values(linksOf(hub.cache))[0]).toMatch(/^\.\.[\\/]\.\.[\\/]\.\.[\\/]blobs[\\/][0-9a-f]{64}$/)
  })
})

describe('a cache that others use too', () => {
  test('what huggingface_hub has brought is not brought again', async () => {
    await using hub = await bench()
    const blob = join(hub.cache, 'models--org--model', 'blobs', hub.server.etag(weights))
    mkdirSync(dirname(blob), { recursive: true })
    writeFileSync(blob, bytesOf(size))
    await hub.pull()
    expectWhole(hub)
    expect(hub.server.contentRequests(weights)).toEqual([])
  })

  test('a blob that is too short is brought again', async () => {
    await using hub = await bench()
    const blob = join(hub.cache, 'models--org--model', 'blobs', hub.server.etag(weights))
    mkdirSync(dirname(blob), { recursive: true })
    writeFileSync(blob, bytesOf(size).subarray(7))
    await hub.pull()
    expectWhole(hub)
  })

  test('a link to another version, or to nothing, is replaced', async () => {
    await using hub = await bench()
    const { folder } = await hub.pull()
    const other = join(hub.cache, 'models--org--model', 'blobs', 'a'.repeat(64))
    writeFileSync(other, bytesOf(size, 9))
    for (const [name, target] of [
      [weights, other],
      ['config.json', 'nowhere'],
    ] as const) {
      renameSync(join(folder, name), join(hub.cache, `old-${name}`))
      symlinkSync(target, join(folder, name))
    }
    await hub.pull()
    expect(snapshotOf(hub.cache)).toEqual(neededOf(modelFiles()))
  })

  test('the partial file of huggingface_hub is left alone', async () => {
    await using hub = await bench()
    const theirs = join(hub.cache, 'models--org--model', 'blobs', `${hub.server.etag(weights)}.incomplete`)
    mkdirSync(dirname(theirs), { recursive: true })
    writeFileSync(theirs, 'theirs')
    await hub.pull()
    expect(statSync(theirs).size).toBe(6)
    expect(snapshotOf(hub.cache)).toEqual(neededOf(modelFiles()))
  })

  test.each([
    ['hard links', { ...systemLinks, symlink: async () => Promise.reject(new Error('EPERM')) }, 2],
    [
      'copies',
      {
        ...systemLinks,
        symlink: async () => Promise.reject(new Error('EPERM')),
        link: async () => Promise.reject(new Error('EPERM')),
      },
      1,
    ],
  ])('where symbolic links are impossible there are %s', async (_, links, names) => {
    await using hub = await bench()
    const { folder } = await hub.pull({ links })
    expectWhole(hub)
    expect(statSync(join(folder, weights)).nlink).toBe(names)
    hub.server.asked.length = 0
    await hub.pull({ links })
    expect(hub.server.asked).toHaveLength(1)
  })
})

describe('what the hub does not give', () => {
  test.each([
    ['a gated model', 403, 'GatedRepo', 'no-access', /accept their conditions/],
    ['a gated model, without a token', 401, 'GatedRepo', 'no-access', /HF_TOKEN/],
    ['a private model, or none', 401, 'RepoNotFound', 'no-access', /HF_TOKEN/],
    ['a token that is not valid', 401, undefined, 'no-access', /HF_TOKEN/],
    ['a model that does not exist', 404, 'RepoNotFound', 'not-found', /no such repository/],
    ['a revision that does not exist', 404, 'RevisionNotFound', 'not-found', /no such revision/],
    ['what it does not understand', 400, undefined, 'network', /HF_ENDPOINT/],
  ] as const)('is said once and clearly: %s', async (_, status, errorCode, code, message) => {
    await using hub = await bench()
    hub.server.listingMisbehaviours.push(answerWith(status, {}, errorCode))
    await expect(hub.pull()).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
    expect(hub.server.asked).toHaveLength(1)
  })

  test('does not cost what came before: a file that is gone', async () => {
    await using hub = await bench()
    hub.server.misbehaviours.set('config.json', [({ response }) => fail(response, 404, 'EntryNotFound')])
    await expect(hub.pull()).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('"config.json"'),
    })
    await hub.pull()
    expectWhole(hub)
  })

  test('is asked for anew where a signed address has expired', async () => {
    await using hub = await bench()
    hub.server.misbehaviours.set(weights, [answerWith(403)])
    await hub.pull()
    expectWhole(hub)
    expect(hub.server.asked.filter(({ server, path }) => server === 'hub' && path.endsWith(weights))).toHaveLength(2)
  })

  test.each(['model', 'org/', '../model', 'org/mod el', 'org/a--b', 'https://hub/x', 'org/model/x', 'org/..'])(
    'is not asked for under the name %s',
    async (name) => {
      await using hub = await bench()
      await expect(pull(name, hub.environment)).rejects.toMatchObject({ code: 'invalid-argument' })
      await expect(hub.pull({ revision: `../${name}` })).rejects.toMatchObject({ code: 'invalid-argument' })
      expect(hub.server.asked).toEqual([])
    },
  )
})

describe('the disk', () => {
  test('is looked at before anything is downloaded', async () => {
    await using hub = await bench()
    await expect(hub.pull({ freeBytes: async () => 200_000 })).rejects.toMatchObject({
      code: 'out-of-memory',
      message: expect.stringContaining('HF_HUB_CACHE'),
    })
    expect(hub.server.asked).toHaveLength(1)
  })

  test('needs room only for what is missing', async () => {
    await using hub = await bench()
    hub.server.misbehaviours.set(weights, [dropAfter(200_000), ...Array.from({ length: 6 }, () => dropAfter(0))])
    await expect(hub.pull()).rejects.toMatchObject({ code: 'network' })
    hub.server.misbehaviours.clear()
    await expect(hub.pull({ freeBytes: async () => 99_999 })).rejects.toMatchObject({ code: 'out-of-memory' })
    await hub.pull({ freeBytes: async () => 102_000 })
    expectWhole(hub)
  })
})

describe('without the network', () => {
  test('what is in the cache is found, and nobody is asked', async () => {
    await using hub = await bench()
    const online = await hub.pull()
    hub.server.asked.length = 0
    const offline = await pull('org/model', { ...hub.environment, offline: true })
    expect(offline).toEqual({ ...online, files: offline.files })
    expect(offline.files.map(({ name }) => name)).toEqual([...needed].sort())
    expect(hub.server.asked).toEqual([])
  })

  test('what is not in the cache is an error that says what to do', async () => {
    await using hub = await bench(modelFiles(), { offline: true })
    await expect(hub.pull()).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('HF_HUB_OFFLINE'),
    })
  })

  test('a checkpoint of which a shard is missing is not taken for whole', async () => {
    const shard = (part: number): string => `model-0000${part}-of-00002.safetensors`
    const files = {
      'model.safetensors.index.json': Buffer.from('{}'),
      [shard(1)]: bytesOf(2000),
      [shard(2)]: bytesOf(2000),
    }
    await using hub = await bench(files)
    await hub.pull({ include: ['*.json', shard(1)] })
    await expect(pull('org/model', { ...hub.environment, offline: true })).rejects.toMatchObject({
      code: 'not-found',
      found: `no ${shard(2)}`,
    })
  })
})

describe('a pull that is aborted', () => {
  test('says so, keeps what has come, and the next goes on from there', async () => {
    await using hub = await bench()
    const controller = new AbortController()
    hub.server.misbehaviours.set(weights, [stallAfter(100_000)])
    const pulling = hub.pull({
      signal: controller.signal,
      onProgress: ({ stage, done, total }) => {
        if (stage === weights && total - done === size - 100_000) controller.abort()
      },
    })
    await expect(pulling).rejects.toMatchObject({ code: 'aborted' })
    expect(blobsOf(hub.cache).partial).toEqual({ [hub.server.etag(weights)]: 100_000 })
    hub.server.asked.length = 0
    await hub.pull()
    expectWhole(hub)
    expect(hub.server.contentRequests(weights).map(({ range }) => range)).toEqual(['bytes=100000-'])
  })

  test('ends while it waits for a busy server', async () => {
    await using hub = await bench()
    const controller = new AbortController()
    hub.server.listingMisbehaviours.push(answerWith(503))
    const onProgress = ({ stage }: Progress): void => {
      if (stage.startsWith('waiting')) controller.abort()
    }
    await expect(hub.pull({ signal: controller.signal, onProgress })).rejects.toMatchObject({ code: 'aborted' })
    expect(hub.server.asked).toHaveLength(1)
  })
})

describe('two pulls at once', () => {
  test('download each file once, and both have all of it', async () => {
    await using hub = await bench()
    let waiting = (): void => {}
    const seen = new Promise<void>((resolve) => (waiting = resolve))
    // The first has the lock for as long as the second has not been seen to wait for it.
    hub.server.misbehaviours.set(weights, [({ honest }) => void seen.then(() => honest())])
    const onProgress = ({ stage }: Progress): void => {
      if (stage === `waiting for another download of ${weights}`) waiting()
    }
    const both = await Promise.all([hub.pull({ onProgress }), hub.pull({ onProgress })])
    expectWhole(hub)
    expect(both[0].folder).toBe(both[1].folder)
    expect(hub.server.contentRequests(weights)).toHaveLength(1)
    const received = both.flatMap(({ files }) =>
      files.filter(({ name }) => name === weights).map((file) => file.received),
    )
    expect(received.sort((a, b) => a - b)).toEqual([0, size])
  })

  test('the second goes on where the first failed', async () => {
    await using hub = await bench()
    const failing = Array.from({ length: 5 }, () => dropAfter(0))
    let waiting = (): void => {}
    const seen = new Promise<void>((resolve) => (waiting = resolve))
    const hold: Misbehaviour = (exchange) => void seen.then(() => dropAfter(100_000)(exchange))
    hub.server.misbehaviours.set(weights, [hold, ...failing, dropAfter(0)])
    const onProgress = ({ stage }: Progress): void => {
      if (stage === `waiting for another download of ${weights}`) waiting()
    }
    const ends = await Promise.allSettled([hub.pull({ onProgress }), hub.pull({ onProgress })])
    expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expectWhole(hub)
    expect(hub.server.contentRequests(weights).at(-1)?.range).toBe('bytes=100000-')
  })
})

test('a plan says what would be downloaded, and neither downloads nor writes anything', async () => {
  await using hub = await bench()
  const plan = () => planPull('org/model', hub.environment, { clock: hub.clock })
  const first = await plan()
  expect(first).toMatchObject({ commit: hub.server.commit, missingBytes: 302_022 })
  expect(first.files.map(({ name }) => name).sort()).toEqual(needed)
  expect(existsSync(hub.cache)).toBe(false)
  expect(hub.server.asked.map(({ path }) => path)).toEqual(['/api/models/org/model/revision/main'])
  await hub.pull({ include: ['*.json'] })
  expect((await plan()).missingBytes).toBe(size)
  await hub.pull()
  expect((await plan()).missingBytes).toBe(0)
})

test('offline, what is missing of another GGUF file does no harm to the one that was chosen', async () => {
  const files = Object.fromEntries(
    ['a-q4.gguf', 'a-q8-00001-of-00002.gguf', 'a-q8-00002-of-00002.gguf'].map((name, index) => [
      name,
      bytesOf(2000, index),
    ]),
  )
  await using hub = await bench(files)
  await hub.pull({ include: ['a-q4.gguf', 'a-q8-00001*'] })
  const offline = (file: string) => pull('org/model', { ...hub.environment, offline: true }, { file })
  expect((await offline('q4')).files).toMatchObject([{ name: 'a-q4.gguf', received: 0 }])
  await expect(offline('q8')).rejects.toMatchObject({ code: 'not-found', found: 'no a-q8-00002-of-00002.gguf' })
})
