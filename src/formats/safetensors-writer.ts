/** Writing safetensors checkpoints: streamed, deterministic, of one file or of shards with an index. */
import { PocketPhiError, present } from '../base/errors.ts'
import { f32ToBf16, f32ToF16 } from '../blocks/half.ts'
import { largestHeader, metadataKey, storedElementBytes, tensorBytes, type StoredDType } from './header.ts'
import { indexFileName, singleFileName } from './safetensors.ts'

export type ByteChunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/** A tensor to be written. */
export interface TensorEntry {
  readonly name: string
  readonly dtype: StoredDType
  readonly shape: readonly number[]
  /** Its bytes, row major, little-endian; or what makes them when their turn comes. */
  readonly data: Uint8Array | (() => ByteChunks)
}

export type Metadata = Readonly<Record<string, string>>

/** Elements that are converted at a time. */
const conversionChunk = 1 << 20

/**
 * An entry of f32 values, stored as they are or rounded to nearest, converted while they are written.
 * @throws PocketPhiError `shape` when the values do not fill the shape
 */
export function floatEntry(
  name: string,
  shape: readonly number[],
  values: Float32Array,
  dtype: 'F32' | 'F16' | 'BF16' = 'F32',
): TensorEntry {
  if (tensorBytes('F32', shape) !== values.byteLength) {
    throw new PocketPhiError('shape', `The values of ${JSON.stringify(name)} do not fill its shape.`, {
      expected: `[${shape.join(', ')}]`,
      found: `${values.length} values`,
    })
  }
  if (dtype === 'F32') return { name, dtype, shape, data: bytesOf(values) }
  const narrow = dtype === 'F16' ? f32ToF16 : f32ToBf16
  return {
    name,
    dtype,
    shape,
    *data() {
      for (let done = 0; done < values.length; done += conversionChunk) {
        yield bytesOf(narrow(values.subarray(done, done + conversionChunk)))
      }
    },
  }
}

function bytesOf(array: Float32Array | Uint16Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
}

/** Bytes of an entry. @throws PocketPhiError `shape` when its shape is none or its bytes do not fill it */
function entryBytes(entry: TensorEntry): number {
  const { name, dtype, shape, data } = entry
  const bytes = tensorBytes(dtype, shape)
  if (bytes === undefined || (data instanceof Uint8Array && data.length !== bytes)) {
    throw new PocketPhiError('shape', `The tensor ${JSON.stringify(name)} cannot be written.`, {
      expected: `${bytes ?? 'a number of'} bytes for ${dtype} [${shape.join(', ')}]`,
      found: data instanceof Uint8Array ? `${data.length}` : 'an impossible shape',
    })
  }
  return bytes
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}

/** Wide elements first, then by name: the order depends on nothing else, and every tensor is aligned to its elements. */
function inFileOrder(entries: readonly TensorEntry[]): TensorEntry[] {
  return [...entries].sort((left, right) => {
    const width = storedElementBytes(right.dtype) - storedElementBytes(left.dtype)
    return width === 0 ? compareText(left.name, right.name) : width
  })
}

function checkNames(entries: readonly TensorEntry[]): void {
  const seen = new Set<string>()
  for (const { name } of entries) {
    if (name === metadataKey || seen.has(name) || !name.isWellFormed()) {
      throw new PocketPhiError('invalid-argument', `A tensor cannot be named ${JSON.stringify(name)}.`, {
        expected: `well-formed, different names other than ${metadataKey}`,
      })
    }
    seen.add(name)
  }
}

/** The bytes before the data: length, JSON, and spaces up to a multiple of 8. */
function headerBytes(ordered: readonly TensorEntry[], metadata: Metadata): Uint8Array {
  const parts: string[] = []
  const pairs = Object.entries(metadata).sort(([left], [right]) => compareText(left, right))
  if (pairs.length > 0) {
    const texts = pairs.map(([key, text]) => `${JSON.stringify(key)}:${JSON.stringify(text)}`)
    parts.push(`${JSON.stringify(metadataKey)}:{${texts.join(',')}}`)
  }
  let offset = 0
  for (const entry of ordered) {
    const end = offset + entryBytes(entry)
    const { name, dtype, shape } = entry
    parts.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [offset, end] })}`)
    offset = end
  }
  const json = new TextEncoder().encode(`{${parts.join(',')}}`)
  const length = Math.ceil(json.length / 8) * 8
  if (length > largestHeader || !Number.isSafeInteger(offset)) {
    throw new PocketPhiError('invalid-argument', 'There are too many or too large tensors for one safetensors file.')
  }
  const bytes = new Uint8Array(8 + length).fill(0x20)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true)
  bytes.set(json, 8)
  return bytes
}

/** Lets chunks through and checks that they add up to the bytes of their tensor. */
async function* checkedChunks(entry: TensorEntry): AsyncGenerator<Uint8Array, void, void> {
  const expected = entryBytes(entry)
  let found = 0
  for await (const chunk of entry.data instanceof Uint8Array ? [entry.data] : entry.data()) {
    found += chunk.length
    if (found > expected) break
    if (chunk.length > 0) yield chunk
  }
  if (found !== expected) {
    throw new PocketPhiError('shape', `The chunks of ${JSON.stringify(entry.name)} do not fill it.`, {
      expected: `${expected} bytes`,
      found: `${found > expected ? 'at least ' : ''}${found}`,
    })
  }
}

/**
 * The bytes of a safetensors file, chunk by chunk. The same tensors give the same bytes in whatever order they come.
 * @throws PocketPhiError before the first chunk for names or shapes that cannot be written; `shape` later, when the chunks
 * of a tensor do not fill it
 */
export async function* writeSafetensors(
  entries: readonly TensorEntry[],
  metadata: Metadata = {},
): AsyncGenerator<Uint8Array, void, void> {
  checkNames(entries)
  const ordered = inFileOrder(entries)
  yield headerBytes(ordered, metadata)
  for (const entry of ordered) yield* checkedChunks(entry)
}

/** The whole safetensors file in memory; see `writeSafetensors`. */
export async function safetensorsBytes(
  entries: readonly TensorEntry[],
  metadata: Metadata = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const data = entries.reduce((sum, entry) => sum + entryBytes(entry), 0)
  let bytes: Uint8Array<ArrayBuffer> | undefined
  let at = 0
  for await (const chunk of writeSafetensors(entries, metadata)) {
    bytes ??= new Uint8Array(chunk.length + data)
    bytes.set(chunk, at)
    at += chunk.length
  }
  return present(bytes, 'the header of a safetensors file')
}

/** Takes one file of a checkpoint, and resolves when it is written. */
export type WriteFile = (name: string, chunks: AsyncIterable<Uint8Array>) => Promise<void>

/** Tensors in the order of their names, cut before the one that would exceed the limit. */
function planShards(entries: readonly TensorEntry[], maxShardBytes: number): TensorEntry[][] {
  const shards: TensorEntry[][] = [[]]
  let held = 0
  for (const entry of [...entries].sort((left, right) => compareText(left.name, right.name))) {
    const bytes = entryBytes(entry)
    if (held > 0 && held + bytes > maxShardBytes) {
      shards.push([])
      held = 0
    }
    shards.at(-1)?.push(entry)
    held += bytes
  }
  return shards
}

/**
 * Writes a checkpoint as `model.safetensors` where it fits, or else as shards `model-00001-of-0000n.safetensors` and then
 * their index. Every shard carries all the metadata.
 *
 * @param maxShardBytes data of a shard; a larger tensor gets a shard of its own
 * @returns the names of the files written
 * @throws PocketPhiError as `writeSafetensors`
 */
export async function writeCheckpoint(
  entries: readonly TensorEntry[],
  metadata: Metadata,
  maxShardBytes: number,
  writeFile: WriteFile,
): Promise<string[]> {
  checkNames(entries)
  const shards = planShards(entries, maxShardBytes)
  const [only] = shards
  if (only !== undefined && shards.length === 1) {
    await writeFile(singleFileName, writeSafetensors(only, metadata))
    return [singleFileName]
  }
  const digits = (value: number): string => String(value).padStart(5, '0')
  const weightMap: [string, string][] = []
  const files: string[] = []
  for (const [index, shard] of shards.entries()) {
    const file = `model-${digits(index + 1)}-of-${digits(shards.length)}.safetensors`
    await writeFile(file, writeSafetensors(shard, metadata))
    files.push(file)
    for (const { name } of shard) weightMap.push([name, file])
  }
  await writeFile(indexFileName, oneChunk(indexText(entries, weightMap)))
  return [...files, indexFileName]
}

function indexText(entries: readonly TensorEntry[], weightMap: readonly [string, string][]): string {
  const total = entries.reduce((sum, entry) => sum + entryBytes(entry), 0)
  const lines = weightMap.map(([name, file]) => `    ${JSON.stringify(name)}: ${JSON.stringify(file)}`)
  return `{\n  "metadata": { "total_size": ${total} },\n  "weight_map": {\n${lines.join(',\n')}\n  }\n}\n`
}

async function* oneChunk(text: string): AsyncGenerator<Uint8Array, void, void> {
  yield new TextEncoder().encode(text)
}
