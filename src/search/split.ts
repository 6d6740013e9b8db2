/** Documents as passages. */

/** A part of a document. */
export interface Part {
  /** Of the heading that it stands under; empty before the first one. */
  readonly heading: string
  readonly text: string
}

/** Words of a passage, at most. Two hundred are a long paragraph, of which five fit a prompt of a small model. */
const mostWords = 200

/** A character of a script without spaces counts as half a word, which is near to the truth for Chinese and Japanese. */
function lengthOf(text: string): number {
  const [dense, words] = [/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/gu, /\S+/gu]
  const characters = text.match(dense)?.length ?? 0
  return characters / 2 + (text.replaceAll(dense, ' ').match(words)?.length ?? 0)
}

const headingLine = /^#{1,6}\s+(.+?)\s*#*$/

/**
 * Cuts a text at its headings (those of Markdown), then between paragraphs, and a paragraph that is too long between
 * sentences: passages are as long as they may be, and hold whole sentences but for one that is too long by itself.
 */
export function splitText(text: string): Part[] {
  const parts: Part[] = []
  let heading = ''
  let pieces: string[] = []
  let length = 0
  const flush = (): void => {
    if (pieces.length > 0) parts.push({ heading, text: pieces.join('\n') })
    pieces = []
    length = 0
  }
  for (const paragraph of text.split(/\r?\n(?:[ \t]*\r?\n)+|\r?\n(?=#{1,6}\s)|(?<=^#{1,6}\s.*)\r?\n/m)) {
    const line = headingLine.exec(paragraph.trim())
    if (line !== null) {
      flush()
      heading = line[1] ?? ''
      continue
    }
    for (const piece of piecesOf(paragraph.trim())) {
      const own = lengthOf(piece)
      if (length + own > mostWords) flush()
      pieces.push(piece)
      length += own
    }
  }
  flush()
  return parts
}

/** A paragraph, whole where it is short enough, else its sentences, of which long ones are cut between words. */
function* piecesOf(paragraph: string): Generator<string> {
  if (paragraph === '') return
  if (lengthOf(paragraph) <= mostWords) return yield paragraph
  for (const { segment } of new Intl.Segmenter(undefined, { granularity: 'sentence' }).segment(paragraph)) {
    const sentence = segment.trim()
    if (sentence === '') continue
    if (lengthOf(sentence) <= mostWords) yield sentence
    else yield* wordsOf(sentence)
  }
}

/** A sentence in pieces of at most as many characters as words of usual length have. */
function* wordsOf(sentence: string): Generator<string> {
  const longest = 3 * mostWords
  for (let start = 0; start < sentence.length;) {
    const rest = sentence.slice(start, start + longest)
    const space = start + longest < sentence.length ? rest.lastIndexOf(' ') : -1
    const piece = space > 0 ? rest.slice(0, space) : rest
    yield piece.trim()
    start += piece.length
  }
}
