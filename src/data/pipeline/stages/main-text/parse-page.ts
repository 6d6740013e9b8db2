/** HTML as a document with one head and one body, as browsers make it. */
import { parseHTML } from 'linkedom'

/** What stands before a body and shows nothing belongs to the head. */
const headTags: ReadonlySet<string> = new Set('BASE LINK META NOSCRIPT SCRIPT STYLE TEMPLATE TITLE'.split(' '))

const documentTypeNode = 10

/**
 * Parses a page. linkedom leaves elements where they were written, and where a body does not follow its head at once (scripts between them, no head at all, an
 * `html` within conditional comments) it answers with an empty one; here they are put where browsers put them.
 */
export function parsePage(html: string): Document {
  const { document } = parseHTML(/<html[\s>]/i.test(html) ? html : `<!doctype html><html><body>${html}</body></html>`)
  if (isInOrder(document)) return document
  const root = document.createElement('html')
  const head = document.createElement('head')
  const body = document.createElement('body')
  sortInto(document, head, body, 0)
  for (const element of [...document.children]) element.remove()
  root.append(head, body)
  document.append(root)
  return document
}

/** Whether what runs now is `withoutEmptyStyles`. */
let emptyStylesAreLeftOut = false
let getterIsInPlace = false

/**
 * While `work` runs, which cannot be interrupted, elements without the attribute answer that they have no style. Readability asks every element several times, and
 * is content with that; what linkedom answers is a proxy over a map that it makes for each, a third of the time of a page. Whoever else asks has linkedom's
 * answer. The getter stays in place: to change a prototype for each page, or every element, takes more time than it saves.
 */
export function withoutEmptyStyles<Result>(document: Document, work: () => Result): Result {
  if (!getterIsInPlace) placeGetter(document)
  getterIsInPlace = true
  emptyStylesAreLeftOut = true
  try {
    return work()
  } finally {
    emptyStylesAreLeftOut = false
  }
}

function placeGetter(document: Document): void {
  const owner = ownerOfStyle(document.createElement('p'))
  const style = owner === undefined ? undefined : Object.getOwnPropertyDescriptor(owner, 'style')
  if (owner === undefined || style === undefined) return
  Object.defineProperty(owner, 'style', {
    ...style,
    get(this: Element): unknown {
      return emptyStylesAreLeftOut && !this.hasAttribute('style') ? undefined : style.get?.call(this)
    },
  })
}

/** The prototype that answers for the style of an element. */
function ownerOfStyle(element: Element): object | undefined {
  let owner: unknown = element
  while (isObject(owner) && !Object.hasOwn(owner, 'style')) owner = Object.getPrototypeOf(owner)
  return isObject(owner) ? owner : undefined
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

function isInOrder({ children }: Document): boolean {
  const [root] = children
  const tags = [...(root?.children ?? [])].map(({ tagName }) => tagName)
  return children.length === 1 && root?.tagName === 'HTML' && tags.join(' ') === 'HEAD BODY'
}

/** Pages have a few within each other; those that go deeper are broken or hostile, and stay as they are. */
const deepestRoots = 20

/** Gives the contents of `html`, `head` and `body`, however often and wherever they are, to one head and one body. */
function sortInto(parent: Node, head: Element, body: Element, depth: number): void {
  for (const node of [...parent.childNodes]) {
    const tag = node.nodeName
    if (tag === 'HTML' && depth < deepestRoots) sortInto(node, head, body, depth + 1)
    else if (tag === 'BODY') body.append(...node.childNodes)
    else if (tag === 'HEAD' || (headTags.has(tag) && body.firstElementChild === null)) {
      head.append(...(tag === 'HEAD' ? node.childNodes : [node]))
    } else if (node.nodeType !== documentTypeNode) body.append(node)
  }
}
