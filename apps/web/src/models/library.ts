/** The models that are kept here and those that are being downloaded. */
import { signal } from '@preact/signals'
import { Caller, PocketPhiError, type ErrorData, type Progress } from 'pocket-phi/worker'
import { errorData, isAborted } from '../app/errors.ts'
import { askToKeep } from '../app/persistence.ts'
import type { DownloadCalls, InspectedModel } from './downloads-calls.ts'
import { listStored, type BrokenFolder, type StoredModel } from './stored.ts'

export type Activity =
  | { readonly state: 'inspecting' | 'downloading'; readonly progress: Progress | undefined; readonly stop: () => void }
  | { readonly state: 'failed'; readonly error: ErrorData }

export const storedModels = signal<readonly StoredModel[]>([])
export const brokenFolders = signal<readonly BrokenFolder[]>([])
/** What is going on with a model, by its name. */
export const activities = signal<ReadonlyMap<string, Activity>>(new Map())
/** What the hub said of models, by name. */
export const inspected = signal<ReadonlyMap<string, InspectedModel>>(new Map())
/** Why it is not known what is kept here. */
export const libraryFailure = signal<ErrorData | undefined>(undefined)
export const storage = signal<{ readonly usage: number; readonly quota: number } | undefined>(undefined)

let worker: Caller<DownloadCalls> | undefined
const channel = new BroadcastChannel('pocket-phi-models')

/** Started when it is first needed. */
function downloads(): Caller<DownloadCalls> {
  if (worker !== undefined) return worker
  const started = new Worker(new URL('./downloads.worker.ts', import.meta.url), { type: 'module', name: 'downloads' })
  const caller = new Caller<DownloadCalls>(started)
  started.addEventListener('error', (event) => {
    worker = undefined
    const found = event.message || 'its script could not be loaded'
    caller.close(new PocketPhiError('device-lost', 'The worker of the downloads has died.', { found }))
  })
  worker = caller
  return caller
}

/** Looks at what is here, or shows why it cannot: some private windows have no file system. */
export async function refreshLibrary(): Promise<void> {
  try {
    const { models, broken } = await listStored()
    storedModels.value = models
    brokenFolders.value = broken
    const { usage = 0, quota = 0 } = await navigator.storage.estimate()
    storage.value = { usage, quota }
    libraryFailure.value = undefined
  } catch (error) {
    const data = errorData(error)
    libraryFailure.value = { ...data, problem: `The models on this device could not be read. ${data.problem}` }
  }
}

channel.addEventListener('message', () => void refreshLibrary())

async function changed(): Promise<void> {
  await refreshLibrary()
  channel.postMessage('changed')
}

function setActivity(name: string, activity: Activity | undefined): void {
  const next = new Map(activities.value)
  if (activity === undefined) next.delete(name)
  else next.set(name, activity)
  activities.value = next
}

/** Runs a call for a model and shows what becomes of it. @returns undefined when it failed or was stopped */
async function busyWith<T>(
  name: string,
  state: 'inspecting' | 'downloading',
  call: (options: { readonly signal: AbortSignal; readonly onNews: (progress: Progress) => void }) => Promise<T>,
): Promise<T | undefined> {
  const controller = new AbortController()
  const show = (progress: Progress | undefined): void =>
    setActivity(name, { state, progress, stop: () => controller.abort() })
  show(undefined)
  try {
    const result = await call({ signal: controller.signal, onNews: show })
    setActivity(name, undefined)
    return result
  } catch (error) {
    setActivity(name, isAborted(error) ? undefined : { state: 'failed', error: errorData(error) })
    return undefined
  }
}

/** Asks the hub how large a model is, and measures what it will take in memory. */
export async function inspectModel(name: string): Promise<void> {
  const model = await busyWith(name, 'inspecting', (options) => downloads().call('inspect', { name }, options))
  if (model !== undefined) inspected.value = new Map(inspected.value).set(name, model)
}

/** Downloads a model, or goes on with it. */
export async function downloadModel(name: string): Promise<void> {
  // It may take an hour to come.
  void askToKeep()
  await busyWith(name, 'downloading', (options) => downloads().call('download', { name }, options))
  await changed()
}

export async function removeModel(name: string): Promise<void> {
  await busyWith(name, 'inspecting', () => downloads().call('remove', { name }))
  await changed()
}
