/**
 * From rows of Q4_0 and Q8_0 to our blocks `q4g32` and `q8g32` (packed.ts) without a change of any value: both sides hold
 * 32 integers and an f16 scale, only the places differ. What a GGUF file may hold beyond what our packers write:
 *
 * - A subnormal scale stays as it is. Reading it is exact here and in the wasm kernels (a product by 2^112 in wasm's f32,
 *   which never flushes), but `checkPackedMatrix` refuses it: that one is for bytes that claim to come from our packers.
 * - -128 in Q8_0, which ggml never writes, has no counterpart in q8g32 (-127..127), and no other scale holds the values of
 *   its block. Such a matrix is refused and has to be used as f32; `fitsPackedBlocks` tells before anything is repacked.
 * - A negative scale of Q8_0 (ggml writes none) becomes positive and the integers change sign; a scale of -0 becomes 0, and
 *   the integers those of a zero. Only the signs of zeros change.
 */
import { type BlockDType } from '../base/dtype.ts'
import { PocketPhiError } from '../base/errors.ts'
import { checkGgmlBlocks, ggmlBytes, ggmlSmallBlock, ggmlTypeOf, readHalf, writeHalf } from './ggml.ts'
import { packedBytes, panelRows } from './packed.ts'

/** The types whose blocks are ours in another order. */
export type RepackedGgmlType = 'Q4_0' | 'Q8_0'

/** Our formats with the values of these types. */
export const repackedDTypes: Readonly<Record<RepackedGgmlType, BlockDType>> = { Q4_0: 'q4g32', Q8_0: 'q8g32' }

/** Where a 4-byte step of the next four columns is, in a block of 8 interleaved rows. */
const stepStride = 4 * panelRows

/** The byte of -128. */
const lowest = 0x80

function holdsLowest(bytes: Uint8Array, at: number): boolean {
  for (let index = at + 2; index < at + 34; index++) if (bytes[index] === lowest) return readScale(bytes, at) !== 0
  return false
}

/** The f16 bits of the scale at an offset; 0 for -0. */
function readScale(bytes: Uint8Array, at: number): number {
  const bits = readHalf(bytes, at)
  return bits === 0x8000 ? 0 : bits
}

/** Whether every value of these whole blocks can be repacked: false for Q8_0 with a -128. */
export function fitsPackedBlocks(type: RepackedGgmlType, bytes: Uint8Array): boolean {
  if (type === 'Q4_0') return true
  const { blockBytes } = ggmlTypeOf(type)
  for (let at = 0; at + blockBytes <= bytes.length; at += blockBytes) if (holdsLowest(bytes, at)) return false
  return true
}

/**
 * One block of one row to its lane of a q4g32 block. Q4_0 pairs the elements i and i + 16 in a byte, and so do our units of a
 * group of 32: the bytes stay as they are.
 */
function repackQ4_0(bytes: Uint8Array, at: number, target: Uint8Array, lane: number): void {
  const scale = readScale(bytes, at)
  for (let index = 0; index < 16; index++) {
    target[lane + (index >> 2) * stepStride + (index & 3)] = scale === 0 ? 0x88 : (bytes[at + 2 + index] as number)
  }
}

/** One block of one row to its lane of a q8g32 block. */
function repackQ8_0(bytes: Uint8Array, at: number, target: Uint8Array, lane: number): void {
  const scale = readScale(bytes, at)
  const factor = scale === 0 ? 0 : scale < 0x8000 ? 1 : -1
  for (let index = 0; index < 32; index++) {
    target[lane + (index >> 2) * stepStride + (index & 3)] = factor * (bytes[at + 2 + index] as number)
  }
}

function refuseLowest(place: string, block: number, blocks: number): never {
  const row = Math.floor(block / blocks)
  throw new PocketPhiError('not-supported', `${place} cannot be repacked without a change of values.`, {
    expected: 'integers in -127..127',
    found: `-128 in row ${row}, block ${block % blocks} (Q8_0)`,
    remedy: 'Use this matrix as f32, or quantise the model again.',
  })
}

export interface RepackOptions {
  /** What the matrix is called in an error. */
  readonly place?: string
  /** Where to write: exactly `packedBytes` of these rows; a new array when left out. */
  readonly target?: Uint8Array
}

/**
 * Repacks rows, all of a matrix or a slab of them (from a multiple of 8): a slab gives exactly the bytes that it has within
 * the whole matrix. The values stay those of the file.
 *
 * @param bytes the rows [rows, columns] as they are in the file
 * @throws PocketPhiError `shape` for wrong lengths; `invalid-file` for a scale that is not finite; `not-supported` for -128
 */
export function repackGgml(
  type: RepackedGgmlType,
  bytes: Uint8Array,
  rows: number,
  columns: number,
  { place = 'A matrix', target }: RepackOptions = {},
): Uint8Array {
  const dtype = repackedDTypes[type]
  const length = packedBytes(dtype, rows, columns)
  const rowBytes = ggmlBytes(type, columns)
  if (bytes.length !== rows * rowBytes || (target !== undefined && target.length !== length)) {
    throw new PocketPhiError('shape', `${place} of [${rows}, ${columns}] in ${type} cannot be repacked.`, {
      expected: `${rows * rowBytes} bytes, and ${length} to write to`,
      found: `${bytes.length} and ${target?.length ?? length}`,
    })
  }
  checkGgmlBlocks(type, bytes, place)
  const packed = target ?? new Uint8Array(length)
  const { blockBytes } = ggmlTypeOf(type)
  const blocks = columns / ggmlSmallBlock
  const packedBlock = packedBytes(dtype, panelRows, ggmlSmallBlock)
  const scales = packedBlock - 2 * panelRows
  const repack = type === 'Q4_0' ? repackQ4_0 : repackQ8_0
  padLastPanel(type, packed, rows, blocks, packedBlock)
  for (let index = 0, at = 0; index < rows * blocks; index++, at += blockBytes) {
    if (type === 'Q8_0' && holdsLowest(bytes, at)) refuseLowest(place, index, blocks)
    const row = Math.floor(index / blocks)
    const lane = row % panelRows
    const block = (Math.floor(row / panelRows) * blocks + (index % blocks)) * packedBlock
    repack(bytes, at, packed, block + 4 * lane)
    const scale = readScale(bytes, at)
    writeHalf(packed, block + scales + 2 * lane, type === 'Q8_0' ? scale & 0x7fff : scale)
  }
  return packed
}

/** Rows that only fill up the last panel are zeros: integer 0, scale 0. */
function padLastPanel(
  type: RepackedGgmlType,
  packed: Uint8Array,
  rows: number,
  blocks: number,
  packedBlock: number,
): void {
  if (rows % panelRows === 0) return
  const zero = type === 'Q4_0' ? 0x88 : 0
  const scaleBytes = 2 * panelRows
  for (let end = packed.length; end > packed.length - blocks * packedBlock; end -= packedBlock) {
    packed.fill(zero, end - packedBlock, end - scaleBytes)
    packed.fill(0, end - scaleBytes, end)
  }
}

/**
 * Repacks a matrix that is too large to be held twice: yields the packed bytes in order, a panel of 8 rows at a time, each a
 * new array.
 *
 * @param readRows returns the bytes of the rows [first, first + count) as they are in the file; `first` is a multiple of 8
 * @throws PocketPhiError as `repackGgml`, and what `readRows` throws
 */
export async function* repackGgmlPanels(
  type: RepackedGgmlType,
  rows: number,
  columns: number,
  readRows: (first: number, count: number) => Uint8Array | Promise<Uint8Array>,
  place = 'A matrix',
): AsyncGenerator<Uint8Array, void, void> {
  for (let first = 0; first < rows; first += panelRows) {
    const count = Math.min(panelRows, rows - first)
    yield repackGgml(type, await readRows(first, count), count, columns, { place: `${place} (rows from ${first})` })
  }
}
