import { describe, expect, it } from 'vitest'
import { Random } from '../base/random.ts'
import { dequantizeGgml } from './ggml-dequantize.ts'
import { differences, errorOf, goldenBytes, goldenFloats } from './ggml-golden-harness.ts'
import { checkGgmlBlocks, ggmlBytes, ggmlNumbers, ggmlTypeOf, ggmlTypes, type GgmlType } from './ggml.ts'
import { f16ToNumber } from './half.ts'

const smallTypes: readonly GgmlType[] = ['Q4_0', 'Q4_1', 'Q5_0', 'Q5_1', 'Q8_0']
const largeTypes: readonly GgmlType[] = ['Q2_K', 'Q3_K', 'Q4_K', 'Q5_K', 'Q6_K']

/** Bytes of a block whose two nibbles belong to different elements: [first, end). */
const nibbleBytes: readonly (readonly [GgmlType, number, number])[] = [
  ['Q4_0', 2, 18],
  ['Q4_1', 4, 20],
  ['Q5_0', 6, 22],
  ['Q5_1', 8, 24],
  ['Q4_K', 16, 144],
  ['Q5_K', 48, 176],
  ['Q6_K', 0, 128],
]

/** Blocks with values of the reference: row 1 of the fixture, or two blocks of arbitrary bits. */
function reference(type: GgmlType): { bytes: Uint8Array; values: Float32Array } {
  if (largeTypes.includes(type)) {
    return { bytes: goldenBytes(`${type}.random_bytes`), values: goldenFloats(`${type}.random_dequantised`) }
  }
  const bytes = goldenBytes(`${type}.bytes`)
  const row = ggmlBytes(type, 256)
  const whole = bytes.length === row ? bytes : bytes.slice(row, 2 * row)
  return { bytes: whole, values: goldenFloats(`${type}.dequantised`) }
}

function randomBytes(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.integer(0, 256))
}

describe('the table of types', () => {
  it('has the numbers and sizes of GGUF', () => {
    const found = ggmlTypes.map((type) => {
      const { id, blockLength, blockBytes } = ggmlTypeOf(type)
      return `${type} ${id} ${blockLength} ${blockBytes}`
    })
    expect(found).toEqual([
      'F32 0 1 4',
      'F16 1 1 2',
      'Q4_0 2 32 18',
      'Q4_1 3 32 20',
      'Q5_0 6 32 22',
      'Q5_1 7 32 24',
      'Q8_0 8 32 34',
      'Q2_K 10 256 84',
      'Q3_K 11 256 110',
      'Q4_K 12 256 144',
      'Q5_K 13 256 176',
      'Q6_K 14 256 210',
      'BF16 30 1 2',
    ])
    expect(ggmlNumbers.size).toBe(13)
    expect(ggmlNumbers.get(14)).toBe('Q6_K')
    expect(ggmlNumbers.get(4)).toBeUndefined()
  })

  it('counts the bytes of whole blocks', () => {
    expect(ggmlBytes('Q4_K', 3072)).toBe(12 * 144)
    expect(ggmlBytes('F32', 7)).toBe(28)
    expect(errorOf(() => ggmlBytes('Q4_K', 3104)).message).toContain('a multiple of 256')
    expect(errorOf(() => ggmlBytes('Q8_0', -32)).code).toBe('shape')
  })
})

describe('dequantizeGgml', () => {
  it.each([...smallTypes, ...largeTypes, 'F16', 'BF16'] as const)('%s gives the bits of the reference', (type) => {
    const { bytes, values } = reference(type)
    expect(differences(dequantizeGgml(type, bytes), values)).toBe(0)
    const unaligned = new Uint8Array(bytes.length + 3)
    unaligned.set(bytes, 3)
    const into = new Float32Array(values.length)
    expect(dequantizeGgml(type, unaligned.subarray(3), into)).toBe(into)
    expect(differences(into, values)).toBe(0)
  })

  it('F32 copies the numbers of a file, at any alignment', () => {
    const values = goldenFloats('input')
    const bytes = new Uint8Array(values.length * 4 + 1)
    bytes.set(goldenBytes('input'), 1)
    expect(differences(dequantizeGgml('F32', bytes.subarray(1)), values)).toBe(0)
  })

  it.each(nibbleBytes)('%s with its nibbles in the wrong order is noticed', (type, first, end) => {
    const { bytes, values } = reference(type)
    const { blockBytes } = ggmlTypeOf(type)
    const swapped = bytes.map((byte, index) => {
      const inside = index % blockBytes
      return inside >= first && inside < end ? (byte >>> 4) | (byte << 4) : byte
    })
    expect(differences(dequantizeGgml(type, swapped), values)).toBeGreaterThan(values.length / 2)
  })

  it.each([...smallTypes, ...largeTypes])('%s uses every bit of a block', (type) => {
    const { bytes, values } = reference(type)
    const { blockLength, blockBytes } = ggmlTypeOf(type)
    // A bit may be idle where a scale is zero, but not at the same place in all blocks.
    const idle = new Set(Array.from({ length: 8 * blockBytes }, (_, bit) => bit))
    for (let block = 0; block * blockBytes < bytes.length; block++) {
      const own = bytes.slice(block * blockBytes, (block + 1) * blockBytes)
      const expected = values.subarray(block * blockLength, (block + 1) * blockLength)
      for (const bit of idle) {
        const flipped = own.slice()
        flipped[bit >> 3] = (own[bit >> 3] as number) ^ (1 << (bit & 7))
        if (differences(dequantizeGgml(type, flipped), expected) > 0) idle.delete(bit)
      }
    }
    expect([...idle]).toEqual([])
  })

  it('reads a block of Q5_1 that was written by hand', () => {
    const bytes = new Uint8Array(24)
    // 0.5 and -2; elements 0, 15, 16 and 31 have their fifth bits.
    bytes.set([0x00, 0x38, 0x00, 0xc0, 0x01, 0x80, 0x01, 0x80, 0x21])
    const values = dequantizeGgml('Q5_1', bytes)
    expect([...values.subarray(0, 2), ...values.subarray(15, 18), values[31]]).toEqual([6.5, -2, 6, 7, -2, 6])
  })

  it('reads groups 0 and 5 of a block of Q4_K that was written by hand', () => {
    const bytes = new Uint8Array(144)
    bytes.set([0x00, 0x3c, 0x00, 0x38])
    // Scale 33 and minimum 3 of group 0; scale 0b10_0101 and minimum 0b01_1010 of group 5.
    bytes.set([33, 0b10_000000, 0, 0, 3, 0b01_000000, 0, 0, 0, 0b1010_0101], 4)
    bytes[16 + 7] = 0x0c
    bytes[16 + 64 + 9] = 0xb0
    const values = dequantizeGgml('Q4_K', bytes)
    expect([values[0], values[7], values[160], values[169]]).toEqual([-1.5, 33 * 12 - 1.5, -13, 37 * 11 - 13])
  })

  it('refuses bytes and targets that do not fit', () => {
    expect(errorOf(() => dequantizeGgml('Q4_0', new Uint8Array(17))).code).toBe('shape')
    expect(errorOf(() => dequantizeGgml('Q4_0', new Uint8Array(18), new Float32Array(33))).code).toBe('shape')
    expect(dequantizeGgml('Q6_K', new Uint8Array(0))).toEqual(new Float32Array(0))
  })
})

describe('checkGgmlBlocks', () => {
  it.each(ggmlTypes)('%s: random bytes pass if and only if all their values are finite', (type) => {
    const random = new Random(31)
    const { blockBytes, blockLength } = ggmlTypeOf(type)
    let broken = 0
    for (let trial = 0; trial < 400; trial++) {
      const bytes = randomBytes(random, 3 * blockBytes)
      // Only half of the trials have exponents that are all ones, wherever the scales are.
      if (trial % 2 === 0)
        for (let at = 0; at < bytes.length; at++) if (((bytes[at] as number) & 0x7c) === 0x7c) bytes[at] = 1
      const values = dequantizeGgml(type, bytes)
      const place = values.findIndex((value) => !Number.isFinite(value))
      if (place < 0) {
        checkGgmlBlocks(type, bytes, 'a tensor')
      } else {
        broken += 1
        const error = errorOf(() => checkGgmlBlocks(type, bytes, 'a tensor', 100))
        expect(error.code).toBe('invalid-file')
        const block = 100 + Math.floor(place / blockLength)
        expect(error.message).toMatch(new RegExp(`^a tensor .* ${blockLength === 1 ? 'element' : 'block'} ${block}\\b`))
      }
    }
    expect(broken).toBeGreaterThan(0)
    expect(broken).toBeLessThan(400)
  })

  it.each(['Q4_0', 'Q4_1', 'Q5_0', 'Q5_1', 'Q8_0', 'Q2_K', 'Q3_K', 'Q4_K', 'Q5_K', 'Q6_K', 'F16'] as const)(
    '%s: infinity, minus infinity and NaN in any scale are found',
    (type) => {
      const { blockBytes, scales } = ggmlTypeOf(type)
      for (const at of scales) {
        for (const bits of [0x7c00, 0xfc00, 0x7e01]) {
          const bytes = new Uint8Array(3 * blockBytes)
          checkGgmlBlocks(type, bytes, 'x')
          bytes.set([bits & 255, bits >> 8], 2 * blockBytes + at)
          expect(errorOf(() => checkGgmlBlocks(type, bytes, 'x')).message).toContain('2')
          expect(dequantizeGgml(type, bytes).some((value) => !Number.isFinite(value))).toBe(true)
        }
      }
    },
  )

  it('lets the greatest finite scales pass, and their values are finite', () => {
    for (const type of ggmlTypes.filter((name) => name.startsWith('Q'))) {
      const { blockBytes, scales } = ggmlTypeOf(type)
      const bytes = new Uint8Array(blockBytes).fill(0xff)
      for (const at of scales) bytes.set([0xff, 0x7b], at)
      checkGgmlBlocks(type, bytes, 'x')
      expect(dequantizeGgml(type, bytes).every(Number.isFinite)).toBe(true)
    }
    expect(f16ToNumber(0x7bff)).toBe(65504)
  })

  it('refuses torn blocks', () => {
    expect(errorOf(() => checkGgmlBlocks('Q6_K', new Uint8Array(209), 'x')).code).toBe('shape')
  })
})
