import { describe, expect, it } from 'vitest'
import { blockParts, type BlockDType } from '../base/dtype.ts'
import { PocketPhiError } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import { f16ToNumber, numberToF16 } from './half.ts'
import {
  blockIntegers,
  checkPackedMatrix,
  packIntegers,
  packMatrix,
  packSlabs,
  packedBytes,
  panelBytes,
  quantizeActivations,
  rowRange,
  unpackMatrix,
  unpackRow,
  unpackRows,
} from './packed.ts'

const dtypes: readonly BlockDType[] = ['q4g32', 'q4g64', 'q4g128', 'q8g32', 'q8g64', 'q8g128']

function normalMatrix(random: Random, rows: number, columns: number, scale = 0.02): Float32Array {
  return Float32Array.from({ length: rows * columns }, () => random.normal() * scale)
}

function codeOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (error instanceof PocketPhiError) return error.code
    throw error
  }
  return 'no error'
}

function squaredDistance(left: Float32Array, right: Float32Array): number {
  return left.reduce((sum, value, index) => sum + (value - (right[index] as number)) ** 2, 0)
}

describe('the layout', () => {
  it('has the sizes that the kernels are compiled for', () => {
    expect(packedBytes('q4g32', 8, 32)).toBe(144)
    expect(packedBytes('q8g32', 8, 32)).toBe(272)
    expect(packedBytes('q4g128', 9, 256)).toBe(2 * 2 * (16 * 32 + 16))
    expect(panelBytes('q4g64', 3072)).toBe(48 * (8 * 32 + 16))
  })

  it('puts a small q4g32 matrix where the format says, byte by byte', () => {
    // Integer of (row, column) = (row * 5 + column * 3) mod 16, scale of (row, group) = 2^-(row + group).
    const rows = 10
    const columns = 64
    const integers = Int8Array.from({ length: rows * columns }, (_, index) => {
      return ((Math.floor(index / columns) * 5 + (index % columns) * 3) % 16) - 8
    })
    const scales = Float32Array.from({ length: rows * 2 }, (_, index) => 2 ** -((index >> 1) + (index & 1)))
    const bytes = packIntegers(integers, scales, rows, columns, 'q4g32')
    expect(bytes.length).toBe(2 * 2 * 144)
    const nibble = (row: number, column: number): number => (row < rows ? (row * 5 + column * 3) % 16 : 8)
    for (let panel = 0; panel < 2; panel++) {
      for (let group = 0; group < 2; group++) {
        const block = bytes.subarray((panel * 2 + group) * 144, (panel * 2 + group + 1) * 144)
        for (let unit = 0; unit < 4; unit++) {
          for (let row = 0; row < 8; row++) {
            for (let i = 0; i < 4; i++) {
              const low = nibble(panel * 8 + row, group * 32 + unit * 4 + i)
              const high = nibble(panel * 8 + row, group * 32 + (unit + 4) * 4 + i)
              expect(block[unit * 32 + row * 4 + i]).toBe(low + 16 * high)
            }
          }
        }
        for (let row = 0; row < 8; row++) {
          const exponent = 15 - (panel * 8 + row + group)
          const scale = panel * 8 + row < rows ? exponent << 10 : 0
          expect(block[128 + 2 * row]).toBe(scale & 255)
          expect(block[128 + 2 * row + 1]).toBe(scale >> 8)
        }
      }
    }
    // The first bytes once more, worked out by hand: row 0 holds 0,3,6,9 and at column 16 again 0,3,6,9.
    expect(Array.from(bytes.subarray(0, 8))).toEqual([0x00, 0x33, 0x66, 0x99, 0x55, 0x88, 0xbb, 0xee])
    expect(Array.from(bytes.subarray(128, 134))).toEqual([0x00, 0x3c, 0x00, 0x38, 0x00, 0x34])
  })

  it('puts a small q8g32 matrix where the format says', () => {
    const integers = Int8Array.from({ length: 8 * 32 }, (_, index) => ((index * 7) % 255) - 127)
    const bytes = packIntegers(integers, new Float32Array(8).fill(1.5), 8, 32, 'q8g32')
    for (let row = 0; row < 8; row++) {
      for (let column = 0; column < 32; column++) {
        const stored = bytes[(column >> 2) * 32 + row * 4 + (column & 3)] as number
        expect((stored << 24) >> 24).toBe((((row * 32 + column) * 7) % 255) - 127)
      }
      expect(Array.from(bytes.subarray(256 + 2 * row, 258 + 2 * row))).toEqual([0x00, 0x3e])
    }
  })

  it('fills padding rows with scale 0 and nibble 8', () => {
    const bytes = packMatrix(new Float32Array(32).fill(1), 1, 32, 'q4g32')
    for (let unit = 0; unit < 4; unit++) {
      expect(Array.from(bytes.subarray(unit * 32 + 4, unit * 32 + 32))).toEqual(new Array<number>(28).fill(0x88))
    }
    expect(Array.from(bytes.subarray(130, 144))).toEqual(new Array<number>(14).fill(0))
  })
})

describe.each(dtypes)('%s', (dtype) => {
  const { bits, group } = blockParts(dtype)

  it('gives back random integers and scales of random shapes', () => {
    const random = new Random(11)
    for (let trial = 0; trial < 12; trial++) {
      const rows = random.integer(1, 30)
      const columns = group * random.integer(1, 5)
      const limit = bits === 8 ? 127 : 8
      const integers = Int8Array.from({ length: rows * columns }, () => random.integer(bits === 8 ? -127 : -8, limit))
      const scales = Float32Array.from({ length: (rows * columns) / group }, () => {
        return f16ToNumber(random.integer(0x400, 0x7c00) | (random.integer(0, 2) << 15))
      })
      const bytes = packIntegers(integers, scales, rows, columns, dtype)
      checkPackedMatrix(bytes, dtype, rows, columns)
      expect(blockIntegers(bytes, dtype, rows, columns)).toEqual({ integers, scales })
      const values = unpackMatrix(bytes, dtype, rows, columns)
      expect(
        values.every((value, index) => {
          return value === (integers[index] as number) * (scales[Math.floor(index / group)] as number)
        }),
      ).toBe(true)
      const first = random.integer(0, rows)
      const count = random.integer(1, rows - first + 1)
      const part = blockIntegers(bytes, dtype, rows, columns, first, count)
      expect(part.integers).toEqual(integers.subarray(first * columns, (first + count) * columns))
      expect(unpackRows(bytes, dtype, rows, columns, first, count)).toEqual(
        values.subarray(first * columns, (first + count) * columns),
      )
      expect(unpackRow(bytes, dtype, rows, columns, first)).toEqual(
        values.subarray(first * columns, (first + 1) * columns),
      )
    }
  })

  it('rounds to the nearest point of the grid of the stored scale', () => {
    const random = new Random(12)
    const rows = 13
    const columns = group * 3
    const values = normalMatrix(random, rows, columns)
    const bytes = packMatrix(values, rows, columns, dtype)
    const { integers, scales } = blockIntegers(bytes, dtype, rows, columns)
    const lowest = bits === 8 ? -127 : -8
    const highest = bits === 8 ? 127 : 7
    const nearest = Int8Array.from(values, (value, index) => {
      const scale = scales[Math.floor(index / group)] as number
      const chosen = integers[index] as number
      const distance = (integer: number): number => Math.abs(value - scale * integer)
      if (bits === 8) expect(distance(chosen)).toBeLessThanOrEqual(scale * 0.57)
      const others = [chosen, chosen - 1, chosen + 1].filter((integer) => integer >= lowest && integer <= highest)
      return others.reduce((held, other) => (distance(other) < distance(held) ? other : held))
    })
    expect(integers).toEqual(nearest)
  })

  it('loses no more than rounding with the plain scales would', () => {
    const random = new Random(13)
    const columns = group * 4
    const values = normalMatrix(random, 16, columns)
    const restored = unpackMatrix(packMatrix(values, 16, columns, dtype), dtype, 16, columns)
    for (let start = 0; start < values.length; start += group) {
      const part = values.subarray(start, start + group)
      const signed = part.reduce((held, value) => (Math.abs(value) > Math.abs(held) ? value : held), 0)
      const error = squaredDistance(part, restored.subarray(start, start + group))
      for (const divisor of bits === 8 ? [127] : [7, -8]) {
        const scale = f16ToNumber(numberToF16(bits === 8 ? Math.abs(signed) / divisor : signed / divisor))
        const plain = part.map((value) => {
          const integer = Math.round(value / scale)
          return scale * (bits === 8 ? Math.max(-127, Math.min(127, integer)) : Math.max(-8, Math.min(7, integer)))
        })
        expect(error).toBeLessThanOrEqual(squaredDistance(part, plain) * (1 + 1e-12))
      }
    }
    const relative = squaredDistance(values, restored) / squaredDistance(values, new Float32Array(values.length))
    expect(relative).toBeLessThan(bits === 8 ? 1e-4 : 0.012)
  })

  it('is exact for values on a grid that reaches its end', () => {
    const random = new Random(14)
    const columns = group * 2
    const values = new Float32Array(9 * columns)
    for (let start = 0; start < values.length; start += group) {
      const scale = f16ToNumber(random.integer(0x1000, 0x3c00))
      for (let index = 0; index < group; index++) {
        const integer =
          index === 5 ? (bits === 8 ? -127 : -8) : random.integer(bits === 8 ? -127 : -7, bits === 8 ? 128 : 8)
        values[start + index] = scale * integer
      }
    }
    const bytes = packMatrix(values, 9, columns, dtype)
    expect(unpackMatrix(bytes, dtype, 9, columns)).toEqual(values)
  })

  it('packs slabs to the bytes of the whole', async () => {
    const random = new Random(15)
    const rows = 37
    const columns = group * 2
    const values = normalMatrix(random, rows, columns)
    const whole = packMatrix(values, rows, columns, dtype)
    let at = 0
    const read = (first: number, count: number): Float32Array =>
      values.subarray(first * columns, (first + count) * columns)
    for await (const slab of packSlabs(dtype, rows, columns, read, 16)) {
      expect(slab).toEqual(whole.subarray(at, at + slab.length))
      at += slab.length
    }
    expect(at).toBe(whole.length)
    const { offset, length } = rowRange(dtype, rows, columns, 24, 13)
    const tail = unpackMatrix(whole.subarray(offset, offset + length), dtype, 13, columns)
    expect(tail).toEqual(unpackRows(whole, dtype, rows, columns, 24, 13))
  })

  it('writes no subnormal scale', () => {
    const random = new Random(16)
    for (let exponent = -30; exponent < -3; exponent++) {
      const values = normalMatrix(random, 8, group, 2 ** exponent)
      const bytes = packMatrix(values, 8, group, dtype)
      checkPackedMatrix(bytes, dtype, 8, group)
      for (const scale of blockIntegers(bytes, dtype, 8, group).scales) {
        expect(scale === 0 || Math.abs(scale) >= 2 ** -14).toBe(true)
      }
    }
    const tiny = packMatrix(new Float32Array(group).fill(2 ** -22), 1, group, dtype)
    expect(blockIntegers(tiny, dtype, 1, group)).toEqual({
      integers: new Int8Array(group),
      scales: new Float32Array(1),
    })
  })

  it('refuses what it cannot hold', () => {
    const values = new Float32Array(8 * group)
    expect(codeOf(() => packMatrix(values, 8, group, dtype, new Uint8Array(3)))).toBe('shape')
    expect(codeOf(() => packMatrix(values, 7, group, dtype))).toBe('shape')
    expect(codeOf(() => packedBytes(dtype, 8, group + 4))).toBe('shape')
    expect(codeOf(() => packedBytes(dtype, 0, group))).toBe('shape')
    expect(codeOf(() => packedBytes(dtype, 2 ** 40, group * 2 ** 20))).toBe('shape')
    for (const bad of [Number.NaN, Infinity, -Infinity, 3e38]) {
      values[group + 3] = bad
      expect(codeOf(() => packMatrix(values, 8, group, dtype))).toBe('invalid-argument')
    }
    values[group + 3] = Number.NaN
    expect(() => packMatrix(values, 8, group, dtype)).toThrow(`NaN at element ${group + 3}`)
    const bytes = new Uint8Array(packedBytes(dtype, 8, group))
    expect(codeOf(() => unpackMatrix(bytes.subarray(1), dtype, 8, group))).toBe('shape')
    expect(codeOf(() => unpackRows(bytes, dtype, 8, group, 7, 2))).toBe('shape')
    expect(codeOf(() => unpackRow(bytes, dtype, 8, group, -1))).toBe('shape')
    expect(codeOf(() => rowRange(dtype, 64, group, 4, 8))).toBe('shape')
    expect(codeOf(() => rowRange(dtype, 64, group, 8, 7))).toBe('shape')
    expect(codeOf(() => packIntegers(new Int8Array(group).fill(-128), Float32Array.of(1), 1, group, dtype))).toBe(
      'invalid-argument',
    )
    expect(codeOf(() => packIntegers(new Int8Array(group), Float32Array.of(1e6), 1, group, dtype))).toBe(
      'invalid-argument',
    )
  })

  it('finds damage that kernels could not bear', () => {
    const fresh = (): Uint8Array => packMatrix(normalMatrix(new Random(17), 9, group), 9, group, dtype)
    const block = panelBytes(dtype, group)
    const damage = (change: (bytes: Uint8Array) => void): string => {
      const bytes = fresh()
      change(bytes)
      return codeOf(() => checkPackedMatrix(bytes, dtype, 9, group))
    }
    expect(damage(() => {})).toBe('no error')
    expect(damage((bytes) => bytes.set([0x00, 0x7c], block - 16))).toBe('invalid-file')
    expect(damage((bytes) => bytes.set([0x01, 0x7e], block - 2))).toBe('invalid-file')
    expect(damage((bytes) => bytes.set([0x01, 0x00], block - 2))).toBe('invalid-file')
    expect(damage((bytes) => bytes.set([0x00, 0x80], block - 2))).toBe('invalid-file')
    expect(damage((bytes) => bytes.set([0x00, 0x3c], 2 * block - 2))).toBe('invalid-file')
    expect(damage((bytes) => bytes.fill(0x80, 3, 4))).toBe(bits === 8 ? 'invalid-file' : 'no error')
  })
})

describe('quantizeActivations', () => {
  it('follows its definition bit for bit', () => {
    const random = new Random(21)
    const x = normalMatrix(random, 6, 128, 3)
    x.fill(0, 32, 64)
    const { integers, scales } = quantizeActivations(x, 6, 128, 32)
    for (let start = 0; start < x.length; start += 32) {
      const largest = x.subarray(start, start + 32).reduce((held, value) => Math.max(held, Math.abs(value)), 0)
      expect(scales[start / 32]).toBe(Math.fround(largest / 127))
      const inverse = largest === 0 ? 0 : Math.fround(127 / largest)
      for (let index = start; index < start + 32; index++) {
        const scaled = Math.fround((x[index] as number) * inverse)
        const floor = Math.floor(scaled)
        const nearest = scaled - floor > 0.5 || (scaled - floor === 0.5 && floor % 2 !== 0) ? floor + 1 : floor
        expect(integers[index]).toBe(Math.max(-127, Math.min(127, nearest)) + 0)
      }
    }
    expect(integers.subarray(32, 64).every((integer) => integer === 0)).toBe(true)
  })

  it('takes ties to even', () => {
    const x = Float32Array.of(127, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, -127)
    expect(Array.from(quantizeActivations(x, 1, 8, 8).integers)).toEqual([127, 0, 2, 2, 0, -2, -2, -127])
  })

  it('stays within the range where 127 / amax overflows', () => {
    const x = Float32Array.of(1e-40, 0, -1e-40, 5e-41)
    expect(Array.from(quantizeActivations(x, 1, 4, 4).integers)).toEqual([127, 0, -127, 127])
  })

  it('refuses NaN, infinity and columns that no group divides', () => {
    expect(codeOf(() => quantizeActivations(Float32Array.of(1, Number.NaN), 1, 2, 2))).toBe('invalid-argument')
    expect(codeOf(() => quantizeActivations(Float32Array.of(1, -Infinity), 1, 2, 2))).toBe('invalid-argument')
    expect(codeOf(() => quantizeActivations(new Float32Array(6), 1, 6, 4))).toBe('shape')
    expect(codeOf(() => quantizeActivations(new Float32Array(6), 2, 4, 4))).toBe('shape')
  })
})
