/**
 * Every error that this package throws on purpose is a `PocketPhiError`: it says what was expected, what was found
 * and what to do about it. Anything else that escapes is a defect.
 */
export type ErrorCode =
  /** A file is torn, hostile or not of the format that its name promises. */
  | 'invalid-file'
  /** A configuration names something unknown, contradictory or out of range. */
  | 'invalid-config'
  /** A caller passed an argument that the function cannot take. */
  | 'invalid-argument'
  /** Shapes or dtypes of an operation do not fit together. */
  | 'shape'
  /** What was asked for exists in the field but is not built here, or not on this backend. */
  | 'not-supported'
  /** A file, tensor or model that was named is not there. */
  | 'not-found'
  /** A server gives what was asked for only to those who have asked for access, or does not know who asks. */
  | 'no-access'
  /** A server cannot be reached, is busy, or its answer broke off. */
  | 'network'
  /** The machine cannot hold or run what was asked for. */
  | 'out-of-memory'
  /** The conversation no longer fits the context of the model. */
  | 'context-full'
  /** The caller aborted. */
  | 'aborted'
  /** A worker thread died or the device was lost. */
  | 'device-lost'

/** What an error says beside its first sentence. */
export interface ErrorParts {
  /** What this code needed, as a phrase: "a tensor of shape [64, 96]". */
  readonly expected?: string
  /** What it met instead. */
  readonly found?: string
  /** What the reader can do about it. */
  readonly remedy?: string
  readonly cause?: unknown
}

/** Every error that is thrown on purpose. Its message is `problem`, then what was expected and found, then the remedy. */
export class PocketPhiError extends Error {
  override readonly name: string = 'PocketPhiError'
  /** For programs, which tell errors apart by it. */
  readonly code: ErrorCode
  /** The first sentence: what went wrong. */
  readonly problem: string
  /** What was needed, as a phrase. */
  readonly expected: string | undefined
  /** What was met instead. */
  readonly found: string | undefined
  /** What the reader can do about it. */
  readonly remedy: string | undefined

  constructor(code: ErrorCode, problem: string, parts: ErrorParts = {}) {
    const sentences = [problem]
    if (parts.expected !== undefined) sentences.push(`Expected ${parts.expected}.`)
    if (parts.found !== undefined) sentences.push(`Found ${parts.found}.`)
    if (parts.remedy !== undefined) sentences.push(parts.remedy)
    super(sentences.join(' '), parts.cause === undefined ? undefined : { cause: parts.cause })
    this.code = code
    this.problem = problem
    this.expected = parts.expected
    this.found = parts.found
    this.remedy = parts.remedy
  }
}

/** Throws the `aborted` error when the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new PocketPhiError('aborted', 'The operation was aborted.', { cause: signal.reason })
}

/** Narrows away `undefined` where an index is known to be in range; a failure is a defect, not a user's mistake. */
export function present<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`defect: ${what} is missing`)
  return value
}
