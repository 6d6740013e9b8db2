import { byteAlphabet, spellBytes } from './characters.ts'
import { compilePattern } from './pattern.ts'

/** Cuts a text into spans; together they need not be the whole text. */
export type Splitter = (text: string) => readonly string[]

export const splitBehaviors = ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'] as const

/** What happens to a match of a `Split` pattern. */
export type SplitBehavior = (typeof splitBehaviors)[number]

interface Part {
  readonly text: string
  readonly match: boolean
}

/** Matches of a pattern and the text between them, in order; empty matches count as nothing. */
function partsOf(text: string, pattern: RegExp, invert: boolean): Part[] {
  const parts: Part[] = []
  let end = 0
  for (const match of text.matchAll(pattern)) {
    if (match[0] === '') continue
    if (match.index > end) parts.push({ text: text.slice(end, match.index), match: invert })
    parts.push({ text: match[0], match: !invert })
    end = match.index + match[0].length
  }
  if (end < text.length) parts.push({ text: text.slice(end), match: invert })
  return parts
}

/** The `Split` pre-tokenizer. With `invert` the text between the matches takes their place. */
export function patternSplitter(pattern: RegExp, behavior: SplitBehavior, invert: boolean): Splitter {
  return (text) => {
    const parts = partsOf(text, pattern, invert)
    switch (behavior) {
      case 'Removed':
        return parts.filter((part) => !part.match).map((part) => part.text)
      case 'Isolated':
        return parts.map((part) => part.text)
      case 'Contiguous':
        return join(parts, (left, right) => left.match === right.match)
      case 'MergedWithPrevious':
        return join(parts, (left, right) => right.match && !left.match)
      case 'MergedWithNext':
        return join(parts, (left, right) => left.match && !right.match)
      default:
        return behavior satisfies never
    }
  }
}

/** Joins neighbours for which `belongs` holds. */
function join(parts: readonly Part[], belongs: (left: Part, right: Part) => boolean): string[] {
  const spans: string[] = []
  parts.forEach((part, index) => {
    const left = parts[index - 1]
    if (left !== undefined && belongs(left, part)) spans[spans.length - 1] += part.text
    else spans.push(part.text)
  })
  return spans
}

const gpt2Pattern = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`

/** The matches of a pattern and what lies between them, every byte as a letter of GPT-2's alphabet. */
export function byteLevelSpans(text: string, pattern: RegExp): string[] {
  return partsOf(text, pattern, false).map((part) => spellBytes(part.text, byteAlphabet))
}

/** The `ByteLevel` pre-tokenizer: optionally GPT-2's split, then every byte as a letter of GPT-2's alphabet. */
export function byteLevelSplitter(addPrefixSpace: boolean, useRegex: boolean): Splitter {
  const pattern = compilePattern(gpt2Pattern, 'pre_tokenizer')
  return (text) => {
    const prefixed = addPrefixSpace && !text.startsWith(' ') ? ` ${text}` : text
    return useRegex ? byteLevelSpans(prefixed, pattern) : [spellBytes(prefixed, byteAlphabet)]
  }
}
