import { PocketPhiError } from '../base/errors.ts'

/** What a device is doing: one thing at a time, but for runs that are enqueued, and nothing once it was disposed of. */
export class Occupation {
  readonly #doing: string[] = []
  #ended = false

  /** @throws PocketPhiError `invalid-argument` when the device is doing something, or was disposed of. */
  refuse(): void {
    this.#refuseBeyond(0)
  }

  /** Does something during which everything else is refused; `doing` follows the word "it". */
  during<T>(doing: string, body: () => Promise<T>): Promise<T> {
    return this.#behind(0, doing, body)
  }

  /** Does something that may be enqueued behind one other thing. */
  behindOne<T>(doing: string, body: () => Promise<T>): Promise<T> {
    return this.#behind(1, doing, body)
  }

  async #behind<T>(others: number, doing: string, body: () => Promise<T>): Promise<T> {
    this.#refuseBeyond(others)
    this.#doing.push(doing)
    try {
      return await body()
    } finally {
      this.#doing.splice(this.#doing.indexOf(doing), 1)
    }
  }

  #refuseBeyond(others: number): void {
    if (this.#ended) throw new PocketPhiError('invalid-argument', 'The device was disposed.')
    if (this.#doing.length <= others) return
    throw new PocketPhiError('invalid-argument', 'The device does one thing at a time.', {
      found: `it ${this.#doing.join(' and ')} already`,
      remedy: 'Wait for the promise of what it does.',
    })
  }

  /** Refuses everything from now on. */
  end(): void {
    this.#ended = true
  }

  /** Ends what goes on in a device that was disposed of in the meantime. */
  throwIfEnded(): void {
    if (this.#ended) throw new PocketPhiError('aborted', 'The device was disposed of while it ran.')
  }
}
