/** Time that passes when a test says so. */
import type { Clock } from './clock.ts'

/** Waits end at once and are noted; that nothing comes is noticed when the test says so. */
export class TestClock implements Clock {
  readonly waits: number[] = []
  readonly #patience: number
  readonly #watches = new Set<() => void>()
  #time = Date.parse('2026-01-01T00:00:00Z')

  constructor(stallSeconds: number) {
    this.#patience = stallSeconds * 1000
  }

  now(): number {
    return this.#time
  }

  after(milliseconds: number, call: () => void): () => void {
    if (milliseconds === this.#patience) {
      this.#watches.add(call)
      return () => this.#watches.delete(call)
    }
    this.waits.push(milliseconds)
    this.#time += milliseconds
    const immediate = setImmediate(call)
    return () => clearImmediate(immediate)
  }

  /** For all who wait for bytes, so much time passes that they give up. */
  stall(): void {
    setImmediate(() => {
      for (const call of [...this.#watches]) call()
    })
  }
}
