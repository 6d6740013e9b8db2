/** The conversations of this device: the list, the one that is open, and what can be done with them. */
import { effect, signal } from '@preact/signals'
import type { ErrorData } from 'pocket-phi/worker'
import { errorData } from '../app/errors.ts'
import { askToKeep } from '../app/persistence.ts'
import { open, route } from '../app/route.ts'
import { settings } from '../settings/settings.ts'
import {
  changeConversation,
  deleteAllConversations,
  deleteConversation,
  importConversations,
  onChangeElsewhere,
  readAll,
  readHeadings,
  readPictures,
  readThread,
  writeHeading,
} from './store.ts'
import { chooseBranch, newThread, titleOf, type Heading, type KeptPicture, type Thread, type Turn } from './thread.ts'
import { formatConversations, formatMarkdown, parseConversations } from './transfer.ts'

export const headings = signal<readonly Heading[]>([])
/** The conversation that is open; one that nothing was said in is not kept. */
export const thread = signal<Thread>(newThread('', settings.value.system))

/** What became of the conversation that the address names. */
type Opened =
  | { readonly state: 'reading' | 'here' | 'missing' }
  /** What is shown of it, if anything is, may be out of date. */
  | { readonly state: 'failed'; readonly error: ErrorData }

export const opened = signal<Opened>({ state: 'here' })

/** Why the last change could not be kept. */
export const unkept = signal<ErrorData | undefined>(undefined)

/** Why the list is not what was asked for: something could not be read, renamed or deleted. */
export const listFailure = signal<ErrorData | undefined>(undefined)

/** Deleted while this page is open: an answer that is still being written does not bring them back. */
const deleted = new Set<string>()

export async function refreshHeadings(): Promise<void> {
  await inList('The conversations could not be read.', async () => {
    headings.value = await readHeadings()
  })
}

/** Does something with the list, and shows why it could not be done. */
export async function inList(problem: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
    listFailure.value = undefined
  } catch (error) {
    const data = errorData(error)
    listFailure.value = { ...data, problem: `${problem} ${data.problem}` }
  }
}

/** Opens what the address names. */
effect(() => {
  const { value } = route
  if (value.screen !== 'chat') return
  const { conversation } = value
  if (conversation !== undefined && conversation !== thread.peek().id) {
    void openThread(conversation)
    return
  }
  opened.value = { state: 'here' }
  if (conversation === undefined) thread.value = newThread('', settings.peek().system)
})

async function openThread(id: string): Promise<void> {
  // Nothing else is shown under this address.
  thread.value = newThread('', settings.peek().system)
  opened.value = { state: 'reading' }
  const isWanted = (): boolean => {
    const { value } = route
    return value.screen === 'chat' && value.conversation === id && opened.value.state === 'reading'
  }
  try {
    const found = await readThread(id)
    if (!isWanted()) return
    opened.value = { state: found === undefined ? 'missing' : 'here' }
    if (found !== undefined) thread.value = found
  } catch (error) {
    if (isWanted()) opened.value = unreadable(error)
  }
}

function unreadable(error: unknown): Opened {
  const data = errorData(error)
  return { state: 'failed', error: { ...data, problem: `This conversation could not be read. ${data.problem}` } }
}

/** Gives an unsaved conversation a name and an address. */
export function begin(): Thread {
  if (thread.value.id !== '') return thread.value
  const id = crypto.randomUUID()
  thread.value = { ...thread.value, id }
  open({ screen: 'chat', conversation: id }, { replace: true })
  return thread.value
}

/** Conversations of which the newest could not be kept: what is shown of them is ahead of the database. */
const ahead = new Set<string>()

/** Own writes so far: what was read before a later one is out of date. */
let writes = 0

/**
 * Changes a conversation, at once where it is open, and keeps it.
 *
 * @param known the conversation as it was last seen, for when the database has less of it
 * @param change is made to what is shown, and again to what is kept, which another tab may have changed
 * @param pictures are new in it
 */
export async function keep(
  known: Thread,
  change: (now: Thread) => Thread,
  pictures: readonly KeptPicture[] = [],
): Promise<void> {
  const { id } = known
  if (deleted.has(id)) return
  const shown = thread.value.id === id ? thread.value : known
  if (shown === thread.value) thread.value = change(shown)
  writes += 1
  const write = writes
  const isFirst = headings.value.length === 0
  try {
    const kept = await changeConversation(
      id,
      (now) => {
        const changed = change(now === undefined || ahead.has(id) ? shown : now.thread)
        if (deleted.has(id) || changed.turns.length === 0) return undefined
        return { heading: headingOf(changed, now?.heading), thread: changed }
      },
      pictures,
    )
    if (kept === undefined) return
    ahead.delete(id)
    unkept.value = undefined
    if (isFirst) void askToKeep()
    headings.value = [kept.heading, ...headings.value.filter((heading) => heading.id !== id)]
    if (write === writes) show(kept.thread)
  } catch (error) {
    ahead.add(id)
    const data = errorData(error)
    unkept.value = { ...data, problem: `This conversation could not be kept. ${data.problem}` }
  }
}

function headingOf(changed: Thread, known: Heading | undefined): Heading {
  const now = Date.now()
  return { ...(known ?? { id: changed.id, title: titleOf(changed), created: now }), updated: now }
}

export async function showBranch(turn: Turn): Promise<void> {
  await keep(thread.value, (now) => chooseBranch(now, turn))
}

/** What the model is told before the open conversation begins. */
export async function setSystem(system: string): Promise<void> {
  await keep(thread.value, (now) => ({ ...now, system }))
}

export async function rename(heading: Heading, title: string): Promise<void> {
  const renamed = { ...heading, title }
  await inList('The conversation could not be renamed.', async () => {
    await writeHeading(renamed)
    headings.value = headings.value.map((one) => (one.id === heading.id ? renamed : one))
  })
}

export async function remove({ id }: Heading): Promise<void> {
  await inList('The conversation could not be deleted.', () => removeAndForget([id], () => deleteConversation(id)))
}

export async function removeAll(): Promise<void> {
  const ids = headings.value.map(({ id }) => id)
  // One that could not be kept is in no list.
  if (thread.value.id !== '') ids.push(thread.value.id)
  await inList('The conversations could not be deleted.', () => removeAndForget(ids, deleteAllConversations))
}

/** An answer that is being written must not bring back what is just being deleted. */
async function removeAndForget(ids: readonly string[], removeKept: () => Promise<void>): Promise<void> {
  for (const id of ids) deleted.add(id)
  try {
    await removeKept()
  } catch (error) {
    for (const id of ids) deleted.delete(id)
    throw error
  }
  for (const id of ids) forget(id)
}

/** Leaves a conversation that is no more. */
function forget(id: string): void {
  deleted.add(id)
  headings.value = headings.value.filter((one) => one.id !== id)
  if (thread.value.id !== id) return
  thread.value = newThread('', settings.value.system)
  if (route.value.screen === 'chat') open({ screen: 'chat', conversation: undefined })
}

/** All conversations as a file, pictures included. */
export async function exportAll(): Promise<Blob> {
  return await formatConversations(
    (async function* whole() {
      for await (const { heading, thread: said } of readAll()) {
        yield { heading, thread: said, pictures: await readPictures(heading.id) }
      }
    })(),
  )
}

/** One conversation as Markdown. */
export async function exportMarkdown(heading: Heading): Promise<string> {
  const found = await readThread(heading.id)
  return formatMarkdown({ heading, thread: found ?? newThread(heading.id, '') })
}

/** @returns how many there were @throws PocketPhiError `invalid-file` */
export async function importFrom(text: string): Promise<number> {
  const conversations = parseConversations(text)
  await importConversations(conversations)
  for (const { heading } of conversations) deleted.delete(heading.id)
  await refreshHeadings()
  return conversations.length
}

onChangeElsewhere(({ id, became }) => {
  if (became === 'deleted') forget(id)
  else if (became === 'imported') deleted.delete(id)
  void refreshHeadings()
  if (thread.value.id === id) void showAsKept(id)
})

async function showAsKept(id: string): Promise<void> {
  const before = writes
  try {
    const found = await readThread(id)
    if (found !== undefined && before === writes && !ahead.has(id)) show(found)
  } catch (error) {
    if (thread.value.id === id) opened.value = unreadable(error)
  }
}

/** Shows a conversation as it is in the database, where it is open. */
function show(kept: Thread): void {
  if (thread.value.id !== kept.id) return
  thread.value = kept
  opened.value = { state: 'here' }
}
