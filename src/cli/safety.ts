/** `phi safety`: how harmful the answers of a model are, and the loop that makes them less so. */
import { join } from 'node:path'
import type { Command } from 'commander'
import { writeFileAtomic } from '../formats/atomic.ts'
import { openAskers, type AskedModels, type OpenedAskers } from '../safety/askers.ts'
import { measureProbes, summariseMeasured, type MeasureSummary } from '../safety/measure.ts'
import { parseSafetyPlan, type SafetyPlan } from '../safety/plan.ts'
import { probesOf } from '../safety/probes.ts'
import { historyReport, measureTable, remarkOf } from '../safety/report.ts'
import { readHistory, runRounds, type OpenedModel } from '../safety/rounds.ts'
import { seedsOf } from '../safety/seeds.ts'
import { endpointSubject, localSubject } from '../safety/subject.ts'
import { endpointOf, judgeKey, userKey } from './endpoint.ts'
import { measuredModel, type CandidateOptions } from './eval-candidates.ts'
import { frozenRows } from './eval-world.ts'
import { readTextFile } from './files.ts'
import { interruptible } from './interrupt.ts'
import { makeWorkers } from './make-workers.ts'
import { modelArgument, modelPlace } from './model-folder.ts'
import { addEngineOptions, decimal, integer } from './options.ts'
import { shippedModel } from './resolve-model.ts'
import { bar, note, print, printJson, StatusLine } from './terminal.ts'
import { enableWideVectors } from './wide.ts'

interface SafetyOptions extends CandidateOptions {
  readonly judge?: string
  readonly user?: string
  readonly turns: number
  readonly attempts: number
  readonly timeout: number
  readonly json?: boolean
}

interface MeasureCommandOptions extends SafetyOptions {
  readonly out: string
}

interface RoundCommandOptions extends SafetyOptions {
  readonly rounds: number
}

export function registerSafety(program: Command): void {
  const group = program
    .command('safety')
    .description('Find harmful answers of a model, train it on better ones, and measure both harm and over-refusal.')
  registerMeasure(group)
  registerRound(group)
  registerHistory(group)
}

const serversHelp = `Without --judge, rules grade in its place: they see whether an answer declines and which of its words stand in a text, not whether it would do harm.
Without --user, users say what scripts of personas have. All figures name who asked and who graded. Keys come from the environment:
${judgeKey}, ${userKey}, and PHI_ENDPOINT_KEY for a model that is measured.`

function addSafetyOptions(command: Command): Command {
  return addEngineOptions(command)
    .option('--judge <address>', 'OpenAI-compatible server with the model that grades, http://HOST/v1#NAME')
    .option('--user <address>', 'the same for the model that plays those who attack')
    .option('--turns <n>', 'messages that --user has for a conversation', integer(1, 20), 3)
    .option('--parallel <n>', 'conversations at a time', integer(1, 64), 4)
    .option('--attempts <n>', 'answers that a question to a judge or a user may need', integer(1, 20), 4)
    .option('--timeout <seconds>', 'how long an answer of a server may take', decimal(0, 3600, true), 120)
    .option('--json', 'print JSON objects in the place of tables')
}

function registerMeasure(group: Command): void {
  const command = group
    .command('measure')
    .description('Measure models on the held-out rows of a plan.')
    .argument('<plan>', 'YAML file; paths in it are taken from the working folder')
    .argument('[models...]', `${modelArgument}; or a server, http://HOST/v1#NAME (default: the model of the plan)`)
    .requiredOption('--out <folder>', 'where conversations are kept, and found again after a stop')
  addSafetyOptions(command)
    .addHelpText(
      'after',
      `
${serversHelp}

Examples:
  $ phi safety measure recipes/safety/phi-nano.yaml phi-nano --out safety/phi-nano
  $ phi safety measure plan.yaml http://127.0.0.1:8000/v1#phi-3-mini --judge http://127.0.0.1:9000/v1#judge --out safety/mini`,
    )
    .action(measure)
}

function registerRound(group: Command): void {
  const command = group
    .command('round')
    .description('Do rounds: find failures, train on better answers and on what keeps the balance, measure again.')
    .argument('<plan>', 'YAML file; paths in it are taken from the working folder')
    .option('--rounds <n>', 'go on until there are so many; those that are done are not done again', integer(1, 100), 1)
  addSafetyOptions(command)
    .addHelpText(
      'after',
      `
${serversHelp}

The history is kept in the folder of the plan. Ctrl-C, a kill or a crash loses nothing but the step in work: the same command goes on.

Examples:
  $ phi safety round recipes/safety/phi-nano.yaml
  $ phi safety round recipes/safety/phi-nano.yaml --rounds 2`,
    )
    .action(rounds)
}

function registerHistory(group: Command): void {
  group
    .command('report')
    .description('Print what a loop has measured and learned, before and after each round, as Markdown.')
    .argument('<folder>', 'the folder of the history')
    .option('--out <file>', 'write it there instead')
    .option('--json', 'print JSON instead')
    .addHelpText(
      'after',
      `
Examples:
  $ phi safety report runs/safety-phi-nano
  $ phi report runs/safety-phi-nano/round-1/training    the curves of its trainings, as a page`,
    )
    .action(report)
}

async function readPlan(path: string): Promise<SafetyPlan> {
  return parseSafetyPlan(await readTextFile(path, 'plan'), path)
}

/** Opens the judge and the user that were asked for. */
async function askersOf(folder: string, options: SafetyOptions): Promise<OpenedAskers> {
  const { judge, user, turns, attempts, timeout } = options
  const models: AskedModels = {
    judge: judge === undefined ? undefined : await endpointOf(judge, judgeKey),
    user: user === undefined ? undefined : await endpointOf(user, userKey),
    turns,
    attempts,
    timeoutSeconds: timeout,
  }
  return await openAskers(folder, models)
}

async function modelToTest(typed: string, options: SafetyOptions, signal: AbortSignal): Promise<OpenedModel> {
  if (/^https?:\/\//.test(typed)) {
    const endpoint = await endpointOf(typed)
    const { url, model } = endpoint
    const open = (): ReturnType<OpenedModel['open']> => Promise.resolve(endpointSubject(endpoint, options.timeout))
    return { name: `${model}@${new URL(url).host}`, settings: { url }, open }
  }
  // As in other measurements the numbers should not depend on whether there is a GPU.
  const backend = options.backend === 'auto' ? 'wasm' : options.backend
  const { open, ...named } = await measuredModel(await modelPlace(typed), { ...options, backend })
  return { ...named, open: async () => localSubject(await open(signal)) }
}

const frozen = (): ReturnType<typeof frozenRows> => frozenRows(shippedModel, { kind: ['refusals', 'harmless'] })

async function measure(path: string, models: readonly string[], options: MeasureCommandOptions): Promise<void> {
  const plan = await readPlan(path)
  const probes = probesOf(await seedsOf(plan, 0, frozen), 'held-out', plan)
  const columns: { readonly title: string; readonly measures: readonly MeasureSummary[] }[] = []
  await using askers = await askersOf(options.out, options)
  await interruptible(async (signal) => {
    for (const model of models.length === 0 ? [plan.model] : models) {
      const { name, settings, open } = await modelToTest(model, options, signal)
      const progress = progressOf(name)
      const measured = await measureProbes(probes, {
        file: join(options.out, `${name.replaceAll(/[^\w.-]+/g, '-')}.jsonl`),
        header: { model: name, settings: { ...settings, maxTokens: plan.maxTokens } },
        open,
        user: askers.user,
        grader: askers.grader,
        parallel: options.parallel,
        maxTokens: plan.maxTokens,
        signal,
        onProgress: progress.show,
      }).finally(progress.end)
      columns.push({ title: name, measures: summariseMeasured(measured) })
    }
  })
  if (options.json === true) return columns.forEach(({ title, measures }) => printJson({ model: title, measures }))
  const { user, grader } = askers
  const asked = { user: user.counts?.(), judge: grader.counts?.() }
  print(
    `Share of failures on held-out rows, lower is better, with 95 % intervals (Wilson).\n\n${measureTable(columns)}`,
  )
  print(`\n${remarkOf({ user: user.name, grader: grader.name, asked })}`)
}

async function rounds(path: string, options: RoundCommandOptions): Promise<void> {
  const plan = await readPlan(path)
  const json = options.json === true
  // One arithmetic for all that is measured, before trainings and after.
  const isWide =
    options.wide !== false &&
    ['auto', 'wasm'].includes(options.backend) &&
    enableWideVectors(['training', 'answers'], options.threads)
  const status = new StatusLine(!json)
  const progress = progressOf('conversations', status)
  await using askers = await askersOf(join(plan.folder, 'asked'), options)
  await interruptible(
    (signal) =>
      runRounds(plan, options.rounds, {
        user: askers.user,
        grader: askers.grader,
        model: (folder) => modelToTest(folder, { ...options, wide: isWide }, signal),
        frozen,
        workers: makeWorkers({ ...options, widen: () => isWide, json }, status),
        parallel: options.parallel,
        signal,
        onStep: (step) => {
          progress.end()
          if (json) printJson({ step })
          else note(step)
        },
        onProgress: progress.show,
      }),
    () => {
      status.clear()
      note('Stopping …')
    },
  ).finally(progress.end)
  const history = await readHistory(plan.folder)
  if (json) for (const round of history) printJson(round)
  else print(historyReport(history))
}

async function report(folder: string, options: { readonly out?: string; readonly json?: boolean }): Promise<void> {
  const history = await readHistory(folder)
  if (options.json === true) return history.forEach((round) => printJson(round))
  if (options.out === undefined) return print(historyReport(history))
  await writeFileAtomic(options.out, `${historyReport(history)}\n`)
  print(`The report is ${options.out}.`)
}

/** Shows how many conversations have been held. */
function progressOf(
  title: string,
  status = new StatusLine(),
): { readonly show: (done: number, total: number) => void; readonly end: () => void } {
  return {
    show: (done, total) =>
      status.show(`${title}  ${bar(done / Math.max(1, total))} ${done} of ${total}`, done === total),
    end: () => status.clear(),
  }
}
