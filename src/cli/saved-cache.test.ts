import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { savedCache } from './saved-cache.ts'

let folder = ''
beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'phi-saved-'))))
afterAll(() => rm(folder, { recursive: true }))

test('a file that is not there, and a folder, are told apart from one of another kind', async () => {
  await expect(savedCache(join(folder, 'none.cache'))).rejects.toMatchObject({ found: 'no such file' })
  await expect(savedCache(folder)).rejects.toMatchObject({ found: expect.stringContaining('no regular file') })
  for (const content of ['', '# Pocket Phi\n\n**The whole Phi-3 system**', '\u0002\0\0\0\0\0\0\0[]']) {
    const path = join(folder, 'other')
    await writeFile(path, content)
    await expect(savedCache(path)).rejects.toMatchObject({ message: expect.stringContaining('no cache file of phi') })
  }
})

test('what begins as one is opened', async () => {
  const path = join(folder, 'some.cache')
  await writeFile(path, '\u0002\0\0\0\0\0\0\0{}')
  const source = await savedCache(path)
  expect(source.size).toBe(10)
  await source.close()
})
