/** From the name of a model on the hub to a folder of the shared cache. */
import { statfs } from 'node:fs/promises'
import { PocketPhiError, throwIfAborted } from '../../base/errors.ts'
import type { OnProgress } from '../../base/progress.ts'
import type { FaultInjector } from '../../formats/atomic.ts'
import type { Fetch } from '../../formats/http.ts'
import { gateLock, RepositoryCache, type Links } from './repository-cache.ts'
import { systemClock, type Clock } from '../../base/clock.ts'
import { completeFile } from '../download.ts'
import { environmentAdvice, type HubEnvironment } from './environment.ts'
import { PartialFile } from './partial.ts'
import { describeFile, fileAddress, listRepository, type RemoteFile } from '../listing.ts'
import { takeFree, withLock } from './lock.ts'
import { checkFileName, checkRepository, checkRevision, defaultRevision } from '../names.ts'
import type { Connection } from '../request.ts'
import type { RetryOptions } from '../../base/retry.ts'
import { missingParts, selectFiles, type Selection } from '../select.ts'

export interface PullOptions extends Selection {
  /** A branch, a tag or a commit. Default `main`. */
  readonly revision?: string | undefined
  readonly signal?: AbortSignal | undefined
  /** Bytes of all files together; those that are there already count as done. */
  readonly onProgress?: OnProgress | undefined
  /** Hears of every file that is there, the ones that were there before too. */
  readonly onFile?: ((file: PulledFile) => void) | undefined
  /** For tests: time, the network, the disk. */
  readonly clock?: Clock | undefined
  readonly fetch?: Fetch | undefined
  readonly links?: Links | undefined
  readonly faults?: FaultInjector | undefined
  readonly freeBytes?: ((folder: string) => Promise<number>) | undefined
}

export interface PulledFile {
  readonly name: string
  readonly size: number
  /** How much of it came over the network now. */
  readonly received: number
}

export interface Pulled {
  /** The snapshot in the cache, a model folder as any other. */
  readonly folder: string
  readonly commit: string
  readonly files: readonly PulledFile[]
}

/**
 * Brings the files of a model into the cache, as far as they are not there, and notes the commit of the revision when all are.
 * Every file is verified by its checksum before it gets its name. Two at once share the work: each file is downloaded by
 * the first that comes to it, and the other waits.
 *
 * @param repository ORG/NAME
 * @throws PocketPhiError `invalid-argument`, `not-found`, `no-access`, `network`, `invalid-file` when what comes is not what the hub
 * lists, `out-of-memory` when the disk is too full, `not-supported` when the cache cannot be locked, `aborted`. What has
 * come stays, and the next pull goes on from there.
 */
export async function pull(
  repository: string,
  environment: HubEnvironment,
  options: PullOptions = {},
): Promise<Pulled> {
  const work = pullOf(repository, environment, options)
  return await (environment.offline ? work.fromCache() : work.run())
}

/** What a pull would do. */
export interface PullPlan {
  readonly commit: string
  readonly files: readonly RemoteFile[]
  /** Bytes that would come over the network. */
  readonly missingBytes: number
}

/**
 * What `pull` would bring, as the hub lists it; nothing is downloaded or written.
 *
 * @throws PocketPhiError as `pull`
 */
export async function planPull(
  repository: string,
  environment: HubEnvironment,
  options: PullOptions = {},
): Promise<PullPlan> {
  return await pullOf(repository, environment, options).plan()
}

function pullOf(repository: string, environment: HubEnvironment, options: PullOptions): Pull {
  const { revision = defaultRevision } = options
  checkRepository(repository)
  checkRevision(revision)
  const cache = new RepositoryCache(environment.cache, repository, options)
  return new Pull(repository, revision, environment, cache, options)
}

class Pull {
  readonly #repository: string
  readonly #revision: string
  readonly #environment: HubEnvironment
  readonly #cache: RepositoryCache
  readonly #options: PullOptions
  readonly #connection: Connection
  readonly #retry: RetryOptions
  /** Bytes of the files that are done, and of all. */
  #done = 0
  #total = 0

  constructor(
    repository: string,
    revision: string,
    environment: HubEnvironment,
    cache: RepositoryCache,
    options: PullOptions,
  ) {
    const { clock = systemClock, signal, fetch } = options
    const { endpoint, token, stallSeconds } = environment
    this.#repository = repository
    this.#revision = revision
    this.#environment = environment
    this.#cache = cache
    this.#options = options
    this.#connection = { endpoint, token, advice: environmentAdvice, stallSeconds, clock, signal, fetch }
    this.#retry = {
      clock,
      signal,
      onWait: (seconds, problem) =>
        this.#report(`waiting ${Math.ceil(seconds)} s (${problem.found ?? problem.message})`),
    }
  }

  /** What is there, without asking anyone. */
  async fromCache(): Promise<Pulled> {
    const repository = this.#repository
    const commit = await this.#cache.ref(this.#revision)
    const files = commit === undefined ? [] : await this.#cache.snapshotFiles(commit)
    if (commit === undefined || files.length === 0) {
      throw new PocketPhiError('not-found', `${repository} is not in the cache, and the network is not to be used.`, {
        expected: `revision ${this.#revision} in ${this.#cache.snapshot(commit ?? '')}`,
        remedy: 'Unset HF_HUB_OFFLINE to download it.',
      })
    }
    const names = files.map(({ name }) => name)
    const chosen = new Set(selectFiles(names, this.#options))
    const missing = missingParts([...chosen])
    if (missing.length > 0) {
      const problem = `${repository} is not whole in the cache, and the network is not to be used.`
      throw new PocketPhiError('not-found', problem, {
        found: `no ${missing.join(', no ')}`,
        remedy: 'Unset HF_HUB_OFFLINE to download the rest.',
      })
    }
    const pulled = files.filter(({ name }) => chosen.has(name)).map((file) => ({ ...file, received: 0 }))
    for (const file of pulled) this.#options.onFile?.(file)
    return { folder: this.#cache.snapshot(commit), commit, files: pulled }
  }

  async plan(): Promise<PullPlan> {
    this.#report('asking for the list of files')
    const listing = await listRepository(this.#connection, this.#retry, this.#repository, this.#revision)
    const { commit } = listing
    const names = listing.files.map(({ name }) => name)
    const chosen = new Set(selectFiles(names, this.#options))
    const files: RemoteFile[] = []
    for (const file of listing.files.filter(({ name }) => chosen.has(name))) {
      checkFileName(file.name)
      files.push(await describeFile(this.#connection, this.#retry, this.#address(commit, file.name), file))
    }
    return { commit, files, missingBytes: await this.#missingBytes(commit, files) }
  }

  async run(): Promise<Pulled> {
    const plan = await this.plan()
    const { commit, files } = plan
    const here = await Promise.all(files.map((file) => this.#cache.isInSnapshot(commit, file)))
    // Where all is there nothing is written, which a cache that can only be read allows.
    const lock = here.every(Boolean) ? undefined : await this.#keepFromRemoval()
    try {
      return await this.#bring(plan)
    } finally {
      lock?.[Symbol.dispose]()
    }
  }

  async #bring({ commit, files, missingBytes }: PullPlan): Promise<Pulled> {
    await this.#cache.prepare(commit)
    await this.#checkDisk(missingBytes)
    this.#total = files.reduce((sum, { size }) => sum + size, 0)
    const pulled: PulledFile[] = []
    for (const file of files) {
      throwIfAborted(this.#options.signal)
      const received = await this.#pullFile(commit, file)
      this.#done += file.size
      this.#report(file.name)
      pulled.push({ name: file.name, size: file.size, received })
      this.#options.onFile?.({ name: file.name, size: file.size, received })
    }
    await this.#cache.setRef(this.#revision, commit)
    return { folder: this.#cache.snapshot(commit), commit, files: pulled }
  }

  /** What is removed meanwhile would be gone between two files: until this is disposed of, `removeRepositories` refuses. */
  async #keepFromRemoval(): Promise<Disposable> {
    const { clock, signal } = this.#connection
    await this.#cache.prepareLocks()
    const onBusy = (): void => this.#report('waiting until the model has been removed')
    const gate = gateLock(this.#environment.cache, this.#repository)
    return await withLock(gate, { clock, signal, onBusy }, () => takeFree((number) => this.#cache.pullLock(number)))
  }

  #address(commit: string, name: string): string {
    return fileAddress(this.#environment.endpoint, this.#repository, commit, name)
  }

  #report(stage: string, bytes = 0): void {
    this.#options.onProgress?.({ stage, done: this.#done + bytes, total: this.#total, unit: 'bytes' })
  }

  async #missingBytes(commit: string, files: readonly RemoteFile[]): Promise<number> {
    let needed = 0
    for (const file of files) {
      if ((await this.#cache.hasBlob(file)) || (await this.#cache.isInSnapshot(commit, file))) continue
      needed += file.size - (await this.#cache.partialSize(file))
    }
    return needed
  }

  /** @throws PocketPhiError `out-of-memory` before anything is downloaded that the disk cannot hold */
  async #checkDisk(needed: number): Promise<void> {
    const free = await (this.#options.freeBytes ?? freeBytes)(this.#environment.cache)
    if (needed <= free) return
    throw new PocketPhiError('out-of-memory', `The disk has too little room for ${this.#repository}.`, {
      expected: `${inGigabytes(needed)} free in ${this.#environment.cache}`,
      found: inGigabytes(free),
      remedy: 'Free some space, set HF_HUB_CACHE to a folder on another disk, or choose fewer files with --include.',
    })
  }

  /** @returns how many bytes came over the network */
  async #pullFile(commit: string, file: RemoteFile): Promise<number> {
    const { clock, signal } = this.#connection
    if (await this.#cache.isInSnapshot(commit, file)) return 0
    const onBusy = (): void => this.#report(`waiting for another download of ${file.name}`)
    return await withLock(this.#cache.lock(file), { clock, signal, onBusy }, async () => {
      // Another may have brought it meanwhile.
      const received = (await this.#cache.hasBlob(file)) ? 0 : await this.#download(commit, file)
      if (!(await this.#cache.isInSnapshot(commit, file))) await this.#cache.addToSnapshot(commit, file)
      return received
    })
  }

  /** Completes the file and makes it a blob, with the lock held. */
  async #download(commit: string, file: RemoteFile): Promise<number> {
    const partial = await PartialFile.open(this.#cache.partial(file), file, {
      faults: this.#options.faults,
      signal: this.#connection.signal,
      onRead: (bytes) => this.#report(`checking ${file.name}`, bytes),
    })
    let received: number
    try {
      received = await completeFile(file, partial, {
        connection: this.#connection,
        retry: this.#retry,
        address: this.#address(commit, file.name),
        onBytes: (bytes) => this.#report(file.name, bytes),
      })
      await partial.sync()
    } finally {
      await partial[Symbol.asyncDispose]()
    }
    await this.#cache.commitBlob(file)
    return received
  }
}

async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

const inGigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`
