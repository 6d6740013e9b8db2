/**
 * A page as blocks of text: paragraphs, headings, items, cells, each with what tells text to read from what surrounds it. The marks are those of
 * jusText (Pomikálek, 2011): length, share of links, and the neighbours of what is short; without its lists of words, which are one language's.
 */

export interface Block {
  readonly text: string
  /** Share of its characters that are in links. */
  readonly linked: number
  readonly kind: 'paragraph' | 'heading' | 'item' | 'cell' | 'preformatted'
  /** What it stands in: navigation and the like, what readers wrote below a text, or neither. */
  readonly place: Place
}

type Place = 'text' | 'surroundings' | 'comments'

const kinds: Readonly<Record<string, Block['kind']>> = {
  ...Object.fromEntries(['H1', 'H2', 'H3', 'H4', 'H5', 'H6'].map((tag) => [tag, 'heading'])),
  ...{ LI: 'item', DT: 'item', DD: 'item', TD: 'cell', TH: 'cell', PRE: 'preformatted' },
}

const words = (list: string): ReadonlySet<string> => new Set(list.split(' '))

const blockTags = words(
  'ADDRESS ARTICLE ASIDE BLOCKQUOTE BODY CAPTION CENTER DD DETAILS DIV DL DT FIELDSET FIGCAPTION FIGURE FOOTER FORM H1 H2 H3 H4 H5 H6 HEADER HR LI MAIN NAV OL P PRE SECTION SUMMARY TABLE TBODY TD TFOOT TH THEAD TR UL',
)
const silentTags = words(
  'AUDIO BUTTON CANVAS DIALOG EMBED HEAD IFRAME INPUT LINK META NOSCRIPT OBJECT OPTION SCRIPT SELECT STYLE SVG TEMPLATE TEXTAREA VIDEO svg',
)
const surroundingTags = words('ASIDE FOOTER FORM NAV')
/** Never surroundings by their names: whole pages have names such as "with-sidebar". */
const mainTags = words('ARTICLE BODY MAIN')

const surroundingNames =
  /(?:^|[\s_-])(?:ads?|advert\w*|banner|breadcrumbs?|byline|cookies?|copyright|footer|masthead|menu|meta|nav\w*|newsletter|pager|pagination|popup|promo\w*|related|share|sharing|sidebar|signup|skip|social|sponsor\w*|subscribe|tags?|toc|toolbar|widget)(?:$|[\s_-])/i
/** Pictures with captions beside a text, often more of them than of it. */
const galleryNames = /(?:^|[\s_-])(?:carousel|gallery|lightbox|slideshow)(?:$|[\s_-])/i
const commentNames = /(?:^|[\s_-])(?:comments?|commentlist|disqus\w*|discussion|responses)(?:$|[\s_-])/i

const elementNode = 1
const textNode = 3

/** Deeper elements are left out: pages that go so deep are broken or hostile. */
const deepest = 300

const isHidden = (element: Element): boolean =>
  element.hasAttribute('hidden') ||
  element.getAttribute('aria-hidden') === 'true' ||
  /display\s*:\s*none|visibility\s*:\s*hidden/i.test(element.getAttribute('style') ?? '')

function placeOf(element: Element, { place, surroundingsAtMost }: Around): Place {
  const tag = element.tagName
  if (place === 'surroundings' || mainTags.has(tag)) return place
  const names = `${element.getAttribute('class') ?? ''} ${element.id}`
  if (galleryNames.test(names)) return 'surroundings'
  const isSurrounding =
    surroundingTags.has(tag) || surroundingNames.test(names) || element.getAttribute('role') === 'navigation'
  if (isSurrounding && unlinkedLength(element) <= surroundingsAtMost) return 'surroundings'
  return commentNames.test(names) ? 'comments' : place
}

/** Elements within elements with the same kind of name are asked for it one after the other. */
const unlinkedLengths = new WeakMap<Element, number>()

/** Characters that are shown and lead nowhere. */
function unlinkedLength(element: Element, depth = 0): number {
  const known = unlinkedLengths.get(element)
  if (known !== undefined) return known
  let length = 0
  const isLeftOut = depth > deepest || element.tagName === 'A' || silentTags.has(element.tagName) || isHidden(element)
  for (let child = isLeftOut ? null : element.firstChild; child !== null; child = child.nextSibling) {
    if (child.nodeType === textNode) length += (child.nodeValue ?? '').trim().length
    else if (child.nodeType === elementNode) length += unlinkedLength(child as Element, depth + 1)
  }
  unlinkedLengths.set(element, length)
  return length
}

interface Around {
  readonly kind: Block['kind']
  readonly place: Place
  readonly isLink: boolean
  readonly depth: number
  /** Half of the page's unlinked characters: what has more is the page, not its surroundings, whatever its name. */
  readonly surroundingsAtMost: number
}

class BlockWriter {
  readonly blocks: Block[] = []
  #text = ''
  #linked = 0

  write(text: string, { kind, isLink }: Around): void {
    this.#text += kind === 'preformatted' ? text : text.replaceAll(/\s+/g, ' ')
    if (isLink) this.#linked += text.trim().length
  }

  end({ kind, place }: Around): void {
    const text =
      kind === 'preformatted'
        ? this.#text.replaceAll(/[ \t]+$/gm, '').replaceAll(/^\n+|\s+$/g, '')
        : this.#text
            .replaceAll(/ +/g, ' ')
            .replaceAll(/ ?\n ?/g, '\n')
            .trim()
    if (text !== '') this.blocks.push({ text, linked: Math.min(1, this.#linked / text.length), kind, place })
    this.#text = ''
    this.#linked = 0
  }

  breakLine(around: Around): void {
    // Two breaks end a paragraph in old pages.
    if (/\n\s*$/.test(this.#text)) this.end(around)
    else this.#text += '\n'
  }
}

function walk(node: Node, around: Around, writer: BlockWriter): void {
  if (node.nodeType === textNode) return writer.write(node.nodeValue ?? '', around)
  if (node.nodeType !== elementNode || around.depth > deepest) return
  const element = node as Element
  const tag = element.tagName
  if (tag === 'BR') return writer.breakLine(around)
  if (silentTags.has(tag) || isHidden(element)) return
  const isBlock = blockTags.has(tag)
  const inside: Around = {
    kind: around.kind === 'preformatted' ? around.kind : (kinds[tag] ?? around.kind),
    place: placeOf(element, around),
    isLink: around.isLink || tag === 'A',
    depth: around.depth + 1,
    surroundingsAtMost: around.surroundingsAtMost,
  }
  if (isBlock) writer.end(around)
  for (let child = element.firstChild; child !== null; child = child.nextSibling) walk(child, inside, writer)
  if (isBlock) writer.end(inside)
}

/** The blocks of an element in the order of the page. */
export function blocksOf(root: Element): Block[] {
  const writer = new BlockWriter()
  const around: Around = {
    kind: 'paragraph',
    place: 'text',
    isLink: false,
    depth: 0,
    surroundingsAtMost: unlinkedLength(root) / 2,
  }
  walk(root, around, writer)
  writer.end(around)
  return writer.blocks
}

/** Blocks as text: items and cells on lines of their own, everything else as paragraphs. */
export function textOf(blocks: readonly Block[]): string {
  let text = ''
  blocks.forEach((block, index) => {
    const before = blocks[index - 1]
    const isList =
      before !== undefined && before.kind === block.kind && (block.kind === 'item' || block.kind === 'cell')
    if (index > 0) text += isList ? '\n' : '\n\n'
    text += block.kind === 'item' ? `- ${block.text}` : block.text
  })
  return text
}

const longText = 80
const shortText = 40
/** Links among what is text to read. */
const mostLinked = 0.33
/** How far from text something short may stand that belongs to it, in blocks. */
const reach = 3

const endsSentence = (text: string): boolean => /[.!?:;…。！？]["'”’)\]]*$/.test(text)

function isReading({ text, linked, kind }: Block): boolean {
  if (kind === 'preformatted') return text.length >= 20
  if (linked > mostLinked) return false
  return text.length >= longText || (text.length >= shortText && endsSentence(text))
}

/**
 * The blocks that are text to read: those that are by themselves, and short ones between them.
 *
 * @param places where they may stand
 */
export function readingBlocks(blocks: readonly Block[], places: readonly Place[]): Block[] {
  const placed = blocks.filter(({ place }) => places.includes(place))
  const reading = placed.map(isReading)
  const isNear = (index: number, step: 1 | -1): boolean => {
    for (let away = 1; away <= reach; away++) if (reading[index + step * away] === true) return true
    return false
  }
  return placed.filter((block, index) => {
    if (reading[index] === true) return true
    if (block.linked > 0.5) return false
    return isNear(index, 1) && (block.kind === 'heading' || isNear(index, -1))
  })
}
