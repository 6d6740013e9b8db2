/** Documents as passages, whether an index on a disk or one in a page has them. */
import { throwIfAborted } from '../../base/errors.ts'
import { isSkipped, type Found, type RawDocument } from '../../data/documents/found.ts'
import type { Fields } from '../../data/documents/read.ts'
import { extractedText } from '../../data/pipeline/stages/main-text/index.ts'
import { passageOf, type Passage } from '../passage.ts'
import { splitText } from '../split.ts'

/** Where rows of JSON Lines have their parts, if nothing else is said. */
export const usualFields: Fields = { text: 'text', html: 'html', title: 'title', url: 'url' }

/** What a file has. */
export interface FilePassages {
  readonly passages: readonly Passage[]
  /** What in it gave no passages: how often, by the reason. */
  readonly skipped: ReadonlyMap<string, number>
}

/**
 * The passages of the documents of a file.
 *
 * @param file its path or its name
 * @throws PocketPhiError `aborted`; what reading throws
 */
export async function passagesIn(
  documents: AsyncIterable<Found> | Iterable<Found>,
  file: string,
  signal?: AbortSignal,
): Promise<FilePassages> {
  const passages: Passage[] = []
  const skipped = new Map<string, number>()
  const skip = (reason: string): unknown => skipped.set(reason, (skipped.get(reason) ?? 0) + 1)
  for await (const found of documents) {
    throwIfAborted(signal)
    const parts = isSkipped(found) ? found.reason : documentPassages(found, file)
    if (typeof parts === 'string') skip(parts)
    else if (parts.length === 0) skip('no text')
    else for (const part of parts) passages.push(part)
  }
  return { passages, skipped }
}

/** The passages of a document, or why it has none. The file that it is in is the address of one without an address. */
function documentPassages(document: RawDocument, file: string): Passage[] | string {
  const page = document.format === 'html' ? extractedText(document.text) : undefined
  if (typeof page === 'string') return page
  const address = document.url ?? file
  const title = page?.title || titleOf(document, file)
  const markdown = /\.md(?:\.\w+)?$/i.test(file)
  return splitText(page?.text ?? document.text, { markdown }).map(({ heading, text }) =>
    passageOf({ title: heading === '' || heading === title ? title : `${title}: ${heading}`, address, text }),
  )
}

/** Its own, the first heading of Markdown, or the name of the file. */
function titleOf({ title, text }: RawDocument, file: string): string {
  if (title !== undefined && !file.endsWith(title)) return title
  const line = text
    .slice(0, 2000)
    .split('\n')
    .find((one) => /^#\s/.test(one))
  return line?.replace(/^#/, '').trim() || nameOf(file)
}

/** The last part of a path, of whichever system. */
function nameOf(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1)
}
