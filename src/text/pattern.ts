import { PocketPhiError } from '../base/errors.ts'
import { whiteSpaceClass, wordClass } from './characters.ts'
import {
  alternationCost,
  atomicCost,
  emptyCost,
  isAffordable,
  repetitionCost,
  sequenceCost,
  stepCost,
  type Cost,
} from './pattern-cost.ts'

/**
 * Which engine a pattern was written for. They differ in anchors: `$` is the end of the text in Rust's engines
 * (tiktoken) and the end of a line in Oniguruma (tokenizer.json).
 */
export type PatternDialect = 'rust' | 'oniguruma'

/**
 * Translates a reference pattern to JavaScript: Unicode white space for `\s`, Unicode digits and words, possessive
 * quantifiers and atomic groups, and `(?i:...)` for parts of a pattern. Refused are patterns for which it cannot be shown
 * that the steps from each place in a text are at most proportional to its length: those that repeat without bound what
 * can match in several ways (alternatives, optional parts, repetitions, unless atomic or possessive), or that go through a
 * text by one repetition after another (`a*a*b`). The published split patterns all pass.
 * @throws PocketPhiError 'not-supported' naming what cannot be translated, 'invalid-file' when it is no pattern.
 */
export function compilePattern(source: string, place: string, dialect: PatternDialect = 'oniguruma'): RegExp {
  const translated = new Translator(source, place, dialect).translate()
  try {
    return new RegExp(translated, 'gv')
  } catch (cause) {
    throw new PocketPhiError('invalid-file', `The regular expression at ${place} is not valid.`, {
      found: source.slice(0, 200),
      cause,
    })
  }
}

/** A pattern that matches exactly this text. */
export function escapePattern(text: string): string {
  return Array.from(text, literal).join('')
}

function literal(character: string): string {
  return /^[A-Za-z0-9]$/.test(character) ? character : `\\u{${(character.codePointAt(0) as number).toString(16)}}`
}

/** The letters that Unicode's simple case folding makes equal to this one. */
function foldings(letter: string): string[] {
  const others = { s: ['\u017f'], k: ['\u212a'], '\u00e5': ['\u212b'] }[letter.toLowerCase()] ?? []
  const variants = [letter, letter.toLowerCase(), letter.toUpperCase(), ...others]
  return [...new Set(variants)].filter((variant) => [...variant].length === 1)
}

const classEscapes: Readonly<Record<string, string>> = {
  s: whiteSpaceClass.replaceAll(' ', String.raw`\x20`),
  d: String.raw`\p{Nd}`,
  w: wordClass,
}

const controlEscapes: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  f: '\f',
  v: '\v',
  e: '\x1b',
  a: '\x07',
}

interface Fragment {
  readonly source: string
  readonly cost: Cost
}

/** Patterns longer or deeper than this are refused. */
const longestPattern = 10_000
const deepestGroup = 50

class Translator {
  readonly #characters: readonly string[]
  readonly #place: string
  readonly #dialect: PatternDialect
  #position = 0
  #depth = 0
  #atomicGroups = 0
  #ignoreCase = false

  constructor(source: string, place: string, dialect: PatternDialect) {
    this.#characters = [...source]
    this.#place = place
    this.#dialect = dialect
  }

  translate(): string {
    if (this.#characters.length > longestPattern) throw this.#unsupported('its length')
    const { source, cost } = this.#alternation()
    if (this.#position < this.#characters.length) throw this.#unsupported('an unmatched ")"')
    if (!isAffordable(cost)) throw this.#unsupported('repetitions that could take too long')
    return source
  }

  #unsupported(what: string): PocketPhiError {
    return new PocketPhiError('not-supported', `The regular expression at ${this.#place} uses ${what}.`, {
      found: this.#characters.slice(0, 200).join(''),
    })
  }

  #peek(text: string): boolean {
    return this.#characters.slice(this.#position, this.#position + text.length).join('') === text
  }

  #take(text: string): boolean {
    if (!this.#peek(text)) return false
    this.#position += text.length
    return true
  }

  #next(): string {
    const character = this.#characters[this.#position++]
    if (character === undefined) throw this.#unsupported('an unfinished construct')
    return character
  }

  #alternation(): Fragment {
    if (++this.#depth > deepestGroup) throw this.#unsupported('too many nested groups')
    const ignoreCase = this.#ignoreCase
    const branches = [this.#sequence()]
    while (this.#take('|')) branches.push(this.#sequence())
    this.#ignoreCase = ignoreCase
    this.#depth--
    return {
      source: branches.map((branch) => branch.source).join('|'),
      cost: alternationCost(branches.map((branch) => branch.cost)),
    }
  }

  #sequence(): Fragment {
    const fragments: Fragment[] = []
    while (this.#position < this.#characters.length && !this.#peek('|') && !this.#peek(')')) {
      fragments.push(this.#quantified(this.#atom()))
    }
    return {
      source: fragments.map((fragment) => fragment.source).join(''),
      cost: sequenceCost(fragments.map((fragment) => fragment.cost)),
    }
  }

  #quantified(atom: Fragment): Fragment {
    const quantifier = this.#quantifier()
    if (quantifier === undefined) return atom
    if (atom.source === '' || this.#quantifier() !== undefined) throw this.#unsupported('a quantifier without an atom')
    const source = atom.source + quantifier.source
    const cost = repetitionCost(atom.cost, quantifier.least, quantifier.most)
    return quantifier.possessive ? { source: this.#atomic(source), cost: atomicCost(cost) } : { source, cost }
  }

  #quantifier(): { source: string; least: number; most: number; possessive: boolean } | undefined {
    const rest = this.#characters.slice(this.#position, this.#position + 20).join('')
    const match = /^(?:[*+?]|\{(\d{1,4})(,(\d{0,4}))?\})/.exec(rest)
    if (match === null) return undefined
    this.#position += match[0].length
    const [source, count, range, end] = match
    const least = count === undefined ? Number(source === '+') : Number(count)
    const most =
      count === undefined ? (source === '?' ? 1 : Infinity) : range === undefined ? least : Number(end || Infinity)
    if (this.#take('?')) return { source: `${source}?`, least, most, possessive: false }
    return { source, least, most, possessive: this.#take('+') }
  }

  /** Matches without giving back: a lookahead that captures, then what was captured. */
  #atomic(source: string): string {
    const name = `atomic${this.#atomicGroups++}`
    return `(?:(?=(?<${name}>${source}))\\k<${name}>)`
  }

  #atom(): Fragment {
    const character = this.#next()
    const plain = (source: string): Fragment => ({ source, cost: stepCost })
    switch (character) {
      case '(':
        return this.#group()
      case '[':
        return plain(this.#characterClass())
      case '.':
        return plain(String.raw`[^\n]`)
      case '^':
        return plain(this.#dialect === 'rust' ? '^' : String.raw`(?:^|(?<=\n))`)
      case '$':
        return plain(this.#dialect === 'rust' ? '$' : String.raw`(?:$|(?=\n))`)
      case '\\':
        return plain(this.#escape())
      case '*':
      case '+':
      case '?':
        throw this.#unsupported('a quantifier without an atom')
      default:
        return plain(this.#letter(character))
    }
  }

  #letter(character: string): string {
    if (!this.#ignoreCase) return literal(character)
    const variants = foldings(character)
    return variants.length === 1 ? literal(character) : `[${variants.map(literal).join('')}]`
  }

  #group(): Fragment {
    if (this.#take('?:')) return this.#closed('(?:')
    for (const opening of ['?=', '?!', '?<=', '?<!']) {
      if (!this.#take(opening)) continue
      const { source, cost } = this.#closed(`(${opening}`)
      return { source, cost: atomicCost(cost, true) }
    }
    if (this.#take('?>')) {
      const inner = this.#closed('(?:')
      return { source: this.#atomic(inner.source), cost: atomicCost(inner.cost) }
    }
    if (this.#take('?i:')) return this.#caseInsensitive(() => this.#closed('(?:'))
    if (this.#take('?i)')) {
      this.#ignoreCase = true
      return { source: '', cost: emptyCost }
    }
    if (this.#peek('?')) throw this.#unsupported('a kind of group that is not known here')
    return this.#closed('(?:')
  }

  #caseInsensitive(read: () => Fragment): Fragment {
    const before = this.#ignoreCase
    this.#ignoreCase = true
    const fragment = read()
    this.#ignoreCase = before
    return fragment
  }

  #closed(opening: string): Fragment {
    const inner = this.#alternation()
    if (!this.#take(')')) throw this.#unsupported('a group that is not closed')
    return { source: `${opening}${inner.source})`, cost: inner.cost }
  }

  #escape(): string {
    const character = this.#next()
    if (character === 'A') return '^'
    if (character === 'z') return '$'
    const lower = character.toLowerCase()
    const classBody = Object.hasOwn(classEscapes, lower) ? classEscapes[lower] : undefined
    if (classBody !== undefined) return character === lower ? `[${classBody}]` : `[^${classBody}]`
    if (lower === 'p') return this.#property(character === 'P')
    return this.#letter(this.#escapedCharacter(character))
  }

  #escapedCharacter(character: string): string {
    const control = Object.hasOwn(controlEscapes, character) ? controlEscapes[character] : undefined
    if (control !== undefined) return control
    if (character === 'x' || character === 'u') {
      const rest = this.#characters.slice(this.#position, this.#position + 10).join('')
      const match = /^(?:\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{4})|([0-9A-Fa-f]{2}))/.exec(rest)
      const digits = match?.[1] ?? (character === 'u' ? match?.[2] : rest.slice(0, 2))
      if (match === null || digits === undefined) throw this.#unsupported('an escape that is not finished')
      this.#position += match[1] === undefined ? digits.length : digits.length + 2
      const code = Number.parseInt(digits, 16)
      if (code > 0x10ffff) throw this.#unsupported('a code point that does not exist')
      return String.fromCodePoint(code)
    }
    if (/^[A-Za-z0-9]$/.test(character)) throw this.#unsupported(`the escape "\\${character}"`)
    return character
  }

  #property(negated: boolean): string {
    let name = this.#next()
    if (name === '{') {
      name = ''
      for (let character = this.#next(); character !== '}'; character = this.#next()) name += character
    }
    const flipped = name.startsWith('^')
    if (flipped) name = name.slice(1)
    if (!/^[A-Za-z0-9_=]{1,40}$/.test(name)) throw this.#unsupported(`the property "${name}"`)
    const escape = negated === flipped ? 'p' : 'P'
    for (const body of [name, `Script=${name}`]) {
      try {
        return new RegExp(`\\${escape}{${body}}`, 'v').source
      } catch {
        continue
      }
    }
    throw this.#unsupported(`the property "${name}"`)
  }

  #characterClass(): string {
    const negated = this.#take('^')
    const members: string[] = []
    for (let first = true; first || !this.#peek(']'); first = false) {
      if (this.#peek('[') || this.#peek('&&')) throw this.#unsupported('a class inside a class')
      members.push(this.#classMember())
    }
    this.#position++
    return `[${negated ? '^' : ''}${members.join('')}]`
  }

  #classMember(): string {
    const start = this.#classAtom()
    if (typeof start !== 'string') return start.source
    if (!this.#peek('-') || this.#characters[this.#position + 1] === ']') return this.#classLetter(start)
    this.#position++
    const end = this.#classAtom()
    if (typeof end !== 'string') throw this.#unsupported('a range that ends in a class')
    const range = `${literal(start)}-${literal(end)}`
    if (!this.#ignoreCase) return range
    if (!/^(?:[a-z]{2}|[A-Z]{2}|[0-9]{2})$/.test(start + end)) throw this.#unsupported('a range without regard to case')
    const swap = (letter: string): string =>
      letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase()
    return `${range}${literal(swap(start))}-${literal(swap(end))}`
  }

  #classLetter(character: string): string {
    return this.#ignoreCase ? foldings(character).map(literal).join('') : literal(character)
  }

  /** One character, or the source of an escape that stands for many. */
  #classAtom(): string | { source: string } {
    const character = this.#next()
    if (character !== '\\') return character
    const escaped = this.#next()
    const lower = escaped.toLowerCase()
    const body = Object.hasOwn(classEscapes, lower) ? classEscapes[lower] : undefined
    if (body !== undefined) return { source: escaped === lower ? body : `[^${body}]` }
    if (lower === 'p') return { source: this.#property(escaped === 'P') }
    return this.#escapedCharacter(escaped)
  }
}
