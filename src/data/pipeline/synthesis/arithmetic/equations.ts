/**
 * Equations between numbers that a text states, computed again. What cannot be understood for certain (variables, units that differ, clocks,
 * remainders) is passed over.
 */
import { isUnit, tokensOf, withSigns, type Token } from './tokens.ts'
import { isSameValue, valueOfTokens, type Value } from './value.ts'

/** An equation as it stands. */
export interface Equation {
  readonly text: string
  readonly left: number
  readonly right: number
  readonly holds: boolean
}

/**
 * The equations of a text: numbers and signs on both sides of `=` or `≈`, something computed on one of them at least. In a chain each two neighbours are
 * an equation. A result with decimals may be rounded.
 */
export function equationsIn(text: string): Equation[] {
  return text.split('\n').flatMap((line) => {
    const parts = withSigns(line).split(/(?<![<>!=:≠])([=≈])(?!=)/)
    const found: Equation[] = []
    for (let index = 0; index + 2 < parts.length; index += 2) {
      const [before = '', sign = '', after = ''] = parts.slice(index, index + 3)
      const [left, right] = [leftSide(before), rightSide(after)]
      if (left === undefined || right === undefined || !isComparable(left, right)) continue
      const written = `${before.trim().slice(-60)} ${sign} ${after.trim().slice(0, 60)}`
      const holds = isSameValue(left, right, sign === '≈')
      if (holds || sign === '≈' || !isQuotient(left, right))
        found.push({ text: written, left: left.value, right: right.value, holds })
    }
    return found
  })
}

/** What may stand directly before the side of an equation, and behind it. */
const opens = /(?:^|[\s("'“‘[{])$/
const closes = /^(?:$|[\s"'”’)\]}]|[.,;:!?](?![\d.]))/
/** What makes another number of it: 1 and 1/4, 14, 400, x 3, and behind it 3 remainder 1, 18 000. */
const beginsBefore = /(?:\d\s+and|\d,?|(?<!\p{L})\p{L})\s+$/u
const goesOn = /^\s+(?:remainder\b|rem\b|r\b|\d)/i

/** The side that ends where an equals sign begins. */
function leftSide(written: string): Value | undefined {
  const text = written.replace(/^\s*(?:[-*•]|\d+[.)])\s+/, '')
  const tokens = tokensOf(text)
  let from = tokens.length
  while (from > 0 && isPart(tokens, from - 1)) from--
  const part = tokens.slice(from)
  const bracket = looseBrackets(part).at(-1) ?? -1
  // A bracket that closes elsewhere, with something computed before it, is not understood.
  if (bracket > 0 && part[bracket - 1]?.kind !== 'word') return undefined
  const side = part.slice(bracket + 1)
  const [first] = side
  if (first === undefined) return undefined
  const before = text.slice(0, first.start)
  if (!opens.test(before) || beginsBefore.test(before)) return undefined
  const value = valueOfTokens(side)
  if (value === undefined || before.trim() === '') return value
  // Behind words, a sign may be a dash or belong to a variable, and a number alone may be part of what is named: "the area of 4 rooms = …".
  const isSigned = first.kind === 'sign' && first.sign !== '('
  return isSigned || value.operators.size === 0 ? undefined : value
}

/** The side that begins where an equals sign ends. */
function rightSide(text: string): Value | undefined {
  const tokens = tokensOf(text)
  let to = 0
  while (isPart(tokens, to)) to++
  const part = tokens.slice(0, to)
  const side = part.slice(0, looseBrackets(part)[0])
  const behind = text.slice(side.at(-1)?.end ?? 0)
  const value = closes.test(behind) && !goesOn.test(behind) ? valueOfTokens(side) : undefined
  // 75 + 10% of 150
  return (value?.operators.size ?? 0) > 0 && /^\s+of\b/.test(behind) ? undefined : value
}

function isPart(tokens: readonly Token[], index: number): boolean {
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

/** Whether something is computed, and units say nothing against comparing the numbers alone. */
function isComparable(left: Value, right: Value): boolean {
  const operators = new Set([...left.operators, ...right.operators])
  if (operators.size === 0) return false
  // "40 nickels = 40 × 5" is about what they are worth.
  if (left.operators.size === 0 && left.units.size > 0) return false
  const all = new Set([...left.units, ...right.units])
  const isSum = operators.has('+') || operators.has('-')
  return isSum ? all.size <= 1 : [...right.units].every((unit) => left.units.has(unit) || left.units.size === 0)
}

/** Whether one side may be the whole part of what is divided on the other, with a remainder that is told elsewhere. */
function isQuotient(left: Value, right: Value): boolean {
  return [
    [left, right],
    [right, left],
  ].some(([divided, whole]) => {
    if (divided?.operators.has('/') !== true || whole?.decimals !== 0) return false
    return whole.value === Math.floor(divided.value) || whole.value === Math.ceil(divided.value)
  })
}
