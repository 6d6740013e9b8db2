/** Writing random models: in the published layout, or directly in our packed one. */
import type { BlockDType } from '../base/dtype.ts'
import { present } from '../base/errors.ts'
import { f32ToBf16 } from '../blocks/half.ts'
import { packSlabs } from '../blocks/packed.ts'
import { writeFolderAtomic, type FaultInjector } from '../formats/atomic.ts'
import { checkDiskSpace, type FreeBytes } from '../formats/disk-space.ts'
import { tensorBytes } from '../formats/header.ts'
import { packedEntry, packedMetadata, type PackedType } from '../formats/packed-checkpoint.ts'
import { writeCheckpoint, type Metadata, type TensorEntry } from '../formats/safetensors-writer.ts'
import { configuredTensors, type RandomTensor } from './random-weights.ts'
import { watched, type WatchOptions } from './watched.ts'

export interface InitOptions extends WatchOptions {
  readonly seed: number
  /** Our blocks for the matrices, and f32 for the vectors; all in bf16 where left out. */
  readonly packed?: BlockDType
  /**
   * Data of a file of weights; the hub cuts at 5 GB, which is the default for bf16. Packed weights are in one file unless it
   * is given.
   */
  readonly maxShardBytes?: number
  /** What else goes into the folder, such as a tokenizer, by file name. */
  readonly companions?: ReadonlyMap<string, Uint8Array>
  /** Replaces a folder that is there. */
  readonly replace?: boolean
  /** For tests: a full or a dying disk. */
  readonly freeBytes?: FreeBytes
  readonly faults?: FaultInjector
}

export interface InitializedModel {
  /** The files of the weights, the index last. */
  readonly files: readonly string[]
  /** Of all tensors. */
  readonly bytes: number
  readonly parameters: number
}

/** Where the Hugging Face hub's own tools cut, and the published checkpoints are cut. */
export const hubShardBytes = 5_000_000_000

/** Values that are made and written at a time. */
const chunkElements = 1 << 20

/** Headers, index and config.json: a few hundred bytes a tensor. */
const overheadBytes = 1 << 20

/**
 * Writes a model folder with random weights: those of random-weights.ts in bf16, or those rounded to blocks once more.
 * Tensors are made piece by piece while they are written, so that neither memory nor disk holds more than the result.
 *
 * @param config a config.json
 * @param out the folder, which is there whole or not at all
 * @throws PocketPhiError `out-of-memory` before anything is written when the disk has too little room; `invalid-config`,
 * `not-supported` for a model that is not built; `shape` when the columns of a matrix do not divide into groups;
 * `invalid-argument` when the folder exists; `aborted`
 */
export async function initModel(config: unknown, out: string, options: InitOptions): Promise<InitializedModel> {
  const { companions = new Map<string, Uint8Array>(), packed, replace = false, freeBytes, faults } = options
  const tensors = configuredTensors(config, options.seed)
  const { entries, metadata } = packed === undefined ? plainEntries(tensors) : packedEntries(tensors, packed)
  const bytes = entries.reduce((sum, entry) => sum + storedBytes(entry), 0)
  const others = [...companions.values()].reduce((sum, { length }) => sum + length, 0)
  await checkDiskSpace(out, bytes + others + overheadBytes, freeBytes)

  const maxShardBytes = options.maxShardBytes ?? (packed === undefined ? hubShardBytes : Infinity)
  let files: readonly string[] = []
  await writeFolderAtomic(
    out,
    async (folder) => {
      await folder.writeFile('config.json', `${JSON.stringify(config, undefined, 2)}\n`)
      for (const [name, data] of companions) await folder.writeFile(name, data)
      files = await writeCheckpoint(
        watched(entries, 'writing random weights', bytes, options),
        metadata,
        maxShardBytes,
        folder.writeFile,
      )
    },
    { replace, ...(faults && { faults }) },
  )
  return { files, bytes, parameters: tensors.reduce((sum, { elements }) => sum + elements, 0) }
}

interface Layout {
  readonly entries: readonly TensorEntry[]
  readonly metadata: Metadata
}

/** As the published files: everything in bf16. */
function plainEntries(tensors: readonly RandomTensor[]): Layout {
  const entries = tensors.map((tensor): TensorEntry => {
    const { name, shape } = tensor
    return { name, dtype: 'BF16', shape, data: () => chunks(tensor, (values) => bytesOf(f32ToBf16(values))) }
  })
  // What the files on the hub say of themselves.
  return { entries, metadata: { format: 'pt' } }
}

function packedEntries(tensors: readonly RandomTensor[], dtype: BlockDType): Layout {
  const types = new Map<string, PackedType>()
  const entries = tensors.map((tensor): TensorEntry => {
    const { name, shape } = tensor
    const [rows, columns] = shape
    if (shape.length !== 2 || rows === undefined || columns === undefined) {
      return { name, dtype: 'F32', shape, data: () => chunks(tensor, bytesOf) }
    }
    const type: PackedType = { dtype, shape: [rows, columns] }
    types.set(name, type)
    return packedEntry(name, type, () => {
      const next = tensor.start()
      return packSlabs(dtype, rows, columns, (_, count) => next(count * columns))
    })
  })
  return { entries, metadata: packedMetadata(types) }
}

function* chunks(
  { start, elements }: RandomTensor,
  bytes: (values: Float32Array) => Uint8Array,
): Generator<Uint8Array> {
  const next = start()
  for (let done = 0; done < elements; done += chunkElements) {
    yield bytes(next(Math.min(chunkElements, elements - done)))
  }
}

function bytesOf(array: Float32Array | Uint16Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
}

function storedBytes({ name, dtype, shape }: TensorEntry): number {
  return present(tensorBytes(dtype, shape), `the size of ${name}`)
}
