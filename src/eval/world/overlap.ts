import { normalise } from './score.ts'

/** How much of a model's answers stands in its training text. */
export interface Overlap {
  readonly answers: number
  /** 8-grams of words over all answers; answers of fewer than eight words have none. */
  readonly grams: number
  /** Share of these that occur in the training text. */
  readonly gramShare: number
  /** Share of the answers that occur there whole, word for word. */
  readonly wholeShare: number
}

const gramLength = 8

const wordsOf = (text: string): string[] => normalise(text).trim().split(' ')

/** Measures the overlap in one pass over the training texts; the texts themselves are not kept. */
export function measureOverlap(answers: readonly string[], trainingTexts: Iterable<string>): Overlap {
  const grams = new Map<string, number>()
  let total = 0
  const whole = new Map<string, number>()
  const byFirstWord = new Map<string, Set<string>>()
  for (const answer of answers) {
    const words = wordsOf(answer)
    const key = words.join(' ')
    whole.set(key, (whole.get(key) ?? 0) + 1)
    const first = words[0] ?? ''
    const starters = byFirstWord.get(first)
    if (starters === undefined) byFirstWord.set(first, new Set([key]))
    else starters.add(key)
    for (let start = 0; start + gramLength <= words.length; start++) {
      const gram = words.slice(start, start + gramLength).join(' ')
      grams.set(gram, (grams.get(gram) ?? 0) + 1)
      total++
    }
  }
  let foundGrams = 0
  let foundWhole = 0
  for (const text of trainingTexts) {
    const words = wordsOf(text)
    const joined = ` ${words.join(' ')} `
    const seen = new Set<string>()
    for (let start = 0; start < words.length; start++) {
      if (start + gramLength <= words.length) {
        const gram = words.slice(start, start + gramLength).join(' ')
        const count = grams.get(gram)
        if (count !== undefined) {
          foundGrams += count
          grams.delete(gram)
        }
      }
      const word = words[start] ?? ''
      if (seen.has(word)) continue
      seen.add(word)
      for (const key of byFirstWord.get(word) ?? []) {
        if (!joined.includes(` ${key} `)) continue
        foundWhole += whole.get(key) ?? 0
        byFirstWord.get(word)?.delete(key)
      }
    }
  }
  return {
    answers: answers.length,
    grams: total,
    gramShare: total === 0 ? 0 : foundGrams / total,
    wholeShare: answers.length === 0 ? 0 : foundWhole / answers.length,
  }
}
