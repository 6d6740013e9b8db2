/** Runs that are stopped, die, go on, and are not believed to be something else. */
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { PocketPhiError } from '../../base/errors.ts'
import { chartqa } from '../tasks/pictures/index.ts'
import { piqa } from '../tasks/options.ts'
import { triviaqa } from '../tasks/open-questions.ts'
import type { Task } from '../tasks/types.ts'
import type { AnswerHeader, AnswerRecord } from './answers.ts'
import { readTask, type TaskRows } from './rows.ts'
import { runTask } from './run.ts'
import { ScriptedSubject } from './scripted-subject-harness.ts'
import { summariseTask } from './summary.ts'

let folder = ''
let file = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pocket-phi-answers-'))
  file = join(folder, 'answers.jsonl')
})

afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

const header: AnswerHeader = { task: 'triviaqa', model: 'scripted', settings: { weights: 'a' } }

async function rowsOf(task: Task, tested: readonly Record<string, unknown>[]): Promise<TaskRows> {
  const place = (fields: Record<string, unknown>) => ({
    fields,
    place: '',
    open: () => Promise.resolve(new Uint8Array()),
  })
  const rows = await readTask(task, { rows: (_, split) => Promise.resolve(split === 'test' ? tested.map(place) : []) })
  if (rows === undefined) throw new Error('no rows')
  return rows
}

const questions = (count: number) =>
  rowsOf(
    triviaqa,
    // Every third is right.
    Array.from({ length: count }, (_, index) => ({
      id: `q${index}`,
      question: `Which word is w${index}?`,
      answers: [index % 3 === 0 ? `W${index}` : 'other'],
    })),
  )

function run(rows: TaskRows, subject: ScriptedSubject, options: Partial<Parameters<typeof runTask>[3]> = {}) {
  return runTask(triviaqa, rows, () => Promise.resolve(subject), { file, header, parallel: 3, ...options })
}

/** Ends the process, as far as the subject can: no answer comes back from question `at` on. */
const dyingAt = (at: number): ScriptedSubject =>
  new ScriptedSubject((begun) => {
    if (begun >= at) throw new Error('power failure')
  })

const linesOf = async (): Promise<string[]> => (await readFile(file, 'utf8')).trimEnd().split('\n')

describe('a run', () => {
  test('answers every question once, in the order of the questions, and keeps prompts, answers and scores', async () => {
    const subject = new ScriptedSubject()
    const progress: [number, number][] = []
    const records = await run(await questions(7), subject, { onAnswer: (...now) => progress.push(now) })
    expect(records.map(({ id }) => id)).toEqual(['q0', 'q1', 'q2', 'q3', 'q4', 'q5', 'q6'])
    expect(records.map(({ scores }) => scores)).toEqual([1, 0, 0, 1, 0, 0, 1].map((exact_match) => ({ exact_match })))
    expect(subject.asked.length).toBe(7)
    expect(progress.at(0)).toEqual([0, 7])
    expect(progress.at(-1)).toEqual([7, 7])
    const [first, ...rest] = (await linesOf()).map((line): unknown => JSON.parse(line))
    expect(first).toEqual({ format: 'pocket-phi-answers-1', ...header })
    expect((rest as AnswerRecord[]).find(({ id }) => id === 'q1')).toEqual({
      id: 'q1',
      group: '',
      shots: 0,
      cutTokens: 0,
      prompts: ['Question: Which word is w1?\nAnswer:'],
      answer: ' w1',
      answers: ['other'],
      scores: { exact_match: 0 },
    })
  })

  test('keeps of options what they are and how likely they were', async () => {
    const rows = await rowsOf(piqa, [{ id: 'a', question: 'To sit', choices: ['a long bench', 'chair'], answer: 1 }])
    const subject = new ScriptedSubject()
    const [record] = await runTask(piqa, rows, () => Promise.resolve(subject), { file, header, parallel: 1 })
    expect(record).toEqual({
      id: 'a',
      group: '',
      shots: 0,
      cutTokens: 0,
      prompts: ['Question: To sit\nAnswer:'],
      options: ['a long bench', 'chair'],
      logLikelihoods: [-12, -5],
      truths: [1],
      scores: { acc_norm: 0, acc: 1 },
    })
  })
})

describe('a run that died', () => {
  test('goes on where it was, and comes to what an undisturbed one does', async () => {
    const rows = await questions(10)
    await expect(run(rows, dyingAt(4))).rejects.toThrow('power failure')
    expect((await linesOf()).length).toBe(1 + 4)
    const subject = new ScriptedSubject()
    const records = await run(rows, subject)
    expect(subject.asked.length).toBe(6)
    await rm(file)
    expect(records).toEqual(await run(rows, new ScriptedSubject()))
  })

  test.each([
    ['half a line', '{"id":"q9","group":"","sho'],
    ['zeros of a file system', `${'\0'.repeat(40)}\n`],
    ['a line that is no answer', '{"id":3}\n'],
  ])('leaves %s, which goes', async (_, torn) => {
    const rows = await questions(5)
    await expect(run(rows, dyingAt(2))).rejects.toThrow('power failure')
    await appendFile(file, torn)
    const subject = new ScriptedSubject()
    const records = await run(rows, subject)
    expect(subject.asked.length).toBe(3)
    expect(records.length).toBe(5)
    for (const line of await linesOf()) expect(() => JSON.parse(line)).not.toThrow()
  })

  test('before its first line was whole is no run', async () => {
    await writeFile(file, '{"format":"pocket-phi-ans')
    expect((await run(await questions(2), new ScriptedSubject())).length).toBe(2)
  })
})

test('Ctrl-C keeps what was answered and says how to go on', async () => {
  const controller = new AbortController()
  const subject = new ScriptedSubject((begun) => {
    if (begun === 5) controller.abort()
  })
  const stopped = run(await questions(9), subject, { signal: controller.signal })
  await expect(stopped).rejects.toMatchObject({ code: 'aborted', remedy: expect.stringContaining('the same command') })
  const kept = (await linesOf()).length - 1
  expect(kept).toBeGreaterThanOrEqual(3)
  expect(kept).toBeLessThan(9)
})

test('a model is not opened where all is answered, and scores are by the rules of today', async () => {
  const rows = await questions(4)
  await run(rows, new ScriptedSubject())
  const stale = (await readFile(file, 'utf8')).replaceAll('"exact_match":1', '"exact_match":0')
  await writeFile(file, stale)
  const records = await runTask(triviaqa, rows, () => Promise.reject(new Error('opened')), {
    file,
    header,
    parallel: 1,
  })
  expect(records.map(({ scores }) => scores['exact_match'])).toEqual([1, 0, 0, 1])
})

describe('a question that there is no room for', () => {
  const full = (place: number): ScriptedSubject =>
    new ScriptedSubject((begun) => {
      if (begun === place) throw new PocketPhiError('context-full', 'Too long.', { found: '9 tokens' })
    })

  test('is recorded with the reason and counts as wrong, and all others are asked', async () => {
    const rows = await questions(4)
    const records = await run(rows, full(0), { parallel: 1 })
    expect(records.map(({ scores }) => scores['exact_match'])).toEqual([0, 0, 0, 1])
    expect(records[0]).toMatchObject({
      unanswered: 'Too long. Found: 9 tokens',
      prompts: ['Question: Which word is w0?\nAnswer:'],
    })
    expect(summariseTask(triviaqa, rows, records)).toMatchObject({ questions: 4, unanswered: 1 })
    // There may be room by now.
    const again = new ScriptedSubject()
    const whole = await run(rows, again)
    expect(again.asked).toEqual(['Question: Which word is w0?\nAnswer:'])
    expect(whole.map(({ scores }) => scores['exact_match'])).toEqual([1, 0, 0, 1])
    expect(summariseTask(triviaqa, rows, whole)).toMatchObject({ unanswered: 0 })
  })

  test('counts by every measure of options', async () => {
    const rows = await rowsOf(piqa, [{ id: 'a', question: 'To sit', choices: ['a long bench', 'chair'], answer: 0 }])
    const [record] = await runTask(piqa, rows, () => Promise.resolve(full(0)), { file, header, parallel: 1 })
    expect(record).toMatchObject({ unanswered: expect.any(String), scores: { acc: 0, acc_norm: 0 } })
    const [answered] = await runTask(piqa, rows, () => Promise.resolve(new ScriptedSubject()), {
      file,
      header,
      parallel: 1,
    })
    expect(answered).toMatchObject({ options: ['a long bench', 'chair'] })
  })
})

describe('answers are refused', () => {
  test('that were given with other settings', async () => {
    await run(await questions(2), new ScriptedSubject())
    const other = { ...header, settings: { weights: 'b' } }
    await expect(run(await questions(2), new ScriptedSubject(), { header: other })).rejects.toMatchObject({
      code: 'invalid-argument',
      remedy: expect.stringContaining('--out'),
    })
  })

  test('to another question of the same id', async () => {
    await run(await questions(2), new ScriptedSubject())
    const other = await rowsOf(triviaqa, [{ id: 'q0', question: 'Another one?', answers: ['x'] }])
    await expect(run(other, new ScriptedSubject())).rejects.toThrow('another question "q0"')
  })

  test('to a question that only ends alike, or has other examples', async () => {
    const row = (question: string) => [{ id: 'q0', question, answers: ['x'] }]
    const examples = (rows: TaskRows, shot: string): TaskRows => {
      return { ...rows, fewShots: new Map([['', { preamble: '', shots: [shot] }]]) }
    }
    const rows = examples(await rowsOf(triviaqa, row('Which word is it?')), 'One.')
    await run(rows, new ScriptedSubject())
    await run(rows, new ScriptedSubject(() => expect.unreachable()))
    const others = [examples(rows, 'Two.'), await rowsOf(triviaqa, row('One.\n\nQuestion: Which word is it?'))]
    for (const other of others) {
      await expect(run(other, new ScriptedSubject())).rejects.toThrow('another question "q0"')
    }
  })

  test('to a question with other options, or other pictures', async () => {
    const choice = (last: string) =>
      rowsOf(piqa, [{ id: 'a', question: 'To sit', choices: ['bench', last], answer: 1 }])
    const picture = (name: string) =>
      rowsOf(chartqa, [{ id: 'a', question: 'How many?', image: name, answer: '3', type: 'human' }])
    const runOf = (task: Task, rows: TaskRows) =>
      runTask(task, rows, () => Promise.resolve(new ScriptedSubject()), {
        file: join(folder, task.name),
        header,
        parallel: 1,
      })
    await runOf(piqa, await choice('chair'))
    await runOf(chartqa, await picture('one.png'))
    await runOf(chartqa, await picture('one.png'))
    await expect(choice('stone').then((rows) => runOf(piqa, rows))).rejects.toThrow('another question "a"')
    await expect(picture('two.png').then((rows) => runOf(chartqa, rows))).rejects.toThrow('another question "a"')
  })

  test('in a file that is something else', async () => {
    await writeFile(file, '{"id":"q0","scores":{}}\n')
    await expect(run(await questions(2), new ScriptedSubject())).rejects.toThrow('other circumstances')
  })
})
