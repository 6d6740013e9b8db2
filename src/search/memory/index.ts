/**
 * An index of documents in a page.
 *
 *     import { MemoryIndex, readPassages } from 'pocket-phi/search/memory'
 *
 *     const index = new MemoryIndex('my documents')
 *     const { passages } = await readPassages(file.name, file)
 *     index.replaceDocument(file.name, passages)
 *     const found = await index.find('When does the boat leave?', { count: 5 })
 */
import { PocketPhiError } from '../../base/errors.ts'
import { formatBytes } from '../../base/units.ts'
import { documentsIn, largestDocument, plainFormatOf } from '../../data/documents/read.ts'
import { passagesIn, usualFields, type FilePassages } from '../reading/passages.ts'

export { MemoryIndex } from './memory-index.ts'
export type { FilePassages } from '../reading/passages.ts'

/**
 * The passages of a file: text, Markdown, a page, or JSON Lines with `text` or `html`, `title` and `url`.
 *
 * @param name of the file, whose end says what it is
 * @param content of which nothing is read where the name or the size says already that it is not for here
 * @throws PocketPhiError `not-supported` for a name that promises none of them, and for more than 64 MiB
 */
export async function readPassages(name: string, content: Uint8Array | Blob): Promise<FilePassages> {
  const format = plainFormatOf(name)
  if (format === undefined) {
    throw new PocketPhiError('not-supported', `"${name}" is of no format that is read.`, {
      expected: 'text (.txt), Markdown (.md), pages (.html) or JSON Lines (.jsonl)',
      remedy: 'Save it as text, Markdown or HTML first.',
    })
  }
  const size = content instanceof Blob ? content.size : content.length
  if (size > largestDocument) throw tooLarge(name, size)
  const bytes = content instanceof Blob ? new Uint8Array(await content.arrayBuffer()) : content
  return await passagesIn(documentsIn(bytes, format, name, usualFields), name)
}

function tooLarge(name: string, size: number): PocketPhiError {
  return new PocketPhiError('not-supported', `"${name}" is too large to be read.`, {
    expected: `at most ${formatBytes(largestDocument)}`,
    found: formatBytes(size),
    remedy: 'Split it into smaller files.',
  })
}
