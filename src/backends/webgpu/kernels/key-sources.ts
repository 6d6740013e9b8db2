/** Where attention finds keys and values: in the rows of a batch, or in the pages of a cache of any type. */
import { kv4Bytes, kv4Group } from '../../../blocks/kv4.ts'
import { kv8Bytes } from '../../../blocks/kv8.ts'
import { pageSize, type CacheDType } from '../../../program/ops/cache.ts'
import { reads, type Binding } from '../kernel.ts'

/**
 * The number of the vector of a position and a head among all of a pool, [pages, kvHeads, 64, headSize], by the table of the pages of its
 * sequence.
 */
export const pageLookup = `
fn vectorOf(sequence: i32, position: u32, head: u32) -> u32 {
  let page = u32(pageTable[u32(sequence) * given.pages + position / ${pageSize}u]);
  return (page * given.kvHeads + head) * ${pageSize}u + position % ${pageSize}u;
}
`

/** How rows find what they see: over a paged cache, or over the rows of a batch of whole sequences. */
export interface KeySource {
  readonly bindings: readonly Binding[]
  /**
   * WGSL functions: `sequenceOf(row) -> i32`, negative for padding; `positionOf(row) -> i32`; `firstOf(sequence) -> i32`,
   * where the sequence begins; `slotOf(sequence, position, head) -> u32`, where the components of a key begin;
   * `keyAt(place) -> f32` and `valueAt(place) -> f32`.
   */
  readonly code: string
}

/** Rows of a batch: a sequence is known by its first row, and positions are rows. */
export function batchKeys(headSize: number): KeySource {
  return {
    bindings: [reads('keys'), reads('values'), reads('starts', 'i32')],
    code: `
fn sequenceOf(row: u32) -> i32 {
  return starts[row];
}

fn positionOf(row: u32) -> i32 {
  return i32(row);
}

fn firstOf(sequence: i32) -> i32 {
  return sequence;
}

fn slotOf(sequence: i32, position: i32, head: u32) -> u32 {
  return (u32(position) * given.kvHeads + head) * ${headSize}u;
}

fn keyAt(place: u32) -> f32 {
  return keys[place];
}

fn valueAt(place: u32) -> f32 {
  return values[place];
}
`,
  }
}

/** How a component of a pool is read, by its number among all of them. */
function elementOf(pool: string, dtype: CacheDType, headSize: number): string {
  if (dtype === 'f32') return `return ${pool}[place];`
  if (dtype === 'f16') return `return unpack2x16float(${pool}[place / 2u])[place % 2u];`
  if (dtype === 'kv4') return nibbleOf(pool, headSize)
  // Signed bytes of the vectors of a page, then their scales (src/blocks/kv8.ts).
  return `let vector = place / ${headSize}u;
  let block = vector / ${pageSize}u * ${kv8Words(headSize)}u;
  let inside = place % ${pageSize * headSize}u;
  let byte = bitcast<i32>(${pool}[block + inside / 4u] << (24u - inside % 4u * 8u)) >> 24u;
  return f32(byte) * bitcast<f32>(${pool}[block + ${(pageSize * headSize) / 4}u + vector % ${pageSize}u]);`
}

/** Nibbles of the vectors of a page in groups of 32, then the bf16 scales of each group (src/blocks/kv4.ts). */
function nibbleOf(pool: string, headSize: number): string {
  return `let vector = place / ${headSize}u;
  let block = vector / ${pageSize}u * ${kv4Words(headSize)}u;
  let inside = place % ${pageSize * headSize}u;
  let component = inside % ${kv4Group}u;
  let word = ${pool}[block + inside / ${kv4Group}u * 4u + component % 16u / 4u];
  let integer = i32((word >> (component % 4u * 8u + component / 16u * 4u)) & 15u) - 8;
  let scaleAt = inside % ${headSize}u / ${kv4Group}u * ${pageSize}u + vector % ${pageSize}u;
  let scales = ${pool}[block + ${(pageSize * headSize) / 8}u + scaleAt / 2u];
  return f32(integer) * bitcast<f32>((scales >> (scaleAt % 2u * 16u)) << 16u);`
}

/** Words that the vectors of a page and a head take in 4 bits, with their scales. */
export function kv4Words(headSize: number): number {
  return kv4Bytes(pageSize, headSize) / 4
}

/** Words that the vectors of a page and a head take in 8 bits, with their scales. */
export function kv8Words(headSize: number): number {
  return kv8Bytes(pageSize, headSize) / 4
}

/** Pages of 64 positions of a pool, by the table of a sequence's pages. */
export function pagedKeys(headSize: number, dtype: CacheDType): KeySource {
  const words = dtype === 'f32' ? 'f32' : 'u32'
  return {
    bindings: [
      reads('keys', words),
      reads('values', words),
      reads('pageTable', 'i32'),
      reads('sequences', 'i32'),
      reads('positions', 'i32'),
    ],
    code: `${pageLookup}
fn sequenceOf(row: u32) -> i32 {
  return sequences[row];
}

fn positionOf(row: u32) -> i32 {
  return positions[row];
}

fn firstOf(sequence: i32) -> i32 {
  return 0;
}

fn slotOf(sequence: i32, position: i32, head: u32) -> u32 {
  return vectorOf(sequence, u32(position), head) * ${headSize}u;
}

fn keyAt(place: u32) -> f32 {
  ${elementOf('keys', dtype, headSize)}
}

fn valueAt(place: u32) -> f32 {
  ${elementOf('values', dtype, headSize)}
}
`,
  }
}
