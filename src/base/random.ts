/**
 * Seeded random numbers: xoshiro128** (Blackman and Vigna, 2018), seeded by splitmix32. The state is four integers, so
 * that a checkpoint can hold it and a resumed run continues with the same bits.
 */
export type RandomState = readonly [number, number, number, number]

export class Random {
  #a: number
  #b: number
  #c: number
  #d: number

  constructor(seed: number | RandomState) {
    if (typeof seed === 'number') {
      let mixed = seed | 0
      const next = (): number => {
        mixed = (mixed + 0x9e3779b9) | 0
        let word = mixed ^ (mixed >>> 16)
        word = Math.imul(word, 0x21f0aaad)
        word ^= word >>> 15
        word = Math.imul(word, 0x735a2d97)
        return word ^ (word >>> 15)
      }
      this.#a = next()
      this.#b = next()
      this.#c = next()
      this.#d = next()
    } else {
      ;[this.#a, this.#b, this.#c, this.#d] = seed
    }
  }

  /** What a checkpoint stores; `new Random(state)` continues from here. */
  get state(): RandomState {
    return [this.#a, this.#b, this.#c, this.#d]
  }

  /** A 32-bit unsigned integer. */
  uint32(): number {
    const scrambled = Math.imul(this.#b, 5)
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9)
    const shifted = this.#b << 9
    this.#c ^= this.#a
    this.#d ^= this.#b
    this.#b ^= this.#c
    this.#a ^= this.#d
    this.#c ^= shifted
    this.#d = (this.#d << 11) | (this.#d >>> 21)
    return result >>> 0
  }

  /** A number in [0, 1) with 53 random bits. */
  float(): number {
    const high = this.uint32() >>> 5
    const low = this.uint32() >>> 6
    return (high * 67108864 + low) / 9007199254740992
  }

  /** An integer in [low, high), without modulo bias. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.float() * (high - low))
  }

  /** A sample of the standard normal distribution (Box and Muller; one of the pair is dropped to keep the state small). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.float()))
    return radius * Math.cos(2 * Math.PI * this.float())
  }

  /** One element; throws on an empty list. */
  pick<T>(items: readonly T[]): T {
    const item = items[this.integer(0, items.length)]
    if (item === undefined) throw new RangeError('cannot pick from an empty list')
    return item
  }

  /** Shuffles in place (Fisher and Yates) and returns the same array. */
  shuffle<T>(items: T[]): T[] {
    for (let last = items.length - 1; last > 0; last--) {
      const other = this.integer(0, last + 1)
      const held = items[last] as T
      items[last] = items[other] as T
      items[other] = held
    }
    return items
  }

  /** An independent stream named by a word, so that adding a draw in one place does not shift all the others. */
  fork(label: string): Random {
    let hash = 0x811c9dc5
    for (let index = 0; index < label.length; index++) hash = Math.imul(hash ^ label.charCodeAt(index), 0x01000193)
    return new Random((hash ^ this.uint32()) | 0)
  }
}
