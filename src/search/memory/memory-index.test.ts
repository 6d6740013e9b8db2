import { expect, test } from 'vitest'
import type { Passage } from '../passage.ts'
import { MemoryIndex, readPassages } from './index.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

async function indexed(files: Readonly<Record<string, string>>): Promise<MemoryIndex> {
  const index = new MemoryIndex('my documents')
  for (const [name, text] of Object.entries(files)) {
    index.replaceDocument(name, (await readPassages(name, bytesOf(text))).passages)
  }
  return index
}

const addresses = async (index: MemoryIndex, query: string): Promise<string[]> =>
  (await index.find(query, { count: 5 })).map(({ address }) => address)

const notes = {
  'boats.md': '# Boats\n\nThe ferry leaves at noon.\n\n## Fares\n\nA ticket costs four crowns.\n',
  'b.txt': 'The trains to Redhill run every hour.',
}

test('passages are found by their words, in other forms and with other accents too, with titles of their headings', async () => {
  const index = await indexed({ ...notes, 'cafe.txt': 'The Café is closed.' })
  expect(await index.find('What did the tickets cost?', { count: 5 })).toEqual([
    { title: 'Boats: Fares', address: 'boats.md', text: 'A ticket costs four crowns.' },
  ])
  expect(await addresses(index, 'train')).toEqual(['b.txt'])
  expect(await addresses(index, 'cafe')).toEqual(['cafe.txt'])
})

test('nothing is found for what is not there, even where common words are', async () => {
  const index = await indexed(notes)
  for (const query of ['Why did the Byzantine emperor abdicate at Constantinople?', '???', '']) {
    expect(await addresses(index, query)).toEqual([])
  }
})

test('a document is replaced and forgotten', async () => {
  const index = await indexed(notes)
  const [bus] = (await readPassages('b.txt', bytesOf('The buses to Redhill run every hour.'))).passages
  index.replaceDocument('b.txt', [bus as Passage])
  expect(await addresses(index, 'trains')).toEqual([])
  expect(await addresses(index, 'buses')).toEqual(['b.txt'])
  index.removeDocument('b.txt')
  expect(await addresses(index, 'buses')).toEqual([])
  expect([...index.documents]).toEqual(['boats.md'])
})

test('scripts without spaces are found by pairs of their characters, and by a single one that is asked for', async () => {
  const index = await indexed({
    'zh.txt': '轮渡中午从码头出发。\n\n火车每小时一班。',
    'ja.txt': 'フェリーは正午に出発します。',
  })
  expect(await addresses(index, '轮渡什么时候出发')).toEqual(['zh.txt'])
  expect(await addresses(index, '车')).toEqual(['zh.txt'])
  expect(await addresses(index, 'フェリー')).toEqual(['ja.txt'])
})

test('what was saved twice is found once', async () => {
  const index = await indexed({ 'a.txt': notes['b.txt'], 'z.txt': notes['b.txt'] })
  expect(await addresses(index, 'trains')).toEqual(['a.txt'])
})

test('pages give their main text, rows their fields, and what gives nothing is counted', async () => {
  const text = 'The lighthouse of Bayport was built of grey stone by the fishermen of the town themselves. '.repeat(6)
  const page = `<title>Light\nhouse</title><nav><a href="/">Menu entry</a></nav><article><p>${text}</p></article>`
  const index = await indexed({ 'page.html': page })
  expect((await index.find('lighthouse', { count: 5 }))[0]?.title).toBe('Light house')
  expect(await addresses(index, 'menu entry')).toEqual([])
  const rows = [{ title: 'Row', url: 'https://row.example/', text: 'A walrus sleeps.' }, { other: 1 }]
  const lines = `${rows.map((row) => JSON.stringify(row)).join('\n')}\n\n{torn`
  const { passages, skipped } = await readPassages('ROWS.JSONL', bytesOf(lines))
  expect(passages).toEqual([{ title: 'Row', address: 'https://row.example/', text: 'A walrus sleeps.' }])
  expect([...skipped]).toEqual([
    ['no text', 1],
    ['damaged', 1],
  ])
  expect([...(await readPassages('binary.txt', new Uint8Array(100))).skipped]).toEqual([['not text', 1]])
  await expect(readPassages('a.pdf', bytesOf('%PDF'))).rejects.toMatchObject({ code: 'not-supported' })
})

test('of a file nothing is read that is too large or of another format', async () => {
  class UnreadFile extends Blob {
    override readonly size: number
    constructor(size: number) {
      super()
      this.size = size
    }
    override arrayBuffer = (): Promise<never> => Promise.reject(new Error('it was read'))
  }
  const limit = 64 * 2 ** 20
  await expect(readPassages('a.txt', new UnreadFile(limit + 1))).rejects.toThrow('"a.txt" is too large')
  await expect(readPassages('a.mp4', new UnreadFile(1))).rejects.toMatchObject({ code: 'not-supported' })
  await expect(readPassages('a.txt', new UnreadFile(limit))).rejects.toThrow('it was read')
  const read = await readPassages('b.txt', new Blob(['A walrus sleeps.']))
  expect(read.passages).toEqual([{ title: 'b.txt', address: 'b.txt', text: 'A walrus sleeps.' }])
})
