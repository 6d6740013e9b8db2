import { PocketPhiError } from '../base/errors.ts'

/** What a device is doing: one thing at a time, and nothing once it was disposed of. */
export class Occupation {
  #doing: string | undefined
  #ended = false

  /** @throws PocketPhiError `invalid-argument` when the device is doing something, or was disposed of. */
  refuse(): void {
    if (this.#ended) throw new PocketPhiError('invalid-argument', 'The device was disposed.')
    if (this.#doing === undefined) return
    throw new PocketPhiError('invalid-argument', 'The device does one thing at a time.', {
      found: `it ${this.#doing} already`,
      remedy: 'Wait for the promise of what it does.',
    })
  }

  /** Does something during which everything else is refused; `doing` follows the word "it". */
  async during<T>(doing: string, body: () => Promise<T>): Promise<T> {
    this.refuse()
    this.#doing = doing
    try {
      return await body()
    } finally {
      this.#doing = undefined
    }
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
