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

/** Values within each other, of which real schemas have some dozens: what writes JSON goes down them call by call. */
const deepest = 500

/** Refuses values that are nested too deeply. @throws RequestError */
export function checkDepth(value: unknown, param: string): void {
  let level = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > deepest) throw invalid(param, `at most ${deepest} values within each other`, 'more')
    level = level.flatMap((one): unknown[] => (typeof one === 'object' && one !== null ? Object.values(one) : []))
  }
}

/** A field that may be left out, which null does too. @throws RequestError */
export function optional<T>(
  fields: Fields,
  name: string,
  fits: (value: unknown) => value is T,
  expected: string,
  path = '',
): T | undefined {
  const value = fields[name]
  if (value === undefined || value === null) return undefined
  if (fits(value)) return value
  throw invalid(`${path}${name}`, expected, value)
}

export const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean'
export const isString = (value: unknown): value is string => typeof value === 'string'
export const isText = (value: unknown): value is string => isString(value) && value !== ''
export const isStop = (value: unknown): value is string | readonly string[] =>
  isText(value) || (Array.isArray(value) && value.every(isText))
export const isSafeInteger = (value: unknown): value is number => Number.isSafeInteger(value)
export const isBetween =
  (least: number, most: number) =>
  (value: unknown): value is number =>
    typeof value === 'number' && value >= least && value <= most
export const isShare = (value: unknown): value is number => isBetween(0, 1)(value) && value > 0
export const isCount =
  (most: number) =>
  (value: unknown): value is number =>
    isSafeInteger(value) && value >= 1 && value <= most
