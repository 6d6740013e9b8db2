/** Values by the size of the model, on a logarithmic axis. */
import type { Field } from 'vega-lite/types_unstable/channeldef.js'
import type { LayerSpec } from 'vega-lite/types_unstable/spec/index.js'
import { present } from '../../../src/base/errors.ts'
import { resultsOf, type Records } from '../records.ts'
import { colourScale, meansOf, pointsOf, type Group, type Reach, type Series } from './seeds.ts'
import { fontSize, zeroLine } from './theme.ts'

export interface Size {
  readonly name: string
  readonly parameters: number
  /** That it has learned from. */
  readonly tokens: number
}

/** The sizes of the plan. */
export function sizesOf({ plan, results }: Records): Size[] {
  return Object.keys(plan.sizes).map((name) => {
    const { parameters, tokens } = present(resultsOf(results, name, plan.alignment.of.arm)[0], name)
    return { name, parameters, tokens }
  })
}

export interface Curves {
  readonly sizes: readonly Size[]
  /** Whether the axis tells how many tokens there were for each parameter. */
  readonly withTokens: boolean
  /** At numbers of parameters. */
  readonly groups: readonly Group[]
  readonly series: readonly Series[]
  readonly reach: Reach
  readonly title: string
  /** Of the axis: the quantity and its unit. */
  readonly axis: string
  /** How numbers along it are written, as d3 has it. */
  readonly format: string
  readonly scale: { readonly type: 'linear' | 'log'; readonly domain: readonly [number, number] }
  /** Where the names of curves are: above their beginning, or below their end. */
  readonly names: keyof typeof namePlaces
  readonly width: number
  readonly height: number
}

const namePlaces = {
  beginning: { align: 'left', dx: 8, dy: -10 },
  end: { align: 'right', dx: -8, dy: 14 },
} as const

export function curves({ sizes, groups, series, reach, names, ...rest }: Curves): LayerSpec<Field> {
  const { withTokens, title, axis, format, scale, width, height } = rest
  const parameters = sizes.map((size) => size.parameters)
  const labels = sizes.map(({ name, ...size }) =>
    withTokens ? [name, `${(size.tokens / size.parameters).toFixed(1)} tokens`] : [name],
  )
  const means = meansOf(groups, reach)
  const [lowest, highest] = scale.domain
  if (means.some(({ low, high }) => low < lowest || high > highest))
    throw new Error(`"${title}" goes beyond its axis, which is from ${lowest} to ${highest}: widen it.`)
  const named = names === 'beginning' ? parameters[0] : parameters.at(-1)
  return {
    title: { text: title, fontSize, fontWeight: 'normal', frame: 'group', offset: 10 },
    width,
    height,
    encoding: {
      x: {
        field: 'at',
        type: 'quantitative',
        title: `parameters (log)${withTokens ? ', and tokens for each' : ''}`,
        scale: { type: 'log', nice: false, padding: 14 },
        axis: {
          grid: false,
          values: parameters,
          labelExpr: `${JSON.stringify(labels)}[indexof(${JSON.stringify(parameters)}, datum.value)]`,
        },
      },
      color: { field: 'series', type: 'nominal', scale: colourScale(series), legend: null },
    },
    layer: [
      {
        data: { values: means },
        mark: { type: 'line', strokeWidth: 1.5 },
        encoding: {
          y: {
            field: 'mean',
            type: 'quantitative',
            title: axis,
            scale: { type: scale.type, domain: [...scale.domain], nice: false },
            axis: { format, tickCount: 6, gridColor: zeroLine },
          },
        },
      },
      {
        data: { values: means },
        mark: { type: 'rule', strokeWidth: 1.5 },
        encoding: { y: { field: 'low', type: 'quantitative' }, y2: { field: 'high' } },
      },
      {
        data: { values: pointsOf(groups) },
        mark: { type: 'circle', size: 18, opacity: 0.6 },
        encoding: { y: { field: 'value', type: 'quantitative' } },
      },
      {
        data: { values: means.filter(({ at }) => at === named) },
        mark: { type: 'text', fontSize, ...namePlaces[names] },
        encoding: { y: { field: 'mean', type: 'quantitative' }, text: { field: 'series' } },
      },
    ],
  }
}
