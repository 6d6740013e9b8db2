import type { TopLevelSpec } from 'vega-lite'
import { differencesOf, resultsOf, textQuantities, valuesOf, type Records } from '../records.ts'
import { halfInterval } from '../statistics.ts'
import { curves, sizesOf } from './curves.ts'
import { deviation } from './seeds.ts'
import { colours } from './theme.ts'

const arms = [
  { name: 'more reasoning', arm: 'reasoning', colour: colours.blue },
  { name: 'more facts', arm: 'facts', colour: colours.orange },
]
const quantities = [
  { name: 'reasoning', quantity: textQuantities['world reasoning'] },
  { name: 'facts', quantity: textQuantities['world facts'] },
]

/** b. What reasons against what states facts, by size. */
export function mixturesPlot(records: Records): TopLevelSpec {
  const { plan, results } = records
  const sizes = sizesOf(records)
  const shared = { sizes, withTokens: false, names: 'beginning', format: '.1f', height: 240 } as const
  const panels = quantities.map(({ name, quantity }) =>
    curves({
      ...shared,
      groups: arms.flatMap(({ name: series, arm }) =>
        sizes.map((size) => ({
          at: size.parameters,
          series,
          values: valuesOf({ results: resultsOf(results, size.name, arm) }, quantity),
        })),
      ),
      series: arms,
      reach: deviation,
      width: 150,
      title: `generated ${name}`,
      axis: 'bits per byte, lower is better',
      scale: { type: 'linear', domain: [1, 2] },
    }),
  )
  const lead = curves({
    ...shared,
    groups: quantities.flatMap(({ name, quantity }) =>
      sizes.map((size) => ({
        at: size.parameters,
        series: name,
        values: differencesOf(
          { results: resultsOf(results, size.name, 'facts') },
          { results: resultsOf(results, size.name, 'reasoning') },
          quantity,
        ),
      })),
    ),
    series: quantities.map(({ name }) => ({ name, colour: colours.quiet })),
    reach: halfInterval,
    width: 185,
    title: 'facts less reasoning arm',
    axis: 'bits per byte, difference',
    scale: { type: 'linear', domain: [-1, 1] },
  })
  return {
    title: {
      text: 'b. Mixtures of more reasoning and of more facts, by size',
      subtitle: [
        `Models of ${plan.seeds.length} seeds (points), mean ± standard deviation, on new draws of generated texts;`,
        'right: differences of the same seed with the 95 % interval (above 0 the facts arm is worse)',
      ],
    },
    hconcat: [...panels, lead],
    resolve: { scale: { color: 'independent' } },
  }
}
