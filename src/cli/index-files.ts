/** `phi index` and `phi search`: documents of one's own, found by their words. */
import type { Command } from 'commander'
import { updateIndex, type FileDone } from '../search/store/build.ts'
import { IndexFile } from '../search/store/index-file.ts'
import { updateVectors } from '../search/store/vectors.ts'
import { openEmbedder } from './embedder.ts'
import { exitCodes } from './errors.ts'
import { interruptible } from './interrupt.ts'
import { integer } from './options.ts'
import { embedHelp, openProviders } from './search-options.ts'
import { dim, note, print, printJson, StatusLine } from './terminal.ts'

export function registerIndex(program: Command): void {
  program
    .command('index')
    .description('Index documents, so that answers can be found in them.')
    .argument('<places...>', 'folders and files: text, Markdown, HTML, JSON Lines, Parquet, WARC, also compressed')
    .requiredOption('--out <file>', 'the index; one that is there is brought up to date')
    .option('--text-field <name>', 'where JSON Lines and Parquet have text', 'text')
    .option('--html-field <name>', 'where they have pages', 'html')
    .option('--embed <model>', 'make vectors of passages, too: a model, or http://HOST/v1#NAME for one of a server')
    .addHelpText(
      'after',
      `
Files that have not changed since the last time are passed over, and those that are gone are forgotten.

Examples:
  $ phi index notes --out notes.index
  $ phi search notes.index "When does the boat leave?"
  $ phi chat phi-3-mini --search notes.index`,
    )
    .action(index)
}

interface IndexOptions {
  readonly out: string
  readonly textField: string
  readonly htmlField: string
  readonly embed?: string
}

async function index(places: string[], options: IndexOptions): Promise<void> {
  await interruptible(async (signal) => {
    const line = new StatusLine()
    try {
      await indexFiles(places, options, line, signal)
      if (options.embed !== undefined) await makeVectors(options.out, options.embed, line, signal)
      else noteMissingVectors(options.out)
    } finally {
      line.clear()
    }
  })
}

async function indexFiles(
  places: readonly string[],
  { out, textField, htmlField }: IndexOptions,
  line: StatusLine,
  signal: AbortSignal,
): Promise<void> {
  const tallies = new Map<FileDone['outcome'], number>()
  const onFile = ({ name, files, outcome, skipped }: FileDone): void => {
    tallies.set(outcome, (tallies.get(outcome) ?? 0) + 1)
    line.show(dim(`${files.done} of ${files.total} files: ${name}`))
    for (const [reason, count] of skipped) {
      line.clear()
      note(outcome === 'failed' ? `${name}: ${reason}` : `${name}: ${count} skipped: ${reason}`)
    }
    if (outcome === 'failed') process.exitCode = exitCodes.failure
  }
  const fields = { text: textField, html: htmlField, title: 'title', url: 'url' }
  const { files, passages } = await updateIndex(out, places, { fields, onFile, signal })
  line.clear()
  const words = [...tallies].map(([outcome, count]) => `${count} ${outcome}`).join(', ')
  print(`${out}: ${passages} passages of ${files} files (${words}).`)
}

async function makeVectors(out: string, embed: string, line: StatusLine, signal: AbortSignal): Promise<void> {
  const embedder = await openEmbedder(embed, signal)
  const opened = IndexFile.open(out, { create: true })
  try {
    const onVectors = (done: number, total: number): void => line.show(dim(`vectors of ${done} of ${total} passages`))
    const made = await updateVectors(opened, embedder, { onVectors, signal })
    line.clear()
    print(`${out}: ${made} vectors by ${embedder.name}.`)
  } finally {
    await Promise.all([opened.close(), embedder.close()])
  }
}

/** Vectors are only made with a model, so that a run without one can leave passages that have none. */
function noteMissingVectors(out: string): void {
  const opened = IndexFile.open(out)
  try {
    const missing = opened.hasVectors ? opened.unembedded(0).total : 0
    if (missing > 0) note(`passages without vectors: ${missing}; --embed with the model of the others makes them.`)
  } finally {
    void opened.close()
  }
}

export function registerSearch(program: Command): void {
  program
    .command('search')
    .description('Find passages in an index, or by a search engine.')
    .argument('<place>', 'an index of phi, the URL of a SearXNG server, or mcp:SERVER')
    .argument('<query>', 'what to look for')
    .option('--count <n>', 'passages, at most', integer(1, 100), 5)
    .option('--embed <model>', embedHelp)
    .option('--json', 'print them as JSON')
    .action(search)
}

async function search(
  place: string,
  query: string,
  { count, json = false, embed }: { readonly count: number; readonly json?: boolean; readonly embed?: string },
): Promise<void> {
  await interruptible(async (signal) => {
    const { providers, close } = await openProviders([place], embed, signal)
    try {
      const found = (await Promise.all(providers.map((one) => one.find(query, { count, signal })))).flat()
      if (json) printJson(found)
      else for (const { title, address, text } of found) print(`${title}\n${dim(address)}\n${text}\n`)
      if (found.length > 0) return
      note(`Nothing was found about this in ${place}.`)
      process.exitCode = exitCodes.failure
    } finally {
      await close()
    }
  })
}
