import { describe, expect, test } from 'vitest'
import { blockParts, isKDType, type BlockDType, type KDType, type PanelDType } from '../../base/dtype.ts'
import { present } from '../../base/errors.ts'
import { Random } from '../../base/random.ts'
import { randomGgmlBlocks } from '../../blocks/ggml-harness.ts'
import { quantizeGgml } from '../../blocks/ggml-quantize.ts'
import { repackGgml } from '../../blocks/ggml-repack.ts'
import { ggmlBytes } from '../../blocks/ggml.ts'
import { kTypes } from '../../blocks/k-panels.ts'
import { activationGroup, matrixFloats, matrixGroups } from '../../blocks/matrix.ts'
import { packIntegers, packMatrix, quantizeActivations, rowRange } from '../../blocks/packed.ts'
import { instantiate, kernelBuilds, type KernelHarness } from './kernel-harness.ts'
import { matmulWorkspaceBytes, packedWorkspaceBytes, quantizedBytes, tileTokens } from './workspace.ts'

const blockDTypes: readonly BlockDType[] = ['q4g32', 'q4g64', 'q4g128', 'q8g32', 'q8g64', 'q8g128']
const kDTypes: readonly KDType[] = ['q4k', 'q5k', 'q6k']
const dtypes: readonly PanelDType[] = [...blockDTypes, ...kDTypes]
const slack = 3

/** The words that tell kernels the format. */
function formatWords(dtype: PanelDType): [bits: number, group: number] {
  return [isKDType(dtype) ? Number(dtype[1]) : blockParts(dtype).bits, activationGroup(dtype)]
}

interface Packed {
  readonly dtype: PanelDType
  readonly n: number
  readonly k: number
  readonly bytes: Uint8Array
}

/** Every integer of the format in use, the extremes often; scales of both signs and zero. */
function randomPacked(random: Random, dtype: PanelDType, n: number, k: number): Packed {
  if (isKDType(dtype)) {
    const type = kTypes[dtype]
    const rows = randomGgmlBlocks(random, type, n * ggmlBytes(type, k))
    return { dtype, n, k, bytes: repackGgml(type, rows, n, k) }
  }
  const { bits, group } = blockParts(dtype)
  const [low, high] = bits === 4 ? [-8, 7] : [-127, 127]
  const integers = Int8Array.from({ length: n * k }, () =>
    random.float() < 0.2 ? random.pick([low, high]) : random.integer(low, high + 1),
  )
  const scales = Float32Array.from({ length: (n * k) / group }, () => {
    const magnitude = random.float() < 0.1 ? 0 : 0.001 + random.float() * 0.02
    return bits === 4 && random.float() < 0.5 ? -magnitude : magnitude
  })
  return { dtype, n, k, bytes: packIntegers(integers, scales, n, k, dtype) }
}

/** The largest integers that there are, or the least. */
function equalWeights(value: number, dtype: PanelDType, n: number, k: number): Packed {
  const values = new Float32Array(n * k).fill(value)
  const bytes = isKDType(dtype)
    ? repackGgml(kTypes[dtype], quantizeGgml(kTypes[dtype], values), n, k)
    : packMatrix(values, n, k, dtype)
  return { dtype, n, k, bytes }
}

function randomActivations(random: Random, m: number, k: number, zeros = 0.1): Float32Array {
  return Float32Array.from({ length: m * k }, () => (random.float() < zeros ? 0 : random.normal()))
}

/** Rows with `slack` elements of 7 behind each, so that a stride that is ignored shows. */
function strided(x: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(rows * (columns + slack)).fill(7)
  for (let row = 0; row < rows; row++) out.set(x.subarray(row * columns, (row + 1) * columns), row * (columns + slack))
  return out
}

function dense(x: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(rows * columns)
  for (let row = 0; row < rows; row++) {
    const start = row * (columns + slack)
    out.set(x.subarray(start, start + columns), row * columns)
    for (let at = start + columns; at < start + columns + slack; at++) expect(x[at]).toBe(7)
  }
  return out
}

function bitsOf(values: Float32Array): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.length)
}

function expectSameBits(found: Float32Array, expected: Float32Array, what: string): void {
  const [left, right] = [bitsOf(found), bitsOf(expected)]
  const index = left.findIndex((bits, at) => bits !== right[at])
  if (index !== -1 || left.length !== right.length) {
    expect.fail(`${what}: ${found[index]} instead of ${expected[index]} at ${index} of ${left.length}`)
  }
}

function quantize(
  harness: KernelHarness,
  x: Float32Array,
  m: number,
  k: number,
  group: number,
  tile: number,
  threads: number,
): number {
  const out = harness.alloc(quantizedBytes(m, k, group, tile))
  harness.call('quantizeRows', [harness.put(strided(x, m, k)), out, m, k, k + slack, group, tile], threads)
  return out
}

/** Ways to multiply that change no bit. */
interface Tiles {
  readonly wide?: boolean
  readonly paired?: boolean
}

function multiply(
  harness: KernelHarness,
  x: Float32Array,
  m: number,
  weights: Packed,
  threads = 1,
  { wide = false, paired = false }: Tiles = {},
): Float32Array {
  harness.reset()
  const [bits, group] = formatWords(weights.dtype)
  const { n, k } = weights
  const activations = quantize(harness, x, m, k, group, tileTokens(paired), threads)
  const y = harness.put(strided(new Float32Array(m * n), m, n))
  const stride = packedWorkspaceBytes(m, k, wide)
  const words = [activations, harness.put(weights.bytes), y, m, n, k, n + slack, bits, group]
  const tiles = [Number(wide), Number(paired), 0]
  harness.call('matmulPacked', [...words, harness.alloc(stride * threads), stride, ...tiles], threads)
  return dense(harness.f32(y, m * (n + slack)), m, n)
}

function multiplyExact(harness: KernelHarness, x: Float32Array, m: number, weights: Packed, threads = 1): Float32Array {
  harness.reset()
  const [bits, group] = formatWords(weights.dtype)
  const { n, k } = weights
  const y = harness.put(strided(new Float32Array(m * n), m, n))
  const stride = matmulWorkspaceBytes()
  const pointers = [harness.put(strided(x, m, k)), harness.put(weights.bytes), y]
  const words = [...pointers, m, n, k, k + slack, n + slack, bits, group, harness.alloc(stride * threads), stride]
  harness.call('matmulPackedExact', words, threads)
  return dense(harness.f32(y, m * (n + slack)), m, n)
}

/**
 * The definition, in the order of the groups. With `fused`, to the rounding of f64 what a fused multiply-add gives; of formats with
 * offsets or scales of scales, which are rounded by block, only near it.
 */
function oracle(x: Float32Array, m: number, weights: Packed, fused: boolean): Float32Array {
  const { n, k, dtype } = weights
  const shared = activationGroup(dtype)
  const { group, ...w } = matrixGroups(weights.bytes, dtype, n, k)
  const blocks = k / group
  const a = quantizeActivations(x, m, k, shared)
  const y = new Float32Array(m * n)
  for (let token = 0; token < m; token++) {
    for (let row = 0; row < n; row++) {
      let sum = 0
      for (let block = 0; block < blocks; block++) {
        let [dot, total] = [0, 0]
        const [left, right] = [token * k + block * group, row * k + block * group]
        for (let i = 0; i < group; i++) {
          dot += (a.integers[left + i] as number) * (w.integers[right + i] as number)
          total += a.integers[left + i] as number
        }
        const scale = a.scales[Math.floor(left / shared)] as number
        if (isKDType(dtype)) {
          const offset = w.offsets?.[row * blocks + block] ?? 0
          sum += (dot * (w.scales[row * blocks + block] as number) - total * offset) * scale
          continue
        }
        const product = dot * Math.fround(scale * (w.scales[row * blocks + block] as number))
        sum = Math.fround(sum + (fused ? product : Math.fround(product)))
      }
      y[token * n + row] = sum
    }
  }
  return y
}

/** Relative to the largest magnitude of y, which one badly rounded term cannot exceed. */
function largestError(found: Float32Array, expected: Float32Array): number {
  const scale = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1e-30)
  return found.reduce((largest, value, at) => Math.max(largest, Math.abs(value - (expected[at] as number))), 0) / scale
}

const rowCounts = [1, 7, 8, 9, 15, 16, 17, 41]

describe.each(kernelBuilds)('packed kernels $build, threads $threads', ({ build, threads }) => {
  const harness = instantiate(build, threads)

  test('quantizeRows has the bits of its definition, in panels of one token or of a tile', () => {
    const random = new Random(11)
    for (let m = 1; m <= 20; m++) {
      for (const [k, group] of [
        [32, 32],
        [192, 64],
        [384, 128],
        [96, 32],
        [512, 256],
      ] as const) {
        const x = randomActivations(random, m, k)
        x.fill(0, 0, group)
        for (let at = k; at < k + group && m > 1; at++) x[at] = random.pick([0, 1e-42, -2e-38])
        x[k - 1] = random.pick([1e-42, -3e38, 2 ** -130, 0.5])
        harness.reset()
        const tile = tileTokens(m % 2 === 0)
        const pointers = [1, 2, 3, 4].map((count) => quantize(harness, x, m, k, group, tile, count))
        const bytes = pointers.map((pointer) => harness.bytes(pointer, quantizedBytes(m, k, group, tile)).slice())
        expect(bytes[0]).toEqual(layOut(x, m, k, group, tile))
        for (const other of bytes) expect(other).toEqual(bytes[0])
      }
    }
  })

  test.each(blockDTypes)('matmulPacked %s: the integers are exact in every build', (dtype) => {
    const random = new Random(5)
    const { group } = blockParts(dtype)
    for (const m of [1, 3, 4, 5, 6, 7, 12, 13]) {
      const weights = randomPacked(random, dtype, 17, group)
      const x = randomActivations(random, m, group, 0.02)
      // Steps of exactly 1 / 127 make most activations extreme.
      for (let at = 0; at < x.length; at += 2) x[at] = random.pick([3, -3])
      const expected = oracle(x, m, weights, false)
      expectSameBits(multiply(harness, x, m, weights), expected, `${dtype} m ${m}`)
      for (const wide of [false, true]) {
        const pairs = multiply(harness, x, m, weights, 1, { wide, paired: true })
        expectSameBits(pairs, expected, `${dtype} m ${m}, pairs, wide ${wide}`)
      }
    }
  })

  test.each(dtypes)('matmulPacked %s: sums of pairs hold the largest products', (dtype) => {
    const k = activationGroup(dtype)
    for (const [weight, activation] of [
      [1, 1],
      [1, -1],
      [-1, 1],
      [-1, -1],
    ] as const) {
      const weights = equalWeights(weight, dtype, 8, k)
      for (const m of [1, 2, 4, 8]) {
        const x = new Float32Array(m * k).fill(activation)
        const expected = multiply(harness, x, m, weights)
        expect(largestError(expected, oracle(x, m, weights, build === 'relaxed'))).toBeLessThan(1e-6)
        for (const wide of [false, true]) {
          expectSameBits(multiply(harness, x, m, weights, 1, { wide, paired: true }), expected, `m ${m}, wide ${wide}`)
        }
      }
    }
  })

  test.each(dtypes)(
    'matmulPacked %s: every edge, any threads, and a token alone has the bits it has among others',
    (dtype) => {
      const random = new Random(7)
      const group = activationGroup(dtype)
      for (let m = 1; m <= 20; m++) {
        const n = rowCounts[m % rowCounts.length] as number
        const k = group * random.integer(1, 5)
        const weights = randomPacked(random, dtype, n, k)
        const x = randomActivations(random, m, k)
        const y = multiply(harness, x, m, weights)
        const expected = oracle(x, m, weights, build === 'relaxed')
        if (build === 'baseline' && !isKDType(dtype)) expectSameBits(y, expected, `${dtype} ${m}x${n}x${k}`)
        else expect(largestError(y, expected), `${dtype} ${m}x${n}x${k}`).toBeLessThan(1e-6)
        for (const count of [2, 3, 4]) expectSameBits(multiply(harness, x, m, weights, count), y, `${count} threads`)
        for (const tiles of [{ wide: true }, { paired: true }, { wide: true, paired: true }]) {
          expectSameBits(multiply(harness, x, m, weights, 1, tiles), y, JSON.stringify(tiles))
        }
        const alone = multiply(harness, x.slice((m - 1) * k), 1, weights)
        expectSameBits(alone, y.slice((m - 1) * n), `the last of ${m} tokens alone`)
      }
    },
  )

  test.each(dtypes)('matmulPackedExact %s: one chain of multiply-adds for any m and any threads', (dtype) => {
    const random = new Random(13)
    const group = activationGroup(dtype)
    for (const m of [1, 2, 4, 5, 6, 7, 13, 97]) {
      const n = rowCounts[m % rowCounts.length] as number
      const k = group * random.pick([1, 2, 3, 9])
      const weights = randomPacked(random, dtype, n, k)
      const x = randomActivations(random, m, k)
      const y = multiplyExact(harness, x, m, weights)
      const expected = exactOracle(x, m, weights, build === 'relaxed')
      if (build === 'baseline') expectSameBits(y, expected, `${dtype} ${m}x${n}x${k}`)
      else expect(largestError(y, expected), `${dtype} ${m}x${n}x${k}`).toBeLessThan(1e-6)
      for (const count of [2, 3, 4]) expectSameBits(multiplyExact(harness, x, m, weights, count), y, `${count} threads`)
      expectSameBits(
        multiplyExact(harness, x.slice((m - 1) * k), 1, weights),
        y.slice((m - 1) * n),
        'the last token alone',
      )
    }
  })

  test('matmulPackedExact crosses the blocks of 512 columns and 1024 rows', () => {
    const random = new Random(17)
    const weights = randomPacked(random, 'q4g64', 1027, 576)
    const x = randomActivations(random, 5, 576)
    const expected = exactOracle(x, 5, weights, build === 'relaxed')
    expect(largestError(multiplyExact(harness, x, 5, weights), expected)).toBeLessThan(1e-6)
  })

  test.each(dtypes)('dequantizePacked and embeddingPacked %s give the values exactly', (dtype) => {
    const random = new Random(19)
    const [bits, group] = formatWords(dtype)
    for (const n of rowCounts) {
      const k = group * random.integer(1, 4)
      const weights = randomPacked(random, dtype, n, k)
      const expected = matrixFloats(weights.bytes, dtype, n, k)
      for (const count of [1, 2, 3, 4]) {
        harness.reset()
        const packed = harness.put(weights.bytes)
        const out = harness.put(strided(new Float32Array(n * k), n, k))
        harness.call('dequantizePacked', [packed, out, n, k, k + slack, bits, group], count)
        expectSameBits(dense(harness.f32(out, n * (k + slack)), n, k), expected, `${dtype} ${n}x${k}`)
        const ids = Int32Array.from([n - 1, 0, n >> 1, n, -1])
        const rows = harness.put(strided(new Float32Array(ids.length * k).fill(1), ids.length, k))
        const words = [packed, harness.put(ids), rows, ids.length, n, k, k + slack, bits, group]
        harness.call('embeddingPacked', words, count)
        const found = dense(harness.f32(rows, ids.length * (k + slack)), ids.length, k)
        const wanted = new Float32Array(ids.length * k)
        for (let row = 0; row < 3; row++) {
          const id = ids[row] as number
          wanted.set(expected.subarray(id * k, (id + 1) * k), row * k)
        }
        expectSameBits(found, wanted, `rows of ${dtype} ${n}x${k}`)
      }
    }
  })
})

test('a NaN among the activations shows in every result of its token', () => {
  const harness = instantiate('relaxed', false)
  const random = new Random(29)
  const weights = randomPacked(random, 'q4g32', 16, 64)
  for (const m of [2, 7]) {
    const x = randomActivations(random, m, 64)
    x[64 + 40] = Number.NaN
    const y = multiply(harness, x, m, weights)
    expect([...y.slice(16, 32)].every(Number.isNaN)).toBe(true)
    expect([...y.slice(0, 16), ...y.slice(32)].some(Number.isNaN)).toBe(false)
  }
})

describe.each(kernelBuilds)('threads of matmulPacked $build, threads $threads', ({ build, threads }) => {
  const harness = instantiate(build, threads)
  const kernel = present(harness.kernels['matmulPacked'], 'matmulPacked')
  const [n, k, group] = [73, 96, 32]
  const random = new Random(29)
  const weights = randomPacked(random, 'q4g32', n, k)

  /** The words of a product of two threads, and where its result lies. */
  function product(m: number, taken: number) {
    const x = randomActivations(random, m, k)
    const expected = multiply(harness, x, m, weights)
    harness.reset()
    const activations = quantize(harness, x, m, k, group, tileTokens(false), 1)
    const y = harness.alloc(m * n * 4)
    const bytes = packedWorkspaceBytes(m, k)
    const pointers = [activations, harness.put(weights.bytes), y]
    const shape = [m, n, k, n, 4, group, harness.alloc(2 * bytes), bytes]
    const args = harness.putWords([...pointers, ...shape, 0, 0, taken])
    return { expected, args, result: harness.f32(y, m * n), count: harness.i32(args + 52, 1) }
  }

  test('one does what the other has not begun, every time that the step runs', () => {
    const { expected, args, result, count } = product(9, 0)
    for (const order of [
      [1, 0],
      [0, 1],
      [1, 0],
    ] as const) {
      result.fill(0)
      kernel(args, order[0], 2)
      expectSameBits(result.slice(), expected, `thread ${order[0]} alone`)
      result.fill(0)
      kernel(args, order[1], 2)
      expect(result.every((value) => value === 0)).toBe(true)
      expect(count[0]).toBe(0)
    }
  })

  test.each([
    [4, 0],
    [9, -1],
  ])('they have equal shares of %i tokens where a word says %i', (m, taken) => {
    const { expected, args, result, count } = product(m, taken)
    kernel(args, 1, 2)
    expect(result[0]).toBe(0)
    expect(result[n - 1]).toBe(expected[n - 1])
    kernel(args, 0, 2)
    expectSameBits(result.slice(), expected, 'both')
    expect(count[0]).toBe(taken)
  })
})

test('a slab of rows alone gives its columns of the whole product', () => {
  const harness = instantiate('relaxed', false)
  const random = new Random(23)
  const weights = randomPacked(random, 'q4g32', 45, 96)
  for (const m of [2, 9]) {
    const x = randomActivations(random, m, 96)
    const whole = multiply(harness, x, m, weights)
    harness.reset()
    const activations = quantize(harness, x, m, 96, 32, tileTokens(false), 1)
    const y = harness.alloc(m * 45 * 4)
    const bytes = packedWorkspaceBytes(m, 96)
    const workspace = harness.alloc(bytes)
    for (const [first, count] of [
      [16, 24],
      [0, 16],
      [40, 5],
    ] as const) {
      const { offset, length } = rowRange('q4g32', 45, 96, first, count)
      const slab = harness.put(weights.bytes.subarray(offset, offset + length))
      const words = [activations, slab, y + first * 4, m, count, 96, 45, 4, 32, workspace, bytes]
      harness.call('matmulPacked', [...words, 0, 0, 0])
    }
    expectSameBits(harness.f32(y, m * 45).slice(), whole, `m ${m}`)
  }
})

/** What quantizeRows must write: the layout in its docstring. */
function layOut(x: Float32Array, m: number, k: number, group: number, tile: number): Uint8Array {
  const { integers, scales } = quantizeActivations(x, m, k, group)
  const tokens = m <= 4 ? 1 : tile
  const blocks = k / group
  const blockBytes = tokens * (group + (group === 256 ? 52 : 8))
  const out = new Uint8Array(quantizedBytes(m, k, group, tile))
  const view = new DataView(out.buffer)
  for (let token = 0; token < m; token++) {
    for (let block = 0; block < blocks; block++) {
      const start = (Math.floor(token / tokens) * blocks + block) * blockBytes
      const lane = token % tokens
      const from = token * k + block * group
      const sumOf = (first: number, count: number): number =>
        integers.subarray(from + first, from + first + count).reduce((sum, integer) => sum + integer, 0)
      for (let i = 0; i < group; i++) {
        view.setInt8(start + ((i >> 2) * tokens + lane) * 4 + (i & 3), integers[from + i] as number)
      }
      const wordAt = (word: number): number => start + group * tokens + (word * tokens + lane) * 4
      if (group === 256) {
        for (let i = 0; i < 16; i++) view.setInt16(wordAt(i >> 1) + 2 * (i & 1), sumOf(16 * i, 16), true)
        for (let i = 0; i < 8; i++) view.setInt16(wordAt(8 + (i >> 1)) + 2 * (i & 1), sumOf(32 * i, 32), true)
      } else view.setInt32(wordAt(0), -8 * sumOf(0, group), true)
      view.setFloat32(wordAt(group === 256 ? 12 : 1), scales[token * blocks + block] as number, true)
    }
  }
  return out
}

function exactOracle(x: Float32Array, m: number, weights: Packed, fused: boolean): Float32Array {
  const { n, k } = weights
  const w = matrixFloats(weights.bytes, weights.dtype, n, k)
  const y = new Float32Array(m * n)
  for (let token = 0; token < m; token++) {
    for (let row = 0; row < n; row++) {
      let sum = 0
      for (let step = 0; step < k; step++) {
        const product = (x[token * k + step] as number) * (w[row * k + step] as number)
        sum = Math.fround(sum + (fused ? product : Math.fround(product)))
      }
      y[token * n + row] = sum
    }
  }
  return y
}
