import { describe, expect, it } from 'vitest'
import { Random } from '../base/random.ts'
import {
  bf16ToF32,
  bf16ToNumber,
  f16ToF32,
  f16ToNumber,
  f32ToBf16,
  f32ToF16,
  numberToBf16,
  numberToF16,
  roundHalfToEven,
} from './half.ts'

interface NativeHalf {
  Float16Array: new (values: ArrayBuffer | readonly number[]) => ArrayLike<number> & { readonly buffer: ArrayBuffer }
}

const { Float16Array: NativeFloat16Array } = globalThis as unknown as NativeHalf
const everyPattern = Uint16Array.from({ length: 65536 }, (_, index) => index)
const nativeValues = Array.from(new NativeFloat16Array(everyPattern.slice().buffer))

function nativeF16(value: number): number {
  return new Uint16Array(new NativeFloat16Array([value]).buffer)[0] as number
}

/** bf16 by exhaustive comparison of the two neighbours, in doubles. */
function nearestBf16(value: number): number {
  const sign = Object.is(Math.abs(value), value) ? 0 : 0x8000
  const magnitude = Math.abs(value)
  let low = 0
  let high = 0x7f80
  const at = (bits: number): number => (bits === 0x7f80 ? 2 ** 128 : bf16ToNumber(bits))
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (at(middle) <= magnitude) low = middle
    else high = middle
  }
  const below = magnitude - at(low)
  const above = at(high) - magnitude
  const nearest = below < above ? low : above < below ? high : low % 2 === 0 ? low : high
  return sign | nearest
}

describe('f16', () => {
  it('widens all 65,536 patterns as the engine does', () => {
    const widened = f16ToF32(everyPattern)
    for (let bits = 0; bits < 65536; bits++) {
      expect(Object.is(widened[bits], nativeValues[bits]) && Object.is(f16ToNumber(bits), nativeValues[bits])).toBe(
        true,
      )
    }
  })

  it('gives all 65,536 patterns back, NaN payloads included', () => {
    expect(f32ToF16(f16ToF32(everyPattern))).toEqual(everyPattern)
  })

  it('narrows every value, every midpoint and their neighbours as the engine does', () => {
    for (let bits = 0; bits < 0x7bff; bits++) {
      const value = f16ToNumber(bits)
      const middle = (value + f16ToNumber(bits + 1)) / 2
      for (const tried of [value, middle, middle * (1 - 2 ** -50), middle * (1 + 2 ** -50), -middle]) {
        if (numberToF16(tried) !== nativeF16(tried)) expect.fail(`${tried}: ${numberToF16(tried)} ${nativeF16(tried)}`)
      }
      const neighbours = Float32Array.of(middle, middle * (1 - 2 ** -23), middle * (1 + 2 ** -23), -middle)
      const expected = Array.from(neighbours, nativeF16)
      expect(Array.from(f32ToF16(neighbours))).toEqual(expected)
    }
  })

  it('narrows the ends of the range as the engine does', () => {
    const ends = [0, -0, 65504, 65519.99, 65520, 1e300, Infinity, -Infinity, 5e-324, 2 ** -25, 2 ** -25 * 1.001, 1e-40]
    for (const value of ends) {
      expect(numberToF16(value)).toBe(nativeF16(value))
      expect(f32ToF16(Float32Array.of(value))[0]).toBe(nativeF16(Math.fround(value)))
    }
    expect(numberToF16(Number.NaN)).toBe(0x7e00)
  })

  it('narrows random doubles and floats as the engine does', () => {
    const random = new Random(5)
    for (let trial = 0; trial < 4000; trial++) {
      const value = (random.float() - 0.5) * 2 ** random.integer(-30, 20)
      const single = Float32Array.of(value)
      const found = [numberToF16(value), f32ToF16(single)[0]]
      expect(found).toEqual([nativeF16(value), nativeF16(single[0] as number)])
    }
  })
})

describe('bf16', () => {
  it('gives all 65,536 patterns back, NaN payloads included', () => {
    const widened = bf16ToF32(everyPattern)
    expect(f32ToBf16(widened)).toEqual(everyPattern)
    for (let bits = 0; bits < 65536; bits++) {
      const value = bf16ToNumber(bits)
      if (!Object.is(value, widened[bits])) expect.fail(`${bits}`)
      if (value === value && numberToBf16(value) !== bits) expect.fail(`${bits}`)
    }
  })

  it('is the upper half of f32', () => {
    expect(bf16ToNumber(0x3f80)).toBe(1)
    expect(bf16ToNumber(0xc049)).toBe(-3.140625)
    expect(bf16ToNumber(0x0001)).toBe(2 ** -133)
    expect(numberToBf16(Number.NaN)).toBe(0x7fc0)
  })

  it('rounds to nearest, ties to even, once', () => {
    const random = new Random(6)
    for (let trial = 0; trial < 20000; trial++) {
      const bits = random.integer(0, 0x7f80)
      const middle = bf16ToNumber(bits) + (bf16ToNumber(bits & 0x7f80) || 2 ** -126) * 2 ** -8
      for (const value of [
        middle,
        -middle,
        middle * (1 + 2 ** -45),
        middle * (1 - 2 ** -45),
        middle * random.float(),
      ]) {
        if (numberToBf16(value) !== nearestBf16(value)) expect.fail(`${value}`)
        const single = Math.fround(value)
        if (f32ToBf16(Float32Array.of(single))[0] !== nearestBf16(single)) expect.fail(`${single}`)
      }
    }
    expect(f32ToBf16(Float32Array.of(3.4e38, Infinity, -3.4e38, -0))).toEqual(
      Uint16Array.of(0x7f80, 0x7f80, 0xff80, 0x8000),
    )
  })
})

describe('conversions of arrays', () => {
  it('refuse a target of another length', () => {
    expect(() => f16ToF32(new Uint16Array(3), new Float32Array(2))).toThrow('Expected 3 elements')
    expect(() => f32ToBf16(new Float32Array(3), new Uint16Array(4))).toThrow('Expected 3 elements')
  })
})

describe('roundHalfToEven', () => {
  it('takes ties to the even neighbour', () => {
    const values = [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.4999999, 126.5, 127.5, -127.5]
    expect(values.map((value) => roundHalfToEven(value) + 0)).toEqual([-2, -2, 0, 0, 2, 2, 2, 126, 128, -128])
  })
})
