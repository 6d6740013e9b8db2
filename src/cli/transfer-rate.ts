/** How fast a download is, and when it will be done. */

interface Sample {
  readonly time: number
  readonly bytes: number
}

const windowMilliseconds = 8000

/** The rate over the last seconds, so that neither the start nor a pause long ago distorts it. */
export class TransferRate {
  readonly #samples: Sample[] = []

  /**
   * @param time in milliseconds
   * @param bytes that are here in all; fewer than before when something had to start over
   */
  add(time: number, bytes: number): void {
    const last = this.#samples.at(-1)
    if (last !== undefined && bytes < last.bytes) this.#samples.length = 0
    // A few samples a second are enough.
    if (last !== undefined && this.#samples.length > 1 && time - last.time < 100) this.#samples.pop()
    this.#samples.push({ time, bytes })
    while (this.#samples.length > 2 && time - (this.#samples[1]?.time ?? time) >= windowMilliseconds)
      this.#samples.shift()
  }

  /** Bytes per second; undefined before there is anything to tell. */
  get rate(): number | undefined {
    const first = this.#samples[0]
    const last = this.#samples.at(-1)
    if (first === undefined || last === undefined || last.time - first.time < 500) return undefined
    return ((last.bytes - first.bytes) * 1000) / (last.time - first.time)
  }

  /** Seconds until all is here, at this rate; undefined while nothing comes. */
  secondsLeft(total: number): number | undefined {
    const { rate } = this
    const here = this.#samples.at(-1)?.bytes ?? 0
    return rate === undefined || rate <= 0 ? undefined : (total - here) / rate
  }
}
