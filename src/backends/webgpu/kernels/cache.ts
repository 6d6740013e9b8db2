/** Writing and copying of the paged cache. */
import { pageSize } from '../../../program/ops/cache.ts'
import { forEachElement, parameters, reads, updates, type Kernel } from '../kernel.ts'

/** Where the component of a head of a row belongs in the pool; nothing is written for padding. */
const slot = `
fn slotOf(sequence: i32, position: i32, head: u32) -> u32 {
  let place = u32(position);
  let page = u32(pageTable[u32(sequence) * given.pages + place / ${pageSize}u]);
  return ((page * given.kvHeads + head) * ${pageSize}u + place % ${pageSize}u) * given.headSize;
}
`

/**
 * An f16 as the cache holds it: rounded to the nearest, ties to even, at most the largest half, and 0 below the least normal one.
 * Done with integers, since WGSL leaves open how halves are rounded.
 */
const half = `
fn half(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  let magnitude = min(bits & 0x7fffffffu, 0x477fe000u);
  if (magnitude < 0x38800000u) {
    return 0u;
  }
  let rounded = magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13u) & 1u);
  return ((bits >> 16u) & 0x8000u) | (rounded >> 13u);
}
`

const bindings = (element: 'f32' | 'u32' | 'atomic<u32>'): Kernel['bindings'] => [
  updates('pool', element),
  reads('pageTable', 'i32'),
  reads('sequences', 'i32'),
  reads('positions', 'i32'),
  reads('x'),
]

const extents = parameters('count', 'kvHeads', 'headSize', 'pages')

/** Threads have an element of x [rows, kvHeads * headSize], or two of them. */
const rowAndHead = (elements: number): string => `
let first = index * ${elements}u;
let row = first / (given.kvHeads * given.headSize);
let sequence = sequences[row];
if (sequence < 0) {
  return;
}
let head = first / given.headSize % given.kvHeads;
let at = slotOf(sequence, positions[row], head) + first % given.headSize;
`

export const writeFloats: Kernel = {
  name: 'cacheWrite',
  bindings: bindings('f32'),
  parameters: extents,
  code: `${slot}${forEachElement(`${rowAndHead(1)}
pool[at] = x[index];
`)}`,
}

/** Heads of even size are whole words of two halves. */
export const writeHalfPairs: Kernel = {
  name: 'cacheWrite pairs of halves',
  bindings: bindings('u32'),
  parameters: extents,
  code: `${slot}${half}${forEachElement(`${rowAndHead(2)}
pool[at / 2u] = half(x[first]) | (half(x[first + 1u]) << 16u);
`)}`,
}

/** In heads of odd size a word may belong to two slots: each half is put in by itself. */
export const writeHalves: Kernel = {
  name: 'cacheWrite halves',
  bindings: bindings('atomic<u32>'),
  parameters: extents,
  code: `${slot}${half}${forEachElement(`${rowAndHead(1)}
let shift = at % 2u * 16u;
atomicAnd(&pool[at / 2u], ~(0xffffu << shift));
atomicOr(&pool[at / 2u], half(x[index]) << shift);
`)}`,
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
