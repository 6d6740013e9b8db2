import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { modelPlace } from './model-folder.ts'
import { readTextFiles } from './text-files.ts'

let folder = ''

/** A folder with the vocabulary of a tokenizer of Phi-3-small's kind, the 256 bytes, and nothing else. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'phi-model-folder-'))
  const ranks = Array.from({ length: 256 }, (_, byte) => `${Buffer.of(byte).toString('base64')} ${byte}\n`)
  await writeFile(join(folder, 'cl100k_base.tiktoken'), ranks.join(''))
})

afterAll(() => rm(folder, { recursive: true }))

test('the files of a tokenizer are enough where nothing else is read', async () => {
  const place = await modelPlace(folder, 'tokenizer')
  const { tokenizer } = await readTextFiles(place.folder, place.weightsFile)
  expect(tokenizer.encode('Hi<|end|>', { special: 'recognise' })).toEqual([72, 105, 100_266])
})

test('elsewhere they are no model', async () => {
  await expect(modelPlace(folder)).rejects.toMatchObject({ code: 'not-found' })
})
