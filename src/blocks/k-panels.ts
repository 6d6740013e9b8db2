/**
 * Q4_K, Q5_K and Q6_K of ggml as `q4k`, `q5k` and `q6k`: the bytes of the file (ggml.ts says what they are) in another order, in
 * which eight rows are interleaved, so that one SIMD lane is one row. Rows are padded with zeros to a multiple of 8.
 *
 * A matrix is a sequence of panels of 8 rows, a panel a sequence of blocks of 256 columns. Of the block of a row the scales,
 * small and large, are taken as 16-bit halves, the integers as 32-bit words of 4 columns; the block of a panel is its halves, each
 * [8 rows], then its words, each [8 rows]. Parts keep the order of the file, but for the upper bits of q6k, which go before the
 * nibbles of the same 128 columns: memory is then read nearly from front to back.
 *
 * | format | halves | words |
 * |---|---|---|
 * | q4k | d, dmin, the 12 bytes of scales and minima | 32 of nibbles |
 * | q5k | d, dmin, the 12 bytes | 8 of fifth bits, 32 of nibbles |
 * | q6k | the 16 scales, d | 8 of upper bits, 16 of nibbles, 8 of upper bits, 16 of nibbles |
 */
import type { KDType } from '../base/dtype.ts'
import { PocketPhiError } from '../base/errors.ts'
import { readGroups, type GroupedValues, type KGgmlType } from './ggml-dequantize.ts'
import { ggmlBytes, ggmlLargeBlock, ggmlTypeOf } from './ggml.ts'

/** The types of ggml by their formats in panels. */
export const kTypes: Readonly<Record<KDType, KGgmlType>> = { q4k: 'Q4_K', q5k: 'Q5_K', q6k: 'Q6_K' }

const rowsOfPanel = 8

function range(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first + index)
}

interface Parts {
  /** The halves of a row's block that are scales, in the order of the panel. */
  readonly halves: readonly number[]
  /** The first halves of its words. */
  readonly words: readonly number[]
}

const parts: Readonly<Record<KDType, Parts>> = {
  q4k: { halves: range(0, 8), words: range(4, 32).map((word) => 2 * word) },
  q5k: { halves: range(0, 8), words: range(4, 40).map((word) => 2 * word) },
  q6k: {
    halves: range(96, 9),
    words: [range(32, 8), range(0, 16), range(40, 8), range(16, 16)].flat().map((word) => 2 * word),
  },
}

/**
 * Bytes of a matrix in panels, padding rows included.
 * @throws PocketPhiError `shape` when the columns are no multiple of 256
 */
export function kBytes(dtype: KDType, rows: number, columns: number): number {
  return Math.ceil(rows / rowsOfPanel) * rowsOfPanel * ggmlBytes(kTypes[dtype], columns)
}

/** For each half of the block of a panel, where it comes from: the place in the block of a row, row after row. */
function sourcesOf(dtype: KDType): Int32Array {
  const { halves, words } = parts[dtype]
  const blockHalves = ggmlTypeOf(kTypes[dtype]).blockBytes / 2
  const lanes = range(0, rowsOfPanel).map((lane) => lane * blockHalves)
  return Int32Array.from([
    ...halves.flatMap((half) => lanes.map((lane) => lane + half)),
    ...words.flatMap((word) => lanes.flatMap((lane) => [lane + word, lane + word + 1])),
  ])
}

const sources: Readonly<Record<KDType, Int32Array>> = {
  q4k: sourcesOf('q4k'),
  q5k: sourcesOf('q5k'),
  q6k: sourcesOf('q6k'),
}

function halvesOf(bytes: Uint8Array): Uint16Array {
  const { buffer, byteOffset, length } = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice()
  return new Uint16Array(buffer, byteOffset, length / 2)
}

/**
 * Interleaves the rows of a matrix in place, or of a slab that begins at a multiple of 8.
 *
 * @param bytes exactly `kBytes`, at a multiple of four; the rows [rows, columns] as they are in the file come first
 */
export function interleaveRows(dtype: KDType, bytes: Uint8Array, rows: number, columns: number): void {
  const rowBytes = ggmlBytes(kTypes[dtype], columns)
  const panelLength = rowsOfPanel * rowBytes
  const file = new Uint16Array(panelLength / 2)
  const fileBytes = new Uint8Array(file.buffer)
  for (let row = 0; row < rows; row += rowsOfPanel) {
    const panel = bytes.subarray(row * rowBytes, row * rowBytes + panelLength)
    const lanes = Math.min(rowsOfPanel, rows - row)
    fileBytes.set(panel)
    fileBytes.fill(0, lanes * rowBytes)
    interleavePanel(dtype, file, panel)
  }
}

/** From the rows of a panel as they are in a file, row after row: a line of it is then read at once. */
function interleavePanel(dtype: KDType, file: Uint16Array, panel: Uint8Array): void {
  const { halves, words } = parts[dtype]
  const blockHalves = ggmlTypeOf(kTypes[dtype]).blockBytes / 2
  const rowHalves = file.length / rowsOfPanel
  const toHalves = new Uint16Array(panel.buffer, panel.byteOffset, panel.length / 2)
  const toWords = new Uint32Array(panel.buffer, panel.byteOffset, panel.length / 4)
  for (let at = 0; at < file.length; at += blockHalves) {
    const lane = Math.floor(at / rowHalves)
    let to = (at % rowHalves) * rowsOfPanel + lane
    for (let index = 0; index < halves.length; index++, to += rowsOfPanel) {
      toHalves[to] = file[at + (halves[index] as number)] as number
    }
    to = (to - lane) / 2 + lane
    for (let index = 0; index < words.length; index++, to += rowsOfPanel) {
      const word = at + (words[index] as number)
      toWords[to] = (file[word] as number) | ((file[word + 1] as number) << 16)
    }
  }
}

/**
 * The rows of a matrix in panels as they are in a file.
 * @throws PocketPhiError `shape` for a wrong length
 */
function fileRows(bytes: Uint8Array, dtype: KDType, rows: number, columns: number): Uint8Array {
  const expected = kBytes(dtype, rows, columns)
  if (bytes.length !== expected) {
    throw new PocketPhiError('shape', `A matrix [${rows}, ${columns}] in ${dtype} has the wrong length.`, {
      expected: `${expected} bytes`,
      found: `${bytes.length}`,
    })
  }
  const from = halvesOf(bytes)
  const to = new Uint16Array((rows * ggmlBytes(kTypes[dtype], columns)) / 2)
  const order = sources[dtype]
  const blockHalves = order.length / rowsOfPanel
  const blocks = columns / ggmlLargeBlock
  for (let start = 0; start < from.length; start += order.length) {
    const index = start / order.length
    const [firstRow, block] = [Math.floor(index / blocks) * rowsOfPanel, index % blocks]
    for (let place = 0; place < order.length; place++) {
      const source = order[place] as number
      const row = firstRow + Math.floor(source / blockHalves)
      if (row >= rows) continue
      to[(row * blocks + block) * blockHalves + (source % blockHalves)] = from[start + place] as number
    }
  }
  return new Uint8Array(to.buffer)
}

/**
 * What oracles work on.
 * @throws PocketPhiError `shape` for a wrong length
 */
export function kGroups(bytes: Uint8Array, dtype: KDType, rows: number, columns: number): GroupedValues {
  return readGroups(kTypes[dtype], fileRows(bytes, dtype, rows, columns))
}
