/** Downloads from the hub into the private file system: resumed, verified, one at a time over all tabs. */
import {
  checkFileName,
  completeFile,
  describeFile,
  fileAddress,
  listRepository,
  parseHubName,
  selectFiles,
  systemClock,
  type Connection,
  type HubAdvice,
  type RemoteFile,
  type RetryOptions,
} from 'pocket-phi/hub'
import { formatBytes, PocketPhiError, type Progress } from 'pocket-phi/worker'
import {
  describeStored,
  folderOf,
  makeFolder,
  modelsFolder,
  openFolder,
  readManifest,
  sizeOf,
  writeManifest,
  type Manifest,
  type StoredFile,
  type StoredModel,
} from './stored.ts'
import { noRoom, StoredPartial } from './stored-partial.ts'

export interface DownloadScope {
  readonly signal: AbortSignal
  readonly tell: (progress: Progress) => void
}

/** What the hub says of a model before anything is downloaded. */
export interface HubModel {
  readonly repository: string
  readonly commit: string
  readonly files: readonly RemoteFile[]
  readonly bytes: number
}

const stallSeconds = 30

const advice: HubAdvice = {
  endpoint: 'Check the network: something on the way answers in place of the hub.',
  unreachable: 'Check the network. Models that are here already work without it.',
  limits: 'Try again later.',
  access: 'This page asks without an account, so that only models which everyone may read can be downloaded.',
}

function connectionFor(hub: string, signal: AbortSignal): Connection {
  return { endpoint: hub, token: undefined, advice, follow: true, stallSeconds, clock: systemClock, signal }
}

/** @throws PocketPhiError `invalid-argument` for what is no name, and as `listRepository` and `selectFiles` */
export async function lookUp(hub: string, name: string, { signal, tell }: DownloadScope): Promise<HubModel> {
  const parsed = parseHubName(name)
  if (parsed === undefined) {
    throw new PocketPhiError('invalid-argument', `"${name}" is no name of a model on the hub.`, {
      expected: 'ORG/NAME, or ORG/NAME:FILE for one GGUF file of several',
      remedy: 'For example: microsoft/Phi-3-mini-4k-instruct-gguf:q4',
    })
  }
  const { repository, revision = 'main', file } = parsed
  tell({ stage: 'asking the hub', done: 0, total: 0, unit: 'bytes' })
  const connection = connectionFor(hub, signal)
  const retry: RetryOptions = {
    clock: systemClock,
    signal,
    onWait: (seconds, problem) => tell({ stage: waitingFor(seconds, problem), done: 0, total: 0, unit: 'bytes' }),
  }
  const { commit, files: listed } = await listRepository(connection, retry, repository, revision)
  const chosen = new Set(
    selectFiles(
      listed.map((one) => one.name),
      { file },
    ),
  )
  const files: RemoteFile[] = []
  for (const one of listed.filter((entry) => chosen.has(entry.name))) {
    checkFileName(one.name)
    files.push(await describeFile(connection, retry, fileAddress(hub, repository, commit, one.name), one))
  }
  return { repository, commit, files, bytes: files.reduce((sum, { size }) => sum + size, 0) }
}

function waitingFor(seconds: number, { problem }: PocketPhiError): string {
  return `${problem} Trying again in ${Math.ceil(seconds)} s.`
}

/** The address below which the files of a model are. */
export function folderAddress(hub: string, { repository, commit }: Pick<HubModel, 'repository' | 'commit'>): string {
  return `${hub}/${repository}/resolve/${commit}`
}

/**
 * Brings the files of a model, as far as they are not here. Where another tab does so already, waits for it.
 *
 * @throws PocketPhiError `network`, `no-access`, `not-found`, `invalid-file` for content that is not what the hub lists,
 * `invalid-argument` while another model has the folder, `out-of-memory` when there is no room, `aborted`; what has come stays, and the next download goes on from there
 */
export async function downloadModel(hub: string, name: string, scope: DownloadScope): Promise<StoredModel> {
  return await alone(name, scope, async () => {
    const begun = await openFolder(name)
    const known = begun && (await readManifest(begun))
    if (known !== undefined && known.name !== name) throw folderTaken(name, known)
    let manifest = known ?? manifestOf(name, await lookUp(hub, name, scope))
    // Only now: a name that the hub does not have leaves nothing behind.
    const folder = await makeFolder(name)
    if (known === undefined) await writeManifest(folder, manifest)
    await checkRoom(folder, manifest)
    let done = 0
    for (const file of manifest.files) {
      if (!file.isWhole) {
        await completeStored(hub, folder, manifest, file, done, scope)
        // Chromium lets more be written than there is room for, and cuts it off when the file is closed.
        if ((await sizeOf(folder, file.local)) < file.size) throw noRoom()
        manifest = markWhole(manifest, file)
        await writeManifest(folder, manifest)
      }
      done += file.size
    }
    const stored = await describeStored(folder)
    if (stored === undefined) throw new Error('defect: no manifest')
    return stored
  })
}

function folderTaken(name: string, owner: Manifest): PocketPhiError {
  return new PocketPhiError('invalid-argument', `${name} would lie in the folder of another model.`, {
    expected: `nothing, or ${name}, in the folder ${folderOf(name)}`,
    found: owner.name,
    remedy: `Delete ${owner.name} first.`,
  })
}

/** @throws PocketPhiError `invalid-argument` while another tab downloads it */
export async function removeModel(name: string): Promise<void> {
  const isGone = await navigator.locks.request(lockOf(name), { ifAvailable: true }, async (lock) => {
    if (lock === null) return false
    await (await modelsFolder())?.removeEntry(folderOf(name), { recursive: true })
    return true
  })
  if (isGone) return
  throw new PocketPhiError('invalid-argument', `${name} is being downloaded in another tab.`, {
    remedy: 'Pause it there first.',
  })
}

function lockOf(name: string): string {
  return `pocket-phi-download ${folderOf(name)}`
}

/** Runs alone among all tabs. */
async function alone<T>(name: string, { signal, tell }: DownloadScope, work: () => Promise<T>): Promise<T> {
  const free = await navigator.locks.request(lockOf(name), { ifAvailable: true }, async (lock) =>
    lock === null ? undefined : { value: await work() },
  )
  if (free !== undefined) return free.value
  tell({ stage: 'another tab is downloading', done: 0, total: 0, unit: 'bytes' })
  try {
    return await navigator.locks.request(lockOf(name), { signal }, work)
  } catch (error) {
    if (signal.aborted) throw new PocketPhiError('aborted', 'The download was paused.', { cause: error })
    throw error
  }
}

function manifestOf(name: string, { repository, commit, files }: HubModel): Manifest {
  const stored = files.map((file): StoredFile => {
    return { ...file, local: file.name.slice(file.name.lastIndexOf('/') + 1), isWhole: false }
  })
  return { name, repository, commit, files: stored }
}

function markWhole(manifest: Manifest, { name }: StoredFile): Manifest {
  return { ...manifest, files: manifest.files.map((file) => (file.name === name ? { ...file, isWhole: true } : file)) }
}

async function checkRoom(folder: FileSystemDirectoryHandle, manifest: Manifest): Promise<void> {
  const { quota = Infinity, usage = 0 } = await navigator.storage.estimate()
  const stored = await describeStored(folder)
  const missing = manifest.files.reduce((sum, { size }) => sum + size, 0) - (stored?.received ?? 0)
  if (missing <= quota - usage) return
  throw new PocketPhiError('out-of-memory', 'There is not enough room for this model.', {
    expected: `${formatBytes(missing)} free for this page`,
    found: formatBytes(Math.max(0, quota - usage)),
    remedy: 'Delete another model, or free space on this device.',
  })
}

async function completeStored(
  hub: string,
  folder: FileSystemDirectoryHandle,
  manifest: Manifest,
  file: StoredFile,
  before: number,
  { signal, tell }: DownloadScope,
): Promise<void> {
  const total = manifest.files.reduce((sum, { size }) => sum + size, 0)
  const report = (stage: string, bytes: number): void => tell({ stage, done: before + bytes, total, unit: 'bytes' })
  const handle = await folder.getFileHandle(file.local, { create: true })
  // Not `using`: some browsers have no Symbol.dispose.
  const partial = await StoredPartial.open(handle, file, {
    signal,
    onRead: (bytes) => report('checking what is here', bytes),
  })
  try {
    await completeFile(file, partial, {
      connection: connectionFor(hub, signal),
      retry: {
        clock: systemClock,
        signal,
        onWait: (seconds, problem) => report(waitingFor(seconds, problem), partial.size),
      },
      address: fileAddress(hub, manifest.repository, manifest.commit, file.name),
      onBytes: (bytes) => report('downloading', bytes),
    })
    partial.flush()
  } finally {
    partial.close()
  }
}
