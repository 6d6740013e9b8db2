import type { TopLevelSpec } from 'vega-lite'
import { resultsOf, sizeOfArms, textQuantities, valuesOf, type Records } from '../records.ts'
import { dotRows } from './dots.ts'
import { deviation } from './seeds.ts'
import { colours } from './theme.ts'

const arms = [
  { name: 'raw', colour: colours.grey },
  { name: 'filtered', colour: colours.blue },
  { name: 'purer', colour: colours.teal },
  { name: 'synthetic', colour: colours.orange },
]

/** a. How well every text is predicted, by what was learned from. */
export function armsPlot({ plan, results }: Records): TopLevelSpec {
  const size = sizeOfArms(plan)
  const groups = Object.values(textQuantities).flatMap((quantity) =>
    arms.map((arm) => ({
      at: quantity.name,
      series: arm.name,
      values: valuesOf({ results: resultsOf(results, size, arm.name) }, quantity),
    })),
  )
  return {
    title: {
      text: `a. Texts predicted after raw, filtered and synthetic data (${size})`,
      subtitle: `Models of ${plan.seeds.length} seeds (points), their mean (bar) ± standard deviation (line)`,
    },
    ...dotRows({
      groups,
      series: arms,
      reach: deviation,
      title: 'bits per byte, lower is better',
      format: '.1f',
      step: 11,
      withPoints: true,
    }),
  }
}
