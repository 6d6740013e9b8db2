import { PocketPhiError } from '../base/errors.ts'

/**
 * Marks characters so that they can be told apart after a template has moved them about: each distinct character is
 * replaced by a private-use character that occurs nowhere else, and back.
 */
export interface Marking {
  mark(text: string): string
  unmark(text: string): string
}

/** Half of Unicode's private use; the first range keeps lengths as they are in UTF-16. */
const privateRanges: readonly (readonly [number, number])[] = [
  [0xe000, 0xf8ff],
  [0xf0000, 0xffffd],
  [0x100000, 0x10fffd],
]

/**
 * What stays unmarked: white space and control characters, because templates strip and split at them, and what JSON
 * escapes, because templates print JSON. None of them makes a control token by itself.
 */
const transparent = /[\s\p{Cc}"\\]/u

/** Whether marking can change a text: a token of white space alone cannot be told from a message's own. */
export function isMarkable(text: string): boolean {
  return Array.from(text).some((character) => !transparent.test(character))
}

/** A marking for the characters of `texts`, with marks that occur neither there nor in `taken`. */
export function makeMarking(texts: Iterable<string>, taken: Iterable<string>): Marking {
  const characters = new Set<string>()
  for (const text of texts) for (const character of text) characters.add(character)
  const used = new Set(characters)
  for (const text of taken) for (const character of text) used.add(character)
  const free = freeCharacters(used)
  const marks = new Map<string, string>()
  const originals = new Map<string, string>()
  for (const character of characters) {
    if (!isMarkable(character)) continue
    const next = free.next()
    if (next.done === true) {
      throw new PocketPhiError('not-supported', 'The messages use all of the private-use characters of Unicode.')
    }
    marks.set(character, next.value)
    originals.set(next.value, character)
  }
  const replace = (text: string, table: ReadonlyMap<string, string>): string =>
    Array.from(text, (character) => table.get(character) ?? character).join('')
  return { mark: (text) => replace(text, marks), unmark: (text) => replace(text, originals) }
}

function* freeCharacters(used: ReadonlySet<string>): Generator<string, undefined> {
  for (const [first, last] of privateRanges) {
    for (let code = first; code <= last; code++) {
      const character = String.fromCodePoint(code)
      if (!used.has(character)) yield character
    }
  }
  return undefined
}

/** A part of a text that a template may want to look at, as [start, end). */
type Span = readonly [number, number]

/**
 * Marks a text but for the occurrences of `literals`, so that a template which looks for them finds them. An
 * occurrence that could become part of a control token stays marked: one that lies inside a token's spelling, or that
 * begins or ends as a token ends or begins.
 */
export function markAround(
  text: string,
  marking: Marking,
  literals: readonly string[],
  tokens: readonly string[],
): string {
  let marked = ''
  let end = 0
  for (const [start, stop] of occurrences(text, literals)) {
    const kept = text.slice(start, stop)
    if (couldJoinToken(kept, tokens)) continue
    marked += marking.mark(text.slice(end, start)) + kept
    end = stop
  }
  return marked + marking.mark(text.slice(end))
}

/** Where the literals occur, overlapping and touching ones joined. */
function occurrences(text: string, literals: readonly string[]): Span[] {
  const spans: Span[] = []
  for (const literal of literals) {
    for (let at = text.indexOf(literal); at !== -1; at = text.indexOf(literal, at + 1)) {
      spans.push([at, at + literal.length])
    }
  }
  spans.sort((left, right) => left[0] - right[0])
  const joined: [number, number][] = []
  for (const [start, end] of spans) {
    const last = joined.at(-1)
    if (last !== undefined && start <= last[1]) last[1] = Math.max(last[1], end)
    else joined.push([start, end])
  }
  return joined
}

function couldJoinToken(kept: string, tokens: readonly string[]): boolean {
  return tokens.some((token) => {
    if (token.includes(kept) || kept.includes(token)) return true
    for (let length = 1; length < Math.min(token.length, kept.length + 1); length++) {
      if (kept.endsWith(token.slice(0, length)) || kept.startsWith(token.slice(-length))) return true
    }
    return false
  })
}
