/**
 * phi-nano behind its own server as the model that annotates and writes. It has 512 tokens of context and has never seen instructions like these: what is
 * tested is that nothing is taken for an answer that is none, that all is counted, and what a schema does.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { annotateWithModel } from '../src/data/pipeline/education/annotate.ts'
import { drawSample } from '../src/data/pipeline/education/sample.ts'
import { conversationsFile, textsFile, type SynthesisManifest } from '../src/data/pipeline/synthesis/result.ts'
import { synthesize } from '../src/data/pipeline/synthesis/synthesize.ts'
import { parseSynthesisPlan } from '../src/data/pipeline/synthesis/plan.ts'
import { document } from '../src/data/world/index.ts'
import { loadModel } from '../src/engine/load-model.ts'
import type { PhiModel } from '../src/engine/phi-model.ts'
import type { RequestRecord } from '../src/server/figures.ts'
import { createServerApp } from '../src/server/app.ts'
import { listen, type Listening } from '../src/server/node/listen.ts'

const records: RequestRecord[] = []
let folder = ''
let model: PhiModel
let server: Listening

/** @param plain whether it refuses schemas, as servers do that do not know them */
async function serve(plain: boolean): Promise<Listening> {
  const app = createServerApp(model, {
    name: 'phi-nano',
    places: 20,
    timeout: 60,
    patience: 60,
    bodyLimit: 100_000,
    counters: () => model.counters,
    onRequest: (record) => records.push(record),
  })
  const fetchPlain = async (request: Request): Promise<Response> => {
    const body = request.method === 'POST' ? await request.clone().text() : ''
    if (!body.includes('"response_format"')) return await app.fetch(request)
    return Response.json({ error: { message: 'unknown parameter: response_format' } }, { status: 400 })
  }
  const place = { host: '127.0.0.1', port: 0, patience: 60 }
  return await listen(plain ? { ...app, fetch: fetchPlain } : app, place)
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'phi-data-endpoint-'))
  model = await loadModel('phi-nano', { threads: 1, context: 512, maxSequences: 2 })
  server = await serve(false)
})

afterAll(async () => {
  await server.close()
  await model.dispose()
  await rm(folder, { recursive: true })
})

const plan = parseSynthesisPlan(`
name: nano
description: A handful.
seed: 1
count: 12
topics: [dogs and foxes, adding small numbers, the Silver River]
audiences: [children, adults]
forms: { textbook: 1, exercise: 1, conversation: 1, question: 1 }
longest: 160
`)

const asking = { parallel: 2, attempts: 2, timeoutSeconds: 60, prices: { prompt: 1, answer: 2 } }

const write = (url: string, to: string): Promise<SynthesisManifest> =>
  synthesize(plan, { url: `${url}/v1`, model: 'phi-nano' }, join(folder, to), { ...asking, solutions: 1 })

/** That every answer is counted, and the files have what was kept and no more. */
async function expectHonest({ counts, answers, kept }: SynthesisManifest, to: string): Promise<void> {
  expect(counts.asked).toBe(12)
  expect(counts.answered + counts.unanswered).toBe(12)
  const entries = (await readFile(join(folder, to, 'answers.jsonl'), 'utf8')).trim().split('\n')
  expect(answers.taken + counts.malformed).toBe(entries.length)
  expect(answers.cost).toBeCloseTo((answers.promptTokens + 2 * answers.answerTokens) / 1e6, 12)
  const rows = (await readFile(textsFile(join(folder, to)), 'utf8')).split('\n').length - 1
  const conversations = (await readFile(conversationsFile(join(folder, to)), 'utf8')).split('\n').length - 1
  const { textbook = 0, exercise = 0, conversation = 0, question = 0 } = kept
  expect([rows, conversations]).toEqual([textbook + exercise + question, exercise + conversation + question])
}

test('phi-nano writes nothing that is kept, and with a schema what it writes has the form at least', async () => {
  const held = await write(server.url, 'held')
  await expectHonest(held, 'held')
  // It keeps to the form as long as it has room for it.
  expect(held.answers.rejected['not readable']).toBeUndefined()
  expect(held.counts.malformed).toBeGreaterThan(12)

  const other = await serve(true)
  const free = await write(other.url, 'free')
  await other.close()
  await expectHonest(free, 'free')
  expect(free.answers.rejected['not readable']).toBeGreaterThan(6)
})

test('phi-nano has no room for what annotations are asked with, and the report says so', async () => {
  const documents = async function* () {
    for (let index = 0; index < 20; index++) {
      yield await Promise.resolve({ id: `${index}`, source: 'world', text: document(3, index).text })
    }
  }
  const before = records.length
  const to = join(folder, 'annotations')
  const endpoint = { url: `${server.url}/v1`, model: 'phi-nano' }
  const report = await annotateWithModel(await drawSample(documents(), 20, 1), endpoint, to, { ...asking, opinions: 1 })
  expect(report).toMatchObject({ sampled: 20, annotated: 0, unanswered: { refused: 20 } })
  // What is too long is not asked twice.
  expect(records.length - before).toBe(20)
  expect(await readFile(join(to, 'answers.jsonl'), 'utf8')).toContain('does not fit the context')
})
