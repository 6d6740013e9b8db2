/** Values of a request, and how they are refused. */
import { describe, quoted } from '../base/describe.ts'
import { RequestError } from './errors.ts'

export type Fields = Readonly<Record<string, unknown>>

/** A value that cannot be used. */
export function invalid(param: string, expected: string, found: unknown): RequestError {
  return new RequestError(param, 'invalid_value', `The parameter ${quoted(param)} cannot be used.`, {
    expected,
    found: describe(found),
  })
}

/** A value that asks for what is not built. */
export function unsupported(param: string, expected: string, found: unknown): RequestError {
  return new RequestError(param, 'unsupported_value', `The value of ${quoted(param)} is not supported.`, {
    expected,
    found: describe(found),
  })
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
