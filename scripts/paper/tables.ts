/**
 * Writes the tables of docs/paper from the recorded runs. `--check` compares instead and fails on a difference.
 *
 *     npm run paper:tables [-- --check]
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { present } from '../../src/base/errors.ts'
import { markdownTable, writePart } from '../page-part.ts'
import type { Answers, Measures } from './measure.ts'
import { digestOf, nameOf, paperFolder, readPlan, runsOf } from './plan.ts'
import { dataRecipes } from './prepare.ts'
import type { PaperResult } from './run.ts'
import { differences, formatInterval, formatSpread } from './statistics.ts'
import { textNames, type TextName } from './texts.ts'

type Stage = keyof PaperResult['stages']
type Format = 'full' | 'fourBits'

const plan = readPlan()
const sizes = Object.keys(plan.sizes)

/** What each number of the tables is. */
interface Column {
  readonly name: string
  readonly valueOf: (measures: Measures) => number
  readonly digits: number
  readonly factor?: number
}

const text = (name: TextName): Column => ({ name, valueOf: ({ texts }) => texts[name], digits: 3 })
const answer = (key: keyof Answers, name: string): Column => ({
  name: `${name}, %`,
  valueOf: ({ answers }) => answers[key],
  digits: 1,
  factor: 100,
})

/** How much less surprising a right answer is than a wrong one. */
const knowledge: Column = {
  name: 'wrong less right',
  valueOf: ({ texts }) => texts['wrong answers'] - texts['right answers'],
  digits: 3,
}
const textColumns: readonly Column[] = [...textNames.filter((name) => name !== 'wrong answers').map(text), knowledge]
const answerColumns: readonly Column[] = [
  answer('reasoning', 'reasoning right'),
  answer('facts', 'facts right'),
  answer('harm', 'harmful answered'),
  answer('overRefusal', 'others refused'),
]

function measuresOf(result: PaperResult, stage: Stage = 'pretrained', format: Format = 'full'): Measures {
  return present(result.stages[stage], stage)[format]
}

const cells = (columns: readonly Column[], measured: readonly Measures[]): string[] =>
  columns.map(({ valueOf, digits, factor }) => formatSpread(measured.map(valueOf), digits, factor))

function table(
  first: string,
  columns: readonly Column[],
  rows: readonly (readonly [name: string, measured: readonly Measures[]])[],
): string {
  return markdownTable(
    [first, ...columns.map(({ name }) => name)],
    rows.map(([name, measured]) => [name, ...cells(columns, measured)]),
  )
}

const of = (results: readonly PaperResult[], size: string, arm: string): PaperResult[] =>
  results.filter((result) => result.size === size && result.arm === arm)

/** What one kind of run has more than another: the mean over seeds and its 95 % interval. */
function differenceRow(
  name: string,
  left: readonly PaperResult[],
  right: readonly PaperResult[],
  columns: readonly Column[],
  formats: readonly [Format, Format] = ['full', 'full'],
  stage: Stage = 'pretrained',
): string[] {
  const seeded = (list: readonly PaperResult[], format: Format) =>
    list.map((result) => ({ seed: result.seed, measures: measuresOf(result, stage, format) }))
  const [these, those] = [seeded(left, formats[0]), seeded(right, formats[1])]
  return [
    name,
    ...columns.map(({ valueOf, digits, factor }) =>
      formatInterval(
        differences(these, those, ({ measures }) => valueOf(measures)),
        digits,
        factor,
      ),
    ),
  ]
}

const differenceHead = 'Differences of the same seed: mean and 95 % interval (Student).'

function armTables(results: readonly PaperResult[]): string[] {
  const [size = ''] = Object.entries(plan.runs).find(([, arms]) => arms.includes('raw')) ?? []
  const runs = (arm: string): PaperResult[] => of(results, size, arm)
  const steps = [
    ['filtered', 'raw'],
    ['purer', 'filtered'],
    ['synthetic', 'purer'],
  ] as const
  return [
    `### a. Raw, filtered, and two phases (${size})`,
    table(
      'arm',
      textColumns,
      ['raw', 'filtered', 'purer', 'synthetic'].map((arm) => [arm, runs(arm).map((run) => measuresOf(run))]),
    ),
    differenceHead,
    markdownTable(
      ['', ...textColumns.map(({ name }) => name)],
      steps.map(([arm, before]) => differenceRow(`${arm} less ${before}`, runs(arm), runs(before), textColumns)),
    ),
  ]
}

function dialTables(results: readonly PaperResult[]): string[] {
  const columns = [
    text('world reasoning'),
    text('world facts'),
    text('solutions'),
    text('encyclopedia'),
    ...answerColumns.slice(0, 2),
  ]
  return [
    '### b. Reasoning against facts, by size',
    table(
      'size, arm',
      columns,
      sizes.flatMap((size) =>
        ['reasoning', 'facts'].map(
          (arm) => [`${size} ${arm}`, of(results, size, arm).map((run) => measuresOf(run))] as const,
        ),
      ),
    ),
    `The facts arm less the reasoning arm. ${differenceHead}`,
    markdownTable(
      ['size', ...columns.map(({ name }) => name)],
      sizes.map((size) => differenceRow(size, of(results, size, 'facts'), of(results, size, 'reasoning'), columns)),
    ),
  ]
}

function sizeTables(results: readonly PaperResult[]): string[] {
  const rows = sizes.map((size) => [size, of(results, size, plan.alignment.of.arm)] as const)
  return [
    '### c. Size, in the arm of the report',
    table(
      'size',
      [...textColumns, ...answerColumns.slice(0, 2)],
      rows.map(([size, runs]) => [
        `${size} (${present(runs[0], size).parameters.toLocaleString('en')})`,
        runs.map((run) => measuresOf(run)),
      ]),
    ),
  ]
}

const stageNames: Readonly<Record<Stage, string>> = {
  pretrained: 'pre-trained',
  tuned: 'conversations (SFT)',
  preferred: 'preferences (DPO)',
}

function alignmentTables(results: readonly PaperResult[]): string[] {
  const { size, arm } = plan.alignment.of
  const runs = of(results, size, arm)
  const columns = [...answerColumns, text('textbook'), text('solutions')]
  const pairs = runs.map((run) => present(run.pairs, 'pairs'))
  return [
    `### d. Conversations, then preferences (${size})`,
    table(
      'after',
      columns,
      (Object.keys(stageNames) as Stage[]).map((stage) => [
        stageNames[stage],
        runs.map((run) => measuresOf(run, stage)),
      ]),
    ),
    `Of ${plan.alignment.dpo.questions} questions the tuned models answered ${formatSpread(pairs, 0)} otherwise than the generator; these are the pairs.`,
  ]
}

function formatTables(results: readonly PaperResult[]): string[] {
  const columns = [...textColumns, ...answerColumns]
  const { size: alignedSize, arm } = plan.alignment.of
  const rows = sizes.map((size) => {
    const runs = of(results, size, plan.alignment.of.arm)
    return differenceRow(`${size} pre-trained`, runs, runs, columns, ['fourBits', 'full'])
  })
  const aligned = of(results, alignedSize, arm)
  const last = differenceRow(`${alignedSize} preferences`, aligned, aligned, columns, ['fourBits', 'full'], 'preferred')
  return [
    '### e. Four bits less sixteen',
    markdownTable(['model', ...columns.map(({ name }) => name)], [...rows, last]),
  ]
}

/** The results of the models of the plan, each made by the very recipes that there are now. */
async function recorded(): Promise<PaperResult[]> {
  const recipes = await dataRecipes()
  return runsOf(plan).map((run) => {
    const file = join(paperFolder, 'results', `${nameOf(run)}.json`)
    const result = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as PaperResult) : undefined
    if (result?.recipe === digestOf(plan, run, recipes)) return result
    throw new Error(`The model ${nameOf(run)} is not recorded, or by another plan: npm run paper.`)
  })
}

const results = await recorded()
const parts = [
  `Mean ± standard deviation over seeds ${plan.seeds.join(', ')}; ${results.length} models, ${present(results[0], 'run').tokens.toLocaleString('en')} tokens ` +
    'each. Texts in bits per byte.',
  ...armTables(results),
  ...dialTables(results),
  ...sizeTables(results),
  ...alignmentTables(results),
  ...formatTables(results),
]
writePart('docs/paper/README.md', 'tables', `\n${parts.join('\n\n')}\n`, 'npm run paper:tables')
