/** Trying again: what may be cured by it, how often and how long apart. */
import { throwIfAborted, type PocketPhiError } from './errors.ts'
import { wait, type Clock } from './clock.ts'

export interface RetryHints {
  /** How long the server asks to wait, in milliseconds. */
  readonly wait?: number | undefined
  /** How many failures with this hint are enough, where trying longer would be in vain. Default 6. */
  readonly failures?: number
}

/** A failure that trying again may cure; `problem` is what is thrown when it does not. */
export class PassingError extends Error {
  readonly problem: PocketPhiError
  readonly hints: RetryHints

  constructor(problem: PocketPhiError, hints: RetryHints = {}) {
    super(problem.message, { cause: problem })
    this.problem = problem
    this.hints = hints
  }
}

/** How an attempt is repeated. */
export interface RetryOptions {
  readonly clock: Clock
  /** Ends the waiting, with the error `aborted`. */
  readonly signal?: AbortSignal | undefined
  /** Hears of every wait before it begins. */
  readonly onWait?: ((seconds: number, problem: PocketPhiError) => void) | undefined
  /** Whether the last attempt got further than all before it. Failures before it do not count then. */
  readonly advanced?: () => boolean
}

const usualFailures = 6
const firstWait = 500
const longestBackoff = 30_000
/** Who is asked to come back later than this is told so, rather than left waiting. The hub counts in windows of five minutes. */
const longestWait = 330_000

/**
 * Runs an action until it succeeds or has failed too often.
 * @throws PocketPhiError the problem of the last `PassingError`, `aborted`; and what else the action throws, at once
 */
export async function withRetries<T>(options: RetryOptions, action: () => Promise<T>): Promise<T> {
  const { clock, signal, onWait, advanced } = options
  // Each limit has its own count: a connection that broke before says nothing about a server that lies.
  const counts = new Map<number, number>()
  for (;;) {
    throwIfAborted(signal)
    try {
      return await action()
    } catch (error) {
      throwIfAborted(signal)
      if (!(error instanceof PassingError)) throw error
      if (advanced?.() === true) counts.clear()
      const { problem, hints } = error
      const limit = hints.failures ?? usualFailures
      const failures = (counts.get(limit) ?? 0) + 1
      counts.set(limit, failures)
      const pause = hints.wait ?? backoff(failures)
      if (failures >= limit || pause > longestWait) throw problem
      onWait?.(pause / 1000, problem)
      await wait(clock, pause, signal)
    }
  }
}

/** Twice as long each time; the random half keeps those whom one failure hit from coming back all at once. */
function backoff(failures: number): number {
  const longest = Math.min(longestBackoff, firstWait * 2 ** (failures - 1))
  return longest * (0.5 + 0.5 * Math.random())
}

/**
 * How long an answer asks to wait: `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3), or the `t` of `RateLimit`
 * (draft-ietf-httpapi-ratelimit-headers-09), which the hub sends.
 * @returns milliseconds, or undefined when it does not say
 */
export function askedWait(headers: Headers, now: number): number | undefined {
  const after = headers.get('retry-after')?.trim() ?? ''
  if (/^\d+$/.test(after)) return Number(after) * 1000
  const date = after === '' ? Number.NaN : Date.parse(after)
  if (Number.isFinite(date)) return Math.max(0, date - now)
  const limit = /;\s*r\s*=\s*0\s*;\s*t\s*=\s*(\d+)/.exec(headers.get('ratelimit') ?? '')
  return limit === null ? undefined : Number(limit[1]) * 1000
}
