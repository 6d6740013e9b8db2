/**
 * The scale of a group that leaves the least weighted squared error, found exactly: as the scale shrinks, each value
 * climbs from one integer to the next at a scale of its own, and between two such events the integers stay as they
 * are. For fixed integers q the best scale is (sum w v q) / (sum w q^2) and removes (sum w v q)^2 / (sum w q^2) from
 * the error (least squares), so that walking all events in order and keeping both sums finds the best integers of all.
 */
import { f16ToNumber, roundHalfToEven } from '../blocks/half.ts'
import { scaleBits } from '../blocks/rounding.ts'

/** How much coarser than a grid that just reaches the greatest value the coarsest one is that is looked at. */
const coarsest = 1.25
/** By how much the finest scale is lowered at a time until clipping alone costs more than a scale that is known. */
const finer = 0.9
const mostLowerings = 64
const infinityBits = 0x7c00

/** The integers of a format: -8..7 for 4 bits, -127..127 for 8. */
export function integerRange(bits: 4 | 8): readonly [lowest: number, highest: number] {
  return bits === 4 ? [-8, 7] : [-127, 127]
}

/** The integer that stands for a value. */
export function nearestInteger(value: number, scale: number, lowest: number, highest: number): number {
  if (scale === 0) return 0
  const integer = roundHalfToEven(value / scale)
  return integer > highest ? highest : integer < lowest ? lowest : integer
}

/**
 * Finds the scale of `group` values.
 * @param values finite
 * @param weights of the squared errors, none negative, one for each value of the group; all equal when left out
 * @returns a number that f16 holds exactly, zero or normal; infinite when f16 holds none that would do
 */
export type ScaleSearch = (values: Float32Array | Float64Array, start: number, weights?: Float64Array) => number

/** A search with workspace of its own, to be called often. */
export function scaleSearch(bits: 4 | 8, group: number): ScaleSearch {
  const [lowest, highest] = integerRange(bits)
  // With 8 bits both signs give the same grid.
  const signs = bits === 4 ? [1, -1] : [1]
  const value = new Float64Array(group)
  const weight = new Float64Array(group)
  const level = new Int32Array(group)
  const events = eventQueue(group * -lowest)

  const errorOf = (scale: number): number => {
    let error = 0
    for (let index = 0; index < group; index++) {
      const difference =
        (value[index] as number) - scale * nearestInteger(value[index] as number, scale, lowest, highest)
      error += (weight[index] as number) * difference * difference
    }
    return error
  }

  /** The error of what lies beyond the grid; no scale that is finer has less. */
  const clippingError = (scale: number): number => {
    let error = 0
    for (let index = 0; index < group; index++) {
      const beyond = Math.abs(value[index] as number) + lowest * scale
      if (beyond > 0) error += (weight[index] as number) * beyond * beyond
    }
    return error
  }

  const finestScale = (largest: number): number => {
    let scale = largest / highest
    const known = errorOf(scale)
    for (let lowered = 0; lowered < mostLowerings && clippingError(scale) < known; lowered++) scale *= finer
    return scale
  }

  /** The best scale of this sign, and by how much it lowers the error. */
  const walk = (sign: number, largest: number, finest: number): readonly [scale: number, gain: number] => {
    const start = (coarsest * largest) / highest
    let numerator = 0
    let denominator = 0
    events.clear()
    for (let index = 0; index < group; index++) {
      const signed = sign * (value[index] as number)
      const magnitude = Math.abs(signed)
      const most = signed < 0 ? -lowest : highest
      let integer = Math.min(most, Math.floor(magnitude / start + 0.5))
      level[index] = integer
      numerator += (weight[index] as number) * magnitude * integer
      denominator += (weight[index] as number) * integer * integer
      for (; integer < most; integer++) {
        const event = magnitude / (integer + 0.5)
        if (event <= finest) break
        events.add(event, index)
      }
    }
    let [bestScale, bestGain] = [0, 0]
    if (denominator > 0) [bestScale, bestGain] = [numerator / denominator, (numerator * numerator) / denominator]
    const order = events.descending(finest, start)
    for (let event = 0; event < events.count(); event++) {
      const index = order[event] as number
      const integer = level[index] as number
      numerator += (weight[index] as number) * Math.abs(value[index] as number)
      denominator += (weight[index] as number) * (2 * integer + 1)
      level[index] = integer + 1
      const gain = (numerator * numerator) / denominator
      if (!(gain > bestGain)) continue
      bestGain = gain
      bestScale = numerator / denominator
    }
    return [sign * bestScale, bestGain]
  }

  return (values, start, weights) => {
    let largest = 0
    for (let index = 0; index < group; index++) {
      value[index] = values[start + index] as number
      weight[index] = weights === undefined ? 1 : (weights[index] as number)
      if (weight[index] === 0) continue
      largest = Math.max(largest, Math.abs(value[index] as number))
    }
    if (largest === 0) return 0
    const finest = finestScale(largest)
    let [scale, gain] = [0, 0]
    for (const sign of signs) {
      const [candidate, candidateGain] = walk(sign, largest, finest)
      if (candidateGain > gain) [scale, gain] = [candidate, candidateGain]
    }
    return nearbyHalf(scale, errorOf)
  }
}

interface EventQueue {
  clear(): void
  add(scale: number, index: number): void
  count(): number
  /** The indices of all events between two scales, the greatest scale first. */
  descending(least: number, greatest: number): Int32Array
}

/** Buckets that the events of a walk are spread over: a few in each. */
const buckets = 256

/** Sorts events by spreading them over buckets and then mending the order of neighbours: a third less time than with `sort`. */
function eventQueue(capacity: number): EventQueue {
  const scales = new Float64Array(capacity)
  const indices = new Int32Array(capacity)
  const sortedScales = new Float64Array(capacity)
  const sortedIndices = new Int32Array(capacity)
  const ends = new Int32Array(buckets + 1)
  let count = 0
  return {
    clear: () => void (count = 0),
    add(scale, index) {
      scales[count] = scale
      indices[count] = index
      count++
    },
    count: () => count,
    descending(least, greatest) {
      const perScale = (buckets - 1) / (greatest - least)
      ends.fill(0)
      for (let event = 0; event < count; event++) {
        const bucket = ((greatest - (scales[event] as number)) * perScale) | 0
        ends[bucket + 1] = (ends[bucket + 1] as number) + 1
      }
      for (let bucket = 0; bucket < buckets; bucket++) {
        ends[bucket + 1] = (ends[bucket + 1] as number) + (ends[bucket] as number)
      }
      for (let event = 0; event < count; event++) {
        const scale = scales[event] as number
        const bucket = ((greatest - scale) * perScale) | 0
        const place = ends[bucket] as number
        ends[bucket] = place + 1
        sortedScales[place] = scale
        sortedIndices[place] = indices[event] as number
      }
      for (let event = 1; event < count; event++) {
        const scale = sortedScales[event] as number
        const index = sortedIndices[event] as number
        let place = event
        for (; place > 0 && (sortedScales[place - 1] as number) < scale; place--) {
          sortedScales[place] = sortedScales[place - 1] as number
          sortedIndices[place] = sortedIndices[place - 1] as number
        }
        sortedScales[place] = scale
        sortedIndices[place] = index
      }
      return sortedIndices
    },
  }
}

/** The best of the f16 numbers around a scale. */
function nearbyHalf(scale: number, errorOf: (scale: number) => number): number {
  const bits = scaleBits(scale)
  if (bits === 0) return 0
  if ((bits & 0x7fff) >= infinityBits) return Infinity
  let [best, bestError] = [0, Infinity]
  for (const candidate of [bits, bits - 1, bits + 1]) {
    const near = f16ToNumber(candidate)
    if (!Number.isFinite(near) || scaleBits(near) === 0) continue
    const error = errorOf(near)
    if (error < bestError) [best, bestError] = [near, error]
  }
  return best
}
