/** Fields of a row of a benchmark, read with errors that say which row it is. */
import { PocketPhiError } from '../../base/errors.ts'
import { isJsonObject } from '../../formats/json.ts'
import type { PictureFile } from './types.ts'

/** One line of a file: its fields, and where it stands. */
export interface Row {
  readonly fields: Readonly<Record<string, unknown>>
  /** For errors: "line 3 of mmlu/test.jsonl". */
  readonly place: string
  /** The file of a picture that a field names. @throws PocketPhiError `not-found`, `invalid-file` */
  readonly open?: (name: string) => Promise<Uint8Array>
}

function refuse({ fields, place }: Row, key: string, expected: string): PocketPhiError {
  const value = fields[key]
  return new PocketPhiError('invalid-file', `The field "${key}" of ${place} cannot be used.`, {
    expected,
    found: value === undefined ? 'no such field' : JSON.stringify(value).slice(0, 80),
  })
}

/** @throws PocketPhiError `invalid-file` unless the field is a text that says something */
export function textOf(row: Row, key: string): string {
  const value = row.fields[key]
  if (typeof value === 'string' && value.trim() !== '') return value
  throw refuse(row, key, 'a text')
}

/** A text that may be left out or null. @throws PocketPhiError `invalid-file` */
export function optionalText(row: Row, key: string): string | undefined {
  const value = row.fields[key]
  if (value === undefined || value === null || value === '') return undefined
  return textOf(row, key)
}

/** @throws PocketPhiError `invalid-file` unless the field is a list of texts, at least `least` */
export function textsOf(row: Row, key: string, least = 1): readonly string[] {
  const value = row.fields[key]
  const isTexts = Array.isArray(value) && value.every((item) => typeof item === 'string')
  if (isTexts && value.length >= least) return value
  throw refuse(row, key, `a list of at least ${least} texts`)
}

/** Texts that may be left out or null, and then are none. @throws PocketPhiError `invalid-file` */
export function optionalTexts(row: Row, key: string): readonly string[] {
  return textsOf({ ...row, fields: { [key]: row.fields[key] ?? [] } }, key, 0)
}

/** @throws PocketPhiError `invalid-file` unless the field is the place of one of `count` things, from 0 on */
export function indexOf(row: Row, key: string, count: number): number {
  const value = row.fields[key]
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < count) return value
  throw refuse(row, key, `an integer from 0 to ${count - 1}`)
}

/** @throws PocketPhiError `invalid-file` unless the field is a finite number */
export function numberOf(row: Row, key: string): number {
  const value = row.fields[key]
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw refuse(row, key, 'a number')
}

/** @throws PocketPhiError `invalid-file` */
export function booleanOf(row: Row, key: string): boolean {
  const value = row.fields[key]
  if (typeof value === 'boolean') return value
  throw refuse(row, key, 'true or false')
}

/**
 * The letters of right options as places among `count` options: one, a list, or several with spaces between.
 * @throws PocketPhiError `invalid-file`
 */
export function letterIndices(row: Row, key: string, count: number): readonly number[] {
  const value = row.fields[key]
  const letters: readonly unknown[] = typeof value === 'string' ? value.split(' ') : Array.isArray(value) ? value : []
  const places = letters.map((letter) => (typeof letter === 'string' ? letterOf.indexOf(letter) : -1))
  if (places.length > 0 && places.every((place) => place >= 0 && place < count)) return places
  throw refuse(row, key, `a letter from A to ${letterOf[count - 1]}, or a list of them`)
}

/** The fields of an object in a field, as those of a row. @throws PocketPhiError `invalid-file` */
export function partOf(row: Row, key: string): Row {
  const value = row.fields[key]
  if (isJsonObject(value)) return { fields: value, place: `"${key}" of ${row.place}` }
  throw refuse(row, key, 'an object')
}

/** A letter that names one of `count` options, as a place. @throws PocketPhiError `invalid-file` */
export function letterIndex(row: Row, key: string, count: number): number {
  const [place = -1, ...others] = letterIndices(row, key, count)
  if (others.length === 0) return place
  throw refuse(row, key, 'one letter')
}

/**
 * The pictures that a row names in `images`, or in `image`.
 *
 * @throws PocketPhiError `invalid-file` where it names none, or cannot have any
 */
export function picturesOf(row: Row): readonly PictureFile[] {
  const { open } = row
  const names = row.fields['images'] === undefined ? [textOf(row, 'image')] : textsOf(row, 'images')
  if (open === undefined) throw refuse(row, 'image', 'a row of a file, beside which pictures are')
  return names.map((name) => ({ name, read: () => open(name) }))
}

/** What a table has for the text of a field. @throws PocketPhiError `invalid-file` for a text that it does not have */
export function entryOf<Entry>(row: Row, key: string, table: ReadonlyMap<string, Entry>): Entry {
  const entry = table.get(textOf(row, key))
  if (entry !== undefined) return entry
  throw refuse(row, key, `one of ${[...table.keys()].join(', ')}`)
}

/** The names of options: A, B, C … */
export const letterOf = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
