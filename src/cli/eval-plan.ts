/** What of `phi eval` is put to which model: the benchmarks that were named or have rows, as far as a model can be asked them. */
import { join } from 'node:path'
import { PocketPhiError } from '../base/errors.ts'
import type { Judge } from '../eval/benchmarks/judge.ts'
import { folderOfRows, readTask, type TaskRows } from '../eval/benchmarks/rows.ts'
import { tasks } from '../eval/tasks/index.ts'
import type { Task } from '../eval/tasks/types.ts'
import { findInterpreter } from '../sandbox/interpreters.ts'
import { UsageError } from './errors.ts'
import { note } from './terminal.ts'

export interface PlanOptions {
  /** Names of benchmarks; all whose rows are there when left out. */
  readonly tasks?: readonly string[]
  readonly data: string
  /** Questions of each benchmark at most. */
  readonly limit?: number
  readonly judge?: Judge | undefined
}

/** A task with its questions. */
export interface ReadTask {
  readonly task: Task
  readonly rows: TaskRows
}

/**
 * @throws UsageError for a name that is none
 * @throws PocketPhiError `not-found` where rows are missing of a benchmark that was named, or of all; `not-supported` and `invalid-argument` where
 * what a named one needs beside a model is not there
 */
export async function readTasks(options: PlanOptions): Promise<readonly ReadTask[]> {
  const { data, limit, tasks: wanted } = options
  const isNamed = wanted !== undefined
  const source = folderOfRows(data)
  const read: ReadTask[] = []
  for (const task of chosenTasks(wanted)) {
    const rows = await readTask(task, source, limit)
    if (rows === undefined || rows.items.length === 0) {
      if (isNamed) throw noRows(data, task.folder)
    } else if (await isPossible(task, options)) {
      read.push({ task, rows })
    }
  }
  if (read.length === 0) throw noRows(data, 'NAME')
  return read
}

function chosenTasks(wanted: readonly string[] | undefined): readonly Task[] {
  const known = new Map(tasks.map((task) => [task.name, task]))
  return (wanted ?? [...known.keys()]).map((name) => {
    const task = known.get(name)
    if (task !== undefined) return task
    throw new UsageError(`There is no benchmark "${name}". They are: ${[...known.keys()].join(', ')}.`)
  })
}

/**
 * Whether what a task needs beside a model is there; asked before a model answers.
 *
 * @throws PocketPhiError where it is not and the task was named
 */
async function isPossible(task: Task, options: PlanOptions): Promise<boolean> {
  try {
    if (task.kind === 'code') await findInterpreter('python')
    if (task.kind === 'judged' && options.judge === undefined) throw noJudge(task.title)
    return true
  } catch (error) {
    if (options.tasks !== undefined || !(error instanceof PocketPhiError)) throw error
    note(`${task.name} is left out. ${error.message}`)
    return false
  }
}

function noJudge(title: string): PocketPhiError {
  return new PocketPhiError('invalid-argument', `Answers of ${title} are rated by another model.`, {
    expected: 'a model of a server with the interface of OpenAI',
    remedy: 'Name it: --judge https://HOST/v1#MODEL (its key in the environment variable PHI_JUDGE_KEY).',
  })
}

function noRows(data: string, folder: string): PocketPhiError {
  return new PocketPhiError('not-found', `"${data}" has no rows of the benchmark.`, {
    expected: `${join(data, folder, 'test.jsonl')}, or test.jsonl.gz`,
    remedy: 'docs/guide/evaluate.md says what the files are called and what fields they have.',
  })
}
