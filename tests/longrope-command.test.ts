/** `phi longrope` as a person calls it: child processes, on a model that is trained here. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))
const few =
  '--documents 2 --population 5 --parents 2 --mutations 2 --crossovers 1 --generations 1 --threads 1 --no-wide'

const recipe = `
name: base
description: A model of some thousand weights.
seed: 1
model:
  model_type: phi3
  vocab_size: 400
  hidden_size: 32
  intermediate_size: 32
  num_hidden_layers: 1
  num_attention_heads: 2
  num_key_value_heads: 1
  max_position_embeddings: 64
  original_max_position_embeddings: 64
  tie_word_embeddings: true
  eos_token_id: [389]
tokenizer: { train: { vocabulary: 400, examples: 200 } }
data: [{ source: recall-documents, weight: 1, seed: 1, words: 64 }]
batch: { rows: 128, context: 64 }
optimizer: {}
schedule: { peak: 0.02, warmupSteps: 1, steps: 4, decay: constant }
checkpoint: { everySteps: 4 }
evaluation: { everySteps: 4, batches: 1, seed: 99 }
`
const plan = `
name: wider
description: Twice as long.
documents: { source: recall-documents, count: 2, seed: 9 }
search: { population: 4, parents: 2, mutations: 1, crossovers: 1, generations: 1 }
stages: [{ length: 128 }]
readjust: { most: 2 }
`

let folder = ''

interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

function phi(...args: readonly string[]): Promise<Ended> {
  const words = args.flatMap((arg) => arg.split(' '))
  return new Promise((done) => {
    execFile(process.execPath, [main, ...words], { cwd: folder, encoding: 'utf8' }, (error, out, err) => {
      done({ code: typeof error?.code === 'number' ? error.code : 0, out, err })
    })
  })
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'phi-longrope-'))
  await writeFile(join(folder, 'base.yaml'), recipe)
  await writeFile(join(folder, 'plan.yaml'), plan)
  const { code, err } = await phi('train base.yaml --threads 1 --no-wide')
  if (code !== 0) throw new Error(err)
})
afterAll(async () => {
  await rm(folder, { recursive: true })
})

const search = `longrope search runs/base/final --length 256 --generated recall-documents ${few}`

describe('phi longrope', () => {
  test('search prints what it found and writes a model that takes longer texts', async () => {
    const { code, out, err } = await phi(search)
    expect(err).toMatch(/generation 1 of 1 {2}8 of 8 {2}perplexity \d+\.\d{3}, of the best seed \d+\.\d{3}/)
    expect(code).toBe(0)
    const names = out.split('\n').flatMap((line) => /^(PI|NTK|YaRN|search) /.exec(line)?.[1] ?? [])
    expect(names).toEqual(['PI', 'NTK', 'YaRN', 'search'])
    expect(out).toContain('The model is in runs/longrope-256/final.')
    const config: unknown = JSON.parse(await readFile(join(folder, 'runs/longrope-256/final/config.json'), 'utf8'))
    expect(config).toMatchObject({
      max_position_embeddings: 256,
      original_max_position_embeddings: 64,
      rope_scaling: { type: 'longrope', short_factor: new Array<number>(8).fill(1) },
    })
    const answer = await phi('run runs/longrope-256/final --max-tokens 3 --context 256 Lea')
    expect(answer).toMatchObject({ code: 0, err: '' })
  })

  test('search refuses a folder with a search, goes on with --resume, and names what is wrong', async () => {
    const again = await phi(`${search} --folder runs/longrope-256`)
    expect(again.code).toBe(1)
    expect(again.err).toContain('is of a search that was begun already')
    const resumed = await phi(`${search} --resume --json`)
    expect(resumed.code).toBe(0)
    expect(JSON.parse(resumed.out.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({ done: true, measured: 8 })
    expect((await phi(`${search} --resume --seed 2`)).err).toContain('changes in evolution.seed (0 then, 2 now)')
    expect((await phi(`longrope search runs/base/final --length 64 ${few}`)).err).toContain('need not be extended')
    expect((await phi(`${search} --start-tokens 4`)).err).toContain('0 among them')
  })

  test('readjust changes the short factors of an extended model, and refuses another', async () => {
    const readjust = `--generated recall-documents ${few} --folder runs/short`
    expect((await phi(`longrope readjust runs/base/final ${readjust}`)).err).toContain('nothing to readjust')
    const done = await phi(`longrope readjust runs/longrope-256/final ${readjust}`)
    expect(done.code).toBe(0)
    const read = async (path: string): Promise<{ rope_scaling: Record<string, number[]> }> =>
      JSON.parse(await readFile(join(folder, path), 'utf8')) as { rope_scaling: Record<string, number[]> }
    const before = await read('runs/longrope-256/final/config.json')
    const after = await read('runs/short/final/config.json')
    expect(after.rope_scaling['long_factor']).toEqual(before.rope_scaling['long_factor'])
    expect(Math.max(...(after.rope_scaling['short_factor'] ?? []))).toBeLessThanOrEqual(2)
  })

  test('extend follows a plan', async () => {
    const done = await phi('longrope extend runs/base/final plan.yaml --threads 1 --no-wide')
    expect(done.code).toBe(0)
    expect(done.out).toContain('128/search:')
    expect(done.out).toContain('readjust:')
    expect(done.out).toContain('The model is in runs/wider/final.')
  })

  test('searches on texts of a person, if there is enough of them', async () => {
    await writeFile(join(folder, 'text.txt'), 'Lea red shoe. Mona white map. '.repeat(100))
    const onText = `longrope search runs/base/final --length 128 ${few} --folder runs/on-text --text text.txt`
    expect((await phi(onText)).code).toBe(0)
    const short = await phi(onText.replace('--length 128', '--length 512'), '--resume')
    expect(short.err).toContain('There is too little text')
  })
})
