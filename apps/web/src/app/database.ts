/** The database of this page. Conversations and documents stay on this device. */
import { openDB, type DBSchema, type IDBPDatabase } from 'idb'
import type { Heading, KeptPicture, Thread } from '../conversations/thread.ts'
import type { KeptDocument, KeptPassages } from '../documents/documents-calls.ts'

interface Schema extends DBSchema {
  /** What the list shows, apart from the messages, which are read when a conversation is opened. */
  headings: { key: string; value: Heading }
  threads: { key: string; value: Thread }
  /** Apart from the messages, which are written anew with every second of an answer. */
  pictures: { key: string; value: KeptPicture; indexes: { conversation: string } }
  documents: { key: string; value: KeptDocument }
  /** Apart from what the list of documents shows. */
  passages: { key: string; value: KeptPassages }
}

let opening: Promise<IDBPDatabase<Schema>> | undefined

function open(): Promise<IDBPDatabase<Schema>> {
  return openDB<Schema>('pocket-phi', 3, {
    upgrade(created, version) {
      if (version < 1) {
        created.createObjectStore('headings', { keyPath: 'id' })
        created.createObjectStore('threads', { keyPath: 'id' })
      }
      if (version < 2) {
        created.createObjectStore('pictures', { keyPath: 'id' }).createIndex('conversation', 'conversation')
      }
      created.createObjectStore('documents', { keyPath: 'name' })
      created.createObjectStore('passages', { keyPath: 'name' })
    },
    // A newer version of the page in another tab wants to change the database.
    blocking: (_current, _blocked, event) => {
      ;(event.target as IDBDatabase).close()
      opening = undefined
    },
    terminated: () => {
      opening = undefined
    },
  })
}

async function database(): Promise<IDBPDatabase<Schema>> {
  opening ??= open()
  try {
    return await opening
  } catch (error) {
    opening = undefined
    throw error
  }
}

/** What browsers throw when a connection was lost without a word. */
const lost: readonly string[] = ['InvalidStateError', 'UnknownError']

/** Works with the database, a second time over a new connection where the first was lost. */
export async function inDatabase<T>(work: (opened: IDBPDatabase<Schema>) => Promise<T>): Promise<T> {
  try {
    return await work(await database())
  } catch (error) {
    if (!(error instanceof DOMException) || !lost.includes(error.name)) throw error
    opening = undefined
    return await work(await database())
  }
}
