/** Errors as plain data, so that they cross a port whole. */
import { PocketPhiError, type ErrorCode } from './errors.ts'

/** A `PocketPhiError`, or with no code any other, which is a defect. */
export interface ErrorData {
  readonly code: ErrorCode | undefined
  readonly problem: string
  readonly expected?: string | undefined
  readonly found?: string | undefined
  readonly remedy?: string | undefined
  readonly stack?: string | undefined
  /** Another error. */
  readonly cause?: ErrorData | undefined
  /** A cause that is no error, such as the memory plan of a model that does not fit. */
  readonly value?: unknown
}

/** An error as plain data, which can be sent; what is no `PocketPhiError` has no code. */
export function errorToData(error: unknown): ErrorData {
  if (!(error instanceof Error)) return { code: undefined, problem: String(error) }
  const { cause, stack, message } = error
  const reason = cause instanceof Error ? { cause: errorToData(cause) } : { value: cloneable(cause) }
  if (!(error instanceof PocketPhiError)) return { code: undefined, problem: message, stack, ...reason }
  const { code, problem, expected, found, remedy } = error
  return { code, problem, expected, found, remedy, stack, ...reason }
}

/** The inverse of `errorToData`. The stack is that of the other side, where the error is to be looked for. */
export function errorFromData(data: ErrorData): Error {
  const { code, problem, expected, found, remedy, stack, value } = data
  const cause = data.cause === undefined ? value : errorFromData(data.cause)
  const error =
    code === undefined
      ? new Error(problem, cause === undefined ? undefined : { cause })
      : new PocketPhiError(code, problem, {
          ...(expected === undefined ? {} : { expected }),
          ...(found === undefined ? {} : { found }),
          ...(remedy === undefined ? {} : { remedy }),
          cause,
        })
  if (stack !== undefined) error.stack = stack
  return error
}

/** The value itself where it can cross a port, and else its text. */
function cloneable(value: unknown): unknown {
  try {
    return structuredClone(value)
  } catch {
    return String(value)
  }
}
