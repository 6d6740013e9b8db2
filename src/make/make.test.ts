/** Which stages of a run are done, by workers that write a word into a file and may die while they do. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { tryLock } from '../base/file-lock.ts'
import { writeFolderAtomic } from '../formats/atomic.ts'
import { makeRun, planRun, type MakeOptions, type StageWork, type StageWorkers } from './make.ts'
import { productOf } from './plan.ts'
import { readMakeRecord, recordFile } from './record.ts'
import { parseRunFile, type RunFile } from './run-file.ts'

let home = ''
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'phi-make-'))
  mkdirSync(join(home, 'base'))
  writeFileSync(join(home, 'base', 'config.json'), '{}')
  writeFileSync(join(home, 'page.txt'), 'A page.')
})
afterEach(() => rm(home, { recursive: true }))

const at = (...path: readonly string[]): string => join(home, ...path)

/** A run of all kinds; the second training starts from the first, the third from a model that was there. */
function runOf({ steps = 10, bits = 4 }: { readonly steps?: number; readonly bits?: number } = {}): RunFile {
  const training = (name: string, rest: object): object => ({
    kind: 'train',
    name,
    recipe: {
      name,
      description: 'For tests.',
      seed: 1,
      data: [{ source: 'world-documents', weight: 1, seed: 1 }],
      batch: { rows: 64, context: 32 },
      optimizer: {},
      schedule: { peak: 0.01, warmupSteps: 1, steps, decay: 'linear' },
      checkpoint: { everySteps: 5 },
      evaluation: { everySteps: 5, batches: 1, seed: 1000 },
      ...rest,
    },
  })
  const own = at('base')
  const stages = [
    {
      kind: 'data',
      name: 'pages',
      input: home,
      recipe: {
        name: 'pages',
        description: 'For tests.',
        seed: 1,
        sources: [{ name: 'pages', files: ['*.txt'] }],
        stages: {},
      },
    },
    training('first', {
      model: { vocab_size: 352 },
      tokenizer: { folder: own },
      data: [{ source: 'shards', folder: at('runs', 'pages'), weight: 1, seed: 1 }],
    }),
    training('second', { initial: at('runs', 'first', 'final') }),
    training('other', { initial: own, schedule: { peak: 0.01, warmupSteps: 1, steps: 3, decay: 'linear' } }),
    { kind: 'merge', name: 'merged', model: at('runs', 'second', 'final'), adapters: at('runs', 'other', 'final') },
    { kind: 'quantize', name: 'packed', model: at('runs', 'merged'), bits },
    { kind: 'evaluate', name: 'scores', models: [at('runs', 'packed')], loss: {} },
  ]
  return parseRunFile(JSON.stringify({ name: 'test', description: 'For tests.', folder: at('runs'), stages }))
}

/** Workers that note whose turn it was, and whether they found something to go on from. */
function noting(before: (name: string) => void = () => {}): { workers: StageWorkers; calls: string[] } {
  const calls: string[] = []
  const work = async ({ stage: { definition } }: StageWork): Promise<void> => {
    const { name, kind, folder } = definition
    calls.push(existsSync(join(folder, 'begun')) ? `${name}, gone on` : name)
    if (kind === 'merge' || kind === 'quantize') {
      await writeFolderAtomic(folder, async (into) => await into.writeFile('model', name), { replace: true })
      before(name)
      return
    }
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'begun'), name)
    before(name)
    writeFileSync(productOf(definition), name)
  }
  return { calls, workers: { data: work, train: work, merge: work, quantize: work, evaluate: work } }
}

/** Makes a run. @returns the stages that were worked on, in their order */
async function made(
  run: RunFile,
  options: Partial<MakeOptions> & { before?: (name: string) => void } = {},
): Promise<string[]> {
  const { before, ...others } = options
  const { workers, calls } = noting(before)
  await makeRun(run, { workers, signal: new AbortController().signal, ...others })
  return calls
}

const everyStage = ['pages', 'first', 'second', 'other', 'merged', 'packed', 'scores']

test('every stage is done once, in its order, and knows what it reads', async () => {
  const planned = await planRun(runOf())
  expect(planned.map(({ stage }) => [stage.definition.name, ...stage.inputs])).toEqual([
    ['pages'],
    ['first', 'pages'],
    ['second', 'first'],
    ['other'],
    ['merged', 'second', 'other'],
    ['packed', 'merged'],
    ['scores', 'packed'],
  ])
  expect(await made(runOf())).toEqual(everyStage)
  expect(await made(runOf())).toEqual([])
  const record = await readMakeRecord(at('runs'))
  expect(record?.stages.map(({ state }) => state)).toEqual(everyStage.map(() => 'done'))
  expect(record?.stages.every(({ peakBytes = 0 }) => peakBytes > 1e6)).toBe(true)
})

test('a run that dies in any stage goes on there', async () => {
  for (const [index, name] of everyStage.entries()) {
    await rm(at('runs'), { recursive: true, force: true })
    const dies = made(runOf(), {
      before(stage) {
        if (stage === name) throw new Error('killed')
      },
    })
    await expect(dies).rejects.toThrow('killed')
    expect((await readMakeRecord(at('runs')))?.stages[index]).toMatchObject({ state: 'begun', error: 'killed' })
    const rest = everyStage.slice(index + 1)
    const isWhole = ['merged', 'packed'].includes(name)
    expect(await made(runOf())).toEqual([isWhole ? name : `${name}, gone on`, ...rest])
  }
})

test('times of several calls add up', async () => {
  let seconds = 1000
  const options = { now: () => seconds }
  const dies = made(runOf(), {
    ...options,
    before(stage) {
      seconds += 7
      if (stage === 'first') throw new Error('killed')
    },
  })
  await expect(dies).rejects.toThrow('killed')
  await made(runOf(), { ...options, before: () => void (seconds += 5) })
  const stages = (await readMakeRecord(at('runs')))?.stages
  expect(stages?.map(({ seconds: took }) => took)).toEqual([7, 12, 5, 5, 5, 5, 5])
  expect(stages?.[1]).toMatchObject({
    began: new Date(1_007_000).toISOString(),
    ended: new Date(1_019_000).toISOString(),
  })
})

describe('what has changed', () => {
  beforeEach(async () => {
    await made(runOf())
  })

  test('is named, with what depends on it, and nothing is touched without being asked', async () => {
    await expect(made(runOf({ steps: 11 }))).rejects.toMatchObject({
      code: 'invalid-config',
      problem: expect.stringMatching(/: "first", "second", "merged", "packed", "scores"\.$/),
      found: expect.stringContaining('first: settings.recipe.schedule.steps (10 then, 11 now)'),
      remedy: expect.stringContaining('--again'),
    })
    expect(await made(runOf())).toEqual([])
  })

  test('is done again when it is asked for, and what was made before is kept', async () => {
    writeFileSync(at('runs', 'first', 'begun'), 'hours of work')
    const kept: string[] = []
    const again = { again: true, onKept: (stage: string) => kept.push(stage) }
    // The third training keeps its steps, so that it is as it was.
    expect(await made(runOf({ steps: 11 }), again)).toEqual(['first', 'second', 'merged', 'packed', 'scores'])
    expect(kept).toEqual(['first', 'second', 'merged', 'packed', 'scores'])
    expect(readFileSync(at('runs', 'first.before-1', 'begun'), 'utf8')).toBe('hours of work')
    expect(await made(runOf({ steps: 11 }))).toEqual([])
    await made(runOf(), again)
    expect((await readdir(at('runs'))).filter((name) => name.startsWith('first'))).toEqual([
      'first',
      'first.before-1',
      'first.before-2',
    ])
  })

  test('only takes along what reads it', async () => {
    expect(await made(runOf({ bits: 8 }), { again: true })).toEqual(['packed', 'scores'])
  })

  test('may be a file from outside: a source of data, which its own run sees to, and a model', async () => {
    writeFileSync(at('page.txt'), 'Another page.')
    expect((await planRun(runOf())).map(({ status }) => status)).toEqual([
      'begun',
      'changed',
      'changed',
      'done',
      'changed',
      'changed',
      'changed',
    ])
    writeFileSync(at('page.txt'), 'A page.')
    writeFileSync(at('base', 'config.json'), '{ }')
    const reasons = (await planRun(runOf())).flatMap(({ reasons: own }) => own)
    expect(reasons.filter((reason) => reason.startsWith('files.')).map((reason) => reason.split(' ')[0])).toEqual([
      // Of the tokenizer of the first training no file has changed.
      `files.${at('base')}`,
    ])
    writeFileSync(at('base', 'tokenizer.json'), '{}')
    expect((await planRun(runOf()))[1]).toMatchObject({
      status: 'changed',
      reasons: [expect.stringContaining(at('base'))],
    })
  })

  test('killed while it is done again, it goes on with that', async () => {
    const dies = made(runOf({ steps: 11 }), {
      again: true,
      before(stage) {
        if (stage === 'second') throw new Error('killed')
      },
    })
    await expect(dies).rejects.toThrow('killed')
    // What comes after still waits for a yes: its results are those of before.
    await expect(made(runOf({ steps: 11 }))).rejects.toThrow('"merged", "packed", "scores"')
    const again = await made(runOf({ steps: 11 }), { again: true })
    expect(again).toEqual(['second, gone on', 'merged', 'packed', 'scores'])
  })
})

test('rows of the chosen benchmarks and questions of the model are part of what scores are made of', async () => {
  const rows = (task: string, text: string): void => {
    mkdirSync(at('rows', task), { recursive: true })
    writeFileSync(at('rows', task, 'test.jsonl'), text)
  }
  rows('piqa', 'one')
  rows('boolq', 'one')
  mkdirSync(at('base', 'evaluation'))
  const benchmarks = { data: at('rows'), tasks: ['piqa'] }
  const stages = [{ kind: 'evaluate', name: 'scores', models: [at('base')], world: {}, benchmarks }]
  const run = parseRunFile(JSON.stringify({ name: 'test', description: '', folder: at('runs'), stages }))
  expect(await made(run)).toEqual(['scores'])
  const status = async (): Promise<string | undefined> => (await planRun(run))[0]?.status
  rows('boolq', 'two')
  expect(await status()).toBe('done')
  rows('piqa', 'two')
  expect(await status()).toBe('changed')
  rows('piqa', 'one')
  expect(await status()).toBe('done')
  writeFileSync(at('base', 'evaluation', 'more.jsonl'), '{}')
  expect(await status()).toBe('changed')
  expect(Object.keys((await planRun(run))[0]?.basis.files ?? {})).toContain('frozen questions')
})

test('a stage whose result was removed is done again', async () => {
  await made(runOf())
  await rm(at('runs', 'packed'), { recursive: true })
  await rm(at('runs', 'first', 'final'))
  expect(await made(runOf())).toEqual(['first, gone on', 'packed'])
})

describe('the record of a run', () => {
  test('that is damaged is refused, and without it trainings and data go on by themselves', async () => {
    await made(runOf())
    writeFileSync(at('runs', recordFile), readFileSync(at('runs', recordFile), 'utf8').slice(0, 300))
    await expect(made(runOf())).rejects.toMatchObject({
      code: 'invalid-file',
      remedy: expect.stringContaining('Remove it'),
    })
    await rm(at('runs', recordFile))
    await expect(made(runOf())).rejects.toThrow(/"merged", "packed", "scores".*not known what it was made of/s)
    expect(await made(runOf(), { again: true })).toEqual(
      everyStage.map((name) => (['merged', 'packed', 'scores'].includes(name) ? name : `${name}, gone on`)),
    )
  })

  test('is written by one process at a time', async () => {
    mkdirSync(at('runs'))
    const lock = tryLock(at('runs', 'make.lock'), '')
    await expect(made(runOf())).rejects.toThrow(/Another process makes the run/)
    lock?.close()
    expect(await made(runOf())).toEqual(everyStage)
  })
})

test('what is stopped by a signal says in which stage, and how to go on', async () => {
  const stop = new AbortController()
  const stopped = made(runOf(), {
    signal: stop.signal,
    before(stage) {
      if (stage !== 'second') return
      stop.abort()
      throw new Error('stopped')
    },
  })
  await expect(stopped).rejects.toMatchObject({
    code: 'aborted',
    problem: 'The run was stopped in the stage "second".',
  })
})

describe('errors name the stage:', () => {
  const fields = { name: 'test', description: '', folder: 'unused' }
  const plan = (...stages: readonly object[]): Promise<unknown> =>
    planRun(parseRunFile(JSON.stringify({ ...fields, stages })))

  test('of a recipe that does not fit', async () => {
    const stage = { kind: 'train', name: 'one', recipe: { name: 'one' } }
    await expect(plan(stage)).rejects.toMatchObject({
      code: 'invalid-config',
      problem: expect.stringMatching(/^Stage "one"/),
    })
  })

  test('of a recipe and of a model that are not there', async () => {
    await expect(plan({ kind: 'train', name: 'one', recipe: 'no.yaml' })).rejects.toThrow(/Stage "one".*no\.yaml/s)
    await expect(plan({ kind: 'quantize', name: 'one', model: 'no/model' })).rejects.toThrow(/Stage "one".*no\/model/s)
  })

  test('of a source that reads what the run makes, before it is made and after', async () => {
    const reading = async (files: readonly string[]): Promise<unknown> => {
      const recipe = { name: 'own', description: '', seed: 1, sources: [{ name: 'all', files }], stages: {} }
      const stages = [{ kind: 'data', name: 'one', input: home, recipe }]
      return await planRun(parseRunFile(JSON.stringify({ ...fields, folder: at('runs'), stages })))
    }
    const expected = /Stage "one": The source "all" reads what the run itself makes/
    await expect(reading(['**/*.txt'])).rejects.toThrow(expected)
    await expect(reading(['runs/**'])).rejects.toThrow(expected)
    expect(await reading(['*.txt'])).toHaveLength(1)
    mkdirSync(at('runs', 'one'), { recursive: true })
    writeFileSync(at('runs', 'one', 'metrics.jsonl'), '{}')
    await expect(reading(['**/metrics.jsonl'])).rejects.toThrow(expected)
  })

  test('of what reads from a later stage', async () => {
    const stages = [
      { kind: 'quantize', name: 'packed', model: 'unused/merged' },
      { kind: 'merge', name: 'merged', model: home, adapters: home },
    ]
    await expect(plan(...stages)).rejects.toThrow(/Stage "packed".*later stage "merged"/s)
  })

  const foldersOf = (...folders: readonly (string | undefined)[]): object[] =>
    folders.map((folder, index) => ({
      kind: 'quantize',
      name: 'ab'[index],
      model: 'x',
      ...(folder !== undefined && { folder }),
    }))

  const benchmarked = (...names: readonly string[]): object[] => [
    { kind: 'evaluate', name: 'scores', models: ['x'], benchmarks: { data: 'rows', tasks: names } },
  ]

  test('benchmarks that need nothing but rows are well', () => {
    expect(parseRunFile(JSON.stringify({ ...fields, stages: benchmarked('piqa', 'gsm8k') })).stages).toHaveLength(1)
  })

  test('folders of stages beside each other are well, also those whose names begin alike', () => {
    const stages = foldersOf('there', 'there-too')
    expect(parseRunFile(JSON.stringify({ ...fields, stages })).stages).toHaveLength(2)
    expect(parseRunFile(JSON.stringify({ ...fields, stages: foldersOf('..a', 'unused/..b') })).stages).toHaveLength(2)
  })

  test.each([
    [
      [
        { kind: 'merge', name: 'a', model: 'x', adapters: 'y' },
        { kind: 'merge', name: 'a', model: 'x', adapters: 'y' },
      ],
      /stages\.1\.name/,
    ],
    [[{ kind: 'evaluate', name: 'a', models: ['x'] }], /"loss", "world" or "benchmarks"/],
    [[{ kind: 'bake', name: 'a' }], /stages\.0\.kind/],
    [benchmarked('piqa', 'mt-bench'), /stages\.0\.benchmarks\.tasks\.1: "mt-bench" is no .*gsm8k.* need a judge/],
    [benchmarked('ruler'), /stages\.0\.benchmarks\.tasks\.0: "ruler" is no/],
    [benchmarked('unknown'), /stages\.0\.benchmarks\.tasks\.0: "unknown" is no/],
    [foldersOf('there', './there/'), /stages\.1\.folder: ".*the folder of the stage "a"/],
    [foldersOf('there', 'there/in'), /stages\.1\.folder/],
    [foldersOf('there/in', 'there'), /stages\.1\.folder/],
    [foldersOf('unused', undefined), /stages\.0\.folder: ".*the folder of the run/],
    [foldersOf(undefined, '.'), /stages\.1\.folder: ".*the folder of the run/],
    [foldersOf(undefined, 'unused/a'), /stages\.1\.folder/],
  ])('fields that do not fit are named: %#', (stages, expected) => {
    expect(() => parseRunFile(JSON.stringify({ ...fields, stages }))).toThrow(expected)
  })
})
