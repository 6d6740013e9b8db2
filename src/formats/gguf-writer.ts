/**
 * Writing GGUF files, version 3, little-endian: streamed tensor by tensor, the same bytes for the same tensors in the same
 * order. Tensors follow each other without holes but for the alignment, as ggml asks for.
 */
import { quoted } from '../base/describe.ts'
import { PocketPhiError } from '../base/errors.ts'
import { ggmlTypeOf, type GgmlType } from '../blocks/ggml.ts'
import {
  aligned,
  alignmentKey,
  defaultAlignment,
  ggufMagic,
  ggufTensorBytes,
  isAlignment,
  longestKey,
  longestTensorName,
  mostDimensions,
} from './gguf-header.ts'
import { ggufValueTypes, type GgufMetadata, type GgufValue, type GgufValueType } from './gguf-values.ts'
import { type ByteChunks } from './safetensors-writer.ts'

/** A tensor to be written. */
export interface GgufEntry {
  readonly name: string
  readonly dtype: GgmlType
  /** Row major: blocks lie along the last dimension. */
  readonly shape: readonly number[]
  /** Its blocks, row after row; or what makes them when their turn comes. */
  readonly data: Uint8Array | (() => ByteChunks)
}

const writtenVersion = 3

/** Grows as it is written to. */
class ByteWriter {
  #bytes = new Uint8Array(2 ** 16)
  #view = new DataView(this.#bytes.buffer)
  #length = 0

  #room(bytes: number): number {
    const at = this.#length
    this.#length += bytes
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2))
      grown.set(this.#bytes)
      this.#bytes = grown
      this.#view = new DataView(grown.buffer)
    }
    return at
  }

  uint32(value: number): void {
    const at = this.#room(4)
    this.#view.setUint32(at, value, true)
  }

  uint64(value: number): void {
    const at = this.#room(8)
    this.#view.setBigUint64(at, BigInt(value), true)
  }

  bytes(bytes: Uint8Array): void {
    const at = this.#room(bytes.length)
    this.#bytes.set(bytes, at)
  }

  string(text: string): void {
    const bytes = new TextEncoder().encode(text)
    this.uint64(bytes.length)
    this.bytes(bytes)
  }

  scalar(value: Exclude<GgufValue, { type: 'string' | 'array' }>): void {
    switch (value.type) {
      case 'uint8':
      case 'int8':
        return this.bytes(Uint8Array.of(value.value))
      case 'bool':
        return this.bytes(Uint8Array.of(value.value ? 1 : 0))
      case 'uint16':
      case 'int16':
        return this.bytes(new Uint8Array(Uint16Array.of(value.value).buffer))
      case 'uint32':
      case 'int32':
        return this.uint32(value.value)
      case 'float32':
        return this.bytes(new Uint8Array(Float32Array.of(value.value).buffer))
      case 'float64':
        return this.bytes(new Uint8Array(Float64Array.of(value.value).buffer))
      case 'uint64':
      case 'int64':
        return this.bytes(new Uint8Array(BigInt64Array.of(value.value).buffer))
      default:
        return value satisfies never
    }
  }

  /** All that was written, and zeros up to a multiple of the alignment. */
  finish(alignment: number): Uint8Array {
    this.#room(aligned(this.#length, alignment) - this.#length)
    return this.#bytes.subarray(0, this.#length)
  }
}

const integerRanges: Partial<Record<GgufValueType, readonly [least: number, most: number]>> = {
  uint8: [0, 0xff],
  int8: [-0x80, 0x7f],
  uint16: [0, 0xffff],
  int16: [-0x8000, 0x7fff],
  uint32: [0, 0xffff_ffff],
  int32: [-0x8000_0000, 0x7fff_ffff],
}

function isWritable(value: GgufValue): boolean {
  if (value.type === 'string') return value.value.isWellFormed()
  if (value.type === 'array') return value.of !== 'string' || value.value.every((text) => text.isWellFormed())
  if (typeof value.value === 'bigint') {
    return value.type === 'uint64'
      ? BigInt.asUintN(64, value.value) === value.value
      : BigInt.asIntN(64, value.value) === value.value
  }
  const range = integerRanges[value.type]
  if (range === undefined || typeof value.value !== 'number') return true
  return Number.isInteger(value.value) && value.value >= range[0] && value.value <= range[1]
}

function checkMetadata(metadata: GgufMetadata): number {
  for (const [key, value] of metadata) {
    const bytes = new TextEncoder().encode(key).length
    if (bytes === 0 || bytes > longestKey || !key.isWellFormed() || !isWritable(value)) {
      throw new PocketPhiError('invalid-argument', `The metadata ${quoted(key)} cannot be written to a GGUF file.`, {
        expected: 'well-formed text, and integers in the range of their type',
      })
    }
  }
  const alignment = metadata.get(alignmentKey)
  if (alignment === undefined) return defaultAlignment
  if (alignment.type === 'uint32' && isAlignment(alignment.value)) return alignment.value
  throw new PocketPhiError('invalid-argument', `The metadata "${alignmentKey}" cannot be written to a GGUF file.`, {
    expected: 'a uint32 that is a power of two',
  })
}

function checkEntries(entries: readonly GgufEntry[]): void {
  const seen = new Set<string>()
  for (const { name } of entries) {
    const bytes = new TextEncoder().encode(name).length
    // ggml keeps the name with a zero behind it.
    if (bytes === 0 || bytes >= longestTensorName || seen.has(name) || !name.isWellFormed()) {
      throw new PocketPhiError('invalid-argument', `A tensor of a GGUF file cannot be named ${quoted(name)}.`, {
        expected: `different, well-formed names of 1 to ${longestTensorName - 1} bytes`,
      })
    }
    seen.add(name)
  }
}

/** Bytes of an entry. @throws PocketPhiError `shape` when its shape is none or its bytes do not fill it */
function entryBytes({ name, dtype, shape, data }: GgufEntry): number {
  const bytes = shape.length > mostDimensions ? undefined : ggufTensorBytes(dtype, shape)
  if (bytes === undefined || (data instanceof Uint8Array && data.length !== bytes)) {
    throw new PocketPhiError('shape', `The tensor ${quoted(name)} cannot be written.`, {
      expected: `${bytes ?? 'a number of'} bytes for ${dtype} [${shape.join(', ')}]`,
      found: data instanceof Uint8Array ? `${data.length}` : 'an impossible shape',
    })
  }
  return bytes
}

function writeMetadata(writer: ByteWriter, metadata: GgufMetadata): void {
  const typeNumber = (type: GgufValueType): number => ggufValueTypes.indexOf(type)
  for (const [key, value] of metadata) {
    writer.string(key)
    writer.uint32(typeNumber(value.type))
    if (value.type === 'string') writer.string(value.value)
    else if (value.type !== 'array') writer.scalar(value)
    else {
      writer.uint32(typeNumber(value.of))
      writer.uint64(value.value.length)
      if (value.of === 'string') for (const text of value.value) writer.string(text)
      else writer.bytes(new Uint8Array(value.value.buffer, value.value.byteOffset, value.value.byteLength))
    }
  }
}

function headerBytes(entries: readonly GgufEntry[], metadata: GgufMetadata, alignment: number): Uint8Array {
  const writer = new ByteWriter()
  writer.uint32(ggufMagic)
  writer.uint32(writtenVersion)
  writer.uint64(entries.length)
  writer.uint64(metadata.size)
  writeMetadata(writer, metadata)
  let offset = 0
  for (const entry of entries) {
    const { name, dtype, shape } = entry
    writer.string(name)
    writer.uint32(shape.length)
    for (const extent of [...shape].reverse()) writer.uint64(extent)
    writer.uint32(ggmlTypeOf(dtype).id)
    writer.uint64(offset)
    offset = aligned(offset + entryBytes(entry), alignment)
  }
  return writer.finish(entries.length === 0 ? 1 : alignment)
}

/** Lets chunks through, checks that they add up to the bytes of their tensor, and adds zeros up to the next one. */
async function* checkedChunks(entry: GgufEntry, alignment: number): AsyncGenerator<Uint8Array, void, void> {
  const expected = entryBytes(entry)
  let found = 0
  for await (const chunk of entry.data instanceof Uint8Array ? [entry.data] : entry.data()) {
    found += chunk.length
    if (found > expected) break
    if (chunk.length > 0) yield chunk
  }
  if (found !== expected) {
    throw new PocketPhiError('shape', `The chunks of ${quoted(entry.name)} do not fill it.`, {
      expected: `${expected} bytes`,
      found: `${found > expected ? 'at least ' : ''}${found}`,
    })
  }
  const padding = aligned(expected, alignment) - expected
  if (padding > 0) yield new Uint8Array(padding)
}

/**
 * The bytes of a GGUF file, chunk by chunk, for `writeFileAtomic`. Metadata and tensors come in the order given; the
 * alignment is that of `general.alignment`.
 * @throws PocketPhiError before the first chunk: `invalid-argument` for names and metadata that cannot be written, `shape`
 * for shapes that cannot; later, `shape` when the chunks of a tensor do not fill it
 */
export async function* writeGguf(
  entries: readonly GgufEntry[],
  metadata: GgufMetadata,
): AsyncGenerator<Uint8Array, void, void> {
  checkEntries(entries)
  const alignment = checkMetadata(metadata)
  yield headerBytes(entries, metadata, alignment)
  for (const entry of entries) yield* checkedChunks(entry, alignment)
}

/** The whole GGUF file in memory; see `writeGguf`. */
export async function ggufBytes(entries: readonly GgufEntry[], metadata: GgufMetadata): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of writeGguf(entries, metadata)) chunks.push(chunk)
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}
