/**
 * The measures of lm-evaluation-harness (https://github.com/EleutherAI/lm-evaluation-harness, `lm_eval/api/task.py` and
 * `lm_eval/filters/extraction.py`), written anew from their rules.
 */
import { present } from '../../base/errors.ts'
import type { ChoiceItem } from './types.ts'

/** Where the greatest value stands; of equal ones the first. */
function placeOfGreatest(values: readonly number[]): number {
  return values.indexOf(Math.max(...values))
}

function isRight({ truths }: ChoiceItem, place: number): number {
  return truths.includes(place) ? 1 : 0
}

/** `acc`: whether the likeliest option is right. */
export function accuracy(item: ChoiceItem, logLikelihoods: readonly number[]): number {
  return isRight(item, placeOfGreatest(logLikelihoods))
}

/** `acc_norm`: the same by likelihood per character (code point) of the option. */
export function normalisedAccuracy(item: ChoiceItem, logLikelihoods: readonly number[]): number {
  const perCharacter = item.options.map(
    ({ text }, place) => present(logLikelihoods[place], 'option') / [...text].length,
  )
  return isRight(item, placeOfGreatest(perCharacter))
}

/** MC2: the probability of the right options among all of them. */
export function probabilityOfTruths({ truths }: ChoiceItem, logLikelihoods: readonly number[]): number {
  // From the greatest, since the likelihood of a long option alone may be zero in float64.
  const greatest = Math.max(...logLikelihoods)
  const weights = logLikelihoods.map((value) => Math.exp(value - greatest))
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
  return sum(truths.map((place) => present(weights[place], 'option'))) / sum(weights)
}

/** What stands for an answer in which nothing was found. */
export const invalidAnswer = '[invalid]'

/** The first place where a pattern fits, or the last with `last`: its first group that took something, without space around. */
export function extracted(answer: string, pattern: RegExp, which: 'first' | 'last' = 'first'): string {
  const matches = [...answer.matchAll(pattern)]
  const [, ...groups] = matches.at(which === 'first' ? 0 : -1) ?? []
  const taken = groups.find((group) => group !== undefined && group !== '')
  return taken === undefined ? invalidAnswer : taken.trim()
}

export interface ExactMatchOptions {
  /** Taken out of both sides before anything else. */
  readonly ignored?: readonly RegExp[]
  readonly ignoreCase?: boolean
  readonly ignorePunctuation?: boolean
}

/** `exact_match`: whether an answer equals one of those that count as right. */
export function exactMatch(answer: string, answers: readonly string[], options: ExactMatchOptions = {}): number {
  const { ignored = [], ignoreCase = false, ignorePunctuation = false } = options
  const plain = (text: string): string => {
    let rest = text
    for (const pattern of ignored) rest = rest.replaceAll(pattern, '')
    if (ignoreCase) rest = rest.toLowerCase()
    return ignorePunctuation ? rest.replaceAll(/[!-/:-@[-`{-~]/g, '') : rest
  }
  return answers.some((right) => plain(right) === plain(answer)) ? 1 : 0
}
