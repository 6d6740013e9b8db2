import { describe, expect, it } from 'vitest'
import { Random } from '../base/random.ts'
import { factorise } from './factor.ts'
import { outputEnergy, roundWithFeedback, type Feedback } from './feedback.ts'
import { correlatedRows, momentsOf, plainProduct } from './plain-algebra-harness.ts'
import { nearestInteger, scaleSearch } from './scale-search.ts'

/** Two block columns, the second of them half full. */
const columns = 384
const rows = 10
const format = { bits: 4, group: 128 } as const

function someWeights(): Float32Array {
  const random = new Random(5)
  return Float32Array.from({ length: rows * columns }, () => 0.02 * random.normal())
}

/** The lower triangle alone, so that plain products can be taken with it. */
function lowerTriangle(factor: Float32Array): Float32Array {
  return factor.map((value, at) => (at % columns <= Math.floor(at / columns) ? value : 0))
}

async function factorOf(seed: number): Promise<Float32Array> {
  const moments = momentsOf(correlatedRows(500, columns, seed), columns)
  await factorise(moments, columns, plainProduct)
  return moments
}

/** Sum over the rows of |x L|^2. */
function energyOf(values: Float32Array, factor: Float32Array): number {
  const lower = lowerTriangle(factor)
  let energy = 0
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      let sum = 0
      for (let k = column; k < columns; k++) {
        sum += (values[row * columns + k] as number) * (lower[k * columns + column] as number)
      }
      energy += sum * sum
    }
  }
  return energy
}

const valuesOf = ({ integers, scales }: Pick<Feedback, 'integers' | 'scales'>): Float32Array =>
  Float32Array.from(integers, (integer, at) => integer * (scales[Math.floor(at / format.group)] as number))

/** Each weight rounded by itself, with the best scale of its group. */
function roundedAlone(weights: Float32Array): Pick<Feedback, 'integers' | 'scales'> {
  const search = scaleSearch(format.bits, format.group)
  const scales = Float32Array.from({ length: weights.length / format.group }, (_, at) =>
    search(weights, at * format.group),
  )
  const integers = Int8Array.from(weights, (weight, at) =>
    nearestInteger(weight, scales[Math.floor(at / format.group)] as number, -8, 7),
  )
  return { integers, scales }
}

const difference = (left: Float32Array, right: Float32Array): Float32Array =>
  left.map((value, at) => value - (right[at] as number))

describe('roundWithFeedback', () => {
  it('says what the outputs lose, and loses far less than rounding each weight by itself', async () => {
    const [weights, factor] = [someWeights(), await factorOf(1)]
    const result = await roundWithFeedback(weights, columns, factor, format, plainProduct)
    const lost = energyOf(difference(weights, valuesOf(result)), factor)
    const lostAlone = energyOf(difference(weights, valuesOf(roundedAlone(weights))), factor)
    expect(result.error / lost).toBeCloseTo(1, 4)
    expect(lost / lostAlone).toBeLessThan(0.3)
    expect(await outputEnergy(weights, columns, factor, plainProduct)).toBeCloseTo(energyOf(weights, factor), 2)
  })

  it('leaves no integer of the first column that another would be better for', async () => {
    const [weights, factor] = [someWeights(), await factorOf(2)]
    const result = await roundWithFeedback(weights, columns, factor, format, plainProduct)
    for (const step of [-1, 1]) {
      const integers = result.integers.slice()
      for (let at = 0; at < integers.length; at += columns) {
        integers[at] = Math.max(-8, Math.min(7, (integers[at] as number) + step))
      }
      const changed = energyOf(difference(weights, valuesOf({ ...result, integers })), factor)
      expect(changed).toBeGreaterThan(result.error)
    }
  })

  it('rounds each weight by itself where the inputs have nothing in common', async () => {
    const factor = Float32Array.from({ length: columns * columns }, (_, at) => (at % (columns + 1) === 0 ? 3 : 0))
    const weights = someWeights()
    const result = await roundWithFeedback(weights, columns, factor, format, plainProduct)
    const alone = roundedAlone(weights)
    expect(result.integers).toEqual(alone.integers)
    expect(result.scales).toEqual(alone.scales)
  })
})
