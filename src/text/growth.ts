import { invalid } from './json-reader.ts'

/**
 * Steps of a tokenizer, one after another, may lengthen a text exponentially. Real ones make it a few times as long: NFKD at
 * most 18 times, ByteLevel 3 times.
 */
const longestGrowth = 100
const freeLength = 4096

/** @throws PocketPhiError 'invalid-file' when a text has become longer than real steps make it */
export function boundGrowth(found: number, original: number, place: string): void {
  const most = freeLength + longestGrowth * original
  if (found > most) throw invalid(place, `steps that make at most ${most} characters of ${original}`, found)
}
