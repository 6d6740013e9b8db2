/** `phi eval`: the benchmarks of the report. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { PocketPhiError } from '../base/errors.ts'
import { folderOfRows, readTask, type TaskRows } from '../eval/benchmarks/rows.ts'
import { runTask } from '../eval/benchmarks/run.ts'
import type { Subject } from '../eval/benchmarks/subject.ts'
import { summariseTask, type TaskSummary } from '../eval/benchmarks/summary.ts'
import { tasks } from '../eval/tasks/index.ts'
import type { Task } from '../eval/tasks/types.ts'
import { findInterpreter } from '../sandbox/interpreters.ts'
import { systemError } from '../formats/atomic.ts'
import { UsageError } from './errors.ts'
import { candidateOf, type Candidate, type CandidateOptions } from './eval-candidates.ts'
import { promptTable, scoreTable, type ModelSummary } from './eval-table.ts'
import { interruptible } from './interrupt.ts'
import { modelArgument } from './model-folder.ts'
import { addEngineOptions, integer } from './options.ts'
import { bar, dim, formatSeconds, note, print, printJson, StatusLine } from './terminal.ts'

interface EvalOptions extends CandidateOptions {
  readonly tasks?: readonly string[]
  readonly data: string
  readonly out: string
  readonly limit?: number
  readonly json?: boolean
}

/** A task with its questions. */
interface ReadTask {
  readonly task: Task
  readonly rows: TaskRows
}

export function registerEval(program: Command): void {
  const command = program
    .command('eval')
    .description("Put benchmarks to models and print their scores beside those of the Phi-3 report's models.")
    .argument('<models...>', `${modelArgument}; or an OpenAI-compatible server with its model, http://HOST/v1#NAME`)
    .requiredOption('--data <folder>', 'folder with NAME/test.jsonl and NAME/dev.jsonl of each benchmark, or .jsonl.gz')
    .requiredOption('--out <folder>', 'where prompts and answers are kept, and found again after a stop')
    .option('--tasks <names>', 'separated by commas (default: all whose rows are there)', names)
    .option('--limit <n>', 'of each benchmark at most n questions, spread evenly over its rows', integer(1))
    .option('--parallel <n>', 'questions at a time; more need more memory', integer(1, 64), 4)
    .option('--json', 'print one JSON object for each model and benchmark')
  addEngineOptions(command)
    .addHelpText(
      'after',
      `
Benchmarks:
${listed(tasks.map(({ name }) => name))}

The same command goes on where one was stopped, and prints the table again where all is answered.
docs/guide/evaluate.md says what fields rows have and how answers are scored.

Examples:
  $ phi eval phi-nano --data benchmarks --out answers --limit 100
  $ phi eval my-model my-model-4bit --tasks mmlu,gsm8k --data benchmarks --out answers
  $ phi eval http://127.0.0.1:8000/v1#phi-3-mini --tasks gsm8k,bbh --data benchmarks --out answers`,
    )
    .action(evaluate)
}

/** Names in lines of eight. */
function listed(all: readonly string[]): string {
  const lines = Array.from({ length: Math.ceil(all.length / 8) }, (_, line) => all.slice(8 * line, 8 * line + 8))
  return lines.map((line) => `  ${line.join(', ')}`).join(',\n')
}

function names(text: string): string[] {
  return text.split(',').map((name) => name.trim())
}

async function evaluate(models: readonly string[], options: EvalOptions): Promise<void> {
  const chosen = await readTasks(options)
  const candidates: Candidate[] = []
  for (const model of models) candidates.push(await candidateOf(model, options))
  const summaries = await interruptible(async (signal) => {
    const done: ModelSummary[] = []
    for (const candidate of candidates) done.push(await measureTasks(candidate, chosen, options, signal))
    return done
  })
  if (options.json === true) {
    for (const { model, tasks: results } of summaries) for (const result of results) printJson({ model, ...result })
    return
  }
  print(scoreTable(summaries))
  print(`\n${promptTable(summaries)}`)
  print(
    '\nIn percent, with the standard error of the mean. The figures of Phi-3 and Phi-3.5 are those of the technical report' +
      '\n(arXiv 2404.14219v4), measured by Microsoft with other prompts and on all rows.',
  )
}

/** @throws PocketPhiError `not-found` where rows are missing of a benchmark that was named, or of all */
export async function readTasks({
  data,
  limit,
  tasks: wanted,
}: Pick<EvalOptions, 'data' | 'limit' | 'tasks'>): Promise<readonly ReadTask[]> {
  const known = new Map(tasks.map((task) => [task.name, task]))
  const chosen = (wanted ?? [...known.keys()]).map((name) => {
    const task = known.get(name)
    if (task === undefined) {
      throw new UsageError(`There is no benchmark "${name}". They are: ${[...known.keys()].join(', ')}.`)
    }
    return task
  })
  const source = folderOfRows(data)
  const read: ReadTask[] = []
  for (const task of chosen) {
    const rows = await readTask(task, source, limit)
    if (rows === undefined || rows.items.length === 0) {
      if (wanted !== undefined) throw noRows(data, task.folder)
    } else if (task.kind !== 'code' || (await canRunPrograms(task, wanted !== undefined))) {
      read.push({ task, rows })
    }
  }
  if (read.length === 0) throw noRows(data, 'NAME')
  return read
}

/**
 * Whether what a task asks for can be run; asked before a model writes it.
 *
 * @throws PocketPhiError `not-supported` where it cannot and the task was named
 */
async function canRunPrograms({ name }: Task, named: boolean): Promise<boolean> {
  try {
    await findInterpreter('python')
    return true
  } catch (error) {
    if (named || !(error instanceof PocketPhiError)) throw error
    note(`${name} is left out. ${error.message}`)
    return false
  }
}

function noRows(data: string, folder: string): PocketPhiError {
  return new PocketPhiError('not-found', `"${data}" has no rows of the benchmark.`, {
    expected: `${join(data, folder, 'test.jsonl')}, or test.jsonl.gz`,
    remedy: 'docs/guide/evaluate.md says what the files are called and what fields they have.',
  })
}

/** Puts tasks to a model; answers that are kept are not asked for again. */
export async function measureTasks(
  { name, settings, open }: Candidate,
  chosen: readonly ReadTask[],
  { out, parallel }: Pick<EvalOptions, 'out' | 'parallel'>,
  signal: AbortSignal,
): Promise<ModelSummary> {
  const folder = join(out, name.replaceAll(/[^\w.-]+/g, '-'))
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw systemError(folder, error)
  })
  let opened: Promise<Subject> | undefined
  const results: TaskSummary[] = []
  try {
    for (const { task, rows } of chosen) {
      const progress = progressOf(`${name}  ${task.name}`)
      const records = await runTask(task, rows, () => (opened ??= open(signal)), {
        file: join(folder, `${task.name}.jsonl`),
        header: { task: task.name, model: name, settings },
        parallel,
        signal,
        onAnswer: progress.show,
      }).finally(progress.end)
      results.push(summariseTask(task, rows, records))
    }
    return { model: name, tasks: results }
  } finally {
    await (await opened)?.close()
  }
}

/** Shows how far a task is, and at its end how long it took. */
function progressOf(title: string): { show: (done: number, total: number) => void; end: () => void } {
  const status = new StatusLine()
  const start = performance.now()
  let first: number | undefined
  let last = 0
  return {
    show(done, total) {
      first ??= done
      last = done
      const seconds = (performance.now() - start) / 1000
      const left = (seconds * (total - done)) / (done - first)
      status.show(`${title}  ${bar(done / total)} ${done} of ${total}  ${formatSeconds(left)} left`, done === total)
    },
    end() {
      status.clear()
      const answered = last - (first ?? last)
      const seconds = formatSeconds((performance.now() - start) / 1000)
      if (answered > 0) note(dim(`${title}: ${answered} questions in ${seconds}`))
    },
  }
}
