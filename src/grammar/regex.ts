/**
 * Regular expressions in ECMAScript's notation with the flag `v`, as far as they describe a set of texts: no references back, no looking
 * around, and anchors only at the ends of the whole. `$` and `^` mean the ends of the text, and so does leaving them out in
 * `regexGrammar`; a pattern of a JSON schema, which may match anywhere, says so itself (`regexParts`).
 */
import { PocketPhiError } from '../base/errors.ts'
import { codePoints, complement, everyCodePoint, inUtf8, type CodePoints } from './code-points.ts'
import { choice, nothing, repeat, sequence, unsupported, type Expression, type Grammar } from './expression.ts'

/** How a character of a set is written: in UTF-8, or within a string of JSON. */
export type WriteCharacter = (set: CodePoints) => Expression

/** A pattern without its anchors. */
export interface RegexParts {
  readonly body: Expression
  readonly isAnchoredAtStart: boolean
  readonly isAnchoredAtEnd: boolean
}

/**
 * The texts that match from their beginning to their end.
 * @throws PocketPhiError `not-supported` naming what no grammar can say; `invalid-argument` for what is no pattern
 */
export function regexGrammar(pattern: string): Grammar {
  return { start: regexParts(pattern, inUtf8).body, rules: new Map() }
}

/** @throws PocketPhiError as `regexGrammar` */
export function regexParts(pattern: string, write: WriteCharacter): RegexParts {
  return new Parser(pattern, write).parse()
}

const digits: CodePoints = [[0x30, 0x39]]
const words = codePoints([
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
])
/** White space and ends of lines of ECMAScript. */
const spaces = codePoints([
  [9, 13],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
])
const lineEnds = codePoints([
  [10, 10],
  [13, 13],
  [0x2028, 0x2029],
])
const classes: Readonly<Record<string, CodePoints>> = {
  d: digits,
  D: complement(digits),
  w: words,
  W: complement(words),
  s: spaces,
  S: complement(spaces),
}
const controls: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, 0: 0 }
/** More is refused: every count is a place in the network. */
const mostRepetitions = 10_000

class Parser {
  readonly #characters: readonly string[]
  readonly #pattern: string
  readonly #write: WriteCharacter
  #at = 0

  constructor(pattern: string, write: WriteCharacter) {
    this.#pattern = pattern
    this.#characters = [...pattern]
    this.#write = write
  }

  parse(): RegexParts {
    const isAnchoredAtStart = this.#take('^')
    const hasEnd = this.#characters.at(-1) === '$' && !this.#endIsEscaped()
    const limit = this.#characters.length - (hasEnd ? 1 : 0)
    const { expression, options } = this.#alternatives(limit)
    if (this.#at < limit) throw this.#invalid(`a "${this.#peek()}" without its opening`)
    // `^a|b$` is anchored in each alternative by itself.
    if (options > 1 && (isAnchoredAtStart || hasEnd)) {
      throw unsupported('an anchor beside alternatives', this.#place(), 'Put the alternatives in a group: ^(?:a|b)$.')
    }
    return { body: expression, isAnchoredAtStart, isAnchoredAtEnd: hasEnd }
  }

  #endIsEscaped(): boolean {
    let backslashes = 0
    for (let at = this.#characters.length - 2; this.#characters[at] === '\\'; at--) backslashes++
    return backslashes % 2 === 1
  }

  #alternatives(limit: number): { readonly expression: Expression; readonly options: number } {
    const options = [this.#terms(limit)]
    while (this.#at < limit && this.#take('|')) options.push(this.#terms(limit))
    return { expression: choice(...options), options: options.length }
  }

  #terms(limit: number): Expression {
    const parts: Expression[] = []
    while (this.#at < limit && this.#peek() !== '|' && this.#peek() !== ')') {
      parts.push(this.#quantified(this.#atom(limit)))
    }
    return sequence(...parts)
  }

  #atom(limit: number): Expression {
    const character = this.#next()
    switch (character) {
      case '(':
        return this.#group(limit)
      case '[':
        return this.#write(this.#class())
      case '.':
        return this.#write(complement(lineEnds))
      case '\\':
        return this.#write(this.#escape())
      case '^':
      case '$':
        throw unsupported(`the anchor ${character} within a pattern`, this.#place(), 'Put it at the end of the whole.')
      case '*':
      case '+':
      case '?':
      case '{':
      case '}':
      case ']':
        throw this.#invalid(`a "${character}" that is not escaped`)
      default:
        return this.#write(only(character))
    }
  }

  #group(limit: number): Expression {
    if (this.#take('?')) {
      const kind = this.#next()
      if (kind === '<' && this.#peek() !== '=' && this.#peek() !== '!') while (this.#next() !== '>');
      else if (kind !== ':')
        throw unsupported('a pattern that looks around', this.#place(), 'Describe the text itself.')
    }
    const { expression } = this.#alternatives(limit)
    if (!this.#take(')')) throw this.#invalid('a group that is not closed')
    return expression
  }

  #quantified(part: Expression): Expression {
    const count = this.#count()
    if (count === undefined) return part
    // What is as short or as long as possible are the same texts.
    this.#take('?')
    const [least, most] = count
    if (least > most) throw this.#invalid('a count from more to fewer')
    if (Math.max(least, most === Infinity ? 0 : most) > mostRepetitions) {
      throw unsupported(`a count above ${mostRepetitions}`, this.#place(), 'Use a smaller one.')
    }
    return repeat(part, least, most)
  }

  #count(): readonly [number, number] | undefined {
    if (this.#take('*')) return [0, Infinity]
    if (this.#take('+')) return [1, Infinity]
    if (this.#take('?')) return [0, 1]
    const found = /^\{(\d{1,6})(,(\d{0,6}))?\}/.exec(this.#characters.slice(this.#at, this.#at + 16).join(''))
    if (found === null) return undefined
    const [whole, least = '', comma, most = ''] = found
    this.#at += whole.length
    return [Number(least), comma === undefined ? Number(least) : most === '' ? Infinity : Number(most)]
  }

  #class(): CodePoints {
    const isNegated = this.#take('^')
    const ranges: (readonly [number, number])[] = []
    while (!this.#take(']')) {
      const first = this.#classMember()
      const [range] = first
      const isSingle = first.length === 1 && range !== undefined && range[0] === range[1]
      if (!isSingle || this.#peek() !== '-' || this.#characters[this.#at + 1] === ']') {
        ranges.push(...first)
        continue
      }
      this.#at++
      const [last] = this.#classMember()
      if (last === undefined || last[0] < range[0] || last[0] !== last[1]) throw this.#invalid('a range of characters')
      ranges.push([range[0], last[0]])
    }
    const set = codePoints(ranges)
    return isNegated ? complement(set) : set
  }

  #classMember(): CodePoints {
    const character = this.#next()
    if (character === '[') throw unsupported('a class within a class', this.#place(), 'Write one class.')
    if (character !== '\\') return only(character)
    if (this.#take('b')) return [[8, 8]]
    return this.#escape()
  }

  #escape(): CodePoints {
    const character = this.#next()
    const known = classes[character]
    if (known !== undefined) return known
    const control = controls[character]
    if (control !== undefined) return [[control, control]]
    if (character === 'x') return this.#hexadecimal(2)
    if (character === 'u') return this.#take('{') ? this.#braced() : this.#hexadecimal(4)
    if (/[a-zA-Z1-9]/.test(character)) {
      throw unsupported(`\\${character}`, this.#place(), 'Write the characters out, or use another class.')
    }
    return only(character)
  }

  #hexadecimal(length: number): CodePoints {
    const code = this.#characters.slice(this.#at, this.#at + length).join('')
    if (!/^[0-9a-fA-F]+$/.test(code) || code.length !== length) throw this.#invalid('the code of a character')
    this.#at += length
    const point = Number.parseInt(code, 16)
    return codePoints([[point, point]])
  }

  #braced(): CodePoints {
    let code = ''
    for (let next = this.#next(); next !== '}'; next = this.#next()) code += next
    const point = Number.parseInt(code, 16)
    if (!/^[0-9a-fA-F]{1,6}$/.test(code) || point > 0x10ffff) throw this.#invalid('the code of a character')
    return codePoints([[point, point]])
  }

  #peek(): string | undefined {
    return this.#characters[this.#at]
  }

  #next(): string {
    const character = this.#characters[this.#at++]
    if (character === undefined) throw this.#invalid('an end that comes too early')
    return character
  }

  #take(character: string): boolean {
    if (this.#peek() !== character) return false
    this.#at++
    return true
  }

  #place(): string {
    return `the pattern ${this.#pattern.slice(0, 200)}`
  }

  #invalid(what: string): PocketPhiError {
    return new PocketPhiError('invalid-argument', 'The regular expression is not valid.', {
      found: `${what}, near character ${this.#at} of ${this.#pattern.slice(0, 200)}`,
    })
  }
}

function only(character: string): CodePoints {
  const point = character.codePointAt(0) as number
  return codePoints([[point, point]])
}

/** Whatever may stand before and after a pattern that is not anchored. */
export function unanchored(
  { body, isAnchoredAtStart, isAnchoredAtEnd }: RegexParts,
  write: WriteCharacter,
): Expression {
  const anything = repeat(write(everyCodePoint), 0)
  return sequence(isAnchoredAtStart ? nothing : anything, body, isAnchoredAtEnd ? nothing : anything)
}
