import { blockParts, type BlockDType } from '../base/dtype.ts'
import { PocketPhiError, throwIfAborted } from '../base/errors.ts'
import type { OnProgress } from '../base/progress.ts'
import { checkTensors } from '../engine/load.ts'
import { packedEntry, packedMetadata, packedTypes, type PackedType } from '../formats/packed-checkpoint.ts'
import { floatEntry, writeSafetensors, type TensorEntry } from '../formats/safetensors-writer.ts'
import type { Checkpoint } from '../formats/safetensors.ts'
import { modelParameters, type Model } from '../models/index.ts'
import { calibrate, type CalibrationOptions } from './calibrate.ts'
import { RelativeError, roundMatrix, type RoundingMode, type TensorError } from './rounding.ts'

export interface QuantizeOptions {
  /** Bits of the matrices; default 4. */
  readonly bits?: 4 | 8
  /** Weights that share a scale, along the columns; default 32. */
  readonly group?: 32 | 64 | 128
  /** Matrices that are sensitive and get 8 bits; default none. */
  readonly eightBits?: (name: string) => boolean
  /** How matrices are rounded by themselves; default `plain`. */
  readonly rounding?: RoundingMode
  /** Fits matrices to what they are multiplied with on a text; what it does not reach is rounded by itself. */
  readonly calibration?: CalibrationOptions
  readonly onProgress?: OnProgress
  readonly signal?: AbortSignal
}

export interface Quantized {
  /** The packed file, piece by piece; nothing is held in full. */
  readonly file: AsyncGenerator<Uint8Array, void, void>
  /** Complete once `file` has been written to its end. */
  readonly errors: readonly TensorError[]
}

/**
 * Rounds the matrices of a checkpoint to blocks of 4 or 8 bits and leaves its vectors in f32. Works slab by slab, with
 * calibration layer by layer, so that a large model never stands in memory.
 *
 * @throws PocketPhiError `invalid-argument` when the checkpoint is packed already or a matrix does not divide into groups,
 * `invalid-file` when its tensors are not those of the model, by name and shape; while the file is read `aborted`,
 * `invalid-argument` for weights that are not finite or beyond the format, and what the backend of a calibration throws.
 */
export function quantize(model: Model, checkpoint: Checkpoint, options: QuantizeOptions = {}): Quantized {
  if (packedTypes(checkpoint).size > 0) {
    throw new PocketPhiError('invalid-argument', 'The checkpoint is quantised already.', {
      remedy: 'Start from the unquantised weights: rounding twice loses more than it saves.',
    })
  }
  const parameters = modelParameters(model)
  checkTensors(checkpoint, parameters, model.isUnused)
  const errors: TensorError[] = []
  return { file: quantizedFile(model, checkpoint, parameters, options, errors), errors }
}

/** The format of a matrix, or undefined for what is none. */
function packedType(
  { name, shape }: { readonly name: string; readonly shape: readonly number[] },
  { bits = 4, group = 32, eightBits = () => false }: QuantizeOptions,
): PackedType | undefined {
  const [rows, columns] = shape
  if (shape.length !== 2 || rows === undefined || columns === undefined) return undefined
  const dtype: BlockDType = `q${eightBits(name) ? 8 : bits}g${group}`
  if (columns % blockParts(dtype).group === 0) return { dtype, shape: [rows, columns] }
  throw new PocketPhiError('invalid-argument', `"${name}" cannot be cut into groups of ${group}.`, {
    expected: `a number of columns that ${group} divides`,
    found: String(columns),
    remedy: 'Choose a smaller group.',
  })
}

async function* quantizedFile(
  model: Model,
  checkpoint: Checkpoint,
  parameters: readonly { readonly name: string; readonly shape: readonly number[] }[],
  options: QuantizeOptions,
  errors: TensorError[],
): AsyncGenerator<Uint8Array, void, void> {
  const { rounding = 'plain', calibration, onProgress, signal } = options
  const types = new Map<string, PackedType>()
  for (const parameter of parameters) {
    const type = packedType(parameter, options)
    if (type !== undefined) types.set(parameter.name, type)
  }
  const report = (stage: string): void =>
    onProgress?.({ stage, done: errors.length, total: types.size, unit: 'tensors' })
  const finished = (error: TensorError): void => {
    errors.push(error)
    report('quantising')
  }

  if (calibration !== undefined) {
    await calibrate(model, checkpoint, types, calibration, { signal, onMatrix: finished, onStep: report })
  }
  const calibrated = new Set(errors.map(({ name }) => name))

  const roundAlone = async function* (name: string, type: PackedType): AsyncGenerator<Uint8Array> {
    const error = new RelativeError()
    yield* roundMatrix(checkpoint, name, type, rounding, error, signal)
    finished({ name, dtype: type.dtype, relativeError: error.value })
  }
  const entries: TensorEntry[] = []
  for (const { name, shape } of parameters) {
    throwIfAborted(signal)
    const type = types.get(name)
    if (type === undefined) entries.push(floatEntry(name, shape, await checkpoint.readFloat32(name)))
    else if (calibrated.has(name) && calibration !== undefined) {
      entries.push(packedEntry(name, type, () => calibration.store.pieces(name)))
    } else entries.push(packedEntry(name, type, () => roundAlone(name, type)))
  }
  yield* writeSafetensors(entries, packedMetadata(types))
}
