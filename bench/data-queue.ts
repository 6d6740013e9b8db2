/**
 * The shards of `phi data run` through a queue in a database: whether they come out the same whoever does them, how the work is shared, and what the
 * queue itself takes. PostgreSQL is that of POSTGRES_URL, or one that is started for it.
 *
 *     node bench/data-queue.ts gates [--shards 24] [--documents 400]
 *     node bench/data-queue.ts pglite|postgres [--tasks 100000]
 *     node bench/data-queue.ts scaling
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Random } from '../src/base/random.ts'
import { writeCorpus } from '../src/data/pipeline/corpus-harness.ts'
import { openPipelineQueue, taskModule, type PipelineQueue } from '../src/data/pipeline/queue.ts'
import { parseDataRecipe, type DataRecipe } from '../src/data/pipeline/recipe.ts'
import { runData } from '../src/data/pipeline/run.ts'
import type { PipelineTask, TaskResult } from '../src/data/pipeline/tasks.ts'
import { openDatabaseQueue } from '../src/jobs/database-queue.ts'
import { readQueueState, type WorkerState } from '../src/jobs/database-state.ts'
import { openTaskDatabase } from '../src/jobs/database.ts'
import { startPostgres } from '../src/jobs/postgres-harness.ts'
import type { Task } from '../src/jobs/queue.ts'
import { startTaskWorker, type TaskWorker } from '../src/jobs/workers.ts'
import { hashOfRun } from './crawl-runs.ts'

const main = join(import.meta.dirname, '..', 'src', 'cli', 'main.ts')
const leastShare = 0.2

interface Arm {
  readonly seconds: number
  readonly hash: string
}

interface Job {
  readonly recipe: DataRecipe
  readonly folder: string
}

/** Runs the recipe through a queue, which is closed then. */
async function runThrough({ recipe, folder }: Job, name: string, queue: PipelineQueue): Promise<Arm> {
  const run = join(folder, name)
  const began = performance.now()
  try {
    await runData(recipe, { folder: run, input: join(folder, 'input'), queue })
  } finally {
    await queue.close()
  }
  const seconds = (performance.now() - began) / 1000
  return { seconds, hash: await hashOfRun(run) }
}

function sharesOf(workers: readonly WorkerState[]): string {
  const all = workers.reduce((sum, { done }) => sum + done, 0)
  return workers.map(({ name, done }) => `${name} ${((100 * done) / all).toFixed(0)} %`).join(', ')
}

function checkShares(workers: readonly WorkerState[], count: number): void {
  const all = workers.reduce((sum, { done }) => sum + done, 0)
  const fair = workers.length === count && workers.every(({ done }) => done >= leastShare * all)
  if (!fair) throw new Error(`not every worker did ${100 * leastShare} %: ${sharesOf(workers)}`)
}

/** Two workers in this process, over an embedded database. */
async function embedded(job: Job): Promise<Arm> {
  const database = await openTaskDatabase(join(job.folder, 'embedded-queue'))
  const workers = [
    await startTaskWorker(database, taskModule, { threads: 1, name: 'one' }),
    await startTaskWorker(database, taskModule, { threads: 1, name: 'two' }),
  ]
  const arm = await runThrough(job, 'embedded', await openDatabaseQueue<PipelineTask, TaskResult>(database))
  await Promise.all(workers.map((worker) => worker.close()))
  const { workers: states } = await readQueueState(database)
  await database.close()
  console.log(`    ${sharesOf(states)}`)
  checkShares(states, 2)
  return arm
}

function startWorker(url: string): ChildProcess {
  const words = [main, 'data', 'work', '--queue', url, '--threads', '1', '--json']
  return spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'inherit'] })
}

const gone = (child: ChildProcess): Promise<unknown> =>
  child.exitCode === null && child.signalCode === null
    ? new Promise((done) => child.once('exit', done))
    : Promise.resolve()

/** Worker processes over PostgreSQL, and a coordinator that does none of the work. */
async function processes(job: Job, name: string, count: number): Promise<Arm> {
  const postgres = await startPostgres()
  const children = Array.from({ length: count }, () => startWorker(postgres.url))
  try {
    const arm = await runThrough(job, name, await openPipelineQueue({ threads: 0, database: postgres.url }))
    const states = await statesOf(postgres.url)
    console.log(`    ${sharesOf(states)}`)
    checkShares(states, count)
    return arm
  } finally {
    for (const child of children) child.kill('SIGTERM')
    await Promise.all(children.map(gone))
    await postgres.stop()
  }
}

async function statesOf(url: string): Promise<readonly WorkerState[]> {
  const database = await openTaskDatabase(url)
  return (await readQueueState(database)).workers
}

/** As `processes`, with a worker killed every few seconds, whatever it is doing, and another in its place. */
async function killed(job: Job): Promise<Arm> {
  const postgres = await startPostgres()
  const children = [startWorker(postgres.url), startWorker(postgres.url)]
  const random = new Random(7)
  const over = new AbortController()
  let kills = 0
  const killing = (async (): Promise<void> => {
    for (;;) {
      await pause(random.integer(4000, 12_000), undefined, { signal: over.signal })
      const place = random.integer(0, children.length)
      const [child] = children.splice(place, 1, startWorker(postgres.url))
      child?.kill('SIGKILL')
      kills++
    }
  })().catch(() => undefined)
  try {
    const arm = await runThrough(job, 'killed', await openPipelineQueue({ threads: 0, database: postgres.url }))
    console.log(`    ${kills} workers killed; ${sharesOf(await statesOf(postgres.url))}`)
    return arm
  } finally {
    over.abort()
    await killing
    for (const child of children) child.kill('SIGTERM')
    await Promise.all(children.map(gone))
    await postgres.stop()
  }
}

async function gates(folder: string, shards: number, documents: number): Promise<void> {
  const job = { recipe: parseDataRecipe(await writeCorpus(folder, shards, documents)), folder }
  const arms: [string, () => Promise<Arm>][] = [
    ['threads, 2', async () => await runThrough(job, 'threads', await openPipelineQueue({ threads: 2 }))],
    ['PGlite, 2 workers in one process', async () => await embedded(job)],
    ['PostgreSQL, 1 worker process', async () => await processes(job, 'one', 1)],
    ['PostgreSQL, 2 worker processes', async () => await processes(job, 'two', 2)],
    ['PostgreSQL, 2 worker processes, killed at random', async () => await killed(job)],
  ]
  const hashes = new Set<string>()
  for (const [name, run] of arms) {
    const { seconds, hash } = await run()
    console.log(`${name}: ${seconds.toFixed(1)} s, ${hash}`)
    hashes.add(hash)
  }
  if (hashes.size > 1) throw new Error('the shards are not the same')
  console.log('All have the same bytes.')
}

const emptyTask = new URL('data-queue-task.ts', import.meta.url)

/** @param milliseconds that each waits */
const emptyTasks = (count: number, milliseconds: number): Task<number>[] =>
  Array.from({ length: count }, (_, index) => {
    return { name: `/runs/measured/stages/none-0123456789ab/${milliseconds}-${index}.json`, input: milliseconds }
  })

/** Tasks that do nothing, done by one worker with two threads. */
async function overhead(where: string, tasks: number): Promise<void> {
  const database = await openTaskDatabase(where)
  const worker = await startTaskWorker(database, emptyTask, { threads: 2 })
  const queue = await openDatabaseQueue<number, null>(database)
  const began = performance.now()
  const usedBefore = process.cpuUsage()
  let [done, told] = [0, began]
  const onDone = (): void => {
    if (++done % (tasks / 10) > 0) return
    const now = performance.now()
    console.log(`    ${done}: ${(tasks / 10 / ((now - told) / 1000)).toFixed(0)} tasks/s`)
    told = now
  }
  await queue.run(emptyTasks(tasks, 0), { onDone })
  const seconds = (performance.now() - began) / 1000
  const { user, system } = process.cpuUsage(usedBefore)
  const each = ((1000 * seconds) / tasks).toFixed(2)
  // Of a busy machine the second says more than the first.
  const own = ((user + system) / 1000 / tasks).toFixed(2)
  console.log(`${tasks} tasks in ${seconds.toFixed(0)} s: ${(tasks / seconds).toFixed(0)} tasks/s, ${each} ms a task`)
  console.log(`    of which this process computed ${own} ms`)
  await worker.close()
  await queue.close()
  await database.close()
}

/** Tasks that wait 250 ms, so that workers do not share processors: how many of them are done in a second by how many workers. */
async function scaling(url: string): Promise<void> {
  const database = await openTaskDatabase(url)
  const queue = await openDatabaseQueue<number, null>(database)
  const workers: TaskWorker[] = []
  for (const count of [1, 2, 4]) {
    while (workers.length < count) {
      workers.push(await startTaskWorker(database, emptyTask, { threads: 1, name: `worker ${workers.length}` }))
    }
    const tasks = emptyTasks(60 * count, 250 + count)
    const began = performance.now()
    await queue.run(tasks)
    const rate = tasks.length / ((performance.now() - began) / 1000)
    console.log(`${count} workers: ${rate.toFixed(2)} tasks/s`)
  }
  await Promise.all(workers.map((worker) => worker.close()))
  await queue.close()
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    shards: { type: 'string', default: '24' },
    documents: { type: 'string', default: '400' },
    tasks: { type: 'string', default: '100000' },
  },
})
const folder = await mkdtemp(join(tmpdir(), 'phi-data-queue-'))
try {
  const [what] = positionals
  if (what === 'gates') await gates(folder, Number(values.shards), Number(values.documents))
  else if (what === 'pglite') await overhead(join(folder, 'queue'), Number(values.tasks))
  else if (what === 'postgres' || what === 'scaling') {
    const postgres = await startPostgres()
    await (what === 'scaling' ? scaling(postgres.url) : overhead(postgres.url, Number(values.tasks)))
    await postgres.stop()
  } else throw new Error('say what: gates, scaling, pglite or postgres')
} finally {
  await rm(folder, { recursive: true })
}
