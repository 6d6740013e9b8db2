/**
 * Our block formats for a matrix [rows, columns], the weight of a linear layer (row = output feature). Groups of
 * 32, 64 or 128 run along the columns; weight = scale * (stored - 8) for 4 bits, scale * stored for 8.
 *
 * Layout, on which the kernels rely. Eight rows are interleaved so that one SIMD lane is one row; rows are padded to a
 * multiple of 8. The matrix is a sequence of panels of 8 rows; a panel is a sequence of columns/group blocks. A step j
 * covers columns 4j..4j+3 of the group for all 8 rows: 32 bytes, byte 4*row + i is column 4j+i.
 *
 * - 8 bits: group/4 steps of signed bytes (-127..127), then 8 f16 scales in row order.
 * - 4 bits: group/8 units of 32 bytes, then the 8 scales. Unit j holds step j in its low nibbles and step
 *   j + group/8 in its high nibbles; a nibble is 0..15.
 *
 * Padding rows have scale 0 and nibble 8 (byte 0). Scales are little-endian, finite, never subnormal; with 4 bits they may
 * be negative. A group with scale 0 holds nibble 8 (byte 0) throughout.
 */
import { blockParts, type BlockDType } from '../base/dtype.ts'
import { PocketPhiError } from '../base/errors.ts'
import { f16ToNumber, roundHalfToEven } from './half.ts'
import { roundGroup, scaleBits } from './rounding.ts'

/** Rows of a panel: that many are interleaved. */
export const panelRows = 8

const unitBytes = 32
const scaleBytes = 2 * panelRows

interface Geometry {
  readonly bits: 4 | 8
  readonly group: number
  /** Bytes of one block: 8 rows of one group. */
  readonly blockBytes: number
  /** Blocks of one panel: groups of one row. */
  readonly blocks: number
  readonly panels: number
}

function isExtent(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0
}

function geometry(dtype: BlockDType, rows: number, columns: number): Geometry {
  const { bits, group } = blockParts(dtype)
  if (!isExtent(rows) || !isExtent(columns) || columns % group !== 0) {
    throw new PocketPhiError('shape', `A matrix [${rows}, ${columns}] cannot be stored as ${dtype}.`, {
      expected: `at least one row and a positive multiple of ${group} columns`,
    })
  }
  const blockBytes = group * bits + scaleBytes
  const blocks = columns / group
  const panels = Math.ceil(rows / panelRows)
  if (!Number.isSafeInteger(panels * panelRows * columns)) {
    throw new PocketPhiError('shape', `A matrix [${rows}, ${columns}] has too many elements.`)
  }
  return { bits, group, blockBytes, blocks, panels }
}

/**
 * Bytes of a packed matrix, padding rows included.
 * @throws PocketPhiError `shape` when the columns are no multiple of the group
 */
export function packedBytes(dtype: BlockDType, rows: number, columns: number): number {
  const { blockBytes, blocks, panels } = geometry(dtype, rows, columns)
  return panels * blocks * blockBytes
}

/** Bytes of one panel (8 rows) of a packed matrix: where row r starts is `(r / 8) * panelBytes`. */
export function panelBytes(dtype: BlockDType, columns: number): number {
  return packedBytes(dtype, panelRows, columns)
}

/**
 * Where the rows [first, first + count) of a packed matrix lie. The bytes are themselves a packed matrix of `count` rows.
 * @throws PocketPhiError `shape` when the range does not start and end on a panel or leaves the matrix
 */
export function rowRange(
  dtype: BlockDType,
  rows: number,
  columns: number,
  first: number,
  count: number,
): { offset: number; length: number } {
  checkRows(rows, first, count)
  if (first % panelRows !== 0 || (count % panelRows !== 0 && first + count !== rows)) {
    throw new PocketPhiError('shape', `The rows ${first}..${first + count} are no slab of a packed matrix.`, {
      expected: `a multiple of ${panelRows} rows, starting at a multiple of ${panelRows}`,
    })
  }
  const panel = panelBytes(dtype, columns)
  return { offset: (first / panelRows) * panel, length: Math.ceil(count / panelRows) * panel }
}

function checkRows(rows: number, first: number, count: number): void {
  const valid = Number.isSafeInteger(first) && isExtent(count) && first >= 0 && first + count <= rows
  if (!valid) {
    throw new PocketPhiError('shape', 'A row range leaves the matrix.', {
      expected: `a range within ${rows} rows`,
      found: `${count} rows from row ${first}`,
    })
  }
}

function checkLength(what: string, found: number, expected: number): void {
  if (found !== expected) {
    throw new PocketPhiError('shape', `${what} has the wrong length.`, { expected: `${expected}`, found: `${found}` })
  }
}

/** Writes one block from 8 rows of integers (row r at r * group) and 8 scales; `target` must be 0 at the block's units. */
function writeBlock(target: Uint8Array, at: number, integers: Int8Array, scales: Uint16Array, shape: Geometry): void {
  const { bits, group, blockBytes } = shape
  if (bits === 8) {
    for (let row = 0; row < panelRows; row++) {
      const lane = at + 4 * row
      for (let column = 0; column < group; column++) {
        target[lane + (column >> 2) * unitBytes + (column & 3)] = integers[row * group + column] as number
      }
    }
  } else {
    const half = group / 2
    for (let row = 0; row < panelRows; row++) {
      const lane = at + 4 * row
      for (let column = 0; column < half; column++) {
        const low = (integers[row * group + column] as number) + 8
        const high = (integers[row * group + half + column] as number) + 8
        target[lane + (column >> 2) * unitBytes + (column & 3)] = low | (high << 4)
      }
    }
  }
  const tail = at + blockBytes - scaleBytes
  for (let row = 0; row < panelRows; row++) {
    const scale = scales[row] as number
    target[tail + 2 * row] = scale
    target[tail + 2 * row + 1] = scale >>> 8
  }
}

/** Reads the integers of one row of one block. */
function readIntegers(
  bytes: Uint8Array,
  at: number,
  row: number,
  shape: Geometry,
  integers: Int8Array,
  integerStart: number,
): void {
  const { bits, group } = shape
  const lane = at + 4 * row
  if (bits === 8) {
    for (let column = 0; column < group; column++) {
      integers[integerStart + column] = bytes[lane + (column >> 2) * unitBytes + (column & 3)] as number
    }
    return
  }
  const half = group / 2
  for (let column = 0; column < half; column++) {
    const pair = bytes[lane + (column >> 2) * unitBytes + (column & 3)] as number
    integers[integerStart + column] = (pair & 15) - 8
    integers[integerStart + half + column] = (pair >>> 4) - 8
  }
}

function readScaleBits(bytes: Uint8Array, at: number, row: number, shape: Geometry): number {
  const place = at + shape.blockBytes - scaleBytes + 2 * row
  return (bytes[place] as number) | ((bytes[place + 1] as number) << 8)
}

/** Calls back for every block row of a row range: byte offset of the block, lane in it, row of the range, group. */
function forEachGroup(
  shape: Geometry,
  first: number,
  count: number,
  visit: (at: number, lane: number, row: number, block: number) => void,
): void {
  const panel = shape.blocks * shape.blockBytes
  for (let row = 0; row < count; row++) {
    const start = Math.floor((first + row) / panelRows) * panel
    const lane = (first + row) % panelRows
    for (let block = 0; block < shape.blocks; block++) visit(start + block * shape.blockBytes, lane, row, block)
  }
}

/** Packs rows whose groups `fill` provides: it writes integers at the given place and returns the scale's bits. */
function packWith(
  dtype: BlockDType,
  rows: number,
  columns: number,
  target: Uint8Array,
  fill: (element: number, integers: Int8Array, integerStart: number) => number,
): Uint8Array {
  const shape = geometry(dtype, rows, columns)
  checkLength('The target of a packed matrix', target.length, packedBytes(dtype, rows, columns))
  const integers = new Int8Array(panelRows * shape.group)
  const scales = new Uint16Array(panelRows)
  let at = 0
  for (let panel = 0; panel < shape.panels; panel++) {
    for (let block = 0; block < shape.blocks; block++) {
      for (let lane = 0; lane < panelRows; lane++) {
        const row = panel * panelRows + lane
        if (row < rows) {
          scales[lane] = fill(row * columns + block * shape.group, integers, lane * shape.group)
        } else {
          scales[lane] = 0
          integers.fill(0, lane * shape.group, (lane + 1) * shape.group)
        }
      }
      writeBlock(target, at, integers, scales, shape)
      at += shape.blockBytes
    }
  }
  return target
}

/**
 * Quantises a row-major matrix by rounding (see rounding.ts for how scales are chosen). A slab of rows (from a multiple of 8)
 * packs to exactly the bytes that it has within the whole matrix, at `rowRange`.
 *
 * @param values f32 [rows, columns], finite
 * @param target where to write, of exactly `packedBytes` bytes; a new array when left out
 * @throws PocketPhiError `shape` for wrong lengths, `invalid-argument` for values that are not finite or beyond the format
 */
export function packMatrix(
  values: Float32Array,
  rows: number,
  columns: number,
  dtype: BlockDType,
  target: Uint8Array = new Uint8Array(packedBytes(dtype, rows, columns)),
): Uint8Array {
  const { bits, group } = geometry(dtype, rows, columns)
  checkLength('A matrix to pack', values.length, rows * columns)
  return packWith(dtype, rows, columns, target, (element, integers, integerStart) =>
    roundGroup(values, element, group, bits, integers, integerStart),
  )
}

/**
 * Packs integers and scales that something else chose (error-feedback quantisation, quantisation-aware training).
 *
 * @param integers i8 [rows, columns], -8..7 for 4 bits, -127..127 for 8 bits
 * @param scales f32 [rows, columns / group]; rounded to f16, below 2^-14 to zero (the integers then become zero too)
 * @throws PocketPhiError `shape` for wrong lengths, `invalid-argument` for integers or scales out of range
 */
export function packIntegers(
  integers: Int8Array,
  scales: Float32Array,
  rows: number,
  columns: number,
  dtype: BlockDType,
  target: Uint8Array = new Uint8Array(packedBytes(dtype, rows, columns)),
): Uint8Array {
  const { bits, group } = geometry(dtype, rows, columns)
  checkLength('The integers of a matrix', integers.length, rows * columns)
  checkLength('The scales of a matrix', scales.length, (rows * columns) / group)
  const lowest = bits === 8 ? -127 : -8
  const highest = bits === 8 ? 127 : 7
  return packWith(dtype, rows, columns, target, (element, panel, start) => {
    const scale = scales[element / group] as number
    const halfBits = scaleBits(scale)
    if ((halfBits & 0x7fff) >= 0x7c00) {
      throw new PocketPhiError('invalid-argument', `The scale ${scale} of element ${element} is no finite f16.`)
    }
    for (let index = 0; index < group; index++) {
      const integer = integers[element + index] as number
      if (integer < lowest || integer > highest) {
        throw new PocketPhiError(
          'invalid-argument',
          `The integer ${integer} of element ${element + index} is out of range.`,
          {
            expected: `${lowest}..${highest} for ${dtype}`,
          },
        )
      }
      panel[start + index] = halfBits === 0 ? 0 : integer
    }
    return halfBits
  })
}

/**
 * Quantises a matrix that is too large to hold as f32: yields the packed bytes slab by slab, in order, each a new array.
 *
 * @param readRows returns f32 [count, columns] for the rows [first, first + count); `first` is a multiple of 8
 * @param slabRows rows at a time, rounded up to a multiple of 8
 */
export async function* packSlabs(
  dtype: BlockDType,
  rows: number,
  columns: number,
  readRows: (first: number, count: number) => Float32Array | Promise<Float32Array>,
  slabRows = 256,
): AsyncGenerator<Uint8Array, void, void> {
  const step = Math.max(1, Math.ceil(slabRows / panelRows)) * panelRows
  geometry(dtype, rows, columns)
  for (let first = 0; first < rows; first += step) {
    const count = Math.min(step, rows - first)
    yield packMatrix(await readRows(first, count), count, columns, dtype)
  }
}

/**
 * The rows [first, first + count) as f32 [count, columns]: scale * integer, which f32 holds exactly. Any rows; no panel
 * boundaries needed.
 * @param bytes the whole packed matrix
 * @throws PocketPhiError `shape` for wrong lengths or rows out of range
 */
export function unpackRows(
  bytes: Uint8Array,
  dtype: BlockDType,
  rows: number,
  columns: number,
  first: number,
  count: number,
  target: Float32Array = new Float32Array(count * columns),
): Float32Array {
  const shape = geometry(dtype, rows, columns)
  const { group } = shape
  checkRows(rows, first, count)
  checkLength('A packed matrix', bytes.length, packedBytes(dtype, rows, columns))
  checkLength('The target of unpacked rows', target.length, count * columns)
  const integers = new Int8Array(group)
  forEachGroup(shape, first, count, (at, lane, row, block) => {
    readIntegers(bytes, at, lane, shape, integers, 0)
    const scale = f16ToNumber(readScaleBits(bytes, at, lane, shape))
    const start = row * columns + block * group
    for (let index = 0; index < group; index++) target[start + index] = scale * (integers[index] as number)
  })
  return target
}

/** The whole matrix as f32 [rows, columns], row major; see `unpackRows`. */
export function unpackMatrix(
  bytes: Uint8Array,
  dtype: BlockDType,
  rows: number,
  columns: number,
  target: Float32Array = new Float32Array(rows * columns),
): Float32Array {
  return unpackRows(bytes, dtype, rows, columns, 0, rows, target)
}

/** One row as f32 [columns]; see `unpackRows`. What an embedding lookup does. */
export function unpackRow(
  bytes: Uint8Array,
  dtype: BlockDType,
  rows: number,
  columns: number,
  row: number,
  target: Float32Array = new Float32Array(columns),
): Float32Array {
  return unpackRows(bytes, dtype, rows, columns, row, 1, target)
}

/** The parts of quantised values: value = scales[element / group] * integers[element]. */
export interface QuantizedValues {
  /** i8 [rows, columns]; of 4-bit formats with the 8 already subtracted. */
  readonly integers: Int8Array
  /** f32 [rows, columns / group] */
  readonly scales: Float32Array
}

/**
 * Integers and scales of the rows [first, first + count), row major: what oracles and further quantisation work on.
 * @throws PocketPhiError `shape` for wrong lengths or rows out of range
 */
export function blockIntegers(
  bytes: Uint8Array,
  dtype: BlockDType,
  rows: number,
  columns: number,
  first = 0,
  count = rows - first,
): QuantizedValues {
  const shape = geometry(dtype, rows, columns)
  const { blocks, group } = shape
  checkRows(rows, first, count)
  checkLength('A packed matrix', bytes.length, packedBytes(dtype, rows, columns))
  const integers = new Int8Array(count * columns)
  const scales = new Float32Array(count * blocks)
  forEachGroup(shape, first, count, (at, lane, row, block) => {
    readIntegers(bytes, at, lane, shape, integers, row * columns + block * group)
    scales[row * blocks + block] = f16ToNumber(readScaleBits(bytes, at, lane, shape))
  })
  return { integers, scales }
}

/** Not 0 if one of the four bytes is 0x80, which is -128. */
export function lowestBytes(bytes: number): number {
  const word = bytes ^ 0x80808080
  return (word - 0x01010101) & ~word & 0x80808080
}

function holdsLowest(words: Int32Array, start: number, end: number): boolean {
  let found = 0
  for (let index = start; index < end; index++) found |= lowestBytes(words[index] as number)
  return found !== 0
}

/** Whether the 8 scales from a word on are neither 0 nor subnormal nor infinite: two at a time, by their exponents. */
function areNormal(words: Int32Array, start: number): boolean {
  let usable = true
  for (let index = start; index < start + panelRows / 2; index++) {
    const exponents = ((words[index] as number) >>> 10) & 0x1f001f
    // One more than 1..30 has a bit among the middle four of its five, one more than 0 and 31 has none.
    const middle = (exponents + 0x10001) & 0x1e001e
    usable &&= (middle & 0xffff) !== 0 && middle > 0xffff
  }
  return usable
}

/** The long way: scales may be 0, and those of padding rows have to be. */
function checkScales(scales: Uint16Array, lanes: number, firstRow: number, place: string): void {
  for (const [lane, scale] of scales.entries()) {
    const magnitude = scale & 0x7fff
    const usable = scale === 0 || (lane < lanes && magnitude >= 0x400 && magnitude < 0x7c00)
    if (usable) continue
    throw new PocketPhiError('invalid-file', `${place} has an impossible scale in row ${firstRow + lane}.`, {
      found: `the f16 bits 0x${scale.toString(16)}`,
      remedy: 'The file is damaged or was not written by this package; quantise the model again.',
    })
  }
}

/**
 * Checks what kernels rely on in bytes of unknown origin: finite scales that are not subnormal, 8-bit integers above -128,
 * padding rows of zero. It reads 2 GB/s or more (groups of 32), so that it can be done to everything that is loaded.
 * @param place what the matrix is called in an error
 * @throws PocketPhiError `shape` for a wrong length, `invalid-file` for contents that no packer writes
 */
export function checkPackedMatrix(
  bytes: Uint8Array,
  dtype: BlockDType,
  rows: number,
  columns: number,
  place = `A ${dtype} matrix`,
): void {
  const shape = geometry(dtype, rows, columns)
  const { bits, blockBytes, blocks, panels } = shape
  checkLength('A packed matrix', bytes.length, packedBytes(dtype, rows, columns))
  const { buffer, byteOffset, length } = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice()
  const words = new Int32Array(buffer, byteOffset, length / 4)
  for (let index = 0; index < panels * blocks; index++) {
    const end = (index + 1) * blockBytes
    const panelStart = Math.floor(index / blocks) * panelRows
    const lanes = Math.min(panelRows, rows - panelStart)
    if (lanes < panelRows || !areNormal(words, (end - scaleBytes) / 4)) {
      checkScales(new Uint16Array(buffer, byteOffset + end - scaleBytes, panelRows), lanes, panelStart, place)
    }
    if (bits === 8 && holdsLowest(words, (end - blockBytes) / 4, (end - scaleBytes) / 4)) {
      throw new PocketPhiError('invalid-file', `${place} holds -128 in rows from ${panelStart}.`, {
        expected: 'integers in -127..127',
        remedy: 'The file is damaged or was not written by this package; quantise the model again.',
      })
    }
  }
}

/**
 * Quantises activations to 8 bits, group by group along each row, bit for bit as the kernels do it in f32:
 * amax = max |x|; scale = amax / 127; inverse = amax === 0 ? 0 : 127 / amax; q = the integer nearest to x * inverse, ties
 * to even, clamped to -127..127 (every operation rounded to f32; where `inverse` overflows, 0 * inverse counts as 0).
 *
 * @param x f32 [rows, columns] whose length is rows * columns, finite
 * @param group values that share a scale; divides the columns
 * @throws PocketPhiError `shape` when the columns are no multiple of the group, `invalid-argument` for NaN or infinity
 */
export function quantizeActivations(x: Float32Array, rows: number, columns: number, group: number): QuantizedValues {
  if (!isExtent(group) || !isExtent(columns) || !isExtent(rows) || columns % group !== 0) {
    throw new PocketPhiError('shape', `Activations [${rows}, ${columns}] cannot be quantised in groups of ${group}.`)
  }
  checkLength('Activations', x.length, rows * columns)
  const integers = new Int8Array(x.length)
  const scales = new Float32Array(x.length / group)
  for (let index = 0; index < scales.length; index++) {
    const start = index * group
    let largest = 0
    let finite = 0
    for (let element = start; element < start + group; element++) {
      const value = x[element] as number
      finite += value * 0
      largest = Math.max(largest, Math.abs(value))
    }
    if (finite !== 0) {
      throw new PocketPhiError('invalid-argument', 'Only finite activations can be quantised.', {
        found: `NaN or infinity in row ${Math.floor(start / columns)}`,
      })
    }
    scales[index] = largest / 127
    const inverse = largest === 0 ? 0 : Math.fround(127 / largest)
    for (let element = start; element < start + group; element++) {
      const integer = roundHalfToEven(Math.fround((x[element] as number) * inverse))
      integers[element] = integer > 127 ? 127 : integer < -127 ? -127 : integer
    }
  }
  return { integers, scales }
}
