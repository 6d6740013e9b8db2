import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tinyTokenizerJson } from '../../engine/tiny-model-harness.ts'
import { loadTokenizerJson } from '../../text/tokenizer-json.ts'
import { openShards, type TokenTexts } from '../shards/index.ts'
import { document as worldDocument } from '../world/index.ts'
import type { DataDocument } from './document.ts'
import { readClassifier, trainClassifier } from './education/classifier/classifier.ts'
import { readDocuments } from './files.ts'
import { budgetOf, pieces } from './pack.ts'
import { openPipelineQueue, type PipelineQueueOptions } from './queue.ts'
import { parseDataRecipe, reasoningShare } from './recipe.ts'
import { readRun, runData, type DataProgress, type DataRunOptions, type DataRunResult } from './run.ts'
import { gzippedWarcOf, joined } from './sources/archive-harness.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'phi-data-'))
  await writeCorpus(join(folder, 'input'))
})
afterAll(() => rm(folder, { recursive: true }))

/** Texts of several sentences, each of which occurs once. */
function lesson(index: number): string {
  const parts = Array.from({ length: 5 }, (_, part) =>
    worldDocument(index + 1, part * 100 + index).text.replaceAll(/\s+/g, ' '),
  )
  return parts.map((part) => `${part.replace(/\W+$/, '')}.`).join('\n')
}

const secret = 'Write to somebody@mail.host.org about it.'
const question = 'How many of the ninety passengers are still on the train when it comes to the harbour in the evening?'

async function writeCorpus(input: string): Promise<void> {
  await mkdir(join(input, 'crawl'), { recursive: true })
  const pages = Array.from({ length: 8 }, (_, index) => ({
    url: `http://example.org/${index}`,
    html: `<html><head><title>Page ${index}</title></head><body><nav><a href="/">Home</a></nav><article>${lesson(index)
      .split('\n')
      .map((line) => `<p>${line}</p>`)
      .join('')}</article></body></html>`,
  }))
  const { bytes, starts } = gzippedWarcOf(pages)
  // The third record is torn.
  bytes[((starts[2] ?? 0) + (starts[3] ?? 0)) >> 1] = 0xee
  await writeFile(join(input, 'crawl', 'a.warc.gz'), bytes)
  await writeFile(join(input, 'crawl', 'b.warc.gz'), gzippedWarcOf(pages.slice(5)).bytes.slice(0, -40))
  const lines = Array.from({ length: 30 }, (_, index) => ({ text: lesson(index + 20), title: `${index}` }))
  lines[3] = { text: `${lesson(45)}\n${secret}`, title: 'secret' }
  lines[4] = { text: `${lesson(41)}\n${question}`, title: 'question' }
  lines[5] = { text: 'short', title: 'short' }
  lines[6] = { text: `${lesson(30)} And one more.`, title: 'nearly' }
  await writeFile(join(input, 'lines.jsonl.gz'), gzipSync(lines.map((line) => JSON.stringify(line)).join('\n')))
  await writeFile(join(input, 'text.txt'), joined(lesson(70)))
  await writeFile(join(input, 'questions.jsonl'), JSON.stringify({ question }))
  await mkdir(join(folder, 'tokenizer'))
  await writeFile(join(folder, 'tokenizer', 'tokenizer.json'), JSON.stringify(tinyTokenizerJson))
}

const recipeOf = (change: (text: string) => string = (text) => text) =>
  parseDataRecipe(
    change(`
name: test
description: For tests.
seed: 3
sources:
  - { name: crawl, files: ['crawl/*.warc.gz'] }
  - { name: lines, files: ['lines.jsonl.gz'] }
  - { name: text, files: ['*.txt'] }
stages:
  text: {}
  language: { keep: [en] }
  quality: { leastWords: 20 }
  benchmarks: { files: ['${join(folder, 'input', 'questions.jsonl')}'] }
  duplicates: {}
  personal: {}
  education: {}
pack: { tokenizer: '${join(folder, 'tokenizer')}', longest: 100, heldOut: 0.1, tokensPerShard: 5000 }
`),
  )

async function run(
  to: string,
  { threads = 0, ...options }: Partial<PipelineQueueOptions & DataRunOptions> = {},
  recipe = recipeOf(),
): Promise<DataRunResult> {
  const queue = await openPipelineQueue({ threads, ...options })
  try {
    return await runData(recipe, { folder: join(folder, to), input: join(folder, 'input'), queue, ...options })
  } finally {
    await queue.close()
  }
}

/** Every file of a run's stages with its bytes. */
async function contentOf(to: string): Promise<Map<string, string>> {
  const root = join(folder, to, 'stages')
  const entries = (await readdir(root, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
  const paths = entries.map(({ parentPath, name }) => join(parentPath, name)).sort()
  return new Map(
    await Promise.all(
      paths.map(async (path) => [relative(root, path), (await readFile(path)).toString('hex')] as const),
    ),
  )
}

describe('a run', () => {
  test('says of every document what became of it, and packs the rest', async () => {
    const { stages, shards } = await run('one')
    const reports = Object.fromEntries(stages.map(({ name, report }) => [name, report]))
    expect(reports['read']?.dropped).toEqual({ damaged: { documents: 2, characters: 0 } })
    expect(reports['read']?.kept.documents).toBe(7 + 2 + 30 + 1)
    expect(Object.keys(reports['quality']?.dropped ?? {})).toContain('too few words')
    expect(reports['benchmarks']?.dropped['question of a benchmark']?.documents).toBe(1)
    expect(reports['duplicates']?.dropped['same text']?.documents).toBe(2)
    expect(reports['duplicates']?.dropped['nearly the same text']?.documents).toBe(2)
    expect(reports['duplicates']?.samples['nearly the same text']?.[0]?.detail).toMatch(/^0\.\d+ like \d/)
    expect(reports['personal']?.counts).toEqual({ email: 1 })
    // What one stage keeps, the next reads.
    stages
      .slice(1, -1)
      .forEach(({ report }, index) => expect(report.read.documents).toBe(stages[index]?.report.kept.documents))
    for (const { report } of stages.slice(0, -1)) {
      const dropped = Object.values(report.dropped).reduce((sum, { documents }) => sum + documents, 0)
      expect(report.read.documents).toBe(report.kept.documents + dropped)
    }

    const opened = await openShards(shards ?? '')
    const tokenizer = loadTokenizerJson(JSON.parse(JSON.stringify(tinyTokenizerJson)))
    const end = tokenizer.idOf('<|endoftext|>')
    const textsOf = (set: TokenTexts): number[][] => Array.from({ length: set.count }, (_, index) => set.ids(index))
    const training = textsOf(opened.training)
    const heldOut = textsOf(opened.heldOut)
    opened.close()
    const all = [...training, ...heldOut]
    expect(Math.max(...all.map(({ length }) => length))).toBeLessThanOrEqual(100)
    expect(heldOut.length).toBeGreaterThan(0)
    // The pieces are those of the documents that were kept, each once.
    const { run: record } = await readRun(join(folder, 'one'))
    const last = record.stages.findIndex(({ name }) => name === 'education')
    const stage = join(folder, 'one', 'stages', record.stages[last]?.folder ?? '')
    const documents = await Promise.all((stages[last]?.shards ?? []).map((shard) => readDocuments(stage, shard)))
    const expected = documents.flat().flatMap((document) => {
      const ids = [...tokenizer.encode(document.text), end]
      const located = { shard: 0, start: 0, length: ids.length }
      return pieces(located, 100).map(({ start, length }) => ids.slice(start, start + length))
    })
    expect(documents.flat().length).toBeGreaterThan(15)
    expect(all.map(String).sort()).toEqual(expected.map(String).sort())
    expect(training.map(String)).not.toEqual(expected.slice(0, training.length).map(String))
    const text = all.map((ids) => tokenizer.decode(ids)).join('\n')
    expect(text).not.toContain('somebody@mail')
  })

  test('has the same bytes with threads, and is not made again', async () => {
    await run('threads', { threads: 2 })
    expect(await contentOf('threads')).toEqual(await contentOf('one'))
    const seen: DataProgress[] = []
    await run('threads', { onProgress: (progress) => seen.push(progress) })
    expect(seen.map(({ seconds }) => seconds)).toEqual(seen.map(() => 0))
  })

  test('that was stopped anywhere goes on to the same bytes', async () => {
    let steps = 0
    await run('count', { onProgress: () => void steps++ })
    for (let stop = 1; stop < steps; stop += 3) {
      const controller = new AbortController()
      let step = 0
      const onProgress = (): void => void (++step === stop && controller.abort())
      await expect(run(`stop-${stop}`, { signal: controller.signal, onProgress })).rejects.toMatchObject({
        code: 'aborted',
      })
      const { run: begun, records } = await readRun(join(folder, `stop-${stop}`))
      expect(begun.stages.length).toBe(records.length)
      expect(records.at(-1)).toBe(undefined)
      await run(`stop-${stop}`)
      expect(await contentOf(`stop-${stop}`)).toEqual(await contentOf('one'))
      await rm(join(folder, `stop-${stop}`), { recursive: true })
    }
  })

  test('keeps a second run out of its folder, and goes on itself', async () => {
    const refusals: unknown[] = []
    let second: Promise<unknown> | undefined
    const onProgress = (): void => {
      second ??= run('locked').catch((error: unknown) => refusals.push(error))
    }
    await run('locked', { onProgress })
    await second
    expect(refusals).toEqual([expect.objectContaining({ code: 'invalid-argument' })])
    expect(String(refusals[0])).toContain(`process ${process.pid} on `)
    expect(await contentOf('locked')).toEqual(await contentOf('one'))
    // Afterwards it is free.
    await run('locked')
  })

  test('with other settings makes the stages anew that they change, and no other', async () => {
    await cp(join(folder, 'one'), join(folder, 'other'), { recursive: true })
    const made = new Set<string>()
    const onProgress = ({ stage, seconds }: DataProgress): void => void (seconds > 0 && made.add(stage))
    await run(
      'other',
      { onProgress },
      recipeOf((text) => text.replace('education: {}', 'education: { least: 0.5 }')),
    )
    expect([...made]).toEqual(['education', 'tokens', 'pack'])
  })

  test('of which nothing is left says so', async () => {
    const recipe = recipeOf((text) => text.replace('keep: [en]', 'keep: [fi]'))
    await expect(run('none', {}, recipe)).rejects.toThrow(/Nothing is left for the stage "quality".*phi data look/s)
  })

  test('whose files are not there says which', async () => {
    const recipe = recipeOf((text) => text.replace('crawl/*.warc.gz', 'crawls/*.warc.gz'))
    await expect(run('none', {}, recipe)).rejects.toThrow(/"crawl" has no files.*crawls\/\*\.warc\.gz/s)
  })
})

describe('a run with a classifier and a budget', () => {
  const better = (text: string, tokens: number, more = ''): string =>
    text.replace(
      'education: {}',
      `education: { classifier: '${join(folder, 'classifier')}' }\n  best: { tokens: ${tokens}${more} }`,
    )

  const documentsOf = async (to: string, name: string): Promise<DataDocument[]> => {
    const { run: record, records } = await readRun(join(folder, to))
    const stage = record.stages.findIndex((one) => one.name === name)
    const place = join(folder, to, 'stages', record.stages[stage]?.folder ?? '')
    return (await Promise.all((records[stage]?.shards ?? []).map((shard) => readDocuments(place, shard)))).flat()
  }

  const tokensOf = ({ text }: DataDocument): number => {
    return loadTokenizerJson(JSON.parse(JSON.stringify(tinyTokenizerJson))).encode(text).length + 1
  }

  beforeAll(async () => {
    const lessons = Array.from({ length: 60 }, (_, index) => {
      return { text: lesson(index), education: index % 6, reasoning: (index * 5) % 6 }
    })
    await trainClassifier(lessons, { kind: 'linear', annotator: 'nobody', seed: 1 }).save(join(folder, 'classifier'))
  })

  test('keeps the best documents of so many tokens', async () => {
    await run(
      'all',
      {},
      recipeOf((text) => better(text, 10 ** 9)),
    )
    const all = await documentsOf('all', 'education')
    const classifier = await readClassifier(join(folder, 'classifier'))
    for (const { text, education, reasoning } of all) {
      const score = classifier.score(text)
      expect([education, reasoning]).toEqual(
        [score.education, score.reasoning].map((value) => expect.closeTo(value, 4)),
      )
    }
    expect(await documentsOf('all', 'best')).toEqual(all)
    const budget = all.reduce((sum, document) => sum + tokensOf(document), 0) / 2
    for (const [to, weight] of [
      ['facts', 0],
      ['thoughts', 0.75],
    ] as const) {
      await run(
        to,
        {},
        recipeOf((text) => better(text, Math.round(budget), `, reasoningWeight: ${weight}`)),
      )
      const kept = await documentsOf(to, 'best')
      const value = ({ education = 0, reasoning = 0 }: DataDocument): number =>
        (1 - weight) * education + weight * reasoning
      const least = Math.min(...kept.map(value))
      const names = new Set(kept.map(({ id }) => id))
      for (const document of all) expect(value(document) >= least).toBe(names.has(document.id))
      const tokens = kept.map(tokensOf)
      const sum = tokens.reduce((total, one) => total + one, 0)
      expect(Math.abs(sum - budget)).toBeLessThan(1.5 * Math.max(...tokens))
    }
    expect(await documentsOf('facts', 'best')).not.toEqual(await documentsOf('thoughts', 'best'))
  })

  test('makes only what is behind it anew for another budget, and scores for another classifier', async () => {
    const made = new Set<string>()
    const onProgress = ({ stage, seconds }: DataProgress): void => void (seconds > 0 && made.add(stage))
    await run(
      'all',
      { onProgress },
      recipeOf((text) => better(text, 900)),
    )
    expect([...made]).toEqual(['best', 'tokens', 'pack'])
    made.clear()
    const other = [{ text: lesson(1), education: 1, reasoning: 4 }]
    await trainClassifier(other, { kind: 'embeddings', annotator: 'nobody', seed: 1 }).save(join(folder, 'classifier'))
    await run(
      'all',
      { onProgress },
      recipeOf((text) => better(text, 900)),
    )
    expect([...made]).toEqual(['education', 'best', 'tokens', 'pack'])
  })

  test('says so where the classifier is not there', async () => {
    const missing = recipeOf((text) => text.replace('education: {}', 'education: { classifier: nowhere }'))
    await expect(run('missing', {}, missing)).rejects.toMatchObject({ code: 'not-found' })
  })
})

describe('the dial of a mixture', () => {
  test.each([
    [1e6, 0.8],
    [1e8, 0.8],
    [3.8e9, 0.5894],
    [1e11, 0.4],
    [1e13, 0.4],
  ])('gives a model of %s parameters a share of reasoning of %s', (parameters, share) => {
    expect(reasoningShare(parameters)).toBeCloseTo(share, 4)
    const { pack } = recipeOf((text) =>
      text.replace('heldOut: 0.1', `heldOut: 0.1, mixture: { parameters: ${parameters}, reasoning: 2 }`),
    )
    expect(pack?.mixture).toEqual([
      { reasoning: [2, 6], share: expect.closeTo(share, 4) as number },
      { share: expect.closeTo(1 - share, 4) as number },
    ])
  })
})

describe('a mixture', () => {
  const mixture = [{ share: 3 }, { share: 1 }]

  test.each([
    ['without a number, as much as keeps the shares', undefined, [600, 100], [300, 100]],
    ['of a number of tokens, by shares', 400, [600, 600], [300, 100]],
    ['repeating what is too little, within bounds', 4000, [1000, 100], [2000, 200]],
  ])('is taken %s', (_, tokens, available, taken) => {
    expect(budgetOf(available, { mixture, mostRepeats: 2, tokens })).toEqual(taken)
  })

  test('has documents in pieces of like length', () => {
    const found = pieces({ shard: 1, start: 50, length: 205 }, 100)
    expect(found.map(({ length }) => length)).toEqual([68, 68, 69])
    expect(found.map(({ start }) => start)).toEqual([50, 118, 186])
  })
})

test.each([
  ['two sources of one name', 'name: lines', 'name: crawl', /every source needs a name of its own/],
  ['a field that is not known', 'text: {}', 'text: { x: 1 }', /stages\.text/],
  [
    'a mixture of a source that is not there',
    'heldOut: 0.1',
    'mixture: [{ sources: [no], share: 1 }]',
    /no source "no"/,
  ],
  [
    'a mixture by a value that nothing gives',
    / {2}education: \{\}\n(.*)heldOut: 0.1/,
    '\n$1mixture: [{ education: [3, 5], share: 1 }]',
    /needs the stage "education"/,
  ],
  [
    'a dial without values',
    / {2}education: \{\}\n(.*)heldOut: 0.1/,
    '\n$1mixture: { parameters: 1e9 }',
    /needs the stage "education"/,
  ],
  ['a budget without values', 'education: {}', 'best: { tokens: 9 }', /needs the stage "education", and "pack"/],
])('a recipe with %s is refused', (_, from, to, message) => {
  expect(() => recipeOf((text) => text.replace(from, to))).toThrow(message)
})
