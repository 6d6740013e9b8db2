/** What numbers and signs come to. */
import { isUnit, tokensOf, unitOf, withSigns, type NumberToken, type Token } from './tokens.ts'

/** A number, and how it came about. */
export interface Value {
  readonly value: number
  /** To which it is written; undefined where it is computed. */
  readonly decimals: number | undefined
  /** Written or computed with a percent sign. */
  readonly isPercent: boolean
  readonly operators: ReadonlySet<string>
  /** Units and currencies. */
  readonly units: ReadonlySet<string>
}

/** Reads sums, products, powers and brackets; undefined for anything else, and for divisions of which the order is not clear. */
class ValueReader {
  readonly #tokens: readonly Token[]
  readonly #operators = new Set<string>()
  readonly #units = new Set<string>()
  #at = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  read(): Value | undefined {
    const value = this.#sum()
    if (value === undefined || this.#at < this.#tokens.length || !Number.isFinite(value)) return undefined
    const numbers = this.#tokens.filter((token) => token.kind === 'number')
    return {
      value,
      decimals: this.#operators.size === 0 ? numbers[0]?.decimals : undefined,
      isPercent: numbers.some(({ isPercent }) => isPercent),
      operators: this.#operators,
      units: this.#units,
    }
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
    let wasDivided = false
    while (product !== undefined) {
      const sign = this.#sign('*', '/') ?? (this.#isBracketBehind() ? '*' : undefined)
      if (sign === undefined) return product
      // 28 / 1/5 may mean either.
      if (sign === '/' && wasDivided) return undefined
      wasDivided = sign === '/'
      const next = this.#power()
      this.#operators.add(sign)
      product = next === undefined ? undefined : sign === '*' ? product * next : product / next
    }
    return product
  }

  /** Whether a bracket stands directly behind a number or another one: 2(3 + 4). */
  #isBracketBehind(): boolean {
    const [before, token] = [this.#tokens[this.#at - 1], this.#tokens[this.#at]]
    return token?.kind === 'sign' && token.sign === '(' && before?.kind !== 'word' && before?.end === token.start
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
    this.#unit(token)
    return token.value
  }

  #unit({ currency }: NumberToken): void {
    if (currency !== '') this.#units.add(currency)
    const token = this.#tokens[this.#at]
    if (token?.kind !== 'word' || !isUnit(token, this.#tokens[this.#at - 1])) return
    this.#at++
    this.#units.add(unitOf(token.word))
  }
}

export function valueOfTokens(tokens: readonly Token[]): Value | undefined {
  return new ValueReader(tokens).read()
}

/** The value of a text that is nothing but numbers and signs, perhaps with a unit behind each. */
export function valueOf(text: string): Value | undefined {
  return valueOfTokens(tokensOf(withSigns(text)))
}

/** The numbers and fractions of a text. */
export function valuesIn(text: string): Value[] {
  const written = text.match(/(?<![\d.,])[-−]?\d[\d,]*(?:\.\d+)?(?: ?\/ ?\d+)?%?/g) ?? []
  return written.flatMap((number) => valueOf(number.replace(/,+$/, '')) ?? [])
}

/** Whether two values are equal, as exactly as they are written; whole numbers are exact, and percents may be hundredths or whole. */
export function isSameValue(one: Value, other: Value, isRounded = false): boolean {
  return readings(one).some((left) => readings(other).some((right) => isEqual(left, right, isRounded)))
}

type Reading = Pick<Value, 'value' | 'decimals'>

function readings({ value, decimals, isPercent }: Value): readonly Reading[] {
  const asWritten = { value, decimals }
  return isPercent ? [asWritten, { value: 100 * value, decimals: decimals && decimals - 2 }] : [asWritten]
}

function isEqual(one: Reading, other: Reading, isRounded: boolean): boolean {
  const difference = Math.abs(one.value - other.value)
  const scale = Math.max(1, Math.abs(one.value), Math.abs(other.value))
  if (difference <= 1e-9 * scale) return true
  const decimals = Math.min(one.decimals ?? Infinity, other.decimals ?? Infinity)
  if (decimals === Infinity) return isRounded && difference <= 0.05 * scale
  return (decimals > 0 || isRounded) && difference <= 0.5 * 10 ** -decimals + 1e-9 * scale
}
