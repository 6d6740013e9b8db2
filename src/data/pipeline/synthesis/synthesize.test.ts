import { spawn } from 'node:child_process'
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TestClock } from '../../../base/clock-harness.ts'
import { Random } from '../../../base/random.ts'
import type { Endpoint } from '../../../endpoint/endpoint.ts'
import { readConversations } from '../../conversations/index.ts'
import { documentsIn } from '../education/documents.ts'
import { lookPage } from '../look/page.ts'
import type { RunState } from '../run.ts'
import type { FormName } from './forms/index.ts'
import { conversationsFile, manifestFile, readSynthesis, textsFile, type SynthesisManifest } from './result.ts'
import { synthesize, type SynthesisOptions } from './synthesize.ts'
import type { SynthesisPlan } from './plan.ts'
import { benchmarkQuestion, planOf, ScriptedWriter } from './writer-harness.ts'

const timeoutSeconds = 77
/** Those that need no clock. */
const quickFaults = ['torn', 'refusal', 'too short', 'wrong arithmetic', 'wrong answer', 'same text'] as const
const lastingFaults = ['wrong answer', 'same text', 'nearly the same text', 'benchmark', 'same opening'] as const

let folder = ''
let writer: ScriptedWriter
let endpoint: Endpoint
let clock: TestClock

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'phi-synthesize-'))
  writer = new ScriptedWriter()
  endpoint = await writer.start()
  clock = new TestClock(timeoutSeconds)
  writer.onHold = () => clock.stall()
})

afterEach(async () => {
  await writer[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

const write = (plan: SynthesisPlan, options: Partial<SynthesisOptions> = {}, to = folder): Promise<SynthesisManifest> =>
  synthesize(plan, endpoint, to, { parallel: 1, solutions: 1, attempts: 12, timeoutSeconds, clock, ...options })

interface Row {
  readonly id: string
  readonly form: FormName
  readonly topic: string
  readonly audience: string
  readonly text?: string
  readonly messages?: readonly { readonly content: string }[]
}

async function rowsOf(path: string): Promise<Row[]> {
  const lines = (await readFile(path, 'utf8')).split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Row)
}

const bytesOf = async (to = folder): Promise<string> =>
  (await readFile(textsFile(to), 'utf8')) + (await readFile(conversationsFile(to), 'utf8'))

/** Every text that is kept, once. */
async function keptIn(to = folder): Promise<Row[]> {
  const rows = [...(await rowsOf(textsFile(to))), ...(await rowsOf(conversationsFile(to)))]
  return [...new Map(rows.map((row) => [row.id, row])).values()]
}

async function withBenchmark(plan: SynthesisPlan): Promise<SynthesisPlan> {
  const file = join(folder, 'benchmark.jsonl')
  await writeFile(file, JSON.stringify({ question: benchmarkQuestion }))
  return { ...plan, benchmarks: { files: [file], fields: ['question'], words: 8, share: 0.5 } }
}

describe('a server of which one answer in five is of no use', () => {
  test('is seen through: what is kept is what was asked for, all is accounted for, and all is counted', async () => {
    const plan = await withBenchmark(planOf(400, { openings: { words: 5, most: 1 } }))
    const { counts, answers, stages } = await write(plan, { prices: { prompt: 0.15, answer: 0.6 } })
    const faults = writer.count()
    expect(faults / writer.requests).toBeGreaterThan(0.17)
    expect(faults / writer.requests).toBeLessThan(0.23)

    // Nothing is lost: what is as it should be is kept, and everything else went for its reason.
    const rows = await keptIn()
    const faultsKept = rows.flatMap((row) => writer.lastingFault(row) ?? [])
    const keptWith = (...kinds: readonly string[]): number => faultsKept.filter((fault) => kinds.includes(fault)).length
    expect(rows.length - faultsKept.length).toBe(400 - writer.count(...lastingFaults))
    expect(counts).toMatchObject({
      ...{ asked: 400, answered: 400, unanswered: 0, kept: rows.length },
      failedVerification: writer.count('wrong answer'),
      contaminated: writer.count('benchmark'),
      duplicates: writer.count('same text', 'nearly the same text') - keptWith('same text', 'nearly the same text'),
      sameOpenings: writer.count('same opening') - keptWith('same opening'),
    })
    // Of what repeats, the first of each form stays; of what begins alike, too. None of it is kept for another reason.
    expect(keptWith('same text', 'nearly the same text')).toBeLessThanOrEqual(4)
    expect(keptWith('same opening')).toBeLessThanOrEqual(4)
    expect(keptWith('wrong answer', 'benchmark')).toBe(0)
    const { failedVerification, contaminated, duplicates, sameOpenings } = counts
    expect(Math.min(failedVerification, contaminated, duplicates, sameOpenings)).toBeGreaterThan(0)

    const kinds = {
      'not readable': writer.count('torn', 'prose', 'empty', 'no interface'),
      refused: writer.count('refusal', 'refusal by field'),
      'too short': writer.count('too short'),
      incomplete: writer.count('incomplete'),
      'repeats itself': writer.count('repeats itself'),
      'damaged text': writer.count('damaged text'),
      'wrong arithmetic': writer.count('wrong arithmetic'),
      'cut off': writer.count('cut off'),
      'timed out': writer.count('slow'),
    }
    expect(answers.rejected).toEqual(kinds)
    expect(Math.min(...Object.values(kinds))).toBeGreaterThan(0)
    expect(answers.waits).toBe(writer.count('busy', 'broken'))

    const { prompt, answer } = writer.tokens
    expect([answers.promptTokens, answers.answerTokens]).toEqual([prompt, answer])
    expect(answers.withoutUsage).toBe(writer.count('slow', 'no interface'))
    expect(answers.cost).toBeCloseTo((0.15 * prompt + 0.6 * answer) / 1e6, 12)

    expect(stages.map(({ name }) => name)).toEqual(['answers', 'solutions', 'benchmarks', 'duplicates', 'openings'])
    const page = lookPage((await readSynthesis(folder)) as RunState)
    for (const reason of ['solved otherwise', 'question of a benchmark', 'nearly the same text']) {
      expect(page).toContain(reason)
    }
  })

  test('gives the same files when several are asked at a time', async () => {
    writer.faults = quickFaults
    await write(planOf(150))
    await using other = new ScriptedWriter()
    other.faults = quickFaults
    endpoint = await other.start()
    const to = join(folder, 'parallel')
    await write(planOf(150), { parallel: 8 }, to)
    expect(await bytesOf(to)).toBe(await bytesOf())
  })
})

describe('what is kept', () => {
  test('is read by trainings and by the pipeline, and says where it comes from', async () => {
    writer.faults = []
    const { kept, files } = await write(planOf(40))
    const texts = await rowsOf(textsFile(folder))
    const conversations = await readConversations(conversationsFile(folder))
    const { textbook = 0, exercise = 0, conversation = 0, question = 0 } = kept
    expect(Math.min(textbook, exercise, conversation, question)).toBeGreaterThan(0)
    expect(texts.length).toBe(textbook + exercise + question)
    expect(conversations.length).toBe(exercise + conversation + question)
    expect(conversations.every((turns) => turns[0]?.role === 'user' && turns.at(-1)?.role === 'assistant')).toBe(true)
    expect(texts[0]).toMatchObject({ model: 'judge', topic: expect.stringMatching(/^topic \d+$/) as string })
    expect(files['texts.jsonl']?.rows).toBe(texts.length)
    const documents = []
    for await (const document of documentsIn([textsFile(folder)])) documents.push(document)
    expect(documents.map(({ text }) => text)).toEqual(texts.map(({ text }) => text))
  })

  test('grows with the plan, and what was written is not asked for again', async () => {
    writer.faults = []
    await write(planOf(40))
    const before = await keptIn()
    const { requests } = writer
    const { answers } = await write(planOf(70))
    expect(answers.known).toBe(40)
    const after = await keptIn()
    expect(after.filter(({ id }) => before.some((row) => row.id === id))).toEqual(before)
    const exercises = after.filter(({ form }) => form === 'exercise').length
    const exercisesBefore = before.filter(({ form }) => form === 'exercise').length
    expect(writer.requests - requests).toBe(30 + exercises - exercisesBefore)
    const asked = writer.requests
    await write(planOf(70))
    expect(writer.requests).toBe(asked)
  })

  test('is kept with what it answers', async () => {
    writer.faults = ['prose']
    await write(planOf(30))
    const lines = (await readFile(join(folder, 'answers.jsonl'), 'utf8')).trim().split('\n')
    const entries = lines.map(
      (line) => JSON.parse(line) as { said?: string; asked?: { content: string }[]; rejected?: string },
    )
    expect(entries.length).toBe(writer.requests)
    const taken = entries.filter(({ rejected }) => rejected === undefined)
    expect(taken.every(({ said = '', asked = [] }) => said !== '' && asked.length === 2)).toBe(true)
  })
})

describe('solutions of an exercise', () => {
  const exercises = planOf(150, { forms: { exercise: 1 } })

  test('that err once in a while cost good exercises, unless there are several', async () => {
    writer.faults = ['wrong solution', 'wrong answer']
    const alone = await write(exercises)
    const wrongSolutions = writer.count('wrong solution')
    const wrongAnswers = writer.count('wrong answer')
    expect(Math.min(wrongSolutions, wrongAnswers)).toBeGreaterThan(3)
    const rows = await keptIn()
    expect(rows.filter((row) => writer.lastingFault(row) !== undefined).length).toBeLessThanOrEqual(1)
    expect(alone.counts.failedVerification).toBeGreaterThan(wrongAnswers)

    // Two more solutions are asked for where they decide, and nothing is written again.
    const before = writer.requests
    const three = await write(exercises, { solutions: 3 })
    expect(writer.requests - before).toBeLessThanOrEqual(2 * 150)
    expect(three.counts.answered).toBe(150)
    const goodLost = ({ counts }: SynthesisManifest): number => 150 - wrongAnswers - counts.kept
    expect(goodLost(alone)).toBeGreaterThan(5)
    expect(goodLost(three)).toBeLessThanOrEqual(goodLost(alone) / 2)
    expect((await keptIn()).filter((row) => writer.lastingFault(row) !== undefined)).toEqual([])
  })

  test('are left out where none is wanted', async () => {
    writer.faults = ['wrong answer']
    const { counts } = await write(exercises, { solutions: 0 })
    expect([counts.failedVerification, counts.kept, writer.requests]).toEqual([0, 150, 150])
  })

  test('are drawn on their own: the likeliest first, and others with other seeds', async () => {
    writer.faults = []
    await write(planOf(1, { forms: { exercise: 1 } }), { solutions: 3 })
    const solving = writer.bodies.slice(1)
    // Two agree, so that a third would change nothing.
    expect(solving.map(({ temperature }) => temperature)).toEqual([0, 0.8])
    expect(new Set(solving.map(({ seed }) => seed)).size).toBe(2)
    expect(JSON.stringify(solving[0]?.messages)).not.toContain('Topic:')
  })
})

describe('a run that ends early', () => {
  test('by a signal has what was answered, and the next asks for the rest alone', async () => {
    writer.faults = []
    const controller = new AbortController()
    writer.onRequest = (requests) => void (requests === 40 && controller.abort())
    await expect(write(planOf(100), { signal: controller.signal, parallel: 4 })).rejects.toMatchObject({
      code: 'aborted',
    })
    const kept = (await keptIn()).length
    expect(kept).toBeGreaterThan(15)
    const first = JSON.parse(await readFile(manifestFile(folder), 'utf8')) as SynthesisManifest
    expect(first.stages[0]?.report.dropped['not asked yet']?.documents).toBe(first.counts.unanswered)
    writer.onRequest = () => {}
    const asked = writer.asked.size
    const { counts } = await write(planOf(100))
    expect(counts).toMatchObject({ asked: 100, answered: 100, kept: 100 })
    // Of what was asked, what was on its way is asked again, and nothing else.
    expect(writer.requests).toBeLessThanOrEqual(writer.asked.size + 4)
    expect(writer.asked.size).toBeGreaterThan(asked)
  })

  test('by a kill, again and again, comes to the same files and asks for nothing that it has', async () => {
    const count = 120
    writer.faults = quickFaults
    const whole = join(folder, 'whole')
    endpoint = { ...endpoint, model: 'writer' }
    await write(planOf(count), {}, whole)

    await using other = new ScriptedWriter()
    other.faults = quickFaults
    const { url } = await other.start()
    const child = fileURLToPath(new URL('writer-child-harness.ts', import.meta.url))
    const to = join(folder, 'killed')
    const random = new Random(5)
    let kills = 0
    for (let ended = false; !ended;) {
      const deadAt = other.requests + random.integer(20, 60)
      const running = spawn(process.execPath, [child, url, to, String(count)], { stdio: ['ignore', 'ignore', 'pipe'] })
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
    expect(kills).toBeGreaterThan(2)
    expect(await bytesOf(to)).toBe(await bytesOf(whole))
    // Of a kill, what was on its way is lost: an answer for each text that was asked about at the time.
    const wasted = other.requests - other.count('torn', 'refusal', 'too short', 'wrong arithmetic') - other.asked.size
    expect(wasted).toBeLessThanOrEqual(4 * kills)
  })

  test('in the middle of a line loses that line alone', async () => {
    writer.faults = []
    await write(planOf(10))
    const before = await bytesOf()
    const { requests } = writer
    await appendFile(join(folder, 'answers.jsonl'), '{"key":"0123","said":"{\\"ti')
    const { answers } = await write(planOf(10))
    expect([answers.known, writer.requests]).toEqual([10, requests])
    expect(await bytesOf()).toBe(before)
  })
})

describe('a server', () => {
  test('that knows no schemas and no seeds is asked without, once it has refused them', async () => {
    writer.faults = []
    writer.isPlain = true
    const { counts } = await write(planOf(20, { forms: { textbook: 1 } }))
    expect([counts.kept, writer.requests]).toEqual([20, 21])
    expect(writer.bodies.map(({ response_format: format }) => format !== undefined)).toEqual([
      true,
      ...Array(20).fill(false),
    ])
  })

  test('that knows them is asked for the form', async () => {
    writer.faults = []
    await write(planOf(1, { forms: { question: 1 } }))
    expect(writer.bodies[0]).toMatchObject({
      temperature: 0.8,
      seed: expect.any(Number) as number,
      response_format: {
        json_schema: { strict: true, schema: { required: ['question', 'answer'], additionalProperties: false } },
      },
    })
  })

  test.each([
    [401, 'no-access', 1],
    [404, 'not-supported', 1],
    [400, 'invalid-file', 40],
    [503, 'network', 120],
  ])('with status %i ends the run', async (status, code, requests) => {
    writer.status = status
    await expect(write(planOf(50))).rejects.toMatchObject({ code })
    expect(writer.requests).toBe(requests)
    expect(await keptIn()).toEqual([])
  })
})

describe('a plan is refused before anything is asked', () => {
  test.each<[string, Partial<SynthesisPlan>, string]>([
    ['that counts on more than there is', { topics: ['a', 'b'], forms: { question: 1 } }, 'invalid-config'],
    ['whose topics are not there', { topics: { file: 'no-such-topics.txt' } }, 'not-found'],
    [
      'whose benchmarks are not there',
      { benchmarks: { files: ['no-such-benchmark.jsonl'], fields: ['question'], words: 8, share: 0.5 } },
      'not-found',
    ],
  ])('%s', async (_, more, code) => {
    await expect(write(planOf(10, more))).rejects.toMatchObject({ code })
    expect(writer.requests).toBe(0)
  })

  test('while another one is at work in the same folder', async () => {
    writer.faults = []
    let second: Promise<unknown> | undefined
    writer.onRequest = () => void (second ??= write(planOf(5)).then(String, (error: unknown) => error))
    await write(planOf(5))
    expect(await second).toMatchObject({ code: 'invalid-argument' })
  })
})
