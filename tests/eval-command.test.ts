/** `phi eval` as a person calls it: child processes, on a model with random weights and rows of our own invention. */
import { execFile, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tinyEyes, tinyFiles } from '../src/engine/tiny-model-harness.ts'
import { ScriptedEndpoint } from '../src/eval/benchmarks/endpoint-harness.ts'
import type { TaskSummary } from '../src/eval/benchmarks/summary.ts'
import { SetHub } from '../src/eval/sets/hub-harness.ts'
import { parquetOf } from '../src/eval/sets/parquet-harness.ts'
import { tasks } from '../src/eval/tasks/index.ts'
import { taskCases } from '../src/eval/tasks/task-cases.ts'

const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))
const fewThreads = ['--backend', 'wasm', '--threads', '1', '--no-wide']

let folder = ''

interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

const phi = (...args: readonly string[]): Promise<Ended> => phiWith(process.env, ...args)

function phiWith(env: NodeJS.ProcessEnv, ...args: readonly string[]): Promise<Ended> {
  return new Promise((done) => {
    execFile(process.execPath, [main, ...args], { cwd: folder, encoding: 'utf8', env }, (error, out, err) => {
      done({ code: typeof error?.code === 'number' ? error.code : 0, out, err })
    })
  })
}

const evaluate = (...args: readonly string[]): Promise<Ended> => phi('eval', 'tiny', ...fewThreads, ...args)

const linesOf = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('')

function summaries({ code, out, err }: Ended): (TaskSummary & { readonly model: string })[] {
  expect(code, err).toBe(0)
  return out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as TaskSummary & { model: string })
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pocket-phi-eval-'))
  await mkdir(join(folder, 'tiny'))
  for (const [name, bytes] of await tinyFiles({ tidy: true })) await writeFile(join(folder, 'tiny', name), bytes)
  const files = await tinyFiles({ tidy: true, config: tinyEyes })
  await mkdir(join(folder, 'seeing'))
  for (const [name, bytes] of files) await writeFile(join(folder, 'seeing', name), bytes)
  const red = await sharp({ create: { width: 40, height: 30, channels: 3, background: 'red' } })
    .png()
    .toBuffer()
  for (const [name, { test: row, dev }] of Object.entries(taskCases)) {
    const set = join(folder, 'rows', name.startsWith('truthfulqa') ? 'truthfulqa' : name)
    await mkdir(set, { recursive: true })
    await writeFile(join(set, 'test.jsonl'), linesOf([row]))
    await writeFile(join(set, 'dev.jsonl'), linesOf(dev))
    if (row['image'] !== undefined) await writeFile(join(set, 'red.png'), red)
  }
  await mkdir(join(folder, 'many', 'triviaqa'), { recursive: true })
  const many = Array.from({ length: 60 }, (_, index) => ({
    id: `q${index}`,
    question: `which ship is number ${index}?`,
    answers: ['the old ship'],
  }))
  await writeFile(join(folder, 'many', 'triviaqa', 'test.jsonl'), linesOf(many))
})

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

/** A server whose answers have a rating. */
async function judgingServer(): Promise<{ server: ScriptedEndpoint; url: string }> {
  const server = new ScriptedEndpoint()
  server.say = (last) => `Of ${last.length} characters. [[7]]`
  return { server, url: await server.start() }
}

test('every benchmark is asked, and the table comes again without a model', async () => {
  const { server, url } = await judgingServer()
  await using _ = server
  const args = ['--data', 'rows', '--out', 'all', '--judge', url]
  const found = summaries(await evaluate(...args, '--json'))
  // The tiny model does not see.
  const readable = tasks.filter(({ kind }) => kind !== 'picture').map(({ name }) => name)
  expect(found.map(({ task }) => task).sort()).toEqual(readable.toSorted())
  expect(Object.keys(taskCases).toSorted()).toEqual(tasks.map(({ name }) => name).toSorted())
  for (const { model, questions, scores } of found) {
    expect([model, questions]).toEqual(['tiny', 1])
    for (const { mean } of Object.values(scores)) expect(mean >= 0 && mean <= 1).toBe(true)
  }
  const tokenizer = await readFile(join(folder, 'tiny', 'tokenizer.json'))
  await writeFile(join(folder, 'tiny', 'tokenizer.json'), '{}')
  const { code, out } = await evaluate(...args)
  await writeFile(join(folder, 'tiny', 'tokenizer.json'), tokenizer)
  expect(code).toBe(0)
  expect(out).toMatch(/^benchmark +shots +questions +tiny +chance +Phi-3-mini/)
  // MMLU: one example of the same subject, a chance of one in three, and the figures of the report.
  expect(out).toMatch(/^MMLU +1 of 5 +1 +\d+\.0 +33\.3 +68\.8 +75\.7 +78\.0 +69\.0 +78\.9$/m)
  expect(out).toMatch(/^MT-Bench +0 +1 +7\.00 +- +8\.38 +8\.70 +8\.91 +- +-$/m)
  expect(out).toMatch(/^MT-Bench +math +7\.00$/m)
  expect(out).toContain(`2 answers judged by scripted@${url}; 0 judgements without a rating`)
  expect(out).toContain('arXiv 2404.14219v4')
})

test('without a judge its benchmark is left out, and refused where it was named', async () => {
  const left = await evaluate('--data', 'rows', '--out', 'unjudged', '--limit', '1', '--tasks', 'mmlu,mt-bench')
  expect([left.code, left.err]).toEqual([1, expect.stringContaining('--judge https://HOST/v1#MODEL')])
  await mkdir(join(folder, 'talks', 'mt-bench'), { recursive: true })
  await mkdir(join(folder, 'talks', 'triviaqa'))
  for (const name of ['mt-bench', 'triviaqa']) {
    await writeFile(join(folder, 'talks', name, 'test.jsonl'), linesOf([taskCases[name]?.test ?? {}]))
  }
  const ended = await evaluate('--data', 'talks', '--out', 'unjudged', '--json')
  expect(summaries(ended).map(({ task }) => task)).toEqual(['triviaqa'])
  expect(ended.err).toContain('mt-bench is left out.')
})

test('a run that is killed goes on, and ends as an undisturbed one', async () => {
  const args = ['--data', 'many', '--parallel', '1', '--json']
  const whole = summaries(await evaluate(...args, '--out', 'whole'))
  const answers = (out: string): Promise<string> => readFile(join(folder, out, 'tiny', 'triviaqa.jsonl'), 'utf8')
  const command = [main, 'eval', 'tiny', ...fewThreads, ...args, '--out', 'killed']
  const child = spawn(process.execPath, command, { cwd: folder })
  const ended = new Promise((done) => child.once('exit', done))
  await expect
    .poll(async () => (await answers('killed').catch(() => '')).split('\n').length, { interval: 5, timeout: 120_000 })
    .toBeGreaterThan(5)
  child.kill('SIGKILL')
  await ended
  const before = (await answers('killed')).split('\n').length
  expect(summaries(await evaluate(...args, '--out', 'killed'))).toEqual(whole)
  expect(await answers('killed')).toBe(await answers('whole'))
  expect(before).toBeLessThan(62)
})

test('a server is a model like any other', async () => {
  await using server = new ScriptedEndpoint()
  const url = await server.start()
  const host = new URL(url).host
  const args = ['--data', 'many', '--limit', '3', '--out', 'server', '--json']
  const [found, ...more] = summaries(await phi('eval', url, ...args))
  expect([found?.model, found?.task, found?.questions, more]).toEqual([`scripted@${host}`, 'triviaqa', 3, []])
  const kept = await readFile(join(folder, 'server', `scripted-${host.replace(':', '-')}`, 'triviaqa.jsonl'), 'utf8')
  expect(kept.split('\n').length).toBe(1 + 3 + 1)
  server.models = ['a', 'b']
  const { code, err } = await phi('eval', url, ...args)
  expect([code, err]).toEqual([2, expect.stringContaining('They are: a, b.')])
})

test('texts of given lengths are made for the tokenizer of a model, without rows', async () => {
  await using server = new ScriptedEndpoint()
  // Reads the text for what was asked.
  server.say = (prompt) => {
    const [, thing] = /Answer: The secret number of (.+) that the text tells is$/.exec(prompt) ?? []
    return prompt.split(`The secret number of ${thing} is `)[1]?.slice(0, 7) ?? 'I do not know'
  }
  const url = await server.start()
  const args = ['--tasks', 'ruler', '--lengths', '700,900', '--limit', '22', '--out', 'long', '--json']
  const found = summaries(await phi('eval', url, ...args, '--tokenizer', 'tiny'))
  expect(found.map(({ task, questions }) => [task, questions])).toEqual([
    ['ruler-700', 22],
    ['ruler-900', 22],
  ])
  for (const { groups } of found) {
    expect(groups).toMatchObject({ 'single-1': { mean: 1 }, 'single-2': { mean: 1 }, 'multi-value': { mean: 0 } })
  }
  const refused = await phi('eval', url, ...args)
  expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('--tokenizer phi-3-mini')])
})

describe('pictures', () => {
  const named = ['--data', 'rows', '--tasks', 'pope,ai2d']

  test('are shown to a model that sees', async () => {
    const ended = await phi('eval', 'seeing', ...fewThreads, ...named, '--out', 'shown')
    expect([ended.code, ended.err]).toEqual([0, expect.any(String)])
    expect(ended.out).toMatch(/^benchmark +shots +questions +seeing +chance +Phi-3-vision +Phi-3.5-vision$/m)
    expect(ended.out).toMatch(/^POPE +0 +1 +\d+\.0 +- +85\.8 +86\.1$/m)
    const kept = await readFile(join(folder, 'shown', 'seeing', 'ai2d.jsonl'), 'utf8')
    expect(kept).toContain('[red.png]\\nWhich colour is it?\\nA. Red')
  })

  test('are shown to a server where that was asked for', async () => {
    await using server = new ScriptedEndpoint()
    server.say = () => 'A'
    const url = await server.start()
    const found = summaries(await phi('eval', url, ...named, '--out', 'shown', '--json'))
    expect(found.map(({ task, scores }) => [task, scores['acc']?.mean])).toEqual([
      ['pope', 0],
      ['ai2d', 1],
    ])
    const asked = JSON.stringify(server.asked.map(({ body }) => body.messages))
    expect(asked).toContain('"url":"data:image/png;base64,')
    for (const name of ['pope', 'triviaqa']) {
      await mkdir(join(folder, 'mixed', name), { recursive: true })
      await writeFile(join(folder, 'mixed', name, 'test.jsonl'), linesOf([taskCases[name]?.test ?? {}]))
    }
    const unnamed = await phi('eval', url, '--data', 'mixed', '--out', 'unseen', '--json')
    expect(summaries(unnamed).map(({ task }) => task)).toEqual(['triviaqa'])
    expect(unnamed.err).toContain('pope is left out. Whether scripted@')
  })

  test('are refused by a model that does not see, where they were named', async () => {
    const { code, err } = await evaluate(...named, '--out', 'unseen')
    expect([code, err]).toEqual([1, expect.stringContaining('tiny cannot see pictures')])
  })
})

test('rows may come from the hub', async () => {
  const rows = Array.from({ length: 5 }, (_, index) => ({
    goal: `To do ${index}`,
    sol1: 'this',
    sol2: 'that',
    label: 1,
  }))
  const files = new Map(['train', 'validation'].map((split) => [`plain_text/${split}/0000.parquet`, parquetOf(rows)]))
  await using hub = new SetHub('ybisk/piqa', files)
  const env = { ...process.env, HF_ENDPOINT: await hub.start(), HF_TOKEN: '' }
  const ended = await phiWith(
    env,
    'eval',
    'tiny',
    ...fewThreads,
    '--data',
    'hub',
    '--tasks',
    'piqa',
    '--out',
    'hub',
    '--json',
  )
  expect(summaries(ended)).toMatchObject([{ task: 'piqa', questions: 5, shots: 5 }])
})

describe('is told', () => {
  test.each([
    [
      'of a benchmark that there is none',
      ['--data', 'rows', '--tasks', 'mmlu,chess'],
      2,
      'no benchmark "chess". They are: mmlu, ',
    ],
    ['of rows that are missing', ['--data', 'many', '--tasks', 'mmlu'], 1, 'many/mmlu/test.jsonl'],
    ['of a folder without rows', ['--data', 'nowhere'], 1, 'nowhere/NAME/test.jsonl'],
    ['to choose from the hub', ['--data', 'hub'], 2, '--tasks mmlu,gsm8k'],
    [
      'of rows that the hub does not have',
      ['--data', 'hub', '--tasks', 'agieval'],
      1,
      'rows of "agieval" is not known',
    ],
    ['of texts without a length', ['--tasks', 'ruler'], 2, 'needs lengths in tokens: --lengths'],
    ['of lengths without texts', ['--tasks', 'mmlu', '--data', 'rows', '--lengths', '4096'], 2, 'not among --tasks'],
    ['of texts that exceed the context', ['--tasks', 'ruler', '--lengths', '4096'], 1, 'at most 256, its context'],
    ['that rows have to be somewhere', ['--tasks', 'mmlu'], 2, 'with --data'],
    ['of answers with other settings', ['--data', 'many', '--exact'], 1, '--out'],
  ])('%s', async (_, args, code, message) => {
    await mkdir(join(folder, 'told', 'tiny'), { recursive: true })
    const header = { format: 'pocket-phi-answers-1', task: 'triviaqa', model: 'tiny', settings: {} }
    await writeFile(join(folder, 'told', 'tiny', 'triviaqa.jsonl'), linesOf([header]))
    const ended = await evaluate(...args, '--out', 'told')
    expect([ended.code, ended.err]).toEqual([code, expect.stringContaining(message)])
  })
})
