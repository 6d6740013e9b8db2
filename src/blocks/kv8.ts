/**
 * Keys or values of a cache in 8 bits, [pages, heads, tokens of a page, headSize]: of every page and head the vectors of its tokens as signed
 * bytes, one behind the other, then their scales in f32. What a byte means is byte * scale.
 */
import { roundHalfToEven } from './half.ts'
import type { KvPool } from './kv-pool.ts'

/** Vectors whose magnitudes stay below are 0. */
const leastMagnitude = 2 ** -100

/** Bytes of so many vectors with their scales. */
export function kv8Bytes(vectors: number, size: number): number {
  return vectors * (size + 4)
}

/** A pool of vectors of `size` components, `together` of which lie in a block with their scales. */
export class Kv8Pool implements KvPool {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #together: number
  readonly #size: number

  constructor(bytes: Uint8Array, together: number, size: number) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#together = together
    this.#size = size
  }

  #places(index: number): { vector: number; scale: number } {
    const within = index % this.#together
    const block = kv8Bytes(index - within, this.#size)
    return { vector: block + within * this.#size, scale: block + this.#together * this.#size + within * 4 }
  }

  read(index: number): Float64Array {
    const { vector, scale } = this.#places(index)
    const factor = this.#view.getFloat32(scale, true)
    return Float64Array.from({ length: this.#size }, (_, at) => this.#view.getInt8(vector + at) * factor)
  }

  /**
   * Writes vector `index` by the rule of the kernels: scale = max |x| / 127, bytes = nearest integers to x * (127 / max |x|), ties to
   * even, every operation rounded to f32. Vectors below 2^-100 are 0; a NaN makes the whole vector NaN.
   */
  write(index: number, values: ArrayLike<number>): void {
    const { vector, scale } = this.#places(index)
    const floats = Float32Array.from(values)
    const largest = floats.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    const isZero = largest < leastMagnitude
    const inverse = isZero ? 0 : Math.fround(127 / largest)
    this.#view.setFloat32(scale, isZero ? 0 : largest / 127, true)
    floats.forEach((value, at) => (this.#bytes[vector + at] = roundHalfToEven(Math.fround(value * inverse))))
  }
}
