/** Reading untrusted JSON: each function returns a value of the asked type or throws 'invalid-file' naming the place. */
import { describe } from '../base/describe.ts'
import { PocketPhiError } from '../base/errors.ts'
import { isJsonObject, type JsonObject } from '../formats/json.ts'

export function invalid(place: string, expected: string, found: unknown): PocketPhiError {
  return new PocketPhiError('invalid-file', `The tokenizer file is not valid at ${place}.`, {
    expected,
    found: describe(found),
  })
}

/** A component that exists in the field but not here; `place` names it. */
export function unsupported(place: string, found: unknown): PocketPhiError {
  return new PocketPhiError('not-supported', `This tokenizer's ${place} is of a kind that is not built here.`, {
    found: describe(found),
  })
}

export function asObject(value: unknown, place: string): JsonObject {
  if (!isJsonObject(value)) throw invalid(place, 'an object', value)
  return value
}

export function asList(value: unknown, place: string): readonly unknown[] {
  if (!Array.isArray(value)) throw invalid(place, 'a list', value)
  return value as readonly unknown[]
}

export function asString(value: unknown, place: string): string {
  if (typeof value !== 'string') throw invalid(place, 'a string', value)
  return value
}

/** A flag; absent or null is `fallback`. */
export function asFlag(value: unknown, place: string, fallback: boolean): boolean {
  if (value === undefined || value === null) return fallback
  if (typeof value !== 'boolean') throw invalid(place, 'true or false', value)
  return value
}

/** Ids above this are refused: tables are as long as the largest id. */
export const maximumId = 2 ** 22

export function asId(value: unknown, place: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > maximumId) {
    throw invalid(place, `an id from 0 to ${maximumId}`, value)
  }
  return value
}

/** Absent or null. */
export function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null
}
