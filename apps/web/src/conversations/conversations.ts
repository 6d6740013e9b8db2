/** The conversations of this device: the list, the one that is open, and what can be done with them. */
import { effect, signal } from '@preact/signals'
import { open, route } from '../app/route.ts'
import { settings } from '../settings/settings.ts'
import {
  deleteAllConversations,
  deleteConversation,
  onChangeElsewhere,
  readAll,
  readHeadings,
  readThread,
  writeConversation,
  writeHeading,
} from './store.ts'
import { chooseBranch, newThread, titleOf, type Heading, type Thread, type Turn } from './thread.ts'
import { formatConversations, formatMarkdown, parseConversations, type Conversation } from './transfer.ts'

export const headings = signal<readonly Heading[]>([])
/** The conversation that is open; one that nothing was said in is not kept. */
export const thread = signal<Thread>(newThread('', settings.value.system))
/** Whether a conversation that the address names is not here. */
export const isMissing = signal(false)

/** Deleted while this page is open: an answer that is still being written does not bring them back. */
const deleted = new Set<string>()

export async function refreshHeadings(): Promise<void> {
  headings.value = await readHeadings()
}

/** Opens what the address names. */
effect(() => {
  const { value } = route
  if (value.screen !== 'chat') return
  const { conversation } = value
  if (conversation === undefined) {
    isMissing.value = false
    thread.value = newThread('', settings.peek().system)
  } else if (conversation !== thread.peek().id) {
    void openThread(conversation)
  }
})

async function openThread(id: string): Promise<void> {
  const found = await readThread(id)
  const { value } = route
  if (value.screen !== 'chat' || value.conversation !== id) return
  isMissing.value = found === undefined
  thread.value = found ?? newThread('', settings.peek().system)
}

/** Gives an unsaved conversation a name and an address. */
export function begin(): Thread {
  if (thread.value.id !== '') return thread.value
  const id = crypto.randomUUID()
  thread.value = { ...thread.value, id }
  open({ screen: 'chat', conversation: id }, { replace: true })
  return thread.value
}

/** Shows a changed thread, if it is the open one, and keeps it. */
export async function keep(changed: Thread): Promise<void> {
  if (deleted.has(changed.id)) return
  if (thread.value.id === changed.id) thread.value = changed
  if (changed.turns.length === 0) return
  const now = Date.now()
  const known = headings.value.find(({ id }) => id === changed.id)
  const heading: Heading = { ...(known ?? { id: changed.id, title: titleOf(changed), created: now }), updated: now }
  headings.value = [heading, ...headings.value.filter(({ id }) => id !== heading.id)]
  await writeConversation(heading, changed)
}

export async function showBranch(turn: Turn): Promise<void> {
  await keep(chooseBranch(thread.value, turn))
}

/** What the model is told before the open conversation begins. */
export async function setSystem(system: string): Promise<void> {
  await keep({ ...thread.value, system })
}

export async function rename(heading: Heading, title: string): Promise<void> {
  const renamed = { ...heading, title }
  headings.value = headings.value.map((one) => (one.id === heading.id ? renamed : one))
  await writeHeading(renamed)
}

export async function remove({ id }: Heading): Promise<void> {
  deleted.add(id)
  headings.value = headings.value.filter((one) => one.id !== id)
  await deleteConversation(id)
  if (thread.value.id === id) open({ screen: 'chat', conversation: undefined })
}

export async function removeAll(): Promise<void> {
  for (const { id } of headings.value) deleted.add(id)
  headings.value = []
  thread.value = newThread('', settings.value.system)
  await deleteAllConversations()
}

/** All conversations as the text of a file. */
export async function exportAll(): Promise<string> {
  const all: Conversation[] = []
  for await (const conversation of readAll()) all.push(conversation)
  return formatConversations(all)
}

/** One conversation as Markdown. */
export async function exportMarkdown(heading: Heading): Promise<string> {
  const found = await readThread(heading.id)
  return formatMarkdown({ heading, thread: found ?? newThread(heading.id, '') })
}

/** @returns how many there were @throws PocketPhiError `invalid-file` */
export async function importFrom(text: string): Promise<number> {
  const conversations = parseConversations(text)
  for (const { heading, thread: imported } of conversations) await writeConversation(heading, imported)
  await refreshHeadings()
  return conversations.length
}

onChangeElsewhere(() => {
  void refreshHeadings()
  const { id } = thread.value
  if (id !== '')
    void readThread(id).then((found) => found !== undefined && thread.value.id === id && (thread.value = found))
})
