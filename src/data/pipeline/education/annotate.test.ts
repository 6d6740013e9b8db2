import { spawn } from 'node:child_process'
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TestClock } from '../../../base/clock-harness.ts'
import { Random } from '../../../base/random.ts'
import type { Endpoint } from '../../../endpoint/endpoint.ts'
import {
  annotateWithModel,
  annotateWithRules,
  annotationsFile,
  type AnnotatedDocument,
  type AnnotationReport,
  type ModelAnnotationOptions,
} from './annotate.ts'
import { documentsToJudge, eachOf, ScriptedJudge, truthOf } from './judge-harness.ts'
import { drawSample, type Sample } from './sample.ts'

const timeoutSeconds = 77
const count = 500
/** Those that need no clock. */
const quickFaults = ['torn', 'refusal', 'score too high', 'wrong sum', 'duplicate', 'cut off', 'no interface'] as const

let folder = ''
let judge: ScriptedJudge
let endpoint: Endpoint
let clock: TestClock

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'phi-annotate-'))
  judge = new ScriptedJudge()
  endpoint = await judge.start()
  clock = new TestClock(timeoutSeconds)
  judge.onHold = () => clock.stall()
})

afterEach(async () => {
  await judge[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

const sampleOf = (documents: number): Promise<Sample> => drawSample(eachOf(documentsToJudge(documents)), documents, 1)

const annotate = (
  sample: Sample,
  options: Partial<ModelAnnotationOptions> = {},
  to = folder,
): Promise<AnnotationReport> =>
  annotateWithModel(sample, endpoint, to, { parallel: 1, opinions: 1, attempts: 12, timeoutSeconds, clock, ...options })

const read = (to = folder): Promise<string> => readFile(annotationsFile(to), 'utf8')

async function rowsOf(to = folder): Promise<AnnotatedDocument[]> {
  return (await read(to))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as AnnotatedDocument)
}

const isTrue = ({ text, education, reasoning }: AnnotatedDocument): boolean =>
  JSON.stringify({ education, reasoning }) === JSON.stringify(truthOf(text))

describe('a server of which one answer in five is of no use', () => {
  test('is seen through: nothing is lost, nothing wrong is taken that can be noticed, all is counted', async () => {
    const sample = await sampleOf(count)
    const { answers, annotated, unanswered } = await annotate(sample, { prices: { prompt: 0.15, answer: 0.6 } })
    expect([annotated, unanswered]).toEqual([count, {}])
    const rows = await rowsOf()
    expect(rows.map(({ id }) => id)).toEqual(sample.documents.map(({ id }) => id))

    const faults = judge.count()
    expect(faults / judge.requests).toBeGreaterThan(0.17)
    expect(faults / judge.requests).toBeLessThan(0.23)
    const unnoticed = rows.filter((row) => !isTrue(row)).length
    expect(unnoticed).toBe(judge.count('wrong but plausible'))

    const kinds = {
      'not readable': judge.count('torn', 'prose', 'empty', 'no interface'),
      refused: judge.count('refusal', 'refusal by field'),
      'out of range': judge.count('score too high', 'points too high'),
      'does not add up': judge.count('wrong sum'),
      'about another document': judge.count('duplicate'),
      'cut off': judge.count('cut off'),
      'timed out': judge.count('slow'),
    }
    expect(answers?.rejected).toEqual(kinds)
    expect(Math.min(...Object.values(kinds))).toBeGreaterThan(0)
    expect(answers?.waits).toBe(judge.count('busy', 'broken'))
    expect(clock.waits.filter((wait) => wait === 3000).length).toBe(judge.count('busy'))
    expect(answers?.taken).toBe(count)

    const { prompt, answer } = judge.tokens
    expect([answers?.promptTokens, answers?.answerTokens]).toEqual([prompt, answer])
    expect(answers?.withoutUsage).toBe(judge.count('slow', 'no interface'))
    expect(answers?.cost).toBeCloseTo((0.15 * prompt + 0.6 * answer) / 1e6, 12)
    // What was not taken is asked in other words, and not for the likeliest answer again.
    const rejections = Object.values(kinds).reduce((sum, kind) => sum + kind, 0)
    expect(judge.temperatures.filter((temperature) => temperature > 0).length).toBeGreaterThanOrEqual(rejections)
    expect(judge.temperatures.filter((temperature) => temperature === 0).length).toBeGreaterThanOrEqual(count)
  })

  test('gives the same file when several are asked at a time', async () => {
    const sample = await sampleOf(200)
    judge.faults = quickFaults
    await annotate(sample)
    await using other = new ScriptedJudge()
    other.faults = quickFaults
    endpoint = await other.start()
    const to = join(folder, 'parallel')
    await annotate(sample, { parallel: 8 }, to)
    expect(other.requests).toBe(judge.requests)
    expect(await read(to)).toBe(await read())
  })
})

describe('several opinions of a document', () => {
  test('outvote answers that are wrong and cannot be known by themselves', async () => {
    const sample = await sampleOf(300)
    const { answers, disputed } = await annotate(sample, { opinions: 5 })
    expect(answers?.taken).toBe(5 * 300)
    const rows = await rowsOf()
    const wrong = rows.filter((row) => !isTrue(row)).length
    expect(judge.count('wrong but plausible')).toBeGreaterThan(10)
    expect(wrong / judge.count()).toBeLessThanOrEqual(0.01)
    expect(disputed).toBeGreaterThan(5)
  })

  test('that are missing are asked for, and those beyond are not looked at', async () => {
    const sample = await sampleOf(30)
    judge.faults = []
    await annotate(sample)
    const before = await read()
    await annotate(sample, { opinions: 3 })
    expect(judge.requests).toBe(90)
    expect(judge.temperatures.slice(30)).toEqual(new Array(60).fill(0.5))
    await annotate(sample)
    expect([judge.requests, await read()]).toEqual([90, before])
  })
})

describe('a run that ends early', () => {
  test('by a signal has what was answered, and the next asks for the rest alone', async () => {
    const sample = await sampleOf(100)
    judge.faults = []
    const controller = new AbortController()
    judge.onRequest = (requests) => void (requests === 40 && controller.abort())
    await expect(annotate(sample, { signal: controller.signal, parallel: 4 })).rejects.toMatchObject({
      code: 'aborted',
    })
    const kept = (await rowsOf()).length
    expect(kept).toBeGreaterThanOrEqual(36)
    expect(kept).toBeLessThan(41)
    judge.onRequest = () => {}
    judge.asked.clear()
    const { answers } = await annotate(sample)
    expect(answers?.known).toBe(kept)
    expect(judge.asked.size).toBe(100 - kept)
    expect((await rowsOf()).every(isTrue)).toBe(true)
  })

  test('by a kill, again and again, comes to the same file and asks for nothing that it has', async () => {
    const documents = 150
    judge.faults = quickFaults
    const whole = join(folder, 'whole')
    await annotate(await sampleOf(documents), {}, whole)

    await using other = new ScriptedJudge()
    other.faults = quickFaults
    const { url } = await other.start()
    const child = fileURLToPath(new URL('annotate-child-harness.ts', import.meta.url))
    const to = join(folder, 'killed')
    const random = new Random(5)
    let kills = 0
    for (let ended = false; !ended;) {
      const deadAt = other.requests + random.integer(5, 60)
      const running = spawn(process.execPath, [child, url, to, String(documents)], {
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      let complaints = ''
      running.stderr.on('data', (data: Buffer) => (complaints += data.toString()))
      other.onRequest = (requests) => void (requests === deadAt && running.kill('SIGKILL'))
      const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
        running.on('close', (...how) => resolve(how)),
      )
      if (signal === null && code !== 0) throw new Error(complaints)
      ended = signal === null
      if (!ended) kills++
    }
    expect(kills).toBeGreaterThan(3)
    expect(await read(to)).toBe(await read(whole))
    // Of a kill, what was on its way is lost: an answer for each document that was asked about at the time.
    expect(other.honest).toBeLessThanOrEqual(documents + 4 * kills)
  })

  test('in the middle of a line loses that line alone', async () => {
    const sample = await sampleOf(10)
    judge.faults = []
    await annotate(sample)
    const before = await read()
    await appendFile(join(folder, 'answers.jsonl'), '{"key":"0123","education":{"sco')
    const { answers } = await annotate(sample)
    expect([answers?.known, judge.requests]).toEqual([10, 10])
    expect(await read()).toBe(before)
  })
})

describe('a server that is of no use', () => {
  test.each([
    [401, 'no-access', 1],
    [404, 'not-supported', 1],
    [400, 'invalid-file', 40],
    [503, 'network', 120],
  ])('with status %i ends the run', async (status, code, requests) => {
    judge.status = status
    await expect(annotate(await sampleOf(50))).rejects.toMatchObject({ code })
    expect(judge.requests).toBe(requests)
    expect(await rowsOf()).toEqual([])
  })

  test('for some documents leaves those for the next run', async () => {
    judge.faults = ['prose']
    const sample = await sampleOf(400)
    // With one attempt, one document in five has none.
    const { unanswered, annotated } = await annotate(sample, { attempts: 1 })
    expect(unanswered).toEqual({ 'not readable': judge.count('prose') })
    expect(annotated).toBe(400 - judge.count('prose'))
    // The next run asks about those again.
    const before = judge.requests
    const again = await annotate(sample, { attempts: 12 })
    expect(again.annotated).toBe(400)
    expect(judge.requests - before).toBeGreaterThanOrEqual(400 - annotated)
  })
})

describe('a sample', () => {
  test('has each text once, in an order that only texts and seed decide', async () => {
    const documents = documentsToJudge(60)
    const copies = documents.slice(0, 9).map((document) => ({ ...document, id: `copy of ${document.id}` }))
    const sample = await drawSample(eachOf([...documents, ...copies]), 100, 1)
    expect([sample.read, sample.duplicates, sample.documents.length]).toEqual([69, 9, 60])
    const turned = await drawSample(eachOf(documents.toReversed()), 20, 1)
    expect(turned.documents).toEqual(sample.documents.slice(0, 20))
    const other = await drawSample(eachOf(documents), 20, 2)
    expect(other.documents).not.toEqual(turned.documents)
  })

  test('is judged by rules where there is no server, and the report says so', async () => {
    const report = await annotateWithRules(await sampleOf(30), folder)
    expect(report).toMatchObject({
      annotator: 'rules',
      annotated: 30,
      remark: expect.stringContaining('not truth') as string,
    })
    expect((await rowsOf()).map(({ annotator }) => annotator)).toEqual(new Array(30).fill('rules'))
  })
})
