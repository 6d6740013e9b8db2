/** Texts and queries as indexes have them: words between spaces, and pairs of characters of scripts that have none. */
import { denseCharacter } from './scripts.ts'

/** In scripts without spaces every character is a word of its own, and queries ask for pairs of them. */
const dense = new RegExp(denseCharacter, 'gu')
const wordOrRun = new RegExp(`(?:${denseCharacter})+|(?:(?!${denseCharacter})[\\p{L}\\p{M}\\p{N}])+`, 'gu')
const denseRun = new RegExp(`^(?:${denseCharacter})+$`, 'u')

/** Words of a query, at most: each is looked up. */
const mostTerms = 32

/** Characters of a query that are looked at. */
const mostCharacters = 2000

/** A text for the full-text search of SQLite. */
export function spaced(text: string): string {
  return text.normalize('NFKC').replaceAll(dense, ' $& ')
}

/** A word, or the characters of a run without spaces. */
type Run = string | readonly string[]

function runsOf(text: string): Run[] {
  const runs = text.normalize('NFKC').toLowerCase().match(wordOrRun) ?? []
  return runs.map((run) => (denseRun.test(run) ? (run.match(dense) ?? []) : run))
}

/** What a query asks for: words, and one character or two that follow each other; each once. */
export function termsOf(query: string): (readonly string[])[] {
  const terms = runsOf(query.slice(0, mostCharacters)).flatMap((run): (readonly string[])[] =>
    typeof run === 'string' ? [[run]] : run.length === 1 ? [run] : pairsOf(run),
  )
  const distinct = new Map(terms.map((term) => [term.join(' '), term]))
  return [...distinct.values()].slice(0, mostTerms)
}

/** The phrases that a query asks for, as SQLite spells them. */
export function phrasesOf(query: string): string[] {
  return termsOf(query).map((term) => `"${term.join(' ')}"`)
}

/** Everything that a query could ask a text for: its words, its characters of scripts without spaces, and their pairs. */
export function termsIn(text: string): (readonly string[])[] {
  return runsOf(text).flatMap((run): (readonly string[])[] =>
    typeof run === 'string' ? [[run]] : [...run.map((character) => [character]), ...pairsOf(run)],
  )
}

function pairsOf(run: readonly string[]): (readonly string[])[] {
  return run.slice(1).map((character, index) => [run[index] ?? '', character])
}
