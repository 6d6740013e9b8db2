/** What of `phi eval` is put to which model: the benchmarks that were named or have rows, as far as a model can be asked them. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../base/clock.ts'
import { PocketPhiError } from '../base/errors.ts'
import type { Judge } from '../eval/benchmarks/judge.ts'
import { folderOfRows, readTask, type RowSource, type TaskRows } from '../eval/benchmarks/rows.ts'
import { questionFolders, rulerRows, rulerTask } from '../eval/ruler/index.ts'
import { tasks } from '../eval/tasks/index.ts'
import type { Row } from '../eval/tasks/row.ts'
import type { Task } from '../eval/tasks/types.ts'
import { environmentAdvice, hubEnvironment } from '../hub/cache/environment.ts'
import { findInterpreter } from '../sandbox/interpreters.ts'
import { judgeKey } from './endpoint.ts'
import { UsageError } from './errors.ts'
import type { Candidate } from './eval-candidates.ts'
import { note } from './terminal.ts'

export interface PlanOptions {
  /** Names of benchmarks; all whose rows are there when left out. */
  readonly tasks?: readonly string[]
  /** The folder of the rows, or `hub`; needed by all benchmarks but RULER. */
  readonly data?: string
  /** Questions of each benchmark at most. */
  readonly limit?: number
  readonly judge?: Judge | undefined
  /** Of the texts of RULER, in tokens. */
  readonly lengths?: readonly number[]
  /** Of the texts of RULER. */
  readonly seed?: number
}

/** A task and its questions, which may depend on who is asked. */
export interface PlannedTask {
  readonly task: Task
  readonly rows: (candidate: Candidate) => Promise<TaskRows>
  /** Why a model cannot be asked it; undefined where it can. */
  readonly obstacle?: (candidate: Candidate) => PocketPhiError | undefined
}

/** What the benchmark of texts of given lengths is called. */
export const rulerName = 'ruler'

export const benchmarkNames: readonly string[] = [...tasks.map(({ name }) => name), rulerName]

/**
 * @param signal ends what is read from the hub, also later, when pictures are shown
 * @throws UsageError for a name that is none, and for options that lack another
 * @throws PocketPhiError `not-found` where rows are missing of a benchmark that was named, or of all; `not-supported` and `invalid-argument` where
 * what a named one needs beside a model is not there
 */
export async function planTasks(options: PlanOptions, signal: AbortSignal): Promise<readonly PlannedTask[]> {
  checkOptions(options)
  const source = options.data === undefined ? undefined : await sourceOf(options.data, signal)
  const planned = [
    ...(source === undefined ? [] : await tasksWithRows(source, options)),
    ...(options.lengths === undefined ? [] : await rulerTasks(source, options.lengths, options)),
  ]
  if (planned.length === 0) throw noRows(options.data ?? '', 'NAME')
  return planned
}

const noData = 'Name the folder of the rows with --data, or read them from the hub: --data hub.'

/** What stands for the Hugging Face hub in place of a folder. */
const hub = 'hub'

/** What reads from the hub is loaded where that is asked for. */
async function sourceOf(data: string, signal: AbortSignal): Promise<RowSource> {
  if (data !== hub) return folderOfRows(data)
  const { endpoint, token, stallSeconds } = await hubEnvironment(process.env, homedir())
  const { hubOfRows } = await import('../eval/sets/hub.ts')
  const clock = systemClock
  return hubOfRows({ endpoint, token, stallSeconds, clock, signal, advice: environmentAdvice }, { clock, signal })
}

function checkOptions({ tasks: wanted, data, lengths }: PlanOptions): void {
  const unknown = wanted?.find((name) => !benchmarkNames.includes(name))
  if (unknown !== undefined) {
    throw new UsageError(`There is no benchmark "${unknown}". They are: ${benchmarkNames.join(', ')}.`)
  }
  const namesRuler = wanted?.includes(rulerName)
  if (namesRuler === true && lengths === undefined) {
    throw new UsageError(`The benchmark "${rulerName}" needs lengths in tokens: --lengths 4096,8192.`)
  }
  if (namesRuler === false && lengths !== undefined) {
    throw new UsageError(`--lengths are those of the benchmark "${rulerName}", which is not among --tasks.`)
  }
  if (data === undefined && (wanted ?? []).some((name) => name !== rulerName)) {
    throw new UsageError(noData)
  }
  if (data === hub && wanted === undefined) {
    throw new UsageError('Name the benchmarks whose rows are to be read from the hub: --tasks mmlu,gsm8k.')
  }
  if (data === undefined && lengths === undefined) throw new UsageError(noData)
}

async function tasksWithRows(source: RowSource, options: PlanOptions): Promise<readonly PlannedTask[]> {
  const { data = '', limit, tasks: wanted } = options
  const planned: PlannedTask[] = []
  for (const task of tasks.filter(({ name }) => wanted?.includes(name) ?? true)) {
    const rows = await readTask(task, source, limit)
    if (rows === undefined || rows.items.length === 0) {
      if (wanted !== undefined) throw noRows(data, task.folder)
    } else if (await isPossible(task, options)) {
      const obstacle = ({ name, sees }: Candidate) => blindness(name, sees, wanted !== undefined)
      planned.push({ task, rows: () => Promise.resolve(rows), ...(task.kind === 'picture' && { obstacle }) })
    }
  }
  return planned
}

/**
 * Whether what a task needs beside a model is there; asked before a model answers.
 *
 * @throws PocketPhiError where it is not and the task was named
 */
async function isPossible(task: Task, { tasks: wanted, judge }: PlanOptions): Promise<boolean> {
  try {
    if (task.kind === 'code') await findInterpreter(task.language)
    if (task.kind === 'judged' && judge === undefined) throw noJudge(task.title)
    return true
  } catch (error) {
    if (!(error instanceof PocketPhiError)) throw error
    leaveOut(task, error, wanted !== undefined)
    return false
  }
}

/** Says why a task is left out. @throws the reason where it was named */
function leaveOut({ name }: Task, reason: PocketPhiError, isNamed: boolean): void {
  if (isNamed) throw reason
  note(`${name} is left out. ${reason.message}`)
}

function noJudge(title: string): PocketPhiError {
  return new PocketPhiError('invalid-argument', `Answers of ${title} are rated by another model.`, {
    expected: 'a model of a server with the interface of OpenAI',
    remedy: `Name it: --judge https://HOST/v1#MODEL (its key in the environment variable ${judgeKey}).`,
  })
}

/** Why a model is not shown pictures. A server is, where that was asked for. */
function blindness(name: string, sees: boolean | undefined, isNamed: boolean): PocketPhiError | undefined {
  if (sees === true || (sees === undefined && isNamed)) return undefined
  const problem = sees === false ? `${name} cannot see pictures.` : `Whether ${name} can see pictures is not known.`
  return new PocketPhiError('not-supported', problem, {
    remedy: sees === false ? 'Choose a model that sees, such as phi-3.5-vision.' : 'Name the benchmark with --tasks.',
  })
}

/** A task for each length, whose texts are made for the tokenizer of who is asked. */
async function rulerTasks(
  source: RowSource | undefined,
  lengths: readonly number[],
  { limit, seed = 1 }: PlanOptions,
): Promise<readonly PlannedTask[]> {
  const questions = new Map<string, readonly Row[]>()
  for (const [kind, folder] of questionFolders) {
    const rows = await source?.rows(folder, 'test')
    if (rows === undefined) note(`${rulerName} goes without the questions of ${kind}: there are no rows of ${folder}.`)
    else questions.set(kind, rows)
  }
  return lengths.map((length): PlannedTask => {
    const task = rulerTask(length)
    return {
      task,
      obstacle: ({ name, tokenizer }) => (tokenizer === undefined ? noTokenizer(name) : undefined),
      async rows({ name, tokenizer }) {
        if (tokenizer === undefined) throw noTokenizer(name)
        const counting = await tokenizer()
        const countTokens = (text: string): number => counting.encode(text).length
        const { source: made, tooLong } = rulerRows({ length, seed, limit, countTokens, questions })
        if (tooLong.length > 0)
          note(`${task.name} goes without ${tooLong.join(', ')}, whose texts are longer for ${name}.`)
        const rows = await readTask(task, made)
        return rows ?? { items: [], leftOut: 0, fewShots: new Map() }
      },
    }
  })
}

function noTokenizer(name: string): PocketPhiError {
  return new PocketPhiError('invalid-argument', `How many tokens a text has for ${name} is not known here.`, {
    expected: 'a model with the same tokenizer',
    remedy: 'Name it: --tokenizer phi-3-mini, or a folder with tokenizer.json.',
  })
}

/**
 * The tasks that a model can be asked.
 *
 * @param isNamed whether the tasks were named, rather than found
 * @throws PocketPhiError why a model cannot be asked one that was named
 */
export function tasksFor(
  candidate: Candidate,
  planned: readonly PlannedTask[],
  isNamed: boolean,
): readonly PlannedTask[] {
  return planned.filter(({ task, obstacle }) => {
    const reason = obstacle?.(candidate)
    if (reason !== undefined) leaveOut(task, reason, isNamed)
    return reason === undefined
  })
}

function noRows(data: string, folder: string): PocketPhiError {
  if (data === hub) {
    return new PocketPhiError('not-found', `Where the hub has rows of "${folder}" is not known.`, {
      remedy: 'Bring them in files: docs/guide/evaluate.md says what they are called and what fields they have.',
    })
  }
  return new PocketPhiError('not-found', `"${data}" has no rows of the benchmark.`, {
    expected: `${join(data, folder, 'test.jsonl')}, test.jsonl.gz or test.parquet`,
    remedy: 'docs/guide/evaluate.md says what the files are called and what fields they have.',
  })
}
