import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { updateIndex, type FileDone } from './build.ts'
import { IndexFile } from './index-file.ts'

let folder: string
const file = (name: string): string => path.join(folder, name)

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'pocket-phi-index-'))
  await mkdir(file('notes'))
})
afterEach(() => rm(folder, { recursive: true }))

async function update(index: IndexFile, ...places: string[]): Promise<FileDone[]> {
  const done: FileDone[] = []
  await updateIndex(index, places, { onFile: (one) => done.push(one) })
  return done
}

const addresses = async (index: IndexFile, query: string): Promise<string[]> =>
  (await index.find(query, { count: 5 })).map(({ address }) => path.basename(address))

async function notes(): Promise<IndexFile> {
  await writeFile(
    file('notes/boats.md'),
    '# Boats\n\nThe ferry leaves at noon.\n\n## Fares\n\nA ticket costs four crowns.\n',
  )
  await writeFile(file('notes/b.txt'), 'The trains to Redhill run every hour.')
  await writeFile(file('notes/picture.png'), 'no text')
  const index = IndexFile.open(file('a.index'), { create: true })
  await update(index, file('notes'))
  return index
}

test('passages are found by their words, in other forms too, with titles of their headings', async () => {
  const index = await notes()
  expect(index.counts).toEqual({ files: 2, passages: 3 })
  expect(await index.find('What did the tickets cost?', { count: 5 })).toEqual([
    { title: 'Boats: Fares', address: file('notes/boats.md'), text: 'A ticket costs four crowns.' },
  ])
  expect(await addresses(index, 'train')).toEqual(['b.txt'])
  await index.close()
})

test('nothing is found for what is not there, even where common words are', async () => {
  const index = await notes()
  expect(await index.find('Why did the Byzantine emperor abdicate at Constantinople?', { count: 5 })).toEqual([])
  expect(await index.find('???', { count: 5 })).toEqual([])
  expect(await index.find('" OR NEAR(* AND "', { count: 5 })).toEqual([])
  await index.close()
})

test('only what has changed is read again, and what is gone is forgotten', async () => {
  const index = await notes()
  await writeFile(file('notes/b.txt'), 'The buses to Redhill run every hour.')
  await rm(file('notes/boats.md'))
  await writeFile(file('notes/new.txt'), 'A new page.')
  const outcomes = (await update(index, file('notes'))).map(({ name, outcome }) => `${path.basename(name)} ${outcome}`)
  expect(outcomes).toEqual(['boats.md forgotten', 'b.txt indexed', 'new.txt indexed'])
  expect(await addresses(index, 'trains')).toEqual([])
  expect(await addresses(index, 'buses')).toEqual(['b.txt'])
  expect(await addresses(index, 'ferry')).toEqual([])
  expect((await update(index, file('notes'))).map(({ outcome }) => outcome)).toEqual(['unchanged', 'unchanged'])
  // Another place leaves those of the first alone.
  await writeFile(file('other.txt'), 'Another place.')
  await update(index, file('other.txt'))
  expect(index.counts.files).toBe(3)
  await index.close()
})

test('pages are indexed by their main text, rows by their fields; what gives nothing is counted', async () => {
  const text = 'The lighthouse of Bayport was built of grey stone by the fishermen of the town themselves. '.repeat(6)
  await writeFile(
    file('notes/page.html'),
    `<title>Lighthouse</title><nav><a href="/">Menu entry</a></nav><article><p>${text}</p></article>`,
  )
  const rows = [{ title: 'Row', url: 'https://row.example/', text: 'A walrus sleeps.' }, { other: 1 }]
  await writeFile(file('notes/rows.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'))
  const index = IndexFile.open(file('a.index'), { create: true })
  const done = await update(index, file('notes'))
  expect(done.map(({ skipped }) => [...skipped])).toEqual([[], [['no text', 1]]])
  expect(await index.find('lighthouse', { count: 1 })).toMatchObject([{ title: 'Lighthouse' }])
  expect(await index.find('menu entry', { count: 1 })).toEqual([])
  expect(await index.find('walrus', { count: 1 })).toEqual([
    { title: 'Row', address: 'https://row.example/', text: 'A walrus sleeps.' },
  ])
  await index.close()
})

test('scripts without spaces are found by pairs of their characters', async () => {
  await writeFile(file('notes/zh.txt'), '轮渡中午从码头出发。\n\n火车每小时一班。')
  await writeFile(file('notes/ja.txt'), 'フェリーは正午に出発します。')
  const index = IndexFile.open(file('a.index'), { create: true })
  await update(index, file('notes'))
  expect(await addresses(index, '轮渡什么时候出发')).toEqual(['zh.txt'])
  expect(await addresses(index, '火车')).toEqual(['zh.txt'])
  expect(await addresses(index, 'フェリー')).toEqual(['ja.txt'])
  await index.close()
})

test('a file that fails amid its passages leaves what was there', async () => {
  const index = await notes()
  const broken = function* () {
    yield { title: 'x', address: 'x', text: 'half of it' }
    throw new Error('torn')
  }
  expect(() => index.replaceFile(file('notes/b.txt'), 'new', broken())).toThrow('torn')
  expect(await addresses(index, 'trains')).toEqual(['b.txt'])
  expect(await addresses(index, 'half')).toEqual([])
  await index.close()
})

test('files that are no index are refused and stay as they are', async () => {
  await writeFile(file('text'), 'some text that is no database at all')
  const other = new DatabaseSync(file('other.db'))
  other.exec('CREATE TABLE x (y)')
  other.close()
  for (const name of ['text', 'other.db']) {
    const before = await readFile(file(name))
    for (const create of [true, false]) {
      expect(() => IndexFile.open(file(name), { create })).toThrow(expect.objectContaining({ code: 'invalid-file' }))
    }
    expect(await readFile(file(name))).toEqual(before)
  }
  expect(() => IndexFile.open(file('none'))).toThrow(expect.objectContaining({ code: 'not-found' }))
  const index = IndexFile.open(file('a.index'), { create: true })
  await expect(updateIndex(index, [file('nowhere')])).rejects.toMatchObject({ code: 'not-found' })
  await expect(updateIndex(index, [file('notes')])).rejects.toMatchObject({ code: 'not-found' })
  await index.close()
})

test('a damaged index says so', async () => {
  const index = await notes()
  await index.close()
  const bytes = await readFile(file('a.index'))
  bytes.fill(0x5a, 4096)
  await writeFile(file('a.index'), bytes)
  const damaged = IndexFile.open(file('a.index'))
  await expect(damaged.find('ferry', { count: 5 })).rejects.toMatchObject({ code: 'invalid-file' })
  await damaged.close()
})
