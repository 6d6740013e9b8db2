/**
 * Matrices in blocks, as kernels read them: WGSL functions over a binding `weight` of words, by row and by quad, which is four
 * consecutive columns. `given.quads` is the number of quads of a row. What the bits mean is said in src/blocks.
 */
import {
  blockParts,
  isBlockDType,
  isGgmlDType,
  type BlockDType,
  type GgmlDType,
  type KDType,
  type QuantizedDType,
} from '../../../base/dtype.ts'
import { ggmlTypeOf } from '../../../blocks/ggml.ts'

export interface Format {
  readonly dtype: QuantizedDType
  /**
   * `fn valuesAt(row: u32, quad: u32) -> vec4<f32>`, and of matrices in panels also those of `integers`.
   */
  readonly code: string
  /** Of matrices in panels: how integers meet scales. */
  readonly integers?: IntegerFormat
}

/**
 * `fn integersAt(row: u32, quad: u32) -> u32` has four signed bytes, `fn scaleAt(row: u32, group: u32) -> f32` what they are
 * multiplied by, `fn offsetAt(row: u32, group: u32) -> f32` what is then taken away, where something is.
 */
export interface IntegerFormat {
  /** Columns that share a scale. */
  readonly group: number
  readonly hasOffsets: boolean
}

/** Bytes of a word as numbers. */
const bytes = `
fn unsignedBytes(word: u32) -> vec4<f32> {
  return vec4<f32>((vec4<u32>(word) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(255u));
}

fn signedBytes(word: u32) -> vec4<f32> {
  return vec4<f32>(bitcast<vec4<i32>>(vec4<u32>(word) << vec4<u32>(24u, 16u, 8u, 0u)) >> vec4<u32>(24u));
}
`

/** A half as a number, by integers: `unpack2x16float` may give 0 for the subnormal scales of very small weights. */
const halves = `
fn half16(bits: u32) -> f32 {
  let magnitude = bits & 0x7fffu;
  var word = (magnitude << 13u) + select(0x38000000u, 0x70000000u, magnitude >= 0x7c00u);
  if (magnitude < 0x400u) {
    word = bitcast<u32>(f32(magnitude) * 5.9604645e-8);
  }
  return bitcast<f32>(word | ((bits & 0x8000u) << 16u));
}
`

/** Takes a number from each of four bytes that are below 128, without borrowing from one another. */
function lessThanEach(bytesOfWord: string, number: number): string {
  const each = `0x${(number * 0x01010101).toString(16).padStart(8, '0')}u`
  return `((${bytesOfWord} | 0x80808080u) - ${each}) ^ 0x80808080u`
}

const panelValues = (hasOffsets: boolean, group: number): string => `
fn valuesAt(row: u32, quad: u32) -> vec4<f32> {
  let group = quad / ${group / 4}u;
  return scaleAt(row, group) * signedBytes(integersAt(row, quad))${hasOffsets ? ' - offsetAt(row, group)' : ''};
}
`

/** Our blocks of 4 or 8 bits (src/blocks/packed.ts): eight rows interleaved by words, their scales behind them. */
function blocksOf(dtype: BlockDType): Format {
  const { bits, group } = blockParts(dtype)
  const blockWords = (group * bits + 16) / 4
  const [quads, half] = [group / 4, group / 8]
  const integers =
    bits === 8
      ? `return weight[blockAt(row, quad / ${quads}u) + quad % ${quads}u * 8u + row % 8u];`
      : `let place = quad % ${quads}u;
  let word = weight[blockAt(row, quad / ${quads}u) + place % ${half}u * 8u + row % 8u];
  let nibbles = (word >> (place / ${half}u * 4u)) & 0x0f0f0f0fu;
  return ${lessThanEach('nibbles', 8)};`
  return {
    dtype,
    integers: { group, hasOffsets: false },
    code: `${bytes}${halves}
fn blockAt(row: u32, block: u32) -> u32 {
  return (row / 8u * (given.quads / ${quads}u) + block) * ${blockWords}u;
}

fn integersAt(row: u32, quad: u32) -> u32 {
  ${integers}
}

fn scaleAt(row: u32, group: u32) -> f32 {
  let pair = weight[blockAt(row, group) + ${blockWords - 4}u + row % 8u / 2u];
  return half16(pair >> (row % 2u * 16u));
}
${panelValues(false, group)}`,
  }
}

/** Blocks of 256 columns whose halves and words are interleaved by eight rows (src/blocks/k-panels.ts). */
const kAccess = (blockWords: number): string => `
fn blockAt(row: u32, block: u32) -> u32 {
  return (row / 8u * (given.quads / 64u) + block) * ${blockWords}u;
}

/// A half of the block of a row, as bits.
fn halfAt(block: u32, row: u32, half: u32) -> u32 {
  return (weight[block + half * 4u + row % 8u / 2u] >> (row % 2u * 16u)) & 0xffffu;
}
`

/** Scales and minima of q4k and q5k: d, dmin, then twelve bytes with six bits of each of eight groups. */
const minimumScales = `
fn scaleByte(block: u32, row: u32, index: u32) -> u32 {
  return (halfAt(block, row, 2u + index / 2u) >> (index % 2u * 8u)) & 0xffu;
}

fn scaleAt(row: u32, group: u32) -> f32 {
  let block = blockAt(row, group / 8u);
  let place = group % 8u;
  var steps = scaleByte(block, row, place) & 63u;
  if (place >= 4u) {
    steps = (scaleByte(block, row, place + 4u) & 15u) | ((scaleByte(block, row, place - 4u) >> 6u) << 4u);
  }
  return half16(halfAt(block, row, 0u)) * f32(steps);
}

fn offsetAt(row: u32, group: u32) -> f32 {
  let block = blockAt(row, group / 8u);
  let place = group % 8u;
  var steps = scaleByte(block, row, place + 4u);
  if (place < 4u) {
    steps = steps & 63u;
  } else {
    steps = (steps >> 4u) | ((scaleByte(block, row, place) >> 6u) << 4u);
  }
  return half16(halfAt(block, row, 1u)) * f32(steps);
}
`

const kIntegers: Readonly<Record<KDType, { blockWords: number; format: IntegerFormat; code: string }>> = {
  q4k: {
    blockWords: 288,
    format: { group: 32, hasOffsets: true },
    code: `${minimumScales}
fn integersAt(row: u32, quad: u32) -> u32 {
  let place = quad % 64u;
  let word = weight[blockAt(row, quad / 64u) + 32u + (place / 16u * 8u + place % 8u) * 8u + row % 8u];
  return (word >> (place / 8u % 2u * 4u)) & 0x0f0f0f0fu;
}
`,
  },
  q5k: {
    blockWords: 352,
    format: { group: 32, hasOffsets: true },
    code: `${minimumScales}
fn integersAt(row: u32, quad: u32) -> u32 {
  let place = quad % 64u;
  let block = blockAt(row, quad / 64u) + 32u + row % 8u;
  let fifth = weight[block + place % 8u * 8u] >> (place / 8u);
  let word = weight[block + (8u + place / 16u * 8u + place % 8u) * 8u];
  return ((word >> (place / 8u % 2u * 4u)) & 0x0f0f0f0fu) | ((fifth & 0x01010101u) << 4u);
}
`,
  },
  q6k: {
    blockWords: 420,
    format: { group: 16, hasOffsets: false },
    code: `
fn scaleAt(row: u32, group: u32) -> f32 {
  let block = blockAt(row, group / 16u);
  let place = group % 16u;
  let bits = halfAt(block, row, place / 2u) << (24u - place % 2u * 8u);
  return half16(halfAt(block, row, 8u)) * f32(bitcast<i32>(bits) >> 24u);
}

fn integersAt(row: u32, quad: u32) -> u32 {
  let place = quad % 64u;
  let quarter = place / 8u % 4u;
  let side = blockAt(row, quad / 64u) + 36u + place / 32u * 192u + row % 8u;
  let upper = (weight[side + place % 8u * 8u] >> (quarter * 2u)) & 0x03030303u;
  let word = weight[side + (8u + quarter % 2u * 8u + place % 8u) * 8u];
  let sixBits = ((word >> (quarter / 2u * 4u)) & 0x0f0f0f0fu) | (upper << 4u);
  return ${lessThanEach('sixBits', 32)};
}
`,
  },
}

function kFormat(dtype: KDType): Format {
  const { blockWords, format, code } = kIntegers[dtype]
  const values = panelValues(format.hasOffsets, format.group)
  return { dtype, integers: format, code: `${bytes}${halves}${kAccess(blockWords)}${code}${values}` }
}

/** Blocks that lie as in a GGUF file, row after row (src/blocks/ggml.ts): their fields begin at even bytes. */
const ggmlAccess = `
fn wordAt(place: u32) -> u32 {
  let word = weight[place / 4u];
  if (place % 4u == 0u) {
    return word;
  }
  return (word >> 16u) | (weight[place / 4u + 1u] << 16u);
}

fn byteAt(place: u32) -> u32 {
  return (weight[place / 4u] >> (place % 4u * 8u)) & 0xffu;
}

fn halfAt(place: u32) -> f32 {
  return half16(weight[place / 4u] >> (place % 4u * 8u));
}
`

/** Nibbles of a block of 32: the low ones are its first half. */
const nibblesOf = (place: number): string =>
  `(wordAt(block + ${place}u + inside % 4u * 4u) >> (inside / 4u * 4u)) & 0x0f0f0f0fu`

/** Four bits as the fifth bits of four bytes. */
const fifthBits = `
fn fifthBits(word: u32, quad: u32) -> u32 {
  let bits = word >> (quad * 4u);
  return ((bits & 1u) << 4u) | ((bits & 2u) << 11u) | ((bits & 4u) << 18u) | ((bits & 8u) << 25u);
}
`

/** What makes the values of a quad: `block` is the byte where its block starts, `inside` its number there. */
const ggmlValues: Readonly<Record<GgmlDType, { helpers?: string; body: string }>> = {
  Q4_1: {
    body: `return halfAt(block) * unsignedBytes(${nibblesOf(4)}) + halfAt(block + 2u);`,
  },
  Q5_0: {
    helpers: fifthBits,
    body: `let integers = (${nibblesOf(6)}) | fifthBits(wordAt(block + 2u), inside);
  return halfAt(block) * (unsignedBytes(integers) - 16.0);`,
  },
  Q5_1: {
    helpers: fifthBits,
    body: `let integers = (${nibblesOf(8)}) | fifthBits(wordAt(block + 4u), inside);
  return halfAt(block) * unsignedBytes(integers) + halfAt(block + 2u);`,
  },
  Q2_K: {
    body: `let group = inside / 4u;
  let pair = byteAt(block + group);
  let place = block + 16u + group / 8u * 32u + group % 2u * 16u + inside % 4u * 4u;
  let integers = (wordAt(place) >> (group & 6u)) & 0x03030303u;
  let scale = halfAt(block + 80u) * f32(pair & 15u);
  return scale * unsignedBytes(integers) - halfAt(block + 82u) * f32(pair >> 4u);`,
  },
  Q3_K: {
    helpers: `
fn sixBits(place: u32, group: u32) -> i32 {
  let low = (byteAt(place + group % 8u) >> (group / 8u * 4u)) & 15u;
  let high = (byteAt(place + 8u + group % 4u) >> (group / 4u * 2u)) & 3u;
  return i32(low | (high << 4u));
}
`,
    body: `let group = inside / 4u;
  let column = group % 2u * 16u + inside % 4u * 4u;
  let low = (wordAt(block + 32u + group / 8u * 32u + column) >> (group & 6u)) & 0x03030303u;
  let third = (wordAt(block + column) >> (group / 2u)) & 0x01010101u;
  let scale = halfAt(block + 108u) * f32(sixBits(block + 96u, group) - 32);
  return scale * (unsignedBytes(low | (third << 2u)) - 4.0);`,
  },
}

function ggmlFormat(dtype: GgmlDType): Format {
  const { blockLength, blockBytes } = ggmlTypeOf(dtype)
  const { helpers = '', body } = ggmlValues[dtype]
  const quads = blockLength / 4
  return {
    dtype,
    code: `${bytes}${halves}${ggmlAccess}${helpers}
fn valuesAt(row: u32, quad: u32) -> vec4<f32> {
  let block = (row * (given.quads / ${quads}u) + quad / ${quads}u) * ${blockBytes}u;
  let inside = quad % ${quads}u;
  ${body}
}
`,
  }
}

const known = new Map<QuantizedDType, Format>()

/** How kernels read matrices of this type. */
export function formatOf(dtype: QuantizedDType): Format {
  const format =
    known.get(dtype) ??
    (isGgmlDType(dtype) ? ggmlFormat(dtype) : isBlockDType(dtype) ? blocksOf(dtype) : kFormat(dtype))
  known.set(dtype, format)
  return format
}
