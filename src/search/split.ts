/** Documents as passages. */
import { denseCharacter } from './scripts.ts'

/** A part of a document. */
export interface Part {
  /** Of the heading that it stands under; empty before the first one. */
  readonly heading: string
  readonly text: string
}

/** Words of a passage, at most. Two hundred are a long paragraph, of which five fit a prompt of a small model. */
const mostWords = 200

/** Characters of a passage, at most: what has longer words than people write is no text, but has to end somewhere. */
const mostCharacters = 8 * mostWords

const dense = new RegExp(denseCharacter, 'gu')

/** Words, of which a character of a script without spaces is a half: that is near to the truth for Chinese and Japanese. */
function lengthOf(text: string): number {
  const characters = text.match(dense)?.length ?? 0
  return characters / 2 + (text.replaceAll(dense, ' ').match(/\S+/g)?.length ?? 0)
}

/** The share of a passage that a text takes; above 1 it is none. */
function shareOf(text: string): number {
  return Math.max(text.length / mostCharacters, lengthOf(text) / mostWords)
}

export interface SplitOptions {
  /** Whether lines that begin with `#` are headings, where they do not stand in a block of code. */
  readonly markdown?: boolean
}

/**
 * Cuts a text at its headings, then between paragraphs, and a paragraph that is too long between sentences: passages are as long as they may be,
 * 200 words and 1,600 characters, and hold whole sentences but for one that is too long by itself.
 */
export function splitText(text: string, { markdown = false }: SplitOptions = {}): Part[] {
  const parts: Part[] = []
  let heading = ''
  let pieces: string[] = []
  let taken = 0
  const flush = (): void => {
    if (pieces.length > 0) parts.push({ heading, text: pieces.join('\n') })
    pieces = []
    taken = 0
  }
  for (const block of blocksOf(text, markdown)) {
    if (block.kind === 'heading') {
      flush()
      heading = block.text
      continue
    }
    for (const piece of piecesOf(block.text)) {
      const share = shareOf(`${piece}\n`)
      if (taken + share > 1) flush()
      pieces.push(piece)
      taken += share
    }
  }
  flush()
  return parts
}

interface TextBlock {
  readonly kind: 'heading' | 'paragraph'
  readonly text: string
}

/** Headings, and what stands between empty lines. */
function* blocksOf(text: string, markdown: boolean): Generator<TextBlock> {
  let lines: string[] = []
  let fence: string | undefined
  const paragraph = function* (): Generator<TextBlock> {
    const joined = lines.join('\n').trim()
    lines = []
    if (joined !== '') yield { kind: 'paragraph', text: joined }
  }
  for (const line of text.split(/\r?\n/)) {
    const mark = markdown ? /^ {0,3}(```|~~~)/.exec(line)?.[1] : undefined
    if (mark !== undefined && (fence === undefined || fence === mark)) fence = fence === undefined ? mark : undefined
    const heading = markdown && fence === undefined ? headingOf(line) : undefined
    if (heading !== undefined || line.trim() === '') yield* paragraph()
    if (heading !== undefined) yield { kind: 'heading', text: heading }
    else lines.push(line)
  }
  yield* paragraph()
}

/** The words of a line that is a heading of Markdown. */
function headingOf(line: string): string | undefined {
  if (!/^#{1,6}\s/.test(line)) return undefined
  const words = line.replace(/^#+/, '').trim()
  let end = words.length
  while (end > 0 && words[end - 1] === '#') end--
  // "## About C#" ends in a name.
  return end < words.length && /\s/.test(words[end - 1] ?? ' ') ? words.slice(0, end).trim() : words
}

/** A paragraph, whole where it is short enough, else its sentences, of which long ones are cut. */
function* piecesOf(paragraph: string): Generator<string> {
  if (shareOf(paragraph) <= 1) return yield paragraph
  for (const { segment } of new Intl.Segmenter(undefined, { granularity: 'sentence' }).segment(paragraph)) {
    const sentence = segment.trim()
    if (sentence !== '') yield* cutOf(sentence)
  }
}

/** A sentence in pieces that are passages, cut between words where there are some. */
function* cutOf(sentence: string): Generator<string> {
  const longest = Math.floor(sentence.length / Math.ceil(shareOf(sentence)))
  let rest = sentence
  while (rest.length > longest) {
    const piece = beginningOf(rest, longest)
    yield piece.trimEnd()
    rest = rest.slice(piece.length).trimStart()
  }
  if (rest !== '') yield rest
}

/** At most so many characters from the beginning: up to a space where one is in the second half, and never a half of a character. */
export function beginningOf(text: string, most: number): string {
  if (text.length <= most) return text
  const space = text.lastIndexOf(' ', most)
  if (space > most / 2) return text.slice(0, space)
  const isHalved = /[\uD800-\uDBFF]/.test(text[most - 1] ?? '')
  return text.slice(0, Math.max(1, isHalved ? most - 1 : most))
}
