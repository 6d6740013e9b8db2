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

/** Left minus right, of the same seed each. */
export function differences<Run extends { readonly seed: number }>(
  left: readonly Run[],
  right: readonly Run[],
  valueOf: (run: Run) => number,
): number[] {
  return left.flatMap((run) => {
    const other = right.find(({ seed }) => seed === run.seed)
    return other === undefined ? [] : [valueOf(run) - valueOf(present(other, 'run'))]
  })
}
