import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Random } from '../../base/random.ts'
import { normalized, type Embedder } from '../embedder.ts'
import type { Passage } from '../passage.ts'
import { IndexFile } from './index-file.ts'
import { updateVectors, VectorSearch } from './vectors.ts'

let folder: string
let file: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'pocket-phi-vectors-'))
  file = path.join(folder, 'a.index')
})
afterEach(() => rm(folder, { recursive: true }))

/** Knows what texts are about: a value for each of some subjects, whatever the words. */
const subjects = [/ship|ferry|boat/i, /train|railway/i, /walrus|seal/i]

/** @param shift turns the vectors of another model elsewhere */
function scripted(name = 'scripted', shift = 0): Embedder & { asked: string[] } {
  const asked: string[] = []
  return {
    name,
    isLocal: true,
    asked,
    embed(texts) {
      asked.push(...texts)
      const about = (text: string): number[] => [0.1, ...subjects.map((words) => (words.test(text) ? 1 : 0))]
      const turned = (values: number[]): number[] => values.map((_, at) => values[(at + shift) % values.length] ?? 0)
      return Promise.resolve(texts.map((text) => normalized(Float32Array.from(turned(about(text))))))
    },
    close: () => Promise.resolve(),
  }
}

const passage = (address: string, text: string): Passage => ({ title: address, address, text })
const ferry = passage('/ferry', 'The ferry of Redhill leaves at noon.')
const train = passage('/train', 'The railway to Redhill opened at dawn.')
const walrus = passage('/walrus', 'A walrus sleeps on ice.')

function opened(passages: readonly Passage[] = [ferry, train, walrus]): IndexFile {
  const index = IndexFile.open(file, { create: true })
  for (const one of passages) index.replaceFile(one.address, '1', [one])
  return index
}

test('what is near by meaning is found beside what has the words, and words say whether anything is', async () => {
  const index = opened()
  const embedder = scripted()
  expect(await updateVectors(index, embedder)).toBe(3)
  const search = await VectorSearch.open(index, embedder)
  const addresses = async (query: string): Promise<string[]> =>
    (await search.find(query, { count: 2 })).map(({ address }) => address)
  // Both have Redhill, and neither has the other word.
  expect((await addresses('Redhill ships'))[0]).toBe('/ferry')
  expect((await addresses('Redhill trains'))[0]).toBe('/train')
  // A vector always has a nearest one; nothing is found all the same.
  expect(await addresses('Antarctic seals')).toEqual([])
  await search.close()
})

test('only what has no vector gets one, in a run that goes on where another ended', async () => {
  const index = opened(Array.from({ length: 40 }, (_, number) => passage(`/${number}`, `Passage ${number}`)))
  const embedder = scripted()
  const controller = new AbortController()
  const stopped = updateVectors(index, embedder, { onVectors: () => controller.abort(), signal: controller.signal })
  await expect(stopped).rejects.toMatchObject({ code: 'aborted' })
  const { total } = index.unembedded(0)
  expect(total).toBeLessThan(40)
  expect(total).toBeGreaterThan(0)
  expect(await updateVectors(index, embedder)).toBe(total)
  index.replaceFile('/3', '2', [passage('/3', 'another text')])
  embedder.asked.length = 0
  expect(await updateVectors(index, embedder)).toBe(1)
  expect(embedder.asked).toEqual([expect.any(String), '/3\nanother text'])
  // The passage that was replaced has left none behind.
  expect(index.nearest(new Float32Array([1, 0, 0, 0]), 100)).toHaveLength(40)
  await index.close()
})

test('bytes keep the order of vectors', async () => {
  const index = opened()
  await updateVectors(index, scripted())
  const found = index.nearest(normalized(Float32Array.from([0, 0.1, 0.2, 0.9])), 3)
  expect(found.map(({ address }) => address)).toEqual(['/walrus', '/train', '/ferry'])
  await index.close()
})

test('another model is refused, whatever its name, and an index without vectors says how to get some', async () => {
  const index = opened()
  await expect(VectorSearch.open(index, scripted())).rejects.toMatchObject({
    problem: expect.stringContaining('has no vectors'),
  })
  await updateVectors(index, scripted())
  for (const other of [scripted('scripted', 1), scripted('other', 2)]) {
    const refusal = { code: 'invalid-argument', expected: expect.stringContaining('scripted, as it was') }
    await expect(updateVectors(index, other)).rejects.toMatchObject(refusal)
    await expect(VectorSearch.open(index, other)).rejects.toMatchObject(refusal)
  }
  // The same one under another name is the same one.
  expect(await updateVectors(index, scripted('renamed'))).toBe(0)
  await index.close()
})

test('a model is known again where one value of its vectors is much greater than the others, as bytes make them coarse', () => {
  const random = new Random(1)
  for (let number = 0; number < 20; number++) {
    const probe = normalized(Float32Array.from({ length: 768 }, (_, at) => (at === 3 ? 40 : random.normal())))
    const index = IndexFile.open(path.join(folder, `${number}.index`), { create: true })
    index.setEmbedder('wide', probe)
    const moved = normalized(probe.map((value) => value + 1e-5 * random.normal()))
    expect([index.knowsEmbedder('wide', probe), index.knowsEmbedder('wide', moved)]).toEqual([true, true])
    const other = probe.map((value, at) => probe[(at + 1) % probe.length] ?? value)
    expect(() => index.knowsEmbedder('wide', other)).toThrow('are not those of wide')
    void index.close()
  }
})

test('an index of before there were vectors is read, and gets them when it is written', async () => {
  await opened().close()
  const database = new DatabaseSync(file)
  database.exec('DROP TABLE vectors; DROP TABLE embedder')
  database.close()
  const reader = IndexFile.open(file)
  expect(reader.hasVectors).toBe(false)
  expect(await reader.find('walrus', { count: 5 })).toEqual([walrus])
  await reader.close()
  const index = IndexFile.open(file, { create: true })
  expect(await updateVectors(index, scripted())).toBe(3)
  expect(index.hasVectors).toBe(true)
  await index.close()
})
