import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { Random } from '../src/base/random.ts'
import { document } from '../src/data/world/index.ts'
import { writeCrawl, type Crawl } from './crawl-archives.ts'
import { readFates } from './crawl-fates.ts'
import { CrawlPages } from './crawl-pages.ts'
import { differentFiles, killedRun, measuredRun, writeRecipe, type DataJob } from './crawl-runs.ts'
import { readCrawlTexts } from './crawl-texts.ts'

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

const german = [
  'Am frühen Morgen lag noch Nebel über den Wiesen, und niemand war auf der Straße zu sehen.',
  'Der Bäcker hatte schon seit Stunden gearbeitet, als die ersten Kunden in seinen Laden kamen.',
  'Sie kauften frische Brötchen und erzählten einander, was in der letzten Woche geschehen war.',
  'Im Winter werden die Tage kürzer, weil die Sonne später aufgeht und früher wieder untergeht.',
  'Wer ein Haus bauen will, sollte zuerst wissen, auf welchem Boden es einmal stehen wird.',
  'Die Kinder liefen durch den Wald und sammelten Blätter, die sie später in ein Heft klebten.',
  'Niemand wusste genau, warum die alte Uhr am Rathaus seit vielen Jahren nicht mehr ging.',
  'Nach dem Regen roch die Luft nach Erde, und die Vögel begannen wieder zu singen.',
]

const syllables = ['ba', 'do', 'fi', 'gu', 'ke', 'lo', 'mi', 'nu', 'pe', 'ra', 'so', 'ti', 'vu', 'we']

/** One that plants something of every kind in so few pages. */
const seed = 303
let folder = ''
let crawl: Crawl
let job: DataJob

/** A corpus of the closed world, in the shape that the bench reads. */
async function writeData(data: string): Promise<void> {
  const random = new Random(1)
  const lines = (rows: readonly object[]): Uint8Array => gzipSync(rows.map((row) => JSON.stringify(row)).join('\n'))
  const english = Array.from({ length: 3000 }, (_, index) => {
    return { source: `world ${index % 2}`, lang: 'en', text: document(3, index).text }
  })
  const foreign = Array.from({ length: 60 }, () => {
    return {
      source: 'german',
      lang: 'de',
      text: random
        .shuffle([...german])
        .slice(0, 4)
        .join(' '),
    }
  })
  // In names of no text of the corpus, so that a page holds half of one only where it was planted.
  const name = (): string => Array.from({ length: 3 }, () => random.pick(syllables)).join('')
  const questions = Array.from({ length: 40 }, () => {
    const facts = Array.from({ length: 4 }, () => `A ${name()} has ${random.integer(2, 90)} of each ${name()}`)
    return { question: `${facts.join('. ')}. How many of each ${name()} does a ${name()} have in the end?` }
  })
  await mkdir(join(data, 'corpus'), { recursive: true })
  await mkdir(join(data, 'benchmarks', 'gsm8k'), { recursive: true })
  await writeFile(join(data, 'corpus', 'english.jsonl.gz'), lines(english))
  await writeFile(join(data, 'corpus', 'german.jsonl.gz'), lines(foreign))
  await writeFile(join(data, 'benchmarks', 'gsm8k', 'test.jsonl.gz'), lines(questions))
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'phi-crawl-'))
  const data = join(folder, 'data')
  await writeData(data)
  const texts = await readCrawlTexts(data)
  const input = join(folder, 'input')
  crawl = await writeCrawl(input, new CrawlPages(seed, texts), seed, 3e6)
  const recipe = join(folder, 'recipe.yaml')
  await writeRecipe(recipe, texts.questionFiles)
  job = { recipe, input, threads: 1 }
})
afterAll(() => rm(folder, { recursive: true }))

test('a crawl of a few megabytes comes through the pipeline as it was planted, and killed to the same bytes', async () => {
  const whole = join(folder, 'whole')
  const costs = await measuredRun(job, whole)
  expect(costs.parts.map(({ name }) => name).slice(0, 3)).toEqual(['read', 'text', 'language'])
  expect(costs.parts.at(-1)?.name).toBe('pack')
  for (const { characters } of costs.parts) expect(characters).toBeGreaterThan(0)

  const { damaged, duplicates, falseDuplicates, questions, languages } = await readFates(whole, crawl)
  expect(damaged.planted).toBeGreaterThan(0)
  expect(damaged).toEqual({ planted: damaged.planted, reported: damaged.planted, intactPagesLost: 0 })
  for (const edit of ['same page', '1 % of words replaced', '5 % of words replaced']) {
    const { compared = 0, found } = duplicates[edit] ?? {}
    expect(compared).toBeGreaterThan(0)
    expect(found).toBe(compared)
  }
  expect(falseDuplicates).toBe(0)
  expect(questions.compared).toBeGreaterThan(0)
  expect(questions).toEqual({ compared: questions.compared, found: questions.compared, falselyFound: 0 })
  expect(languages.foreign).toBeGreaterThan(0)
  expect(languages).toEqual({ foreign: languages.foreign, dropped: languages.foreign, englishDropped: 0 })

  const killed = join(folder, 'killed')
  const lives = await killedRun(job, killed, { count: 2, tasks: costs.tasks, random: new Random(seed) })
  expect(lives.length).toBeGreaterThan(0)
  expect(await differentFiles(whole, killed)).toEqual([])
})
