/**
 * Where a queue of tasks is kept that several workers share: a PostgreSQL by its URL, or one that is embedded in this process (PGlite) and keeps
 * its files in a folder. pg-boss makes the queue of it. Both packages are optional peers, loaded when a queue is opened.
 */
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ConstructorOptions, PgBoss } from 'pg-boss'
import { PocketPhiError } from '../base/errors.ts'
import { tryLock } from '../base/file-lock.ts'

/** Of pg-boss: a schema of our own, so that another user of the database may have another version of it. */
export const schema = 'phi_jobs'
/** The queue that all tasks of a database are in, whatever run they belong to. */
export const taskQueue = 'tasks'

/**
 * A worker that was not heard from for this long has lost its task. Four signs of life fit into it, and pg-boss looks every `superviseSeconds`: what a
 * killed worker had waits again after 25 s at most, and the pause between tries is added.
 */
const heartbeatSeconds = 20
export const refreshSeconds = 5
const superviseSeconds = 5
/** The most that pg-boss allows: how long a task may take is not known, and workers that died are noticed by their silence. */
const longestTaskSeconds = 24 * 3600
/** Tries of a task in all, those that ended with their worker included. */
export const mostTries = 5

export interface TaskDatabaseOptions {
  /** Called for what goes wrong beside the tasks, such as a connection that was lost; it is tried again. */
  readonly onTrouble?: (error: Error) => void
  /** Refuses a folder that has no queue, instead of making one. */
  readonly existing?: boolean
}

export interface TaskDatabase {
  /** For people, without a password. */
  readonly place: string
  /** Whether other processes reach it. */
  readonly shared: boolean
  /**
   * Connects to the queue, which is made where there is none.
   *
   * @param name under which others see who is there; without one they do not
   * @throws PocketPhiError `network` where the database cannot be reached or used
   */
  join(name?: string): Promise<PgBoss>
  /** To be called when all who joined have stopped. */
  close(): Promise<void>
}

/**
 * Opens a database for queues.
 *
 * @param where `postgres://…` or the path of a folder
 * @throws PocketPhiError `not-supported` without the packages, or where another process has the folder, `invalid-argument` for other URLs,
 * `not-found` for a folder without a queue that should have one
 */
export async function openTaskDatabase(where: string, options: TaskDatabaseOptions = {}): Promise<TaskDatabase> {
  if (!where.includes('://')) return await openFolder(where, options)
  if (!/^postgres(?:ql)?:/.test(where) || !URL.canParse(where)) {
    throw new PocketPhiError('invalid-argument', 'No queue can be kept there.', {
      expected: 'postgres://user@host/database, or the path of a folder',
      found: where.replace(/:\/\/.*@/, '://…@'),
    })
  }
  const url = new URL(where)
  const place = `${url.protocol}//${url.host}${url.pathname}`
  return {
    place,
    shared: true,
    join: async (name) => await joinQueue({ connectionString: where }, place, name, options),
    close: async () => {},
  }
}

async function openFolder(folder: string, options: TaskDatabaseOptions): Promise<TaskDatabase> {
  if (options.existing === true && !existsSync(join(folder, 'database'))) {
    throw new PocketPhiError('not-found', `There is no queue in "${folder}".`, {
      expected: 'the folder of an embedded queue, or postgres://…',
    })
  }
  const { PGlite } = await peer('@electric-sql/pglite@0.5', () => import('@electric-sql/pglite'))
  const { fromPglite } = await peer('pg-boss@12.38', () => import('pg-boss'))
  await mkdir(folder, { recursive: true })
  // PGlite lets two processes write the same files.
  const lock = tryLock(
    join(folder, 'lock'),
    'where its file system has no locks, name a folder on a disk of this machine.',
  )
  if (lock === undefined) {
    throw new PocketPhiError('not-supported', `The queue in "${folder}" is open in another process.`, {
      expected: 'one process: the database is embedded in it',
      remedy: 'Let it end. A queue for several processes is kept in a PostgreSQL: postgres://…',
    })
  }
  try {
    const embedded = await PGlite.create(join(folder, 'database'))
    const db = fromPglite(embedded)
    return {
      place: folder,
      shared: false,
      join: async (name) => await joinQueue({ db, backend: 'pglite' }, folder, name, options),
      close: async () => {
        await embedded.close()
        lock.close()
      },
    }
  } catch (cause) {
    lock.close()
    throw new PocketPhiError('invalid-file', `The queue in "${folder}" cannot be opened.`, {
      found: reasonOf(cause),
      remedy: 'Remove the folder: what is done of a run is not in it.',
      cause,
    })
  }
}

/**
 * Loads a package that only those install who use it.
 * @param wanted its name, and the version that goes with this one, as in the peer dependencies
 */
async function peer<T>(wanted: string, load: () => Promise<T>): Promise<T> {
  return await load().catch((cause: unknown) => {
    throw new PocketPhiError(
      'not-supported',
      `Queues in a database need the package "${wanted.replace(/@[^@]*$/, '')}".`,
      {
        remedy: `Install it: npm install ${wanted}`,
        cause,
      },
    )
  })
}

async function joinQueue(
  connection: ConstructorOptions,
  place: string,
  name: string | undefined,
  { onTrouble = () => {} }: TaskDatabaseOptions,
): Promise<PgBoss> {
  const pgBoss = await peer('pg-boss@12.38', () => import('pg-boss'))
  const boss = new pgBoss.PgBoss({
    ...connection,
    schema,
    ...(name === undefined ? { registerInstance: false } : { instanceName: name }),
    schedule: false,
    useListenNotify: true,
    superviseIntervalSeconds: superviseSeconds,
    monitorIntervalSeconds: superviseSeconds,
    instanceHeartbeatSeconds: refreshSeconds,
  })
  boss.on('error', onTrouble)
  try {
    await boss.start()
    await boss.createQueue(taskQueue, {
      heartbeatSeconds,
      expireInSeconds: longestTaskSeconds,
      retryLimit: mostTries - 1,
      notify: true,
    })
    return boss
  } catch (cause) {
    await boss.stop({ graceful: false }).catch(() => undefined)
    throw new PocketPhiError('network', `The queue "${place}" cannot be used.`, {
      found: reasonOf(cause),
      remedy: 'Check that the database runs and that its user may create a schema in it.',
      cause,
    })
  }
}

/** Of several addresses that were tried in vain the error has no message of its own. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0])
  return error instanceof Error ? error.message : String(error)
}
