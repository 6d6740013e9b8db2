/** Whether solutions of an exercise come to the answer that is given with it. */
import { wordsOf } from '../stages/words.ts'
import { isSameValue, valueOf, valuesIn } from './arithmetic/value.ts'

/** What is known of an exercise so far. */
export type Verdict = 'agreed' | 'disagreed' | 'open'

/**
 * More than half of so many solutions have to come to the answer; no more of them are needed than decide.
 *
 * @param finals the final answers of solutions so far
 */
export function verdictOn(answer: string, finals: readonly string[], wanted: number): Verdict {
  const needed = Math.floor(wanted / 2) + 1
  const agreeing = finals.slice(0, wanted).filter((final) => isSameAnswer(answer, final)).length
  const disagreeing = Math.min(finals.length, wanted) - agreeing
  if (agreeing >= needed) return 'agreed'
  return disagreeing > wanted - needed ? 'disagreed' : 'open'
}

const articles = new Set(['a', 'an', 'the'])
const short = new Set(['yes', 'no', 'true', 'false'])

/** Whether two final answers say the same: the same number where each has one, else the same words. */
export function isSameAnswer(one: string, other: string): boolean {
  const [value, otherValue] = [onlyValue(one), onlyValue(other)]
  if (value !== undefined && otherValue !== undefined) return isSameValue(value, otherValue)
  const [words, otherWords] = [one, other].map((text) => wordsOf(text).filter((word) => !articles.has(word))) as [
    string[],
    string[],
  ]
  if (words[0] === otherWords[0] && short.has(words[0] ?? '')) return true
  return words.length > 0 && words.join(' ') === otherWords.join(' ')
}

/** The value of an answer that has one, whatever stands around it. */
function onlyValue(answer: string): ReturnType<typeof valueOf> {
  const values = valuesIn(answer)
  return valueOf(answer) ?? (values.length === 1 ? values[0] : undefined)
}
