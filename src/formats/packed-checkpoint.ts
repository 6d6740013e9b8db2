/**
 * Quantised checkpoints. They are ordinary safetensors files whose packed matrices are U8 tensors [bytes] in the layout of
 * src/blocks/packed.ts. What those are is said by the metadata `pocket-phi`, a JSON text:
 * `{"version":1,"tensors":{"name":{"dtype":"q4g32","shape":[rows,columns]}}}`. Tensors it does not name are plain.
 */
import { isBlockDType, type BlockDType, type PlainDType, type TensorType } from '../base/dtype.ts'
import { describe, quoted } from '../base/describe.ts'
import { PocketPhiError } from '../base/errors.ts'
import { packedBytes, rowRange, unpackMatrix } from '../blocks/packed.ts'
import { type StoredDType } from './header.ts'
import { isJsonObject, parseJson } from './json.ts'
import { rowElements, type Checkpoint, type ReadFloatOptions } from './safetensors.ts'
import { type ByteChunks, type Metadata, type TensorEntry } from './safetensors-writer.ts'

/** The key of the metadata that names the packed tensors. */
export const packedMetadataKey = 'pocket-phi'

const version = 1
const blockDTypes: readonly string[] = ['q4g32', 'q4g64', 'q4g128', 'q8g32', 'q8g64', 'q8g128']

/** A packed matrix and its type. */
export interface PackedType {
  readonly dtype: BlockDType
  readonly shape: readonly [rows: number, columns: number]
}

const plainDTypes: Partial<Record<StoredDType, PlainDType>> = {
  F64: 'f64',
  F32: 'f32',
  F16: 'f16',
  BF16: 'bf16',
  I32: 'i32',
  I8: 'i8',
  U8: 'u8',
}

/**
 * An entry for a packed matrix, to be written with `packedMetadata`.
 * @param data its bytes, or what makes them (see `packSlabs`)
 * @throws PocketPhiError `shape` when the shape does not fit the format or the bytes do not fill it
 */
export function packedEntry(name: string, type: PackedType, data: Uint8Array | (() => ByteChunks)): TensorEntry {
  const bytes = packedBytes(type.dtype, ...type.shape)
  if (data instanceof Uint8Array && data.length !== bytes) {
    throw new PocketPhiError('shape', `The bytes of the packed tensor ${quoted(name)} do not fill its shape.`, {
      expected: `${bytes} bytes for ${type.dtype} [${type.shape.join(', ')}]`,
      found: `${data.length}`,
    })
  }
  return { name, dtype: 'U8', shape: [bytes], data }
}

/** The metadata of a file with these packed tensors; the same text whatever their order. */
export function packedMetadata(types: ReadonlyMap<string, PackedType>): Metadata {
  const names = [...types.keys()].sort()
  const entries = names.map((name) => {
    const { dtype, shape } = types.get(name) as PackedType
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape })}`
  })
  return { [packedMetadataKey]: `{"version":${version},"tensors":{${entries.join(',')}}}` }
}

function damaged(problem: string, expected?: string, found?: string): PocketPhiError {
  return new PocketPhiError('invalid-file', `The description of packed tensors is damaged: ${problem}.`, {
    ...(expected === undefined ? {} : { expected }),
    ...(found === undefined ? {} : { found }),
    remedy: 'Quantise the model again.',
  })
}

/**
 * The packed tensors of a checkpoint, each checked against what is stored: none for an ordinary checkpoint.
 * @throws PocketPhiError `invalid-file` for a damaged description, an unknown format, a tensor that is not there or whose
 * bytes do not fit its shape; `not-supported` for a later version
 */
export function packedTypes(checkpoint: Checkpoint): ReadonlyMap<string, PackedType> {
  const text = Object.hasOwn(checkpoint.metadata, packedMetadataKey)
    ? checkpoint.metadata[packedMetadataKey]
    : undefined
  const types = new Map<string, PackedType>()
  if (text === undefined) return types
  const value = parseJson(text, packedMetadataKey)
  if (!isJsonObject(value)) throw damaged('it is no JSON object')
  const found = value['version']
  if (typeof found === 'number' && found > version) {
    throw new PocketPhiError('not-supported', 'The model was quantised by a later version of this package.', {
      expected: `version ${version}`,
      found: `version ${found}`,
      remedy: 'Update pocket-phi.',
    })
  }
  if (found !== version) throw damaged('it has no known version', `${version}`, describe(found))
  if (!isJsonObject(value['tensors'])) throw damaged('it names no tensors')
  for (const [name, entry] of Object.entries(value['tensors'])) types.set(name, readType(checkpoint, name, entry))
  return types
}

function isBlockName(value: unknown): value is BlockDType {
  return typeof value === 'string' && blockDTypes.includes(value)
}

function readType(checkpoint: Checkpoint, name: string, entry: unknown): PackedType {
  const label = quoted(name)
  if (!isJsonObject(entry)) throw damaged(`the entry of ${label} is no JSON object`)
  const { dtype, shape } = entry
  if (!isBlockName(dtype)) throw damaged(`the format of ${label} is unknown`, blockDTypes.join(', '), describe(dtype))
  const [rows, columns] = Array.isArray(shape) && shape.length === 2 ? (shape as readonly unknown[]) : []
  if (typeof rows !== 'number' || typeof columns !== 'number') {
    throw damaged(`the shape of ${label} is impossible`, '[rows, columns]', describe(shape))
  }
  if (!checkpoint.has(name)) throw damaged(`the tensor ${label} is not in the checkpoint`)
  const stored = checkpoint.info(name)
  const bytes = expectedBytes(label, dtype, rows, columns)
  if (stored.dtype !== 'U8' || stored.shape.length !== 1 || stored.bytes !== bytes) {
    const found = `${stored.dtype} [${stored.shape.join(', ')}]`
    throw damaged(`${label} does not hold ${dtype} [${rows}, ${columns}]`, `U8 [${bytes}]`, found)
  }
  return { dtype, shape: [rows, columns] }
}

function expectedBytes(label: string, dtype: BlockDType, rows: number, columns: number): number {
  try {
    return packedBytes(dtype, rows, columns)
  } catch (error) {
    if (error instanceof PocketPhiError) throw damaged(`the shape of ${label} is impossible. ${error.message}`)
    throw error
  }
}

/** Parsed and checked once for every open checkpoint. */
const known = new WeakMap<Checkpoint, ReadonlyMap<string, PackedType>>()

function knownTypes(checkpoint: Checkpoint): ReadonlyMap<string, PackedType> {
  const types = known.get(checkpoint) ?? packedTypes(checkpoint)
  known.set(checkpoint, types)
  return types
}

/**
 * What a tensor is to a model: a packed matrix with its rows and columns, or a plain tensor.
 * @throws PocketPhiError `not-found`; `not-supported` for element types that no model uses (I64, I16, BOOL); `invalid-file`
 * as `packedTypes`
 */
export function logicalType(checkpoint: Checkpoint, name: string): TensorType {
  const packed = knownTypes(checkpoint).get(name)
  if (packed !== undefined) return packed
  const { dtype, shape } = checkpoint.info(name)
  const plain = plainDTypes[dtype]
  if (plain !== undefined) return { dtype: plain, shape }
  throw new PocketPhiError('not-supported', `The tensor ${quoted(name)} holds ${dtype}, which no model uses.`, {
    expected: Object.keys(plainDTypes).join(', '),
  })
}

/**
 * A tensor as f32, unpacked where it is packed; like `Checkpoint.readFloat32`, with rows of the matrix.
 * @throws PocketPhiError as `logicalType` and `Checkpoint.readFloat32`; rows of a packed matrix start and end on multiples
 * of 8 or at its end (`shape`)
 */
export async function readLogicalFloat32(
  checkpoint: Checkpoint,
  name: string,
  options: ReadFloatOptions = {},
): Promise<Float32Array> {
  const { dtype, shape } = logicalType(checkpoint, name)
  if (!isBlockDType(dtype)) return await checkpoint.readFloat32(name, options)
  const [rows, columns] = shape as PackedType['shape']
  const { first, count } = options.rows ?? { first: 0, count: rows }
  rowElements(name, shape, options.rows)
  const bytes = await checkpoint.read(name, { range: rowRange(dtype, rows, columns, first, count) })
  return unpackMatrix(bytes, dtype, count, columns, options.into)
}
