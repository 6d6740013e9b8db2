import { existsSync, readdirSync } from 'node:fs'
import { link, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { keptRepositories, removeRepositories } from './keep.ts'
import { bench, modelFiles, needed, size } from './pull-harness.ts'

let empty: string
beforeEach(async () => {
  empty = await mkdtemp(path.join(tmpdir(), 'pocket-phi-keep-'))
})
afterEach(() => rm(empty, { recursive: true }))

/** What the four files take that a model needs. */
const whole = needed.reduce((sum, name) => sum + (modelFiles()[name]?.length ?? 0), 0)

test('lists what was downloaded, each content once, and what was not finished', async () => {
  await using hub = await bench()
  await hub.pull()
  const [kept, ...others] = await keptRepositories(hub.environment)
  expect(others).toEqual([])
  expect(kept).toMatchObject({ repository: 'org/model', bytes: whole, unfinishedBytes: 0, weights: 'safetensors' })
  expect([...(kept?.revisions.keys() ?? [])]).toEqual(['main'])
  expect(Date.now() - Number(kept?.changed)).toBeLessThan(3_600_000)
  const blobs = path.join(hub.cache, 'models--org--model/blobs')
  await writeFile(path.join(blobs, 'abc.phi.incomplete'), 'half')
  expect((await keptRepositories(hub.environment))[0]).toMatchObject({ bytes: whole, unfinishedBytes: 4 })
})

test('counts a content once that has several names', async () => {
  const root = path.join(empty, 'models--org--linked')
  await mkdir(path.join(root, 'blobs'), { recursive: true })
  await mkdir(path.join(root, 'snapshots/1'), { recursive: true })
  await writeFile(path.join(root, 'blobs/abc'), 'safe')
  await link(path.join(root, 'blobs/abc'), path.join(root, 'snapshots/1/model.safetensors'))
  expect(await keptRepositories({ cache: empty })).toMatchObject([{ bytes: 4, weights: 'safetensors' }])
})

test('counts files in snapshots where the system has no links, and finds nothing in a folder that is not there', async () => {
  const snapshot = path.join(empty, 'models--org--copied/snapshots/1')
  await mkdir(snapshot, { recursive: true })
  await writeFile(path.join(snapshot, 'a.gguf'), 'GGUF')
  await mkdir(path.join(empty, 'datasets--org--rows'))
  expect(await keptRepositories({ cache: empty })).toMatchObject([
    { repository: 'org/copied', bytes: 4, weights: 'GGUF' },
  ])
  expect(await keptRepositories({ cache: path.join(empty, 'none') })).toEqual([])
})

test('removes a model, and what an earlier removal left', async () => {
  await using hub = await bench()
  await hub.pull()
  await mkdir(path.join(hub.cache, '.phi-removing-earlier/blobs'), { recursive: true })
  await mkdir(path.join(hub.cache, 'models--org--other'))
  expect(await removeRepositories(hub.environment, ['org/model'])).toEqual([whole])
  expect(readdirSync(hub.cache).toSorted()).toEqual(['.locks', 'models--org--other'])
  await hub.pull()
  const wrong = removeRepositories(hub.environment, ['org/model', 'org/none'])
  await expect(wrong).rejects.toMatchObject({ code: 'not-found' })
  expect(readdirSync(hub.cache)).toContain('models--org--model')
  await removeRepositories(hub.environment, ['org/model', 'org/other'])
  expect(await keptRepositories(hub.environment)).toEqual([])
  // It can come again.
  expect((await hub.pull()).files).toHaveLength(needed.length)
})

test('leaves a model alone while no file but the model is being downloaded, until the last of several downloads ends', async () => {
  await using hub = await bench()
  let attempts = 0
  const before = async (operation: string, file: string): Promise<void> => {
    // All files have come, and none of them is locked any more.
    if (operation !== 'rename' || !file.includes('refs')) return
    await hub.pull({ include: ['*.md'] })
    await expect(removeRepositories(hub.environment, ['org/model'])).rejects.toMatchObject({ code: 'not-supported' })
    attempts++
  }
  await hub.pull({ faults: { before } })
  expect(attempts).toBe(1)
  expect((await removeRepositories(hub.environment, ['org/model']))[0]).toBeGreaterThan(whole)
})

test('leaves a model alone that is being downloaded', async () => {
  await using hub = await bench()
  await hub.pull()
  const locks = path.join(hub.cache, '.locks/models--org--model')
  const lock = path.join(locks, readdirSync(locks).find((name) => name.endsWith('.phi.lock')) ?? '')
  const held = new DatabaseSync(lock)
  held.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  await expect(removeRepositories(hub.environment, ['org/model'])).rejects.toMatchObject({ code: 'not-supported' })
  held.close()
  expect((await removeRepositories(hub.environment, ['org/model']))[0]).toBeGreaterThan(size)
  expect(existsSync(lock)).toBe(true)
})

test.each([
  ['ENOLCK', 5],
  ['ENOTSUP or ENOSYS', 3850],
])('says what to delete by hand where the file system answers a lock with %s', async (_, errcode) => {
  await using hub = await bench()
  await hub.pull()
  const refused = vi.spyOn(DatabaseSync.prototype, 'exec').mockImplementation(() => {
    throw Object.assign(new Error('refused'), { errcode })
  })
  const folder = path.join(hub.cache, 'models--org--model')
  try {
    await expect(removeRepositories(hub.environment, ['org/model'])).rejects.toMatchObject({
      code: 'not-supported',
      problem: expect.stringContaining('cannot be locked'),
      remedy: expect.stringContaining(`delete "${folder}" yourself`),
    })
  } finally {
    refused.mockRestore()
  }
  expect(existsSync(folder)).toBe(true)
  const locks = readdirSync(path.join(hub.cache, '.locks/models--org--model'))
  expect(locks.filter((name) => !name.endsWith('.phi.lock'))).toEqual([])
})
