/** `phi data work`, and what `phi data` says of a queue that workers share. */
import { availableParallelism } from 'node:os'
import { basename, dirname, join } from 'node:path'
import type { Command } from 'commander'
import { PocketPhiError } from '../base/errors.ts'
import { workOnData } from '../data/pipeline/queue.ts'
import { openTaskDatabase } from '../jobs/database.ts'
import { readQueueState, type QueueState } from '../jobs/database-state.ts'
import type { TaskTry } from '../jobs/workers.ts'
import { UsageError } from './errors.ts'
import { interruptible } from './interrupt.ts'
import { integer } from './options.ts'
import { formatSeconds, formatTable, note, print, printJson } from './terminal.ts'

interface WorkOptions {
  readonly queue: string
  readonly threads: number
  readonly json?: boolean
}

export function registerWork(group: Command): void {
  group
    .command('work')
    .description('Do shards of runs that others have put into a queue, until Ctrl-C.')
    .requiredOption('--queue <where>', 'postgres://user@host/database')
    .option('--threads <n>', 'shards at once', integer(1, 256), Math.max(1, availableParallelism()))
    .option('--json', 'print one JSON object for each piece of work')
    .addHelpText(
      'after',
      `
The folder of the run and that of its input have to be here at the same paths as on the machine of "phi data run". Workers come and go at any time:
Ctrl-C waits for the shards in work, a second one does not; what a worker had that was killed is done by others within half a minute.

Example:
  $ phi data work --queue postgres://phi@db/phi --threads 8`,
    )
    .action(work)
}

async function work({ queue, threads, json }: WorkOptions): Promise<void> {
  const where = placeOfQueue(queue, undefined)
  const onTry = (ended: TaskTry): void => {
    if (json === true) printJson(tryFields(ended))
    else note(tryLine(ended))
  }
  await interruptible(
    async (signal) => await workOnData(where, { threads, signal, onTry, onTrouble: noteTrouble() }),
    noteDraining,
  )
}

/** After Ctrl-C. */
export function noteDraining(): void {
  note('The shards in work are being finished. Ctrl-C once more gives them up.')
}

/** Says what goes wrong with the database, once as long as it goes on. */
export function noteTrouble(): (error: Error) => void {
  let last = ''
  return ({ message }) => {
    // Each thread asks by itself, and pg-boss appends which it was.
    const said = message.replace(/ \(Queue: .*\)$/, '')
    if (said !== last) note(`queue: ${said}`)
    last = said
  }
}

/** The stage and the shard of a task. */
const shortName = (task: string): string => `${basename(dirname(task))}/${basename(task, '.json')}`

function tryFields(ended: TaskTry): object {
  const { task, seconds } = ended
  return { task: task.name, seconds, ...('error' in ended && { error: messageOf(ended.error) }) }
}

function tryLine(ended: TaskTry): string {
  const took = `${formatSeconds(ended.seconds).padStart(8)}  ${shortName(ended.task.name)}`
  return 'error' in ended ? `${took}  failed: ${messageOf(ended.error)}` : took
}

function messageOf(error: unknown): string {
  if (error instanceof PocketPhiError) return error.problem
  return error instanceof Error ? error.message : String(error)
}

/**
 * Where a queue is kept.
 *
 * @param queue as it was given: a URL, a folder, or `pglite` for one within the folder of the run
 * @throws UsageError for `pglite` where no run was named
 */
export function placeOfQueue(queue: string, run: string | undefined): string {
  if (queue !== 'pglite') return queue
  if (run === undefined)
    throw new UsageError('of an embedded queue name the folder: that of the run, and "queue" in it')
  return join(run, 'queue')
}

/** @throws PocketPhiError as `openTaskDatabase` and `readQueueState` */
export async function queueState(queue: string, run: string | undefined): Promise<QueueState> {
  const database = await openTaskDatabase(placeOfQueue(queue, run), { existing: true })
  try {
    return await readQueueState(database)
  } finally {
    await database.close()
  }
}

export function printQueue({ waiting, again, running, done, failed, workers, failures }: QueueState): void {
  const tried = again === 0 ? '' : ` (${again} of them again)`
  print(`${waiting} shards wait${tried}, ${running} are in work, ${done} are done, ${failed} have failed.`)
  if (workers.length > 0) print(`\n${formatTable(workerRows(workers))}`)
  if (failures.length > 0) {
    const rows = failures.map(({ task, tries, reason }) => [shortName(task), String(tries), reason])
    print(`\n${formatTable([['failed', 'tries', 'reason'], ...rows])}`)
  }
}

function workerRows(workers: QueueState['workers']): string[][] {
  const head = ['worker', 'threads', 'in work', 'done', 'in the last minute', 'seconds a shard']
  const rows = workers.map(({ name, isHere, threads, running, done, doneInLastMinute, secondsPerTask }) => [
    name,
    ...(isHere ? [String(threads), String(running)] : ['gone', '-']),
    String(done),
    String(doneInLastMinute),
    secondsPerTask === undefined ? '-' : secondsPerTask.toFixed(2),
  ])
  return [head, ...rows]
}
