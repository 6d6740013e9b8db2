import { isDamage, type Damage, type StreamItem } from './byte-stream.ts'

/**
 * Reads a stream by lines and by lengths. Up to a damaged place it behaves as if the stream ended there; `takeDamage` says what it was and goes
 * on behind it.
 */
export class ByteReader {
  readonly #stream: AsyncIterator<StreamItem>
  #buffer = new Uint8Array(1 << 16)
  #start = 0
  #end = 0
  #ended = false
  #damage: Damage | undefined

  constructor(stream: AsyncIterable<StreamItem>) {
    this.#stream = stream[Symbol.asyncIterator]()
  }

  get #held(): number {
    return this.#end - this.#start
  }

  /** Has at least so many bytes in memory, or all up to the end or a damaged place. */
  async #fill(length: number): Promise<void> {
    while (this.#held < length && !this.#ended && this.#damage === undefined) {
      const { value, done } = await this.#stream.next()
      if (done === true) this.#ended = true
      else if (isDamage(value)) this.#damage = value
      else this.#append(value)
    }
  }

  #append(bytes: Uint8Array): void {
    if (this.#end + bytes.length > this.#buffer.length) {
      const held = this.#buffer.subarray(this.#start, this.#end)
      const needed = held.length + bytes.length
      const target = needed * 2 > this.#buffer.length ? new Uint8Array(2 * needed) : this.#buffer
      target.set(held)
      this.#buffer = target
      this.#start = 0
      this.#end = held.length
    }
    this.#buffer.set(bytes, this.#end)
    this.#end += bytes.length
  }

  /** The next bytes without taking them: fewer at the end. A view that is valid until the next call. */
  async peek(length: number): Promise<Uint8Array> {
    await this.#fill(length)
    return this.#buffer.subarray(this.#start, Math.min(this.#end, this.#start + length))
  }

  /** Takes so many bytes: fewer at the end. */
  async take(length: number): Promise<Uint8Array> {
    const bytes = (await this.peek(length)).slice()
    this.#start += bytes.length
    return bytes
  }

  /** Passes over bytes without keeping them. @returns how many there were */
  async skip(length: number): Promise<number> {
    let skipped = 0
    while (skipped < length) {
      const { length: held } = await this.peek(Math.min(length - skipped, 1 << 16))
      if (held === 0) break
      this.#start += held
      skipped += held
    }
    return skipped
  }

  /** Puts bytes back that were taken. */
  putBack(bytes: Uint8Array): void {
    const rest = this.#buffer.slice(this.#start, this.#end)
    this.#start = 0
    this.#end = 0
    this.#append(bytes)
    this.#append(rest)
  }

  /**
   * The bytes up to a line feed, which is taken too but not given; at the end, what is left.
   *
   * @param longest where a line is cut
   * @returns undefined when nothing is left, or nothing but a line that a damaged place cuts off
   */
  async line(longest: number): Promise<Uint8Array | undefined> {
    for (let wanted = 1024, searched = 0; ; wanted = Math.min(wanted * 4, longest)) {
      const bytes = await this.peek(wanted)
      if (bytes.length === 0) return undefined
      const at = bytes.indexOf(0x0a, searched)
      if (at < 0 && bytes.length < wanted && this.#damage !== undefined) return undefined
      if (at >= 0 || bytes.length < wanted || wanted === longest) {
        const line = bytes.slice(0, at < 0 ? bytes.length : at)
        this.#start += at < 0 ? line.length : line.length + 1
        return line
      }
      searched = bytes.length
    }
  }

  /** The damaged place at which the stream stopped, as far as it was read. */
  get damage(): Damage | undefined {
    return this.#damage
  }

  /** The damaged place before which the stream stopped, if it did; reading then goes on behind it. What was not taken before it is gone. */
  takeDamage(): Damage | undefined {
    const damage = this.#damage
    if (damage === undefined) return undefined
    this.#start = this.#end
    this.#damage = undefined
    return damage
  }
}
