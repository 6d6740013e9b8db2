/** `phi data` as a person or a program calls it, up to a training on what it packed. */
import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { gzippedWarcOf } from '../src/data/pipeline/sources/archive-harness.ts'
import { ScriptedJudge } from '../src/data/pipeline/education/judge-harness.ts'
import { planOf, ScriptedWriter } from '../src/data/pipeline/synthesis/writer-harness.ts'
import { document } from '../src/data/world/index.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const main = join(root, 'src/cli/main.ts')
const tokenizer = join(root, 'models/phi-nano')

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'phi-data-command-'))
  const paragraphs = (page: number): string =>
    Array.from({ length: 8 }, (_, part) => `<p>${document(part + 1, page).text.replaceAll('\n', ' ')}</p>`).join('')
  await mkdir(join(folder, 'input'))
  for (const file of [0, 1, 2]) {
    const pages = Array.from({ length: 20 }, (_, index) => {
      const page = file * 20 + index
      return { url: `http://a/${page}`, html: `<title>${page}</title><article>${paragraphs(page)}</article>` }
    })
    const { bytes } = gzippedWarcOf(pages)
    await writeFile(join(folder, 'input', `${file}.warc.gz`), file === 1 ? bytes.slice(0, -30) : bytes)
  }
  await writeFile(
    join(folder, 'data.yaml'),
    `
name: pages
description: Pages of the closed world.
seed: 1
sources: [{ name: crawl, files: ['*.warc.gz'] }]
stages: { text: {}, language: { keep: [en] }, duplicates: {}, personal: {}, education: {} }
pack: { tokenizer: '${tokenizer}', longest: 128, heldOut: 0.1 }
`,
  )
})
afterAll(() => rm(folder, { recursive: true }))

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** @param killAt a text on standard output at which the process gets a signal that it cannot answer */
function phi(args: readonly string[], killAt?: string, environment: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const child = spawn(process.execPath, [main, ...args], { cwd: folder, env: { ...process.env, ...environment } })
  let [out, err] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
    if (killAt !== undefined && out.includes(killAt)) child.kill('SIGKILL')
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err })))
}

const run = (to: string, ...more: string[]): string[] => [
  'data',
  'run',
  'data.yaml',
  '--input',
  'input',
  '--folder',
  to,
  ...more,
]

async function contentOf(to: string): Promise<Map<string, string>> {
  const entries = await readdir(join(folder, to, 'stages'), { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  const files = paths
    .sort()
    .map(async (path) => [relative(join(folder, to), path), (await readFile(path)).toString('hex')] as const)
  return new Map(await Promise.all(files))
}

describe('phi data', () => {
  test('runs, tells, shows, and a training learns from what it packed', async () => {
    const ended = await phi(run('whole'))
    expect(ended.err).not.toContain('error')
    expect(ended.code).toBe(0)
    expect(ended.out).toMatch(/^read +60 +59 +98\.3 % .*damaged \(1\)$/m)
    expect(ended.out).toContain('{ source: shards, folder: whole, weight: 1, seed: 1 }')

    const status = JSON.parse((await phi(['data', 'status', 'whole', '--json'])).out) as {
      stages: { name: string; done: boolean }[]
    }
    const names = ['read', 'text', 'language', 'duplicates', 'personal', 'education', 'tokens', 'pack']
    expect(status.stages.map(({ name, done }) => (done ? name : ''))).toEqual(names)
    expect((await phi(['data', 'look', 'whole'])).out).toContain(join('whole', 'look.html'))
    expect(await readFile(join(folder, 'whole', 'look.html'), 'utf8')).toContain('Pages of the closed world.')

    const model = JSON.parse(await readFile(join(tokenizer, 'config.json'), 'utf8')) as object
    const small = {
      hidden_size: 64,
      intermediate_size: 96,
      num_hidden_layers: 1,
      num_attention_heads: 2,
      num_key_value_heads: 1,
    }
    const recipe = {
      ...{ name: 'small', description: 'On shards.', seed: 1, model: { ...model, ...small } },
      tokenizer: { folder: tokenizer },
      data: [{ source: 'shards', folder: 'whole', weight: 1, seed: 1 }],
      batch: { rows: 256, context: 128 },
      optimizer: {},
      schedule: { peak: 0.01, warmupSteps: 1, steps: 6, decay: 'constant' },
      checkpoint: { everySteps: 6 },
      evaluation: { everySteps: 6, batches: 1, seed: 1 },
    }
    await writeFile(join(folder, 'train.yaml'), JSON.stringify(recipe))
    const trained = await phi(['train', 'train.yaml', '--json', '--no-wide', '--threads', '1'])
    expect(trained.err).not.toContain('error')
    const losses = trained.out
      .trim()
      .split('\n')
      .flatMap((line) => (JSON.parse(line) as { loss?: number }).loss ?? [])
    expect(losses.length).toBe(6)
    expect(losses[5]).toBeLessThan((losses[0] ?? 0) - 0.5)
  })

  test.each(['"stage":"read"', '"stage":"text"', '"stage":"duplicates"', '"stage":"tokens"'])(
    'that was killed after %s goes on to the same bytes',
    async (at) => {
      const to = `killed-${at.replaceAll(/\W/g, '')}`
      expect((await phi(run(to, '--json', '--threads', '1'), at)).code).toBe(null)
      const status = await phi(['data', 'status', to])
      expect(status.out).toContain('not done')
      expect((await phi(run(to, '--json', '--threads', '2'))).code).toBe(0)
      expect(await contentOf(to)).toEqual(await contentOf('whole'))
    },
  )
})

describe('phi data annotate', () => {
  const annotate = (to: string, ...more: string[]): string[] => [
    ...['data', 'annotate', 'texts.jsonl', '--out', to, '--count', '60', '--attempts', '12', ...more],
  ]

  beforeAll(async () => {
    const texts = Array.from({ length: 60 }, (_, index) => document(3, index).text)
    const lines = [...texts, ...texts.slice(0, 5)].map((text) => JSON.stringify({ text }))
    await writeFile(join(folder, 'texts.jsonl'), lines.join('\n'))
  })

  test('asks the server that the environment names, counts what it costs, and asks nothing twice', async () => {
    await using judge = new ScriptedJudge()
    judge.faults = ['torn', 'wrong sum']
    const { url } = await judge.start()
    const prices = ['--prompt-price', '2', '--answer-price', '8']
    const environment = { PHI_ENDPOINT: `${url}#judge` }
    const ended = await phi(annotate('judged', ...prices), undefined, environment)
    expect(ended.err).not.toContain('error')
    expect(ended.out).toContain('60 of 60 documents annotated, of 65 read; 5 repeat one of the sample')
    expect(ended.out).toContain(`judge: 60 answers taken, ${judge.count()} not (`)
    const cost = (2 * judge.tokens.prompt + 8 * judge.tokens.answer) / 1e6
    expect(ended.out).toContain(`Cost: ${cost.toFixed(4)} at the prices given.`)
    const { requests } = judge
    expect((await phi(annotate('judged'), undefined, environment)).out).toContain('60 known before')
    expect(judge.requests).toBe(requests)
  })

  test('keeps what there is at Ctrl-C, and says how it goes on', async () => {
    await using judge = new ScriptedJudge()
    judge.faults = []
    const { url } = await judge.start()
    const options = ['--parallel', '1', '--endpoint', `${url}#judge`]
    const child = spawn(process.execPath, [main, ...annotate('stopped', ...options)], { cwd: folder })
    judge.onRequest = (requests) => void (requests === 20 && child.kill('SIGINT'))
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
    const code = await new Promise((resolve) => child.on('close', resolve))
    expect([code, said]).toEqual([130, expect.stringContaining('the same command goes on from there')])
    const kept = (await readFile(join(folder, 'stopped', 'annotations.jsonl'), 'utf8')).trim().split('\n').length
    expect(kept).toBeGreaterThanOrEqual(19)
    judge.onRequest = () => {}
    expect((await phi(annotate('stopped', ...options))).out).toContain(`${kept} known before`)
  })

  test('says so where rules judge', async () => {
    const { out, code } = await phi(annotate('ruled'), undefined, { PHI_ENDPOINT: undefined })
    expect(code).toBe(0)
    expect(out).toContain('No server was given: rules judged in the place of a language model.')
  })

  test.each([
    [['--prompt-price', '1'], 'belong together'],
    [['--endpoint', 'judge'], 'no address of a server'],
  ])('refuses %s', async (more, message) => {
    const { err, code } = await phi(annotate('refused', ...more))
    expect([code, err]).toEqual([2, expect.stringContaining(message)])
  })
})

describe('phi data synthesize', () => {
  const synthesize = (to: string, ...more: string[]): string[] => [
    ...['data', 'synthesize', 'plan.yaml', '--out', to, '--attempts', '12', ...more],
  ]

  beforeAll(() => writeFile(join(folder, 'plan.yaml'), JSON.stringify(planOf(40))))

  test('has a plan written, tells what became of it, asks nothing twice, and the pipeline reads the texts', async () => {
    await using writer = new ScriptedWriter()
    writer.faults = ['torn', 'wrong answer', 'same text']
    const { url } = await writer.start()
    const environment = { PHI_ENDPOINT: `${url}#writer` }
    const ended = await phi(synthesize('written', '--prompt-price', '2', '--answer-price', '8'), undefined, environment)
    expect([ended.code, ended.err]).toEqual([0, ''])
    expect(ended.out).toMatch(/^\d\d of 40 texts kept: textbook \d+, exercise \d+, conversation \d+, question \d+\.$/m)
    expect(ended.out).toMatch(/^solutions +40 +\d\d +solved otherwise \d$/m)
    expect(ended.out).toMatch(/^what is kept +\d+\.\d % +\d+\.\d % +\d+\.\d % +\d+\.\d %$/m)
    const cost = (2 * writer.tokens.prompt + 8 * writer.tokens.answer) / 1e6
    expect(ended.out).toContain(`Cost: ${cost.toFixed(4)} at the prices given.`)
    const { requests } = writer
    expect((await phi(synthesize('written'), undefined, environment)).out).toContain('40 known before')
    expect(writer.requests).toBe(requests)

    await phi(['data', 'look', 'written'])
    expect(await readFile(join(folder, 'written', 'look.html'), 'utf8')).toContain('solved otherwise')
    const recipe = `
name: texts
description: What was written.
seed: 1
sources: [{ name: synthetic, files: ['texts.jsonl'] }]
stages: { personal: {} }
`
    await writeFile(join(folder, 'texts.yaml'), recipe)
    const ran = await phi(['data', 'run', 'texts.yaml', '--input', 'written', '--folder', 'texts', '--threads', '1'])
    const rows = (await readFile(join(folder, 'written', 'texts.jsonl'), 'utf8')).trim().split('\n').length
    expect(ran.out).toMatch(new RegExp(`^read +${rows} +${rows} `, 'm'))
  })

  test('keeps what there is at Ctrl-C, and says how it goes on', async () => {
    await using writer = new ScriptedWriter()
    writer.faults = []
    const { url } = await writer.start()
    const options = ['--parallel', '1', '--endpoint', `${url}#writer`]
    const child = spawn(process.execPath, [main, ...synthesize('cut', ...options)], { cwd: folder })
    writer.onRequest = (requests) => void (requests === 20 && child.kill('SIGINT'))
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
    const code = await new Promise((resolve) => child.on('close', resolve))
    expect([code, said]).toEqual([130, expect.stringContaining('the same command goes on from there')])
    writer.onRequest = () => {}
    expect((await phi(synthesize('cut', ...options))).out).toMatch(/; 1\d known before/)
  })

  test.each([
    [['plan.yaml'], 2, 'name the server that writes'],
    [['plan.yaml', '--endpoint', 'writer'], 2, 'no address of a server'],
    [['data.yaml', '--endpoint', 'http://127.0.0.1:9/v1#writer'], 1, 'is not a plan of synthetic data'],
    [['missing.yaml', '--endpoint', 'http://127.0.0.1:9/v1#writer'], 1, 'cannot be read'],
  ])('refuses %s', async (more, code, message) => {
    const ended = await phi(['data', 'synthesize', ...more], undefined, { PHI_ENDPOINT: undefined })
    expect([ended.code, ended.err]).toEqual([code, expect.stringContaining(message)])
  })
})

test('phi data classify learns from annotations, says how well, and a recipe uses what it made', async () => {
  const texts = Array.from({ length: 200 }, (_, index) => document(1 + (index % 8), index).text)
  await writeFile(join(folder, 'many.jsonl'), texts.map((text) => JSON.stringify({ text })).join('\n'))
  await phi(['data', 'annotate', 'many.jsonl', '--out', 'many', '--count', '200'], undefined, {
    PHI_ENDPOINT: undefined,
  })
  const trained = await phi(['data', 'classify', 'train', 'many/annotations.jsonl', '--out', 'many.safetensors'])
  expect(trained.err).toBe('')
  expect(trained.out).toMatch(/^1\d\d documents to learn from, \d\d held out, annotated by rules\.$/m)
  expect(trained.out).toMatch(/^linear +0\.\d{3} .*\nembeddings +0\.\d{3} /m)
  const { out } = await phi(['data', 'classify', 'score', 'many.safetensors', 'many.jsonl'])
  expect(out).toMatch(/^many +\d+ +\d\.\d\d +\d\.\d\d$/m)
  const recipe = await readFile(join(folder, 'data.yaml'), 'utf8')
  const better = recipe.replace('education: {}', 'education: { classifier: many.safetensors }, best: { tokens: 3000 }')
  await writeFile(join(folder, 'better.yaml'), better)
  const ended = await phi(['data', 'run', 'better.yaml', '--input', 'input', '--folder', 'better', '--threads', '1'])
  expect(ended.err).not.toContain('error')
  expect(ended.out).toMatch(/^best .*not among the best \(\d+\)$/m)
  expect((await phi(['data', 'annotate', 'better', '--out', 'again', '--count', '9'])).out).toContain('annotated, of')
})
