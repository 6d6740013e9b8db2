import { expect, test } from 'vitest'
import type { TaskSummary } from '../eval/benchmarks/summary.ts'
import { groupTable, judgeNotes, promptTable, scoreTable } from './eval-table.ts'

const mmlu: TaskSummary = {
  task: 'mmlu',
  title: 'MMLU',
  questions: 1482,
  scores: { acc: { mean: 0.2571, standardError: 0.0114 } },
  chance: 0.25,
  shots: 5,
  shotsOfReport: 5,
  fewerShots: 1400,
  cut: 31,
  unanswered: 4,
  leftOut: 0,
}

const popqa: TaskSummary = {
  task: 'popqa',
  title: 'PopQA',
  questions: 1,
  scores: { exact_match: { mean: 0, standardError: undefined }, other: { mean: 1, standardError: undefined } },
  chance: undefined,
  shots: 0,
  shotsOfReport: 5,
  fewerShots: 0,
  cut: 0,
  unanswered: 0,
  leftOut: 3,
}

const talks: TaskSummary = {
  ...popqa,
  task: 'mt-bench',
  title: 'MT-Bench',
  questions: 2,
  points: 10,
  shotsOfReport: 0,
  scores: { rating: { mean: 0.715, standardError: 0.0321 } },
  groups: { math: { mean: 0.6, standardError: undefined }, stem: { mean: 0.83, standardError: undefined } },
  judgements: { judge: 'a judge', answers: 4, malformed: 1, unrated: 0 },
}

const models = [
  { model: 'one', tasks: [mmlu, popqa] },
  { model: 'two', tasks: [{ ...mmlu, scores: { acc: { mean: 0.3, standardError: 0.01 } } }] },
]

test('models stand side by side, before the figures of the report', () => {
  expect(
    scoreTable(models)
      .split('\n')
      .filter((_, index) => index !== 1),
  ).toEqual([
    'benchmark   shots  questions         one         two  chance  Phi-3-mini  Phi-3-small  Phi-3-medium  Phi-3.5-mini  Phi-3.5-MoE',
    'MMLU            5       1482  25.7 ± 1.1  30.0 ± 1.0    25.0        68.8         75.7          78.0          69.0         78.9',
    'PopQA      0 of 5          1         0.0           -       -           -            -             -             -            -',
  ])
})

test('all measures are there, and how many prompts were made to fit', () => {
  expect(
    promptTable(models)
      .split('\n')
      .filter((_, index) => index !== 1),
  ).toEqual([
    'benchmark  model  measures                      questions  fewer examples  cut  not answered  other rows',
    'MMLU       one    acc 25.7 ± 1.1                     1482            1400   31             4           0',
    'PopQA      one    exact_match 0.0, other 100.0          1               0    0             0           3',
    'MMLU       two    acc 30.0 ± 1.0                     1482            1400   31             4           0',
  ])
})

test('points are points, and groups have lines of their own', () => {
  const judged = [models[1] ?? { model: '', tasks: [] }, { model: 'three', tasks: [talks] }]
  const lines = scoreTable(judged).split('\n')
  expect(lines.slice(2).map((line) => line.split(/ {2,}/).slice(0, 6))).toEqual([
    ['MMLU', '5', '1482', '30.0 ± 1.0', '-', '25.0'],
    ['MT-Bench', '0', '2', '-', '7.15 ± 0.32', '-'],
  ])
  expect(groupTable(judged)?.split('\n').slice(2)).toEqual([
    'MT-Bench   math    -   6.00',
    'MT-Bench   stem    -   8.30',
  ])
  expect(groupTable(models)).toBeUndefined()
  expect(judgeNotes(judged)).toEqual([
    'MT-Bench of three: 4 answers judged by a judge; 1 judgements without a rating, 0 answers that have none.',
  ])
})
