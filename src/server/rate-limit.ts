import { Refusal } from './refusals.ts'

/** A bucket of requests that may be made, as full as it was at a time in milliseconds. */
interface Bucket {
  left: number
  at: number
}

/** So many requests a minute for each of some callers, who may save up those of one minute (token bucket). */
export class RateLimit {
  readonly #perMinute: number
  readonly #now: () => number
  readonly #buckets = new Map<number, Bucket>()

  /** @param now a clock in milliseconds */
  constructor(perMinute: number, now: () => number) {
    this.#perMinute = perMinute
    this.#now = now
  }

  /** Counts a request. @throws Refusal `rate_limit_exceeded`, which says when there will be room */
  take(caller: number): void {
    const now = this.#now()
    const perMillisecond = this.#perMinute / 60_000
    const bucket = this.#buckets.get(caller) ?? { left: this.#perMinute, at: now }
    this.#buckets.set(caller, bucket)
    bucket.left = Math.min(this.#perMinute, bucket.left + (now - bucket.at) * perMillisecond)
    bucket.at = now
    if (bucket.left >= 1) {
      bucket.left -= 1
      return
    }
    const seconds = Math.ceil((1 - bucket.left) / perMillisecond / 1000)
    throw new Refusal('rate_limit_exceeded', 'There were too many requests with this key.', {
      expected: `at most ${this.#perMinute} a minute`,
      remedy: `Try again in ${seconds} s.`,
      headers: { 'retry-after': String(seconds) },
    })
  }
}
