import { describe, expect, it } from 'vitest'
import { Random } from '../base/random.ts'
import { dequantizeGgml } from './ggml-dequantize.ts'
import { errorOf, goldenBytes } from './ggml-golden-harness.ts'
import { randomGgmlBlocks } from './ggml-harness.ts'
import { quantizeGgml } from './ggml-quantize.ts'
import { repackedDTypes, repackGgml } from './ggml-repack.ts'
import { ggmlBytes } from './ggml.ts'
import { matrixBytes, matrixFloats } from './matrix.ts'
import { blockIntegers, checkPackedMatrix, packedBytes, unpackMatrix } from './packed.ts'

const types = ['Q4_0', 'Q8_0'] as const

function normalRows(type: (typeof types)[number], rows: number, columns: number): Uint8Array {
  const random = new Random(51)
  return quantizeGgml(
    type,
    Float32Array.from({ length: rows * columns }, () => random.normal()),
  )
}

/** Equal as numbers: 0 and -0 are. */
function equalNumbers(left: Float32Array, right: Float32Array): boolean {
  return left.length === right.length && left.every((value, index) => value === right[index])
}

describe.each(types)('%s', (type) => {
  const dtype = repackedDTypes[type]

  it.each([1, 7, 8, 9, 21])('keeps every value of %i rows', (rows) => {
    const bytes = normalRows(type, rows, 96)
    const packed = repackGgml(type, bytes, rows, 96)
    checkPackedMatrix(packed, dtype, rows, 96)
    expect(equalNumbers(unpackMatrix(packed, dtype, rows, 96), dequantizeGgml(type, bytes))).toBe(true)
  })

  it('keeps the values of the reference, blocks of zeros with a scale of -0 among them', () => {
    const bytes = goldenBytes(`${type}.bytes`)
    const packed = repackGgml(type, bytes, 4, 256)
    checkPackedMatrix(packed, dtype, 4, 256)
    expect(equalNumbers(unpackMatrix(packed, dtype, 4, 256), dequantizeGgml(type, bytes))).toBe(true)
  })

  it('keeps the values of any bits, as long as scales are finite and no -128 is there', () => {
    const random = new Random(52)
    for (let trial = 0; trial < 50; trial++) {
      const rows = random.integer(1, 12)
      const block = ggmlBytes(type, 32)
      const bytes = Uint8Array.from({ length: rows * 2 * block }, () => random.integer(0, 256))
      for (let at = 0; at < bytes.length; at += block) {
        for (let inside = 2; inside < block; inside++) {
          if (type === 'Q8_0' && bytes[at + inside] === 0x80) bytes[at + inside] = 0x81
        }
        // Scales of all sizes and both signs; every fourth is subnormal.
        const exponent = random.integer(0, 4) === 0 ? 0 : random.integer(0, 31)
        bytes[at + 1] = (random.integer(0, 2) << 7) | (exponent << 2) | random.integer(0, 4)
      }
      const packed = repackGgml(type, bytes, rows, 64)
      expect(equalNumbers(unpackMatrix(packed, dtype, rows, 64), dequantizeGgml(type, bytes))).toBe(true)
    }
  })

  it('gives slabs the bytes that they have within the whole', () => {
    const rows = 21
    const bytes = normalRows(type, rows, 64)
    const row = ggmlBytes(type, 64)
    const slab = repackGgml(type, bytes.subarray(8 * row), rows - 8, 64)
    expect(slab).toEqual(repackGgml(type, bytes, rows, 64).subarray(packedBytes(dtype, 8, 64)))
  })

  it.each([1, 2, 3])('takes bytes %i off any alignment', (shift) => {
    const bytes = normalRows(type, 9, 64)
    const whole = repackGgml(type, bytes, 9, 64)
    const shifted = new Uint8Array(bytes.length + shift)
    shifted.set(bytes, shift)
    const target = new Uint8Array(whole.length + shift).subarray(shift)
    expect(repackGgml(type, shifted.subarray(shift), 9, 64, { target })).toEqual(whole)
  })

  it('overwrites all of a target that was used before', () => {
    const bytes = normalRows(type, 3, 64)
    const target = new Uint8Array(packedBytes(dtype, 3, 64)).fill(0xa5)
    expect(repackGgml(type, bytes, 3, 64, { target })).toBe(target)
    expect(target).toEqual(repackGgml(type, bytes, 3, 64))
    checkPackedMatrix(target, dtype, 3, 64)
  })

  it('refuses wrong lengths and scales that are not finite', () => {
    const bytes = normalRows(type, 2, 64)
    expect(errorOf(() => repackGgml(type, bytes, 3, 64)).code).toBe('shape')
    expect(errorOf(() => repackGgml(type, bytes, 2, 48)).code).toBe('shape')
    expect(errorOf(() => repackGgml(type, bytes, 2, 64, { target: new Uint8Array(8) })).code).toBe('shape')
    const block = ggmlBytes(type, 32)
    bytes.set([0x00, 0x7c], 3 * block)
    const error = errorOf(() => repackGgml(type, bytes, 2, 64, { place: 'blk.0.attn_qkv.weight' }))
    expect(error.code).toBe('invalid-file')
    expect(error.message).toMatch(/^blk\.0\.attn_qkv\.weight .* block 3,/)
  })
})

describe.each(['Q4_K', 'Q5_K', 'Q6_K'] as const)('%s', (type) => {
  const dtype = repackedDTypes[type]
  const rowBytes = ggmlBytes(type, 512)
  const randomRows = (rows: number): Uint8Array => randomGgmlBlocks(new Random(53), type, rows * rowBytes)

  it.each([1, 7, 8, 9, 21])('keeps every value of %i rows', (rows) => {
    const bytes = randomRows(rows)
    const packed = repackGgml(type, bytes, rows, 512)
    expect(packed.length).toBe(matrixBytes(dtype, rows, 512))
    expect(equalNumbers(matrixFloats(packed, dtype, rows, 512), dequantizeGgml(type, bytes))).toBe(true)
  })

  it('gives slabs the bytes that they have within the whole, at any alignment, in a target that was used before', () => {
    const bytes = randomRows(21)
    const whole = repackGgml(type, bytes, 21, 512)
    const start = matrixBytes(dtype, 8, 512)
    for (const shift of [0, 1, 2, 3]) {
      const shifted = new Uint8Array(13 * rowBytes + shift)
      shifted.set(bytes.subarray(8 * rowBytes), shift)
      const target = new Uint8Array(whole.length - start + shift).fill(0xa5).subarray(shift)
      expect(repackGgml(type, shifted.subarray(shift), 13, 512, { target })).toEqual(whole.subarray(start))
    }
  })
})

describe('what our 8-bit groups cannot hold', () => {
  const block = (scale: number, first: number): Uint8Array => {
    const bytes = new Uint8Array(34)
    bytes.set([scale & 255, scale >> 8, first, 1])
    return bytes
  }

  it('-128 is refused', () => {
    const bytes = new Uint8Array([...block(0x3c00, 5), ...block(0x3c00, 0x80)])
    const error = errorOf(() => repackGgml('Q8_0', bytes, 2, 32))
    expect(error.code).toBe('not-supported')
    expect(error.found).toBe('-128 in row 1, block 0 (Q8_0)')
  })

  it('-128 with a scale of zero is a zero', () => {
    for (const zero of [0, 0x8000]) {
      const bytes = block(zero, 0x80)
      const packed = repackGgml('Q8_0', bytes, 1, 32)
      expect(packed.every((byte) => byte === 0)).toBe(true)
    }
  })

  it('a negative scale changes sides with its integers', () => {
    const { integers, scales } = blockIntegers(repackGgml('Q8_0', block(0xbc00, 0x81), 1, 32), 'q8g32', 1, 32)
    expect([scales[0], integers[0], integers[1]]).toEqual([1, 127, -1])
  })

  it('a subnormal scale keeps its value, though no packer of ours writes it', () => {
    const packed = repackGgml('Q8_0', block(0x0003, 100), 1, 32)
    expect(unpackMatrix(packed, 'q8g32', 1, 32)[0]).toBe(300 * 2 ** -24)
    expect(errorOf(() => checkPackedMatrix(packed, 'q8g32', 1, 32)).code).toBe('invalid-file')
  })
})
