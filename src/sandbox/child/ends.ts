/** How a program ends before its last line, and what it prints until then. */
import type { Ending } from '../types.ts'

/** Goes through the interpreter up to the host, which says how the program ended. */
export class Ended extends Error {
  readonly ending: Ending

  constructor(ending: Ending) {
    super(ending.kind)
    this.ending = ending
  }
}

/** Takes what a program prints, up to a number of bytes. */
export class Printed {
  readonly #limit: number
  readonly #parts: Uint8Array[] = []
  #bytes = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** @throws Ended beyond the limit; what fitted is kept */
  add(bytes: Uint8Array): void {
    const room = this.#limit - this.#bytes
    this.#parts.push(bytes.slice(0, room))
    this.#bytes += Math.min(room, bytes.length)
    if (bytes.length > room) throw new Ended({ kind: 'exceeded', limit: 'output' })
  }

  toString(): string {
    return Buffer.concat(this.#parts).toString('utf8')
  }
}

/** What came out of the interpreter itself. */
export function endingOf(error: unknown): Ending {
  if (error instanceof Ended) return error.ending
  // V8's own stack: the interpreter called itself too deeply.
  if (error instanceof RangeError) return { kind: 'exceeded', limit: 'stack' }
  return { kind: 'crashed', error: String(error).slice(0, 1000) }
}
