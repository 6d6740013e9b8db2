/**
 * What a page says, without what surrounds it. Several candidates are made, and the narrowest is taken that has most of what looks like text
 * to read: Readability's, made for articles; the elements in which a page itself says that its text is; and all blocks that look like it.
 */
import { Readability } from '@mozilla/readability'
import { blocksOf, readingBlocks, textOf, type Block } from './blocks.ts'
import { parsePage, withoutEmptyStyles } from './parse-page.ts'

export interface MainText {
  readonly text: string
  readonly title: string
  /** Which candidate was taken. */
  readonly by: 'readability' | 'elements' | 'blocks'
}

interface Candidate {
  readonly by: MainText['by']
  readonly blocks: readonly Block[]
}

/** Larger pages are lists and logs; parsing takes ten times their size. */
export const largestPage = 4_000_000
/** More elements, opened and closed, than pages to read have. */
const mostTags = 120_000

/** How much of the text to read a candidate must have, or be as long as, before a wider one is looked at. */
const coverage = { readability: 0.7, elements: 0.75 }

/** Elements within elements; pages to read have some thirty. */
const deepest = 100

const sum = (blocks: readonly Block[]): number => blocks.reduce((total, { text }) => total + text.length, 0)

/** Candidates are compared by the text of whole blocks: Readability changes elements, so that there is nothing else to tell them by. */
const squeezed = (text: string): string => text.replaceAll(/\s+/g, '')

/**
 * @returns undefined where a page has no text to read, or is too large to be parsed
 */
export function mainText(html: string): MainText | undefined {
  if (html.length > largestPage || (html.match(/</g)?.length ?? 0) > mostTags) return undefined
  const document = parsePage(html)
  const all = blocksOf(document.body)
  const reading = pageReading(all)
  const elements: Candidate = { by: 'elements', blocks: textElements(document).flatMap(ownBlocks) }
  const title = (document.querySelector('title')?.textContent ?? '').trim()
  // It changes the document, so it comes last; of elements within elements it takes longer than the square of their depth.
  const article = isDeeperThan(document.body, deepest)
    ? null
    : withoutEmptyStyles(document, () => new Readability(document, { serializer: (node) => node as Element }).parse())
  const readability: Candidate = {
    by: 'readability',
    blocks: article?.content == null ? [] : blocksOf(article.content),
  }
  const taken = choose(reading, readability, elements)
  const text = textOf(taken.blocks)
  if (text === '') return undefined
  return { text, title: article?.title?.trim() || title, by: taken.by }
}

/** The main text of any page, or why there is none. */
export function extractedText(html: string): MainText | string {
  if (html.length > largestPage) return 'page too large'
  try {
    return mainText(html) ?? 'no main text'
  } catch {
    // A page must not end a run, whatever the libraries meet in it: deep nesting, tags that no grammar knows.
    return 'cannot be parsed'
  }
}

function isDeeperThan(root: Element, most: number): boolean {
  let level = [root]
  for (let depth = 0; depth < most; depth++) level = level.flatMap((element) => [...element.children])
  return level.length > 0
}

/** The text to read of a page; what readers wrote counts where it is more than the rest, as in a forum. */
function pageReading(blocks: readonly Block[]): Block[] {
  const text = readingBlocks(blocks, ['text'])
  const withComments = readingBlocks(blocks, ['text', 'comments'])
  return sum(withComments) > 3 * sum(text) ? withComments : text
}

function choose(reading: readonly Block[], readability: Candidate, elements: Candidate): Candidate {
  const total = sum(reading)
  const covers = ({ blocks }: Candidate): number => {
    const whole = squeezed(textOf(blocks))
    return sum(reading.filter(({ text }) => whole.includes(squeezed(text)))) / Math.max(1, total)
  }
  const isLongEnough = sum(readability.blocks) >= coverage.readability * total
  if (readability.blocks.length > 0 && (isLongEnough || covers(readability) >= coverage.readability)) return readability
  if (elements.blocks.length > 0 && covers(elements) >= coverage.elements) return elements
  if (reading.length > 0) return { by: 'blocks', blocks: reading }
  return readability
}

/** The elements in which a page says that its text is; of nested ones the outer. */
function textElements(document: Document): Element[] {
  for (const selector of ['main, [role=main]', 'article', '#content, #main, .content, .post-content']) {
    const found = [...document.querySelectorAll(selector)]
    const outer = found.filter((element) => !found.some((other) => other !== element && other.contains(element)))
    if (outer.length > 0) return outer
  }
  return []
}

/** What in such an element is not its surroundings. */
function ownBlocks(element: Element): Block[] {
  return blocksOf(element).filter(({ place, linked, kind }) => {
    return place === 'text' && (linked <= 0.5 || kind === 'preformatted' || kind === 'heading')
  })
}
