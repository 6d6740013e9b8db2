/**
 * The metadata of a GGUF file (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md): typed values by key. A value keeps
 * the type that the file gives it, so that a file can be written again as it was.
 */
import { quoted } from '../base/describe.ts'
import { PocketPhiError } from '../base/errors.ts'

/** The value types of the format; the place in the list is the number that files use. */
export const ggufValueTypes = [
  'uint8',
  'int8',
  'uint16',
  'int16',
  'uint32',
  'int32',
  'float32',
  'bool',
  'string',
  'array',
  'uint64',
  'int64',
  'float64',
] as const

export type GgufValueType = (typeof ggufValueTypes)[number]

/** What arrays of numbers are held in; booleans are bytes of 0 and 1. */
export const ggufArrayTypes = {
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  float32: Float32Array,
  bool: Uint8Array,
  uint64: BigUint64Array,
  int64: BigInt64Array,
  float64: Float64Array,
} as const

/** Types of elements that have a fixed width. */
export type GgufFixedType = keyof typeof ggufArrayTypes

/** An array of fixed-width elements. */
export type GgufFixedArray = {
  [Type in GgufFixedType]: {
    readonly type: 'array'
    readonly of: Type
    readonly value: InstanceType<(typeof ggufArrayTypes)[Type]>
  }
}[GgufFixedType]

export interface GgufStringArray {
  readonly type: 'array'
  readonly of: 'string'
  readonly value: readonly string[]
}

export type GgufValue =
  | { readonly type: Exclude<GgufFixedType, 'bool' | 'uint64' | 'int64'>; readonly value: number }
  | { readonly type: 'uint64' | 'int64'; readonly value: bigint }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'string'; readonly value: string }
  | GgufFixedArray
  | GgufStringArray

/** Values by key, in the order of the file. */
export type GgufMetadata = ReadonlyMap<string, GgufValue>

/** The type of a value as an error names it: `uint32`, `array of string`. */
export function ggufTypeName(value: GgufValue): string {
  return value.type === 'array' ? `array of ${value.of}` : value.type
}

function wrongType(key: string, expected: string, value: GgufValue): PocketPhiError {
  return new PocketPhiError('invalid-file', `The metadata ${quoted(key)} of the GGUF file is of the wrong type.`, {
    expected,
    found: ggufTypeName(value),
  })
}

/**
 * Text of a key; undefined without it.
 * @throws PocketPhiError `invalid-file` when it holds something else
 */
export function ggufString(metadata: GgufMetadata, key: string): string | undefined {
  const value = metadata.get(key)
  if (value === undefined || value.type === 'string') return value?.value
  throw wrongType(key, 'string', value)
}

/** True or false of a key; undefined without it. @throws PocketPhiError `invalid-file` */
export function ggufBoolean(metadata: GgufMetadata, key: string): boolean | undefined {
  const value = metadata.get(key)
  if (value === undefined || value.type === 'bool') return value?.value
  throw wrongType(key, 'bool', value)
}

/**
 * A number of a key, whatever its width; undefined without it. What was stored as f32 comes as the shortest decimal that
 * rounds to it, which is what the writer of the file rounded: 1e-5, not 9.999999747378752e-6.
 * @throws PocketPhiError `invalid-file` for another type, and for integers beyond 2^53
 */
export function ggufNumber(metadata: GgufMetadata, key: string): number | undefined {
  const value = metadata.get(key)
  if (value === undefined) return undefined
  switch (value.type) {
    case 'float32':
      return shortestDecimal(value.value)
    case 'uint64':
    case 'int64': {
      const number = Number(value.value)
      if (Number.isSafeInteger(number)) return number
      throw new PocketPhiError('invalid-file', `The metadata ${quoted(key)} of the GGUF file is out of range.`, {
        expected: 'an integer of at most 53 bits',
        found: String(value.value),
      })
    }
    case 'bool':
    case 'string':
    case 'array':
      throw wrongType(key, 'a number', value)
    default:
      return value.value
  }
}

/** An array of strings; undefined without the key. @throws PocketPhiError `invalid-file` */
export function ggufStrings(metadata: GgufMetadata, key: string): readonly string[] | undefined {
  const value = metadata.get(key)
  if (value === undefined) return undefined
  if (value.type === 'array' && value.of === 'string') return value.value
  throw wrongType(key, 'array of string', value)
}

/** An array of numbers of at most 32 bits or of f64; undefined without the key. @throws PocketPhiError `invalid-file` */
export function ggufNumbers(metadata: GgufMetadata, key: string): ArrayLike<number> | undefined {
  const value = metadata.get(key)
  if (value === undefined) return undefined
  if (value.type !== 'array' || value.of === 'string' || value.of === 'bool') throw wrongType(key, 'an array', value)
  if (value.of === 'uint64' || value.of === 'int64') throw wrongType(key, 'an array of at most 32 bits', value)
  return value.value
}

/** The decimal of fewest digits that rounds to this f32. */
export function shortestDecimal(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const decimal = Number(value.toPrecision(digits))
    if (Math.fround(decimal) === value) return decimal
  }
  return value
}
