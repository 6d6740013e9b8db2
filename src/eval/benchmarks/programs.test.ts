/** Tasks whose answers are run: what is kept of them, and when they are run again. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { runProgram } from '../../sandbox/run.ts'
import type { Outcome, Program } from '../../sandbox/types.ts'
import { humaneval } from '../tasks/code.ts'
import type { AnswerHeader, AnswerRecord } from './answers.ts'
import { readTask, type TaskRows } from './rows.ts'
import { runTask } from './run.ts'
import { ScriptedSubject } from './scripted-subject-harness.ts'
import { summariseTask } from './summary.ts'

let folder = ''
let file = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pocket-phi-programs-'))
  file = join(folder, 'humaneval.jsonl')
})

afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

const header: AnswerHeader = { task: 'humaneval', model: 'scripted', settings: {} }

/** Questions whose last word the scripted subject answers with. */
async function questions(count: number): Promise<TaskRows> {
  const rows = Array.from({ length: count }, (_, index) => ({
    fields: {
      id: `H/${index}`,
      prompt: `# What is w${index}?`,
      entry_point: 'f',
      canonical_solution: ' x',
      test: `# tests ${index}`,
    },
    place: '',
  }))
  const read = await readTask(humaneval, { rows: (_, split) => Promise.resolve(split === 'test' ? rows : []) })
  if (read === undefined) throw new Error('no rows')
  return read
}

/** Says what it was given, and how the programs with even numbers come to their end. */
function scripted(ran: string[]): typeof runProgram {
  return ({ source }: Program): Promise<Outcome> => {
    ran.push(source)
    const even = Number(/tests (\d+)/.exec(source)?.[1]) % 2 === 0
    return Promise.resolve(
      even ? { kind: 'finished', output: '' } : { kind: 'raised', error: 'AssertionError', output: 'no' },
    )
  }
}

const run = (rows: TaskRows, subject: ScriptedSubject, ran: string[]) =>
  runTask(humaneval, rows, () => Promise.resolve(subject), { file, header, parallel: 2, execute: scripted(ran) })

const recordsOf = async (): Promise<AnswerRecord[]> =>
  (await readFile(file, 'utf8'))
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => JSON.parse(line) as AnswerRecord)

test('each answer is run once with its tests, and kept with what came of it', async () => {
  const ran: string[] = []
  const rows = await questions(3)
  const records = await run(rows, new ScriptedSubject(), ran)
  expect(ran.sort()[1]).toBe('# What is w1? w1\n# tests 1\ncheck(f)')
  expect((await recordsOf()).find(({ id }) => id === 'H/1')).toEqual({
    id: 'H/1',
    group: '',
    shots: 0,
    cutTokens: 0,
    prompts: ['# What is w1?'],
    answer: ' w1',
    program: '# What is w1? w1\n# tests 1\ncheck(f)',
    outcome: { kind: 'raised', error: 'AssertionError', output: 'no' },
    scores: { 'pass@1': 0 },
  })
  const { scores, chance } = summariseTask(humaneval, rows, records)
  // Two of three, with the standard error of a coin.
  expect(scores['pass@1']).toEqual({ mean: 2 / 3, standardError: expect.closeTo(Math.sqrt(2 / 9 / 2), 12) })
  expect(chance).toBeUndefined()
})

test('what was run is not run again, nor is the model opened', async () => {
  const first = await run(await questions(3), new ScriptedSubject(), [])
  const again = await runTask(humaneval, await questions(3), () => Promise.reject(new Error('opened')), {
    file,
    header,
    parallel: 1,
    execute: () => Promise.reject(new Error('run')),
  })
  expect(again).toEqual(first)
})

test('an answer that other rules make another program of is run again without the model', async () => {
  await run(await questions(3), new ScriptedSubject(), [])
  const kept = await readFile(file, 'utf8')
  await writeFile(file, kept.replace('w1\\n# tests 1', 'w1\\n# older tests 1'))
  const ran: string[] = []
  const rejecting = () => Promise.reject(new Error('opened'))
  const options = { file, header, parallel: 1, execute: scripted(ran) }
  await runTask(humaneval, await questions(3), rejecting, options)
  expect(ran).toEqual(['# What is w1? w1\n# tests 1\ncheck(f)'])
  await runTask(humaneval, await questions(3), rejecting, options)
  expect(ran.length).toBe(1)
})

test('a run that died while programs ran goes on with those that are left', async () => {
  const rows = await questions(6)
  let left = 3
  const dying: typeof runProgram = (program) =>
    left-- > 0 ? scripted([])(program) : Promise.reject(new Error('power failure'))
  const subject = new ScriptedSubject()
  const options = { file, header, parallel: 1 }
  await expect(
    runTask(humaneval, rows, () => Promise.resolve(subject), { ...options, execute: dying }),
  ).rejects.toThrow('power failure')
  const ran: string[] = []
  const records = await run(rows, subject, ran)
  expect(ran.length).toBe(3)
  expect(records.map(({ scores }) => scores['pass@1'])).toEqual([1, 0, 1, 0, 1, 0])
})
