/** `phi data`: from crawled pages and files to packed shards. */
import { availableParallelism } from 'node:os'
import { basename, join } from 'node:path'
import type { Command } from 'commander'
import { PocketPhiError } from '../base/errors.ts'
import { lookPage } from '../data/pipeline/look/page.ts'
import { parseDataRecipe, type DataRecipe } from '../data/pipeline/recipe.ts'
import { openPipelineQueue } from '../data/pipeline/queue.ts'
import {
  readRun,
  runData,
  type DataProgress,
  type DataRunOptions,
  type DataRunResult,
  type RunState,
} from '../data/pipeline/run.ts'
import { readSynthesis } from '../data/pipeline/synthesis/result.ts'
import { writeFileAtomic } from '../formats/atomic.ts'
import { registerAnnotate } from './data-annotate.ts'
import { registerClassify } from './data-classify.ts'
import { noteDraining, noteTrouble, placeOfQueue, printQueue, queueState, registerWork } from './data-queue.ts'
import { registerSynthesize } from './data-synthesize.ts'
import { UsageError } from './errors.ts'
import { readTextFile } from './files.ts'
import { interruptible } from './interrupt.ts'
import { integer } from './options.ts'
import { bar, formatCount, formatPercent, formatTable, note, print, printJson, StatusLine } from './terminal.ts'

interface RunOptions {
  readonly input: string
  readonly folder?: string
  readonly threads: number
  readonly queue?: string
  readonly json?: boolean
}

interface LookOptions {
  readonly out?: string
}

interface StatusOptions {
  readonly queue?: string
  readonly json?: boolean
}

export function registerData(program: Command): void {
  const group = program
    .command('data')
    .description(
      'Make packed shards for trainings out of crawled pages and files: filtered, without duplicates, mixed.',
    )
  registerRun(group)
  registerWork(group)
  registerLook(group)
  registerStatus(group)
  registerAnnotate(group)
  registerClassify(group)
  registerSynthesize(group)
}

function registerRun(group: Command): void {
  group
    .command('run')
    .description('Run a recipe of data. What an earlier run of it has done is not done again.')
    .argument('<recipe>', 'YAML file')
    .option('--input <folder>', 'where the files of the sources are', '.')
    .option('--folder <path>', 'folder of the run (default: runs/ and the name of the recipe)')
    .option('--threads <n>', 'worker threads; 0 for none', integer(0, 256), Math.max(1, availableParallelism()))
    .option(
      '--queue <where>',
      'share the work with others: postgres://…, or "pglite" or a folder for a queue in this process',
    )
    .option('--json', 'print one JSON object for each piece of work, and one at the end')
    .addHelpText(
      'after',
      `
Ctrl-C, a kill or a crash loses the shards in work and nothing else: the same command goes on. With a queue Ctrl-C waits for the shards that this
process has in work; a second one does not.

Examples:
  $ phi data run recipes/data/web.yaml --input crawl
  $ phi data run recipes/data/web.yaml --input crawl --queue postgres://phi@db/phi
  $ phi data look runs/web
  $ phi data status runs/web`,
    )
    .action(runRecipe)
}

function registerLook(group: Command): void {
  group
    .command('look')
    .description('Write a page that shows what each stage kept and dropped, and why.')
    .argument('<folder>', 'folder of a run, or of synthetic data')
    .option('--out <file>', 'the page (default: look.html in the folder)')
    .action(async (folder: string, { out = join(folder, 'look.html') }: LookOptions) => {
      await writeFileAtomic(out, lookPage((await readSynthesis(folder)) ?? (await readRun(folder))))
      print(`The page is ${out}.`)
    })
}

function registerStatus(group: Command): void {
  group
    .command('status')
    .description('Say how far a run is, and how a queue stands.')
    .argument('[folder]', 'folder of a run')
    .option('--queue <where>', 'the queue, as "phi data run" was given it')
    .option('--json', 'print JSON')
    .action(printStatus)
}

async function printStatus(folder: string | undefined, { queue: where, json }: StatusOptions): Promise<void> {
  if (folder === undefined && where === undefined) throw new UsageError('name the folder of a run, a --queue, or both')
  const state = folder === undefined ? undefined : await readRun(folder)
  const queue = where === undefined ? undefined : await queueState(where, folder)
  if (json === true) return printJson({ ...(state && stateSummary(state)), ...(queue && { queue }) })
  if (state !== undefined) print(formatTable(statusRows(state)))
  if (state !== undefined && queue !== undefined) print()
  if (queue !== undefined) printQueue(queue)
}

async function runRecipe(path: string, options: RunOptions): Promise<void> {
  const { input, folder: chosen, threads, queue: where, json } = options
  const recipe = parseDataRecipe(await readTextFile(path, 'recipe'), basename(path))
  const folder = chosen ?? join('runs', recipe.name)
  const database = where === undefined ? undefined : placeOfQueue(where, folder)
  const result = await interruptible(
    async (signal) => {
      const queue = await openPipelineQueue({ threads, database, onTrouble: noteTrouble() })
      try {
        return await runDataShown(recipe, { folder, input, queue, signal, json: json === true })
      } catch (error) {
        throw signal.aborted ? stopped(folder, error) : error
      } finally {
        await queue.close()
      }
    },
    database === undefined ? undefined : noteDraining,
  )
  if (json === true) return printJson({ done: true, folder, shards: result.shards ?? null })
  print(formatTable(statusRows(await readRun(folder))))
  if (result.shards !== undefined) {
    print(`\nA training reads it as { source: shards, folder: ${result.shards}, weight: 1, seed: 1 }.`)
  }
  print(`See what became of the documents: phi data look ${folder}`)
}

/** Runs a recipe of data and shows how it goes. @throws PocketPhiError as `runData` */
export async function runDataShown(
  recipe: DataRecipe,
  { json, ...options }: Omit<DataRunOptions, 'onProgress'> & { readonly json: boolean },
): Promise<DataRunResult> {
  const status = new StatusLine(!json)
  const onProgress = (progress: DataProgress): void => {
    if (json) return printJson(progress)
    status.show(progressLine(progress))
    if (progress.done < progress.total) return
    status.clear()
    note(progressLine(progress))
  }
  try {
    return await runData(recipe, { ...options, onProgress })
  } finally {
    status.clear()
  }
}

/** What is said after Ctrl-C. */
function stopped(folder: string, cause: unknown): PocketPhiError {
  return new PocketPhiError('aborted', `The run was stopped; what it has done is in ${folder}.`, {
    remedy: 'The same command goes on.',
    cause,
  })
}

function progressLine({ stage, done, total, documents, characters, seconds }: DataProgress): string {
  const share = total === 0 ? 1 : done / total
  const speed = characters > 0 && seconds > 0 ? `  ${(characters / 1e6 / seconds).toFixed(1)} MB/s a thread` : ''
  const amount = documents > 0 ? `  ${formatCount(documents)} documents` : ''
  return `${stage.padEnd(11)} ${bar(share)} ${done} of ${total}${amount}${seconds > 0 ? speed : '  done before'}`
}

function stateSummary({ run, records }: RunState): object {
  return {
    name: run.name,
    stages: run.stages.map(({ name, folder, seconds, characters }, index) => {
      const report = records[index]?.report
      const amounts = report === undefined ? {} : { read: report.read, kept: report.kept, dropped: report.dropped }
      return { name, folder, done: report !== undefined, ...amounts, seconds, characters }
    }),
  }
}

function statusRows({ run, records }: RunState): string[][] {
  const head = ['stage', 'documents', 'kept', 'share', 'M characters', 'MB/s a thread', 'most were dropped for']
  const rows = run.stages.map(({ name, seconds = 0, characters = 0 }, index) => {
    const report = records[index]?.report
    if (report === undefined) return [name, '-', '-', '-', '-', '-', 'not done']
    const { read, kept, dropped } = report
    const [most] = Object.entries(dropped).sort(([, a], [, b]) => b.documents - a.documents)
    return [
      name,
      ...(read.documents === 0
        ? ['-', '-', '-', '-']
        : [
            String(read.documents),
            String(kept.documents),
            formatPercent(kept.documents / read.documents),
            (kept.characters / 1e6).toFixed(2),
          ]),
      seconds > 0 && characters > 0 ? (characters / 1e6 / seconds).toFixed(1) : '-',
      most === undefined ? '' : `${most[0]} (${most[1].documents})`,
    ]
  })
  return [head, ...rows]
}
