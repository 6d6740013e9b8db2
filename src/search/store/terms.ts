/** Texts and queries as the index has them: words between spaces. */

/** Scripts that are written without spaces: every character is a word of its own there, and queries ask for pairs of them. */
const dense = String.raw`[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]\p{M}*`

const denseCharacter = new RegExp(dense, 'gu')
const wordOrRun = new RegExp(`(?:${dense})+|(?:(?!${dense})[\\p{L}\\p{M}\\p{N}])+`, 'gu')
const denseRun = new RegExp(`^(?:${dense})+$`, 'u')

/** Words of a query, at most: each is looked up. */
const mostTerms = 32

/** A text for the index. */
export function spaced(text: string): string {
  return text.normalize('NFKC').replaceAll(denseCharacter, ' $& ')
}

/** The phrases that a query asks for, as FTS5 spells them; each once. */
export function termsOf(query: string): string[] {
  const runs = query.normalize('NFKC').toLowerCase().match(wordOrRun) ?? []
  const words = runs.flatMap((run) => (denseRun.test(run) ? pairsOf(run) : [run]))
  return [...new Set(words)].slice(0, mostTerms).map((word) => `"${word}"`)
}

function pairsOf(run: string): string[] {
  const characters = run.match(denseCharacter) ?? []
  if (characters.length === 1) return characters
  return characters.slice(1).map((character, index) => `${characters[index] ?? ''} ${character}`)
}
