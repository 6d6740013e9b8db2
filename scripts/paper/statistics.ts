/** What several models of one kind have in common: means, and how far they lie apart. */
import { present } from '../../src/base/errors.ts'

export interface Spread {
  readonly mean: number
  /** The standard deviation of the sample; of one value NaN. */
  readonly deviation: number
}

export function spreadOf(values: readonly number[]): Spread {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, deviation: Math.sqrt(squares / (values.length - 1)) }
}

/** "1.234 ± 0.005"; without a spread where there is one value. */
export function formatSpread(values: readonly number[], digits: number, factor = 1): string {
  const { mean, deviation } = spreadOf(values)
  const show = (value: number): string => (factor * value).toFixed(digits)
  return values.length < 2 ? show(mean) : `${show(mean)} ± ${show(deviation)}`
}

/** By the number of values less one: the distribution of Student leaves 2.5 % beyond it at either side. */
const student: readonly number[] = [NaN, 12.706, 4.303, 3.182, 2.776]

/** Half the width of the interval around the mean that covers 95 % if values are distributed normally. @throws for more than five values */
export function halfInterval(values: readonly number[]): number {
  return (present(student[values.length - 1], 'quantile') * spreadOf(values).deviation) / Math.sqrt(values.length)
}

/** "1.2 ± 0.3": the mean and `halfInterval`. */
export function formatInterval(values: readonly number[], digits: number, factor = 1): string {
  const { mean } = spreadOf(values)
  return `${(factor * mean).toFixed(digits)} ± ${(factor * halfInterval(values)).toFixed(digits)}`
}

/** Left minus right, of the same seed each. */
export function differences<Run extends { readonly seed: number }>(
  left: readonly Run[],
  right: readonly Run[],
  valueOf: (run: Run) => number,
): number[] {
  return left.flatMap((run) => {
    const other = right.find(({ seed }) => seed === run.seed)
    return other === undefined ? [] : [valueOf(run) - valueOf(other)]
  })
}
