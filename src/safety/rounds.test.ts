/** The loop with a model that learns by heart what it is trained on, and that may die at any step. */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { writeFolderAtomic } from '../formats/atomic.ts'
import type { StageWork, StageWorkers } from '../make/make.ts'
import { productOf } from '../make/plan.ts'
import type { StageDefinition } from '../make/run-file.ts'
import { rulesGrader } from './graders/rules.ts'
import { parseSafetyPlan, type SafetyPlan } from './plan.ts'
import { historyReport } from './report.ts'
import { readHistory, roundFolder, runRounds, type LoopOptions } from './rounds.ts'
import { scriptedUser } from './user.ts'

let home = ''
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'phi-loop-'))
  await mkdir(join(home, 'base'))
  await writeFile(join(home, 'base', 'config.json'), '{}')
  await writeFile(join(home, 'base', 'lessons'), '')
  await mkdir(join(home, 'rows', 'xstest'), { recursive: true })
  await writeFile(join(home, 'rows', 'xstest', 'test.jsonl'), xstest)
})
afterEach(() => rm(home, { recursive: true }))

/** Published rows, which only measure. */
const xstest = Array.from({ length: 30 }, (_, index) => {
  const label = index % 2 === 0 ? 'safe' : 'unsafe'
  return `${JSON.stringify({ id: `x${index}`, prompt: `Published request ${index}?`, label })}\n`
}).join('')

const training = {
  recipe: {
    data: [],
    batch: { rows: 64, context: 32 },
    optimizer: {},
    schedule: { peak: 0.01, warmupSteps: 1, steps: 2, decay: 'linear' },
    checkpoint: { everySteps: 1 },
    evaluation: { everySteps: 1, batches: 1, seed: 1000 },
  },
}

function planOf(changes: object = {}): SafetyPlan {
  const dpo = { recipe: { ...training.recipe, objective: { kind: 'dpo' }, adapter: { rank: 2, alpha: 4 } } }
  return parseSafetyPlan(
    JSON.stringify({
      name: 'test',
      description: 'For tests.',
      folder: join(home, 'history'),
      model: join(home, 'base'),
      seed: 3,
      seeds: [
        { source: 'world', seed: 5, harmful: 60, harmless: 60, stories: 10 },
        { source: 'rows', folder: join(home, 'rows'), sets: ['xstest'] },
      ],
      personas: ['insisting', 'prefix'],
      sft: training,
      dpo,
      ...changes,
    }),
  )
}

interface Loop extends Partial<LoopOptions> {
  /** Hears of every answer of the model, and of every stage of a training. */
  readonly at?: (event: string) => void
}

const refusal = 'I cannot help with that.'

/** The model that a stage starts from, and the file that it learns from. */
function readingsOf(definition: StageDefinition): { readonly initial: string; readonly file?: string } {
  if (definition.kind === 'merge') return { initial: definition.model }
  const recipe = trainingSchema.parse('recipe' in definition ? definition.recipe : {})
  return { initial: recipe.initial, file: recipe.data[0].file }
}

const trainingSchema = z.object({ initial: z.string(), data: z.tuple([z.object({ file: z.string() })]) })

/** What models of this test know is in a file beside their weights: one lesson a line. */
function optionsOf({ at = () => {}, ...changes }: Loop): LoopOptions {
  const work = async ({ stage: { definition } }: StageWork): Promise<void> => {
    at(definition.name)
    const { initial, file } = readingsOf(definition)
    const known = await readFile(join(initial, 'lessons'), 'utf8')
    const learned = file === undefined ? '' : await readFile(file, 'utf8')
    const into = definition.kind === 'train' ? productOf(definition) : definition.folder
    await mkdir(definition.folder, { recursive: true })
    await writeFolderAtomic(into, async (folder) => await folder.writeFile('lessons', known + learned), {
      replace: true,
    })
  }
  const workers: StageWorkers = { data: work, train: work, merge: work, quantize: work, evaluate: work }
  return {
    user: scriptedUser,
    grader: rulesGrader,
    frozen: () => Promise.resolve([]),
    workers,
    parallel: 2,
    signal: new AbortController().signal,
    model: async (folder) => {
      const lessons = await readFile(join(folder, 'lessons'), 'utf8')
      return {
        name: folder.replace(home, ''),
        settings: {},
        open: () =>
          Promise.resolve({
            // It refuses whatever has a word of harm that it has seen refused, and everything that is a long question.
            answer(messages) {
              at('answer')
              const asked = messages.at(-1)?.content ?? ''
              const isKnown = lessons.includes(JSON.stringify(asked).slice(1, -1))
              return Promise.resolve({ content: isKnown || asked.length % 5 === 0 ? refusal : 'You simply begin.' })
            },
            [Symbol.asyncDispose]: () => Promise.resolve(),
          }),
      }
    },
    ...changes,
  }
}

const lines = async (round: number, kind: string): Promise<string[]> =>
  (await readFile(join(roundFolder(join(home, 'history'), round), `${kind}.jsonl`), 'utf8')).trimEnd().split('\n')

/** All of a history that does not tell of time. */
async function contents(): Promise<unknown> {
  const history = await readHistory(join(home, 'history'))
  const learned = await Promise.all([1, 2].flatMap((round) => ['sft', 'dpo'].map((kind) => lines(round, kind))))
  return { history, learned }
}

describe('two rounds', () => {
  test('find, train and measure in turn, and keep all of it', async () => {
    const events: string[] = []
    await runRounds(planOf(), 2, optionsOf({ at: (event) => event === 'answer' || events.push(event) }))
    expect(events).toEqual(['sft', 'dpo', 'dpo-merged', 'sft', 'dpo', 'dpo-merged'])
    const history = await readHistory(join(home, 'history'))
    expect(history.map(({ result }) => result.model.replace(home, ''))).toEqual([
      '/base',
      '/history/round-1/training/dpo-merged',
      '/history/round-2/training/dpo-merged',
    ])
    expect(history.map(({ findings }) => findings === undefined)).toEqual([true, false, false])
    // What was found first is learned again.
    const [first, second] = await Promise.all([lines(1, 'sft'), lines(2, 'sft')])
    expect(second.slice(0, first.length)).toEqual(first)
    expect(second.length).toBeGreaterThan(first.length)
    expect(historyReport(history)).toContain('after round 2')
    expect(historyReport(history)).toContain('Grades: rules')
  })

  test('learn nothing that is held out, and nothing of rows that only measure', async () => {
    await runRounds(planOf(), 2, optionsOf({}))
    const learned = (await Promise.all([1, 2].flatMap((round) => ['sft', 'dpo'].map((kind) => lines(round, kind)))))
      .flat()
      .join('\n')
    const asked = (await lines(0, 'held-out')).slice(1).flatMap((line) => {
      const { messages } = JSON.parse(line) as { messages: { role: string; content: string }[] }
      return messages.filter(({ role }) => role === 'user').map(({ content }) => JSON.stringify(content))
    })
    expect(asked.length).toBeGreaterThan(60)
    expect(asked.filter((content) => learned.includes(content))).toEqual([])
    expect(learned).not.toContain('Published')
  })

  test('that are done are not done again', async () => {
    await runRounds(planOf(), 1, optionsOf({}))
    const before = await readHistory(join(home, 'history'))
    const fail = (): void => expect.unreachable()
    await runRounds(planOf(), 1, optionsOf({ at: fail }))
    expect(await readHistory(join(home, 'history'))).toEqual(before)
  })
})

test('a loop that dies at any moment goes on to the same history', async () => {
  let events = 0
  await runRounds(planOf(), 2, optionsOf({ at: () => void events++ }))
  const whole = await contents()
  let died = 0
  await rm(join(home, 'history'), { recursive: true })
  // Dies more often the further it comes, at answers and in trainings.
  for (let life = 7; ; life += 41) {
    let left = life
    const dying = runRounds(
      planOf(),
      2,
      optionsOf({
        at: () => {
          if (left-- === 0) throw new Error('killed')
        },
      }),
    )
    const ended = await dying.then(
      () => 'done',
      (error: Error) => error.message,
    )
    if (ended === 'done') break
    expect(ended).toContain('killed')
    died++
  }
  expect(died).toBeGreaterThan(5)
  expect(events).toBeGreaterThan(300)
  expect(await contents()).toEqual(whole)
})

test('what is cancelled says how to go on, and goes on', async () => {
  const cancel = new AbortController()
  let answers = 0
  const options = optionsOf({
    signal: cancel.signal,
    at: () => {
      if (++answers === 30) cancel.abort()
    },
  })
  await expect(runRounds(planOf(), 1, options)).rejects.toMatchObject({
    code: 'aborted',
    remedy: expect.stringContaining('same command'),
  })
  const kept = (await lines(0, 'held-out')).length
  expect(kept).toBeGreaterThan(10)
  await runRounds(planOf(), 1, optionsOf({}))
  expect(await readHistory(join(home, 'history'))).toHaveLength(2)
})

test('a model without failures stays as it is', async () => {
  const good: LoopOptions['model'] = () =>
    Promise.resolve({
      name: 'good',
      settings: {},
      open: () =>
        Promise.resolve({
          answer: () => Promise.resolve({ content: 'I do not know.' }),
          [Symbol.asyncDispose]: () => Promise.resolve(),
        }),
    })
  await runRounds(planOf(), 1, optionsOf({ model: good, at: () => expect.unreachable() }))
  const history = await readHistory(join(home, 'history'))
  expect(history.map(({ result }) => result.model)).toEqual([join(home, 'base'), join(home, 'base')])
  expect(existsSync(join(roundFolder(join(home, 'history'), 1), 'training'))).toBe(false)
})

describe('a round whose lessons are all equal', () => {
  /** As a loop leaves it that was stopped before the training. */
  async function found(lessons: Readonly<Record<'sft' | 'dpo', readonly object[]>>): Promise<void> {
    await runRounds(planOf(), 0, optionsOf({}))
    const folder = roundFolder(join(home, 'history'), 1)
    await mkdir(folder)
    for (const [kind, all] of Object.entries(lessons)) {
      await writeFile(join(folder, `${kind}.jsonl`), all.map((line) => `${JSON.stringify(line)}\n`).join(''))
    }
    const { sft, dpo } = lessons
    const findings = { found: [], counts: {}, conversations: sft.length, preferences: dpo.length }
    await writeFile(join(folder, 'curated.json'), JSON.stringify(findings))
  }

  const asked = (content: string) => ({ role: 'user', content })
  const lesson = (content: string) => ({ messages: [asked(content), { role: 'assistant', content: refusal }] })
  const pair = { prompt: [asked('How?')], chosen: refusal, rejected: 'You simply begin.' }

  test.each([
    ['learns nothing', [lesson('How?'), lesson('How?')], []],
    ['learns no preferences where only they are', [lesson('How?'), lesson('When?')], ['sft']],
  ])('%s', async (_, sft, trained) => {
    await found({ sft, dpo: [pair, pair] })
    const events: string[] = []
    await runRounds(planOf(), 1, optionsOf({ at: (event) => event === 'answer' || events.push(event) }))
    expect(events).toEqual(trained)
    expect(await readHistory(join(home, 'history'))).toHaveLength(2)
  })
})

test.each([
  ['user', { user: { ...scriptedUser, name: 'somebody@else' } }],
  ['grader', { grader: { ...rulesGrader, name: 'somebody@else' } }],
])('a history is not gone on with by another %s', async (who, other) => {
  await runRounds(planOf(), 0, optionsOf({}))
  await expect(runRounds(planOf(), 1, optionsOf(other))).rejects.toMatchObject({
    code: 'invalid-argument',
    found: expect.stringMatching(new RegExp(`^${who} .*somebody@else`)),
  })
  expect(existsSync(roundFolder(join(home, 'history'), 1))).toBe(false)
  // What is there may be shown by anybody.
  await runRounds(planOf(), 0, optionsOf(other))
})

describe('a plan', () => {
  test('that has changed is refused for a history that is there', async () => {
    await runRounds(planOf(), 0, optionsOf({}))
    await expect(runRounds(planOf({ heldOut: 0.3 }), 0, optionsOf({}))).rejects.toMatchObject({
      code: 'invalid-config',
      found: 'heldOut (0.5 then, 0.3 now)',
    })
  })

  test.each([
    [{ personas: ['nobody'] }, 'personas'],
    [{ seeds: [{ source: 'rows', folder: 'x', sets: ['unknown'] }] }, 'sets'],
    [{ sft: { recipe: { ...training.recipe, batch: { rows: 8, context: 32 } } } }, 'batch.context'],
    [{ dpo: { recipe: training.recipe } }, 'objective'],
  ])('says which of its fields does not fit: %j', (changes, field) => {
    expect(() => planOf(changes)).toThrow(field)
  })

  test.each([
    ['sources', [0, 1].map((seed) => ({ source: 'world', seed, harmful: 9, harmless: 9 })), 'world/0-'],
    ['lines', [{ source: 'rows', folder: '', sets: ['xstest'] }], 'xstest/x0'],
  ])('of which two %s have rows of one name is refused', async (_, sources, name) => {
    await writeFile(join(home, 'rows', 'xstest', 'test.jsonl'), xstest.repeat(2))
    const seeds = sources.map((source) => ('folder' in source ? { ...source, folder: join(home, 'rows') } : source))
    await expect(runRounds(planOf({ seeds }), 0, optionsOf({}))).rejects.toMatchObject({
      code: 'invalid-config',
      message: expect.stringContaining(`"${name}`),
    })
  })

  test('that names rows which are not there says what is expected', async () => {
    const seeds = [{ source: 'rows', folder: join(home, 'nowhere'), sets: ['xstest'] }]
    await expect(runRounds(planOf({ seeds }), 0, optionsOf({}))).rejects.toMatchObject({
      code: 'not-found',
      expected: expect.stringContaining('xstest/test.jsonl'),
    })
  })
})

test('a folder without a history is told apart', async () => {
  await expect(readHistory(home)).rejects.toMatchObject({
    code: 'not-found',
    remedy: expect.stringContaining('phi safety round'),
  })
})
