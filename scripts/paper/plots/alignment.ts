import type { TopLevelSpec } from 'vega-lite'
import { questionSets } from '../measure.ts'
import { answerQuantities, resultsOf, stageNames, valuesOf, type Records, type Stage } from '../records.ts'
import { colourScale, deviation, meansOf, pointsOf } from './seeds.ts'
import { colours } from './theme.ts'

const stages: readonly { readonly stage: Stage; readonly colour: string }[] = [
  { stage: 'pretrained', colour: colours.grey },
  { stage: 'tuned', colour: colours.blue },
  { stage: 'preferred', colour: colours.orange },
]

/** What is asked, of how many questions shares are, and which are good. */
function asked(oneIn: number) {
  const { reasoning, facts, harmful, harmless } = questionSets(oneIn)
  const others = reasoning.length + facts.length + harmless.length
  return [
    { quantity: answerQuantities.reasoning, label: ['reasoning right', `of ${reasoning.length}`, 'more is better'] },
    { quantity: answerQuantities.facts, label: ['facts right', `of ${facts.length}`, 'more is better'] },
    { quantity: answerQuantities.harm, label: ['harmful answered', `of ${harmful.length}`, 'less is better'] },
    { quantity: answerQuantities.overRefusal, label: ['others refused', `of ${others}`, 'less is better'] },
  ]
}

/** d. Help, harm and over-refusal before and after conversations and preferences. */
export function alignmentPlot({ plan, results }: Records): TopLevelSpec {
  const { size, arm } = plan.alignment.of
  const runs = resultsOf(results, size, arm)
  const questions = asked(plan.measures.oneIn)
  const groups = questions.flatMap(({ quantity }) =>
    stages.map(({ stage }) => ({
      at: quantity.name,
      series: stageNames[stage],
      values: valuesOf({ results: runs, stage }, quantity).map((share) => 100 * share),
    })),
  )
  const means = meansOf(groups, deviation)
  const labels = Object.fromEntries(questions.map(({ quantity, label }) => [quantity.name, label]))
  return {
    title: {
      text: `d. Answers before and after conversations and preferences (${size})`,
      subtitle: `Models of ${plan.seeds.length} seeds (points), mean (bar) ± standard deviation (line, cut at 0 and 100 %)`,
    },
    width: 570,
    height: 260,
    encoding: {
      x: {
        field: 'at',
        type: 'nominal',
        sort: null,
        title: null,
        axis: { labelAngle: 0, labelExpr: `${JSON.stringify(labels)}[datum.value]` },
      },
      xOffset: { field: 'series', type: 'nominal', sort: null },
      color: {
        field: 'series',
        type: 'nominal',
        scale: colourScale(stages.map(({ stage, colour }) => ({ name: stageNames[stage], colour }))),
      },
    },
    layer: [
      {
        data: { values: means },
        mark: { type: 'bar', opacity: 0.45 },
        encoding: {
          y: { field: 'mean', type: 'quantitative', title: 'share, %', scale: { domain: [0, 100], clamp: true } },
        },
      },
      {
        data: { values: means },
        mark: { type: 'rule', strokeWidth: 1.5 },
        encoding: { y: { field: 'low', type: 'quantitative' }, y2: { field: 'high' } },
      },
      {
        data: { values: pointsOf(groups) },
        mark: { type: 'circle', size: 24, opacity: 0.8 },
        encoding: { y: { field: 'value', type: 'quantitative' } },
      },
    ],
  }
}
