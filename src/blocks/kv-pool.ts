/** Pools of keys or values with fewer than 16 bits. */
import type { KvDType } from '../base/dtype.ts'
import { Kv4Pool, kv4Bytes } from './kv4.ts'
import { Kv8Pool, kv8Bytes } from './kv8.ts'

/** The vectors of a pool, by their number. */
export interface KvPool {
  /** Vector `index`, in float64. */
  read(index: number): Float64Array
  write(index: number, values: ArrayLike<number>): void
}

/** Bytes of so many vectors with their scales. */
export function kvBytes(dtype: KvDType, vectors: number, size: number): number {
  return dtype === 'kv4' ? kv4Bytes(vectors, size) : kv8Bytes(vectors, size)
}

/** A pool of vectors of `size` components in these bytes, `together` of which lie in a block with their scales. */
export function kvPool(dtype: KvDType, bytes: Uint8Array, together: number, size: number): KvPool {
  return dtype === 'kv4' ? new Kv4Pool(bytes, together, size) : new Kv8Pool(bytes, together, size)
}
