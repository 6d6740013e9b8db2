import { PocketPhiError } from './errors.ts'

/** Plain element types. Index vectors are `i32`; rope frequencies are `f64`. */
export type PlainDType = 'f64' | 'f32' | 'f16' | 'bf16' | 'i32' | 'i8' | 'u8'

/**
 * Our block formats for matrices [rows, columns]: 4- or 8-bit integers in groups along the columns, one f16 scale a
 * group (see src/blocks).
 */
export type BlockDType = `q${4 | 8}g${32 | 64 | 128}`

/** Formats with the bytes of ggml's Q4_K, Q5_K and Q6_K, eight rows interleaved (see src/blocks/k-panels.ts). */
export type KDType = 'q4k' | 'q5k' | 'q6k'

/** Formats in panels of eight rows, with which activations can be multiplied as int8. */
export type PanelDType = BlockDType | KDType

/**
 * Block formats of ggml that the store holds as GGUF files do, row after row, by their names there. Those that are not among
 * them become formats in panels without loss (see src/blocks/ggml-repack.ts).
 */
export type GgmlDType = 'Q4_1' | 'Q5_0' | 'Q5_1' | 'Q2_K' | 'Q3_K'

/** Every format of matrices of integers with scales. */
export type QuantizedDType = PanelDType | GgmlDType

/** Keys or values of a cache in 8 or 4 bits with scales (see src/blocks/kv8.ts and kv4.ts). */
export type KvDType = 'kv8' | 'kv4'

export type DType = PlainDType | QuantizedDType | KvDType

const plainBytes: Record<PlainDType, number> = { f64: 8, f32: 4, f16: 2, bf16: 2, i32: 4, i8: 1, u8: 1 }

export function isBlockDType(dtype: DType): dtype is BlockDType {
  return /^q\d+g/.test(dtype)
}

export function isKDType(dtype: DType): dtype is KDType {
  return dtype.startsWith('q') && dtype.endsWith('k')
}

export function isPanelDType(dtype: DType): dtype is PanelDType {
  return dtype.startsWith('q')
}

export function isGgmlDType(dtype: DType): dtype is GgmlDType {
  return dtype.startsWith('Q')
}

export function isQuantizedDType(dtype: DType): dtype is QuantizedDType {
  return isPanelDType(dtype) || isGgmlDType(dtype)
}

export function isKvDType(dtype: DType): dtype is KvDType {
  return dtype.startsWith('kv')
}

/** Bytes of one element of a plain dtype. */
export function elementBytes(dtype: PlainDType): number {
  return plainBytes[dtype]
}

/** The number of elements of a shape; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1)
}

/** Bits and group length of a block dtype: `q4g32` is 4 and 32. */
export function blockParts(dtype: BlockDType): { bits: 4 | 8; group: 32 | 64 | 128 } {
  const match = /^q([48])g(32|64|128)$/.exec(dtype)
  if (match === null) throw new PocketPhiError('invalid-argument', `Unknown block format "${dtype}".`)
  return { bits: Number(match[1]) as 4 | 8, group: Number(match[2]) as 32 | 64 | 128 }
}

/** A shape and what its elements are. */
export interface TensorType {
  readonly shape: readonly number[]
  readonly dtype: DType
}

/** `f32[2, 64]`, as it is printed in programs and errors. */
export function formatType(type: TensorType): string {
  return `${type.dtype}[${type.shape.join(', ')}]`
}
