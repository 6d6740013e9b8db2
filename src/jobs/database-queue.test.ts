import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PocketPhiError } from '../base/errors.ts'
import { openDatabaseQueue } from './database-queue.ts'
import { readQueueState } from './database-state.ts'
import { mostTries, openTaskDatabase, schema, taskQueue, type TaskDatabase } from './database.ts'
import { postgresIfPossible } from './postgres-harness.ts'
import type { Task } from './queue.ts'
import { startTaskWorker, type TaskTry } from './workers.ts'

const folder = await mkdtemp(join(tmpdir(), 'phi-database-queue-'))
const module = pathToFileURL(join(folder, 'tasks.mjs'))
const postgres = await postgresIfPossible()

beforeAll(async () => {
  const errors = new URL('../base/errors.ts', import.meta.url).href
  await writeFile(
    module,
    `import { appendFileSync, existsSync, mkdirSync, watch } from 'node:fs'
import { PocketPhiError } from ${JSON.stringify(errors)}

/** Numbers those who come, and lets nobody go whose partner has not come. */
async function meet(folder) {
  let number = 0
  for (;; number++) {
    try { mkdirSync(folder + '/' + number); break } catch (error) { if (error.code !== 'EEXIST') throw error }
  }
  const partner = folder + '/' + (number ^ 1)
  const watcher = watch(folder)
  await new Promise((resolve) => {
    const look = () => existsSync(partner) && resolve()
    watcher.on('change', look)
    look()
  })
  watcher.close()
}

export async function runTask({ kind, number, path }) {
  if (kind === 'meet') await meet(path)
  if (kind === 'log') appendFileSync(path, number + '\\n')
  if (kind === 'unless' && !existsSync(path)) {
    appendFileSync(path + '.tries', number + '\\n')
    throw new PocketPhiError('invalid-file', 'It is torn.', { found: 'half of it', remedy: 'Mend it.' })
  }
  if (kind === 'end') process.exit(3)
  return number * number
}
`,
  )
})
afterAll(async () => {
  await postgres.stop()
  await rm(folder, { recursive: true })
})

interface Input {
  readonly kind?: 'meet' | 'log' | 'unless' | 'end'
  readonly number: number
  readonly path?: string
}

let names = 0
const tasksOf = (inputs: readonly Input[]): Task<Input>[] =>
  inputs.map((input) => ({ name: `/runs/task ${names++}`, input }))
const numbers = (count: number): number[] => Array.from({ length: count }, (_, number) => number)
const linesOf = async (path: string): Promise<string[]> => (await readFile(path, 'utf8')).trim().split('\n')

describe.each([
  { name: 'a database in a folder', where: join(folder, 'queue') },
  ...(postgres.url === undefined ? [] : [{ name: 'PostgreSQL', where: postgres.url }]),
])('a queue in $name', ({ where }) => {
  let database: TaskDatabase
  beforeAll(async () => {
    database = await openTaskDatabase(where, { onTrouble: (error) => console.error(error) })
  })
  afterAll(() => database.close())

  const open = () => openDatabaseQueue<Input, number>(database, { retrySeconds: 0 })
  const worker = (name: string, onTry?: (ended: TaskTry) => void) =>
    startTaskWorker(database, module, { threads: 1, name, ...(onTry && { onTry }) })

  test('is open to one process where it is embedded in it', async () => {
    if (database.shared) await (await openTaskDatabase(where)).close()
    else await expect(openTaskDatabase(where)).rejects.toThrow(/is open in another process/)
  })

  test('has every task done once, run after run', async () => {
    const queue = await open()
    const one = await startTaskWorker(database, module, { threads: 2, name: 'one' })
    for (const count of [30, 0, 3]) {
      const path = join(folder, `once-${count}-${names}`)
      const tasks = tasksOf(numbers(count).map((number) => ({ kind: 'log', number, path })))
      const results = new Map<string, number>()
      await queue.run(tasks, { onDone: ({ name }, result) => results.set(name, result) })
      expect(results).toEqual(new Map(tasks.map(({ name, input: { number } }) => [name, number * number])))
      if (count > 0) expect((await linesOf(path)).map(Number).sort((a, b) => a - b)).toEqual(numbers(count))
    }
    await one.close()
    await queue.close()
  })

  test('gives tasks to all workers', async () => {
    const path = await mkdtemp(join(folder, 'meet-'))
    const queue = await open()
    const done = { two: 0, three: 0 }
    const workers = [await worker('two', () => done.two++), await worker('three', () => done.three++)]
    await queue.run(tasksOf(numbers(12).map((number) => ({ kind: 'meet', number, path }))))
    await Promise.all(workers.map((one) => one.close()))
    await queue.close()
    expect(done).toEqual({ two: 6, three: 6 })
    const state = await readQueueState(database)
    const two = state.workers.find(({ name }) => name === 'two')
    expect(two).toMatchObject({ isHere: false, threads: 0, running: 0, done: 6 })
  })

  test('tries what fails again, does the rest, and keeps the error until it is mended', async () => {
    const path = join(folder, `mended-${names}`)
    const queue = await open()
    const one = await worker('four')
    const tasks = tasksOf(numbers(8).map((number) => (number === 2 ? { kind: 'unless', number, path } : { number })))
    const results: number[] = []
    const onDone = (_: Task, result: number): void => void results.push(result)
    const error = await queue.run(tasks, { onDone }).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(PocketPhiError)
    expect(error).toMatchObject({ code: 'invalid-file', problem: 'It is torn.', remedy: 'Mend it.' })
    expect(results.sort((a, b) => a - b)).toEqual([0, 1, 9, 16, 25, 36, 49])
    expect(await linesOf(`${path}.tries`)).toHaveLength(mostTries)
    const state = await readQueueState(database)
    expect(state).toMatchObject({ waiting: 0, running: 0, failed: 1 })
    expect(state.failures).toEqual([
      { task: tasks[2]?.name, tries: mostTries, reason: 'It is torn. Found half of it.' },
    ])
    await writeFile(path, '')
    results.length = 0
    await queue.run(tasks.slice(2, 3), { onDone })
    expect(results).toEqual([4])
    expect((await readQueueState(database)).failed).toBe(0)
    await one.close()
    await queue.close()
  })

  test('bounds the tries of what ends its worker', async () => {
    const queue = await open()
    const one = await worker('five')
    await expect(queue.run(tasksOf([{ kind: 'end', number: 1 }, { number: 2 }]))).rejects.toThrow(
      /a thread ended with code 3/,
    )
    await one.close()
    await queue.close()
  })

  test('goes on without whoever waits for it', async () => {
    const path = join(folder, `left-${names}`)
    const tasks = tasksOf(numbers(20).map((number) => ({ kind: 'log', number, path })))
    const controller = new AbortController()
    const first = await open()
    const left = first.run(tasks, { signal: controller.signal }).catch((reason: unknown) => reason)
    await expect.poll(async () => (await readQueueState(database)).waiting).toBe(20)
    controller.abort()
    expect(await left).toMatchObject({ code: 'aborted' })
    await first.close()
    const one = await worker('six')
    await expect.poll(async () => (await readQueueState(database)).waiting).toBe(0)
    await one.close()
    expect((await linesOf(path)).sort()).toEqual(numbers(20).map(String).sort())
  })

  test('gives to others what a worker had that fell silent', async () => {
    const tasks = tasksOf([{ number: 3 }])
    const queue = await open()
    const results: number[] = []
    const run = queue.run(tasks, { onDone: (_, result) => void results.push(result) })
    const silent = await database.join('silent')
    await expect.poll(async () => await silent.fetch(taskQueue)).toHaveLength(1)
    expect(await readQueueState(database)).toMatchObject({ waiting: 0, running: 1 })
    const one = await worker('seven')
    await silent
      .getDb()
      .executeSql(`UPDATE ${schema}.job SET heartbeat_on = now() - interval '1 hour' WHERE state = 'active'`)
    await silent.supervise()
    await run
    expect(results).toEqual([9])
    await silent.stop()
    await one.close()
    await queue.close()
  })

  test('is left by a worker that can do nothing, before it fails everything', async () => {
    const path = join(folder, `unfit-${names}`)
    const queue = await open()
    const reason = new PocketPhiError('not-found', 'The share is not here.')
    const refused: unknown[] = []
    const unfit = await startTaskWorker(database, module, {
      threads: 1,
      name: 'unfit',
      unfit: () => reason,
      onTry: ({ error }) => refused.push(error),
    })
    const run = queue.run(tasksOf(numbers(10).map((number) => ({ kind: 'log', number, path }))))
    await expect(unfit.left).rejects.toBe(reason)
    await unfit.close()
    expect(refused).toEqual([reason])
    const one = await worker('eight')
    await run
    expect(await linesOf(path)).toHaveLength(10)
    await one.close()
    await queue.close()
  })
})

test('has a PostgreSQL to be tested on', ({ skip }) => {
  skip(postgres.url === undefined, postgres.reason)
  expect(postgres.url).toMatch(/^postgres/)
})

describe('a database', () => {
  test('that cannot be reached is said without its password', async () => {
    const database = await openTaskDatabase('postgres://me:secret@127.0.0.1:1/tasks?password=secret')
    const error = await database.join().catch((reason: unknown) => reason)
    expect(error).toMatchObject({
      code: 'network',
      problem: 'The queue "postgres://127.0.0.1:1/tasks" cannot be used.',
    })
    expect((error as Error).message).not.toContain('secret')
  })

  test.each(['mysql://me:secret@host/tasks', 'postgres://me:secret@'])('is not %s', async (where) => {
    const error = await openTaskDatabase(where).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'invalid-argument' })
    expect((error as Error).message).not.toContain('secret')
  })
})
