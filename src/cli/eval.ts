/** `phi eval`: the benchmarks of the report. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { Judge } from '../eval/benchmarks/judge.ts'
import { runTask } from '../eval/benchmarks/run.ts'
import type { Subject } from '../eval/benchmarks/subject.ts'
import { summariseTask, type TaskSummary } from '../eval/benchmarks/summary.ts'
import { systemError } from '../formats/atomic.ts'
import { endpointOf, judgeKey } from './endpoint.ts'
import { candidateOf, type Candidate, type CandidateOptions } from './eval-candidates.ts'
import { benchmarkNames, planTasks, tasksFor, type PlannedTask } from './eval-plan.ts'
import { groupTable, judgeNotes, promptTable, scoreTable, type ModelSummary } from './eval-table.ts'
import { interruptible } from './interrupt.ts'
import { modelArgument } from './model-folder.ts'
import { addEngineOptions, integer } from './options.ts'
import { bar, dim, formatSeconds, note, print, printJson, StatusLine } from './terminal.ts'

interface EvalOptions extends CandidateOptions {
  readonly tasks?: readonly string[]
  readonly data?: string
  readonly out: string
  readonly limit?: number
  readonly seed: number
  readonly judge?: string
  readonly json?: boolean
}

export function registerEval(program: Command): void {
  const command = program
    .command('eval')
    .description("Put benchmarks to models and print their scores beside those of the Phi-3 report's models.")
    .argument('<models...>', `${modelArgument}; or an OpenAI-compatible server with its model, http://HOST/v1#NAME`)
    .option(
      '--data <folder>',
      'folder with NAME/test.jsonl and NAME/dev.jsonl of each benchmark, .jsonl.gz or .parquet; or "hub", the public sets of the Hugging Face hub',
    )
    .requiredOption('--out <folder>', 'where prompts and answers are kept, and found again after a stop')
    .option('--tasks <names>', 'separated by commas (default: all whose rows are there)', names)
    .option('--limit <n>', 'of each benchmark at most n questions, spread evenly over its rows', integer(1))
    .option('--parallel <n>', 'questions at a time; more need more memory', integer(1, 64), 4)
    .option('--judge <server>', `rates the answers of mt-bench: http://HOST/v1#NAME; its key is that of ${judgeKey}`)
    .option('--lengths <tokens>', 'of the texts of ruler, separated by commas: 4096,8192', lengths)
    .option('--seed <n>', 'of the texts of ruler', integer(0, 2 ** 31), 1)
    .option('--tokenizer <model>', 'counts the tokens of those texts for servers: a model with the same tokenizer')
    .option('--json', 'print one JSON object for each model and benchmark')
  addEngineOptions(command)
    .addHelpText(
      'after',
      `
Benchmarks:
${listed(benchmarkNames)}

Programs (humaneval, mbpp) need Python or QuickJS as WebAssembly, mt-bench a judge, ruler lengths; benchmarks with pictures (from mmmu on)
are put to models that see. What lacks something is left out, or refused where it was named.

The same command goes on where one was stopped, and prints the table again where all is answered.
docs/guide/evaluate.md says what fields rows have and how answers are scored.

Examples:
  $ phi eval phi-nano --data benchmarks --out answers --limit 100
  $ phi eval my-model my-model-4bit --tasks mmlu,gsm8k --data benchmarks --out answers
  $ phi eval http://127.0.0.1:8000/v1#phi-3-mini --tasks gsm8k,bbh --data benchmarks --out answers
  $ phi eval my-model --tasks ruler --lengths 4096,8192 --out answers
  $ phi eval my-model --tasks mt-bench --judge https://HOST/v1#JUDGE --data benchmarks --out answers`,
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

function lengths(text: string): number[] {
  return text.split(',').map((length) => integer(1)(length))
}

async function evaluate(models: readonly string[], options: EvalOptions): Promise<void> {
  const { judge: named, ...planned } = options
  const judge = named === undefined ? undefined : new Judge(await endpointOf(named, judgeKey))
  const summaries = await interruptible(async (signal) => {
    const tasks = await planTasks({ ...planned, judge }, signal)
    const candidates: { readonly candidate: Candidate; readonly askable: readonly PlannedTask[] }[] = []
    for (const model of models) {
      const candidate = await candidateOf(model, options)
      candidates.push({ candidate, askable: tasksFor(candidate, tasks, options.tasks !== undefined) })
    }
    const done: ModelSummary[] = []
    for (const { candidate, askable } of candidates) {
      done.push(await measureTasks(candidate, askable, { ...planned, judge }, signal))
    }
    return done
  })
  if (options.json === true) {
    for (const { model, tasks: results } of summaries) for (const result of results) printJson({ model, ...result })
    return
  }
  print(scoreTable(summaries))
  const groups = groupTable(summaries)
  if (groups !== undefined) print(`\n${groups}`)
  print(`\n${promptTable(summaries)}`)
  for (const judged of judgeNotes(summaries)) print(`\n${judged}`)
  print(
    '\nIn percent (MT-Bench from 1 to 10), with the standard error of the mean. The figures of Phi-3 and Phi-3.5 are those of the technical report' +
      '\n(arXiv 2404.14219v4), measured by Microsoft with other prompts and on all rows.',
  )
}

/** Puts tasks to a model; answers that are kept are not asked for again. */
export async function measureTasks(
  candidate: Candidate,
  planned: readonly PlannedTask[],
  { out, parallel, judge }: Pick<EvalOptions, 'out' | 'parallel'> & { readonly judge?: Judge | undefined },
  signal: AbortSignal,
): Promise<ModelSummary> {
  const { name, settings, open } = candidate
  const folder = join(out, name.replaceAll(/[^\w.-]+/g, '-'))
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw systemError(folder, error)
  })
  let opened: Promise<Subject> | undefined
  const results: TaskSummary[] = []
  try {
    for (const { task, rows: rowsFor } of planned) {
      const rows = await rowsFor(candidate)
      const progress = progressOf(`${name}  ${task.name}`)
      const records = await runTask(task, rows, () => (opened ??= open(signal)), {
        file: join(folder, `${task.name}.jsonl`),
        header: { task: task.name, model: name, settings },
        parallel,
        signal,
        ...(judge !== undefined && { judge }),
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
