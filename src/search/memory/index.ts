/**
 * An index of documents in a page.
 *
 *     import { MemoryIndex, readPassages } from 'pocket-phi/search/memory'
 *
 *     const index = new MemoryIndex('my documents')
 *     const { passages } = await readPassages(file.name, new Uint8Array(await file.arrayBuffer()))
 *     index.replaceDocument(file.name, passages)
 *     const found = await index.find('When does the boat leave?', { count: 5 })
 */
import { PocketPhiError } from '../../base/errors.ts'
import { documentsIn } from '../../data/documents/read.ts'
import { passagesIn, usualFields, type FilePassages } from '../reading/passages.ts'

export { MemoryIndex } from './memory-index.ts'
export type { FilePassages } from '../reading/passages.ts'

/**
 * The passages of a file: text, Markdown, a page, or JSON Lines with `text` or `html`, `title` and `url`.
 *
 * @param name of the file, whose end says what it is
 * @throws PocketPhiError `not-supported` for a name that promises none of them
 */
export async function readPassages(name: string, bytes: Uint8Array): Promise<FilePassages> {
  const documents = documentsIn(name, bytes, usualFields)
  if (documents !== undefined) return await passagesIn(documents, name)
  throw new PocketPhiError('not-supported', `"${name}" is of no format that is read.`, {
    expected: 'text (.txt), Markdown (.md), pages (.html) or JSON Lines (.jsonl)',
    remedy: 'Save it as text, Markdown or HTML first.',
  })
}
