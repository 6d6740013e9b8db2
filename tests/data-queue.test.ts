/** A run of data whose shards are done by processes that share a queue, one of which is killed. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { writeCorpus } from '../src/data/pipeline/corpus-harness.ts'
import { openPipelineQueue } from '../src/data/pipeline/queue.ts'
import { parseDataRecipe, type DataRecipe } from '../src/data/pipeline/recipe.ts'
import { runData } from '../src/data/pipeline/run.ts'
import type { QueueState } from '../src/jobs/database-state.ts'
import { postgresIfPossible } from '../src/jobs/postgres-harness.ts'

const main = join(import.meta.dirname, '../src/cli/main.ts')
const folder = await mkdtemp(join(tmpdir(), 'phi-data-queue-'))
const postgres = await postgresIfPossible()

let recipe: DataRecipe
beforeAll(async () => {
  recipe = parseDataRecipe(await writeCorpus(folder, 6, 12))
  await run('threads', { threads: 1 })
})
afterAll(async () => {
  await postgres.stop()
  await rm(folder, { recursive: true })
})

async function run(to: string, options: { threads: number; database?: string }): Promise<void> {
  const queue = await openPipelineQueue(options)
  await runData(recipe, { folder: join(folder, to), input: join(folder, 'input'), queue })
  await queue.close()
}

async function contentOf(to: string): Promise<Map<string, string>> {
  const entries = await readdir(join(folder, to, 'stages'), { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  const files = paths
    .sort()
    .map(async (path) => [relative(join(folder, to), path), await readFile(path, 'hex')] as const)
  return new Map(await Promise.all(files))
}

interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
}

/** @param onLine called for each line on standard output */
function phi(
  words: readonly string[],
  onLine?: (child: ChildProcess) => void,
): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [main, 'data', ...words], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
    onLine?.(child)
  })
  return { child, ended: new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, out }))) }
}

test('an embedded queue gives the same bytes as threads', async () => {
  await run('embedded', { threads: 2, database: join(folder, 'embedded', 'queue') })
  expect(await contentOf('embedded')).toEqual(await contentOf('threads'))
})

test('an embedded queue without threads is refused', async () => {
  const refused = openPipelineQueue({ threads: 0, database: join(folder, 'embedded', 'queue') })
  await expect(refused).rejects.toThrow(/Nobody would do the tasks/)
})

test('PostgreSQL gives the same bytes to worker processes, one of which is killed', async ({ skip }) => {
  skip(postgres.url === undefined, postgres.reason)
  const queue = ['--queue', postgres.url ?? '']
  const work = ['work', ...queue, '--threads', '1', '--json']
  const words = ['run', 'recipe.yaml', '--input', 'input', '--folder', 'processes', '--threads', '0', '--json']
  const coordinator = phi([...words, ...queue])
  const killed = phi(work, (child) => child.kill('SIGKILL'))
  expect((await killed.ended).signal).toBe('SIGKILL')
  const whole = phi(work)
  expect((await coordinator.ended).code).toBe(0)
  whole.child.kill('SIGINT')
  const left = await whole.ended
  expect(left.code).toBe(0)
  expect(left.out).toMatch(/"task":".*read-.*\.json","seconds":/)
  expect(await contentOf('processes')).toEqual(await contentOf('threads'))

  const { queue: state } = JSON.parse((await phi(['status', ...queue, '--json']).ended).out) as {
    queue: QueueState
  }
  expect(state).toMatchObject({ waiting: 0, running: 0, failed: 0 })
  const { done } = state.workers.find(({ name }) => name.endsWith(`/${whole.child.pid}`)) ?? {}
  expect(done).toBeGreaterThan(30)
  const told = await phi(['status', 'processes', ...queue]).ended
  expect(told.out).toMatch(/^education +\d+ +\d+ +100\.0 %/m)
  expect(told.out).toMatch(/^0 shards wait, 0 are in work, \d+ are done, 0 have failed\.$/m)
})

test.each([
  [['status'], 2],
  [['work', '--queue', 'pglite'], 2],
  [['work', '--queue', 'nowhere'], 1],
  [['status', '--queue', 'mysql://host/phi'], 1],
])('phi data %j is refused', async (words, code) => {
  expect((await phi(words).ended).code).toBe(code)
})
