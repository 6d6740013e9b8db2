/** Scaling of 8-bit pictures with a triangle filter that is as wide as what becomes one pixel. */

/** A picture of interleaved 8-bit samples, row after row from the top left. */
export interface Samples {
  readonly width: number
  readonly height: number
  /** Samples of a pixel. */
  readonly channels: number
  readonly data: Uint8Array | Uint8ClampedArray
}

/** Bits behind the point of weights: products with 8-bit samples and their sums stay within 32 bits. */
const fraction = 22

/** Which samples along an axis make each new one, and how much of each. */
interface Filter {
  readonly firsts: Int32Array
  readonly counts: Int32Array
  /** `taps` weights of each new sample, of which `counts` are used. */
  readonly weights: Int32Array
  readonly taps: number
}

/** The triangle filter from `from` samples to `to`, with weights of 22 bits. */
function triangleFilter(from: number, to: number): Filter {
  const scale = from / to
  const reach = Math.max(scale, 1)
  const taps = Math.ceil(reach) * 2 + 1
  const filter = { firsts: new Int32Array(to), counts: new Int32Array(to), weights: new Int32Array(to * taps), taps }
  const shares = new Float64Array(taps)
  for (let index = 0; index < to; index++) {
    const centre = (index + 0.5) * scale
    const first = Math.max(0, Math.trunc(centre - reach + 0.5))
    const count = Math.min(from, Math.trunc(centre + reach + 0.5)) - first
    let total = 0
    for (let tap = 0; tap < count; tap++) {
      const distance = Math.abs((first + tap - centre + 0.5) / reach)
      shares[tap] = Math.max(0, 1 - distance)
      total += shares[tap] as number
    }
    filter.firsts[index] = first
    filter.counts[index] = count
    for (let tap = 0; tap < count; tap++) {
      filter.weights[index * taps + tap] = Math.trunc(0.5 + ((shares[tap] as number) / total) * 2 ** fraction)
    }
  }
  return filter
}

/** The three colours of a picture with another width. A fourth sample of a pixel is left out. */
function resizeRows({ width, height, channels, data }: Samples, to: number): Samples {
  const result = new Uint8Array(to * height * 3)
  const { firsts, counts, weights, taps } = triangleFilter(width, to)
  for (let row = 0, at = 0; row < height; row++) {
    const line = row * width * channels
    for (let column = 0; column < to; column++, at += 3) {
      const weightsAt = column * taps
      const count = counts[column] as number
      let from = line + (firsts[column] as number) * channels
      let [red, green, blue] = [1 << (fraction - 1), 1 << (fraction - 1), 1 << (fraction - 1)]
      for (let tap = 0; tap < count; tap++, from += channels) {
        const weight = weights[weightsAt + tap] as number
        red += weight * (data[from] as number)
        green += weight * (data[from + 1] as number)
        blue += weight * (data[from + 2] as number)
      }
      result[at] = Math.min(255, red >> fraction)
      result[at + 1] = Math.min(255, green >> fraction)
      result[at + 2] = Math.min(255, blue >> fraction)
    }
  }
  return { width: to, height, channels: 3, data: result }
}

/** The three colours of a picture with another height. */
function resizeColumns({ width, height, channels, data }: Samples, to: number): Samples {
  const result = new Uint8Array(width * to * 3)
  const { firsts, counts, weights, taps } = triangleFilter(height, to)
  const sums = new Int32Array(width * 3)
  for (let row = 0; row < to; row++) {
    sums.fill(1 << (fraction - 1))
    const first = firsts[row] as number
    for (let tap = 0; tap < (counts[row] as number); tap++) {
      const weight = weights[row * taps + tap] as number
      let from = (first + tap) * width * channels
      for (let at = 0; at < sums.length; at += 3, from += channels) {
        sums[at] = (sums[at] as number) + weight * (data[from] as number)
        sums[at + 1] = (sums[at + 1] as number) + weight * (data[from + 1] as number)
        sums[at + 2] = (sums[at + 2] as number) + weight * (data[from + 2] as number)
      }
    }
    for (let at = 0; at < sums.length; at++) {
      result[row * sums.length + at] = Math.min(255, (sums[at] as number) >> fraction)
    }
  }
  return { width, height: to, channels: 3, data: result }
}

/**
 * Scales a picture as the Python Imaging Library does with BILINEAR, to the last bit: along one axis after the other, each rounded to 8
 * bits; an axis that keeps its extent is left alone.
 *
 * @param first which axis comes first. The library begins with rows; so does the reference, which turns tall pictures on their
 *   side before, so that for those it is columns.
 * @returns three samples a pixel
 */
export function resizeBilinear(picture: Samples, width: number, height: number, first: 'rows' | 'columns'): Samples {
  let result = picture
  for (const axis of first === 'rows' ? ['rows', 'columns'] : ['columns', 'rows']) {
    if (axis === 'rows' && (width !== result.width || result.channels !== 3)) result = resizeRows(result, width)
    else if (axis === 'columns' && height !== result.height) result = resizeColumns(result, height)
  }
  return result
}
