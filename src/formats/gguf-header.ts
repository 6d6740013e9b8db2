/**
 * The header of a GGUF file (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md), versions 2 and 3, little-endian:
 * magic, version, counts, the metadata, and a table that says of every tensor its type, its shape and where its bytes lie
 * behind the header. Nothing that a file announces is believed: before anything is allocated, its least size is compared with
 * what is left of the file.
 */
import { quoted } from '../base/describe.ts'
import { PocketPhiError } from '../base/errors.ts'
import { ggmlNumbers, ggmlTypeOf, type GgmlType } from '../blocks/ggml.ts'
import {
  ggufArrayTypes,
  ggufTypeName,
  ggufValueTypes,
  type GgufFixedArray,
  type GgufFixedType,
  type GgufMetadata,
  type GgufValue,
  type GgufValueType,
} from './gguf-values.ts'
import { type ByteSource } from './source.ts'

/** "GGUF" as a little-endian number. */
export const ggufMagic = 0x46554747

export const alignmentKey = 'general.alignment'

/** The alignment of files that name none. */
export const defaultAlignment = 32

/** ggml's limit on dimensions. */
export const mostDimensions = 4

/** Limits that no real file comes near: what is parsed takes more memory than its bytes, so that these bound it. */
export const largestGgufHeader = 2 ** 27
const mostKeys = 2 ** 16
const mostTensors = 2 ** 17

/** Limits of the format, in bytes. */
export const longestKey = 2 ** 16 - 1
export const longestTensorName = 64

/** A tensor as a file holds it: row major (the format lists dimensions the other way round), rows of whole blocks. */
export interface GgufTensor {
  readonly dtype: GgmlType
  readonly shape: readonly number[]
  readonly bytes: number
}

/** A tensor and where it begins in the file. */
export interface PlacedGgufTensor extends GgufTensor {
  readonly offset: number
}

export interface GgufHeader {
  readonly version: number
  readonly metadata: GgufMetadata
  readonly tensors: ReadonlyMap<string, PlacedGgufTensor>
}

function damaged(file: string, problem: string, expected?: string, found?: string): PocketPhiError {
  return new PocketPhiError('invalid-file', `"${file}" is no valid GGUF file: ${problem}.`, {
    ...(expected === undefined ? {} : { expected }),
    ...(found === undefined ? {} : { found }),
    remedy: 'Fetch or convert it again.',
  })
}

/**
 * Bytes of a tensor.
 * @param shape row major: blocks lie along the last dimension
 * @returns undefined when the shape is none: negative, fractional, beyond safe integers, or with rows of broken blocks
 */
export function ggufTensorBytes(dtype: GgmlType, shape: readonly number[]): number | undefined {
  const { blockLength, blockBytes } = ggmlTypeOf(dtype)
  if ((shape.at(-1) ?? 1) % blockLength !== 0) return undefined
  // Extents of zero are left out, so that the product of the others is checked too.
  let elements = 1
  for (const extent of shape) {
    if (!Number.isSafeInteger(extent) || extent < 0) return undefined
    elements *= Math.max(1, extent)
    if (!Number.isSafeInteger(elements)) return undefined
  }
  const bytes = Math.ceil(elements / blockLength) * blockBytes
  if (!Number.isSafeInteger(bytes)) return undefined
  return shape.includes(0) ? 0 : bytes
}

/** The next multiple of the alignment. */
export function aligned(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment
}

/** Whether a number may be the alignment of a file: ggml asks for a power of two. */
export function isAlignment(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0 && value <= 2 ** 31 && Number.isInteger(Math.log2(value))
}

/** Bytes that are read ahead. */
const pieceBytes = 2 ** 20

const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Reads a header from its start to its end, holding one piece of it at a time. */
class HeaderReader {
  readonly #source: ByteSource
  readonly #end: number
  #piece = new Uint8Array(0)
  #view = new DataView(this.#piece.buffer)
  /** Where the piece begins in the file, and where in the piece the next value does. */
  #start = 0
  #at = 0

  constructor(source: ByteSource) {
    this.#source = source
    this.#end = Math.min(source.size, largestGgufHeader)
  }

  get position(): number {
    return this.#start + this.#at
  }

  get remaining(): number {
    return this.#end - this.position
  }

  fail(problem: string, expected?: string, found?: string): never {
    throw damaged(this.#source.name, problem, expected, found)
  }

  /** @throws PocketPhiError `invalid-file` when the file ends before so many bytes more */
  expectBytes(bytes: number, what: string): void {
    if (bytes <= this.remaining) return
    const large = this.#end < this.#source.size
    this.fail(
      large ? `its header is larger than ${largestGgufHeader} bytes` : `${what} does not fit into the file`,
      `at least ${bytes} bytes from ${this.position}`,
      `${this.remaining}`,
    )
  }

  /** Makes the next bytes part of the piece. */
  async #hold(bytes: number, what: string): Promise<void> {
    this.expectBytes(bytes, what)
    const length = Math.min(Math.max(bytes, pieceBytes), this.remaining)
    const piece = new Uint8Array(length)
    const kept = this.#piece.subarray(this.#at)
    piece.set(kept)
    const into = piece.subarray(kept.length)
    await this.#source.read(this.#start + this.#piece.length, into.length, into)
    this.#start = this.position
    this.#at = 0
    this.#piece = piece
    this.#view = new DataView(piece.buffer)
  }

  /** Passes over bytes that are then in the piece, and returns where they begin in it. */
  async #take(bytes: number, what: string): Promise<number> {
    if (this.#piece.length - this.#at < bytes) await this.#hold(bytes, what)
    const at = this.#at
    this.#at += bytes
    return at
  }

  async uint32(what: string): Promise<number> {
    const at = await this.#take(4, what)
    return this.#view.getUint32(at, true)
  }

  /** Of 64 bits; beyond 2^53 rounded, which is more than any file holds. */
  async uint64(what: string): Promise<number> {
    const at = await this.#take(8, what)
    return Number(this.#view.getBigUint64(at, true))
  }

  async string(what: string, longest = Infinity): Promise<string> {
    const length = await this.uint64(what)
    if (length > longest) this.fail(`${what} is too long`, `at most ${longest} bytes`, `${length}`)
    const at = await this.#take(length, what)
    return this.#text(at, length, what)
  }

  #text(at: number, length: number, what: string): string {
    try {
      return strictDecoder.decode(this.#piece.subarray(at, at + length))
    } catch {
      return this.fail(`${what} is no UTF-8`)
    }
  }

  /** Without a promise for every string: a vocabulary has hundreds of thousands. */
  async strings(count: number, what: string): Promise<string[]> {
    this.expectBytes(count * 8, what)
    const texts: string[] = []
    for (let index = 0; index < count; index++) {
      if (this.#piece.length - this.#at < 8) await this.#hold(8, what)
      const length = Number(this.#view.getBigUint64(this.#at, true))
      this.#at += 8
      if (this.#piece.length - this.#at < length) await this.#hold(length, what)
      texts.push(this.#text(this.#at, length, what))
      this.#at += length
    }
    return texts
  }

  async array(of: GgufFixedType, count: number, what: string): Promise<GgufFixedArray> {
    const type = ggufArrayTypes[of]
    this.expectBytes(count * type.BYTES_PER_ELEMENT, what)
    const value = new type(count)
    const bytes = new Uint8Array(value.buffer)
    for (let done = 0; done < bytes.length;) {
      const part = Math.min(bytes.length - done, pieceBytes)
      const at = await this.#take(part, what)
      bytes.set(this.#piece.subarray(at, at + part), done)
      done += part
    }
    if (of === 'bool' && bytes.some((byte) => byte > 1)) this.fail(`${what} holds a boolean that is neither 0 nor 1`)
    return { type: 'array', of, value } as GgufFixedArray
  }

  async scalar(type: Exclude<GgufValueType, 'string' | 'array'>, what: string): Promise<GgufValue> {
    const at = await this.#take(ggufArrayTypes[type].BYTES_PER_ELEMENT, what)
    const view = this.#view
    switch (type) {
      case 'uint8':
        return { type, value: view.getUint8(at) }
      case 'int8':
        return { type, value: view.getInt8(at) }
      case 'uint16':
        return { type, value: view.getUint16(at, true) }
      case 'int16':
        return { type, value: view.getInt16(at, true) }
      case 'uint32':
        return { type, value: view.getUint32(at, true) }
      case 'int32':
        return { type, value: view.getInt32(at, true) }
      case 'float32':
        return { type, value: view.getFloat32(at, true) }
      case 'float64':
        return { type, value: view.getFloat64(at, true) }
      case 'uint64':
        return { type, value: view.getBigUint64(at, true) }
      case 'int64':
        return { type, value: view.getBigInt64(at, true) }
      case 'bool': {
        const byte = view.getUint8(at)
        if (byte > 1) this.fail(`${what} is a boolean that is neither 0 nor 1`, undefined, `${byte}`)
        return { type, value: byte === 1 }
      }
      default:
        return type satisfies never
    }
  }
}

/** Checks magic and version. @throws PocketPhiError `invalid-file`, `not-supported` */
async function readVersion(reader: HeaderReader, file: string): Promise<number> {
  const magic = await reader.uint32('the magic number')
  if (magic !== ggufMagic) reader.fail('it does not start with "GGUF"', undefined, `0x${magic.toString(16)}`)
  const version = await reader.uint32('the version')
  if (version === 2 || version === 3) return version
  // In a big-endian file the low byte of the version comes last.
  if (version !== 0 && version % 2 ** 16 === 0) {
    throw new PocketPhiError('not-supported', `"${file}" is a big-endian GGUF file.`, {
      expected: 'a little-endian file',
      remedy: 'Convert it with gguf_convert_endian.py of llama.cpp.',
    })
  }
  throw new PocketPhiError('not-supported', `"${file}" is of a version of GGUF that is not read here.`, {
    expected: 'version 2 or 3',
    found: `version ${version}`,
  })
}

function typeOf(reader: HeaderReader, number: number, what: string): GgufValueType {
  const type = ggufValueTypes[number]
  return type ?? reader.fail(`${what} is of an unknown type`, `a number below ${ggufValueTypes.length}`, `${number}`)
}

async function readValue(reader: HeaderReader, what: string, file: string): Promise<GgufValue> {
  const type = typeOf(reader, await reader.uint32(what), what)
  if (type === 'string') return { type, value: await reader.string(what) }
  if (type !== 'array') return await reader.scalar(type, what)
  const of = typeOf(reader, await reader.uint32(what), what)
  const count = await reader.uint64(what)
  if (of === 'string') return { type, of, value: await reader.strings(count, what) }
  if (of !== 'array') return await reader.array(of, count, what)
  throw new PocketPhiError('not-supported', `In "${file}", ${what} is an array of arrays.`, {
    expected: 'arrays of numbers, booleans or strings, as ggml reads them',
  })
}

async function readMetadata(reader: HeaderReader, count: number, file: string): Promise<Map<string, GgufValue>> {
  const metadata = new Map<string, GgufValue>()
  for (let index = 0; index < count; index++) {
    const key = await reader.string(`the key of metadata ${index}`, longestKey)
    const what = `the metadata ${quoted(key)}`
    if (metadata.has(key)) reader.fail(`${what} is there twice`)
    metadata.set(key, await readValue(reader, what, file))
  }
  return metadata
}

interface TensorInfo extends GgufTensor {
  /** Behind the header. */
  readonly offset: number
}

async function readTensorInfo(reader: HeaderReader, label: string, file: string): Promise<TensorInfo> {
  const dimensions = await reader.uint32(label)
  if (dimensions > mostDimensions) {
    reader.fail(`${label} has too many dimensions`, `at most ${mostDimensions}`, `${dimensions}`)
  }
  const shape: number[] = []
  for (let index = 0; index < dimensions; index++) shape.unshift(await reader.uint64(label))
  const number = await reader.uint32(label)
  const dtype = ggmlNumbers.get(number)
  if (dtype === undefined) {
    throw new PocketPhiError('not-supported', `In "${file}", ${label} is of a type that is not read here.`, {
      expected: `one of ${[...ggmlNumbers].map(([id, type]) => `${type} (${id})`).join(', ')}`,
      found: `type ${number}`,
    })
  }
  const offset = await reader.uint64(label)
  const bytes = ggufTensorBytes(dtype, shape)
  if (bytes === undefined) {
    const rows = `rows of whole blocks of ${ggmlTypeOf(dtype).blockLength} elements`
    reader.fail(`the shape of ${label} is impossible`, `${dtype} of ${rows}`, `[${shape.join(', ')}]`)
  }
  return { dtype, shape, bytes, offset }
}

async function readTensorInfos(reader: HeaderReader, count: number, file: string): Promise<Map<string, TensorInfo>> {
  const tensors = new Map<string, TensorInfo>()
  for (let index = 0; index < count; index++) {
    const name = await reader.string(`the name of tensor ${index}`, longestTensorName)
    const label = `the tensor ${quoted(name)}`
    if (tensors.has(name)) reader.fail(`${label} is there twice`)
    tensors.set(name, await readTensorInfo(reader, label, file))
  }
  return tensors
}

/** The alignment that the metadata names. */
function alignmentOf(metadata: GgufMetadata, file: string): number {
  const value = metadata.get(alignmentKey)
  if (value === undefined) return defaultAlignment
  if (value.type === 'uint32' && isAlignment(value.value)) return value.value
  const found = value.type === 'uint32' ? `${value.value}` : ggufTypeName(value)
  throw damaged(file, `its ${alignmentKey} is impossible`, 'a uint32 that is a power of two', found)
}

/** Tensors by their place in the file, each checked to lie inside, aligned and apart from the others. */
function placeTensors(
  infos: ReadonlyMap<string, TensorInfo>,
  dataStart: number,
  size: number,
  alignment: number,
  file: string,
): Map<string, PlacedGgufTensor> {
  const dataBytes = Math.max(0, size - dataStart)
  const tensors = new Map<string, PlacedGgufTensor>()
  for (const [name, { dtype, shape, bytes, offset }] of infos) {
    if (offset % alignment !== 0) {
      throw damaged(file, `the tensor ${quoted(name)} is not aligned`, `a multiple of ${alignment}`, `offset ${offset}`)
    }
    if (offset + bytes > dataBytes) {
      const problem = `the tensor ${quoted(name)} reaches past its end: it is truncated or torn`
      throw damaged(file, problem, `at most ${dataBytes} bytes behind the header`, `${bytes} bytes from ${offset}`)
    }
    tensors.set(name, { dtype, shape, bytes, offset: dataStart + offset })
  }
  const inOrder = [...tensors].filter(([, { bytes }]) => bytes > 0).sort(([, a], [, b]) => a.offset - b.offset)
  let end = dataStart
  for (const [name, { offset, bytes }] of inOrder) {
    if (offset < end) {
      const found = `offset ${offset - dataStart}`
      throw damaged(file, `the tensor ${quoted(name)} overlaps the one before it`, `at least ${end - dataStart}`, found)
    }
    end = offset + bytes
  }
  return tensors
}

/**
 * Reads and validates the header of a file: a tensor that it returns lies inside the file and overlaps no other.
 * @throws PocketPhiError `invalid-file` for what breaks a rule of the format; `not-supported` for other versions, big-endian
 * files, arrays of arrays and tensor types that are not read here; errors of the source
 */
export async function readGgufHeader(source: ByteSource): Promise<GgufHeader> {
  const file = source.name
  const reader = new HeaderReader(source)
  const version = await readVersion(reader, file)
  const tensorCount = await reader.uint64('the number of tensors')
  const keyCount = await reader.uint64('the number of metadata')
  if (keyCount > mostKeys) reader.fail('it announces too many metadata', `at most ${mostKeys}`, `${keyCount}`)
  if (tensorCount > mostTensors)
    reader.fail('it announces too many tensors', `at most ${mostTensors}`, `${tensorCount}`)
  // The smallest entry of each table: an empty name and one byte, an empty name and no dimensions.
  reader.expectBytes(keyCount * 13 + tensorCount * 24, 'what its counts announce')
  const metadata = await readMetadata(reader, keyCount, file)
  const infos = await readTensorInfos(reader, tensorCount, file)
  const alignment = alignmentOf(metadata, file)
  const dataStart = aligned(reader.position, alignment)
  return { version, metadata, tensors: placeTensors(infos, dataStart, source.size, alignment, file) }
}
