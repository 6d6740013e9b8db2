/** Rows of values, with a line of its own for every series in each row. */
import type { Field } from 'vega-lite/types_unstable/channeldef.js'
import type { LayerSpec } from 'vega-lite/types_unstable/spec/index.js'
import { colourScale, meansOf, pointsOf, type Group, type Reach, type Series } from './seeds.ts'
import { colours, zeroLine } from './theme.ts'

export interface DotRows {
  readonly groups: readonly Group[]
  readonly series: readonly Series[]
  readonly reach: Reach
  /** Of the axis: the quantity and its unit. */
  readonly title: string
  /** How numbers along the axis are written, as d3 has it. */
  readonly format: string
  /** What was predicted, from and to: a band behind all. */
  readonly predicted?: readonly [number, number]
  /** Of a line, in pixels. */
  readonly step: number
  /** Whether every seed is there, beside their mean. */
  readonly withPoints: boolean
}

export function dotRows({ groups, series, reach, ...rest }: DotRows): LayerSpec<Field> {
  const { title, format, predicted, step, withPoints } = rest
  const means = meansOf(groups, reach)
  const place = {
    y: { field: 'at', type: 'nominal', sort: null, title: null, scale: { paddingInner: 0.3, paddingOuter: 0.1 } },
    yOffset: { field: 'series', type: 'nominal', sort: null },
    color: { field: 'series', type: 'nominal', scale: colourScale(series) },
  } as const
  const value = {
    type: 'quantitative',
    title,
    scale: { zero: false, nice: false, padding: 10 },
    axis: { format, tickCount: 10, grid: true, labelFlush: false, gridColor: zeroLine },
  } as const
  const layer: LayerSpec<Field>['layer'] = []
  if (predicted !== undefined) {
    const [from, to] = predicted
    layer.push({
      data: { values: [{}] },
      mark: { type: 'rect', color: colours.grid, opacity: 0.6 },
      encoding: { x: { ...value, datum: from }, x2: { datum: to } },
    })
  }
  layer.push({
    data: { values: means },
    mark: { type: 'rule', strokeWidth: 1.5 },
    encoding: { ...place, x: { ...value, field: 'low' }, x2: { field: 'high' } },
  })
  if (withPoints) {
    layer.push({
      data: { values: pointsOf(groups) },
      mark: { type: 'circle', size: 18, opacity: 0.6 },
      encoding: { ...place, x: { ...value, field: 'value' } },
    })
  }
  layer.push({
    data: { values: means },
    mark: { type: 'tick', thickness: 2, height: step, opacity: 1 },
    encoding: { ...place, x: { ...value, field: 'mean' } },
  })
  return { width: 520, height: { step, for: 'offset' }, layer }
}
