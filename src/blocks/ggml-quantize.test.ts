import { describe, expect, it } from 'vitest'
import { Random } from '../base/random.ts'
import { dequantizeGgml } from './ggml-dequantize.ts'
import { errorOf, goldenBytes, goldenFloats, squaredError } from './ggml-golden-harness.ts'
import { quantizeGgml, type GgmlQuantizedType } from './ggml-quantize.ts'
import { checkGgmlBlocks, ggmlTypeOf } from './ggml.ts'

const exactTypes = ['Q4_0', 'Q4_1', 'Q5_0', 'Q5_1', 'Q8_0'] as const
const searchedTypes = ['Q4_K', 'Q5_K', 'Q6_K'] as const
const allTypes: readonly GgmlQuantizedType[] = ['F32', 'F16', 'BF16', ...exactTypes, ...searchedTypes]

function normalValues(seed: number, length: number, scale = 0.02): Float32Array {
  const random = new Random(seed)
  return Float32Array.from({ length }, () => random.normal() * scale)
}

function restored(type: GgmlQuantizedType, values: Float32Array): Float32Array {
  const bytes = quantizeGgml(type, values)
  checkGgmlBlocks(type, bytes, type)
  return dequantizeGgml(type, bytes)
}

describe('the formats that ggml rounds', () => {
  it.each(exactTypes)('%s has the bytes of the reference', (type) => {
    expect(quantizeGgml(type, goldenFloats('input'))).toEqual(goldenBytes(`${type}.bytes`))
  })

  it.each(['F16', 'BF16'] as const)('%s has the bytes of the reference', (type) => {
    expect(quantizeGgml(type, goldenFloats('input').subarray(256, 512))).toEqual(goldenBytes(`${type}.bytes`))
  })

  it('F32 is a copy', () => {
    expect(quantizeGgml('F32', goldenFloats('input'))).toEqual(goldenBytes('input'))
  })

  it('rounds the sum of a product once in Q4_0 and Q5_0', () => {
    for (const [type, divisor, middle] of [
      ['Q4_0', -8, 8.5],
      ['Q5_0', -16, 16.5],
    ] as const) {
      const random = new Random(41)
      let told = 0
      for (let trial = 0; trial < 20000; trial++) {
        const values = new Float32Array(32)
        // Few significant bits, as of weights that have been bf16: ties are common.
        values[0] = random.integer(128, 256)
        values[1] = random.integer(-127, 128)
        const inverse = Math.fround(1 / Math.fround(values[0] / divisor))
        const product = values[1] * inverse
        const once = Math.min(2 * middle - 2, Math.trunc(Math.fround(product + middle)))
        const twice = Math.min(2 * middle - 2, Math.trunc(Math.fround(Math.fround(product) + middle)))
        if (once !== twice) told += 1
        const place = type === 'Q4_0' ? 3 : 7
        expect((quantizeGgml(type, values)[place] as number) & 15).toBe(once & 15)
      }
      expect(told).toBeGreaterThan(0)
    }
  })

  it('Q8_0 takes ties away from zero and reaches 127 on both sides', () => {
    const values = new Float32Array(32)
    values.set([127, 0.5, -0.5, 1.5, -1.5, 2.4999998, -127, 126.5])
    const integers = new Int8Array(quantizeGgml('Q8_0', values).buffer, 2, 8)
    expect([...integers]).toEqual([127, 1, -1, 2, -2, 2, -127, 127])
  })

  it.each(exactTypes)('%s makes zeros of values whose scale is zero in f16, the same bytes everywhere', (type) => {
    for (const tiny of [1e-12, 1e-39, 2 ** -149]) {
      const values = normalValues(42, 32, tiny)
      expect(restored(type, values).every((value) => value === 0)).toBe(true)
      expect(quantizeGgml(type, values)).toEqual(quantizeGgml(type, values))
    }
  })
})

describe('the formats that are searched', () => {
  it.each(searchedTypes)(
    '%s has no more squared error than the reference, and at most 8 of 100 more in a row',
    (type) => {
      const values = goldenFloats('input')
      const ours = restored(type, values)
      const theirs = dequantizeGgml(type, goldenBytes(`${type}.bytes`))
      const ratios = [0, 256, 512, 768].map((row) => {
        const part = values.subarray(row, row + 256)
        return squaredError(ours.subarray(row, row + 256), part) / squaredError(theirs.subarray(row, row + 256), part)
      })
      expect(Math.max(...ratios)).toBeLessThan(1.08)
      expect(ratios.reduce((sum, ratio) => sum + ratio, 0)).toBeLessThan(4)
    },
  )

  it.each([
    ['Q4_K', 0.0053],
    ['Q5_K', 0.00135],
    ['Q6_K', 0.00031],
  ] as const)('%s keeps normal values to a relative squared error of %d', (type, limit) => {
    const values = normalValues(43, 256 * 64)
    const ratio = squaredError(restored(type, values), values) / squaredError(new Float32Array(values.length), values)
    expect(ratio).toBeLessThan(limit)
    expect(ratio).toBeGreaterThan(limit / 2)
  })

  it.each([
    ['Q4_K', 16],
    ['Q5_K', 48],
    ['Q6_K', 0],
  ] as const)('%s chooses the nearest integers for the scales that it stores', (type, nibbles) => {
    const values = normalValues(44, 256)
    const bytes = quantizeGgml(type, values)
    const least = squaredError(dequantizeGgml(type, bytes), values)
    for (let at = nibbles; at < nibbles + 128; at++) {
      for (const bit of [1, 2, 4, 8, 16, 32, 64, 128]) {
        const other = bytes.slice()
        other[at] = (bytes[at] as number) ^ bit
        expect(squaredError(dequantizeGgml(type, other), values)).toBeGreaterThanOrEqual(least)
      }
    }
  })

  it.each(searchedTypes)('%s is nearly exact for its own values', (type) => {
    const values = dequantizeGgml(type, goldenBytes(`${type}.random_bytes`))
    const error = squaredError(restored(type, values), values)
    expect(error / squaredError(new Float32Array(values.length), values)).toBeLessThan(type === 'Q4_K' ? 2e-3 : 5e-4)
  })

  it.each(searchedTypes)('%s copes with rows of every kind', (type) => {
    const random = new Random(45)
    const kinds: readonly ((index: number) => number)[] = [
      () => 0,
      () => 0.37,
      () => -0.37,
      (index) => (index === 77 ? -3 : 0),
      (index) => (index < 32 ? 100 : 0.01) * random.normal(),
      () => 5 + random.float(),
      () => -5 - random.float(),
      () => (random.float() < 0.5 ? 1 : -1),
      () => Math.exp(random.normal()),
      (index) => index,
      () => random.normal() * 30000,
    ]
    for (const kind of kinds) {
      const values = Float32Array.from({ length: 256 }, (_, index) => kind(index))
      const error = squaredError(restored(type, values), values)
      expect(error).toBeLessThanOrEqual(0.006 * squaredError(new Float32Array(256), values))
    }
  })

  it.each(searchedTypes)('%s fades to zero where its scales leave f16', (type) => {
    for (const scale of [1e-7, 1e-9, 1e-20, 1e-40]) {
      const values = normalValues(46, 256, scale)
      expect(squaredError(restored(type, values), values)).toBeLessThanOrEqual(
        1.1 * squaredError(new Float32Array(256), values),
      )
    }
  })
})

describe('quantizeGgml', () => {
  it.each(allTypes)('%s gives rows the bytes that they have within a matrix, and clears its target', (type) => {
    const values = normalValues(47, 5 * 256)
    const whole = quantizeGgml(type, values)
    const row = whole.length / 5
    const into = new Uint8Array(row).fill(0xff)
    expect(quantizeGgml(type, values.subarray(512, 768), into)).toBe(into)
    expect(into).toEqual(whole.subarray(2 * row, 3 * row))
  })

  it.each(allTypes)('%s refuses NaN, infinities, torn blocks and targets that do not fit', (type) => {
    const { blockLength, blockBytes } = ggmlTypeOf(type)
    for (const wrong of [NaN, Infinity, -Infinity]) {
      const values = new Float32Array(3 * blockLength)
      values[blockLength] = wrong
      const error = errorOf(() => quantizeGgml(type, values))
      expect([error.code, error.found]).toEqual(['invalid-argument', `${wrong} at element ${blockLength}`])
    }
    expect(errorOf(() => quantizeGgml(type, new Float32Array(blockLength), new Uint8Array(blockBytes + 1))).code).toBe(
      'shape',
    )
    if (blockLength > 1) expect(errorOf(() => quantizeGgml(type, new Float32Array(blockLength - 1))).code).toBe('shape')
  })

  it.each(allTypes.filter((type) => type !== 'F32'))('%s refuses values beyond its scales', (type) => {
    const values = new Float32Array(ggmlTypeOf(type).blockLength).fill(-3.4e38)
    expect(errorOf(() => quantizeGgml(type, values)).code).toBe('invalid-argument')
  })
})
