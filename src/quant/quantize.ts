import { blockParts, type BlockDType } from '../base/dtype.ts'
import { PocketPhiError, throwIfAborted } from '../base/errors.ts'
import type { OnProgress } from '../base/progress.ts'
import { packSlabs, unpackMatrix } from '../blocks/packed.ts'
import { checkTensors } from '../engine/load.ts'
import { packedEntry, packedMetadata, packedTypes, type PackedType } from '../formats/packed-checkpoint.ts'
import { floatEntry, writeSafetensors, type TensorEntry } from '../formats/safetensors-writer.ts'
import type { Checkpoint } from '../formats/safetensors.ts'
import type { Model } from '../models/index.ts'
import { traceSequences } from '../models/trace.ts'

export interface QuantizeOptions {
  /** Bits of the matrices; default 4. */
  readonly bits?: 4 | 8
  /** Weights that share a scale, along the columns; default 32. */
  readonly group?: 32 | 64 | 128
  /** Matrices that are sensitive and get 8 bits; default none. */
  readonly eightBits?: (name: string) => boolean
  readonly onProgress?: OnProgress
  readonly signal?: AbortSignal
}

/** How far a packed matrix is from what it was. */
export interface TensorError {
  readonly name: string
  readonly dtype: BlockDType
  /** Root mean square of the error over that of the weights. */
  readonly relativeError: number
}

export interface Quantized {
  /** The packed file, piece by piece; nothing is held in full. */
  readonly file: AsyncGenerator<Uint8Array, void, void>
  /** Complete once `file` has been written to its end. */
  readonly errors: readonly TensorError[]
}

/** Sums of squares: of the rounding error, and of the weights. */
function squaredError(values: Float32Array, bytes: Uint8Array, dtype: BlockDType, rows: number): [number, number] {
  const rounded = unpackMatrix(bytes, dtype, rows, values.length / rows)
  let error = 0
  let size = 0
  values.forEach((value, index) => {
    error += (value - (rounded[index] ?? 0)) ** 2
    size += value * value
  })
  return [error, size]
}

/**
 * Rounds the matrices of a checkpoint to blocks of 4 or 8 bits (nearest grid point, scales of least squared error) and
 * leaves its vectors in f32. Works slab by slab, so that a large model never stands in memory.
 *
 * @throws PocketPhiError `invalid-argument` when the checkpoint is packed already or a matrix does not divide into groups,
 * `invalid-file` when its tensors are not those of the model, by name and shape, `aborted`.
 */
export function quantize(model: Model, checkpoint: Checkpoint, options: QuantizeOptions = {}): Quantized {
  const { bits = 4, group = 32, eightBits = () => false, onProgress, signal } = options
  if (packedTypes(checkpoint).size > 0) {
    throw new PocketPhiError('invalid-argument', 'The checkpoint is quantised already.', {
      remedy: 'Start from the unquantised weights: rounding twice loses more than it saves.',
    })
  }
  const { parameters } = traceSequences(model, 'parameters', 1)
  checkTensors(checkpoint, parameters)
  const types = new Map<string, PackedType>()
  const errors: TensorError[] = []
  const total = parameters.length

  const packed = async function* (name: string, { dtype, shape }: PackedType): AsyncGenerator<Uint8Array> {
    const [rows, columns] = shape
    let [error, size] = [0, 0]
    const slabs: Float32Array[] = []
    const readRows = async (first: number, count: number): Promise<Float32Array> => {
      throwIfAborted(signal)
      const values = await checkpoint.readFloat32(name, { rows: { first, count } })
      slabs.push(values)
      return values
    }
    for await (const bytes of packSlabs(dtype, rows, columns, readRows)) {
      const values = slabs.pop()
      if (values !== undefined) {
        const [slabError, slabSize] = squaredError(values, bytes, dtype, values.length / columns)
        error += slabError
        size += slabSize
      }
      yield bytes
    }
    errors.push({ name, dtype, relativeError: Math.sqrt(error / Math.max(size, Number.MIN_VALUE)) })
    onProgress?.({ stage: 'quantising', done: errors.length, total, unit: 'tensors' })
  }

  const entryOf = async (name: string, shape: readonly number[]): Promise<TensorEntry> => {
    const [rows, columns] = shape
    if (rows === undefined || columns === undefined) {
      return floatEntry(name, shape, await checkpoint.readFloat32(name))
    }
    const dtype: BlockDType = `q${eightBits(name) ? 8 : bits}g${group}`
    if (columns % blockParts(dtype).group !== 0) {
      throw new PocketPhiError('invalid-argument', `"${name}" cannot be cut into groups of ${group}.`, {
        expected: `a number of columns that ${group} divides`,
        found: String(columns),
        remedy: 'Choose a smaller group.',
      })
    }
    const type: PackedType = { dtype, shape: [rows, columns] }
    types.set(name, type)
    return packedEntry(name, type, () => packed(name, type))
  }

  const file = async function* (): AsyncGenerator<Uint8Array, void, void> {
    const entries: TensorEntry[] = []
    for (const { name, shape } of parameters) entries.push(await entryOf(name, shape))
    yield* writeSafetensors(entries, packedMetadata(types))
  }
  return { file: file(), errors }
}
