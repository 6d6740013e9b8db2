/** Writing random models: in the published layout, or directly in our packed one. */
import type { BlockDType } from '../base/dtype.ts'
import { PocketPhiError, present, throwIfAborted } from '../base/errors.ts'
import type { OnProgress } from '../base/progress.ts'
import { f32ToBf16 } from '../blocks/half.ts'
import { packSlabs } from '../blocks/packed.ts'
import { writeFolderAtomic, type FaultInjector } from '../formats/atomic.ts'
import { checkDiskSpace, type FreeBytes } from '../formats/disk-space.ts'
import { tensorBytes } from '../formats/header.ts'
import { isJsonObject } from '../formats/json.ts'
import { packedEntry, packedMetadata, type PackedType } from '../formats/packed-checkpoint.ts'
import { writeCheckpoint, type ByteChunks, type Metadata, type TensorEntry } from '../formats/safetensors-writer.ts'
import { modelFromConfig } from '../models/index.ts'
import { randomTensors, type RandomTensor } from './random-weights.ts'

export interface InitOptions {
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
  readonly onProgress?: OnProgress
  readonly signal?: AbortSignal
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
 * Writes a model folder with random weights: the values of `randomTensors`, rounded to blocks if asked for (then the file is
 * to the byte what quantising the bf16 checkpoint gives). Tensors are made piece by piece while they are written, so that
 * neither memory nor disk holds more of them than the result.
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
      files = await writeCheckpoint(watched(entries, bytes, options), metadata, maxShardBytes, folder.writeFile)
    },
    { replace, ...(faults && { faults }) },
  )
  return { files, bytes, parameters: tensors.reduce((sum, { elements }) => sum + elements, 0) }
}

/** The random tensors of a model, with the standard deviation that its configuration names. */
function configuredTensors(config: unknown, seed: number): RandomTensor[] {
  const model = modelFromConfig(config)
  const range = isJsonObject(config) ? config['initializer_range'] : undefined
  if (range === undefined || range === null) return randomTensors(model, seed)
  if (typeof range === 'number' && range > 0 && Number.isFinite(range)) return randomTensors(model, seed, range)
  throw new PocketPhiError('invalid-config', 'The field "initializer_range" cannot be used.', {
    expected: 'a positive number',
    found: JSON.stringify(range),
  })
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
    if (rows === undefined || columns === undefined) {
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

/** Entries that say how far they are while they are written, and stop when they are to. */
function watched(
  entries: readonly TensorEntry[],
  total: number,
  { onProgress, signal }: Pick<InitOptions, 'onProgress' | 'signal'>,
): TensorEntry[] {
  let done = 0
  const watch = async function* (data: TensorEntry['data']): AsyncGenerator<Uint8Array> {
    const pieces: ByteChunks = data instanceof Uint8Array ? [data] : data()
    for await (const piece of pieces) {
      throwIfAborted(signal)
      yield piece
      done += piece.length
      onProgress?.({ stage: 'writing random weights', done, total, unit: 'bytes' })
    }
  }
  return entries.map((entry) => ({ ...entry, data: () => watch(entry.data) }))
}
