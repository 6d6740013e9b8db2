/** What the options of main.ts mean. */
import { PocketPhiError } from '../src/base/errors.ts'

/** Whole numbers, separated by commas; an empty text is an empty list. @throws PocketPhiError `invalid-argument` */
export function parseCounts(option: string, text: string): number[] {
  const list = text === '' ? [] : text.split(',').map((part) => (/^\d+$/.test(part) ? Number(part) : NaN))
  if (list.every(Number.isSafeInteger)) return list
  throw new PocketPhiError('invalid-argument', `--${option} takes whole numbers, separated by commas.`, {
    expected: `--${option} 0,512,2048`,
    found: text,
  })
}

/** A whole number of at least 1. @throws PocketPhiError `invalid-argument` */
export function parseCount(option: string, text: string): number {
  const [count, ...more] = parseCounts(option, text)
  if (count !== undefined && count >= 1 && more.length === 0) return count
  throw new PocketPhiError('invalid-argument', `--${option} takes a whole number of at least 1.`, { found: text })
}

/** One of a few words. @throws PocketPhiError `invalid-argument` */
export function oneOf<T extends string>(option: string, text: string, words: readonly T[]): T {
  const found = words.find((word) => word === text)
  if (found !== undefined) return found
  throw new PocketPhiError('invalid-argument', `--${option} cannot be that.`, {
    expected: words.join(' or '),
    found: text,
  })
}
