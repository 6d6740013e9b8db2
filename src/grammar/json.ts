/** JSON as text (RFC 8259): values, strings, white space. */
import { codePoints, complement, everyCodePoint, intersection, inUtf8, type CodePoints } from './code-points.ts'
import {
  call,
  choice,
  literal,
  oneByte,
  optional,
  repeat,
  sequence,
  type Expression,
  type Grammar,
} from './expression.ts'
import { anyNumber } from './numbers.ts'

/**
 * White space between the parts of a value: none, a space, or a new line and what indents it. Without a limit a model could go on
 * with it for ever.
 */
export const space = optional(
  choice(literal(' '), sequence(literal('\n'), repeat(oneByte([9, 9], [0x20, 0x20]), 0, 24))),
)

const quote = 0x22
const backslash = 0x5c
/** Characters that have to be escaped in a string. */
const escaped = codePoints([
  [0, 0x1f],
  [quote, quote],
  [backslash, backslash],
])
const plain = complement(escaped)
const shortEscapes: readonly (readonly [number, string])[] = [
  [quote, String.raw`\"`],
  [backslash, String.raw`\\`],
  [8, String.raw`\b`],
  [12, String.raw`\f`],
  [10, String.raw`\n`],
  [13, String.raw`\r`],
  [9, String.raw`\t`],
]

/** A character of the set as it stands in a string: as it is, or as it must be escaped. */
export function inString(set: CodePoints): Expression {
  const options = shortEscapes.filter(([point]) => has(set, point)).map(([, text]) => literal(text))
  for (let point = 0; point < 0x20; point++) {
    if (!has(set, point) || shortEscapes.some(([short]) => short === point)) continue
    options.push(literal(String.raw`\u00${point.toString(16).padStart(2, '0')}`))
  }
  const asIs = intersection(set, plain)
  return choice(...(asIs.length > 0 ? [inUtf8(asIs)] : []), ...options)
}

function has(set: CodePoints, point: number): boolean {
  return set.some(([first, last]) => first <= point && point <= last)
}

const hexadecimal = oneByte([0x30, 0x39], [0x41, 0x46], [0x61, 0x66])
const aboveSurrogates = oneByte([0x30, 0x39], [0x41, 0x43], [0x45, 0x46], [0x61, 0x63], [0x65, 0x66])
const letterD = oneByte([0x44, 0x44], [0x64, 0x64])
const highSurrogate = sequence(letterD, oneByte([0x38, 0x39], [0x41, 0x42], [0x61, 0x62]), hexadecimal, hexadecimal)
const lowSurrogate = sequence(letterD, oneByte([0x43, 0x46], [0x63, 0x66]), hexadecimal, hexadecimal)

/** Any character of a string, in any way that JSON has to write it. */
export const anyCharacter = choice(
  inString(everyCodePoint),
  literal(String.raw`\/`),
  sequence(
    literal(String.raw`\u`),
    choice(
      sequence(aboveSurrogates, hexadecimal, hexadecimal, hexadecimal),
      sequence(letterD, oneByte([0x30, 0x37]), hexadecimal, hexadecimal),
      sequence(highSurrogate, literal(String.raw`\u`), lowSurrogate),
    ),
  ),
)

export function quoted(content: Expression): Expression {
  return sequence(literal('"'), content, literal('"'))
}

/** The names of the rules that `jsonRules` holds. */
const names = { value: 'value', object: 'object', array: 'array', string: 'string', character: 'character' } as const

export const anyValue = call(names.value)
export const anyObject = call(names.object)
export const anyArray = call(names.array)
export const anyString = call(names.string)
/** `anyCharacter` as a rule, so that counting characters does not repeat it. */
export const countedCharacter = call(names.character)

/** Values between brackets, with commas between them: any number of them. */
export function bracketed(open: string, item: Expression, close: string): Expression {
  const items = sequence(item, space, repeat(sequence(literal(','), space, item, space), 0))
  return sequence(literal(open), space, optional(items), literal(close))
}

export function member(key: Expression, value: Expression): Expression {
  return sequence(key, space, literal(':'), space, value)
}

/** JSON of any kind, and its parts, by name. */
export const jsonRules: Grammar['rules'] = new Map([
  [names.value, choice(anyObject, anyArray, anyString, anyNumber, literal('true'), literal('false'), literal('null'))],
  [names.object, bracketed('{', member(anyString, anyValue), '}')],
  [names.array, bracketed('[', anyValue, ']')],
  [names.string, quoted(repeat(countedCharacter, 0))],
  [names.character, anyCharacter],
])

/** Any object: what `JSON.parse` reads as one. */
export const jsonGrammar: Grammar = { start: anyObject, rules: jsonRules }
