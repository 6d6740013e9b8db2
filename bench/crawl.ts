/**
 * A synthetic crawl through the whole pipeline of `phi data`: pages made of the texts of a corpus, in the layouts of forums, blogs and manuals, with a
 * known share of duplicates, other languages, questions of benchmarks and damaged records. What each stage takes, what became of what was planted,
 * and whether a run that is killed at random gives the same bytes.
 *
 *     node bench/crawl.ts DATA --work FOLDER [--bytes 1e9] [--threads 2] [--kills 5] [--seed 1] [--keep]
 *
 * DATA has the corpus and the benchmarks (crawl-texts.ts says how). FOLDER gets the crawl and both runs, about 1.5 times the bytes, and is removed.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Random } from '../src/base/random.ts'
import { writeCrawl, type Crawl } from './crawl-archives.ts'
import { printFates, readFates } from './crawl-fates.ts'
import { CrawlPages } from './crawl-pages.ts'
import { differentFiles, killedRun, measuredRun, writeRecipe, type PartCosts, type RunCosts } from './crawl-runs.ts'
import { readCrawlTexts } from './crawl-texts.ts'

function printCosts({ parts, seconds }: RunCosts, { bodyBytes }: Crawl): void {
  const cpu = parts.reduce((total, { cpuSeconds }) => total + cpuSeconds, 0)
  const speed = (characters: number, taken: number): string =>
    characters === 0 ? '-' : (characters / 1e6 / Math.max(taken, 0.001)).toFixed(1)
  const row = ({ characters, wallSeconds, cpuSeconds, peakBytes }: Omit<PartCosts, 'name'>): object => ({
    'M characters in': Number((characters / 1e6).toFixed(1)),
    'wall s': Number(wallSeconds.toFixed(1)),
    'processor s': Number(cpuSeconds.toFixed(1)),
    'MB/s, wall': speed(characters, wallSeconds),
    'MB/s, processor': speed(characters, cpuSeconds),
    'share of processor': `${((100 * cpuSeconds) / cpu).toFixed(0)} %`,
    'peak, MB': Math.round(peakBytes / 1e6),
  })
  const peakBytes = Math.max(...parts.map((part) => part.peakBytes))
  const whole = row({ characters: bodyBytes, wallSeconds: seconds, cpuSeconds: cpu, peakBytes })
  console.table(Object.fromEntries([...parts.map((part) => [part.name, row(part)]), ['whole', whole]]))
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    work: { type: 'string' },
    bytes: { type: 'string', default: '1e9' },
    threads: { type: 'string', default: '2' },
    kills: { type: 'string', default: '5' },
    seed: { type: 'string', default: '1' },
    keep: { type: 'boolean', default: false },
  },
})
const [data] = positionals
const { work } = values
if (data === undefined || work === undefined) throw new Error('Usage: node bench/crawl.ts DATA --work FOLDER')
const [seed, threads] = [Number(values.seed), Number(values.threads)]

const texts = await readCrawlTexts(data)
const input = join(work, 'input')
const began = performance.now()
const crawl = await writeCrawl(input, new CrawlPages(seed, texts), seed, Number(values.bytes))
console.log(
  `${crawl.pages} pages of ${(crawl.bodyBytes / 1e6).toFixed(0)} MB in ${crawl.files} files of ${(crawl.fileBytes / 1e6).toFixed(0)} MB, made in ${((performance.now() - began) / 1000).toFixed(0)} s`,
)
const recipe = join(work, 'recipe.yaml')
await writeRecipe(recipe, texts.questionFiles)
const job = { recipe, input, threads }
const whole = join(work, 'whole')
const costs = await measuredRun(job, whole)
printCosts(costs, crawl)
printFates(await readFates(whole, crawl))

const kills = Number(values.kills)
if (kills > 0) {
  const killed = join(work, 'killed')
  const random = new Random(seed).fork('kills')
  const { tasks, seconds } = costs
  const delay = (): Promise<void> => pause((1000 * random.float() * seconds) / tasks)
  const lives = await killedRun(job, killed, { count: kills, tasks, random, delay })
  const different = await differentFiles(whole, killed)
  console.log(
    `Killed after ${lives.map((life) => life.toFixed(1)).join(', ')} s and resumed: ${different.length} files differ`,
  )
  if (different.length > 0) throw new Error(`not the same: ${different.slice(0, 5).join(', ')}`)
}
if (!values.keep) await rm(work, { recursive: true })
