/** Rounding matrices of a checkpoint by themselves, slab by slab, without looking at what they are multiplied with. */
import { blockParts, type BlockDType } from '../base/dtype.ts'
import { PocketPhiError, throwIfAborted } from '../base/errors.ts'
import { packIntegers, packMatrix, unpackMatrix } from '../blocks/packed.ts'
import type { PackedType } from '../formats/packed-checkpoint.ts'
import type { Checkpoint } from '../formats/safetensors.ts'
import { integerRange, nearestInteger, scaleSearch } from './scale-search.ts'

/** `plain`: a dozen scales are tried for each group. `search`: the scale of least squared error is found. */
export type RoundingMode = 'plain' | 'search'

/** How far a packed matrix is from what it was. */
export interface TensorError {
  readonly name: string
  readonly dtype: BlockDType
  /** Root mean square of the error over that of the weights. */
  readonly relativeError: number
  /** The same of what the matrix made of the text that it was calibrated on; undefined where it was not. */
  readonly outputError?: number
}

/** Sums the squares of an error and of what it is an error of. */
export class RelativeError {
  #error = 0
  #size = 0

  add(error: number, size: number): void {
    this.#error += error
    this.#size += size
  }

  /** Adds rows of a matrix and what was packed of them. */
  addPacked(values: Float32Array, bytes: Uint8Array, dtype: BlockDType, columns: number): void {
    const rounded = unpackMatrix(bytes, dtype, values.length / columns, columns)
    let [error, size] = [0, 0]
    values.forEach((value, index) => {
      error += (value - (rounded[index] ?? 0)) ** 2
      size += value * value
    })
    this.add(error, size)
  }

  /** The root of the quotient. */
  get value(): number {
    return Math.sqrt(this.#error / Math.max(this.#size, Number.MIN_VALUE))
  }
}

/**
 * Rows of a matrix as f32.
 * @throws PocketPhiError `invalid-argument` when one is not finite, and what reading throws
 */
export async function readFiniteRows(
  checkpoint: Checkpoint,
  name: string,
  rows: { readonly first: number; readonly count: number },
): Promise<Float32Array> {
  const values = await checkpoint.readFloat32(name, { rows })
  const wrong = values.findIndex((value) => !Number.isFinite(value))
  if (wrong < 0) return values
  throw new PocketPhiError('invalid-argument', `"${name}" holds a weight that is not finite.`, {
    found: `${values[wrong]} in row ${rows.first + Math.floor((wrong * rows.count) / values.length)}`,
    remedy: 'Check the checkpoint: a diverged training run or a torn file leaves such values.',
  })
}

/** Rows that are rounded at a time. */
const slabRows = 256

/**
 * The bytes of a packed matrix, slab by slab; `error` takes in what is lost.
 * @throws PocketPhiError `invalid-argument` for weights that are not finite or beyond the format, `aborted`
 */
export async function* roundMatrix(
  checkpoint: Checkpoint,
  name: string,
  { dtype, shape: [rows, columns] }: PackedType,
  mode: RoundingMode,
  error: RelativeError,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const pack = mode === 'plain' ? packMatrix : searchingPacker(dtype)
  for (let first = 0; first < rows; first += slabRows) {
    throwIfAborted(signal)
    const count = Math.min(slabRows, rows - first)
    const values = await readFiniteRows(checkpoint, name, { first, count })
    const bytes = pack(values, count, columns, dtype)
    error.addPacked(values, bytes, dtype, columns)
    yield bytes
  }
}

type Packer = (values: Float32Array, rows: number, columns: number, dtype: BlockDType) => Uint8Array

function searchingPacker(dtype: BlockDType): Packer {
  const { bits, group } = blockParts(dtype)
  const [lowest, highest] = integerRange(bits)
  const search = scaleSearch(bits, group)
  return (values, rows, columns) => {
    const scales = new Float32Array(values.length / group)
    const integers = new Int8Array(values.length)
    for (let index = 0; index < scales.length; index++) {
      const scale = search(values, index * group)
      scales[index] = scale
      for (let element = index * group; element < (index + 1) * group; element++) {
        integers[element] = nearestInteger(values[element] as number, scale, lowest, highest)
      }
    }
    return packIntegers(integers, scales, rows, columns, dtype)
  }
}
