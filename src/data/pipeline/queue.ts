/** Who does the tasks of a run: threads of its process, or workers that share a queue in a database. */
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { PocketPhiError, throwIfAborted } from '../../base/errors.ts'
import { openDatabaseQueue } from '../../jobs/database-queue.ts'
import { openTaskDatabase } from '../../jobs/database.ts'
import { openTaskThreads, type Task, type TaskQueue } from '../../jobs/queue.ts'
import { startTaskWorker, type TaskTry } from '../../jobs/workers.ts'
import type { PipelineTask, TaskResult } from './tasks.ts'

export type PipelineQueue = TaskQueue<PipelineTask, TaskResult>

export interface PipelineQueueOptions {
  /** Of this process. With 0 all is done on the caller's thread, or where a database has the queue by other processes. */
  readonly threads: number
  /** A database that workers share: `postgres://…` or the path of a folder. */
  readonly database?: string | undefined
  /** Called for what goes wrong beside the tasks, such as a connection to the database that was lost. */
  readonly onTrouble?: (error: Error) => void
}

export interface DataWorkOptions {
  /** Tasks at once, each on a thread of its own. */
  readonly threads: number
  /** Fires when the worker should leave, once the tasks are done that it has. */
  readonly signal: AbortSignal
  readonly onTry?: (ended: TaskTry) => void
  readonly onTrouble?: (error: Error) => void
}

/** The module that holds `runTask`. Sources run as they are, built files as built. */
export const taskModule = new URL(import.meta.url.replace(/queue(\.[jt]s)$/, 'tasks$1'))

/**
 * Opens what a run gives its tasks to.
 *
 * @throws PocketPhiError `invalid-argument` without threads where no other process can work; as `openTaskDatabase` and `openDatabaseQueue`
 */
export async function openPipelineQueue({
  threads,
  database: where,
  onTrouble = () => {},
}: PipelineQueueOptions): Promise<PipelineQueue> {
  if (where === undefined) return openTaskThreads(taskModule, threads)
  const database = await openTaskDatabase(where, { onTrouble })
  const opened: { close(): Promise<void> }[] = [database]
  const close = async (): Promise<void> => {
    for (const one of opened.splice(0).reverse()) await one.close()
  }
  try {
    if (threads === 0 && !database.shared) {
      throw new PocketPhiError('invalid-argument', `Nobody would do the tasks in "${database.place}".`, {
        expected: 'at least one thread: only this process reaches an embedded queue',
      })
    }
    const queue = await openDatabaseQueue<PipelineTask, TaskResult>(database)
    opened.push(queue)
    if (threads > 0) opened.push(await startTaskWorker(database, taskModule, { threads }))
    return { run: async (tasks, options) => await queue.run(tasks, options), close }
  } catch (error) {
    await close()
    throw error
  }
}

/**
 * Works on whatever runs there are in a queue until the signal fires.
 *
 * @param where `postgres://…` or the path of a folder
 * @throws PocketPhiError `not-found` where this machine does not see the folder of a run; as `openTaskDatabase`
 */
export async function workOnData(
  where: string,
  { threads, signal, onTry = () => {}, onTrouble = () => {} }: DataWorkOptions,
): Promise<void> {
  throwIfAborted(signal)
  const database = await openTaskDatabase(where, { onTrouble, existing: true })
  try {
    const worker = await startTaskWorker(database, taskModule, { threads, unfit, onTry })
    const asked = Promise.withResolvers<void>()
    const leave = (): void => asked.resolve()
    signal.addEventListener('abort', leave, { once: true })
    if (signal.aborted) leave()
    try {
      await Promise.race([asked.promise, worker.left])
    } finally {
      signal.removeEventListener('abort', leave)
      await worker.close()
    }
  } finally {
    await database.close()
  }
}

/** A machine without the folder that runs share would fail one task after the other, faster than others can do them. */
function unfit({ name }: Task): PocketPhiError | undefined {
  const folder = dirname(name)
  if (existsSync(folder)) return undefined
  return new PocketPhiError('not-found', `This machine does not see the folder of a run.`, {
    expected: folder,
    remedy: 'Let it see the folder, and that of the input, at the same path as the machine that runs "phi data run".',
  })
}
