/** Rows of public sets from Parquet files that are written here, in a folder and on a server that stands in for the hub. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TestClock } from '../../base/clock-harness.ts'
import { systemClock, type Clock } from '../../base/clock.ts'
import { folderOfRows, readTask } from '../benchmarks/rows.ts'
import { questionKind } from '../ruler/questions.ts'
import { Random } from '../../base/random.ts'
import { tasks } from '../tasks/index.ts'
import type { ChoiceItem, Task, TaskItem } from '../tasks/types.ts'
import { listedTexts } from './columns.ts'
import { hubOfRows } from './hub.ts'
import { SetHub } from './hub-harness.ts'
import { parquetOf } from './parquet-harness.ts'
import { publicSets } from './public-sets.ts'
import { setCases } from './set-cases.ts'

function taskOf(name: string): Task {
  const task = tasks.find((other) => other.name === name || other.folder === name)
  if (task === undefined) throw new Error(`no task ${name}`)
  return task
}

let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pocket-phi-sets-'))
})

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

/** A folder with the rows of a set. */
async function folderWith(set: string, rows: readonly Readonly<Record<string, unknown>>[]): Promise<string> {
  const path = await mkdtemp(join(folder, 'rows-'))
  await mkdir(join(path, set))
  await writeFile(join(path, set, 'test.parquet'), parquetOf(rows))
  return path
}

/** What of a question comes from its row. */
function toldBy(item: TaskItem | undefined): unknown {
  if (item === undefined) return undefined
  if ('turns' in item) return { group: item.group, turns: item.turns, references: item.references }
  if ('options' in item) {
    const { group, options, truths } = item
    return { group, truths, options: options.map(({ context, text }) => `${context}│ ${text}`) }
  }
  if ('pictures' in item) {
    const { group, question, answers, choices, decimals, pictures } = item
    return { group, question, answers, choices, decimals, pictures: pictures.map(({ name }) => name) }
  }
  if ('answers' in item) return { group: item.group, question: item.question, answers: item.answers }
  return { question: item.question, solution: item.solution, tests: item.tests }
}

test('all sets have cases', () => {
  expect(Object.keys(setCases).toSorted()).toEqual([...publicSets.keys()].toSorted())
})

describe('columns of public sets become questions', () => {
  test.each(Object.entries(setCases).filter(([name]) => !name.startsWith('ruler-')))('%s', async (name, rows) => {
    const path = await folderWith(name, rows)
    const read = await readTask(taskOf(name), folderOfRows(path))
    expect(read?.items.map(toldBy)).toMatchSnapshot('questions')
    expect(new Set(read?.items.map(({ id }) => id)).size).toBe(rows.length)
  })

  test.each(['ruler-squad', 'ruler-hotpotqa'])('%s', async (name) => {
    const path = await folderWith(name, setCases[name] ?? [])
    const rows = (await folderOfRows(path).rows(name, 'test')) ?? []
    const { prompt, answers } = questionKind('qa', rows).build(0, new Random(1), { index: 0, length: 100 })
    expect({ prompt, answers }).toMatchSnapshot('question')
  })
})

describe('pictures', () => {
  const texts = async (items: readonly TaskItem[] = []): Promise<string[]> => {
    const files = items.flatMap((item) => ('pictures' in item ? item.pictures : []))
    return await Promise.all(files.map(async ({ read }) => new TextDecoder().decode(await read())))
  }

  test('are the bytes of their rows, of several columns and groups of rows', async () => {
    const path = await folderWith('mmmu', setCases['mmmu'] ?? [])
    expect(await texts((await readTask(taskOf('mmmu'), folderOfRows(path)))?.items)).toEqual(['two', 'three', 'four'])
    const rows = Array.from({ length: 9 }, (_, index) => ({
      ...setCases['pope']?.[0],
      image: { bytes: Uint8Array.of(0xff, 0xc3, 0x28, index), path: '' },
    }))
    const read = await readTask(taskOf('pope'), folderOfRows(await folderWith('pope', rows)))
    const files = read?.items.flatMap((item) => ('pictures' in item ? item.pictures : [])) ?? []
    // Bytes that are no text stay what they are, in whatever order they are asked for.
    const bytes = await Promise.all([8, 0, 5, 3, 4].map(async (place) => [...((await files[place]?.read()) ?? [])]))
    expect(bytes).toEqual([8, 0, 5, 3, 4].map((last) => [0xff, 0xc3, 0x28, last]))
  })

  test('that are not there are refused', async () => {
    const rows = [...(setCases['pope'] ?? []), { ...setCases['pope']?.[0], image: null }]
    const read = await readTask(taskOf('pope'), folderOfRows(await folderWith('pope', rows)))
    await expect(texts(read?.items)).rejects.toThrow('Row 2 of "test.parquet" has no picture in "image".')
  })

  test('of the hub are read when they are shown', async () => {
    const large = new Uint8Array(200_000).fill(7)
    const rows = Array.from({ length: 6 }, () => ({ ...setCases['pope']?.[0], image: { bytes: large, path: 'a' } }))
    // The end of the file, which is read for its footer, has no pictures.
    const bytes = parquetOf(
      [
        ...rows,
        ...Array.from({ length: 60 }, () => ({
          ...rows[0],
          image: { bytes: Uint8Array.of(1), path: 'x'.repeat(9000) },
        })),
      ],
      1,
    )
    await using hub = new SetHub('lmms-lab/POPE', new Map([['default/test/0000.parquet', bytes]]))
    const read = await readTask(taskOf('pope'), rowsOf(await hub.start()), 1)
    const before = hub.asked.length
    const [item] = read?.items ?? []
    expect(item !== undefined && 'pictures' in item && (await item.pictures[0]?.read())?.length).toBe(large.length)
    expect(hub.asked.length).toBeGreaterThan(before)
  })
})

describe('lists in one text', () => {
  const read = (text: string) => listedTexts({ fields: { options: text }, place: 'row 1' }, 'options')

  test.each([
    [`['a', 'b']`, ['a', 'b']],
    [`["it's", 'he said "no"']`, ["it's", 'he said "no"']],
    [String.raw`['it\'s', 'a\nb', "\u00e9"]`, ["it's", 'a\nb', 'é']],
    // As Python writes a space that is not broken, and a backslash before an x.
    [String.raw`['5\xa0cm', '\\x41']`, ['5\u00A0cm', String.raw`\x41`]],
    ['["a, b", "c"]', ['a, b', 'c']],
    ['[]', []],
  ])('%s', (text, texts) => {
    expect(read(text)).toEqual(texts)
  })

  test.each(['a, b', "['a', b]", "['a'"])('%s is none', (text) => {
    expect(() => read(text)).toThrow('Expected a list of texts in quotes.')
  })
})

describe('HellaSwag', () => {
  // The rules of lm-evaluation-harness, restated on a row that needs all of them.
  test('is arranged without the marks of WikiHow', async () => {
    const path = await folderWith('hellaswag', [
      {
        activity_label: ' Cooking [step] eggs ',
        ctx_a: '[header] How to boil eggs [title] Take a pot. [step] Fill it.',
        ctx_b: 'THE cook',
        endings: ['lights  the [substeps] stove.', 'sails [title] away.'],
        label: '1',
      },
    ])
    const read = await readTask(taskOf('hellaswag'), folderOfRows(path))
    const [item] = (read?.items ?? []) as readonly ChoiceItem[]
    expect(item?.options.map(({ context, text }) => [context, text])).toEqual([
      ['Cooking eggs: How to boil eggs. Take a pot. Fill it. The cook', 'lights the stove.'],
      ['Cooking eggs: How to boil eggs. Take a pot. Fill it. The cook', 'sails. away.'],
    ])
    expect(item?.truths).toEqual([1])
  })
})

test('choices of GPQA are in an order that hangs on the question alone, and the right one is known', async () => {
  const [row = {}] = setCases['gpqa'] ?? []
  const rows = Array.from({ length: 40 }, (_, index) => ({ ...row, Question: `What is asked by number ${index}?` }))
  const read = async () =>
    (await readTask(taskOf('gpqa'), folderOfRows(await folderWith('gpqa', rows))))?.items as ChoiceItem[]
  const items = await read()
  for (const { options, truths } of items) {
    expect(options[0]?.context).toContain(`${'ABCD'.charAt(truths[0] ?? -1)}. ${String(row['Correct Answer'])}\n`)
  }
  const places = items.map(({ truths }) => truths[0])
  expect(new Set(places)).toEqual(new Set([0, 1, 2, 3]))
  expect((await read()).map(({ truths }) => truths[0])).toEqual(places)
})

describe('files', () => {
  test('of sets that are not known have the fields themselves', async () => {
    const path = await folderWith('bamboogle', [{ question: 'Who waits?', answers: ['Nobody'] }])
    expect((await readTask(taskOf('bamboogle'), folderOfRows(path)))?.items.map(toldBy)).toEqual([
      { group: '', question: 'Question: Who waits?\nAnswer:', answers: ['Nobody'] },
    ])
  })

  test('with other columns, and with values that are none, are refused', async () => {
    const other = folderOfRows(await folderWith('piqa', [{ text: 'a story' }]))
    await expect(readTask(taskOf('piqa'), other)).rejects.toMatchObject({
      code: 'invalid-file',
      message: expect.stringMatching(/none of the columns.*goal or sol1.*Found text/s),
    })
    const [row = {}] = setCases['piqa'] ?? []
    const wrong = folderOfRows(await folderWith('piqa', [{ ...row, goal: 7 }]))
    await expect(readTask(taskOf('piqa'), wrong)).rejects.toThrow('"goal" of row 1 of test.parquet')
  })

  test('that are damaged are refused', async () => {
    const path = await folderWith('piqa', setCases['piqa'] ?? [])
    await writeFile(join(path, 'piqa', 'test.parquet'), 'no Parquet')
    await expect(readTask(taskOf('piqa'), folderOfRows(path))).rejects.toMatchObject({ code: 'invalid-file' })
  })
})

const advice = { endpoint: 'x', unreachable: 'x', limits: 'x', access: 'x' }

function rowsOf(endpoint: string, token?: string, more: { clock?: Clock; signal?: AbortSignal } = {}) {
  const { clock = systemClock, signal } = more
  return hubOfRows({ endpoint, token, advice, stallSeconds: 30, clock, signal }, { clock, signal })
}

describe('the hub', () => {
  test('gives the splits of a set, of several files and parts, in their order', async () => {
    const question = (number: number) => ({
      question: `What is ${number}?`,
      answer_number: number,
      equation_solution: '',
    })
    const files = new Map([
      ['de/test/0001.parquet', parquetOf([question(3)])],
      ['de/test/0000.parquet', parquetOf([question(1), question(2)])],
      ['de/train/0000.parquet', parquetOf([question(9)])],
      ...(publicSets.get('mgsm')?.configs ?? [])
        .filter((config) => config !== 'de')
        .map((config) => [`${config}/test/0000.parquet`, parquetOf([question(7)])] as const),
    ])
    await using hub = new SetHub('juletxara/mgsm', files)
    const read = await readTask(taskOf('mgsm'), rowsOf(await hub.start(), 'secret'))
    const german = read?.items.filter(({ group }) => group === 'de') ?? []
    expect(german.map((item) => ('answers' in item ? item.answers : []))).toEqual([['1'], ['2'], ['3']])
    expect(read?.items.length).toBe(13)
    expect(new Set(read?.items.map(({ id }) => id)).size).toBe(13)
    expect(hub.asked.some((asked) => asked.includes('train'))).toBe(false)
    for (const asked of hub.asked) expect(asked).toContain('Bearer secret')
  })

  test('is asked for the columns that are needed, and for a few rows for examples', async () => {
    const row = (index: number) => ({
      ...setCases['boolq']?.[0],
      question: `is it ${index}`,
      passage: `Passage ${index}.`,
    })
    const rows = Array.from({ length: 700 }, (_, index) => ({ ...row(index), unused: 'x'.repeat(2000) + index }))
    const files = new Map([
      ['default/validation/0000.parquet', parquetOf(rows.slice(0, 3), 3)],
      // A large split of which the hub has converted the beginning.
      ['default/partial-train/0000.parquet', parquetOf(rows, 100)],
    ])
    await using hub = new SetHub('google/boolq', files)
    const source = rowsOf(await hub.start())
    expect((await source.rows('boolq', 'dev'))?.length).toBe(500)
    const read = await readTask(taskOf('boolq'), source)
    expect(read?.items.length).toBe(3)
    expect(read?.fewShots.get('')?.shots.length).toBe(2)
    // The listing is asked for once.
    expect(hub.asked.filter((asked) => asked.includes('/api/')).length).toBe(1)
  })

  test('is asked again where it is busy, for listings, rows and pictures', async () => {
    const files = new Map([['default/test/0000.parquet', parquetOf(setCases['pope'] ?? [])]])
    await using hub = new SetHub('lmms-lab/POPE', files)
    const clock = new TestClock(30)
    hub.failures.push(503, 429, 503)
    const read = await readTask(taskOf('pope'), rowsOf(await hub.start(), undefined, { clock }))
    hub.failures.push(502, 503)
    const [item] = read?.items ?? []
    expect(item !== undefined && 'pictures' in item && (await item.pictures[0]?.read())?.length).toBeGreaterThan(0)
    expect(clock.waits).toHaveLength(5)
  })

  test('that refused once is asked anew the next time', async () => {
    const files = new Map([['default/test/0000.parquet', parquetOf(setCases['pope'] ?? [])]])
    await using hub = new SetHub('lmms-lab/POPE', files)
    const source = rowsOf(await hub.start())
    hub.failures.push(404)
    await expect(source.rows('pope', 'test')).rejects.toMatchObject({ code: 'not-found' })
    const [row] = (await source.rows('pope', 'test')) ?? []
    const picture = () => row?.open?.('image')
    // First of the footer, then of the group of rows.
    for (const failures of [[404], [undefined, 404]]) {
      hub.failures.push(...failures)
      await expect(picture()).rejects.toMatchObject({ code: 'not-found' })
    }
    expect((await picture())?.length).toBeGreaterThan(0)
  })

  test('is asked no more once the signal has fired', async () => {
    const controller = new AbortController()
    const files = new Map([['default/test/0000.parquet', parquetOf(setCases['pope'] ?? [])]])
    await using hub = new SetHub('lmms-lab/POPE', files)
    const source = rowsOf(await hub.start(), undefined, { signal: controller.signal })
    const [row] = (await source.rows('pope', 'test')) ?? []
    controller.abort()
    await expect(row?.open?.('image')).rejects.toMatchObject({ code: 'aborted' })
    await expect(source.rows('pope', 'test')).rejects.toMatchObject({ code: 'aborted' })
  })

  test('has no rows of sets that are not known, and says what is missing of one that is', async () => {
    await using hub = new SetHub('ybisk/piqa', new Map([['other/test/0000.parquet', parquetOf([{ a: 'b' }])]]))
    const source = rowsOf(await hub.start())
    expect(await source.rows('agieval', 'test')).toBeUndefined()
    expect(await source.rows('gpqa', 'dev')).toBeUndefined()
    await expect(source.rows('piqa', 'test')).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringMatching(/no rows of plain_text\/validation.*Found other\/test\/0000.parquet/s),
    })
  })
})
