/**
 * From rows of a GGUF file to panels of eight rows without a change of any value. Q4_K, Q5_K and Q6_K keep their bytes in
 * another order (k-panels.ts). Q4_0 and Q8_0 become our blocks `q4g32` and `q8g32` (packed.ts): both sides hold 32 integers and
 * an f16 scale, only the places differ. What a GGUF file may hold beyond what our packers write:
 *
 * - A subnormal scale stays as it is. Reading it is exact here and in the wasm kernels (a product by 2^112 in wasm's f32,
 *   which never flushes), but `checkPackedMatrix` refuses it: that one is for bytes that claim to come from our packers.
 * - -128 in Q8_0, which ggml never writes, has no counterpart in q8g32 (-127..127), and no other scale holds the values of
 *   its block. Such a matrix is refused.
 * - A negative scale of Q8_0 (ggml writes none) becomes positive and the integers change sign; a scale of -0 becomes 0, and
 *   the integers those of a zero. Only the signs of zeros change.
 */
import type { BlockDType, KDType } from '../base/dtype.ts'
import { PocketPhiError } from '../base/errors.ts'
import type { KGgmlType } from './ggml-dequantize.ts'
import { areFiniteBlocks, checkGgmlBlocks, ggmlBytes, ggmlTypeOf, readHalf } from './ggml.ts'
import { interleaveRows } from './k-panels.ts'
import { matrixBytes } from './matrix.ts'
import { lowestBytes, panelRows } from './packed.ts'

/** The types whose blocks are ours in another order. */
type SmallType = 'Q4_0' | 'Q8_0'

/** The types of ggml that the store holds in panels. */
export type RepackedGgmlType = SmallType | KGgmlType

/** The formats in panels with the values of these types. */
export const repackedDTypes: Readonly<Record<SmallType, BlockDType> & Record<KGgmlType, KDType>> = {
  Q4_0: 'q4g32',
  Q8_0: 'q8g32',
  Q4_K: 'q4k',
  Q5_K: 'q5k',
  Q6_K: 'q6k',
}

function isSmall(type: RepackedGgmlType): type is SmallType {
  return type === 'Q4_0' || type === 'Q8_0'
}

/** 4-byte words of integers in a block of 32. */
const wordsOf: Readonly<Record<SmallType, number>> = { Q4_0: 4, Q8_0: 8 }

/** A word of integer 0. */
const zeroWord: Readonly<Record<SmallType, number>> = { Q4_0: 0x88888888, Q8_0: 0 }

/** Whether the block at an offset has a -128 and a scale with which it counts. */
function holdsLowest(bytes: Uint8Array, at: number): boolean {
  return (readHalf(bytes, at) & 0x7fff) !== 0 && bytes.subarray(at + 2, at + 34).includes(0x80)
}

/** The first block with a -128 that counts; -1 when there is none. */
function firstLowest(type: SmallType, bytes: Uint8Array): number {
  const { blockBytes } = ggmlTypeOf(type)
  for (let at = 0; at + blockBytes <= bytes.length; at += blockBytes) if (holdsLowest(bytes, at)) return at / blockBytes
  return -1
}

/** Refuses a -128 in rows, of which `firstRow` is the first, unless it is in a block of scale 0. */
function refuseLowest(type: SmallType, bytes: Uint8Array, firstRow: number, blocks: number, place: string): void {
  const found = firstLowest(type, bytes)
  if (found < 0) return
  throw new PocketPhiError('not-supported', `${place} cannot be repacked without a change of values.`, {
    expected: 'integers in -127..127',
    found: `-128 in row ${firstRow + Math.floor(found / blocks)}, block ${found % blocks} (${type})`,
    remedy: 'Quantise the model again.',
  })
}

export interface RepackOptions {
  /** What the matrix is called in an error. */
  readonly place?: string
  /** Where to write: exactly `matrixBytes` of these rows; a new array when left out. */
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
  const length = matrixBytes(dtype, rows, columns)
  const rowBytes = ggmlBytes(type, columns)
  if (bytes.length !== rows * rowBytes || (target !== undefined && target.length !== length)) {
    throw new PocketPhiError('shape', `${place} of [${rows}, ${columns}] in ${type} cannot be repacked.`, {
      expected: `${rows * rowBytes} bytes, and ${length} to write to`,
      found: `${bytes.length} and ${target?.length ?? length}`,
    })
  }
  const packed = target ?? new Uint8Array(length)
  const isAligned = packed.byteOffset % 4 === 0
  const aligned = isAligned ? packed : new Uint8Array(length)
  aligned.set(bytes)
  repackInPlace(type, aligned, rows, columns, place)
  if (!isAligned) packed.set(aligned)
  return packed
}

/**
 * Turns the rows of one panel into the panel, in place.
 *
 * @param bytes the panel, at a multiple of four; up to eight rows as they are in the file come first
 * @returns false where a scale is not finite or a -128 counts; the bytes are then as they were
 */
export type RepackPanel = (type: RepackedGgmlType, bytes: Uint8Array, rows: number, columns: number) => boolean

/**
 * `repackGgml` where the bytes of the file already are in the place of the panels, which are as long, but for rows of padding.
 *
 * @param bytes exactly `matrixBytes`, at a multiple of four; the rows [rows, columns] as they are in the file come first
 * @param repack `repackPanel`, or what does the same in another way
 * @throws PocketPhiError `invalid-file` for a scale that is not finite; `not-supported` for -128
 */
export function repackInPlace(
  type: RepackedGgmlType,
  bytes: Uint8Array,
  rows: number,
  columns: number,
  place = 'A matrix',
  repack: RepackPanel = repackPanel,
): void {
  const panelLength = matrixBytes(repackedDTypes[type], panelRows, columns)
  for (let row = 0, start = 0; row < rows; row += panelRows, start += panelLength) {
    const panel = bytes.subarray(start, start + panelLength)
    const lanes = Math.min(panelRows, rows - row)
    if (repack(type, panel, lanes, columns)) continue
    const file = panel.subarray(0, ggmlBytes(type, lanes * columns))
    const blocks = columns / ggmlTypeOf(type).blockLength
    checkGgmlBlocks(type, file, place, row * blocks)
    if (isSmall(type)) refuseLowest(type, file, row, blocks, place)
    throw new Error(`defect: ${place} has a panel of ${type} that was refused for nothing`)
  }
}

/** In plain TypeScript: what kernels that do it are compared with, and for where there are none. */
export const repackPanel: RepackPanel = (type, bytes, rows, columns) => {
  if (isSmall(type)) return repackSmall(type, bytes, rows, columns)
  if (!areFiniteBlocks(type, bytes.subarray(0, ggmlBytes(type, rows * columns)))) return false
  interleaveRows(repackedDTypes[type], bytes, rows, columns)
  return true
}

/** Q4_0 pairs the elements i and i + 16 in a byte, as our units of a group of 32 do. */
function repackSmall(type: SmallType, bytes: Uint8Array, rows: number, columns: number): boolean {
  const kept = bytes.slice()
  const file = new Uint16Array(kept.buffer, 0, ggmlBytes(type, rows * columns) / 2)
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2)
  if (rows < panelRows) bytes.fill(0)
  if (type === 'Q4_0') copyFourBits(file, rows, words, halves)
  else copyEightBits(file, rows, words, halves)
  const isKept = mendScales(type, words, halves) && !(type === 'Q8_0' && panelHoldsLowest(words))
  if (!isKept) bytes.set(kept)
  return isKept
}

/** Whether an integer in a panel of Q8_0 is -128. */
function panelHoldsLowest(words: Uint32Array): boolean {
  let lowest = 0
  for (let start = 0; start < words.length; start += 68) {
    for (let at = start; at < start + 64; at++) lowest |= lowestBytes(words[at] as number)
  }
  return lowest !== 0
}

/**
 * Rows of Q4_0, block by block, so that the panel is written from front to back. That it does nothing but copy, word by word of two
 * halves and with offsets that are known, makes it four times as fast as loops that also look at what they copy.
 */
function copyFourBits(file: Uint16Array, lanes: number, words: Uint32Array, halves: Uint16Array): void {
  const rowHalves = file.length / lanes
  for (let from = 0, to = 0; from < rowHalves; from += 9, to += 36) {
    for (let lane = 0, at = from; lane < lanes; lane++, at += rowHalves) {
      copyFourWords(file, at + 1, words, to + lane)
      halves[2 * (to + 32) + lane] = file[at] as number
    }
  }
}

/** Rows of Q8_0, likewise. */
function copyEightBits(file: Uint16Array, lanes: number, words: Uint32Array, halves: Uint16Array): void {
  const rowHalves = file.length / lanes
  for (let from = 0, to = 0; from < rowHalves; from += 17, to += 68) {
    for (let lane = 0, at = from; lane < lanes; lane++, at += rowHalves) {
      copyFourWords(file, at + 1, words, to + lane)
      copyFourWords(file, at + 9, words, to + 4 * panelRows + lane)
      halves[2 * (to + 64) + lane] = file[at] as number
    }
  }
}

function copyFourWords(source: Uint16Array, from: number, words: Uint32Array, to: number): void {
  words[to] = (source[from] as number) | ((source[from + 1] as number) << 16)
  words[to + panelRows] = (source[from + 2] as number) | ((source[from + 3] as number) << 16)
  words[to + 2 * panelRows] = (source[from + 4] as number) | ((source[from + 5] as number) << 16)
  words[to + 3 * panelRows] = (source[from + 6] as number) | ((source[from + 7] as number) << 16)
}

/**
 * Makes scales positive, and integers under a scale of 0 zeros, those of the lanes that fill up the panel among them.
 * @returns whether all scales are finite
 */
function mendScales(type: SmallType, words: Uint32Array, halves: Uint16Array): boolean {
  const blockWords = panelRows * wordsOf[type]
  let areFinite = true
  for (let start = 0; start < words.length; start += blockWords + panelRows / 2) {
    for (let lane = 0; lane < panelRows; lane++) {
      const at = 2 * (start + blockWords) + lane
      const scale = halves[at] as number
      const size = scale & 0x7fff
      if (size >= 0x7c00) areFinite = false
      if (size !== 0 && (type === 'Q4_0' || scale <= 0x8000)) continue
      mendLane(type, words, start + lane, scale)
      halves[at] = size
    }
  }
  return areFinite
}

/** Integers under a scale of 0 become zeros; those under a negative scale of Q8_0, which becomes positive, change sign. */
function mendLane(type: SmallType, words: Uint32Array, first: number, scale: number): void {
  for (let word = 0, at = first; word < wordsOf[type]; word++, at += panelRows) {
    words[at] = (scale & 0x7fff) === 0 ? zeroWord[type] : negated(words[at] as number)
  }
}

/** Four signed bytes with the other sign, none of them -128. */
function negated(word: number): number {
  let result = 0
  for (let shift = 0; shift < 32; shift += 8) result |= (-(word >>> shift) & 0xff) << shift
  return result
}
