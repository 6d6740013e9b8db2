/** Reading safetensors checkpoints, of one file or of shards with an index, tensor by tensor and slab by slab. */
import { describe, quoted } from '../base/describe.ts'
import { PocketPhiError } from '../base/errors.ts'
import { bf16ToF32, f16ToF32 } from '../blocks/half.ts'
import {
  headerLength,
  parseHeader,
  storedElementBytes,
  type Header,
  type PlacedTensor,
  type StoredDType,
  type StoredTensor,
} from './header.ts'
import { isJsonObject } from './json.ts'
import { type ByteSource } from './source.ts'
import { type FileTree } from './tree.ts'

export const singleFileName = 'model.safetensors'
export const indexFileName = 'model.safetensors.index.json'

/** Rows of the first dimension. */
export interface RowRange {
  readonly first: number
  readonly count: number
}

export interface ReadOptions {
  /** Where to read to: a view of exactly the bytes that are read. */
  readonly into?: Uint8Array
  /** Bytes within the tensor; all of them when left out. */
  readonly range?: { readonly offset: number; readonly length: number }
}

export interface ReadFloatOptions {
  /** Where to read to: exactly the elements that are read. */
  readonly into?: Float32Array
  /** Rows of the first dimension; all of them when left out. */
  readonly rows?: RowRange
}

/** An open checkpoint. Nothing of the weights is in memory until it is read. */
export interface Checkpoint {
  /** The names of all tensors, sorted. */
  names(): string[]
  has(name: string): boolean
  /** @throws PocketPhiError `not-found` */
  info(name: string): StoredTensor
  /**
   * Raw bytes of a tensor, row major, little-endian. Without `into` the result may be a view of a source in memory: it is
   * not to be written to.
   * @throws PocketPhiError `not-found`; `invalid-argument` for a range outside the tensor; errors of the source
   */
  read(name: string, options?: ReadOptions): Promise<Uint8Array>
  /**
   * A tensor of F32, F16, BF16 (exact) or F64 (rounded to nearest) as f32.
   * @throws PocketPhiError as `read`; `invalid-argument` for integer tensors
   */
  readFloat32(name: string, options?: ReadFloatOptions): Promise<Float32Array>
  /** The free metadata of the file; of all shards, the first of equal keys. */
  readonly metadata: Readonly<Record<string, string>>
  close(): Promise<void>
}

interface Shard {
  readonly source: ByteSource
  readonly header: Header
  /** Where the data begin: behind the length and the header. */
  readonly dataStart: number
}

async function readShard(source: ByteSource): Promise<Shard> {
  const start = await source.read(0, Math.min(8, source.size))
  const length = headerLength(start, source.size, source.name)
  const dataStart = 8 + length
  const header = parseHeader(await source.read(8, length), source.size - dataStart, source.name)
  return { source, header, dataStart }
}

async function closeAll(sources: readonly ByteSource[]): Promise<void> {
  await Promise.allSettled(sources.map((source) => source.close()))
}

/**
 * Opens a checkpoint: of a source that one file, of a tree `model.safetensors`, or else the shards of
 * `model.safetensors.index.json`, or else its only file `*.safetensors`. Headers are read and validated completely; a file
 * with any fault is refused here. The checkpoint owns the sources: `close` closes them, and so does a failure here.
 *
 * @param file the name of the one file or of the index within the tree
 * @throws PocketPhiError `not-found` when there is no checkpoint, `invalid-file` when it breaks a rule of the format
 */
export async function openSafetensors(from: FileTree | ByteSource, file?: string): Promise<Checkpoint> {
  if ('read' in from) return await openSources([from])
  const name = file ?? (await findCheckpoint(from))
  if (name.endsWith('.index.json')) return await openSharded(from, name)
  return await openSources([await from.open(name)])
}

async function findCheckpoint(tree: FileTree): Promise<string> {
  if (await tree.has(singleFileName)) return singleFileName
  if (await tree.has(indexFileName)) return indexFileName
  const names = await tree.list().catch(() => [])
  const candidates = names.filter((name) => name.endsWith('.safetensors'))
  const [only] = candidates
  if (only !== undefined && candidates.length === 1) return only
  throw new PocketPhiError('not-found', `There is no checkpoint in "${tree.name}".`, {
    expected: `${singleFileName} or ${indexFileName}`,
    found: candidates.length > 1 ? candidates.join(', ') : 'neither',
  })
}

async function openSources(sources: readonly ByteSource[]): Promise<Checkpoint> {
  try {
    const shards: Shard[] = []
    for (const source of sources) shards.push(await readShard(source))
    return checkpointOf(shards)
  } catch (error) {
    await closeAll(sources)
    throw error
  }
}

async function openSharded(tree: FileTree, indexName: string): Promise<Checkpoint> {
  const weightMap = readIndex(await tree.readJson(indexName), indexName)
  const folder = indexName.slice(0, indexName.lastIndexOf('/') + 1)
  const files = [...new Set(weightMap.values())].sort()
  const sources: ByteSource[] = []
  try {
    const shards: Shard[] = []
    for (const file of files) {
      const source = await tree.open(folder + file)
      sources.push(source)
      const shard = await readShard(source)
      shards.push(shard)
      for (const name of shard.header.tensors.keys()) {
        if (weightMap.get(name) !== file) {
          throw badIndex(indexName, `"${file}" holds the tensor ${quoted(name)}`, weightMap.get(name) ?? 'nothing')
        }
      }
    }
    const held = new Set(shards.flatMap((shard) => [...shard.header.tensors.keys()]))
    for (const [name, file] of weightMap) {
      if (!held.has(name)) throw badIndex(indexName, `"${file}" lacks the tensor ${quoted(name)}`, file)
    }
    return checkpointOf(shards)
  } catch (error) {
    await closeAll(sources)
    throw error
  }
}

function badIndex(indexName: string, problem: string, promised: string): PocketPhiError {
  return new PocketPhiError('invalid-file', `${problem}, but "${indexName}" says ${promised}.`, {
    remedy: 'The shards are not of one checkpoint; fetch all of them again.',
  })
}

function noMap(indexName: string, found: string): PocketPhiError {
  return new PocketPhiError('invalid-file', `"${indexName}" has no weight_map.`, {
    expected: 'an object of tensors and their files',
    found,
  })
}

/** The shard of every tensor. @throws PocketPhiError `invalid-file` */
function readIndex(value: unknown, indexName: string): Map<string, string> {
  const map = isJsonObject(value) ? value['weight_map'] : undefined
  if (!isJsonObject(map)) throw noMap(indexName, describe(map))
  const weightMap = new Map<string, string>()
  for (const [name, file] of Object.entries(map)) {
    if (typeof file !== 'string' || /[\\/:\0]/.test(file) || !file.endsWith('.safetensors')) {
      throw new PocketPhiError('invalid-file', `"${indexName}" names an impossible shard for ${quoted(name)}.`, {
        expected: 'the name of a .safetensors file in the same folder',
        found: describe(file),
      })
    }
    weightMap.set(name, file)
  }
  if (weightMap.size === 0) throw noMap(indexName, 'an empty object')
  return weightMap
}

function checkpointOf(shards: readonly Shard[]): Checkpoint {
  const places = new Map<string, { shard: Shard; tensor: PlacedTensor }>()
  const metadata = new Map<string, string>()
  for (const shard of shards) {
    for (const [name, tensor] of shard.header.tensors) places.set(name, { shard, tensor })
    for (const [key, text] of shard.header.metadata) if (!metadata.has(key)) metadata.set(key, text)
  }
  const find = (name: string): { shard: Shard; tensor: PlacedTensor } => {
    const place = places.get(name)
    if (place !== undefined) return place
    throw new PocketPhiError('not-found', `The checkpoint has no tensor ${quoted(name)}.`)
  }
  const read = async (name: string, options: ReadOptions = {}): Promise<Uint8Array> => {
    const { shard, tensor } = find(name)
    const { offset, length } = options.range ?? { offset: 0, length: tensor.bytes }
    const inside = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0
    if (!inside || offset + length > tensor.bytes) {
      throw new PocketPhiError('invalid-argument', `A read leaves the tensor ${quoted(name)}.`, {
        expected: `a range within ${tensor.bytes} bytes`,
        found: `${length} bytes from ${offset}`,
      })
    }
    return await shard.source.read(shard.dataStart + tensor.offset + offset, length, options.into)
  }
  return {
    names: () => [...places.keys()].sort(),
    has: (name) => places.has(name),
    info(name) {
      const { dtype, shape, bytes } = find(name).tensor
      return { dtype, shape, bytes }
    },
    read,
    readFloat32: (name, options = {}) => readFloat32(find(name).tensor, name, options, read),
    metadata: Object.freeze(Object.fromEntries(metadata)),
    close: () => closeAll(shards.map((shard) => shard.source)),
  }
}

/** The elements that a range of rows covers. @throws PocketPhiError `invalid-argument` */
export function rowElements(
  name: string,
  shape: readonly number[],
  rows: RowRange | undefined,
): { start: number; count: number } {
  const elements = shape.reduce((product, extent) => product * extent, 1)
  if (rows === undefined) return { start: 0, count: elements }
  const extent = shape[0] ?? 0
  const { first, count } = rows
  const inside = Number.isSafeInteger(first) && Number.isSafeInteger(count) && first >= 0 && count >= 0
  if (!inside || first + count > extent) {
    throw new PocketPhiError('invalid-argument', `A range of rows leaves the tensor ${quoted(name)}.`, {
      expected: `rows within [${shape.join(', ')}]`,
      found: `${count} rows from ${first}`,
    })
  }
  const width = extent === 0 ? 0 : elements / extent
  return { start: first * width, count: count * width }
}

/** Elements that are converted at a time, so that a large tensor is never in memory twice. */
const conversionChunk = 1 << 20

async function readFloat32(
  tensor: StoredTensor,
  name: string,
  options: ReadFloatOptions,
  read: (name: string, options: ReadOptions) => Promise<Uint8Array>,
): Promise<Float32Array> {
  const { dtype, shape } = tensor
  const convert = conversions[dtype]
  if (convert === undefined) {
    throw new PocketPhiError('invalid-argument', `The tensor ${quoted(name)} does not hold floats.`, {
      expected: Object.keys(conversions).join(', '),
      found: dtype,
    })
  }
  const { start, count } = rowElements(name, shape, options.rows)
  const target = options.into ?? new Float32Array(count)
  if (target.length !== count) {
    throw new PocketPhiError('invalid-argument', `The view to read ${quoted(name)} into has the wrong length.`, {
      expected: `${count} elements`,
      found: `${target.length}`,
    })
  }
  const width = storedElementBytes(dtype)
  if (dtype === 'F32') {
    const into = new Uint8Array(target.buffer, target.byteOffset, target.byteLength)
    await read(name, { into, range: { offset: start * width, length: count * width } })
    return target
  }
  const buffer = new Uint8Array(Math.min(count, conversionChunk) * width)
  for (let done = 0; done < count; done += conversionChunk) {
    const part = Math.min(conversionChunk, count - done)
    const into = buffer.subarray(0, part * width)
    await read(name, { into, range: { offset: (start + done) * width, length: part * width } })
    convert(into, target.subarray(done, done + part))
  }
  return target
}

/** How bytes at the start of a buffer become f32. */
const conversions: Partial<Record<StoredDType, (bytes: Uint8Array, target: Float32Array) => void>> = {
  F32: (bytes, target) => target.set(new Float32Array(bytes.buffer, 0, target.length)),
  F16: (bytes, target) => void f16ToF32(new Uint16Array(bytes.buffer, 0, target.length), target),
  BF16: (bytes, target) => void bf16ToF32(new Uint16Array(bytes.buffer, 0, target.length), target),
  F64: (bytes, target) => target.set(new Float64Array(bytes.buffer, 0, target.length)),
}
