/** `phi index` and `phi search`: documents of one's own, found by their words. */
import type { Command } from 'commander'
import { updateIndex, type FileDone } from '../search/store/build.ts'
import { exitCodes } from './errors.ts'
import { interruptible } from './interrupt.ts'
import { integer } from './options.ts'
import { openProvider } from './search-options.ts'
import { dim, note, print, printJson, StatusLine } from './terminal.ts'

export function registerIndex(program: Command): void {
  program
    .command('index')
    .description('Index documents, so that answers can be found in them.')
    .argument('<places...>', 'folders and files: text, Markdown, HTML, JSON Lines, Parquet, WARC, also compressed')
    .requiredOption('--out <file>', 'the index; one that is there is brought up to date')
    .option('--text-field <name>', 'where JSON Lines and Parquet have text', 'text')
    .option('--html-field <name>', 'where they have pages', 'html')
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

async function index(
  places: string[],
  { out, textField, htmlField }: { readonly out: string; readonly textField: string; readonly htmlField: string },
): Promise<void> {
  await interruptible(async (signal) => {
    const line = new StatusLine()
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
    try {
      const fields = { text: textField, html: htmlField, title: 'title', url: 'url' }
      const { files, passages } = await updateIndex(out, places, { fields, onFile, signal })
      line.clear()
      const words = [...tallies].map(([outcome, count]) => `${count} ${outcome}`).join(', ')
      print(`${out}: ${passages} passages of ${files} files (${words}).`)
    } finally {
      line.clear()
    }
  })
}

export function registerSearch(program: Command): void {
  program
    .command('search')
    .description('Find passages in an index, or by a search engine.')
    .argument('<place>', 'an index of phi, the URL of a SearXNG server, or mcp:SERVER')
    .argument('<query>', 'what to look for')
    .option('--count <n>', 'passages, at most', integer(1, 100), 5)
    .option('--json', 'print them as JSON')
    .action(search)
}

async function search(
  place: string,
  query: string,
  { count, json = false }: { readonly count: number; readonly json?: boolean },
): Promise<void> {
  await interruptible(async (signal) => {
    const provider = await openProvider(place, signal)
    try {
      const found = await provider.find(query, { count, signal })
      if (json) printJson(found)
      else for (const { title, address, text } of found) print(`${title}\n${dim(address)}\n${text}\n`)
      if (found.length > 0) return
      note(`Nothing was found about this in ${provider.name}.`)
      process.exitCode = exitCodes.failure
    } finally {
      await provider.close()
    }
  })
}
