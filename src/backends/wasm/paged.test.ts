import { describe, expect, test } from 'vitest'
import type { KvDType } from '../../base/dtype.ts'
import { Random } from '../../base/random.ts'
import { f16ToF32, f32ToF16 } from '../../blocks/half.ts'
import { kvBytes, kvPool } from '../../blocks/kv-pool.ts'
import { at, expectClose, input, output, randomFloats, runKernel, update, workspace } from './kernel-cases.ts'
import { float, instantiate, kernelBuilds, type KernelHarness } from './kernel-harness.ts'
import { pagedAttentionWorkspaceBytes } from './workspace.ts'

const pageSize = 64

/** The first word of a pattern of blocks that is none. */
const everything = 0

interface Shape {
  readonly heads: number
  readonly kvHeads: number
  readonly headSize: number
  readonly window: number
  /** Runs of rows: a sequence (negative: padding), the first position, how many rows. */
  readonly runs: readonly (readonly [number, number, number])[]
}

const shapes: Shape[] = [
  { heads: 1, kvHeads: 1, headSize: 1, window: 0, runs: [[0, 0, 1]] },
  {
    heads: 2,
    kvHeads: 1,
    headSize: 3,
    window: 0,
    runs: [
      [0, 5, 1],
      [1, 63, 1],
      [2, 64, 1],
      [3, 65, 1],
    ],
  },
  {
    heads: 20,
    kvHeads: 2,
    headSize: 16,
    window: 0,
    runs: [
      [0, 200, 1],
      [-1, 0, 2],
      [1, 10, 1],
    ],
  },
  { heads: 4, kvHeads: 4, headSize: 36, window: 0, runs: [[0, 127, 1]] },
  {
    heads: 2,
    kvHeads: 2,
    headSize: 96,
    window: 0,
    runs: [
      [1, 300, 1],
      [0, 128, 4],
    ],
  },
  {
    heads: 4,
    kvHeads: 2,
    headSize: 20,
    window: 0,
    runs: [
      [0, 0, 5],
      [1, 62, 4],
      [2, 62, 6],
      [-1, 0, 60],
    ],
  },
  { heads: 2, kvHeads: 1, headSize: 64, window: 0, runs: [[0, 0, 130]] },
  {
    heads: 2,
    kvHeads: 1,
    headSize: 8,
    window: 0,
    runs: [
      [0, 100, 49],
      [1, 15, 48],
    ],
  },
  {
    heads: 1,
    kvHeads: 1,
    headSize: 6,
    window: 1,
    runs: [
      [0, 100, 1],
      [1, 70, 50],
    ],
  },
  {
    heads: 1,
    kvHeads: 1,
    headSize: 12,
    window: 70,
    runs: [
      [0, 200, 1],
      [1, 3, 20],
      [2, 150, 60],
    ],
  },
  {
    heads: 1,
    kvHeads: 1,
    headSize: 5,
    window: 0,
    runs: [
      [0, 9, 3],
      [0, 2, 7],
    ],
  },
]

interface Problem extends Shape {
  readonly rows: number
  readonly pages: number
  readonly maxPages: number
  readonly scale: number
  readonly sequences: Int32Array
  readonly positions: Int32Array
  readonly pageTable: Int32Array
  readonly keys: Float32Array
  readonly values: Float32Array
  readonly q: Float32Array
  /** Where a position of a sequence starts in the pool. */
  readonly slot: (sequence: number, position: number, kvHead: number) => number
}

/** A pool in which everything but the cached positions is NaN, with pages in random order. */
function prepare(shape: Shape): Problem {
  const { heads, kvHeads, headSize, runs } = shape
  const sequences = Int32Array.from(runs.flatMap(([sequence, , count]) => new Array<number>(count).fill(sequence)))
  const positions = Int32Array.from(
    runs.flatMap(([, first, count]) => Array.from({ length: count }, (_, i) => first + i)),
  )
  const count = Math.max(...sequences) + 1
  const maxPages = Math.floor(Math.max(...positions) / pageSize) + 2
  const pages = count * maxPages + 3
  const random = new Random(pages)
  const order = Array.from({ length: pages }, (_, page) => page)
  for (let i = pages - 1; i > 0; i--) {
    const j = random.integer(0, i + 1)
    ;[order[i], order[j]] = [at(order, j), at(order, i)]
  }
  const pageTable = Int32Array.from(order.slice(0, count * maxPages))
  const keys = new Float32Array(pages * kvHeads * pageSize * headSize).fill(NaN)
  const values = keys.slice()
  const slot = (sequence: number, position: number, kvHead: number): number => {
    const page = at(pageTable, sequence * maxPages + Math.floor(position / pageSize))
    return ((page * kvHeads + kvHead) * pageSize + (position % pageSize)) * headSize
  }
  for (const [row, sequence] of sequences.entries()) {
    for (let position = 0; position <= at(positions, row) && sequence >= 0; position++) {
      for (let head = 0; head < kvHeads; head++) {
        const seed = (sequence * 1000 + position) * 10 + head
        keys.set(randomFloats(seed, headSize), slot(sequence, position, head))
        values.set(randomFloats(seed + 7, headSize), slot(sequence, position, head))
      }
    }
  }
  const rows = sequences.length
  const q = randomFloats(5, rows * heads * headSize, -3, 3)
  const scale = Math.fround(1 / Math.sqrt(headSize))
  return { ...shape, rows, pages, maxPages, scale, sequences, positions, pageTable, keys, values, q, slot }
}

function attend(harness: KernelHarness, problem: Problem, wide: 0 | 1, format: 0 | 1 | 2 | 3): Float32Array {
  const { pageTable, sequences, positions, q, rows, heads, kvHeads, headSize } = problem
  const [keys, values] = [problem.keys, problem.values].map((pool) => {
    if (format >= 2) return packed(format === 2 ? 'kv8' : 'kv4', pool, problem).stored
    return format === 1 ? halvesOf(pool) : pool
  })
  const [out] = runKernel(harness, 'pagedAttention', [
    ...[keys ?? [], values ?? [], pageTable, sequences, positions, q].map((words) => input(words as Float32Array)),
    ...[output(q.length), rows, heads, kvHeads, headSize, problem.maxPages, problem.window, float(problem.scale)],
    ...[workspace(pagedAttentionWorkspaceBytes(headSize)), wide, format, everything],
  ])
  return out as Float32Array
}

/** Halves as the harness takes them: as many bytes of floats. */
function halvesOf(values: Float32Array): Float32Array {
  return new Float32Array(f32ToF16(values).buffer)
}

/** Bytes or nibbles with scales as the harness takes them, and the values that they have. */
function packed(dtype: KvDType, values: Float32Array, { headSize }: Pick<Shape, 'headSize'>) {
  const count = values.length / headSize
  const stored = new Float32Array(kvBytes(dtype, count, headSize) / 4)
  const [pool, floats] = [
    kvPool(dtype, new Uint8Array(stored.buffer), pageSize, headSize),
    new Float32Array(values.length),
  ]
  for (let place = 0; place < count; place++) {
    pool.write(place, values.subarray(place * headSize, (place + 1) * headSize))
    floats.set(pool.read(place), place * headSize)
  }
  return { stored, floats }
}

/** The shape with heads of whole groups of 32. */
function inGroups(shape: Shape): Shape {
  return { ...shape, headSize: 32 * Math.ceil(shape.headSize / 32) }
}

/** Floats of very different magnitudes, with some that are 0, equal but for the sign, huge, tiny or no numbers. */
function hostileFloats(seed: number, count: number): Float32Array {
  const random = new Random(seed)
  const odd = [0, -0, 1, -1, 3e38, -3e38, 1e-31, 1e-38, Infinity, -Infinity, NaN]
  return Float32Array.from({ length: count }, (_, index) => {
    if (index % 7 === 0 && random.float() < 0.1) return random.pick(odd)
    return random.float() < 0.1 ? Math.round(4 * random.normal()) : random.normal() * 2 ** random.integer(-3, 3)
  })
}

function throughHalves(values: Float32Array): Float32Array {
  return f16ToF32(f32ToF16(values))
}

/** What of values that are written is not rounded away: large ones are the largest half, tiny ones 0. */
function cut(values: Float32Array): Float32Array {
  return values.map((value) => {
    if (Math.abs(value) < 2 ** -14) return Math.sign(value) * 0
    return Number.isNaN(value) ? value : Math.min(65504, Math.max(-65504, value))
  })
}

function exact({ sequences, positions, q, keys, values, heads, kvHeads, headSize, window, scale, slot }: Problem) {
  const out = new Float64Array(q.length)
  for (const [row, sequence] of sequences.entries()) {
    if (sequence < 0) continue
    const position = at(positions, row)
    const first = window > 0 ? Math.max(0, position - window + 1) : 0
    for (let head = 0; head < heads; head++) {
      const query = (row * heads + head) * headSize
      const kvHead = Math.floor((head * kvHeads) / heads)
      const weights = Array.from({ length: position - first + 1 }, (_, index) => {
        const key = slot(sequence, first + index, kvHead)
        let sum = 0
        for (let d = 0; d < headSize; d++) sum += at(q, query + d) * at(keys, key + d)
        return Math.exp(sum * scale)
      })
      const total = weights.reduce((sum, weight) => sum + weight, 0)
      for (const [index, weight] of weights.entries()) {
        const value = slot(sequence, first + index, kvHead)
        for (let d = 0; d < headSize; d++)
          out[query + d] = at(out, query + d) + (weight / total) * at(values, value + d)
      }
    }
  }
  return out
}

describe.each(kernelBuilds)('paged cache $build, threads $threads', ({ build, threads }) => {
  const harness = instantiate(build, threads)

  test.each(shapes)('attention of $heads/$kvHeads heads of $headSize, window $window, runs $runs', (shape) => {
    const problem = prepare(shape)
    const out = attend(harness, problem, 0, 0)
    expectClose(out, exact(problem), { relative: 0, absolute: 2e-6 })
    expect(attend(harness, problem, 1, 0)).toEqual(out)
  })

  test.each(shapes)('attention to halves, $heads/$kvHeads heads of $headSize, window $window, runs $runs', (shape) => {
    const problem = prepare(shape)
    const rounded = { ...problem, keys: throughHalves(problem.keys), values: throughHalves(problem.values) }
    const out = attend(harness, problem, 0, 1)
    expectClose(out, exact(rounded), { relative: 0, absolute: 2e-6 })
    expect(attend(harness, problem, 1, 1)).toEqual(out)
  })

  test.each(shapes)('attention to bytes, $heads/$kvHeads heads of $headSize, window $window, runs $runs', (shape) => {
    const problem = prepare(shape)
    const [keys, values] = [packed('kv8', problem.keys, shape), packed('kv8', problem.values, shape)]
    const out = attend(harness, problem, 0, 2)
    // Queries and weights are rounded to 16 bits.
    expectClose(out, exact({ ...problem, keys: keys.floats, values: values.floats }), { relative: 0, absolute: 3e-4 })
    expect(attend(harness, problem, 1, 2)).toEqual(out)
  })

  test.each(shapes)('attention to nibbles, $heads/$kvHeads heads, window $window, runs $runs', (shape) => {
    const problem = prepare(inGroups(shape))
    const [keys, values] = [packed('kv4', problem.keys, problem), packed('kv4', problem.values, problem)]
    const out = attend(harness, problem, 0, 3)
    expectClose(out, exact({ ...problem, keys: keys.floats, values: values.floats }), { relative: 0, absolute: 3e-4 })
    expect(attend(harness, problem, 1, 3)).toEqual(out)
  })

  test.each([0, 70])('rows of a sequence have the same bits however they are cut into blocks, window %i', (window) => {
    const problem = prepare({ heads: 2, kvHeads: 1, headSize: 32, window, runs: [[0, 61, 103]] })
    const { rows, sequences, positions, q } = problem
    const width = q.length / rows
    for (const format of [0, 1, 2, 3] as const) {
      const whole = attend(harness, problem, 0, format)
      for (const border of [5, 6, 43, 48, 49, 52, 53, 98]) {
        const parts = [
          [0, border],
          [border, rows],
        ] as const
        const found = parts.map(([from, until]) => {
          const [ownSequences, ownPositions] = [sequences.slice(from, until), positions.slice(from, until)]
          const own = { sequences: ownSequences, positions: ownPositions, q: q.slice(from * width, until * width) }
          return attend(harness, { ...problem, ...own, rows: until - from }, 0, format)
        })
        expect(Float32Array.of(...found.flatMap((part) => [...part]))).toEqual(whole)
      }
    }
  })

  test.each(shapes)('writes nibbles of $kvHeads heads for runs $runs', (shape) => {
    const problem = prepare(inGroups(shape))
    const { kvHeads, headSize, rows, sequences, positions, pageTable, keys, values, slot } = problem
    const [k, v] = [hostileFloats(1, rows * kvHeads * headSize), hostileFloats(2, rows * kvHeads * headSize)]
    const expected = [keys, values].map((pool) => packed('kv4', pool, problem).stored)
    const pools = expected.map((pool) => kvPool('kv4', new Uint8Array(pool.buffer), pageSize, headSize))
    const before = expected.map((pool) => update(pool.slice()))
    for (const [row, sequence] of sequences.entries()) {
      for (let head = 0; head < kvHeads && sequence >= 0; head++) {
        const from = (row * kvHeads + head) * headSize
        const place = slot(sequence, at(positions, row), head) / headSize
        pools[0]?.write(place, k.subarray(from, from + headSize))
        pools[1]?.write(place, v.subarray(from, from + headSize))
      }
    }
    const indices = [pageTable, sequences, positions, k, v].map(input)
    const written = runKernel(harness, 'cacheWrite', [
      ...before,
      ...indices,
      rows,
      kvHeads,
      headSize,
      problem.maxPages,
      3,
    ])
    expect(written.map((pool) => new Uint8Array(pool.buffer))).toEqual(
      expected.map((pool) => new Uint8Array(pool.buffer)),
    )
  })

  test.each([1, 6])('an infinity or NaN in a cache of nibbles shows in what %i rows see of it', (count) => {
    for (const hostile of [NaN, Infinity, -Infinity]) {
      const problem = prepare({ heads: 2, kvHeads: 2, headSize: 64, window: 0, runs: [[0, 70, count]] })
      problem.keys[problem.slot(0, 20, 0) + 40] = hostile
      problem.values[problem.slot(0, 66, 1) + 40] = hostile
      const out = attend(harness, problem, 0, 3)
      for (let row = 0; row < count; row++) {
        const [first, second] = [out.slice(row * 128, row * 128 + 64), out.slice(row * 128 + 64, row * 128 + 128)]
        expect(first.every(Number.isNaN)).toBe(true)
        expect(second.subarray(32).every(Number.isNaN)).toBe(true)
        expect(second.subarray(0, 32).every(Number.isFinite)).toBe(true)
      }
    }
  })

  test.each(shapes)('writes $kvHeads heads of $headSize for runs $runs', (shape) => {
    const problem = prepare(shape)
    const { kvHeads, headSize, rows, sequences, positions, pageTable, keys, values, slot } = problem
    const k = randomFloats(1, rows * kvHeads * headSize)
    const v = randomFloats(2, rows * kvHeads * headSize)
    const expected = [keys.slice(), values.slice()] as const
    for (const [row, sequence] of sequences.entries()) {
      for (let head = 0; head < kvHeads && sequence >= 0; head++) {
        const from = (row * kvHeads + head) * headSize
        const to = slot(sequence, at(positions, row), head)
        expected[0].set(k.subarray(from, from + headSize), to)
        expected[1].set(v.subarray(from, from + headSize), to)
      }
    }
    const indices = [pageTable, sequences, positions, k, v].map(input)
    const words = [...indices, rows, kvHeads, headSize, problem.maxPages]
    expect(runKernel(harness, 'cacheWrite', [update(keys), update(values), ...words, 0])).toEqual(expected)

    const halves = [update(halvesOf(cut(keys))), update(halvesOf(cut(values)))]
    const written = runKernel(harness, 'cacheWrite', [...halves, ...words, 1])
    expect(written.map((pool) => new Uint16Array(pool.buffer))).toEqual(expected.map((pool) => f32ToF16(cut(pool))))

    const bytes = [keys, values].map((pool) => update(packed('kv8', pool, shape).stored))
    const inBytes = runKernel(harness, 'cacheWrite', [...bytes, ...words, 2])
    const wanted = expected.map((pool) => new Uint8Array(packed('kv8', pool, shape).stored.buffer))
    expect(inBytes.map((pool) => new Uint8Array(pool.buffer))).toEqual(wanted)
  })

  test('halves are rounded to nearest, ties to even; large ones are cut, tiny ones are 0', () => {
    const random = new Random(3)
    const ties = Array.from({ length: 500 }, (_, index) => (1 + (index + 0.5) / 1024) * 2 ** random.integer(-13, 15))
    const any = Array.from({ length: 500 }, () => random.normal() * 2 ** random.integer(-14, 15))
    const odd = [0, -0, 2 ** -14, -(2 ** -14), 2 ** -14 - 2 ** -30, 2 ** -24, -1e-30, 65504, 65519, 65520, -1e30]
    const values = Float32Array.from([...ties, ...any, ...odd, Infinity, -Infinity])
    const pool = new Float32Array((pageSize * values.length) / 2)
    const words = [input(Int32Array.of(0)), input(Int32Array.of(0)), input(Int32Array.of(0)), input(values)]
    const shape = [1, 1, values.length, 1, 1]
    const [keys] = runKernel(harness, 'cacheWrite', [update(pool), update(pool), ...words, input(values), ...shape])
    const found = f16ToF32(new Uint16Array((keys as Float32Array).buffer, 0, values.length))
    expect(found).toEqual(throughHalves(cut(values)))
  })

  test.each([1, 5, 16, 100, 1000])('copies pages of %i words in order', (pageWords) => {
    const pool = randomFloats(1, pageWords * 5)
    const expected = pool.slice()
    const moves = [
      [0, 3],
      [3, 1],
      [4, 4],
      [1, 0],
    ] as const
    for (const [from, to] of moves) expected.copyWithin(to * pageWords, from * pageWords, (from + 1) * pageWords)
    const lists = [0, 1].map((side) => input(Int32Array.from(moves, (move) => move[side] as number)))
    expect(runKernel(harness, 'copyPages', [update(pool), ...lists, moves.length, pageWords])).toEqual([expected])
  })
})
