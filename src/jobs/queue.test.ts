import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PocketPhiError } from '../base/errors.ts'
import { openTaskThreads, type Task } from './queue.ts'

let folder = ''
let module = new URL('file:///')
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'phi-jobs-'))
  const file = join(folder, 'tasks.mjs')
  const errors = new URL('../base/errors.ts', import.meta.url).href
  await writeFile(
    file,
    `import { PocketPhiError } from ${JSON.stringify(errors)}
export async function runTask(input) {
  if (input === 'refuse') throw new PocketPhiError('invalid-file', 'It is torn.', { remedy: 'Mend it.' })
  if (input === 'end') process.exit(3)
  if (input === 'never') await new Promise(() => setInterval(() => {}, 1000))
  return input * input
}
`,
  )
  module = pathToFileURL(file)
})
afterAll(() => rm(folder, { recursive: true }))

const tasksOf = (...inputs: unknown[]): Task[] => inputs.map((input, index) => ({ name: `${index}`, input }))

describe.each([0, 1, 3])('a queue over %s threads', (threads) => {
  test('does every task once, run after run', async () => {
    const queue = openTaskThreads<unknown, number>(module, threads)
    for (const count of [20, 0, 7]) {
      const results = new Map<string, number>()
      const inputs = Array.from({ length: count }, (_, index) => index)
      await queue.run(tasksOf(...inputs), { onDone: ({ name }, result) => results.set(name, result) })
      expect(results).toEqual(new Map(inputs.map((index) => [`${index}`, index * index])))
    }
    await queue.close()
  })

  test('gives the error of a task as it was, and begins none after it', async () => {
    const queue = openTaskThreads<unknown, number>(module, threads)
    const done: string[] = []
    const run = queue.run(tasksOf('refuse', ...Array.from({ length: 100 }, () => 1)), {
      onDone: ({ name }) => done.push(name),
    })
    const error = await run.catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'invalid-file', problem: 'It is torn.', remedy: 'Mend it.' })
    // Those thrown on this thread are of the class of the module that threw them.
    if (threads > 0) expect(error).toBeInstanceOf(PocketPhiError)
    // Of several threads others may do the rest before the first has started.
    if (threads < 2) expect(done).toEqual([])
    await queue.close()
  })

  test('does nothing once it was aborted', async () => {
    const queue = openTaskThreads<unknown, number>(module, threads)
    await expect(queue.run(tasksOf(1), { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' })
    await queue.close()
  })
})

describe('threads', () => {
  test('are given up when the signal fires', async () => {
    const queue = openTaskThreads<unknown, number>(module, 2)
    const controller = new AbortController()
    const run = queue.run(tasksOf(2, 'never', 'never', 'never'), {
      signal: controller.signal,
      onDone: () => controller.abort(),
    })
    await expect(run).rejects.toMatchObject({ code: 'aborted' })
  })

  test('that end are an error', async () => {
    const queue = openTaskThreads<unknown, number>(module, 2)
    const run = queue.run(tasksOf(1, 'end'))
    await expect(run).rejects.toThrow(/a thread ended with code 3/)
    await queue.close()
  })
})
