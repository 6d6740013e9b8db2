/**
 * Keys or values of a cache in 4 bits, [pages, heads, tokens of a page, headSize] with heads of a multiple of 32: of every page and head the
 * vectors of its tokens, one behind the other, then for each group of 32 components the scales of all tokens in bf16. A group has 16
 * bytes; byte i holds component i in its lower half and component 16 + i in its upper one. What an integer means is (integer - 8) * scale.
 *
 * The integers go from -8 to 7, and the component of the largest magnitude becomes -8: the scale has the other sign, as in Q4_0 of ggml.
 */
import { bf16ToNumber, numberToBf16, roundHalfToEven } from './half.ts'
import type { KvPool } from './kv-pool.ts'

/** Components that share a scale. */
export const kv4Group = 32

/** Groups whose magnitudes stay below are 0. */
const leastMagnitude = 2 ** -100

/** A group with a scale that is no number. */
const notANumber = 0x7fc0

/** Bytes of so many vectors with their scales. */
export function kv4Bytes(vectors: number, size: number): number {
  return (vectors * size) / 2 + (vectors * size * 2) / kv4Group
}

/** A pool of vectors of `size` components, `together` of which lie in a block with their scales. */
export class Kv4Pool implements KvPool {
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

  /** Where the integers and the scale of a group of a vector are. */
  #places(index: number, group: number): { integers: number; scale: number } {
    const within = index % this.#together
    const block = kv4Bytes(index - within, this.#size)
    const scales = block + (this.#together * this.#size) / 2
    return {
      integers: block + (within * this.#size) / 2 + (group * kv4Group) / 2,
      scale: scales + (group * this.#together + within) * 2,
    }
  }

  read(index: number): Float64Array {
    const values = new Float64Array(this.#size)
    for (let group = 0; group < this.#size / kv4Group; group++) {
      const { integers, scale } = this.#places(index, group)
      const factor = bf16ToNumber(this.#view.getUint16(scale, true))
      for (let at = 0; at < kv4Group / 2; at++) {
        const byte = this.#view.getUint8(integers + at)
        values[group * kv4Group + at] = ((byte & 15) - 8) * factor
        values[group * kv4Group + kv4Group / 2 + at] = ((byte >> 4) - 8) * factor
      }
    }
    return values
  }

  /**
   * Writes vector `index` by the rule of the kernels, group by group: scale = m / -8 in bf16, where m is the component of the largest
   * magnitude (the positive one of two), integers = 8 + nearest of x * (1 / scale), ties to even, at most 15; every operation rounded to f32.
   * Groups below 2^-100 are 0; an infinity or NaN makes its group NaN.
   */
  write(index: number, values: ArrayLike<number>): void {
    const floats = Float32Array.from(values)
    for (let group = 0; group < this.#size / kv4Group; group++) {
      const { integers, scale } = this.#places(index, group)
      const components = floats.subarray(group * kv4Group, (group + 1) * kv4Group)
      const bits = scaleOf(components)
      this.#view.setUint16(scale, bits, true)
      const factor = bf16ToNumber(bits)
      const inverse = factor === 0 || Number.isNaN(factor) ? 0 : Math.fround(1 / factor)
      const integerOf = (at: number): number => {
        const rounded = roundHalfToEven(Math.fround((components[at] as number) * inverse))
        return Number.isNaN(rounded) ? 8 : 8 + Math.min(7, rounded)
      }
      for (let at = 0; at < kv4Group / 2; at++) {
        this.#bytes[integers + at] = integerOf(at) | (integerOf(kv4Group / 2 + at) << 4)
      }
    }
  }
}

/** The bf16 scale of a group. */
function scaleOf(components: Float32Array): number {
  const [most, least] = [Math.max(...components), Math.min(...components)]
  const extreme = most >= -least ? most : least
  if (!Number.isFinite(extreme)) return notANumber
  return Math.abs(extreme) < leastMagnitude ? 0 : numberToBf16(extreme / -8)
}
