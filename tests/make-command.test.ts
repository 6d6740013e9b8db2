/** `phi make` as a person calls it: a run of all kinds of stages, killed, stopped and changed, up to a model that answers. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { conversation, document } from '../src/data/world/index.ts'
import type { ModelResults } from '../src/make/evaluation.ts'
import { filesBelow, reproducibleMetrics } from './training-harness.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const main = join(root, 'src/cli/main.ts')
const tokenizer = join(root, 'models/phi-nano')

/** @param steps of the second phase */
function runFile(steps = 60): string {
  const common = `
      optimizer: {}
      checkpoint: { everySteps: 2 }
      evaluation: { everySteps: 3, batches: 1, seed: 1000 }`
  return `
name: small
description: For tests.
stages:
  - kind: data
    name: pages
    input: input
    recipe:
      name: pages
      description: For tests.
      seed: 1
      sources: [{ name: pages, files: ['*.txt'] }]
      stages: { duplicates: {} }
      pack: { tokenizer: '${tokenizer}', longest: 128, heldOut: 0.2 }
  - kind: train
    name: first
    recipe:
      name: first
      description: For tests.
      seed: 1
      model:
        model_type: phi3
        vocab_size: 2048
        hidden_size: 32
        intermediate_size: 32
        num_hidden_layers: 1
        num_attention_heads: 2
        num_key_value_heads: 1
        max_position_embeddings: 1024
        tie_word_embeddings: true
        bos_token_id: 1
        eos_token_id: [2037, 2044]
      tokenizer: { folder: '${tokenizer}' }
      data:
        - { source: shards, folder: runs/small/pages, weight: 1, seed: 1 }
        - { source: world-documents, weight: 1, seed: 1 }
      batch: { rows: 256, context: 128 }
      schedule: { peak: 0.02, warmupSteps: 1, steps: 6, decay: constant }${common}
  - kind: train
    name: second
    recipe:
      name: second
      description: For tests.
      seed: 1
      initial: runs/small/first/final
      data: [{ source: world-conversations, weight: 1, seed: 2 }]
      batch: { rows: 256, context: 128 }
      schedule: { peak: 0.02, warmupSteps: 1, steps: ${steps}, decay: linear }${common}
  - kind: train
    name: preferred
    recipe:
      name: preferred
      description: For tests.
      seed: 1
      initial: runs/small/second/final
      objective: { kind: dpo }
      adapter: { rank: 2, alpha: 4 }
      data: [{ source: preferences, file: pairs.jsonl, weight: 1, seed: 2, heldOut: 0.2 }]
      batch: { rows: 256, context: 128 }
      schedule: { peak: 0.01, warmupSteps: 1, steps: 3, decay: linear }${common}
  - { kind: merge, name: merged, model: runs/small/second/final, adapters: runs/small/preferred/final }
  - { kind: quantize, name: packed, model: runs/small/merged, eightBits: [embed_tokens] }
  - kind: evaluate
    name: scores
    models: [runs/small/merged, runs/small/packed]
    loss: { tokens: 300 }
    world: { kinds: [small talk], limit: 2 }
`
}

let folders: { readonly whole: string; readonly killed: string } = { whole: '', killed: '' }

beforeAll(async () => {
  folders = {
    whole: await mkdtemp(join(tmpdir(), 'phi-make-whole-')),
    killed: await mkdtemp(join(tmpdir(), 'phi-make-killed-')),
  }
  const pairs = Array.from({ length: 20 }, (_, index) => {
    const prompt = conversation(9, index).messages[0]?.content
    return `${JSON.stringify({ prompt, chosen: `Yes, ${index}.`, rejected: 'No no.' })}\n`
  })
  for (const folder of Object.values(folders)) {
    await writeFile(join(folder, 'run.yaml'), runFile())
    await writeFile(join(folder, 'pairs.jsonl'), pairs.join(''))
    await mkdir(join(folder, 'input'))
    for (let page = 0; page < 12; page++) {
      await writeFile(join(folder, 'input', `${page}.txt`), document(1, page).text)
    }
  }
})
afterAll(async () => {
  for (const folder of Object.values(folders)) await rm(folder, { recursive: true })
})

interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  readonly err: string
}

/** @param end a signal that the process gets as soon as what it has printed fits */
function phi(
  folder: string,
  args: readonly string[],
  end?: { readonly signal: NodeJS.Signals; readonly at: RegExp },
): Promise<Ended> {
  const child = spawn(process.execPath, [main, ...args], { cwd: folder })
  let [out, err, isSent] = ['', '', false]
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
    if (isSent || end?.at.test(out) !== true) return
    isSent = true
    child.kill(end.signal)
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  return new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, out, err })))
}

const make = ['make', 'run.yaml', '--no-wide', '--threads', '1', '--json']

/** What each stage was found to be. */
function statuses({ out }: Ended): string[] {
  const lines = out.split('\n').filter((line) => line !== '')
  const values = lines.map((line) => JSON.parse(line) as { readonly status?: string; readonly kind?: string })
  return values.flatMap(({ kind, status }) => (kind !== undefined && status !== undefined ? [status] : []))
}

/** Everything that trainings, merging and rounding have made. */
function results(folder: string): unknown {
  const parts = ['first/final', 'second/final', 'preferred/final', 'merged', 'packed']
  const trainings = ['first', 'second', 'preferred']
  return [
    ...parts.map((part) => filesBelow(join(folder, 'runs/small', part))),
    ...trainings.map((name) => reproducibleMetrics(join(folder, 'runs/small', name))),
  ]
}

async function scores(folder: string): Promise<readonly ModelResults[]> {
  return JSON.parse(await readFile(join(folder, 'runs/small/scores/results.json'), 'utf8')) as readonly ModelResults[]
}

test('one command makes data, trainings, adapters, a packed model and its scores', async () => {
  const { code, err, ...ended } = await phi(folders.whole, make)
  expect({ code, err }).toMatchObject({ code: 0 })
  expect(statuses({ code, err, ...ended })).toEqual(Array.from({ length: 7 }, () => 'new'))
  const [merged, packed] = await scores(folders.whole)
  expect(packed).toMatchObject({ model: 'runs/small/packed', loss: { tokens: expect.any(Number) } })
  expect(merged?.loss?.loss).toBeCloseTo(packed?.loss?.loss ?? 0, 0)
  expect(merged?.world?.total.count).toBe(2)
  const answer = await phi(folders.whole, ['run', 'runs/small/packed', 'Hello!', '--max-tokens', '3'])
  expect(answer).toMatchObject({ code: 0 })
})

test('killed, stopped and called again, it ends in the same bits', async () => {
  const { killed } = folders
  const inPages = await phi(killed, make, { signal: 'SIGKILL', at: /"stage":"read","done":3/ })
  expect(inPages.signal).toBe('SIGKILL')
  const inSecond = await phi(killed, make, { signal: 'SIGKILL', at: /"stage":"second".*"step":3,/s })
  expect(inSecond.signal).toBe('SIGKILL')
  expect(statuses(inSecond).slice(0, 3)).toEqual(['begun', 'new', 'new'])
  const stopped = await phi(killed, make, { signal: 'SIGINT', at: /"stage":"second".*"step":/s })
  expect(stopped.code).toBe(130)
  expect(stopped.err).toMatch(/stopped in the stage "second".*The same command goes on/s)
  const last = await phi(killed, make)
  expect(last).toMatchObject({ code: 0 })
  expect(statuses(last)).toEqual(['done', 'done', 'begun', 'new', 'new', 'new', 'new'])
  expect(results(killed)).toEqual(results(folders.whole))
  expect(await scores(killed)).toEqual(await scores(folders.whole))
  expect(statuses(await phi(killed, make))).toEqual(Array.from({ length: 7 }, () => 'done'))
})

test('a recipe that changes is told of, and is done again with what depends on it when that is wished for', async () => {
  const { killed } = folders
  await writeFile(join(killed, 'run.yaml'), runFile(4))
  const plan = await phi(killed, ['make', 'run.yaml', '--plan'])
  expect(plan.out).toMatch(/first .*done.*second .*changed: needs --again.*schedule\.steps \(60 then, 4 now\)/s)
  const refused = await phi(killed, make)
  expect(refused.code).toBe(1)
  expect(refused.err).toContain('--again')
  const again = await phi(killed, [...make, '--again'])
  expect(again).toMatchObject({ code: 0 })
  expect(statuses(again)).toEqual(['done', 'done', 'changed', 'changed', 'changed', 'changed', 'changed'])
  expect(existsSync(join(killed, 'runs/small/second.before-1/final/model.safetensors'))).toBe(true)
  expect(reproducibleMetrics(join(killed, 'runs/small/second')).length).toBe(4)
})

test('what goes wrong in a stage is told with its name and a remedy', async () => {
  const broken = runFile(4).replace('file: pairs.jsonl', 'file: no-pairs.jsonl')
  await writeFile(join(folders.killed, 'run.yaml'), broken)
  const { code, err } = await phi(folders.killed, make)
  expect(code).toBe(1)
  expect(err).toMatch(/Stage "preferred": "no-pairs\.jsonl" cannot be read/)
})
