/**
 * The scale of a group that leaves the least weighted squared error, found exactly: as the scale shrinks, each value
 * climbs from one integer to the next at a scale of its own, and between two such events the integers stay as they
 * are. For fixed integers q the best scale is (sum w v q) / (sum w q^2) and removes (sum w v q)^2 / (sum w q^2) from
 * the error (least squares), so that walking all events in order and keeping both sums finds the best integers of all.
 */
import { f16ToNumber, roundHalfToEven } from '../blocks/half.ts'
import { scaleBits, smallestNormalBits } from '../blocks/rounding.ts'

/** How much coarser than a grid that just reaches the greatest value the coarsest one is that is looked at. */
const coarsest = 1.25
/** How much finer than such a grid the finest one is that is looked at. */
const finest = 2 ** -10
/** How often the distance to a bound of the finest scale is halved. */
const halvings = 5
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
  const value = new Float64Array(group)
  const magnitude = new Float64Array(group)
  const weight = new Float64Array(group)
  /** weight x magnitude */
  const product = new Float64Array(group)
  const far = new Int32Array(group)
  const { scales, keys, sort } = eventList(group * -lowest, bits === 4 ? 2 * group : 16 * group)
  const sums: Sums = { numerator: 0, denominator: 0, events: 0, next: 0 }
  const best = { scale: 0, gain: 0 }

  /** Takes the values in, and returns where the greatest of those that count is; -1 when none is but zeros. */
  const take = (values: Float32Array | Float64Array, start: number, weights: Float64Array | undefined): number => {
    let largest = 0
    let extreme = -1
    for (let index = 0; index < group; index++) {
      const exact = values[start + index] as number
      const size = Math.abs(exact)
      const counts = weights === undefined ? 1 : (weights[index] as number)
      value[index] = exact
      magnitude[index] = size
      weight[index] = counts
      product[index] = counts * size
      if (size <= largest || counts === 0) continue
      largest = size
      extreme = index
    }
    return extreme
  }

  /** The squared error, or infinity as soon as it is known to be no less than `bound`. */
  const errorOf = (scale: number, bound: number): number => {
    let error = 0
    for (let index = 0; index < group; index++) {
      const exact = value[index] as number
      let integer = roundHalfToEven(exact / scale)
      if (integer > highest) integer = highest
      else if (integer < lowest) integer = lowest
      const difference = exact - scale * integer
      error += (weight[index] as number) * difference * difference
      if (error >= bound) return Infinity
    }
    return error
  }

  /** The error of those far values that lie beyond the grid; no finer scale has less. */
  const clippingError = (scale: number, farValues: number): number => {
    let error = 0
    for (let place = 0; place < farValues; place++) {
      const index = far[place] as number
      const beyond = (magnitude[index] as number) + lowest * scale
      if (beyond > 0) error += (weight[index] as number) * beyond * beyond
    }
    return error
  }

  /** A scale below which clipping alone costs more than a scale that is known does in all. */
  const finestScale = (extreme: number): number => {
    const largest = magnitude[extreme] as number
    // Of several scales that leave no error the coarsest ones will do.
    if (errorOf(largest / highest, Number.MIN_VALUE) === 0) return largest / highest
    const known = errorOf((value[extreme] as number) / (lowest - 0.25), Infinity)
    // The greatest value alone gives a first bound; what else lies beyond the grid there gives a better one.
    const bound = (largest - Math.sqrt(known / (weight[extreme] as number))) / -lowest
    let coarser = largest / -lowest
    let scale = Math.max(bound, coarser * finest)
    let farValues = 0
    for (let index = 0; index < group; index++) {
      if ((magnitude[index] as number) > -lowest * scale) far[farValues++] = index
    }
    for (let halving = 0; halving < halvings; halving++) {
      const middle = 0.5 * (scale + coarser)
      if (clippingError(middle, farValues) >= known) scale = middle
      else coarser = middle
    }
    return scale
  }

  /** The sums for the integers of the coarsest scale, and the events from there to the finest, in order. */
  const prepare = (coarse: number, fine: number): void => {
    // Comparing products instead of quotients moves events across the ends at most, where they do not matter.
    const perCoarse = 1 / coarse
    const perFine = 1 / fine
    let numerator = 0
    let denominator = 0
    let events = 0
    for (let index = 0; index < group; index++) {
      const size = magnitude[index] as number
      const first = Math.floor(size * perCoarse + 0.5)
      const end = Math.min(-lowest, Math.floor(size * perFine + 0.5))
      numerator += (product[index] as number) * first
      denominator += (weight[index] as number) * first * first
      for (let integer = first; integer < end; integer++) keys[events++] = (index << 8) | integer
    }
    // Apart from the loop above, whose end the processor cannot foresee and would have to wait for the quotients.
    for (let event = 0; event < events; event++) {
      const key = keys[event] as number
      scales[event] = (magnitude[key >> 8] as number) / ((key & 255) + 0.5)
    }
    sort(events, fine, coarse)
    sums.numerator = numerator
    sums.denominator = denominator
    sums.events = events
    sums.next = 0
  }

  /**
   * Takes the events from `sums.next` on for scales of one sign, or for both as far as they agree: until a value reaches
   * the end of the grid that lies nearer to zero.
   */
  const walk = (sign: 1 | -1 | 'both'): void => {
    const factor = sign === -1 ? -1 : 1
    let { next, numerator, denominator } = sums
    let { scale, gain } = best
    for (; next < sums.events; next++) {
      const key = keys[next] as number
      const index = key >> 8
      const integer = key & 255
      if (integer === highest) {
        if (sign === 'both') break
        if (factor * (value[index] as number) > 0) continue
      }
      numerator += product[index] as number
      denominator += (weight[index] as number) * (2 * integer + 1)
      const reached = (numerator * numerator) / denominator
      if (!(reached > gain)) continue
      gain = reached
      scale = (factor * numerator) / denominator
    }
    best.scale = scale
    best.gain = gain
    if (sign !== 'both') return
    sums.next = next
    sums.numerator = numerator
    sums.denominator = denominator
  }

  return (values, start, weights) => {
    const extreme = take(values, start, weights)
    if (extreme < 0) return 0
    prepare((coarsest * (magnitude[extreme] as number)) / highest, finestScale(extreme))
    best.scale = sums.denominator > 0 ? sums.numerator / sums.denominator : 0
    best.gain = sums.denominator > 0 ? (sums.numerator * sums.numerator) / sums.denominator : 0
    walk('both')
    walk(1)
    walk(-1)
    return nearbyHalf(best.scale, errorOf)
  }
}

/** sum w v q and sum w q^2, and how far they are through the events. */
interface Sums {
  numerator: number
  denominator: number
  /** How many events there are. */
  events: number
  /** The first that the sums do not hold yet. */
  next: number
}

/** When which value climbs: its index and the integer that it leaves, as index x 256 + integer. */
interface EventList {
  readonly scales: Float64Array
  readonly keys: Int32Array
  /** Puts the keys of the first `count` in order, the greatest scale first and equal ones as they were. */
  readonly sort: (count: number, least: number, greatest: number) => void
}

/** Events that are sorted by spreading them over buckets, a few in each, and then mending the order of neighbours. */
function eventList(capacity: number, buckets: number): EventList {
  const scales = new Float64Array(capacity)
  const keys = new Int32Array(capacity)
  const spreadScales = new Float64Array(capacity)
  const spreadKeys = new Int32Array(capacity)
  const bucketOf = new Uint16Array(capacity)
  const ends = new Int32Array(buckets)

  const spread = (count: number, least: number, greatest: number): void => {
    const perScale = (buckets - 1) / (greatest - least)
    ends.fill(0)
    for (let event = 0; event < count; event++) {
      const bucket = ((greatest - (scales[event] as number)) * perScale) | 0
      bucketOf[event] = bucket
      ends[bucket] = (ends[bucket] as number) + 1
    }
    let end = 0
    for (let bucket = 0; bucket < buckets; bucket++) {
      const length = ends[bucket] as number
      ends[bucket] = end
      end += length
    }
    for (let event = 0; event < count; event++) {
      const bucket = bucketOf[event] as number
      const place = ends[bucket] as number
      ends[bucket] = place + 1
      spreadScales[place] = scales[event] as number
      spreadKeys[place] = keys[event] as number
    }
  }

  const mend = (count: number): void => {
    for (let event = 0; event < count; event++) {
      const scale = spreadScales[event] as number
      let place = event
      for (; place > 0 && (scales[place - 1] as number) < scale; place--) {
        scales[place] = scales[place - 1] as number
        keys[place] = keys[place - 1] as number
      }
      scales[place] = scale
      keys[place] = spreadKeys[event] as number
    }
  }

  return {
    scales,
    keys,
    sort(count, least, greatest) {
      spread(count, least, greatest)
      mend(count)
    },
  }
}

/** The first of equals is kept. */
const nearbyOffsets = [0, -1, 1]

/** The best of the f16 numbers around a scale. */
function nearbyHalf(scale: number, errorOf: (scale: number, bound: number) => number): number {
  const bits = scaleBits(scale)
  if (bits === 0) return 0
  if ((bits & 0x7fff) >= infinityBits) return Infinity
  let best = 0
  let bestError = Infinity
  for (const offset of nearbyOffsets) {
    const candidate = bits + offset
    const magnitude = candidate & 0x7fff
    if (magnitude < smallestNormalBits || magnitude >= infinityBits) continue
    const near = f16ToNumber(candidate)
    const error = errorOf(near, bestError)
    if (error >= bestError) continue
    best = near
    bestError = error
  }
  return best
}
