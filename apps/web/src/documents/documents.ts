/** The documents of this device that answers can be taken from. */
import { computed, signal } from '@preact/signals'
import type { Passage, SearchProvider } from 'pocket-phi/search'
import { Caller, PocketPhiError, type ErrorData } from 'pocket-phi/worker'
import { errorData } from '../app/errors.ts'
import { askToKeep } from '../app/persistence.ts'
import type { ShownProgress } from '../app/progress.tsx'
import { settings } from '../settings/settings.ts'
import type { DocumentCalls, KeptDocument } from './documents-calls.ts'
import { isHidden, type GivenFile, type ReportUnread } from './given-files.ts'
import { deleteDocuments, readDocuments } from './store.ts'

export const documents = signal<readonly KeptDocument[]>([])
/** Whether the next question is answered from them. */
export const answersFromDocuments = computed(() => settings.value.fromDocuments && documents.value.length > 0)
/** What is being read. */
export const reading = signal<ShownProgress | undefined>(undefined)
/** Why the last files were not all taken, or what is kept cannot be seen or deleted. */
export const documentFailures = signal<readonly ErrorData[]>([])

const channel = new BroadcastChannel('pocket-phi-documents')
let worker: Caller<DocumentCalls> | undefined

/** Started when it is first needed. */
function reader(): Caller<DocumentCalls> {
  if (worker !== undefined) return worker
  const started = new Worker(new URL('./documents.worker.ts', import.meta.url), { type: 'module', name: 'documents' })
  const caller = new Caller<DocumentCalls>(started)
  started.addEventListener('error', (event) => {
    worker = undefined
    const found = event.message || 'its script could not be loaded'
    caller.close(new PocketPhiError('device-lost', 'The worker of the documents has died.', { found }))
  })
  worker = caller
  return caller
}

/** Where questions are looked up. */
export const documentProvider: SearchProvider = {
  name: 'your documents',
  isLocal: true,
  find: async (query, { count, signal: stopped }): Promise<readonly Passage[]> =>
    await reader().call('find', { query, count }, { signal: stopped }),
  close: () => Promise.resolve(),
}

function failed(problem: string, error: unknown): void {
  const data = errorData(error)
  documentFailures.value = [...documentFailures.value, { ...data, problem: `${problem} ${data.problem}`.trim() }]
}

export async function refreshDocuments(): Promise<void> {
  try {
    documents.value = await readDocuments()
  } catch (error) {
    failed('The documents on this device could not be read.', error)
  }
}

channel.addEventListener('message', () => void refreshDocuments())

async function changed(): Promise<void> {
  await refreshDocuments()
  channel.postMessage('changed')
}

/** Names of files that are looked at where a whole folder is given; of single files it is said that they are no text. */
const readable = /\.(?:jsonl|ndjson|txt|text|md|html?|xhtml)$/i

function isOfInterest(path: string): boolean {
  return !path.split('/').some(isHidden) && readable.test(path)
}

/**
 * Reads files and keeps their passages; a file of a name that is there takes its place.
 *
 * @param find gives the files. It is called at once, or not at all where others are being read
 */
export async function addDocuments(
  find: (report: ReportUnread) => readonly GivenFile[] | Promise<readonly GivenFile[]>,
): Promise<void> {
  if (reading.value !== undefined) return
  documentFailures.value = []
  const isFirst = documents.value.length === 0
  reading.value = { stage: 'Looking for documents', done: 0, total: 0, unit: 'documents' }
  try {
    await readFiles(await find((name, error) => failed(`"${name}" could not be read.`, error)))
  } catch (error) {
    failed('The files could not be read.', error)
  }
  reading.value = undefined
  await changed()
  if (isFirst && documents.value.length > 0) void askToKeep()
}

async function readFiles(files: readonly GivenFile[]): Promise<void> {
  const taken = files.filter(({ name }) => !name.includes('/') || isOfInterest(name))
  if (taken.length === 0) failed('', nothingToRead())
  for (const [done, given] of taken.entries()) {
    reading.value = { stage: `Reading ${given.name}`, done, total: taken.length, unit: 'documents' }
    await readFile(given)
  }
}

async function readFile({ name, open }: GivenFile): Promise<void> {
  let file: File
  try {
    file = await open()
  } catch (error) {
    failed(`"${name}" could not be read.`, error)
    return
  }
  try {
    await reader().call('add', { name, file })
  } catch (error) {
    failed('', error)
  }
}

function nothingToRead(): PocketPhiError {
  return new PocketPhiError('not-found', 'There is nothing to read in this folder.', {
    expected: 'text (.txt), Markdown (.md), pages (.html) or JSON Lines (.jsonl)',
  })
}

export async function removeDocuments(names: readonly string[]): Promise<void> {
  documentFailures.value = []
  try {
    await deleteDocuments(names)
  } catch (error) {
    failed('The documents could not be deleted.', error)
  }
  await changed()
}
