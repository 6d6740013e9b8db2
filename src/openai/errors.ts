import { PocketPhiError, type ErrorCode } from '../base/errors.ts'
import type { ErrorBody } from './types.ts'

/** A request that cannot be taken, and the parameter that is at fault. */
export class RequestError extends PocketPhiError {
  readonly param: string
  /** OpenAI's code, such as `unsupported_parameter`. */
  readonly reason: string

  constructor(
    param: string,
    reason: string,
    problem: string,
    parts: { expected?: string; found?: string; remedy?: string },
  ) {
    super(reason.startsWith('unsupported') ? 'not-supported' : 'invalid-argument', problem, parts)
    this.param = param
    this.reason = reason
  }
}

/** An error as it is answered: the status of HTTP and what stands below `error` in the body. */
export interface ErrorAnswer {
  readonly status: number
  readonly error: ErrorBody
}

const kinds: Readonly<
  Partial<Record<ErrorCode, readonly [status: number, type: ErrorBody['type'], code: string | null]>>
> = {
  'invalid-argument': [400, 'invalid_request_error', null],
  'not-supported': [400, 'invalid_request_error', null],
  'context-full': [400, 'invalid_request_error', 'context_length_exceeded'],
  'not-found': [404, 'invalid_request_error', null],
  'no-access': [403, 'permission_error', null],
  'out-of-memory': [503, 'server_error', 'out_of_memory'],
  aborted: [503, 'server_error', 'aborted'],
  'device-lost': [503, 'server_error', 'device_lost'],
}

/** What OpenAI's interface says of an error; of one that is no `PocketPhiError`, a defect, only its message. */
export function errorAnswer(error: unknown): ErrorAnswer {
  const message = error instanceof Error ? error.message : String(error)
  const known = error instanceof PocketPhiError ? kinds[error.code] : undefined
  const [status, type, code] = known ?? [500, 'server_error', null]
  if (!(error instanceof RequestError)) return { status, error: { message, type, param: null, code } }
  return { status, error: { message, type, param: error.param, code: error.reason } }
}

/**
 * What the client throws, with the fields that users of the package `openai` read; `cause` is the error of this package, whose
 * `remedy` is repeated here.
 */
export class APIError extends Error {
  override readonly name: string = 'APIError'
  readonly status: number | undefined
  readonly code: string | null
  readonly param: string | null
  readonly type: string | undefined
  readonly error: ErrorBody | undefined
  /** What the reader can do about it. */
  readonly remedy: string | undefined

  constructor(cause: unknown, answer: ErrorAnswer | null = errorAnswer(cause)) {
    const error = answer?.error
    super(answer === null ? 'The request was aborted.' : `${answer.status} ${answer.error.message}`, { cause })
    this.status = answer?.status
    this.error = error
    this.code = error?.code ?? null
    this.param = error?.param ?? null
    this.type = error?.type
    this.remedy = cause instanceof PocketPhiError ? cause.remedy : undefined
  }
}

/** Thrown when the caller's signal ended a request before there was an answer. */
export class APIUserAbortError extends APIError {
  override readonly name = 'APIUserAbortError'

  constructor(cause?: unknown) {
    super(cause, null)
  }
}
