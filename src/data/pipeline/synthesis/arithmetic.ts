/**
 * Equations between numbers that a text states, computed again. What cannot be understood for certain (variables, units that differ, ranges,
 * remainders) is passed over.
 */

/** An equation as it stands. */
export interface Equation {
  readonly text: string
  readonly left: number
  readonly right: number
  readonly holds: boolean
}

type Token =
  | {
      readonly kind: 'number'
      readonly value: number
      readonly decimals: number
      readonly start: number
      readonly end: number
    }
  | { readonly kind: 'sign'; readonly sign: string; readonly start: number; readonly end: number }
  | { readonly kind: 'word'; readonly word: string; readonly start: number; readonly end: number }
  | { readonly kind: 'other'; readonly start: number; readonly end: number }

const tokenPattern =
  /(?<number>(?:[$€£] ?)?(?:\d{1,3}(?:,\d{3})+(?![\d,])|\d+)(?:\.\d+)?%?)|(?<sign>[-+−×*·÷/^()])|(?<word>\p{L}[\p{L}\p{M}²³'’]*)|(?<other>[^\s])/gu

/** Other ways to write the same signs. */
const signs: Readonly<Record<string, string>> = { '−': '-', '×': '*', '·': '*', '÷': '/' }

/** Powers become a sign, except behind a letter, where they belong to a unit; and a letter between numbers, too. */
function plainOf(text: string): string {
  return text
    .replaceAll(/([\d)])([²³])/g, (_, base: string, power: string) => `${base}^${power === '²' ? 2 : 3}`)
    .replaceAll(/(?<=[\d)%] ?)[xX](?= ?[$€£(]? ?\d)/g, '×')
}

function tokensOf(text: string): Token[] {
  return Array.from(text.matchAll(tokenPattern), ({ index: start, 0: all, groups = {} }): Token => {
    const place = { start, end: start + all.length }
    if (groups['number'] !== undefined) return { kind: 'number', ...numberOf(groups['number']), ...place }
    if (groups['sign'] !== undefined) return { kind: 'sign', sign: signs[groups['sign']] ?? groups['sign'], ...place }
    if (groups['word'] !== undefined) return { kind: 'word', word: groups['word'], ...place }
    return { kind: 'other', ...place }
  })
}

function numberOf(written: string): { value: number; decimals: number } {
  const digits = written.replaceAll(/[^\d.]/g, '')
  const isPercent = written.endsWith('%')
  const decimals = (digits.split('.')[1] ?? '').length + (isPercent ? 2 : 0)
  return { value: isPercent ? Number(digits) / 100 : Number(digits), decimals }
}

/** A side of an equation. */
interface Side extends Value {
  readonly operators: ReadonlySet<string>
  readonly units: ReadonlySet<string>
}

/** Reads sums, products, powers and brackets; undefined for anything else. */
class SideReader {
  readonly #tokens: readonly Token[]
  readonly #operators = new Set<string>()
  readonly #units = new Set<string>()
  #at = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  read(): Side | undefined {
    const value = this.#sum()
    if (value === undefined || this.#at < this.#tokens.length) return undefined
    const number = this.#tokens[0]
    const decimals = number?.kind === 'number' && this.#operators.size === 0 ? number.decimals : undefined
    return { value, decimals, operators: this.#operators, units: this.#units }
  }

  #sign(...wanted: readonly string[]): string | undefined {
    const token = this.#tokens[this.#at]
    if (token?.kind !== 'sign' || !wanted.includes(token.sign)) return undefined
    this.#at++
    return token.sign
  }

  #sum(): number | undefined {
    let sum = this.#product()
    for (let sign = this.#sign('+', '-'); sum !== undefined && sign !== undefined; sign = this.#sign('+', '-')) {
      const next = this.#product()
      this.#operators.add(sign)
      sum = next === undefined ? undefined : sign === '+' ? sum + next : sum - next
    }
    return sum
  }

  #product(): number | undefined {
    let product = this.#power()
    while (product !== undefined) {
      const sign = this.#sign('*', '/') ?? (this.#isBracket() ? '*' : undefined)
      if (sign === undefined) return product
      const next = this.#power()
      this.#operators.add(sign)
      product = next === undefined ? undefined : sign === '*' ? product * next : product / next
    }
    return product
  }

  #isBracket(): boolean {
    const token = this.#tokens[this.#at]
    return token?.kind === 'sign' && token.sign === '('
  }

  #power(): number | undefined {
    const base = this.#term()
    if (base === undefined || this.#sign('^') === undefined) return base
    const exponent = this.#power()
    this.#operators.add('^')
    return exponent === undefined ? undefined : base ** exponent
  }

  #term(): number | undefined {
    if (this.#sign('-') !== undefined) {
      const value = this.#term()
      return value === undefined ? undefined : -value
    }
    if (this.#sign('(') !== undefined) {
      const value = this.#sum()
      return this.#sign(')') === undefined ? undefined : value
    }
    const token = this.#tokens[this.#at]
    if (token?.kind !== 'number') return undefined
    this.#at++
    this.#unit()
    return token.value
  }

  /** A word behind a number, in the singular. */
  #unit(): void {
    const token = this.#tokens[this.#at]
    if (token?.kind !== 'word') return
    this.#at++
    this.#units.add(unitOf(token.word))
  }
}

const unitOf = (word: string): string => word.toLowerCase().replace(/(?<=..)s$/, '')

/** Units of one or two letters; other words so short may be variables. */
const shortUnits = new Set([
  'm',
  'cm',
  'mm',
  'km',
  'g',
  'kg',
  'mg',
  's',
  'h',
  'l',
  'ml',
  'm²',
  'cm²',
  'km²',
  'm³',
  'cm³',
])

const isUnit = (token: Token | undefined, before: Token | undefined): boolean =>
  token?.kind === 'word' &&
  before?.kind === 'number' &&
  (token.word.length > 2 ? token.start > before.end : shortUnits.has(token.word.toLowerCase()))

const isPart = (tokens: readonly Token[], index: number): boolean => {
  const token = tokens[index]
  return token?.kind === 'number' || token?.kind === 'sign' || isUnit(token, tokens[index - 1])
}

/** Where brackets are whose other half is not among the tokens. */
function looseBrackets(tokens: readonly Token[]): readonly number[] {
  const open: number[] = []
  const closing: number[] = []
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== 'sign') continue
    if (token.sign === '(') open.push(index)
    if (token.sign === ')' && open.pop() === undefined) closing.push(index)
  }
  return [...closing, ...open]
}

/** What may stand directly before the side of an equation, and behind it. */
const opens = /(?:^|[\s("'“‘[{])$/
const closes = /^(?:$|[\s"'”’)\]}]|[.,;:!?](?!\d))/

/** The side that ends where an equals sign begins. */
function leftSide(written: string): Side | undefined {
  const text = written.replace(/^\s*(?:[-*•]|\d+[.)])\s+/, '')
  const tokens = tokensOf(text)
  let from = tokens.length
  while (from > 0 && isPart(tokens, from - 1)) from--
  const part = tokens.slice(from)
  const side = part.slice((looseBrackets(part).at(-1) ?? -1) + 1)
  const [first] = side
  if (first === undefined) return undefined
  const before = text.slice(0, first.start)
  if (!opens.test(before)) return undefined
  // What stands before a sign is a variable or a word: the sign may be a dash, or the equation more than is seen.
  if (first.kind === 'sign' && first.sign !== '(' && before.trim() !== '') return undefined
  return new SideReader(side).read()
}

/** The side that begins where an equals sign ends. */
function rightSide(text: string): Side | undefined {
  const tokens = tokensOf(text)
  let to = 0
  while (isPart(tokens, to)) to++
  // A word behind the result may go on with the sentence: whether it is a unit is seen by comparison.
  const part = tokens.slice(0, to)
  const side = part.slice(0, looseBrackets(part)[0])
  const behind = text.slice(side.at(-1)?.end ?? 0)
  if (!closes.test(behind) || /^\s+(?:remainder|rem|r)\b/i.test(behind)) return undefined
  return new SideReader(side).read()
}

/** A number as it is written: to so many decimals; undefined for one that is computed. */
export interface Value {
  readonly value: number
  readonly decimals: number | undefined
}

/** The value of a text that is nothing but numbers and signs, perhaps with a unit behind each. */
export function valueOf(text: string): Value | undefined {
  return new SideReader(tokensOf(plainOf(text))).read()
}

/** The numbers and fractions of a text. */
export function valuesIn(text: string): Value[] {
  const written = text.match(/(?<![\d.,])[-−]?\d[\d,]*(?:\.\d+)?(?: ?\/ ?\d+)?%?/g) ?? []
  return written.flatMap((number) => valueOf(number.replace(/,+$/, '')) ?? [])
}

/** Whether two numbers are equal, as exactly as they are written; whole numbers are exact. */
export function isSameValue(one: Value, other: Value): boolean {
  return isEqual(one, other, false)
}

/** Whether units say nothing against comparing the numbers alone. */
function isComparable(left: Side, right: Side): boolean {
  const operators = new Set([...left.operators, ...right.operators])
  const all = new Set([...left.units, ...right.units])
  const isSum = operators.has('+') || operators.has('-')
  return isSum ? all.size <= 1 : [...right.units].every((unit) => left.units.has(unit) || left.units.size === 0)
}

/** Whether a side is what the other one says, as exactly as it is written. */
function isEqual(left: Value, right: Value, isRounded: boolean): boolean {
  const difference = Math.abs(left.value - right.value)
  const scale = Math.max(1, Math.abs(left.value), Math.abs(right.value))
  if (difference <= 1e-9 * scale) return true
  const decimals = Math.min(left.decimals ?? Infinity, right.decimals ?? Infinity)
  if (decimals === Infinity) return isRounded && difference <= 0.05 * scale
  const roundsAway = decimals > 0 || isRounded
  return roundsAway && difference <= 0.5 * 10 ** -decimals + 1e-9 * scale
}

/**
 * The equations of a text: numbers and signs on both sides of `=` or `≈`, something computed on one of them at least. In a chain each two neighbours are
 * an equation. A result with decimals may be rounded.
 */
export function equationsIn(text: string): Equation[] {
  return text.split('\n').flatMap((line) => {
    const parts = plainOf(line).split(/(?<![<>!=:≠])([=≈])(?!=)/)
    const found: Equation[] = []
    for (let index = 0; index + 2 < parts.length; index += 2) {
      const [before = '', sign = '', after = ''] = parts.slice(index, index + 3)
      const [left, right] = [leftSide(before), rightSide(after)]
      if (left === undefined || right === undefined || left.operators.size + right.operators.size === 0) continue
      if (!isComparable(left, right) || !Number.isFinite(left.value) || !Number.isFinite(right.value)) continue
      const written = `${before.trim().slice(-60)} ${sign} ${after.trim().slice(0, 60)}`
      found.push({ text: written, left: left.value, right: right.value, holds: isEqual(left, right, sign === '≈') })
    }
    return found
  })
}
