/** Workers that take tasks from a queue in a database, wherever they run: they come and go while others wait for the tasks. */
import { hostname } from 'node:os'
import type { Job, JobResult, PgBoss } from 'pg-boss'
import { errorToData, type ErrorData } from '../base/error-data.ts'
import { refreshSeconds, taskQueue, type TaskDatabase } from './database.ts'
import { openTaskThreads, type Task, type TaskQueue } from './queue.ts'

/** What the database keeps of a try. What pg-boss writes itself, of a worker that fell silent, has neither. */
export interface TaskOutcome {
  readonly worker?: string
  readonly result?: unknown
  readonly error?: ErrorData
}

/** A try that has ended. */
export interface TaskTry {
  readonly task: Task
  readonly seconds: number
  /** What the task gave. */
  readonly result?: unknown
  /** There if something went wrong: the task is tried again, by whoever is there. */
  readonly error?: unknown
}

export interface WorkerOptions {
  /** Tasks at once, each on a thread of its own. */
  readonly threads: number
  readonly name?: string
  /** Why this worker can do none of the tasks. It leaves then, before it has failed them all. */
  readonly unfit?: (task: Task) => Error | undefined
  readonly onTry?: (ended: TaskTry) => void
}

export interface TaskWorker {
  /** Rejects when the worker has left by itself; never resolves. */
  readonly left: Promise<never>
  /** Takes no more tasks, and waits for those that it has. */
  close(): Promise<void>
}

/** What is idle looks this often for tasks, if it was not told of them before: for those that are tried again. */
const idleSeconds = 5
/** As long as a task may take: whoever does not want to wait ends the process, and others take over. */
const drainMilliseconds = 24 * 3600 * 1000

/**
 * Starts a worker.
 *
 * @param module the address of what exports `runTask`
 * @throws PocketPhiError `network` where the database cannot be reached
 */
export async function startTaskWorker(
  database: TaskDatabase,
  module: URL,
  { threads, name = `${hostname()}/${process.pid}`, unfit, onTry }: WorkerOptions,
): Promise<TaskWorker> {
  const boss = await database.join(name)
  const left = Promise.withResolvers<never>()
  // Whoever never asks why it left is told nothing, and that is no defect.
  left.promise.catch(() => undefined)
  const settle = async (thread: Thread, job: Job<Task>): Promise<JobResult> => {
    const reason = unfit?.(job.data)
    if (reason !== undefined) {
      left.reject(reason)
      void boss.offWork(taskQueue)
    }
    const ended = reason === undefined ? await attempt(thread, job) : { task: job.data, seconds: 0, error: reason }
    onTry?.(ended)
    const outcome: TaskOutcome =
      'error' in ended ? { worker: name, error: errorToData(ended.error) } : { worker: name, result: ended.result }
    return { id: job.id, status: 'error' in ended ? 'failed' : 'completed', output: outcome }
  }
  // A thread for each, because a thread that is given up takes the others of its queue with it.
  const all = Array.from({ length: threads }, (): Thread => openTaskThreads(module, 1))
  await Promise.all(all.map((thread) => takeTasks(boss, (job) => settle(thread, job))))
  return {
    left: left.promise,
    async close() {
      await boss.stop({ timeout: drainMilliseconds })
      await Promise.all(all.map((thread) => thread.close()))
    },
  }
}

type Thread = TaskQueue<unknown, unknown>

async function attempt(thread: Thread, { data: task, signal }: Job<Task>): Promise<TaskTry> {
  const began = performance.now()
  const seconds = (): number => (performance.now() - began) / 1000
  try {
    let result: unknown
    // The signal fires when others have been given the task because this worker was silent for too long.
    await thread.run([task], { signal, onDone: (_, value) => (result = value) })
    return { task, seconds: seconds(), result }
  } catch (error) {
    return { task, seconds: seconds(), error }
  }
}

/** One task after the other, until the worker stops. */
async function takeTasks(boss: PgBoss, settle: (job: Job<Task>) => Promise<JobResult>): Promise<void> {
  const options = {
    perJobResults: true,
    heartbeatRefreshSeconds: refreshSeconds,
    pollingIntervalSeconds: 0.5,
    notifyPollingIntervalSeconds: idleSeconds,
  } as const
  let id: string | undefined
  id = await boss.work<Task, unknown, typeof options>(taskQueue, options, async (jobs) => {
    const results = await Promise.all(jobs.map(settle))
    // Else pg-boss would wait until its next look, and where there was one task there are more.
    if (id !== undefined) boss.notifyWorker(id)
    return results
  })
}
