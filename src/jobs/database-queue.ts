/** A queue of tasks in a database, from the side of who wants them done. */
import { createHash } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { PgBoss } from 'pg-boss'
import { errorFromData } from '../base/error-data.ts'
import { PocketPhiError, throwIfAborted } from '../base/errors.ts'
import { schema, taskQueue, type TaskDatabase } from './database.ts'
import type { Task, TaskOptions, TaskQueue } from './queue.ts'
import type { TaskOutcome } from './workers.ts'

export interface DatabaseQueueOptions {
  /** The pause before a failed task is tried again, which doubles from try to try. */
  readonly retrySeconds?: number
}

/** Tasks that are sent in one statement, and that are asked after in one. */
const batch = 1000
const pollMilliseconds = 250

/**
 * A queue in a database, for workers to take tasks from: `startTaskWorker`. Who runs tasks in it may end at any time and run them again: what is
 * waiting or in work then goes on, and is not sent twice. One task that fails keeps none of the others from being done.
 *
 * @throws PocketPhiError `network` where the database cannot be used, also when tasks are run
 */
export async function openDatabaseQueue<Input, Result>(
  database: TaskDatabase,
  { retrySeconds = 2 }: DatabaseQueueOptions = {},
): Promise<TaskQueue<Input, Result>> {
  const boss = await database.join()
  return {
    run: async (tasks, options) => await runTasks(boss, tasks, retrySeconds, options),
    close: async () => await boss.stop(),
  }
}

/** Of the name of a task, so that it is there once however often it is sent. In the form of a UUID, which pg-boss wants. */
function idOf(name: string): string {
  return createHash('sha256')
    .update(name)
    .digest('hex')
    .slice(0, 32)
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

async function runTasks<Input, Result>(
  boss: PgBoss,
  tasks: readonly Task<Input>[],
  retrySeconds: number,
  { signal, onDone }: TaskOptions<Input, Result> = {},
): Promise<void> {
  throwIfAborted(signal)
  const open = new Map(tasks.map((task) => [idOf(task.name), task]))
  for (const ids of batchesOf([...open.keys()])) {
    // What ended in an earlier run is in the way: its output is gone, or it failed and is to be tried again.
    const ended = (await lookAfter(boss, ids)).filter(({ state }) => isEnded(state)).map(({ id }) => id)
    if (ended.length > 0) await answered(boss.deleteJob(taskQueue, ended))
    await send(boss, open, ids, retrySeconds)
  }
  let failure: Error | undefined
  while (open.size > 0) {
    throwIfAborted(signal)
    // Workers take tasks in the order in which they were sent, so that those which end next are among the first.
    const ids = [...open.keys()].slice(0, batch)
    const rows = await lookAfter(boss, ids)
    for (const { id, state, output } of rows) {
      const task = open.get(id)
      if (task === undefined || !isEnded(state)) continue
      open.delete(id)
      if (state === 'completed') onDone?.(task, output?.result as Result)
      else failure ??= errorOf(task, output)
    }
    const found = new Set(rows.map(({ id }) => id))
    // A database that was put back to an earlier state, or emptied, has forgotten them.
    const lost = ids.filter((id) => !found.has(id))
    if (lost.length > 0) await send(boss, open, lost, retrySeconds)
    // Not at once, even where some had ended: to look takes the database as long as to do a dozen tasks.
    if (ids.some((id) => open.has(id))) await pause(pollMilliseconds, undefined, { signal }).catch(() => undefined)
  }
  if (failure !== undefined) throw failure
}

function* batchesOf<T>(values: readonly T[]): Generator<readonly T[]> {
  for (let first = 0; first < values.length; first += batch) yield values.slice(first, first + batch)
}

async function send(
  boss: PgBoss,
  tasks: ReadonlyMap<string, Task>,
  ids: readonly string[],
  retrySeconds: number,
): Promise<void> {
  const jobs = ids.flatMap((id) => {
    const task = tasks.get(id)
    return task === undefined ? [] : [{ id, data: task, retryDelay: retrySeconds, retryBackoff: retrySeconds > 0 }]
  })
  await answered(boss.insert(taskQueue, jobs))
}

interface TaskRow {
  readonly id: string
  readonly state: 'created' | 'retry' | 'active' | 'completed' | 'cancelled' | 'failed'
  readonly output: TaskOutcome | null
}

const isEnded = (state: TaskRow['state']): boolean => ['completed', 'cancelled', 'failed'].includes(state)

async function lookAfter(boss: PgBoss, ids: readonly string[]): Promise<TaskRow[]> {
  const text = `SELECT id, state, output FROM ${schema}.job WHERE name = $1 AND id = ANY($2::uuid[])`
  const { rows } = await answered(boss.getDb().executeSql(text, [taskQueue, ids]))
  return rows as TaskRow[]
}

/** What the database answers; where it does not, whoever waits for tasks ends, and those who do them go on. */
async function answered<T>(answer: Promise<T>): Promise<T> {
  return await answer.catch((cause: unknown) => {
    throw new PocketPhiError('network', 'The database of the queue does not answer.', {
      found: cause instanceof Error ? cause.message : String(cause),
      remedy: 'What was sent goes on as soon as it is back, and so does the same command.',
      cause,
    })
  })
}

function errorOf({ name }: Task, output: TaskOutcome | null): Error {
  if (output?.error !== undefined) return errorFromData(output.error)
  return new PocketPhiError('device-lost', `The task "${name}" was given up.`, {
    found: 'that every worker that took it ended or was silent',
    remedy: 'It may need more memory than they have. Once that is mended, run again.',
  })
}
