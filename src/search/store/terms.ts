/** Texts and queries as the index has them: words between spaces. */
import { denseCharacter } from '../scripts.ts'

/** In scripts without spaces every character is a word of its own, and queries ask for pairs of them. */
const dense = new RegExp(denseCharacter, 'gu')
const wordOrRun = new RegExp(`(?:${denseCharacter})+|(?:(?!${denseCharacter})[\\p{L}\\p{M}\\p{N}])+`, 'gu')
const denseRun = new RegExp(`^(?:${denseCharacter})+$`, 'u')

/** Words of a query, at most: each is looked up. */
const mostTerms = 32

/** Characters of a query that are looked at. */
const mostCharacters = 2000

/** A text for the index. */
export function spaced(text: string): string {
  return text.normalize('NFKC').replaceAll(dense, ' $& ')
}

/** The phrases that a query asks for, as FTS5 spells them; each once. */
export function termsOf(query: string): string[] {
  const runs = query.slice(0, mostCharacters).normalize('NFKC').toLowerCase().match(wordOrRun) ?? []
  const words = runs.flatMap((run) => (denseRun.test(run) ? pairsOf(run) : [run]))
  return [...new Set(words)].slice(0, mostTerms).map((word) => `"${word}"`)
}

function pairsOf(run: string): string[] {
  const characters = run.match(dense) ?? []
  if (characters.length === 1) return characters
  return characters.slice(1).map((character, index) => `${characters[index] ?? ''} ${character}`)
}
