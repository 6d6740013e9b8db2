/** Writing and copying of the paged cache. */
import { kv4Group } from '../../../blocks/kv4.ts'
import { pageSize } from '../../../program/ops/cache.ts'
import { forEachElement, groupParameters, groupReduction, parameters, reads, updates, type Kernel } from '../kernel.ts'
import { kv4Words, kv8Words, pageLookup } from './key-sources.ts'
import { exactDivision } from './quantize.ts'

/**
 * An f16 as the cache holds it: rounded to the nearest, ties to even, at most the largest half, and 0 below the least normal one; NaN
 * stays NaN.
 * Done with integers, since WGSL leaves open how halves are rounded.
 */
const half = `
fn half(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) {
    return 0x7e00u;
  }
  let magnitude = min(bits & 0x7fffffffu, 0x477fe000u);
  if (magnitude < 0x38800000u) {
    return 0u;
  }
  let rounded = magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13u) & 1u);
  return ((bits >> 16u) & 0x8000u) | (rounded >> 13u);
}
`

const bindings = (element: 'f32' | 'u32' | 'atomic<u32>'): Kernel['bindings'] => [
  updates('keys', element),
  updates('values', element),
  reads('pageTable', 'i32'),
  reads('sequences', 'i32'),
  reads('positions', 'i32'),
  reads('key'),
  reads('value'),
]

const extents = parameters(
  ...['count', 'kvHeads', 'headSize', 'pages'],
  ...['keyAt', 'keyStride', 'valueAt', 'valueStride'],
)

/**
 * Threads have an element of the rows [rows, kvHeads * headSize], or two of them: where it is in `key` and `value`, whose rows may be
 * parts of longer ones, and where it belongs.
 */
const places = (elements: number): string => `
let width = given.kvHeads * given.headSize;
let row = index * ${elements}u / width;
let column = index * ${elements}u % width;
let sequence = sequences[row];
if (sequence < 0) {
  return;
}
let vector = vectorOf(sequence, u32(positions[row]), column / given.headSize);
let at = vector * given.headSize + column % given.headSize;
let fromKey = given.keyAt + row * given.keyStride + column;
let fromValue = given.valueAt + row * given.valueStride + column;
`

export const writeFloats: Kernel = {
  name: 'cacheWrite',
  bindings: bindings('f32'),
  parameters: extents,
  code: `${pageLookup}${forEachElement(`${places(1)}
keys[at] = key[fromKey];
values[at] = value[fromValue];
`)}`,
}

/** Heads of even size are whole words of two halves. */
export const writeHalfPairs: Kernel = {
  name: 'cacheWrite pairs of halves',
  bindings: bindings('u32'),
  parameters: extents,
  code: `${pageLookup}${half}${forEachElement(`${places(2)}
keys[at / 2u] = half(key[fromKey]) | (half(key[fromKey + 1u]) << 16u);
values[at / 2u] = half(value[fromValue]) | (half(value[fromValue + 1u]) << 16u);
`)}`,
}

/** In heads of odd size a word may belong to two slots: each half is put in by itself. */
export const writeHalves: Kernel = {
  name: 'cacheWrite halves',
  bindings: bindings('atomic<u32>'),
  parameters: extents,
  code: `${pageLookup}${half}${forEachElement(`${places(1)}
let shift = at % 2u * 16u;
atomicAnd(&keys[at / 2u], ~(0xffffu << shift));
atomicOr(&keys[at / 2u], half(key[fromKey]) << shift);
atomicAnd(&values[at / 2u], ~(0xffffu << shift));
atomicOr(&values[at / 2u], half(value[fromValue]) << shift);
`)}`,
}

/** Threads of a group that rounds a vector to bytes. */
const vectorThreads = 64

/**
 * Rounds the vector of a row to 8 bits and puts it into a pool, bit for bit as `Kv8Pool` in src/blocks does; a vector with an infinity
 * or NaN becomes NaN, whatever its bytes. A word of bytes belongs to
 * one vector where their size is a multiple of four; else each byte is put in by itself.
 */
function writeVector(pool: string, source: string, headSize: number): string {
  const scaleAt = `block + ${(pageSize * headSize) / 4}u + slot`
  const byteAt = (column: string): string => `u32(i32(round(${source}[origin + ${column}] * inverse))) & 0xffu`
  const whole = headSize % 4 === 0
  const bytes = whole
    ? `
    for (var word = thread; word < ${headSize / 4}u; word += ${vectorThreads}u) {
      var bytes = 0u;
      for (var part = 0u; part < 4u; part += 1u) {
        bytes |= (${byteAt('word * 4u + part')}) << (part * 8u);
      }
      ${pool}[block + slot * ${headSize / 4}u + word] = bytes;
    }`
    : `
    for (var column = thread; column < ${headSize}u; column += ${vectorThreads}u) {
      let at = slot * ${headSize}u + column;
      let shift = at % 4u * 8u;
      atomicAnd(&${pool}[block + at / 4u], ~(0xffu << shift));
      atomicOr(&${pool}[block + at / 4u], (${byteAt('column')}) << shift);
    }`
  const scaleBits = 'bitcast<u32>(scale)'
  return `
  {
    let origin = given.${source}At + row * given.${source}Stride + head * ${headSize}u;
    // Compared as integers, NaN is the greatest.
    var part = 0u;
    for (var column = thread; column < ${headSize}u; column += ${vectorThreads}u) {
      part = max(part, bitcast<u32>(${source}[origin + column]) & 0x7fffffffu);
    }
    let bits = mostOf(part, thread);
    let most = bitcast<f32>(bits);
    var scale = 0.0;
    var inverse = 0.0;
    if (bits >= 0x7f800000u) {
      scale = bitcast<f32>(bits | 0x400000u);
    } else if (most >= 7.888609e-31) {
      scale = divide(most, 127.0);
      inverse = divide(127.0, most);
    }${bytes}
    if (thread == 0u) {
      ${whole ? `${pool}[${scaleAt}] = ${scaleBits};` : `atomicStore(&${pool}[${scaleAt}], ${scaleBits});`}
    }
  }`
}

/** A group has a head of a row. */
export function writeBytes(headSize: number): Kernel {
  return {
    name: 'cacheWrite bytes',
    bindings: bindings(headSize % 4 === 0 ? 'u32' : 'atomic<u32>'),
    parameters: extents,
    code: `${pageLookup}${exactDivision}${groupReduction('mostOf', vectorThreads, 'max', 'u32')}
@compute @workgroup_size(${vectorThreads})
fn main(${groupParameters}) {
  let number = groupNumber(group, groups);
  if (number >= given.count) {
    return;
  }
  let row = number / given.kvHeads;
  let head = number % given.kvHeads;
  let sequence = sequences[row];
  if (sequence < 0) {
    return;
  }
  let vector = vectorOf(sequence, u32(positions[row]), head);
  let block = vector / ${pageSize}u * ${kv8Words(headSize)}u;
  let slot = vector % ${pageSize}u;
${writeVector('keys', 'key', headSize)}
${writeVector('values', 'value', headSize)}
}
`,
  }
}

/**
 * Rounds a group of a vector to 4 bits and puts it into a pool, bit for bit as `Kv4Pool` in src/blocks does. Magnitudes are compared as
 * integers, which lets infinities and NaN win. A word of scales belongs to two tokens: each is put in by itself.
 */
function writeNibbleGroup(pool: string, source: string, headSize: number): string {
  return `
  {
    let origin = given.${source}At + row * given.${source}Stride + column;
    var largest = 0u;
    var extreme = 0.0;
    for (var part = 0u; part < ${kv4Group}u; part += 1u) {
      let value = ${source}[origin + part];
      let magnitude = bitcast<u32>(value) & 0x7fffffffu;
      if (magnitude > largest || (magnitude == largest && value > 0.0)) {
        largest = magnitude;
        extreme = value;
      }
    }
    var scale = 0u;
    var inverse = 0.0;
    if (largest >= 0x7f800000u) {
      scale = 0x7fc0u;
    } else if (largest >= 0x0d800000u) {
      let bits = bitcast<u32>(extreme * -0.125);
      scale = (bits + 0x7fffu + ((bits >> 16u) & 1u)) >> 16u;
      inverse = divide(1.0, bitcast<f32>((scale & 0x7fffu) << 16u)) * select(1.0, -1.0, scale > 0x7fffu);
    }
    for (var word = 0u; word < 4u; word += 1u) {
      var nibbles = 0u;
      for (var part = 0u; part < 8u; part += 1u) {
        let at = origin + word * 4u + part % 4u + part / 4u * 16u;
        var integer = 8u;
        if (inverse != 0.0) {
          integer = u32(8 + min(7, i32(round(${source}[at] * inverse))));
        }
        nibbles |= integer << (part % 4u * 8u + part / 4u * 4u);
      }
      atomicStore(&${pool}[block + (slot * ${headSize}u + head) / 8u + word], nibbles);
    }
    let scaleAt = head / ${kv4Group}u * ${pageSize}u + slot;
    let shift = scaleAt % 2u * 16u;
    let scaleWord = block + ${(pageSize * headSize) / 8}u + scaleAt / 2u;
    atomicAnd(&${pool}[scaleWord], ~(0xffffu << shift));
    atomicOr(&${pool}[scaleWord], scale << shift);
  }`
}

/** A thread has a group of 32 components of a head of a row. */
export function writeNibbles(headSize: number): Kernel {
  return {
    name: 'cacheWrite nibbles',
    bindings: bindings('atomic<u32>'),
    parameters: extents,
    code: `${pageLookup}${exactDivision}${forEachElement(`
  let width = given.kvHeads * ${headSize}u;
  let row = index * ${kv4Group}u / width;
  let column = index * ${kv4Group}u % width;
  let head = column % ${headSize}u;
  let sequence = sequences[row];
  if (sequence < 0) {
    return;
  }
  let vector = vectorOf(sequence, u32(positions[row]), column / ${headSize}u);
  let block = vector / ${pageSize}u * ${kv4Words(headSize)}u;
  let slot = vector % ${pageSize}u;
${writeNibbleGroup('keys', 'key', headSize)}
${writeNibbleGroup('values', 'value', headSize)}
`)}`,
  }
}

/** Copies whole pages, one copy after the other as they may follow from one another; a thread has a word of all pages. */
export const copyPages: Kernel = {
  name: 'copyPages',
  bindings: [updates('pool', 'u32'), reads('sources', 'i32'), reads('copies', 'i32')],
  parameters: parameters('count', 'pages'),
  code: forEachElement(`
for (var copy = 0u; copy < given.pages; copy += 1u) {
  pool[u32(copies[copy]) * given.count + index] = pool[u32(sources[copy]) * given.count + index];
}
`),
}
