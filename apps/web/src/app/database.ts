/** The database of this page. Conversations stay on this device. */
import { openDB, type DBSchema, type IDBPDatabase } from 'idb'
import type { Heading, Thread } from '../conversations/thread.ts'

interface Schema extends DBSchema {
  /** What the list shows, apart from the messages, which are read when a conversation is opened. */
  headings: { key: string; value: Heading }
  threads: { key: string; value: Thread }
}

let opening: Promise<IDBPDatabase<Schema>> | undefined

export function database(): Promise<IDBPDatabase<Schema>> {
  opening ??= openDB<Schema>('pocket-phi', 1, {
    upgrade(created) {
      created.createObjectStore('headings', { keyPath: 'id' })
      created.createObjectStore('threads', { keyPath: 'id' })
    },
    // A newer version of the page in another tab wants to change the database.
    blocking: (_current, _blocked, event) => {
      ;(event.target as IDBDatabase).close()
      opening = undefined
    },
  })
  return opening
}
