/** Which sources an answer names. */
import { notInSources } from './question.ts'

export interface Citations {
  /** Numbers of sources that there are, in the order in which the answer names them first; from 1. */
  readonly cited: readonly number[]
  /** Numbers that it names and that there are not. */
  readonly unknown: readonly number[]
  /** Whether it says that the sources do not help. */
  readonly isUnanswered: boolean
}

const squeezed = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()

/** @param count of the sources that the model was given */
export function citationsOf(answer: string, count: number): Citations {
  const numbers = new Set<number>()
  for (const [, list = ''] of answer.matchAll(/\[(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\]/g)) {
    for (const number of list.split(/[,;]/)) numbers.add(Number(number))
  }
  const isThere = (number: number): boolean => number >= 1 && number <= count
  return {
    cited: [...numbers].filter(isThere),
    unknown: [...numbers].filter((number) => !isThere(number)),
    isUnanswered: squeezed(answer).includes(squeezed(notInSources)),
  }
}
