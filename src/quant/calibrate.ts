/**
 * Choosing the integers of a model by what its matrices are multiplied with: the model runs over a text stage by stage, with
 * the weights of one layer in memory, and every matrix is rounded so that its outputs on that text change least. What
 * comes before it is rounded already, so that it is fitted to the inputs that it will see.
 */
import type { Backend, Device, RunInputs } from '../backends/backend.ts'
import { blockParts } from '../base/dtype.ts'
import { present, throwIfAborted } from '../base/errors.ts'
import { packIntegers, panelBytes, panelRows, unpackMatrix } from '../blocks/packed.ts'
import type { PackedType } from '../formats/packed-checkpoint.ts'
import type { Checkpoint } from '../formats/safetensors.ts'
import type { Model } from '../models/index.ts'
import { calibrationRows } from './calibration-text.ts'
import { factorise } from './factor.ts'
import { feedbackRows, outputEnergy, roundWithFeedback } from './feedback.ts'
import type { PackedStore } from './packed-store.ts'
import { readFiniteRows, RelativeError, roundMatrix, type TensorError } from './rounding.ts'
import { StageDevice } from './stage-device.ts'
import {
  advanceName,
  embeddingTables,
  hiddenName,
  stagesOf,
  type CalibrationStage,
  type StageMatrix,
} from './stages.ts'
import { tileProducts, tileProgram, type TileProduct } from './tiles.ts'

export interface CalibrationOptions {
  readonly backend: Backend
  /** What the model runs over; see `calibrationBatches`. */
  readonly batches: readonly RunInputs[]
  /** Receives the packed matrices. */
  readonly store: PackedStore
}

export interface CalibrationHooks {
  readonly signal?: AbortSignal | undefined
  /** A matrix is complete in the store. */
  readonly onMatrix: (error: TensorError) => void
  /** What is going on within a matrix. */
  readonly onStep: (stage: string) => void
}

/**
 * Rounds the matrices of a model into the store. Embedding tables are rounded by themselves, first, since what they are
 * looked up for has no second moments to speak of; so is a head that is tied to one.
 *
 * @param types the format of every matrix
 * @throws PocketPhiError `aborted`, `invalid-argument` for weights that are not finite or beyond the format, and what the
 * backend and the checkpoint throw
 */
export async function calibrate(
  model: Model,
  checkpoint: Checkpoint,
  types: ReadonlyMap<string, PackedType>,
  options: CalibrationOptions,
  hooks: CalibrationHooks,
): Promise<void> {
  const tables = new Map(embeddingTables(model).map((name) => [name, typeOf(types, name)]))
  for (const [name, type] of tables) {
    const error = new RelativeError()
    for await (const piece of roundMatrix(checkpoint, name, type, 'search', error, hooks.signal)) {
      await options.store.append(name, piece)
    }
    hooks.onMatrix({ name, dtype: type.dtype, relativeError: error.value })
  }
  const formats = new Map([...tables].map(([name, { dtype }]) => [name, dtype]))
  const staged = stagesOf(model, calibrationRows, formats)
  await using stages = new StageRunner(checkpoint, staged.buffers, options, hooks)
  for (const stage of staged.stages) {
    await stages.enter(stage, new Set(tables.keys()))
    for (const matrix of stage.matrices) await stages.round(matrix, typeOf(types, matrix.name))
    await stages.advance()
  }
}

function typeOf(types: ReadonlyMap<string, PackedType>, name: string): PackedType {
  return present(types.get(name), `the format of ${name}`)
}

/** Takes the text through one stage after the other. */
class StageRunner {
  readonly #checkpoint: Checkpoint
  readonly #options: CalibrationOptions
  readonly #hooks: CalibrationHooks
  readonly #stages: StageDevice
  /** What the stage before handed on, batch by batch. */
  readonly #hidden: Float32Array[] = []

  constructor(
    checkpoint: Checkpoint,
    buffers: ReadonlyMap<string, Float64Array>,
    options: CalibrationOptions,
    hooks: CalibrationHooks,
  ) {
    this.#checkpoint = checkpoint
    this.#options = options
    this.#hooks = hooks
    this.#stages = new StageDevice(options.backend, checkpoint, buffers)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stages[Symbol.asyncDispose]()
  }

  /** Loads the weights of a stage: as they are in the checkpoint, or as the store has them in blocks. */
  async enter(stage: CalibrationStage, packed: ReadonlySet<string>): Promise<void> {
    const { signal } = this.#hooks
    throwIfAborted(signal)
    this.#hooks.onStep(`${stage.name}: loading`)
    await this.#stages.enter(stage, signal, [tileProgram()], ({ source }) => !packed.has(source))
    for (const { name, source } of stage.parameters) {
      if (packed.has(source)) await fillFrom(this.#stages.device, name, this.#options.store.pieces(source))
    }
  }

  /** Rounds one matrix of the stage into the store, and puts what it became in its place on the device. */
  async round(matrix: StageMatrix, type: PackedType): Promise<void> {
    const { store } = this.#options
    const { dtype, shape } = type
    const { device } = this.#stages
    const multiply = tileProducts(device, this.#hooks.signal)
    await device.run(matrix.clear, {})
    await this.#overText(matrix.collect, 'reading')
    this.#hooks.onStep(`${matrix.name}: factorising`)
    const factor = await device.read(matrix.moments)
    await factorise(factor, matrix.inputs, multiply)
    const errors = { weights: new RelativeError(), outputs: new RelativeError() }
    for (let first = 0; first < shape[0]; first += feedbackRows) {
      this.#hooks.onStep(`${matrix.name}: rounding`)
      await store.append(matrix.name, await this.#roundRows(matrix, type, first, factor, multiply, errors))
    }
    this.#hooks.onMatrix({
      name: matrix.name,
      dtype,
      relativeError: errors.weights.value,
      outputError: errors.outputs.value,
    })
    const parameter = this.#stages.stage.parameters.find(({ source }) => source === matrix.name)
    // A head that nothing follows is not on the device.
    if (parameter !== undefined) await fillFrom(device, parameter.name, floatsOf(store.pieces(matrix.name), type))
  }

  async #roundRows(
    { name, inputs }: StageMatrix,
    { dtype, shape }: PackedType,
    first: number,
    factor: Float32Array,
    multiply: TileProduct,
    errors: { readonly weights: RelativeError; readonly outputs: RelativeError },
  ): Promise<Uint8Array> {
    const count = Math.min(feedbackRows, shape[0] - first)
    const values = await readFiniteRows(this.#checkpoint, name, { first, count })
    const { integers, scales, error } = await roundWithFeedback(values, inputs, factor, blockParts(dtype), multiply)
    const bytes = packIntegers(integers, scales, count, inputs, dtype)
    errors.weights.addPacked(values, bytes, dtype, inputs)
    errors.outputs.add(error, await outputEnergy(values, inputs, factor, multiply))
    return bytes
  }

  /** Runs the text through the stage, to its end. */
  async advance(): Promise<void> {
    if (!this.#stages.stage.programs.some(({ name }) => name === advanceName)) return
    await this.#overText(advanceName, 'handing on')
  }

  async #overText(program: string, what: string): Promise<void> {
    const { batches } = this.#options
    for (const [index, batch] of batches.entries()) {
      this.#hooks.onStep(`${this.#stages.stage.name}: ${what} batch ${index + 1} of ${batches.length}`)
      const hidden = this.#hidden[index]
      const inputs = hidden === undefined ? batch : { ...batch, [hiddenName]: hidden }
      const outputs = await this.#stages.device.run(program, inputs, given(this.#hooks.signal))
      const next = outputs[hiddenName]
      if (next !== undefined) this.#hidden[index] = next
    }
  }
}

function given(signal: AbortSignal | undefined): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal }
}

/** The bytes of packed pieces, each of whole rows, as f32. */
async function* floatsOf(
  pieces: AsyncIterable<Uint8Array>,
  { dtype, shape: [rows, columns] }: PackedType,
): AsyncGenerator<Uint8Array, void, void> {
  const panel = panelBytes(dtype, columns)
  let first = 0
  for await (const piece of pieces) {
    const count = Math.min((piece.length / panel) * panelRows, rows - first)
    yield new Uint8Array(unpackMatrix(piece, dtype, count, columns).buffer)
    first += count
  }
}

/** Fills a tensor of the device from pieces in order, which may end anywhere. */
async function fillFrom(device: Device, name: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  const iterator = pieces[Symbol.asyncIterator]()
  let rest = new Uint8Array(0)
  await device.fill(name, async (bytes) => {
    for (let at = 0; at < bytes.length;) {
      if (rest.length === 0) rest = (await iterator.next()).value as Uint8Array<ArrayBuffer>
      const part = rest.subarray(0, bytes.length - at)
      bytes.set(part, at)
      at += part.length
      rest = rest.subarray(part.length)
    }
  })
  // What the pieces come from, a file above all, is open until they end.
  await iterator.return?.()
}
