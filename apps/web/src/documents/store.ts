/** Documents in the database of this page. */
import { inDatabase } from '../app/database.ts'
import type { KeptDocument, KeptPassages } from './documents-calls.ts'

export async function readDocuments(): Promise<KeptDocument[]> {
  return await inDatabase((database) => database.getAll('documents'))
}

export async function readPassagesOf(name: string): Promise<KeptPassages | undefined> {
  return await inDatabase((database) => database.get('passages', name))
}

/** Puts a document in the place of one of the same name, as a whole or not at all. */
export async function keepDocument(document: KeptDocument, passages: KeptPassages): Promise<void> {
  await inDatabase(async (database) => {
    const transaction = database.transaction(['documents', 'passages'], 'readwrite')
    await Promise.all([
      transaction.objectStore('documents').put(document),
      transaction.objectStore('passages').put(passages),
      transaction.done,
    ])
  })
}

export async function deleteDocuments(names: readonly string[]): Promise<void> {
  await inDatabase(async (database) => {
    const transaction = database.transaction(['documents', 'passages'], 'readwrite')
    await Promise.all([
      ...names.flatMap((name) => [
        transaction.objectStore('documents').delete(name),
        transaction.objectStore('passages').delete(name),
      ]),
      transaction.done,
    ])
  })
}
