import type { TopLevelSpec } from 'vega-lite'
import {
  answerQuantities,
  differencesOf,
  roundedKinds,
  textQuantities,
  type Quantity,
  type Records,
} from '../records.ts'
import { halfInterval } from '../statistics.ts'
import { dotRows } from './dots.ts'
import type { Group } from './seeds.ts'
import { colours } from './theme.ts'

const byKind = [colours.grey, colours.teal, colours.blue, colours.orange]

/** e. What rounding to four bits changes. */
export function formatsPlot(records: Records): TopLevelSpec {
  const kinds = roundedKinds(records)
  const series = kinds.map(({ name }, index) => ({ name, colour: byKind[index] ?? colours.text }))
  const groups = (quantities: readonly Quantity[]): Group[] =>
    quantities.flatMap((quantity) =>
      kinds.map(({ name, kind }) => ({
        at: quantity.name.replace(', %', ''),
        series: name,
        values: differencesOf({ ...kind, format: 'fourBits' }, { ...kind, format: 'full' }, quantity).map(
          (value) => value * (quantity.factor ?? 1),
        ),
      })),
    )
  const shared = { series, reach: halfInterval, step: 8, withPoints: false }
  return {
    title: {
      text: 'e. Four bits less sixteen',
      subtitle: `Mean difference of ${records.plan.seeds.length} models (bar), 95 % interval (line); grey: less than 0.01, as predicted`,
    },
    vconcat: [
      dotRows({
        ...shared,
        groups: groups(Object.values(textQuantities)),
        title: 'bits per byte, 4 bits less 16 bits',
        format: '.2f',
        predicted: [-0.01, 0.01],
      }),
      dotRows({
        ...shared,
        groups: groups(Object.values(answerQuantities)),
        title: 'percentage points, 4 bits less 16 bits',
        format: 'd',
      }),
    ],
  }
}
