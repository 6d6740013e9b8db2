import type { TopLevelSpec } from 'vega-lite'
import { present } from '../../../src/base/errors.ts'
import { resultsOf, textQuantities, valuesOf, type Records } from '../records.ts'
import { curves, sizesOf } from './curves.ts'
import { deviation } from './seeds.ts'
import { colours } from './theme.ts'

const { 'world reasoning': reasoning, 'world facts': facts, ...held } = textQuantities
const generated = [
  { ...reasoning, name: 'reasoning' },
  { ...facts, name: 'facts' },
]
const panels = [
  { title: 'held-out texts', quantities: Object.values(held), domain: [2.4, 3.8], names: 'beginning', format: '.1f' },
  { title: 'new draws of generated texts', quantities: generated, domain: [1.25, 1.65], names: 'end', format: '.2f' },
] as const

/** c. Losses by size, in the arm of the report. */
export function sizesPlot(records: Records): TopLevelSpec {
  const { plan, results } = records
  const sizes = sizesOf(records)
  const { arm } = plan.alignment.of
  const tokens = present(results[0], 'run').tokens.toLocaleString('en')
  return {
    title: {
      text: 'c. Held-out loss by size',
      subtitle: `Arm "${arm}", each after ${tokens} tokens: ${plan.seeds.length} seeds (points), mean ± standard deviation`,
    },
    hconcat: panels.map(({ title, quantities, domain, names, format }) =>
      curves({
        sizes,
        withTokens: true,
        groups: quantities.flatMap((quantity) =>
          sizes.map((size) => ({
            at: size.parameters,
            series: quantity.name,
            values: valuesOf({ results: resultsOf(results, size.name, arm) }, quantity),
          })),
        ),
        series: quantities.map(({ name }) => ({ name, colour: colours.orange })),
        reach: deviation,
        title,
        axis: 'bits per byte, lower is better (log)',
        scale: { type: 'log', domain },
        names,
        format,
        width: 250,
        height: 320,
      }),
    ),
    resolve: { scale: { color: 'independent' } },
  }
}
