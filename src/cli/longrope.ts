/** `phi longrope`: makes a model take longer texts. */
import { basename, join, resolve } from 'node:path'
import type { Command } from 'commander'
import { PocketPhiError } from '../base/errors.ts'
import { localFolder } from '../formats/tree.ts'
import { extend } from '../longrope/extend.ts'
import { parseExtensionPlan } from '../longrope/extension-plan.ts'
import { writeModel } from '../longrope/model-folder.ts'
import { longPlan, shortPlan, type SearchPlan } from '../longrope/plans.ts'
import type { ConfigJson } from '../longrope/rope-scaling.ts'
import { searchFactors } from '../longrope/search.ts'
import { readTextFile } from './files.ts'
import { interruptible } from './interrupt.ts'
import {
  addRunOptions,
  addSearchOptions,
  documentsOf,
  evolutionOf,
  printFindings,
  SearchReporter,
  startTokenList,
  type RunOptions,
  type SearchCommandOptions,
} from './longrope-options.ts'
import { folderArgument, modelFolder } from './model-folder.ts'
import { chooseBackend, decimal, given, integer } from './options.ts'
import { formatSeconds, note, print, printJson, progressOn } from './terminal.ts'
import { readTextFiles } from './text-files.ts'
import { enableWideVectors } from './wide.ts'

interface LongSearchOptions extends SearchCommandOptions {
  readonly length: number
  readonly startTokens: readonly number[]
  readonly keepShort?: boolean
  readonly longScale?: number
}

interface ReadjustOptions extends SearchCommandOptions {
  readonly most: number
}

/** The largest factor for short texts unless another is asked for: as of a text twice as long. */
const usualShortMost = 2

export function registerLongRope(program: Command): void {
  const group = program
    .command('longrope')
    .description(
      'Make a model take longer texts: search for the factors of LongRoPE, train between searches, readjust.',
    )
  registerSearch(group)
  registerExtend(group)
  registerReadjust(group)
}

function registerSearch(group: Command): void {
  const command = group
    .command('search')
    .description('Search for the factors under which a model reads longer documents best; no weight changes.')
    .argument('<model>', folderArgument)
    .requiredOption('--length <n>', 'tokens that the model is to take', integer(2))
    .option(
      '--start-tokens <list>',
      'try to leave so many tokens at the start of a text alone, as 0,4,16 (the published form cannot hold it)',
      startTokenList,
      [0],
    )
    .option(
      '--keep-short',
      'write scales of their own for short and long texts, so that short ones are computed as before; not all programs know them',
    )
    .option(
      '--long-scale <x>',
      'multiply cosines and sines of long texts by this instead of what the published formula gives; implies --keep-short',
      decimal(0, Infinity, true),
    )
  addRunOptions(addSearchOptions(command), 'runs/longrope- and the length')
    .addHelpText(
      'after',
      `
The model with the factors is in the folder "final" of the run, its record in search.json, a picture in
search.svg. Ctrl-C or a kill loses the candidate that is being measured; --resume goes on.

Examples:
  $ phi longrope search phi-nano --length 2048
  $ phi longrope search my-model --length 16384 --text book.txt other.txt --documents 3
  $ phi longrope search my-model --length 16384 --folder runs/longrope-16384 --resume`,
    )
    .action(async (name: string, options: LongSearchOptions) => {
      const { length, startTokens, keepShort = false, longScale } = options
      const wish = { length, startTokens, keepShort, ...given({ longScale }) }
      const folder = options.folder ?? join('runs', `longrope-${length}`)
      await runSearch(name, folder, options, (config) => longPlan(config, wish))
    })
}

function registerReadjust(group: Command): void {
  const command = group
    .command('readjust')
    .description('Search for the factors under which an extended model reads texts of its first length best.')
    .argument('<model>', folderArgument)
    .option('--most <factor>', 'the largest factor that is tried', decimal(1, Infinity, true), usualShortMost)
  addRunOptions(addSearchOptions(command), 'runs/longrope-readjust')
    .addHelpText(
      'after',
      `
Examples:
  $ phi longrope readjust runs/longrope-2048/final
  $ phi longrope readjust my-extended-model --most 3 --text book.txt`,
    )
    .action(async (name: string, options: ReadjustOptions) => {
      const folder = options.folder ?? join('runs', 'longrope-readjust')
      await runSearch(name, folder, options, (config) => shortPlan(config, options.most))
    })
}

function registerExtend(group: Command): void {
  const command = group
    .command('extend')
    .description('Extend a model step by step as a plan says: searches, with training at each new length between them.')
    .argument('<model>', folderArgument)
    .argument('<plan>', 'YAML file')
  addRunOptions(command, 'runs/ and the name of the plan')
    .addHelpText(
      'after',
      `
Every part has a folder of its own in that of the run; the finished model is in "final".

Examples:
  $ phi longrope extend runs/recall/final recipes/recall/extend.plan.yaml
  $ phi longrope extend runs/recall/final recipes/recall/extend.plan.yaml --resume`,
    )
    .action(runExtend)
}

async function runSearch(
  name: string,
  folder: string,
  options: SearchCommandOptions,
  planFor: (config: ConfigJson) => SearchPlan,
): Promise<void> {
  const model = await modelFolder(name)
  const plan = planFor((await localFolder(model).readJson('config.json')) as ConfigJson)
  const { tokenizer } = await readTextFiles(model)
  const documents = await documentsOf(tokenizer, options, plan.length)
  const wide = wideFor(options)
  const reporter = new SearchReporter(options.json === true)
  await interruptible(async (signal) => {
    const result = await searchFactors(localFolder(model), plan, documents, evolutionOf(options), {
      folder,
      backend: await chooseBackend(options, { wide }),
      resume: options.resume === true,
      exact: options.exact === true,
      signal,
      onProgress: (progress) => reporter.report(progress),
      onLoading: progressOn(reporter.status),
    })
      .catch((error: unknown) => {
        throw signal.aborted ? stopped(folder, error) : error
      })
      .finally(() => reporter.end())
    const final = join(folder, 'final')
    await writeModel(final, { texts: model, weights: model, config: plan.configOf(result.best.factors) })
    if (options.json === true) return printJson({ done: true, model: final, ...result })
    printFindings(result)
    print(`\nThe model is in ${final}.`)
  })
}

function wideFor(options: RunOptions): boolean {
  const isWasm = options.backend === 'auto' || options.backend === 'wasm'
  return options.wide !== false && isWasm && enableWideVectors('training', options.threads)
}

/** What is said after Ctrl-C. */
function stopped(folder: string, cause: unknown): PocketPhiError {
  return new PocketPhiError(
    'aborted',
    `The search was stopped; what it measured is in ${join(folder, 'search.json')}.`,
    {
      remedy: `Go on with the same command, --folder ${folder} and --resume.`,
      cause,
    },
  )
}

async function runExtend(name: string, path: string, options: RunOptions): Promise<void> {
  const model = resolve(await modelFolder(name))
  const plan = parseExtensionPlan(await readTextFile(path, 'plan'), basename(path))
  const folder = options.folder ?? join('runs', plan.name)
  const { tokenizer } = await readTextFiles(model)
  const wide = wideFor(options)
  const isJson = options.json === true
  const reporter = new SearchReporter(isJson)
  await interruptible(async (signal) => {
    await extend(model, plan, {
      folder,
      backend: await chooseBackend(options, { wide }),
      tokenizer,
      resume: options.resume === true,
      signal,
      onSearch: (part, progress) => reporter.report(progress, part),
      onFound(part, result) {
        reporter.end()
        if (isJson) return printJson({ part, ...result })
        print(`${part}:`)
        printFindings(result)
        print()
      },
      onTraining(part, { step, steps, loss, secondsLeft }) {
        if (isJson) return printJson({ part, step, steps, loss })
        const line = `${part}  step ${step} of ${steps}  loss ${loss.toFixed(4)}  ${formatSeconds(secondsLeft)} left`
        reporter.status.show(line)
        if (step === steps && !reporter.status.enabled) note(line)
      },
    }).finally(() => reporter.end())
    const final = join(folder, 'final')
    if (isJson) printJson({ done: true, model: final })
    else print(`The model is in ${final}.`)
  })
}
