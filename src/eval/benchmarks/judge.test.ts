/** Conversations that are rated by a model behind a server: what is asked, kept, asked again, and what is not asked twice. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { PocketPhiError } from '../../base/errors.ts'
import { mtBench } from '../tasks/mt-bench.ts'
import type { JudgedTask } from '../tasks/types.ts'
import type { AnswerHeader, AnswerRecord } from './answers.ts'
import { ScriptedEndpoint } from './endpoint-harness.ts'
import { Judge } from './judge.ts'
import { readTask, type TaskRows } from './rows.ts'
import { runTask } from './run.ts'
import { ScriptedSubject } from './scripted-subject-harness.ts'
import { summariseTask } from './summary.ts'

let folder = ''
let file = ''
let server: ScriptedEndpoint
let url = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pocket-phi-judge-'))
  file = join(folder, 'answers.jsonl')
  server = new ScriptedEndpoint()
  server.models = ['scripted', 'another']
  url = await server.start()
})

afterEach(async () => {
  await server[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const header: AnswerHeader = { task: 'mt-bench', model: 'scripted', settings: {} }

/** Two conversations: one by writing, at a temperature, and one by math, with reference answers. */
async function conversations(): Promise<TaskRows> {
  const rows = [
    { id: 'w', category: 'writing', turns: ['Write a line.', 'Make it rhyme.'], reference: null },
    { id: 'm', category: 'math', turns: ['Twice seven?', 'Half of it?'], reference: ['Fourteen.', 'Seven.'] },
  ]
  const read = await readTask(mtBench, {
    rows: (_, split) => Promise.resolve(split === 'test' ? rows.map((fields) => ({ fields, place: '' })) : undefined),
  })
  if (read === undefined) throw new Error('no rows')
  return read
}

/** Rates the second answer of a conversation by 4, the first by 8. */
const fair = (last: string): string => `It will do. [[${last.includes('=== Assistant 2 ===') ? 4 : 8}]]`

const reminder = { role: 'user', content: 'Be strict. [[8]]' } as const

const judgeOf = (model = 'scripted'): Judge => new Judge({ url, model })

async function run(subject: ScriptedSubject, judge = judgeOf(), task = mtBench): Promise<readonly AnswerRecord[]> {
  return await runTask(task, await conversations(), () => Promise.resolve(subject), {
    file,
    header,
    parallel: 1,
    judge,
  })
}

describe('a conversation', () => {
  test('is had turn by turn, at the temperature of its category, and rated turn by turn', async () => {
    server.say = fair
    const [writing, math] = await run(new ScriptedSubject())
    const replies = writing?.replies?.map((reply) => reply.split('|'))
    // The first answer belongs to one message, the second to three: question, answer, question.
    expect(replies?.map(([count, last, temperature]) => [count, last, temperature])).toEqual([
      ['1', 'Write a line.', '0.7'],
      ['3', 'Make it rhyme.', '0.7'],
    ])
    expect(replies?.[0]?.[3]).not.toBe(replies?.[1]?.[3])
    expect(math?.replies?.map((reply) => reply.split('|')[2])).toEqual(['0', '0'])
    expect(writing?.scores).toEqual({ rating: expect.closeTo(0.6, 12), 'turn 1': 0.8, 'turn 2': 0.4 })
    expect(server.asked.length).toBe(4)
    for (const { body } of server.asked) expect(body).toMatchObject({ model: 'scripted', temperature: 0 })
  })

  test('is judged by what was said, with the reference answers where there are such', async () => {
    server.say = fair
    const [writing, math] = await run(new ScriptedSubject())
    const told = (record: AnswerRecord | undefined, turn: number): string =>
      record?.judgements?.[turn]?.messages[0]?.content ?? ''
    expect(told(writing, 0)).toContain(`=== Assistant ===\n${writing?.replies?.[0]}\n`)
    expect(told(writing, 0)).not.toContain('Reference')
    expect(told(math, 1)).toContain('=== Reference answer 2 ===\nSeven.\n')
    expect(told(math, 1)).toContain(`=== Assistant 2 ===\n${math?.replies?.[1]}\n`)
  })
})

describe('a judgement', () => {
  test('without a rating is asked for again, and counted', async () => {
    let count = 0
    server.say = (last) => (count++ === 0 ? 'I liked it.' : fair(last.includes('Judge again') ? '' : last))
    const records = await run(new ScriptedSubject())
    expect(records[0]?.judgements?.[0]).toMatchObject({ said: ['I liked it.', 'It will do. [[8]]'], rating: 0.8 })
    expect(server.asked[1]?.body.messages?.map(({ content }) => content)).toEqual([
      expect.stringMatching(/^Judge, without/),
      'I liked it.',
      expect.stringMatching(/^There is no rating/),
    ])
    const { scores, groups, judgements, points } = summariseTask(mtBench, await conversations(), records)
    expect(judgements).toEqual({ judge: `scripted@${url}`, answers: 4, malformed: 1, unrated: 0 })
    expect([points, scores['rating']?.mean]).toEqual([10, expect.closeTo(0.6, 12)])
    expect(Object.keys(groups ?? {})).toEqual(['writing', 'math'])
  })

  test('that the judge has no room for is asked for once', async () => {
    server.context = 5
    const records = await run(new ScriptedSubject())
    expect(server.asked.length).toBe(4)
    expect(records[0]?.judgements?.[0]?.said).toEqual([expect.stringMatching(/^\(refused\) .*exceeds the context/)])
    expect(records.map(({ scores }) => scores)).toEqual([{}, {}])
  })

  test('that was about other words is asked for again', async () => {
    server.say = fair
    await run(new ScriptedSubject())
    const task: JudgedTask = { ...mtBench, grading: (...given) => [...mtBench.grading(...given), reminder] }
    const subject = new ScriptedSubject()
    const records = await run(subject, judgeOf(), task)
    expect([subject.asked.length, server.asked.length]).toEqual([0, 8])
    expect(records[0]?.judgements?.[0]?.messages.at(-1)).toEqual(reminder)
  })

  test('that is cut off has no rating, whatever stands in it', async () => {
    server.say = () => 'It could be [[7]], but then'
    server.finish = 'length'
    const records = await run(new ScriptedSubject())
    expect(records.map(({ scores }) => scores)).toEqual([{}, {}])
    const { judgements } = summariseTask(mtBench, await conversations(), records)
    expect(judgements).toMatchObject({ answers: 4, malformed: 12, unrated: 4 })
  })

  test('that never has a rating leaves its conversation out, until the command is given again', async () => {
    server.say = (last) => (last.includes('Write a line') || last.includes('again') ? 'No.' : fair(last))
    const records = await run(new ScriptedSubject())
    const summary = summariseTask(mtBench, await conversations(), records)
    expect(summary.judgements).toMatchObject({ malformed: 6, unrated: 2 })
    expect(summary.scores['rating']).toEqual({ mean: expect.closeTo(0.6, 12), standardError: undefined })
    expect(Object.keys(summary.groups ?? {})).toEqual(['math'])
    server.asked.length = 0
    server.say = fair
    const subject = new ScriptedSubject()
    const again = await run(subject)
    expect([subject.asked.length, server.asked.length]).toEqual([0, 2])
    expect(again.map(({ scores }) => scores['turn 1'])).toEqual([0.8, 0.8])
  })

  test('is not asked for twice; another judge is asked without the model', async () => {
    server.say = fair
    await run(new ScriptedSubject())
    const subject = new ScriptedSubject()
    expect((await run(subject)).map(({ scores }) => scores['turn 2'])).toEqual([0.4, 0.4])
    expect([subject.asked.length, server.asked.length]).toEqual([0, 4])
    server.say = () => '[[2]]'
    expect((await run(subject, judgeOf('another'))).map(({ scores }) => scores['turn 2'])).toEqual([0.2, 0.2])
    expect([subject.asked.length, server.asked.length]).toEqual([0, 8])
  })
})

test('a conversation that there is no room for has no rating, and nobody is asked for one', async () => {
  server.say = fair
  const full = (): ScriptedSubject =>
    new ScriptedSubject((begun) => {
      if (begun % 2 === 1) throw new PocketPhiError('context-full', 'Too long.')
    })
  // The first turn of the first conversation is answered, its second is not, and so it is with the other.
  const records = await run(full())
  expect(records).toMatchObject([
    { unanswered: 'Too long.', scores: {} },
    { unanswered: 'Too long.', scores: {} },
  ])
  expect(server.asked).toEqual([])
  const summary = summariseTask(mtBench, await conversations(), records)
  expect(summary).toMatchObject({ questions: 2, unanswered: 2, scores: {} })
  expect(summary.judgements).toBeUndefined()
  expect((await run(new ScriptedSubject())).map(({ scores }) => scores['turn 2'])).toEqual([0.4, 0.4])
})

test('answers are kept where the judge fails', async () => {
  const nobody = new Judge({ url, model: 'nobody' })
  await expect(run(new ScriptedSubject(), nobody)).rejects.toMatchObject({ code: 'not-found' })
  expect((await readFile(file, 'utf8')).trimEnd().split('\n').length).toBe(2)
  server.say = fair
  const subject = new ScriptedSubject()
  await run(subject)
  expect(subject.asked).toEqual(['Twice seven?', 'Half of it?'])
})
