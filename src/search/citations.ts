/** Which sources an answer names. */
import { plainWords } from '../base/spelling.ts'

/** Words of the answer that says that the sources do not help. */
export const notInSources = 'The sources do not say.'

/** What an answer names of its sources. */
export interface Citations {
  /** Numbers of sources that there are, in the order in which the answer names them first; from 1. */
  readonly cited: readonly number[]
  /** Numbers that it names and that there are not. */
  readonly unknown: readonly number[]
  /** Whether it says that the sources do not help. */
  readonly isUnanswered: boolean
}

/** Numbers in brackets: `[1]`, `[1, 2]`, `[3; 4]`. */
export const citationMarks = /\[(\d{1,3}(?:[,;] ?\d{1,3})*)\]/g

export interface CitationPlace {
  readonly number: number
  /** Of the brackets, in UTF-16 units. */
  readonly start: number
  readonly end: number
}

/** Every number in brackets, in the order of the text. */
export function citationPlaces(answer: string): CitationPlace[] {
  return [...answer.matchAll(citationMarks)].flatMap(({ 0: mark, 1: list = '', index }) =>
    list.split(/[,;]/).map((number) => ({ number: Number(number), start: index, end: index + mark.length })),
  )
}

/**
 * What an answer names of its sources: marks such as [1] and [2, 3].
 *
 * @param count of the sources that the model was given
 */
export function citationsOf(answer: string, count: number): Citations {
  const numbers = new Set(citationPlaces(answer).map(({ number }) => number))
  const isThere = (number: number): boolean => number >= 1 && number <= count
  return {
    cited: [...numbers].filter(isThere),
    unknown: [...numbers].filter((number) => !isThere(number)),
    isUnanswered: plainWords(answer).includes(plainWords(notInSources)),
  }
}
