/** The tables of docs/paper. */
import { present } from '../../src/base/errors.ts'
import { markdownTable } from '../page-part.ts'
import {
  answerQuantities,
  differencesOf,
  knowledge,
  resultsOf,
  roundedKinds,
  sizeOfArms,
  stageNames,
  textQuantities,
  valuesOf,
  type Kind,
  type Quantity,
  type Records,
  type Stage,
} from './records.ts'
import { formatInterval, formatSpread } from './statistics.ts'

const textColumns: readonly Quantity[] = [...Object.values(textQuantities), knowledge]
const answerColumns: readonly Quantity[] = Object.values(answerQuantities)
const rightColumns: readonly Quantity[] = [answerQuantities.reasoning, answerQuantities.facts]

function table(
  first: string,
  columns: readonly Quantity[],
  rows: readonly (readonly [name: string, kind: Kind])[],
): string {
  return markdownTable(
    [first, ...columns.map(({ name }) => name)],
    rows.map(([name, kind]) => [
      name,
      ...columns.map((column) => formatSpread(valuesOf(kind, column), column.digits, column.factor)),
    ]),
  )
}

/** What one kind of run has more than another: the mean over seeds and its 95 % interval. */
function differenceRow(name: string, left: Kind, right: Kind, columns: readonly Quantity[]): string[] {
  return [
    name,
    ...columns.map((column) => formatInterval(differencesOf(left, right, column), column.digits, column.factor)),
  ]
}

const differenceHead = 'Differences of the same seed: mean and 95 % interval (Student).'

function armTables({ plan, results }: Records): string[] {
  const size = sizeOfArms(plan)
  const kind = (arm: string): Kind => ({ results: resultsOf(results, size, arm) })
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
      ['raw', 'filtered', 'purer', 'synthetic'].map((arm) => [arm, kind(arm)]),
    ),
    differenceHead,
    markdownTable(
      ['', ...textColumns.map(({ name }) => name)],
      steps.map(([arm, before]) => differenceRow(`${arm} less ${before}`, kind(arm), kind(before), textColumns)),
    ),
  ]
}

function dialTables({ plan, results }: Records): string[] {
  const sizes = Object.keys(plan.sizes)
  const { 'world reasoning': reasoning, 'world facts': facts, solutions, encyclopedia } = textQuantities
  const columns = [reasoning, facts, solutions, encyclopedia, ...rightColumns]
  return [
    '### b. Reasoning against facts, by size',
    table(
      'size, arm',
      columns,
      sizes.flatMap((size) =>
        ['reasoning', 'facts'].map((arm) => [`${size} ${arm}`, { results: resultsOf(results, size, arm) }] as const),
      ),
    ),
    `The facts arm less the reasoning arm. ${differenceHead}`,
    markdownTable(
      ['size', ...columns.map(({ name }) => name)],
      sizes.map((size) => {
        const kind = (arm: string): Kind => ({ results: resultsOf(results, size, arm) })
        return differenceRow(size, kind('facts'), kind('reasoning'), columns)
      }),
    ),
  ]
}

function sizeTables({ plan, results }: Records): string[] {
  const rows = Object.keys(plan.sizes).map((size) => [size, resultsOf(results, size, plan.alignment.of.arm)] as const)
  return [
    '### c. Size, in the arm of the report',
    table(
      'size',
      [...textColumns, ...rightColumns],
      rows.map(([size, runs]) => [
        `${size} (${present(runs[0], size).parameters.toLocaleString('en')})`,
        { results: runs },
      ]),
    ),
  ]
}

function alignmentTables({ plan, results }: Records): string[] {
  const { size, arm } = plan.alignment.of
  const runs = resultsOf(results, size, arm)
  const columns = [...answerColumns, textQuantities.textbook, textQuantities.solutions]
  const pairs = runs.map((run) => present(run.pairs, 'pairs'))
  return [
    `### d. Conversations, then preferences (${size})`,
    table(
      'after',
      columns,
      (Object.keys(stageNames) as Stage[]).map((stage) => [stageNames[stage], { results: runs, stage }]),
    ),
    `Of ${plan.alignment.dpo.questions} questions the tuned models answered ${formatSpread(pairs, 0)} otherwise than the generator; these are the pairs.`,
  ]
}

function formatTables(records: Records): string[] {
  const columns = [...textColumns, ...answerColumns]
  return [
    '### e. Four bits less sixteen',
    markdownTable(
      ['model', ...columns.map(({ name }) => name)],
      roundedKinds(records).map(({ name, kind }) =>
        differenceRow(name, { ...kind, format: 'fourBits' }, { ...kind, format: 'full' }, columns),
      ),
    ),
  ]
}

/** In the order of the page. */
export function paperTables(records: Records): string[] {
  return [armTables, dialTables, sizeTables, alignmentTables, formatTables].flatMap((part) => part(records))
}
