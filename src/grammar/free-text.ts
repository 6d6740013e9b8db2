/** Text of any kind but for one marker in it. */
import { codePoints, complement, inUtf8 } from './code-points.ts'
import { call, choice, literal, optional, sequence, type Expression, type Grammar } from './expression.ts'

/** The rule for a text that has just written the first `length` characters of the marker. */
const ruleName = (length: number): string => `text after ${length}`

/**
 * Any text in which the marker does not occur.
 *
 * @param marker of ASCII, not empty
 */
export function textWithout(marker: string): Grammar {
  const letters = [...new Set(marker)]
  const others = inUtf8(complement(codePoints(letters.map((letter) => [codeOf(letter), codeOf(letter)]))))
  const rules = Array.from(marker, (_, length): [string, Expression] => {
    const onward = letters.flatMap((letter) => {
      const next = overlap(marker.slice(0, length) + letter, marker)
      return next === marker.length ? [] : [sequence(literal(letter), call(ruleName(next)))]
    })
    return [ruleName(length), optional(choice(sequence(others, call(ruleName(0))), ...onward))]
  })
  return { start: call(ruleName(0)), rules: new Map(rules) }
}

function codeOf(letter: string): number {
  return letter.codePointAt(0) as number
}

/** How many of the last characters of a text are the first ones of the marker, at most. */
function overlap(text: string, marker: string): number {
  let length = Math.min(text.length, marker.length)
  while (!text.endsWith(marker.slice(0, length))) length--
  return length
}
