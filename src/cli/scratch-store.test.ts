import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { withScratchStore } from './scratch-store.ts'

let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'phi-scratch-'))
})

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

async function piecesOf(pieces: AsyncIterable<Uint8Array>): Promise<number[][]> {
  const found: number[][] = []
  for await (const piece of pieces) found.push([...piece])
  return found
}

test('pieces come back as they were added, tensor by tensor, as often as they are wanted', async () => {
  await withScratchStore(join(folder, 'out'), async (store) => {
    await store.append('a/b', Uint8Array.of(1, 2, 3))
    await store.append('..', Uint8Array.of(9))
    await store.append('a/b', Uint8Array.of(4))
    expect(await piecesOf(store.pieces('a/b'))).toEqual([[1, 2, 3], [4]])
    expect(await piecesOf(store.pieces('a/b'))).toEqual([[1, 2, 3], [4]])
    expect(await piecesOf(store.pieces('..'))).toEqual([[9]])
    await expect(piecesOf(store.pieces('c'))).rejects.toMatchObject({ code: 'not-found' })
    expect(await readdir(folder)).toHaveLength(1)
  })
  expect(await readdir(folder)).toEqual([])
})

test('nothing is left when the work fails', async () => {
  const work = withScratchStore(join(folder, 'out'), async (store) => {
    await store.append('a', Uint8Array.of(1))
    throw new Error('interrupted')
  })
  await expect(work).rejects.toThrow('interrupted')
  expect(await readdir(folder)).toEqual([])
})

test('a folder that cannot be written to is a clear error', async () => {
  const work = withScratchStore(join(folder, 'missing', 'out'), () => Promise.resolve())
  await expect(work).rejects.toMatchObject({ code: 'not-found' })
})
