import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Fields } from '../../data/documents/read.ts'
import type { Passage } from '../passage.ts'
import { updateIndex, type FileDone } from './build.ts'
import { IndexFile } from './index-file.ts'

let folder: string
const file = (name: string): string => path.join(folder, name)

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'pocket-phi-index-'))
  await mkdir(file('notes'))
})
afterEach(() => rm(folder, { recursive: true }))

/** Brings the index up to date. */
async function update(places: readonly string[] = [file('notes')], fields?: Fields): Promise<FileDone[]> {
  const done: FileDone[] = []
  await updateIndex(file('a.index'), places, { onFile: (one) => done.push(one), ...(fields && { fields }) })
  return done
}

const outcomesOf = (done: readonly FileDone[]): string[] =>
  done.map(({ name, outcome }) => `${path.basename(name)} ${outcome}`)

async function found(query: string): Promise<readonly Passage[]> {
  const index = IndexFile.open(file('a.index'))
  try {
    return await index.find(query, { count: 5 })
  } finally {
    await index.close()
  }
}

const addresses = async (query: string): Promise<string[]> =>
  (await found(query)).map(({ address }) => path.basename(address))

async function notes(): Promise<void> {
  await writeFile(
    file('notes/boats.md'),
    '# Boats\n\nThe ferry leaves at noon.\n\n## Fares\n\nA ticket costs four crowns.\n',
  )
  await writeFile(file('notes/b.txt'), 'The trains to Redhill run every hour.')
  await writeFile(file('notes/picture.png'), 'no text')
  await update()
}

test('passages are found by their words, in other forms too, with titles of their headings', async () => {
  await notes()
  const index = IndexFile.open(file('a.index'))
  expect(index.counts).toEqual({ files: 2, passages: 3 })
  await index.close()
  expect(await found('What did the tickets cost?')).toEqual([
    { title: 'Boats: Fares', address: file('notes/boats.md'), text: 'A ticket costs four crowns.' },
  ])
  expect(await addresses('train')).toEqual(['b.txt'])
})

test('nothing is found for what is not there, even where common words are', async () => {
  await notes()
  for (const query of ['Why did the Byzantine emperor abdicate at Constantinople?', '???', '" OR NEAR(* AND "']) {
    expect(await found(query)).toEqual([])
  }
})

test('only what has changed is read again, and what is gone is forgotten', async () => {
  await notes()
  await writeFile(file('notes/b.txt'), 'The buses to Redhill run every hour.')
  await rm(file('notes/boats.md'))
  await writeFile(file('notes/new.txt'), 'A new page.')
  expect(outcomesOf(await update())).toEqual(['boats.md forgotten', 'b.txt indexed', 'new.txt indexed'])
  expect(await addresses('trains')).toEqual([])
  expect(await addresses('buses')).toEqual(['b.txt'])
  expect(await addresses('ferry')).toEqual([])
  expect(outcomesOf(await update())).toEqual(['b.txt unchanged', 'new.txt unchanged'])
  // Another place leaves those of the first alone.
  await writeFile(file('other.txt'), 'Another place.')
  await update([file('other.txt')])
  expect(await addresses('buses')).toEqual(['b.txt'])
  // A place that is gone is forgotten as a whole.
  await rm(file('notes'), { recursive: true })
  expect(outcomesOf(await update())).toEqual(['b.txt forgotten', 'new.txt forgotten'])
  await expect(update()).rejects.toMatchObject({ code: 'not-found' })
})

test('files are read again with other fields', async () => {
  await writeFile(file('notes/rows.jsonl'), JSON.stringify({ body: 'A walrus sleeps.' }))
  expect((await update())[0]).toMatchObject({ passages: 0, outcome: 'indexed' })
  expect((await update([file('notes')], { text: 'body' }))[0]).toMatchObject({ passages: 1, outcome: 'indexed' })
})

test('pages are indexed by their main text, rows by their fields; what gives nothing is counted', async () => {
  const text = 'The lighthouse of Bayport was built of grey stone by the fishermen of the town themselves. '.repeat(6)
  await writeFile(
    file('notes/page.html'),
    `<title>Light\n\u001b[31mhouse</title><nav><a href="/">Menu entry</a></nav><article><p>${text}</p></article>`,
  )
  await writeFile(file('notes/hostile.html'), `${'<html>'.repeat(5000)}<p>deep`)
  const rows = [{ title: 'Row', url: 'https://row.example/', text: 'A walrus sleeps.' }, { other: 1 }]
  await writeFile(file('notes/rows.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'))
  const done = await update()
  expect(outcomesOf(done)).toEqual(['hostile.html indexed', 'page.html indexed', 'rows.jsonl indexed'])
  expect([...(done[2]?.skipped ?? [])]).toEqual([['no text', 1]])
  expect((await found('lighthouse'))[0]?.title).toMatch(/^Light \[31mhouse$/)
  expect(await found('menu entry')).toEqual([])
  expect(await found('walrus')).toEqual([{ title: 'Row', address: 'https://row.example/', text: 'A walrus sleeps.' }])
})

test('a file that cannot be read is told, keeps what was known of it, and does not end the run', async () => {
  await notes()
  const gone = 'http://127.0.0.1:1/page.html'
  const done = await update([file('notes'), gone])
  expect(outcomesOf(done)).toEqual(['b.txt unchanged', 'boats.md unchanged', 'page.html failed'])
  expect(await addresses('trains')).toEqual(['b.txt'])
})

test('scripts without spaces are found by pairs of their characters', async () => {
  await writeFile(file('notes/zh.txt'), '轮渡中午从码头出发。\n\n火车每小时一班。')
  await writeFile(file('notes/ja.txt'), 'フェリーは正午に出発します。')
  await update()
  expect(await addresses('轮渡什么时候出发')).toEqual(['zh.txt'])
  expect(await addresses('火车')).toEqual(['zh.txt'])
  expect(await addresses('フェリー')).toEqual(['ja.txt'])
})

test('a file that fails amid its passages leaves what was there', async () => {
  await notes()
  const index = IndexFile.open(file('a.index'), { create: true })
  const broken = function* () {
    yield { title: 'x', address: 'x', text: 'half of it' }
    throw new Error('torn')
  }
  expect(() => index.replaceFile(file('notes/b.txt'), 'new', broken())).toThrow('torn')
  await index.close()
  expect(await addresses('trains')).toEqual(['b.txt'])
  expect(await addresses('half')).toEqual([])
})

test('what is found is of one moment while another writes, and an index that is held says so', async () => {
  await notes()
  const reader = IndexFile.open(file('a.index'))
  const writer = IndexFile.open(file('a.index'), { create: true })
  const passages = function* () {
    for (let number = 0; number < 50; number++) {
      // It is written, but not yet committed.
      if (number % 10 === 0) reads.push(reader.find('trains', { count: 5 }))
      yield { title: 'x', address: `/${number}`, text: `The trains of number ${number}` }
    }
  }
  const reads: Promise<readonly Passage[]>[] = []
  writer.replaceFile(file('notes/b.txt'), 'new', passages())
  for (const read of reads) expect((await read).map(({ address }) => path.basename(address))).toEqual(['b.txt'])
  expect(await reader.find('trains', { count: 5 })).toHaveLength(5)
  const other = new DatabaseSync(file('a.index'))
  other.exec('BEGIN EXCLUSIVE')
  await expect(reader.find('trains', { count: 5 })).rejects.toMatchObject({ code: 'not-supported' })
  other.close()
  await Promise.all([reader.close(), writer.close()])
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
  expect(() => IndexFile.open(file('notes'))).toThrow(expect.objectContaining({ found: 'a folder' }))
  for (const open of [() => IndexFile.open(file('none')), () => IndexFile.open(file('no/x'), { create: true })]) {
    expect(open).toThrow(expect.objectContaining({ code: 'not-found' }))
  }
})

test('no index is made of places without anything to read', async () => {
  for (const [place, code] of [
    ['nowhere', 'not-found'],
    ['notes', 'not-found'],
    ['a.pdf', 'not-supported'],
  ] as const) {
    await writeFile(file('a.pdf'), '%PDF')
    await expect(update([file(place)])).rejects.toMatchObject({ code })
  }
  expect(existsSync(file('a.index'))).toBe(false)
})

test('a damaged index says so', async () => {
  await notes()
  const bytes = await readFile(file('a.index'))
  bytes.fill(0x5a, 4096)
  await writeFile(file('a.index'), bytes)
  await expect(found('ferry')).rejects.toMatchObject({ code: 'invalid-file' })
  await expect(update()).rejects.toMatchObject({ code: 'invalid-file' })
})
