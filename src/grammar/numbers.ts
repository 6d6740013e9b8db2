/** Numbers of JSON within limits, digit by digit. */
import { PocketPhiError } from '../base/errors.ts'
import { choice, literal, nothing, oneByte, optional, repeat, sequence, type Expression } from './expression.ts'

const digit = oneByte([0x30, 0x39])
const leadingDigit = oneByte([0x31, 0x39])

/** Digits that a float64 keeps; more would let a model count without end. */
const mostDigits = 15
/** Exponents stay below those at which float64 overflows. */
const exponent = sequence(
  oneByte([0x45, 0x45], [0x65, 0x65]),
  optional(oneByte([0x2b, 0x2b], [0x2d, 0x2d])),
  repeat(digit, 1, 2),
)
const fraction = sequence(literal('.'), repeat(digit, 1, mostDigits))
/** One that is not zero, so that it keeps a number off the integer before it. */
const positiveFraction = sequence(literal('.'), repeat(digit, 0, mostDigits - 1), leadingDigit)

const natural = choice(literal('0'), sequence(leadingDigit, repeat(digit, 0, mostDigits - 1)))

/** Any integer, and any number, of at most 15 digits on each side of the point. */
export const anyInteger = sequence(optional(literal('-')), natural)
export const anyNumber = sequence(anyInteger, optional(fraction), optional(exponent))

/** What a number is between. */
export interface NumberLimits {
  readonly least: number
  readonly isLeastExcluded: boolean
  readonly most: number
  readonly isMostExcluded: boolean
}

const safe = 10 ** mostDigits - 1

/** Integers within limits. @throws PocketPhiError `not-supported` when there is none */
export function integersWithin(limits: NumberLimits, place: string): Expression {
  const { first, last } = integerLimits(limits)
  if (first > last) throw none(limits, place)
  return integerRange(first, last)
}

/**
 * Numbers within limits, without an exponent. Not all of them: those between an integer and the next are there when all of them are within the
 * limits.
 * @throws PocketPhiError `not-supported` when there is none
 */
export function numbersWithin(limits: NumberLimits, place: string): Expression {
  const { first, last } = integerLimits(limits)
  const options: Expression[] = first > last ? [] : [integerRange(first, last)]
  // Fractions are between n and n + 1, and both ends may be excluded limits.
  const [from, to] = [Math.max(Math.ceil(limits.least), -safe), Math.min(Math.floor(limits.most), safe)]
  if (to - 1 >= Math.max(from, 0)) options.push(sequence(naturals(Math.max(from, 0), to - 1), positiveFraction))
  const [smallest, greatest] = [Math.max(0, -to), -from - 1]
  if (greatest >= smallest) options.push(sequence(literal('-'), naturals(smallest, greatest), positiveFraction))
  if (options.length === 0) throw none(limits, place)
  return choice(...options)
}

function integerLimits({ least, isLeastExcluded, most, isMostExcluded }: NumberLimits): {
  first: number
  last: number
} {
  const first = isLeastExcluded && Number.isInteger(least) ? least + 1 : Math.ceil(least)
  const last = isMostExcluded && Number.isInteger(most) ? most - 1 : Math.floor(most)
  return { first: Math.max(first, -safe), last: Math.min(last, safe) }
}

function none({ least, isLeastExcluded, most, isMostExcluded }: NumberLimits, place: string): PocketPhiError {
  return new PocketPhiError('not-supported', `No number that can be written here is within the limits: ${place}.`, {
    found: `${isLeastExcluded ? 'above' : 'from'} ${least} ${isMostExcluded ? 'to below' : 'to'} ${most}`,
    remedy: 'Use limits with whole numbers between them.',
  })
}

function integerRange(first: number, last: number): Expression {
  const options: Expression[] = []
  if (first < 0) options.push(sequence(literal('-'), naturals(Math.max(1, -last), -first)))
  if (last >= 0) options.push(naturals(Math.max(0, first), last))
  return choice(...options)
}

/** Numbers from `first` to `last`, neither negative, without leading zeros. */
function naturals(first: number, last: number): Expression {
  const options: Expression[] = []
  for (let length = String(first).length; length <= String(last).length; length++) {
    const from = Math.max(first, length === 1 ? 0 : 10 ** (length - 1))
    const to = Math.min(last, 10 ** length - 1)
    options.push(ofLength(String(from), String(to)))
  }
  return choice(...options)
}

/** Digits between two numbers of the same length. */
function ofLength(from: string, to: string): Expression {
  if (from === '') return nothing
  const [low, high] = [Number(from[0]), Number(to[0])]
  const [fromRest, toRest] = [from.slice(1), to.slice(1)]
  const digits = (least: number, most: number): Expression => oneByte([0x30 + least, 0x30 + most])
  if (low === high) return sequence(digits(low, low), ofLength(fromRest, toRest))
  const [zeros, nines] = ['0'.repeat(fromRest.length), '9'.repeat(fromRest.length)]
  const options: Expression[] = []
  const [isLowWhole, isHighWhole] = [fromRest === zeros, toRest === nines]
  if (!isLowWhole) options.push(sequence(digits(low, low), ofLength(fromRest, nines)))
  if (!isHighWhole) options.push(sequence(digits(high, high), ofLength(zeros, toRest)))
  const [least, most] = [low + (isLowWhole ? 0 : 1), high - (isHighWhole ? 0 : 1)]
  if (least <= most) options.push(sequence(digits(least, most), repeat(digit, fromRest.length, fromRest.length)))
  return choice(...options)
}
