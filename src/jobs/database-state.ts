/** How a queue in a database stands, for people who wait for it. */
import type { PgBoss } from 'pg-boss'
import { schema, taskQueue, type TaskDatabase } from './database.ts'
import type { TaskOutcome } from './workers.ts'

/** A worker: one that is there, or one that was and has done something. */
export interface WorkerState {
  readonly name: string
  /** Whether it was heard from lately. */
  readonly isHere: boolean
  readonly threads: number
  /** Tasks that it is doing. */
  readonly running: number
  readonly done: number
  readonly doneInLastMinute: number
  /** Mean of what a task took. */
  readonly secondsPerTask: number | undefined
}

export interface FailedTask {
  readonly task: string
  readonly tries: number
  readonly reason: string
}

/** Of all runs in the queue; tasks that are done are forgotten after a week. */
export interface QueueState {
  readonly waiting: number
  /** Of those that are waiting: that failed and are to be tried again. */
  readonly again: number
  readonly running: number
  readonly done: number
  readonly failed: number
  readonly workers: readonly WorkerState[]
  /** The latest. */
  readonly failures: readonly FailedTask[]
}

const mostFailures = 20

/**
 * Reads how a queue stands.
 * @throws PocketPhiError `network` where the database cannot be used
 */
export async function readQueueState(database: TaskDatabase): Promise<QueueState> {
  const boss = await database.join()
  try {
    const counts = await countsByState(boss)
    const of = (...states: string[]): number => states.reduce((sum, state) => sum + (counts.get(state) ?? 0), 0)
    return {
      waiting: of('created', 'retry'),
      again: of('retry'),
      running: of('active'),
      done: of('completed'),
      failed: of('failed', 'cancelled'),
      workers: await workersOf(boss),
      failures: await failuresOf(boss),
    }
  } finally {
    await boss.stop()
  }
}

async function select<Row>(boss: PgBoss, text: string): Promise<Row[]> {
  const { rows } = await boss.getDb().executeSql(text, [taskQueue])
  return rows as Row[]
}

async function countsByState(boss: PgBoss): Promise<Map<string, number>> {
  const text = `SELECT state, count(*)::int AS count FROM ${schema}.job WHERE name = $1 GROUP BY state`
  const rows = await select<{ state: string; count: number }>(boss, text)
  return new Map(rows.map(({ state, count }) => [state, count]))
}

interface DoneRow {
  readonly worker: string
  readonly done: number
  readonly lately: number
  readonly seconds: number
}

async function workersOf(boss: PgBoss): Promise<WorkerState[]> {
  const rows = await select<DoneRow>(
    boss,
    `SELECT output->>'worker' AS worker, count(*)::int AS done,
      count(*) FILTER (WHERE completed_on > now() - interval '1 minute')::int AS lately,
      avg(extract(epoch FROM completed_on - started_on))::float8 AS seconds
    FROM ${schema}.job WHERE name = $1 AND state = 'completed' AND output ? 'worker' GROUP BY 1`,
  )
  const byName = new Map(rows.map((row) => [row.worker, row]))
  const instances = (await boss.getInstances()).filter(({ live, workers }) => live && workers.length > 0)
  const here = new Map(instances.map(({ name, workers }) => [name ?? '', workers]))
  const names = [...new Set([...here.keys(), ...byName.keys()])].sort()
  return names.map((name) => {
    const lanes = here.get(name) ?? []
    const row = byName.get(name)
    return {
      name,
      isHere: here.has(name),
      threads: lanes.length,
      running: lanes.reduce((sum, { active }) => sum + active, 0),
      done: row?.done ?? 0,
      doneInLastMinute: row?.lately ?? 0,
      secondsPerTask: row?.seconds,
    }
  })
}

interface FailedRow {
  readonly task: string
  readonly tries: number
  readonly output: TaskOutcome | null
}

async function failuresOf(boss: PgBoss): Promise<FailedTask[]> {
  const rows = await select<FailedRow>(
    boss,
    `SELECT data->>'name' AS task, retry_count + 1 AS tries, output
    FROM ${schema}.job WHERE name = $1 AND state IN ('failed', 'cancelled')
    ORDER BY completed_on DESC LIMIT ${mostFailures}`,
  )
  return rows.map(({ task, tries, output }) => {
    const { error } = output ?? {}
    const found = error?.found === undefined ? '' : ` Found ${error.found}.`
    const reason = error === undefined ? 'Every worker that took it ended or was silent.' : `${error.problem}${found}`
    return { task, tries, reason }
  })
}
