/** Conversations in the database, and word of changes to other tabs. */
import { database } from '../app/database.ts'
import type { Heading, Thread } from './thread.ts'

const channel = new BroadcastChannel('pocket-phi-conversations')

export async function readHeadings(): Promise<Heading[]> {
  const headings = await (await database()).getAll('headings')
  return headings.sort((a, b) => b.updated - a.updated)
}

export async function readThread(id: string): Promise<Thread | undefined> {
  return await (await database()).get('threads', id)
}

export async function writeConversation(heading: Heading, thread: Thread): Promise<void> {
  const transaction = (await database()).transaction(['headings', 'threads'], 'readwrite')
  await Promise.all([
    transaction.objectStore('headings').put(heading),
    transaction.objectStore('threads').put(thread),
    transaction.done,
  ])
  channel.postMessage(heading.id)
}

export async function writeHeading(heading: Heading): Promise<void> {
  await (await database()).put('headings', heading)
  channel.postMessage(heading.id)
}

export async function deleteConversation(id: string): Promise<void> {
  const transaction = (await database()).transaction(['headings', 'threads'], 'readwrite')
  await Promise.all([
    transaction.objectStore('headings').delete(id),
    transaction.objectStore('threads').delete(id),
    transaction.done,
  ])
  channel.postMessage(id)
}

export async function deleteAllConversations(): Promise<void> {
  const transaction = (await database()).transaction(['headings', 'threads'], 'readwrite')
  await Promise.all([
    transaction.objectStore('headings').clear(),
    transaction.objectStore('threads').clear(),
    transaction.done,
  ])
  channel.postMessage('')
}

/** Reads all conversations, one after the other. */
export async function* readAll(): AsyncGenerator<{ readonly heading: Heading; readonly thread: Thread }> {
  for (const heading of await readHeadings()) {
    const thread = await readThread(heading.id)
    if (thread !== undefined) yield { heading, thread }
  }
}

/** Calls back when another tab has changed a conversation. */
export function onChangeElsewhere(call: () => void): void {
  channel.addEventListener('message', call)
}
