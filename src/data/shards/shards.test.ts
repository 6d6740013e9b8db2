import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeFolderAtomic } from '../../formats/atomic.ts'
import { manifestFile, openShards, roundOrder, writeShard, type ShardManifest } from './index.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'phi-shards-'))
})
afterAll(() => rm(folder, { recursive: true }))

const texts = [[1, 2, 3], [70_000], [4, 5], [6, 7, 8, 9]].map((ids) => Uint32Array.from(ids))

async function written(name: string): Promise<string> {
  const path = join(folder, name)
  await writeFolderAtomic(path, async (into) => {
    const training = [await writeShard(into, 'a', texts.slice(0, 2)), await writeShard(into, 'b', texts.slice(2))]
    const manifest: ShardManifest = { format: 1, tokenizer: 'x', longest: 4, sets: { training, heldOut: [] } }
    await into.writeFile(manifestFile, JSON.stringify(manifest))
  })
  return path
}

test('shards give back every text, across files', async () => {
  const shards = await openShards(await written('good'))
  expect(shards.training.count).toBe(4)
  expect(texts.map((_, index) => shards.training.ids(index))).toEqual(texts.map((ids) => [...ids]))
  expect(shards.heldOut.count).toBe(0)
  shards.close()
})

describe('what is damaged is refused:', () => {
  test('a file of ids that ends early', async () => {
    const path = await written('ids')
    await truncate(join(path, 'b.ids'), 20)
    const shards = await openShards(path)
    expect(shards.training.ids(2)).toEqual([4, 5])
    expect(() => shards.training.ids(3)).toThrow(/"b".*ends early.*24 bytes.*20/s)
    shards.close()
  })

  test('starts that do not agree with the manifest', async () => {
    const path = await written('starts')
    await truncate(join(path, 'a.starts'), 8)
    await expect(openShards(path)).rejects.toThrow(/2 texts with 4 tokens.*1 texts with 3/s)
  })

  test('another format, and no manifest', async () => {
    const path = await written('format')
    const text = await readFile(join(path, manifestFile), 'utf8')
    await writeFile(join(path, manifestFile), text.replace('"format":1', '"format":2'))
    await expect(openShards(path)).rejects.toThrow(/format that is not known/)
    await expect(openShards(folder)).rejects.toMatchObject({ code: 'not-found' })
  })
})

test.each([1, 2, 7, 60, 1001])('each of %s texts comes once a round, in orders of their own', (count) => {
  const rounds = [0, 1, 2].map((round) =>
    Array.from({ length: count }, (_, index) => roundOrder(5, count, round * count + index)),
  )
  const all = Array.from({ length: count }, (_, index) => index)
  for (const round of rounds) expect(round.toSorted((a, b) => a - b)).toEqual(all)
  if (count > 20) expect(new Set(rounds.map(String)).size).toBe(3)
})
