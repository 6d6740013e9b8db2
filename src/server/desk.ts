/** How many requests are being answered or wait for it. */
import { Refusal } from './refusals.ts'

export interface DeskOptions {
  /** Requests that are answered or wait, together. */
  readonly places: number
  /** Seconds that a request may take, waiting included. */
  readonly timeout: number
}

/** Seconds after which those come back who were sent away. */
const comeBack = 1

/** A request that was let in. */
export interface Visit {
  /** Fires when the client has gone, or the time is over: then its reason is a `Refusal`. */
  readonly signal: AbortSignal
  /** Ends the answer. @param reason what `signal` is to say */
  abort(reason?: unknown): void
  /** Must be called in the end, once. */
  leave(): void
}

export class Desk {
  readonly #options: DeskOptions
  readonly #visits = new Set<Visit>()
  #isClosing = false
  readonly #emptied = Promise.withResolvers<void>()

  constructor(options: DeskOptions) {
    this.#options = options
  }

  get visits(): number {
    return this.#visits.size
  }

  get isClosing(): boolean {
    return this.#isClosing
  }

  /**
   * Lets a request in. The engine deals out its own places, in turn; here it only counts how many wait for one.
   *
   * @param gone fires when the client goes away
   * @throws Refusal `server_closing`, `server_busy`
   */
  enter(gone: AbortSignal): Visit {
    const { places, timeout } = this.#options
    if (this.#isClosing) throw closingRefusal()
    if (this.#visits.size >= places) {
      throw new Refusal('server_busy', 'Too many requests are waiting.', {
        expected: `at most ${places}, those included that are being answered`,
        remedy: 'Try again later.',
        headers: { 'retry-after': String(comeBack) },
      })
    }
    const controller = new AbortController()
    const leaveEarly = (): void => controller.abort(gone.reason)
    const timer = setTimeout(() => controller.abort(timeoutRefusal(timeout)), timeout * 1000)
    const visit: Visit = {
      signal: controller.signal,
      abort: (reason) => controller.abort(reason),
      leave: () => {
        clearTimeout(timer)
        gone.removeEventListener('abort', leaveEarly)
        this.#visits.delete(visit)
        if (this.#isClosing && this.#visits.size === 0) this.#emptied.resolve()
      },
    }
    gone.addEventListener('abort', leaveEarly, { once: true })
    if (gone.aborted) leaveEarly()
    this.#visits.add(visit)
    return visit
  }

  /** Lets nobody in any more, and waits for those who are there. */
  async close(): Promise<void> {
    this.#isClosing = true
    if (this.#visits.size === 0) this.#emptied.resolve()
    await this.#emptied.promise
  }
}

function closingRefusal(): Refusal {
  return new Refusal('server_closing', 'The server is being shut down.', {
    remedy: 'Ask another one, or this one when it is back.',
    headers: { 'retry-after': String(comeBack), connection: 'close' },
  })
}

/** Nobody is to try again by himself: it would take as long the next time. */
function timeoutRefusal(seconds: number): Refusal {
  return new Refusal('timeout', `The answer took longer than ${seconds} s.`, {
    remedy: 'Ask for fewer tokens, or let the server take longer (phi serve --timeout SECONDS).',
    headers: { 'x-should-retry': 'false' },
  })
}
