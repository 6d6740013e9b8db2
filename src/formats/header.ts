/**
 * The header of a safetensors file (https://github.com/huggingface/safetensors, "Format"): 8 bytes of little-endian
 * length, then that much JSON that names every tensor, its dtype, its shape and where its bytes lie behind the header.
 */
import { describe, quoted } from '../base/describe.ts'
import { PocketPhiError } from '../base/errors.ts'
import { decodeText, isJsonObject, parseJson, type JsonObject } from './json.ts'

const storedBytes = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, I16: 2, I8: 1, U8: 1, BOOL: 1 }

/** The element types that this package reads, as files name them. */
export type StoredDType = keyof typeof storedBytes

/** Element types of the format that no Phi model uses. */
const foreignDTypes = ['U16', 'U32', 'U64', 'C64', 'F8_E4M3', 'F8_E5M2', 'F8_E8M0', 'F6_E2M3', 'F6_E3M2', 'F4']

/** The limit of the format on the bytes of a header. */
export const largestHeader = 100_000_000

/** The key of the header that is no tensor but a map of strings. */
export const metadataKey = '__metadata__'

/** A tensor as a file holds it: row major, little-endian. */
export interface StoredTensor {
  readonly dtype: StoredDType
  readonly shape: readonly number[]
  readonly bytes: number
}

/** A tensor and where it begins behind the header. */
export interface PlacedTensor extends StoredTensor {
  readonly offset: number
}

export interface Header {
  readonly tensors: ReadonlyMap<string, PlacedTensor>
  readonly metadata: ReadonlyMap<string, string>
}

/** Bytes of one element of a stored dtype. */
export function storedElementBytes(dtype: StoredDType): number {
  return storedBytes[dtype]
}

function isStoredDType(value: unknown): value is StoredDType {
  return typeof value === 'string' && Object.hasOwn(storedBytes, value)
}

function damaged(file: string, problem: string, expected?: string, found?: string): PocketPhiError {
  return new PocketPhiError('invalid-file', `"${file}" is no valid safetensors file: ${problem}.`, {
    ...(expected === undefined ? {} : { expected }),
    ...(found === undefined ? {} : { found }),
    remedy: 'Fetch or write it again.',
  })
}

/**
 * Bytes of a tensor.
 * @returns undefined when the shape is none: negative, fractional, or beyond safe integers
 */
export function tensorBytes(dtype: StoredDType, shape: readonly unknown[]): number | undefined {
  // The product of the other extents must not overflow even where one extent is zero, so zeros are multiplied last.
  let product = storedBytes[dtype]
  let empty = false
  for (const extent of shape) {
    if (typeof extent !== 'number' || !Number.isSafeInteger(extent) || extent < 0 || Object.is(extent, -0))
      return undefined
    if (extent === 0) empty = true
    else product *= extent
    if (!Number.isSafeInteger(product)) return undefined
  }
  return empty ? 0 : product
}

/**
 * The length of the JSON that the first 8 bytes of a file announce.
 * @param size bytes of the whole file
 * @throws PocketPhiError `invalid-file`
 */
export function headerLength(start: Uint8Array, size: number, file: string): number {
  if (start.length < 8) throw damaged(file, 'it is shorter than the length of a header', '8 bytes', `${start.length}`)
  const view = new DataView(start.buffer, start.byteOffset, 8)
  const length = view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true)
  if (length > largestHeader)
    throw damaged(file, 'its header is too long', `at most ${largestHeader} bytes`, `${length}`)
  if (length + 8 > size) throw damaged(file, 'its header is longer than the file', `${length + 8} bytes`, `${size}`)
  if (length < 2) throw damaged(file, 'its header is too short for any JSON')
  return length
}

/**
 * Reads and validates a header: every rule of the format is checked before any tensor can be read.
 * @param json the bytes of the header behind its length
 * @param dataBytes bytes of the file behind the header
 * @throws PocketPhiError `invalid-file`; `not-supported` for an element type of the format that is not read here
 */
export function parseHeader(json: Uint8Array, dataBytes: number, file: string): Header {
  if (json[0] !== 0x7b) throw damaged(file, 'its header does not start with "{"')
  const value = parseJson(decodeText(json, file), file)
  if (!isJsonObject(value)) throw damaged(file, 'its header is no JSON object')
  const metadata = new Map<string, string>()
  const tensors: [string, PlacedTensor][] = []
  for (const [name, entry] of Object.entries(value)) {
    if (name === metadataKey) {
      readMetadata(entry, metadata, file)
    } else {
      if (!isJsonObject(entry)) throw damaged(file, `the entry of ${quoted(name)} is no JSON object`)
      tensors.push([name, readEntry(name, entry, file)])
    }
  }
  tensors.sort(([, left], [, right]) => left.offset - right.offset || left.bytes - right.bytes)
  let end = 0
  for (const [name, { offset, bytes }] of tensors) {
    if (offset !== end) {
      const problem = offset < end ? 'overlaps the tensor before it' : 'leaves a hole before it'
      throw damaged(file, `the tensor ${quoted(name)} ${problem}`, `offset ${end}`, `${offset}`)
    }
    end += bytes
  }
  if (end !== dataBytes) {
    throw damaged(
      file,
      'its size does not match its header: it is truncated or torn',
      `${end} bytes of data`,
      `${dataBytes}`,
    )
  }
  return { tensors: new Map(tensors), metadata }
}

function readMetadata(entry: unknown, metadata: Map<string, string>, file: string): void {
  if (!isJsonObject(entry)) throw damaged(file, 'its metadata is no JSON object')
  for (const [key, text] of Object.entries(entry)) {
    if (typeof text !== 'string') throw damaged(file, `the metadata ${quoted(key)} is no string`)
    metadata.set(key, text)
  }
}

function readEntry(name: string, entry: JsonObject, file: string): PlacedTensor {
  const label = quoted(name)
  const { dtype, shape, data_offsets: offsets } = entry
  if (!isStoredDType(dtype)) {
    if (typeof dtype === 'string' && foreignDTypes.includes(dtype)) {
      throw new PocketPhiError('not-supported', `The tensor ${label} of "${file}" has the element type ${dtype}.`, {
        expected: `one of ${Object.keys(storedBytes).join(', ')}`,
      })
    }
    throw damaged(file, `the dtype of ${label} is unknown`, Object.keys(storedBytes).join(', '), describe(dtype))
  }
  if (!Array.isArray(shape)) throw damaged(file, `the tensor ${label} has no shape`)
  const bytes = tensorBytes(dtype, shape)
  if (bytes === undefined) throw damaged(file, `the shape of ${label} is impossible`, undefined, describe(shape))
  if (!Array.isArray(offsets) || offsets.length !== 2) throw damaged(file, `the tensor ${label} has no data_offsets`)
  const [start, end] = offsets as readonly unknown[]
  if (!isOffset(start) || !isOffset(end) || end < start) {
    throw damaged(file, `the data_offsets of ${label} are impossible`, undefined, describe(offsets))
  }
  if (end - start !== bytes) {
    throw damaged(file, `the bytes of ${label} do not match its shape`, `${bytes} bytes`, `${end - start}`)
  }
  return { dtype, shape: shape as number[], bytes, offset: start }
}

function isOffset(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
