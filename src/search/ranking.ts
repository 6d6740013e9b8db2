/** What makes a passage one that says something about a query, wherever it is kept. */
import type { Passage } from './passage.ts'

/**
 * The share of a query's words that a passage must have, where rare words count more than common ones (by their inverse document
 * frequency): what only shares "which" and "is" with a question says nothing about it.
 */
export const leastCoverage = 0.2

/** A match in the title or the heading counts as so many in the text. */
export const titleWeight = 2

/**
 * What a word counts for by its inverse document frequency.
 *
 * @param total passages in all
 * @param having passages that have it; a word that none has is as rare as one that a single passage has
 */
export function wordWeight(total: number, having: number): number {
  const passages = Math.max(1, having)
  return Math.log(1 + (total - passages + 0.5) / (passages + 0.5))
}

/** The first of those with the same text: pages are often saved more than once. */
export function distinct(passages: readonly Passage[]): Passage[] {
  const texts = new Set<string>()
  return passages.filter(({ text }) => !texts.has(text) && texts.add(text))
}
