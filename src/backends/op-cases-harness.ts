/** Test support: for every operation a program of random shape that runs it once, with everything that it reads. */
import {
  blockParts,
  elementCount,
  isBlockDType,
  isKDType,
  isKvDType,
  type BlockDType,
  type GgmlDType,
  type KDType,
  type KvDType,
} from '../base/dtype.ts'
import { Random } from '../base/random.ts'
import { randomGgmlBlocks } from '../blocks/ggml-harness.ts'
import { ggmlBytes, ggmlTypeOf } from '../blocks/ggml.ts'
import { f16ToF32, f32ToF16 } from '../blocks/half.ts'
import { repackGgml } from '../blocks/ggml-repack.ts'
import { kTypes } from '../blocks/k-panels.ts'
import { kv4Group } from '../blocks/kv4.ts'
import { kvPool } from '../blocks/kv-pool.ts'
import { packMatrix } from '../blocks/packed.ts'
import {
  cacheDTypes,
  pageSize,
  tensorBytes,
  Trace,
  type Attributes,
  type CacheDType,
  type Program,
  type Tensor,
} from '../program/index.ts'
import type { Device, RunInputs } from './backend.ts'
import { attention, attentionAttributes, attentionGradient } from './op-cases-attention-harness.ts'
import { expertDraws } from './op-cases-experts-harness.ts'

export interface OpCase {
  readonly program: Program
  readonly inputs: RunInputs
  /** Contents of parameters and states: floats, or packed bytes. */
  readonly store: ReadonlyMap<string, Float32Array | Float64Array | Uint8Array>
}

/** How an operation is drawn. */
export type Draw = (at: CaseBuilder) => readonly [inputs: readonly Tensor[], attributes?: Attributes]

/** An element, by its index. */
type Sample = (index: number) => number

/** A pool in 8 or 4 bits. */
function packedPool(dtype: KvDType, values: Float32Array, shape: readonly number[]): Uint8Array {
  const size = shape.at(-1) ?? 1
  const bytes = new Uint8Array(tensorBytes({ dtype, shape }))
  const pool = kvPool(dtype, bytes, pageSize, size)
  for (let place = 0; place < values.length / size; place++) {
    pool.write(place, values.subarray(place * size, (place + 1) * size))
  }
  return bytes
}

/** Its values. */
function packedValues(dtype: KvDType, bytes: Uint8Array, shape: readonly number[]): Float32Array {
  const size = shape.at(-1) ?? 1
  const [pool, values] = [kvPool(dtype, bytes, pageSize, size), new Float32Array(elementCount(shape))]
  for (let place = 0; place < values.length / size; place++) values.set(pool.read(place), place * size)
  return values
}

export class CaseBuilder {
  readonly trace: Trace
  readonly random: Random
  readonly inputs: Record<string, Int32Array | Float32Array> = {}
  readonly store = new Map<string, Float32Array | Float64Array | Uint8Array>()
  #count = 0
  #turn: number

  constructor(name: string, seed: number, random: Random) {
    this.trace = new Trace(name)
    this.random = random
    this.#turn = seed
  }

  /** One of the choices; what is taken in turn comes in all combinations, seed after seed. */
  inTurn<T>(choices: readonly T[]): T {
    const choice = choices[this.#turn % choices.length] as T
    this.#turn = Math.floor(this.#turn / choices.length)
    return choice
  }

  /** Names begin with the program's, so that many cases fit into one store. */
  #name(prefix: string): string {
    return `${this.trace.name}.${prefix}${this.#count++}`
  }

  extent(low: number, high: number): number {
    return this.random.integer(low, high + 1)
  }

  /** At most 41, often by one off a multiple of what kernels do at once. */
  extentNear(multiple: number): number {
    if (this.happens(0.5)) return this.extent(1, 40)
    return Math.max(1, multiple * this.extent(1, Math.floor(40 / multiple)) + this.extent(-1, 1))
  }

  happens(probability: number): boolean {
    return this.random.float() < probability
  }

  #floats(shape: readonly number[], sample: Sample): Float32Array {
    return Float32Array.from({ length: elementCount(shape) }, (_, index) => sample(index))
  }

  /** An f32 tensor of the caller or of the store, by lot. */
  f32(shape: readonly number[], sample: Sample = () => this.random.normal()): Tensor {
    return this.happens(0.5) ? this.input(shape, sample) : this.stored('parameter', shape, sample)
  }

  input(shape: readonly number[], sample: Sample = () => this.random.normal()): Tensor {
    const name = this.#name('x')
    this.inputs[name] = this.#floats(shape, sample)
    return this.trace.bind('input', name, { dtype: 'f32', shape })
  }

  stored(origin: 'parameter' | 'state', shape: readonly number[], sample: Sample = () => this.random.normal()): Tensor {
    const name = this.#name('w')
    this.store.set(name, this.#floats(shape, sample))
    return this.trace.bind(origin, name, { dtype: 'f32', shape })
  }

  state(shape: readonly number[], sample?: Sample): Tensor {
    return this.stored('state', shape, sample)
  }

  /** A pool of the cache, in any type that it may have. */
  pool(dtype: CacheDType, shape: readonly number[], sample: Sample = () => this.random.normal()): Tensor {
    if (dtype === 'f32') return this.state(shape, sample)
    const name = this.#name('w')
    const values = this.#floats(shape, sample)
    this.store.set(name, isKvDType(dtype) ? packedPool(dtype, values, shape) : new Uint8Array(f32ToF16(values).buffer))
    return this.trace.bind('state', name, { dtype, shape })
  }

  f64(shape: readonly number[], sample: () => number): Tensor {
    const name = this.#name('w')
    this.store.set(name, Float64Array.from({ length: elementCount(shape) }, sample))
    return this.trace.bind('parameter', name, { dtype: 'f64', shape })
  }

  indices(values: readonly number[] | Int32Array, shape: readonly number[] = [values.length]): Tensor {
    const name = this.#name('i')
    this.inputs[name] = Int32Array.from(values)
    return this.trace.bind('input', name, { dtype: 'i32', shape })
  }

  randomIndices(count: number, high: number): Tensor {
    return this.indices(Array.from({ length: count }, () => this.random.integer(0, high)))
  }

  packed(dtype: BlockDType, rows: number, columns: number): Tensor {
    const name = this.#name('q')
    const values = this.#floats([rows, columns], () => this.random.normal())
    this.store.set(name, packMatrix(values, rows, columns, dtype))
    return this.trace.bind('parameter', name, { dtype, shape: [rows, columns] })
  }

  /** A matrix as it is in a GGUF file, or in the panels that it becomes. */
  ggml(dtype: GgmlDType | KDType, rows: number, columns: number): Tensor {
    const name = this.#name('g')
    const type = isKDType(dtype) ? kTypes[dtype] : dtype
    const bytes = randomGgmlBlocks(this.random, type, rows * ggmlBytes(type, columns))
    this.store.set(name, isKDType(dtype) ? repackGgml(kTypes[dtype], bytes, rows, columns) : bytes)
    return this.trace.bind('parameter', name, { dtype, shape: [rows, columns] })
  }

  finish(): OpCase {
    const program = this.trace.finish()
    return { program, inputs: this.inputs, store: this.store }
  }
}

/** Sets the sign of every other NaN, as processors do where they make one. */
function negateNaN({ buffer }: ArrayBufferView): void {
  const words = new Uint32Array(buffer)
  new Float32Array(buffer).forEach((value, index) => {
    if (Number.isNaN(value) && index % 2 === 0) words[index] = 0xffc00000
  })
}

/** Tiles have 6 rows and 8 or 16 columns, blocks 96 and 1024, and 512 between. A few rows may take a way of their own. */
const matmul: Draw = (at) => {
  const [transposeLeft, transposeRight] = [at.inTurn([false, true]), at.inTurn([false, true])]
  const size = at.inTurn(['few rows', 'few rows', 'plain', 'plain', 'many rows', 'many columns', 'long'])
  const m = size === 'few rows' ? at.extent(1, 5) : size === 'many rows' ? at.extent(97, 110) : at.extentNear(6)
  const n = size === 'many columns' ? at.extent(1025, 1050) : at.extentNear(at.random.pick([8, 16]))
  const k = size === 'long' ? at.extent(513, 1050) : at.extent(1, 50)
  const left = at.f32(transposeLeft ? [k, m] : [m, k])
  const right = at.f32(transposeRight ? [n, k] : [k, n])
  return [[left, right], { transposeLeft, transposeRight }]
}

const blockDTypes: readonly BlockDType[] = ['q4g32', 'q8g64', 'q4g128', 'q8g32', 'q4g64', 'q8g128']
const kDTypes: readonly KDType[] = ['q4k', 'q5k', 'q6k']
const ggmlDTypes: readonly GgmlDType[] = ['Q4_1', 'Q5_0', 'Q5_1', 'Q2_K', 'Q3_K']

/** Formats of weights, and the activations that each of them meets. */
const products = [
  ...[...blockDTypes, ...kDTypes].flatMap(
    (dtype) =>
      [
        { dtype, activations: 'int8' },
        { dtype, activations: 'f32' },
      ] as const,
  ),
  ...ggmlDTypes.map((dtype) => ({ dtype, activations: 'f32' }) as const),
]

/** Rows that end within the 512 columns of f32 tiles, or behind them. */
function ggmlColumns(at: CaseBuilder, dtype: GgmlDType | KDType): number {
  const { blockLength } = ggmlTypeOf(isKDType(dtype) ? kTypes[dtype] : dtype)
  return blockLength * (blockLength === 256 ? at.inTurn([3, 1]) : at.inTurn([17, at.random.pick([1, 3, 8])]))
}

/** Tiles have 6 tokens and 8 or 16 rows of the weight; few tokens are streamed. In f32, blocks are 96, 1024 and 512. */
const matmulPacked: Draw = (at) => {
  const { dtype, activations } = at.inTurn(products)
  const few = at.inTurn([true, false])
  const size = activations === 'f32' ? at.random.pick(['plain', 'many tokens', 'many rows', 'long']) : 'plain'
  const tokens = few
    ? at.random.pick([1, 1, 2, 3, 4, 4])
    : size === 'many tokens'
      ? at.extent(97, 100)
      : at.extent(6, 14)
  const packedColumns = (of: BlockDType): number => (size === 'long' ? 640 : blockParts(of).group * at.extent(1, 3))
  const inner = isBlockDType(dtype) ? packedColumns(dtype) : ggmlColumns(at, dtype)
  const rows = size === 'many rows' ? at.extent(1025, 1040) : at.extent(1, 40)
  // Where 127 is the greatest magnitude, halves are ties of the rounding to 8 bits.
  const halves = (): number => (at.happens(0.1) ? 127 : at.random.integer(-253, 254) / 2)
  const x = at.input([tokens, inner], at.happens(0.3) ? halves : undefined)
  const weight = isBlockDType(dtype) ? at.packed(dtype, rows, inner) : at.ggml(dtype, rows, inner)
  return [[x, weight], { activations }]
}

function quantizedMatrix(at: CaseBuilder, format: string, rows: number): Tensor {
  if (format === 'ggml') {
    const dtype = at.inTurn([...kDTypes, ...ggmlDTypes])
    return at.ggml(dtype, rows, ggmlColumns(at, dtype))
  }
  const dtype = at.random.pick(blockDTypes)
  return at.packed(dtype, rows, blockParts(dtype).group * at.extent(1, 3))
}

const embedding: Draw = (at) => {
  const [entries, rows] = [at.extent(1, 30), at.extent(1, 20)]
  const format = at.inTurn(['f32', 'packed', 'ggml'])
  const table = format === 'f32' ? at.f32([entries, at.extent(1, 50)]) : quantizedMatrix(at, format, entries)
  return [[table, at.randomIndices(rows, entries)]]
}

/** A matrix [rows, columns] twice or more, of random extents. */
const matrices =
  (count: number): Draw =>
  (at) => {
    const shape = [at.extent(1, 20), at.extent(1, 70)]
    return [Array.from({ length: count }, () => at.f32(shape))]
  }

const norm =
  (gradient: boolean): Draw =>
  (at) => {
    const [rows, width] = [at.extent(1, 20), at.extent(1, 70)]
    const amplitude = at.random.pick([1, 1e-3])
    const operands = [at.f32([rows, width], () => amplitude * at.random.normal()), at.f32([width])]
    return [gradient ? [...operands, at.f32([rows, width])] : operands, { epsilon: 1e-5 }]
  }

const layerNorm =
  (gradient: boolean): Draw =>
  (at) => {
    const [rows, width] = [at.extent(1, 20), at.extent(1, 70)]
    // Far from 0 the mean is most of a row. A row that is nearly constant would have a deviation of rounding alone.
    const [amplitude, level] = at.random.pick([
      [1, 0],
      [1e-2, 0],
      [1, 9],
    ] as const)
    const x = at.f32([rows, width], () => level + amplitude * at.random.normal())
    const last = gradient ? at.f32([rows, width]) : at.f32([width])
    return [[x, at.f32([width]), last], { epsilon: 1e-5 }]
  }

/** Both forms of GELU, near 0 and where its gate is closed. */
const activation =
  (count: number): Draw =>
  (at) => {
    const approximate = at.inTurn([false, true])
    const amplitude = at.inTurn([1, 4, 30])
    const shape = [at.extent(1, 20), at.extent(1, 70)]
    const x = at.f32(shape, () => amplitude * at.random.normal())
    return [[x, ...Array.from({ length: count - 1 }, () => at.f32(shape))], { approximate }]
  }

/** A size near this one that a cache of this type can have. */
function fittingHead(dtype: CacheDType, headSize: number): number {
  return dtype === 'kv4' ? kv4Group * Math.ceil(headSize / kv4Group) : headSize
}

/** Rows by sequence (-1: padding), alone or in runs, and their positions, which now and then leave one out. */
function continuations(at: CaseBuilder, sequences: number, width: number) {
  const rows = at.extent(1, at.inTurn([60, 9]))
  const change = at.inTurn([at.random.pick([0.02, 0.1]), 1])
  const next = Array.from({ length: sequences }, () => {
    const latest = width * pageSize - rows
    return at.happens(0.3) ? Math.min(latest, at.random.pick([0, 62, 63, 64])) : at.extent(0, latest)
  })
  const sequenceOf: number[] = []
  const positions: number[] = []
  let sequence = at.random.integer(-1, sequences)
  for (let row = 0; row < rows; row++) {
    if (at.happens(change)) sequence = at.random.integer(-1, sequences)
    const position = next[sequence] ?? 0
    sequenceOf.push(sequence)
    positions.push(position)
    if (sequence < 0) continue
    const room = width * pageSize - (rows - row) - position - 1
    next[sequence] = position + (room > 0 && at.happens(0.05) ? 2 : 1)
  }
  return { rows, sequenceOf, positions }
}

/**
 * A pool of pages of which sequences hold some in random order, and rows that continue the sequences. Where no row of a
 * sequence is or comes after, there is NaN, which shows in whatever is made of it.
 */
function pagedCache(at: CaseBuilder, dtype: CacheDType, kvHeads: number, headSize: number) {
  const [sequences, width] = [at.extent(1, 3), at.random.pick([1, 2, 3, 3])]
  const pages = sequences * width + at.extent(0, 2)
  const order = at.random.shuffle(Array.from({ length: pages }, (_, page) => page))
  const { rows, sequenceOf, positions } = continuations(at, sequences, width)
  const latest = (sequence: number): number => positions[sequenceOf.lastIndexOf(sequence)] ?? -1
  const pool = (): Tensor =>
    at.pool(dtype, [pages, kvHeads, pageSize, headSize], (index) => {
      const slot = Math.floor(index / headSize)
      const held = order.indexOf(Math.floor(slot / (pageSize * kvHeads)))
      const position = (held % width) * pageSize + (slot % pageSize)
      return position <= latest(Math.floor(held / width)) ? at.random.normal() : NaN
    })
  const operands = [pool(), pool(), at.indices(order.slice(0, sequences * width), [sequences, width])]
  return { operands: [...operands, at.indices(sequenceOf), at.indices(positions)], rows }
}

/** A class for every row, or that none counts. */
function targets(at: CaseBuilder, rows: number, vocabulary: number): number[] {
  return Array.from({ length: rows }, () => (at.happens(0.2) ? -100 : at.random.integer(0, vocabulary)))
}

const draws: Readonly<Record<string, Draw>> = {
  accumulate(at) {
    const shape = [at.extent(1, 20), at.extent(1, 70)]
    return [[at.state(shape), at.f32(shape)]]
  },
  adamW(at) {
    const shape = [at.extent(1, 20), at.extent(1, 70)]
    // Where gradients are small, epsilon is a part of the step.
    const amplitude = at.random.pick([1, 1e-4])
    const small = (): number => amplitude * at.random.normal()
    const square = (): number => (amplitude * at.random.float()) ** 2
    const operands = [at.stored('parameter', shape), at.f32(shape, small), at.state(shape, small)]
    operands.push(at.state(shape, square))
    const [clip, schedule] = [at.f32([2], () => at.random.float()), at.f32([3], () => 0.1 + 0.5 * at.random.float())]
    return [[...operands, clip, schedule], { beta1: 0.9, beta2: 0.95, epsilon: 1e-6, weightDecay: 0.1 }]
  },
  add: matrices(2),
  addBias(at) {
    const [rows, width] = [at.extent(1, 20), at.extent(1, 70)]
    return [[at.f32([rows, width]), at.f32([width])]]
  },
  attention,
  attentionDelta(at) {
    const [rows, heads, headSize] = [at.extent(1, 20), at.extent(1, 5), at.extent(1, 20)]
    return [[at.f32([rows, heads * headSize]), at.f32([rows, heads * headSize])], { heads }]
  },
  attentionGradientKeys: attentionGradient,
  attentionGradientQueries: attentionGradient,
  cacheWrite(at) {
    const [dtype, size, kvHeads] = [at.inTurn(cacheDTypes), at.inTurn([3, 6, 16]), at.extent(1, 3)]
    const headSize = fittingHead(dtype, size)
    const { operands, rows } = pagedCache(at, dtype, kvHeads, headSize)
    // Half of them are in the middle between two halves.
    const sample = (): number => (at.happens(0.5) ? at.random.normal() : 1 + (at.random.integer(0, 1024) + 0.5) / 1024)
    const shape = [rows, kvHeads * headSize]
    return [[...operands, at.f32(shape, sample), at.f32(shape, sample)]]
  },
  clipFactor(at) {
    const scalar = (): Tensor => at.f32([1], () => 3 * at.random.float())
    const limit = at.happens(0.2) ? at.f32([1], () => 0) : scalar()
    return [[limit, ...Array.from({ length: at.extent(1, 4) }, scalar)]]
  },
  columnSums: (at) => [[at.f32([at.extent(1, 20), at.extent(1, 70)])]],
  copyPages(at) {
    const [pages, count] = [at.extent(1, 6), at.extent(1, 4)]
    const dtype = at.inTurn(cacheDTypes)
    const pool = at.pool(dtype, [pages, at.extent(1, 3), pageSize, fittingHead(dtype, at.random.pick([4, 8]))])
    return [[pool, at.randomIndices(count, pages), at.randomIndices(count, pages)]]
  },
  crossEntropy(at) {
    const [rows, vocabulary] = [at.extent(1, 20), at.extent(1, at.inTurn([90, 4]))]
    const amplitude = at.random.pick([1, 100])
    return [
      [at.f32([rows, vocabulary], () => amplitude * at.random.normal()), at.indices(targets(at, rows, vocabulary))],
    ]
  },
  crossEntropyGradient(at) {
    const [rows, vocabulary] = [at.extent(1, 20), at.extent(1, at.inTurn([90, 4]))]
    // Any log-sum-exps above the logits will do.
    const amplitude = at.random.pick([1, 40])
    const logits = at.f32([rows, vocabulary], () => -amplitude * Math.abs(at.random.normal()))
    const sums = at.f32([rows], () => at.random.float())
    return [[logits, at.indices(targets(at, rows, vocabulary)), sums, at.f32([rows])]]
  },
  dequantize: (at) => [[quantizedMatrix(at, at.inTurn(['packed', 'ggml']), at.extent(1, 40))]],
  embedding,
  embeddingGradient(at) {
    const [rows, vocabulary] = [at.extent(1, 20), at.extent(1, 9)]
    return [[at.randomIndices(rows, vocabulary), at.f32([rows, at.extent(1, 70)])], { vocabulary }]
  },
  ...expertDraws,
  fill: (at) => [[at.state([at.extent(1, 20), at.extent(1, 70)])], { value: at.random.normal() }],
  fillColumns(at) {
    const [rows, width] = [at.extent(1, 20), at.extent(1, 70)]
    const columns = Array.from({ length: width }, (_, column) => column).filter(() => at.happens(0.5))
    return [[at.f32([rows, width])], { columns, value: at.random.normal() }]
  },
  gatherRows(at) {
    const [rows, entries] = [at.extent(1, 20), at.extent(1, 20)]
    return [[at.f32([entries, at.extent(1, 70)]), at.randomIndices(rows, entries)]]
  },
  gelu: activation(1),
  geluGradient: activation(2),
  gegelu(at) {
    const amplitude = at.random.pick([1, 40])
    const x = at.f32([at.extent(1, 20), 2 * at.extent(1, 40)], () => amplitude * at.random.normal())
    return [[x], { limit: at.random.pick([1, 20]) }]
  },
  gegeluGradient(at) {
    const [rows, width] = [at.extent(1, 20), at.extent(1, 40)]
    return [[at.f32([rows, 2 * width]), at.f32([rows, width])], { limit: at.random.pick([1, 20]) }]
  },
  joinColumns(at) {
    const rows = at.extent(1, 20)
    // Half of them leave columns out.
    const gap = (): number => (leavesOut ? at.extent(0, 9) : 0)
    const leavesOut = at.happens(0.5)
    let width = 0
    const from: number[] = []
    const parts = Array.from({ length: at.extent(1, 4) }, () => {
      from.push((width += gap()))
      const part = at.extent(1, 40)
      width += part
      return at.f32([rows, part])
    })
    return [parts, { from, width: width + gap() }]
  },
  layerNorm: layerNorm(false),
  layerNormGradientInput: layerNorm(true),
  matmul,
  matmulPacked,
  pagedAttention(at) {
    const [dtype, drawn] = [at.inTurn(cacheDTypes), attentionAttributes(at)]
    const attributes = { ...drawn, headSize: fittingHead(dtype, drawn.headSize) }
    const { operands, rows } = pagedCache(at, dtype, attributes.kvHeads, attributes.headSize)
    return [[...operands, at.f32([rows, attributes.heads * attributes.headSize])], attributes]
  },
  replaceRows(at) {
    const [rows, entries, width] = [at.extent(1, 20), at.extent(1, 9), at.extent(1, 70)]
    const indices = Array.from({ length: rows }, () => at.random.integer(-1, entries))
    return [[at.f32([rows, width]), at.f32([entries, width]), at.indices(indices)]]
  },
  replaceRowsGradient(at) {
    const [rows, width] = [at.extent(1, 20), at.extent(1, 70)]
    const indices = Array.from({ length: rows }, () => at.random.integer(-1, 2))
    return [[at.f32([rows, width]), at.indices(indices)]]
  },
  reshape(at) {
    const [rows, width, depth] = [at.extent(1, 9), at.extent(1, 20), at.extent(1, 5)]
    return [[at.f32([rows, width, depth])], { shape: [rows * width, depth] }]
  },
  rmsNorm: norm(false),
  rmsNormGradientInput: norm(true),
  rmsNormGradientWeight(at) {
    const [rows, width] = [at.extent(1, 20), at.extent(1, 70)]
    return [[at.f32([rows, width]), at.f32([rows, width]), at.f32([rows])]]
  },
  rope(at) {
    const [rows, heads, half] = [at.extent(1, 20), at.extent(1, 4), at.extent(1, 12)]
    const headSize = 2 * half + at.extent(0, 8)
    const table = at.f32([rows, 2 * half])
    return [[at.f32([rows, heads * headSize]), table], { headSize, inverse: at.happens(0.5) }]
  },
  ropeTable(at) {
    const [rows, half] = [at.extent(1, 20), at.extent(1, 12)]
    const frequencies = at.f64([2, half], () => at.random.float())
    const operands = [at.randomIndices(rows, 5000), at.randomIndices(rows, 2), frequencies]
    return [operands, { shortScale: 1, longScale: 1.19 }]
  },
  scale: (at) => [[at.f32([at.extent(1, 20), at.extent(1, 70)])], { factor: at.random.normal() }],
  scaleByScalar: (at) => [[at.f32([at.extent(1, 20), at.extent(1, 70)]), at.f32([1])]],
  scatterRows(at) {
    const [rows, count] = [at.extent(1, 9), at.extent(1, 20)]
    const indices = Array.from({ length: count }, () => at.random.integer(-1, rows))
    return [[at.f32([count, at.extent(1, 70)]), at.indices(indices)], { rows }]
  },
  siluMultiply(at) {
    const amplitude = at.random.pick([4, 60])
    return [[at.f32([at.extent(1, 20), 2 * at.extent(1, 40)], () => amplitude * at.random.normal())]]
  },
  siluMultiplyGradient(at) {
    const [rows, width] = [at.extent(1, 20), at.extent(1, 40)]
    return [[at.f32([rows, 2 * width]), at.f32([rows, width])]]
  },
  splitColumns(at) {
    const widths = Array.from({ length: at.extent(1, 4) }, () => at.extent(1, 40))
    return [[at.f32([at.extent(1, 20), widths.reduce((sum, width) => sum + width, 0)])], { widths }]
  },
  squaredNorm(at) {
    // A block of 16384 elements, with 1 (113 * 145), with 2031 more (127 * 145), any number.
    const any = [at.extent(1, 300), at.extent(1, 130)]
    return [[at.f32(at.inTurn([[128, 128], [113, 145], [127, 145], any]))]]
  },
  topK(at) {
    const columns = at.inTurn([at.extent(1, 40), at.extent(250, 700), at.extent(3000, 4000)])
    const k = Math.min(columns, at.inTurn([1, at.extent(2, 70), 256, columns]), 256)
    const rare = at.random.pick([NaN, Infinity, -Infinity, -0])
    // Few different values, which are often equal, or many; nearly all of them -Infinity in some.
    const samples = [
      (): number => at.random.normal(),
      (): number => at.random.integer(-2, 3) * at.random.pick([0.5, -0.5]),
      (): number => (at.happens(0.01) ? at.random.normal() : -Infinity),
      (): number => 1e-40 * at.random.normal(),
    ]
    const sample = at.inTurn(samples)
    const x = at.f32([at.extent(1, 6), columns], () => (at.happens(0.01) ? rare : sample()))
    for (const values of [...Object.values(at.inputs), ...at.store.values()]) negateNaN(values)
    return [[x], { k }]
  },
  weightedSum(at) {
    const rows = at.extent(1, 40)
    return [[at.f32([rows]), at.f32([rows])]]
  },
}

/** Operations for which a case can be drawn, in alphabetical order. */
export const drawnKinds: readonly string[] = Object.keys(draws).toSorted()

/** A random case of this operation; the same seed draws the same case. */
export function drawCase(kind: string, seed: number): OpCase {
  const draw = draws[kind]
  if (draw === undefined) throw new Error(`no case for "${kind}"`)
  const at = new CaseBuilder(`${kind}:${seed}`, seed, new Random(seed).fork(kind))
  const [inputs, attributes = {}] = draw(at)
  const outputs = at.trace.apply(kind, inputs, attributes)
  outputs.forEach((output, index) => at.trace.output(`y${index}`, output))
  return at.finish()
}

/** Puts a case's parameters and states into a device. */
export async function fillStore(device: Device, { store }: Pick<OpCase, 'store'>): Promise<void> {
  for (const [name, values] of store) {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
    await device.fill(name, (target, offset) => target.set(bytes.subarray(offset, offset + target.length)))
  }
}

/** Everything that a case computes: its outputs, and what its states and parameters hold afterwards. */
export async function runCase(device: Device, one: OpCase): Promise<Record<string, Float32Array>> {
  await fillStore(device, one)
  const outputs = await device.run(one.program.name, one.inputs)
  for (const name of one.store.keys()) {
    const { dtype, shape } = device.typeOf(name)
    if (isKvDType(dtype)) outputs[name] = packedValues(dtype, await device.readBytes(name), shape)
    else if (dtype === 'f32') outputs[name] = await device.read(name)
    else if (dtype === 'f16') outputs[name] = f16ToF32(new Uint16Array((await device.readBytes(name)).buffer))
  }
  return outputs
}
