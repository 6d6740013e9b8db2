/** Products, and the answers or the gradients of a small model, on a backend, against plain float64 arithmetic. */
import { Argument, type Command } from 'commander'
import type { Backend, Device, RunInputs } from '../backends/backend.ts'
import { referenceBackend } from '../backends/ref/index.ts'
import { wasmBackend } from '../backends/wasm/index.ts'
import { hasRelaxedSimd, kernelModule } from '../backends/wasm/module.ts'
import { panelRepacker } from '../backends/wasm/repack.ts'
import { elementCount, isKDType, isPanelDType, type DType, type GgmlDType, type PanelDType } from '../base/dtype.ts'
import { PocketPhiError } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import { ggmlTypeOf, writeHalf } from '../blocks/ggml.ts'
import { quantizeGgml } from '../blocks/ggml-quantize.ts'
import {
  repackedDTypes,
  repackGgml,
  repackPanel,
  type RepackedGgmlType,
  type RepackPanel,
} from '../blocks/ggml-repack.ts'
import { kTypes } from '../blocks/k-panels.ts'
import { f32ToF16 } from '../blocks/half.ts'
import { packMatrix, panelRows } from '../blocks/packed.ts'
import { tracePrograms } from '../engine/programs.ts'
import { Scheduler } from '../engine/scheduler.ts'
import { clipTower, patchesOfSide } from '../models/clip.ts'
import { modelFromConfig, type Model } from '../models/index.ts'
import { traceVision, visionIndices } from '../models/trace-vision.ts'
import { gelu } from '../program/ops/index.ts'
import { tensorType } from '../program/ops/definition.ts'
import type { CacheDType } from '../program/ops/cache.ts'
import { linear, matmul } from '../program/ops/matrix.ts'
import type { Program } from '../program/program.ts'
import { Trace } from '../program/trace.ts'
import { packBatch } from '../train/step/batches.ts'
import { stateNames, traceTraining } from '../train/step/programs.ts'
import { wideTestCommand, wideUses, type WideUse } from './wide.ts'

/** Adds the command that tests wide vectors in the process that it is called in. */
export function registerWideTest(program: Command): void {
  const use = new Argument('<use>').choices(wideUses)
  program
    .command(wideTestCommand, { hidden: true })
    .addArgument(use)
    .action(async (wanted: WideUse) => {
      // Each of the kernels that the backend may choose: it measures which products are the faster ones when it is opened.
      const backends = (['fours', 'pairs'] as const).map((choice) =>
        wasmBackend({ threads: 1, wide: true, products: choice }),
      )
      const found = (await firstMismatch(backends, wanted)) ?? (await firstRepackedOtherwise())
      if (found === undefined) return
      throw new PocketPhiError('device-lost', 'Wide vectors compute something else than the reference.', { found })
    })
}

/**
 * The first kind of blocks of a GGUF file that the kernel for it repacks to other bytes than plain TypeScript; undefined if none. It knows no wide
 * vectors, but V8 may pair its instructions too.
 */
export async function firstRepackedOtherwise(given?: RepackPanel): Promise<string | undefined> {
  const repack = given ?? panelRepacker(await kernelModule(hasRelaxedSimd() ? 'relaxed' : 'baseline', false), false)
  for (const type of repackedTypes) {
    const bytes = quantizeGgml(type, randomValues(type, panelRows * inner))
    const [expected, found] = [bytes.slice(), bytes.slice()]
    const kept = [repackPanel(type, expected, panelRows, inner), repack(type, found, panelRows, inner)]
    if (!kept.every(Boolean) || found.some((byte, at) => byte !== expected[at])) return `repacking of ${type}`
  }
  return undefined
}

const repackedTypes = Object.keys(repackedDTypes) as RepackedGgmlType[]

/** Results that should be equal, by what they are. */
type Results = ReadonlyMap<string, Float32Array>

/** The largest error, as a share of the largest value, that rounding to f32 explains. */
const tolerance = 1e-3

/** Compares backends with the reference; the name of the first result that differs, undefined if none does. */
export async function firstMismatch(backends: readonly Backend[], use: WideUse): Promise<string | undefined> {
  for (const compute of use === 'answers' ? [products, answers, sight] : [products, gradients]) {
    const expected = await compute(referenceBackend())
    for (const backend of backends) {
      const found = await compute(backend)
      for (const [name, values] of expected) if (!areClose(found.get(name), values)) return name
    }
  }
  return undefined
}

function areClose(found: Float32Array | undefined, expected: Float32Array): boolean {
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  return expected.every(
    (value, index) => Math.abs(value - (found?.[index] ?? Number.NaN)) <= tolerance * largest + 1e-7,
  )
}

function randomValues(label: string, count: number): Float32Array {
  const random = new Random(1).fork(label)
  return Float32Array.from({ length: count }, () => random.normal())
}

/** Extents that are no multiples of a tile. */
const [rows, inner, columns] = [53, 256, 75]

const groupFormats = ([4, 8] as const).flatMap((bits) =>
  ([32, 64, 128] as const).map((group) => `q${bits}g${group}` as const),
)
const panelFormats: readonly PanelDType[] = [...groupFormats, 'q4k', 'q5k', 'q6k']
const ggmlFormats: readonly GgmlDType[] = ['Q4_1', 'Q5_0', 'Q5_1', 'Q2_K', 'Q3_K']

/** Dense products in every orientation, and packed ones with int8 (where they are defined) and with f32 activations. */
async function products(backend: Backend): Promise<Results> {
  const programs: Program[] = []
  const add = (name: string, product: (trace: Trace) => ReturnType<typeof matmul>): void => {
    const trace = new Trace(name)
    trace.output('product', product(trace))
    programs.push(trace.finish())
  }
  const matrix = (trace: Trace, name: string, ...shape: number[]) =>
    trace.bind('parameter', name, tensorType('f32', ...shape))
  for (const transposeLeft of [false, true]) {
    for (const transposeRight of [false, true]) {
      add(
        `product, left ${transposeLeft ? 'transposed' : 'as is'}, right ${transposeRight ? 'transposed' : 'as is'}`,
        (trace) => {
          const left = transposeLeft ? matrix(trace, 'leftT', inner, rows) : matrix(trace, 'left', rows, inner)
          const right = transposeRight
            ? matrix(trace, 'rightT', columns, inner)
            : matrix(trace, 'right', inner, columns)
          return matmul(left, right, { transposeLeft, transposeRight })
        },
      )
    }
  }
  for (const dtype of [...panelFormats, ...ggmlFormats]) {
    // Many rows, the four of a guess, two and one go different ways.
    for (const count of [rows, 4, 2, 1]) {
      for (const activations of isPanelDType(dtype) ? (['int8', 'f32'] as const) : (['f32'] as const)) {
        add(`product of ${count} rows with ${dtype} and ${activations}`, (trace) => {
          const weight = trace.bind('parameter', dtype, { dtype, shape: [columns, inner] })
          return linear(matrix(trace, `rows of ${count}`, count, inner), weight, activations)
        })
      }
    }
  }
  const device = await backend.open(programs)
  try {
    for (const name of device.names()) await fillRandomly(device, name)
    const results = new Map<string, Float32Array>()
    for (const { name } of programs) {
      const { product } = await device.run(name, {})
      if (product !== undefined) results.set(name, product)
    }
    return results
  } finally {
    await device.dispose()
  }
}

async function fillRandomly(device: Device, name: string): Promise<void> {
  const { dtype, shape } = device.typeOf(name)
  const values = randomValues(name, elementCount(shape))
  if (dtype === 'f32') return device.write(name, values)
  const [height = 0, width = 0] = shape
  const bytes = packed(values, height, width, dtype)
  await device.fill(name, (piece, offset) => piece.set(bytes.subarray(offset, offset + piece.length)))
}

function packed(values: Float32Array, height: number, width: number, dtype: DType): Uint8Array {
  if (dtype === 'Q2_K' || dtype === 'Q3_K') return randomBlocks(dtype, values)
  if (!isPanelDType(dtype)) return quantizeGgml(dtype as Exclude<GgmlDType, 'Q2_K' | 'Q3_K'>, values)
  if (!isKDType(dtype)) return packMatrix(values, height, width, dtype)
  return repackGgml(kTypes[dtype], quantizeGgml(kTypes[dtype], values), height, width)
}

/** Blocks that are read but not written here: any bits, but for scales of about the size of the values. */
function randomBlocks(dtype: GgmlDType, values: Float32Array): Uint8Array {
  const { blockLength, blockBytes, scales } = ggmlTypeOf(dtype)
  const random = new Random(1).fork(dtype)
  const bytes = Uint8Array.from({ length: (values.length / blockLength) * blockBytes }, () => random.integer(0, 256))
  const halves = f32ToF16(values.map((value) => 0.01 * (1 + Math.abs(value))))
  for (let block = 0; block * blockBytes < bytes.length; block++) {
    for (const scale of scales) writeHalf(bytes, block * blockBytes + scale, halves[block] as number)
  }
  return bytes
}

const tinyModel = {
  model_type: 'phi3',
  vocab_size: 157,
  hidden_size: 96,
  intermediate_size: 160,
  num_hidden_layers: 1,
  num_attention_heads: 3,
  num_key_value_heads: 1,
  max_position_embeddings: 128,
  tie_word_embeddings: true,
}

/** One with attention to some blocks, and one with experts. */
const [tinySparse, tinyMixture] = [
  {
    ...tinyModel,
    model_type: 'phi3small',
    num_attention_heads: 6,
    num_key_value_heads: 3,
    ff_intermediate_size: 160,
    blocksparse_block_size: 8,
    blocksparse_num_local_blocks: 2,
    blocksparse_vert_stride: 3,
    dummy_token_indices: [],
  },
  { ...tinyModel, model_type: 'phimoe', tie_word_embeddings: false, num_local_experts: 4, router_jitter_noise: 0.1 },
]
/** One that sees, whose projector is trained. */
const tinySeeing = {
  ...tinyModel,
  model_type: 'phi3_v',
  img_processor: {
    ...{ name: 'clip_vision_model', hidden_size: 12, intermediate_size: 24 },
    ...{ num_hidden_layers: 2, num_attention_heads: 1 },
  },
  embd_layer: { embedding_cls: 'image', use_hd_transform: true },
}
const tinyModels: readonly Readonly<Record<string, unknown>>[] = [tinyModel, tinySparse, tinyMixture, tinySeeing]

const optimizer = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, decayVectors: false }

async function gradients(backend: Backend): Promise<Results> {
  const results: [string, Float32Array][] = []
  for (const config of tinyModels) results.push(...(await gradientsOf(backend, config)))
  return new Map(results)
}

/** The loss and all gradients of a small model, and a step of its optimiser, so that every kernel of training has run. */
async function gradientsOf(backend: Backend, config: unknown): Promise<Results> {
  const model = modelFromConfig(config)
  const batchRows = 120
  const traced = traceTraining(model, batchRows, optimizer)
  const device = await backend.open([traced.gradients, traced.update])
  try {
    for (const [name, values] of traced.buffers) device.write(name, values)
    for (const { name, shape, initializer } of traced.parameters) {
      const values = randomValues(name, elementCount(shape))
      device.write(name, initializer === 'ones' ? values.fill(1) : values.map((value) => 0.05 * value))
    }
    const random = new Random(2)
    const ids = Array.from({ length: 3 * batchRows }, () => random.integer(0, model.shape.vocabulary))
    const source = { example: (index: number) => ({ ids: ids.slice(index * 50, index * 50 + 50) }) }
    const { inputs } = packBatch(source, 0, batchRows, 128)
    const seen = seenInputs(model, batchRows)
    const { loss } = await device.run('gradients', { ...inputs, ...seen, seed: Float32Array.of(1) })
    const results = new Map(loss === undefined ? [] : [[`the loss of ${model.type}`, loss]])
    for (const { name } of traced.parameters) {
      results.set(`the gradient of ${name} (${model.type})`, await device.read(stateNames(name).gradient))
    }
    // A step is as large for the least gradient as for others, so that rounding must not have touched them.
    for (const { name, shape } of traced.parameters) {
      device.write(stateNames(name).gradient, randomValues(`gradient of ${name}`, elementCount(shape)))
    }
    await device.run('update', { maxNorm: Float32Array.of(1), schedule: Float32Array.of(0.01, 0.1, 0.05) })
    for (const { name } of traced.parameters)
      results.set(`the update of ${name} (${model.type})`, await device.read(name))
    return results
  } finally {
    await device.dispose()
  }
}

/** What pictures add to the inputs of a step: 40 rows of one, every tenth of them the end of a line, and the end of a view. */
function seenInputs({ vision }: Model, count: number): RunInputs {
  if (vision === undefined) return {}
  const rowsOf = (index: (row: number) => number): Int32Array =>
    Int32Array.from({ length: count }, (_, row) => index(row))
  return {
    features: randomValues('features', count * vision.featureWidth),
    pictureRows: rowsOf((row) => (row < 40 ? row : -1)),
    lineEnds: rowsOf((row) => (row % 10 === 9 ? 0 : -1)),
    viewEnds: rowsOf((row) => (row === 20 ? 0 : -1)),
  }
}

/** How weights and caches are kept in the answers that are compared. */
const answering: readonly { readonly config: unknown; readonly matrices: DType; readonly cache: CacheDType }[] = [
  { config: tinyModel, matrices: 'q4g32', cache: 'f16' },
  { config: tinyModel, matrices: 'Q5_0', cache: 'f32' },
  { config: tinyModel, matrices: 'f32', cache: 'kv8' },
  { config: tinyModel, matrices: 'f32', cache: 'kv4' },
  { config: tinySparse, matrices: 'q4g32', cache: 'f16' },
  { config: tinyMixture, matrices: 'q4g32', cache: 'f16' },
  { config: tinyMixture, matrices: 'f32', cache: 'f16' },
]

async function answers(backend: Backend): Promise<Results> {
  const results: [string, Float32Array][] = []
  for (const answer of answering) results.push(...(await answersWith(backend, answer)))
  return new Map(results)
}

/**
 * The logits of a prompt and of a few tokens after it, of a small model; then those of another that begins alike, for which a page of
 * the cache is copied. Activations are not rounded, so that a difference of the last bit does not become one of 1/127.
 */
async function answersWith(
  backend: Backend,
  { config, matrices, cache }: (typeof answering)[number],
): Promise<Results> {
  const model = modelFromConfig(config)
  const programs = tracePrograms(
    model,
    { context: 128, maxRows: 64 },
    { dtypeOf: (_, shape) => (shape.length === 2 ? matrices : 'f32'), activations: 'f32', cache },
  )
  const device = await backend.open(programs.programs)
  try {
    for (const [name, values] of programs.buffers) device.write(name, values)
    for (const { name } of programs.parameters) await fillRandomly(device, name)
    const engine = new Scheduler(programs, device)
    const random = new Random(3)
    const ids = Array.from({ length: 60 }, () => random.integer(0, engine.vocabulary))
    const sequence = await engine.open(ids)
    const results = new Map([
      [`the logits of a prompt (${model.type}, ${matrices}, ${cache})`, await sequence.logits()],
    ])
    for (const id of [1, 2, 3]) {
      sequence.append([id])
      results.set(`the logits of token ${id} after it (${model.type}, ${matrices}, ${cache})`, await sequence.logits())
    }
    sequence.close()
    const other = await engine.open([...ids.slice(0, 40), 4])
    results.set(`the logits of another prompt (${model.type}, ${matrices}, ${cache})`, await other.logits())
    return results
  } finally {
    await device.dispose()
  }
}

const tinyTower = { hidden: 48, intermediate: 100, layers: 1, heads: 3, patch: 7, side: 35, normEpsilon: 1e-5 }

/** What a small vision tower makes of a tile. */
async function sight(backend: Backend): Promise<Results> {
  const tower = { rows: patchesOfSide(tinyTower) ** 2 + 1, patchValues: 3 * tinyTower.patch ** 2 }
  const { program, parameters } = traceVision({
    ...tower,
    forward: (context) => ({ features: gelu(clipTower(context, tinyTower, 'tower', tinyTower.layers)) }),
  })
  const device = await backend.open([program])
  try {
    for (const { name } of parameters) await fillRandomly(device, name)
    const patches = randomValues('patches', tower.rows * tower.patchValues)
    const { features } = await device.run(program.name, { patches, ...visionIndices(tower.rows) })
    return new Map(features === undefined ? [] : [['what a vision tower sees', features]])
  } finally {
    await device.dispose()
  }
}
