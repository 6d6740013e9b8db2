/**
 * Writes the tables of docs/paper from the recorded runs. `--check` compares instead and fails on a difference.
 *
 *     npm run paper:tables [-- --check]
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { present } from '../../src/base/errors.ts'
import { markdownTable, writePart } from '../page-part.ts'
import type { Answers, Measures } from './measure.ts'
import { paperFolder, readPlan, runsOf } from './plan.ts'
import type { PaperResult } from './run.ts'
import { differences, formatSpread } from './statistics.ts'
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

/** Rows of what one kind of run has less or more than another, seed by seed. */
function differenceRow(
  name: string,
  left: readonly PaperResult[],
  right: readonly PaperResult[],
  columns: readonly Column[],
  formats: readonly [Format, Format] = ['full', 'full'],
  stage: Stage = 'pretrained',
): string[] {
  const both = [...left.map((result) => ({ result, format: formats[0] }))]
  const others = right.map((result) => ({ result, format: formats[1] }))
  const seeded = (list: readonly { readonly result: PaperResult; readonly format: Format }[]) =>
    list.map(({ result, format }) => ({ seed: result.seed, measures: measuresOf(result, stage, format) }))
  return [
    name,
    ...columns.map(({ valueOf, digits, factor }) =>
      formatSpread(
        differences(seeded(both), seeded(others), ({ measures }) => valueOf(measures)),
        digits + 1,
        factor,
      ),
    ),
  ]
}

function armTables(results: readonly PaperResult[]): string[] {
  const [size = ''] = Object.entries(plan.runs).find(([, arms]) => arms.includes('raw')) ?? []
  const arms = ['raw', 'filtered', 'reasoning'].map((arm) => [arm, of(results, size, arm)] as const)
  const [raw = [], filtered = [], reasoning = []] = arms.map(([, runs]) => runs)
  return [
    `### a. Raw, filtered, and filtered with synthetic text in a second phase (${size})`,
    table(
      'arm',
      textColumns,
      arms.map(([arm, runs]) => [arm, runs.map((run) => measuresOf(run))]),
    ),
    'Differences, seed by seed:',
    markdownTable(
      ['', ...textColumns.map(({ name }) => name)],
      [
        differenceRow('filtered less raw', filtered, raw, textColumns),
        differenceRow('reasoning less filtered', reasoning, filtered, textColumns),
      ],
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
    'The facts arm less the reasoning arm, seed by seed:',
    markdownTable(
      ['size', ...columns.map(({ name }) => name)],
      sizes.map((size) => differenceRow(size, of(results, size, 'facts'), of(results, size, 'reasoning'), columns)),
    ),
  ]
}

function sizeTables(results: readonly PaperResult[]): string[] {
  const rows = sizes.map((size) => [size, of(results, size, 'reasoning')] as const)
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
    const runs = of(results, size, 'reasoning')
    return differenceRow(`${size} pre-trained`, runs, runs, columns, ['fourBits', 'full'])
  })
  const aligned = of(results, alignedSize, arm)
  const last = differenceRow(`${alignedSize} preferences`, aligned, aligned, columns, ['fourBits', 'full'], 'preferred')
  return [
    '### e. Four bits less sixteen',
    markdownTable(['model', ...columns.map(({ name }) => name)], [...rows, last]),
  ]
}

function recorded(): PaperResult[] {
  const folder = join(paperFolder, 'results')
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'))
  return names.toSorted().map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as PaperResult)
}

const results = recorded()
const wanted = runsOf(plan).length
if (results.length < wanted) throw new Error(`Of ${wanted} runs ${results.length} are recorded: npm run paper.`)
const minutes = results.reduce((sum, run) => sum + run.minutes, 0)
const [one] = results
const parts = [
  `Mean ± standard deviation over seeds ${plan.seeds.join(', ')}; ${wanted} models, ${present(one, 'run').tokens.toLocaleString('en')} tokens each, ` +
    `${(minutes / 60).toFixed(1)} hours of a processor core in all. Texts in bits per byte.`,
  ...armTables(results),
  ...dialTables(results),
  ...sizeTables(results),
  ...alignmentTables(results),
  ...formatTables(results),
]
writePart('docs/paper/README.md', 'tables', `\n${parts.join('\n\n')}\n`, 'npm run paper:tables')
