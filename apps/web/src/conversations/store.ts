/** Conversations in the database, and word of changes to other tabs. */
import { inDatabase } from '../app/database.ts'
import type { Heading, KeptPicture, Thread } from './thread.ts'
import type { Conversation, WholeConversation } from './transfer.ts'

/** What other tabs are told of a conversation. */
export interface Change {
  readonly id: string
  readonly became: 'changed' | 'deleted' | 'imported'
}

const channel = new BroadcastChannel('pocket-phi-conversations')

function tell(change: Change): void {
  channel.postMessage(change)
}

export async function readHeadings(): Promise<Heading[]> {
  const headings = await inDatabase((database) => database.getAll('headings'))
  return headings.sort((a, b) => b.updated - a.updated)
}

export async function readThread(id: string): Promise<Thread | undefined> {
  return await inDatabase((database) => database.get('threads', id))
}

/** The pictures of a conversation, of all its branches. */
export async function readPictures(conversation: string): Promise<KeptPicture[]> {
  return await inDatabase((database) => database.getAllFromIndex('pictures', 'conversation', conversation))
}

export async function readPicture(id: string): Promise<KeptPicture | undefined> {
  return await inDatabase((database) => database.get('pictures', id))
}

/**
 * Changes a conversation as it is now, which another tab may have written: reading and writing are one transaction.
 *
 * @param change is given nothing where there is no such conversation, and gives nothing where nothing is to be written
 * @param pictures are written with it
 * @returns what was written
 */
export async function changeConversation(
  id: string,
  change: (now: Conversation | undefined) => Conversation | undefined,
  pictures: readonly KeptPicture[] = [],
): Promise<Conversation | undefined> {
  const changed = await inDatabase(async (database) => {
    const transaction = database.transaction(['headings', 'threads', 'pictures'], 'readwrite')
    const headings = transaction.objectStore('headings')
    const threads = transaction.objectStore('threads')
    const [heading, thread] = await Promise.all([headings.get(id), threads.get(id)])
    const next = change(heading === undefined || thread === undefined ? undefined : { heading, thread })
    const shown = transaction.objectStore('pictures')
    const writes: Promise<unknown>[] =
      next === undefined
        ? []
        : [headings.put(next.heading), threads.put(next.thread), ...pictures.map((picture) => shown.put(picture))]
    await Promise.all([...writes, transaction.done])
    return next
  })
  if (changed !== undefined) tell({ id, became: 'changed' })
  return changed
}

/** All of them, or none. */
export async function importConversations(conversations: readonly WholeConversation[]): Promise<void> {
  await inDatabase(async (database) => {
    const transaction = database.transaction(['headings', 'threads', 'pictures'], 'readwrite')
    const puts = conversations.flatMap(({ heading, thread, pictures }): Promise<unknown>[] => [
      transaction.objectStore('headings').put(heading),
      transaction.objectStore('threads').put(thread),
      ...pictures.map((picture) => transaction.objectStore('pictures').put(picture)),
    ])
    await Promise.all([...puts, transaction.done])
  })
  for (const { heading } of conversations) tell({ id: heading.id, became: 'imported' })
}

export async function writeHeading(heading: Heading): Promise<void> {
  await inDatabase((database) => database.put('headings', heading))
  tell({ id: heading.id, became: 'changed' })
}

export async function deleteConversation(id: string): Promise<void> {
  await inDatabase(async (database) => {
    const transaction = database.transaction(['headings', 'threads', 'pictures'], 'readwrite')
    const pictures = transaction.objectStore('pictures')
    const shown = await pictures.index('conversation').getAllKeys(id)
    await Promise.all([
      transaction.objectStore('headings').delete(id),
      transaction.objectStore('threads').delete(id),
      ...shown.map((picture) => pictures.delete(picture)),
      transaction.done,
    ])
  })
  tell({ id, became: 'deleted' })
}

export async function deleteAllConversations(): Promise<void> {
  const ids = await inDatabase(async (database) => {
    const transaction = database.transaction(['headings', 'threads', 'pictures'], 'readwrite')
    const [keys] = await Promise.all([
      transaction.objectStore('threads').getAllKeys(),
      transaction.objectStore('headings').clear(),
      transaction.objectStore('threads').clear(),
      transaction.objectStore('pictures').clear(),
      transaction.done,
    ])
    return keys
  })
  for (const id of ids) tell({ id, became: 'deleted' })
}

/** Reads all conversations, one after the other. */
export async function* readAll(): AsyncGenerator<Conversation> {
  for (const heading of await readHeadings()) {
    const thread = await readThread(heading.id)
    if (thread !== undefined) yield { heading, thread }
  }
}

/** Calls back when another tab has changed a conversation. */
export function onChangeElsewhere(call: (change: Change) => void): void {
  channel.addEventListener('message', ({ data }: MessageEvent<Change>) => call(data))
}
