import { skipWhiteSpace, whiteSpaceStart, wordClass } from './characters.ts'

/** A token of `added_tokens` in a tokenizer file, found in the text before the model sees it. */
export interface AddedToken {
  readonly id: number
  readonly content: string
  /** Left out when decoding with `skipSpecial`. */
  readonly special: boolean
  /** Takes the white space on its left, on its right. */
  readonly lstrip: boolean
  readonly rstrip: boolean
  /** Counts only where no word character touches it. */
  readonly singleWord: boolean
  /** Is looked for after normalisation instead of before. */
  readonly normalized: boolean
}

/**
 * Whether a token steers the model, so that plain text must never become it: every special token, and every other
 * added token that is not plainly a word or a run of spaces (Phi-4-mini's `<|tool|>` is not flagged special).
 */
export function isControlToken(token: AddedToken): boolean {
  return token.special || !/^(?:[\p{L}\p{M}\p{N}'_-]+|\s+)$/u.test(token.content)
}

/** A part of a text: an added token with the text that it took, or text between added tokens. */
export type Segment = { readonly token: AddedToken; readonly text: string } | string

export type SegmentFinder = (text: string) => Segment[]

interface TrieNode {
  readonly children: Map<number, TrieNode>
  token: AddedToken | undefined
}

/**
 * Finds added tokens in a text as the reference does: the leftmost, of those the longest, never overlapping; then the
 * flags decide. `spelling` gives what is looked for.
 */
export function segmentFinder(
  tokens: readonly AddedToken[],
  spelling: (token: AddedToken) => string = (token) => token.content,
): SegmentFinder {
  if (tokens.length === 0) return (text) => (text === '' ? [] : [text])
  const root: TrieNode = { children: new Map(), token: undefined }
  for (const token of tokens) {
    let node = root
    const content = spelling(token)
    for (let index = 0; index < content.length; index++) {
      const code = content.charCodeAt(index)
      let child = node.children.get(code)
      if (child === undefined) node.children.set(code, (child = { children: new Map(), token: undefined }))
      node = child
    }
    if (node !== root) node.token = token
  }
  return (text) => split(text, root, spelling)
}

function split(text: string, root: TrieNode, spelling: (token: AddedToken) => string): Segment[] {
  const segments: Segment[] = []
  let textStart = 0
  let position = 0
  while (position < text.length) {
    const token = root.children.has(text.charCodeAt(position)) ? longestAt(text, position, root) : undefined
    if (token === undefined) {
      position++
      continue
    }
    const matchStart = position
    const matchEnd = position + spelling(token).length
    position = matchEnd
    if (token.singleWord && touchesWord(text, matchStart, matchEnd)) continue
    const start = token.lstrip ? Math.max(whiteSpaceStart(text, matchStart), textStart) : matchStart
    const end = token.rstrip ? skipWhiteSpace(text, matchEnd) : matchEnd
    if (textStart < start) segments.push(text.slice(textStart, start))
    segments.push({ token, text: text.slice(start, end) })
    textStart = end
  }
  if (textStart < text.length) segments.push(text.slice(textStart))
  return segments
}

function longestAt(text: string, start: number, root: TrieNode): AddedToken | undefined {
  let node: TrieNode | undefined = root
  let longest: AddedToken | undefined
  for (let index = start; index < text.length; index++) {
    node = node.children.get(text.charCodeAt(index))
    if (node === undefined) break
    longest = node.token ?? longest
  }
  return longest
}

const wordBefore = new RegExp(`[${wordClass}]$`, 'u')
const wordAfter = new RegExp(`^[${wordClass}]`, 'u')

function touchesWord(text: string, start: number, end: number): boolean {
  return wordBefore.test(text.slice(Math.max(0, start - 2), start)) || wordAfter.test(text.slice(end, end + 2))
}
