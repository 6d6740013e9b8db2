/**
 * What a text may be, byte by byte: regular expressions with calls, so that what nests can be said, too. `compileNetwork` turns
 * them into something that can be walked.
 */
import { PocketPhiError } from '../base/errors.ts'

/** Inclusive, both ends in 0..255; from `firstControl` on, each number stands for a control token. */
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
  /** Control tokens of the vocabulary that are in it, as they are spelled; none when left out. */
  readonly controls?: readonly string[]
}

/** What stands for the first control token of a grammar, where bytes end. */
export const firstControl = 256
/** Control tokens that one grammar may have. */
export const mostControls = 32

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

/** The control token with this index in `Grammar.controls`. No spelling of it is meant. */
export function control(index: number): Expression {
  return oneByte([firstControl + index, firstControl + index])
}

/** The error for what cannot be said in a grammar; the remedy is what to do without. */
export function unsupported(what: string, place: string, remedy: string): PocketPhiError {
  return new PocketPhiError('not-supported', `${what} cannot be held to: ${place}.`, { found: what, remedy })
}
