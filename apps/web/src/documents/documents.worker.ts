/** Reads documents and searches in them, beside the page. It asks nobody (build/headers.ts). */
import { MemoryIndex, readPassages } from 'pocket-phi/search/memory'
import { PocketPhiError, serveCalls } from 'pocket-phi/worker'
import { explained } from '../app/errors.ts'
import type { DocumentCalls, KeptDocument } from './documents-calls.ts'
import { keepDocument, readDocuments, readPassagesOf } from './store.ts'

const index = new MemoryIndex('your documents')
/** What the index has of each document. */
const versions = new Map<string, string>()

/** @throws PocketPhiError `invalid-file` for what has nothing to read, and as `readPassages` */
async function add(name: string, file: Blob): Promise<KeptDocument> {
  const { passages, skipped } = await readPassages(name, file)
  if (passages.length === 0) {
    throw new PocketPhiError('invalid-file', `There is nothing to read in "${name}".`, {
      found: [...skipped.keys()].join(', ') || 'no text',
    })
  }
  const room = new Blob(passages.flatMap(({ title, address, text }) => [title, address, text])).size
  const version = crypto.randomUUID()
  const document: KeptDocument = { name, version, passages: passages.length, room, skipped: [...skipped] }
  await keepDocument(document, { name, passages })
  return document
}

/** The index is made of what is kept, which other tabs change as well. */
async function bringUpToDate(): Promise<void> {
  const kept = await readDocuments()
  const names = new Set(kept.map(({ name }) => name))
  for (const name of index.documents) {
    if (names.has(name)) continue
    index.removeDocument(name)
    versions.delete(name)
  }
  for (const { name, version } of kept) {
    if (versions.get(name) === version) continue
    const found = await readPassagesOf(name)
    // It may have been deleted since.
    index.replaceDocument(name, found?.passages ?? [])
    versions.set(name, version)
  }
}

let updating: Promise<void> = Promise.resolve()

serveCalls<DocumentCalls>(globalThis, {
  add: async ({ name, file }) => {
    try {
      return await add(name, file)
    } catch (error) {
      throw explained(error)
    }
  },
  find: async ({ query, count }, { signal }) => {
    // One after the other, also after one that failed.
    updating = updating.then(bringUpToDate, bringUpToDate)
    await updating
    return await index.find(query, { count, signal })
  },
})
