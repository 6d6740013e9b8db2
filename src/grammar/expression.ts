/**
 * What a text may be, byte by byte: regular expressions with calls, so that what nests can be said, too. `compileNetwork` turns
 * them into something that can be walked.
 */
import { PocketPhiError } from '../base/errors.ts'

/** Inclusive, both ends in 0..255. */
export type ByteRange = readonly [first: number, last: number]

export type Expression =
  | { readonly kind: 'bytes'; readonly ranges: readonly ByteRange[] }
  | { readonly kind: 'sequence'; readonly parts: readonly Expression[] }
  | { readonly kind: 'choice'; readonly options: readonly Expression[] }
  | { readonly kind: 'repeat'; readonly part: Expression; readonly least: number; readonly most: number }
  | { readonly kind: 'call'; readonly rule: string }

/** A rule to begin with, and the others that it calls, by name. */
export interface Grammar {
  readonly start: Expression
  readonly rules: ReadonlyMap<string, Expression>
}

export const nothing: Expression = { kind: 'sequence', parts: [] }

export function sequence(...parts: readonly Expression[]): Expression {
  return { kind: 'sequence', parts }
}

/** @param options without any, no text fits */
export function choice(...options: readonly Expression[]): Expression {
  const [first] = options
  return options.length === 1 && first !== undefined ? first : { kind: 'choice', options }
}

export function optional(part: Expression): Expression {
  return choice(part, nothing)
}

/** @param most Infinity for any number */
export function repeat(part: Expression, least: number, most = Infinity): Expression {
  return { kind: 'repeat', part, least, most }
}

export function call(rule: string): Expression {
  return { kind: 'call', rule }
}

export function oneByte(...ranges: readonly ByteRange[]): Expression {
  return { kind: 'bytes', ranges }
}

const encoder = new TextEncoder()

/** Exactly this text. */
export function literal(text: string): Expression {
  return sequence(...Array.from(encoder.encode(text), (byte) => oneByte([byte, byte])))
}

/** The error for what cannot be said in a grammar; the remedy is what to do without. */
export function unsupported(what: string, place: string, remedy: string): PocketPhiError {
  return new PocketPhiError('not-supported', `${what} cannot be held to: ${place}.`, { found: what, remedy })
}
