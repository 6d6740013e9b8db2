/** Values of several seeds as plots show them: a point for each, and their mean with an interval. */
import { spreadOf } from '../statistics.ts'

/** Models that differ in their seeds alone. */
export interface Group {
  /** A row, or a place along the axis. */
  readonly at: string | number
  /** What the colour says. */
  readonly series: string
  readonly values: readonly number[]
}

export interface Series {
  readonly name: string
  readonly colour: string
}

/** How far an interval goes to either side of the mean. */
export type Reach = (values: readonly number[]) => number

/** As in the tables of what was measured. */
export const deviation: Reach = (values) => spreadOf(values).deviation

export function meansOf(groups: readonly Group[], reach: Reach) {
  return groups.map(({ at, series, values }) => {
    const { mean } = spreadOf(values)
    return { at, series, mean, low: mean - reach(values), high: mean + reach(values) }
  })
}

export function pointsOf(groups: readonly Group[]) {
  return groups.flatMap(({ at, series, values }) => values.map((value) => ({ at, series, value })))
}

export function colourScale(series: readonly Series[]) {
  return { domain: series.map(({ name }) => name), range: series.map(({ colour }) => colour) }
}
