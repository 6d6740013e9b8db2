/** What a kind of text is in which something is to be found. */
import type { Random } from '../../base/random.ts'

/** One text with its question. */
export interface Sample {
  /** Up to where the answer begins. */
  readonly prompt: string
  /** What has to stand in the answer: all of it, or, of questions with several spellings, one. */
  readonly answers: readonly string[]
}

export interface RulerKind {
  readonly name: string
  /** Tokens of an answer at most. */
  readonly maxTokens: number
  /** The least that a text is made of, in the unit of the kind: sentences, words, documents. */
  readonly fewest: number
  /** The most, where there is no more to fill a text with. */
  readonly most?: number
  /** The same text for the same `random` and place; more units make it longer. */
  readonly build: (units: number, random: Random, place: SamplePlace) => Sample
}

/** Which text of a kind it is. */
export interface SamplePlace {
  readonly index: number
  /** Of prompt and answer, in tokens. */
  readonly length: number
}

/** Puts each of `inserted` between sentences, at places that are drawn, in their order. */
export function insertBetween(sentences: readonly string[], inserted: readonly string[], random: Random): string[] {
  const places = inserted.map(() => random.integer(0, sentences.length + 1)).sort((a, b) => a - b)
  const text = [...sentences]
  // From behind, so that places stay those of the sentences.
  for (const [index, place] of [...places.entries()].reverse()) text.splice(place, 0, inserted[index] ?? '')
  return text
}
