/** Quantised matrices of any format, as the store holds them: what is the same for our blocks and those of ggml. */
import { blockParts, isGgmlDType, isKDType, type PanelDType, type QuantizedDType } from '../base/dtype.ts'
import { dequantizeGgml, groupValues, type GroupedValues } from './ggml-dequantize.ts'
import { ggmlBytes, ggmlLargeBlock } from './ggml.ts'
import { kBytes, kGroups } from './k-panels.ts'
import { blockIntegers, packedBytes, panelRows, unpackMatrix } from './packed.ts'

/**
 * Bytes of a matrix [rows, columns], padding included.
 * @throws PocketPhiError `shape` when its rows are no whole number of blocks
 */
export function matrixBytes(dtype: QuantizedDType, rows: number, columns: number): number {
  if (isGgmlDType(dtype)) return rows * ggmlBytes(dtype, columns)
  return isKDType(dtype) ? kBytes(dtype, rows, columns) : packedBytes(dtype, rows, columns)
}

/** Rows that lie together: a slab of a matrix begins at a multiple. */
export function rowsTogether(dtype: QuantizedDType): number {
  return isGgmlDType(dtype) ? 1 : panelRows
}

/** The values of a whole matrix [rows, columns], exactly. @throws PocketPhiError `shape` for a wrong length */
export function matrixFloats(bytes: Uint8Array, dtype: QuantizedDType, rows: number, columns: number): Float32Array {
  if (isGgmlDType(dtype)) return dequantizeGgml(dtype, bytes)
  if (isKDType(dtype)) return groupValues(kGroups(bytes, dtype, rows, columns))
  return unpackMatrix(bytes, dtype, rows, columns)
}

/** Integers, scales and offsets of a matrix in panels: what the oracle multiplies. @throws PocketPhiError `shape` */
export function matrixGroups(bytes: Uint8Array, dtype: PanelDType, rows: number, columns: number): GroupedValues {
  if (isKDType(dtype)) return kGroups(bytes, dtype, rows, columns)
  return { group: blockParts(dtype).group, ...blockIntegers(bytes, dtype, rows, columns) }
}

/** Columns of an activation that share a scale when it meets a matrix of this format as int8. */
export function activationGroup(dtype: PanelDType): number {
  return isKDType(dtype) ? ggmlLargeBlock : blockParts(dtype).group
}
