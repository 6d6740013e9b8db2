/** `phi data synthesize`: texts to learn from, written by a language model after a plan. */
import { basename, join } from 'node:path'
import type { Command } from 'commander'
import { parseSynthesisPlan } from '../data/pipeline/synthesis/plan.ts'
import {
  conversationsFile,
  manifestFile,
  textsFile,
  type SynthesisManifest,
} from '../data/pipeline/synthesis/result.ts'
import { synthesize } from '../data/pipeline/synthesis/synthesize.ts'
import {
  addAskingOptions,
  addressOf,
  askAndTell,
  askingHelp,
  askingOptionsOf,
  askingReport,
  type AskingChoices,
} from './asking.ts'
import { endpointOf } from './endpoint.ts'
import { UsageError } from './errors.ts'
import { readTextFile } from './files.ts'
import { integer } from './options.ts'
import { formatPercent, formatTable, print, printJson } from './terminal.ts'

interface SynthesizeOptions extends AskingChoices {
  readonly out?: string
  readonly solutions: number
}

export function registerSynthesize(group: Command): void {
  const command = group
    .command('synthesize')
    .description('Have a language model write textbook sections, exercises, conversations, and questions with answers.')
    .argument('<plan>', 'YAML file: topics, audiences, forms, how many')
    .option(
      '--out <folder>',
      'where answers and texts are kept, and found again after a stop (default: runs/ and the name of the plan)',
    )
    .option(
      '--solutions <n>',
      'solutions of an exercise of which more than half have to come to its answer; 0 for none',
      integer(0, 15),
      1,
    )
  addAskingOptions(command, 'texts')
    .addHelpText(
      'after',
      `
${askingHelp}

A greater "count" in the plan adds texts to those that there are. The texts go into runs of the pipeline, the conversations into trainings.

Examples:
  $ phi data synthesize recipes/synthesis/lessons.yaml --endpoint http://127.0.0.1:8000/v1#phi-3-mini
  $ phi data synthesize recipes/synthesis/lessons.yaml --solutions 3 --prompt-price 0.15 --answer-price 0.6
  $ phi data look runs/lessons`,
    )
    .action(write)
}

async function write(path: string, options: SynthesizeOptions): Promise<void> {
  const { parallel, solutions, json = false } = options
  const plan = parseSynthesisPlan(await readTextFile(path, 'plan'), basename(path))
  const folder = options.out ?? join('runs', plan.name)
  const asking = askingOptionsOf(options)
  const address = addressOf(options)
  if (address === undefined) {
    throw new UsageError('name the server that writes, with --endpoint http://HOST/v1#NAME or PHI_ENDPOINT.')
  }
  const endpoint = await endpointOf(address)
  const manifest = await askAndTell(json, (told) =>
    synthesize(plan, endpoint, folder, { ...asking, parallel, solutions, ...told }),
  )
  if (json) printJson(manifest)
  else tell(manifest, folder)
}

function tell({ model, counts, kept, diversity, answers, stages }: SynthesisManifest, folder: string): void {
  const forms = Object.entries(kept).filter(([, count]) => count > 0)
  print(`${counts.kept} of ${counts.asked} texts kept${forms.length === 0 ? '.' : `: ${listOf(forms)}.`}`)
  for (const line of askingReport(model, answers)) print(line)
  const rows = stages.map(({ name, report }) => {
    const reasons = Object.entries(report.dropped).map(([reason, { documents }]): [string, number] => [
      reason,
      documents,
    ])
    return [name, String(report.read.documents), String(report.kept.documents), listOf(reasons)]
  })
  print(`\n${formatTable([['', 'texts', 'kept', 'why the others went'], ...rows])}`)
  const shares = (distinct: readonly number[]): string[] => distinct.map(formatPercent)
  print(
    `\n${formatTable([
      ['different sequences of', '1 word', '2', '3', '4 words'],
      ['all that was written', ...shares(diversity.answered.distinct)],
      ['what is kept', ...shares(diversity.kept.distinct)],
    ])}`,
  )
  if (counts.unanswered > 0) {
    print(`\n${counts.unanswered} combinations have no usable answer; the same command asks about them again.`)
  }
  print(`\nThe account is ${manifestFile(folder)}; see what became of the texts: phi data look ${folder}`)
  if (counts.kept > 0) tellFiles(folder)
}

function tellFiles(folder: string): void {
  const [texts, conversations] = [textsFile(folder), conversationsFile(folder)]
  print(`A run of data reads ${texts} as { name: synthetic, files: [${basename(texts)}] } with --input ${folder}.`)
  print(`A training reads the conversations as { source: conversations, file: ${conversations}, weight: 1, seed: 1 }.`)
}

const listOf = (counts: readonly (readonly [string, number])[]): string =>
  counts.map(([name, count]) => `${name} ${count}`).join(', ')
