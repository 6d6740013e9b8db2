/**
 * Products of tiles on a device: what makes the algebra of calibration feasible for matrices of thousands of columns. The
 * loops around them are plain TypeScript; nearly all multiplications are in here.
 */
import type { Device } from '../backends/backend.ts'
import { present } from '../base/errors.ts'
import { tensorType } from '../program/ops/definition.ts'
import { matmul } from '../program/ops/index.ts'
import type { Program } from '../program/program.ts'
import { Trace } from '../program/trace.ts'

/** Columns of a tile; every group length divides it. */
export const tileWidth = 256
/** Rows of the left operand. */
export const tileHeight = 1024

const programName = 'tile product'

/** The program that `tileProducts` runs; to be opened with those that a device has anyway. */
export function tileProgram(): Program {
  const trace = new Trace(programName)
  const left = trace.bind('input', 'left', tensorType('f32', tileHeight, tileWidth))
  const right = trace.bind('input', 'right', tensorType('f32', tileWidth, tileWidth))
  trace.output('product', matmul(left, right))
  return trace.finish()
}

/** A rectangle of a row-major matrix; at most `tileHeight` x `tileWidth`. */
export interface Rectangle {
  readonly values: Float32Array
  /** Columns of the whole matrix. */
  readonly stride: number
  readonly row: number
  readonly rows: number
  readonly column: number
  readonly columns: number
}

/** left [m, k] times right [k, n], or times the transpose of right [n, k]; f32 [m, `tileWidth`], overwritten by the next call. */
export type TileProduct = (left: Rectangle, right: Rectangle, transposeRight: boolean) => Promise<Float32Array>

function load(target: Float32Array, { values, stride, row, rows, column, columns }: Rectangle): void {
  target.fill(0)
  for (let at = 0; at < rows; at++) {
    const from = (row + at) * stride + column
    target.set(values.subarray(from, from + columns), at * tileWidth)
  }
}

function loadTransposed(target: Float32Array, { values, stride, row, rows, column, columns }: Rectangle): void {
  target.fill(0)
  for (let at = 0; at < rows; at++) {
    const from = (row + at) * stride + column
    for (let index = 0; index < columns; index++) target[index * tileWidth + at] = values[from + index] as number
  }
}

/** Multiplies on a device that has `tileProgram` open. */
export function tileProducts(device: Device, signal: AbortSignal | undefined): TileProduct {
  const left = new Float32Array(tileHeight * tileWidth)
  const right = new Float32Array(tileWidth * tileWidth)
  return async (first, second, transposeRight) => {
    load(left, first)
    if (transposeRight) loadTransposed(right, second)
    else load(right, second)
    const { product } = await device.run(programName, { left, right }, signal === undefined ? {} : { signal })
    return present(product, 'product')
  }
}
