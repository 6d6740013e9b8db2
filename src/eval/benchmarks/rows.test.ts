import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mmlu } from '../tasks/letters.ts'
import { piqa } from '../tasks/options.ts'
import { ai2d } from '../tasks/pictures/index.ts'
import { folderOfRows, readTask } from './rows.ts'

let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pocket-phi-rows-'))
})

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

const row = (id: string, more: object = {}): object => ({
  id,
  question: `To do ${id}`,
  choices: ['this', 'that'],
  answer: 0,
  ...more,
})
const linesOf = (rows: readonly object[]): string => rows.map((fields) => `${JSON.stringify(fields)}\n`).join('')

/** A folder of its own with one benchmark, of these files. */
async function source(name: string, files: Readonly<Record<string, string | Uint8Array>>) {
  const path = await mkdtemp(join(folder, 'set-'))
  await mkdir(join(path, name))
  for (const [file, data] of Object.entries(files)) await writeFile(join(path, name, file), data)
  return folderOfRows(path)
}

describe('rows', () => {
  test.each([
    ['plain', 'test.jsonl', (text: string) => text],
    ['gzip', 'test.jsonl.gz', (text: string) => gzipSync(text)],
  ])('are read from %s files', async (_, file, pack) => {
    const from = await source('piqa', { [file]: pack(`${linesOf([row('a'), row('b')])}\n`) })
    expect((await readTask(piqa, from))?.items.map(({ id }) => id)).toEqual(['a', 'b'])
  })

  test('that are not there are none', async () => {
    expect(await readTask(piqa, folderOfRows(join(folder, 'nowhere')))).toBeUndefined()
  })

  test('without an id have the number of their line', async () => {
    const from = await source('piqa', { 'test.jsonl': `\n${linesOf([row('a', { id: undefined })])}` })
    expect((await readTask(piqa, from))?.items.map(({ id }) => id)).toEqual(['2'])
  })

  test('are spread evenly under a limit', async () => {
    const ids = Array.from({ length: 10 }, (_, index) => String(index))
    const from = await source('piqa', { 'test.jsonl': linesOf(ids.map((id) => row(id))) })
    expect((await readTask(piqa, from, 4))?.items.map(({ id }) => id)).toEqual(['0', '2', '5', '7'])
    expect((await readTask(piqa, from, 11))?.items.map(({ id }) => id)).toEqual(ids)
  })

  test.each([
    ['no JSON', linesOf([row('a')]) + '{"id":\n', 'line 2 of piqa/test.jsonl is not JSON'],
    ['a list', '[1]\n', 'line 1 of piqa/test.jsonl is no row'],
    ['an id twice', linesOf([row('a'), row('a')]), 'The id "a" of line 2 of piqa/test.jsonl is there twice'],
    ['an id that is no text', linesOf([row('a', { id: 3 })]), 'The field "id" of line 1'],
  ])('with %s are refused', async (_, text, message) => {
    await expect(source('piqa', { 'test.jsonl': text }).then((from) => readTask(piqa, from))).rejects.toThrow(message)
  })

  test('of a torn gzip file are refused', async () => {
    const from = await source('piqa', { 'test.jsonl.gz': gzipSync(linesOf([row('a')])).subarray(0, 30) })
    await expect(readTask(piqa, from)).rejects.toThrow('"piqa/test.jsonl.gz" cannot be unpacked')
  })
})

test('examples are the first rows of the same group, as many as the report has', async () => {
  const dev = Array.from({ length: 14 }, (_, index) =>
    row(`d${index}`, { question: `Dev ${index}`, subject: index % 2 === 0 ? 'even' : 'odd' }),
  )
  const from = await source('mmlu', {
    'test.jsonl': linesOf([row('a', { subject: 'even' })]),
    'dev.jsonl': linesOf(dev),
  })
  const { fewShots } = (await readTask(mmlu, from)) ?? { fewShots: new Map() }
  const numbers = (fewShots.get('even')?.shots ?? []).map((shot: string) => /Dev (\d+)/.exec(shot)?.[1])
  expect(numbers).toEqual(['0', '2', '4', '6', '8'])
  expect([...fewShots.keys()]).toEqual(['even', 'odd'])
})

describe('pictures', () => {
  const picture = { question: 'Which colour?', choices: ['red', 'blue'], answer: 0 }
  const filesOf = async (from: ReturnType<typeof folderOfRows>) =>
    (await readTask(ai2d, from))?.items.flatMap((item) => ('pictures' in item ? item.pictures : [])) ?? []

  test('are files below the folder of their rows', async () => {
    const from = await source('ai2d', {
      'test.jsonl': linesOf([{ ...picture, image: 'red.png' }]),
      'red.png': Uint8Array.of(1, 2, 3),
    })
    const files = await filesOf(from)
    expect(files.map(({ name }) => name)).toEqual(['red.png'])
    expect([...((await files[0]?.read()) ?? [])]).toEqual([1, 2, 3])
  })

  test.each([
    ['blue.png', 'not-found', 'The picture "blue.png" of line 1 of ai2d/test.jsonl is not there.'],
    ['../../secret.png', 'invalid-file', 'the name of a file below'],
  ])('%s is refused', async (image, code, message) => {
    const from = await source('ai2d', { 'test.jsonl': linesOf([{ ...picture, image }]) })
    const [file] = await filesOf(from)
    await expect(file?.read()).rejects.toMatchObject({ code, message: expect.stringContaining(message) })
  })
})
