import { describe, expect, it } from 'vitest'
import { present } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import { f16ToNumber } from '../blocks/half.ts'
import { plainScaleSearch } from './plain-scale-search-harness.ts'
import { integerRange, nearestInteger, scaleSearch } from './scale-search.ts'

/** The weighted squared error of values that are rounded with a scale. */
function errorOf(values: Float32Array, scale: number, bits: 4 | 8, weights?: Float64Array): number {
  const [lowest, highest] = integerRange(bits)
  return values.reduce((sum, value, index) => {
    const integer = Math.max(lowest, Math.min(highest, scale === 0 ? 0 : Math.round(value / scale)))
    return sum + (weights?.[index] ?? 1) * (value - scale * integer) ** 2
  }, 0)
}

/** The least error of all scales that f16 can hold. */
function leastError(values: Float32Array, bits: 4 | 8, weights?: Float64Array): number {
  let least = Infinity
  for (let half = 0x400; half < 0x7c00; half++) {
    for (const sign of [1, -1]) least = Math.min(least, errorOf(values, sign * f16ToNumber(half), bits, weights))
  }
  return least
}

/** Mostly normal, with a few values far out. */
function someValues(count: number, seed: number): Float32Array {
  const random = new Random(seed)
  return Float32Array.from({ length: count }, () => random.normal() * (random.float() < 0.05 ? 0.1 : 0.02))
}

describe('scaleSearch', () => {
  it.each([
    { bits: 4, group: 32 },
    { bits: 4, group: 128 },
    { bits: 8, group: 32 },
  ] as const)('finds the best of all scales: $bits bits, groups of $group', ({ bits, group }) => {
    const search = scaleSearch(bits, group)
    for (let seed = 1; seed <= 4; seed++) {
      const values = someValues(group, seed)
      const scale = search(values, 0)
      expect(errorOf(values, scale, bits) / leastError(values, bits)).toBeLessThan(1.0001)
    }
  })

  it('finds the best of all scales for weighted errors, and lets what hardly counts be clipped', () => {
    const random = new Random(9)
    const values = someValues(32, 9)
    values[5] = 1
    const weights = Float64Array.from(values, () => random.float() ** 4)
    weights[5] = 1e-9
    const scale = scaleSearch(4, 32)(values, 0, weights)
    expect(Math.abs(scale)).toBeLessThan(1 / 16)
    expect(errorOf(values, scale, 4, weights) / leastError(values, 4, weights)).toBeLessThan(1.0001)
  })

  const kinds: Readonly<Record<string, (random: Random) => number>> = {
    'normal numbers': (random) => 0.02 * random.normal(),
    'numbers with outliers': (random) => random.normal() ** 3,
    'small integers': (random) => Math.round(3 * random.normal()),
    'halves of small integers': (random) => Math.round(20 * random.normal()) / 2,
    'what needs scales next to the subnormal ones': (random) => 1e-3 * random.normal(),
  }
  const formats = [
    [4, 32],
    [4, 128],
    [8, 64],
  ] as const
  it.each(Object.keys(kinds))('gives the same bits as the plain search: %s', (kind) => {
    const random = new Random(21)
    const some = present(kinds[kind], 'kind')
    for (const [bits, group] of formats) {
      const search = scaleSearch(bits, group)
      const row = Float64Array.from({ length: 40 * group }, () => some(random))
      // Some do not count at all, of the greatest magnitude or not.
      const weights = Float64Array.from(row, () => Math.max(0, random.float() - 0.1) ** 2)
      const equal = weights.slice(0, group).fill(1)
      for (let start = 0; start < row.length; start += group) {
        const values = [...row.slice(start, start + group)]
        const own = weights.slice(start, start + group)
        expect(search(row, start, own)).toBe(plainScaleSearch(values, [...own], bits))
        expect(search(Float32Array.from(row), start)).toBe(
          plainScaleSearch([...Float32Array.from(values)], [...equal], bits),
        )
      }
    }
  })

  it('turns the grid round where that reaches further', () => {
    const values = new Float32Array(32)
    values[3] = 8
    values[4] = 1
    values[7] = -7
    expect(scaleSearch(4, 32)(values, 0)).toBe(-1)
    values[3] = -8
    values[7] = 7
    expect(scaleSearch(4, 32)(values, 0)).toBe(1)
  })

  it('looks at the group that begins at the given place', () => {
    const values = someValues(96, 4)
    const search = scaleSearch(4, 32)
    expect(search(values, 32)).toBe(search(values.slice(32, 64), 0))
    expect(search(values, 32)).not.toBe(search(values, 64))
  })

  it('gives zero to zeros and to what only a subnormal scale would fit, and infinity to what is beyond f16', () => {
    const search = scaleSearch(4, 32)
    expect(search(new Float32Array(32), 0)).toBe(0)
    expect(search(new Float32Array(32).fill(1e-5), 0)).toBe(0)
    expect(search(new Float32Array(32).fill(1e9), 0)).toBe(Infinity)
  })
})

describe('nearestInteger', () => {
  it('rounds ties to even and stays within the grid', () => {
    expect([2.5, 3.5, 90, -90].map((value) => nearestInteger(value, 1, -8, 7))).toEqual([2, 4, 7, -8])
    expect(nearestInteger(3, 0, -8, 7)).toBe(0)
  })
})
