/** Quantised matrices of any format, as the store holds them: what is the same for our blocks and those of ggml. */
import { isGgmlDType, type QuantizedDType } from '../base/dtype.ts'
import { dequantizeGgml } from './ggml-dequantize.ts'
import { ggmlBytes } from './ggml.ts'
import { packedBytes, panelRows, unpackMatrix } from './packed.ts'

/**
 * Bytes of a matrix [rows, columns], padding included.
 * @throws PocketPhiError `shape` when its rows are no whole number of blocks
 */
export function matrixBytes(dtype: QuantizedDType, rows: number, columns: number): number {
  return isGgmlDType(dtype) ? rows * ggmlBytes(dtype, columns) : packedBytes(dtype, rows, columns)
}

/** Rows that lie together: a slab of a matrix begins at a multiple. */
export function rowsTogether(dtype: QuantizedDType): number {
  return isGgmlDType(dtype) ? 1 : panelRows
}

/** The values of a whole matrix [rows, columns], exactly. @throws PocketPhiError `shape` for a wrong length */
export function matrixFloats(bytes: Uint8Array, dtype: QuantizedDType, rows: number, columns: number): Float32Array {
  return isGgmlDType(dtype) ? dequantizeGgml(dtype, bytes) : unpackMatrix(bytes, dtype, rows, columns)
}
