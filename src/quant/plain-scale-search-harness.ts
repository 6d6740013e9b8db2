/** What tests of the scale search compare with, to the last bit: every event of both signs, sorted as one would write it. */
import { f16ToNumber } from '../blocks/half.ts'
import { scaleBits } from '../blocks/rounding.ts'
import { integerRange, nearestInteger } from './scale-search.ts'

interface Candidate {
  readonly scale: number
  readonly gain: number
}

/** The scale of least weighted squared error, for values of which one at least is not zero. */
export function plainScaleSearch(values: readonly number[], weights: readonly number[], bits: 4 | 8): number {
  const [lowest, highest] = integerRange(bits)
  const errorOf = (scale: number): number =>
    values.reduce((sum, value, index) => {
      const difference = value - scale * nearestInteger(value, scale, lowest, highest)
      return sum + (weights[index] ?? NaN) * difference * difference
    }, 0)
  const candidates = [1, -1].flatMap((sign) => walk(values, weights, sign, lowest, highest))
  const { scale } = candidates.reduce((best, next) => (next.gain > best.gain ? next : best))
  const half = scaleBits(scale)
  const halves = half === 0 ? [0] : [half, half - 1, half + 1].filter((near) => scaleBits(f16ToNumber(near)) !== 0)
  const errors = halves.map((near) => errorOf(f16ToNumber(near)))
  return f16ToNumber(halves[errors.indexOf(Math.min(...errors))] ?? NaN)
}

/** The scales between all events of one sign, and by how much each lowers the error. */
function walk(
  values: readonly number[],
  weights: readonly number[],
  sign: number,
  lowest: number,
  highest: number,
): Candidate[] {
  const largest = Math.max(...values.filter((_, index) => weights[index] !== 0).map(Math.abs))
  const start = (1.25 * largest) / highest
  let [numerator, denominator] = [0, 0]
  const events: { readonly scale: number; readonly index: number; readonly integer: number }[] = []
  values.forEach((value, index) => {
    const weight = weights[index] ?? NaN
    const most = sign * value < 0 ? -lowest : highest
    const first = Math.min(most, Math.floor(Math.abs(value) / start + 0.5))
    numerator += weight * Math.abs(value) * first
    denominator += weight * first * first
    for (let integer = first; integer < most; integer++) {
      events.push({ scale: Math.abs(value) / (integer + 0.5), index, integer })
    }
  })
  events.sort((left, right) => right.scale - left.scale)
  const candidates = [{ scale: 0, gain: 0 }]
  const look = (): void => {
    if (denominator === 0) return
    candidates.push({ scale: (sign * numerator) / denominator, gain: (numerator * numerator) / denominator })
  }
  look()
  for (const { index, integer } of events) {
    numerator += (weights[index] ?? NaN) * Math.abs(values[index] ?? NaN)
    denominator += (weights[index] ?? NaN) * (2 * integer + 1)
    look()
  }
  return candidates
}
