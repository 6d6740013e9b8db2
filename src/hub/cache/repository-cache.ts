/**
 * The cache that huggingface_hub and its relatives share (https://huggingface.co/docs/huggingface_hub/guides/manage-cache):
 *
 *     models--ORG--NAME/blobs/CHECKSUM            the contents, each once
 *     models--ORG--NAME/snapshots/COMMIT/FILE     a relative link to a blob
 *     models--ORG--NAME/refs/main                 the commit that a branch or tag named when it was last asked for
 *     .locks/models--ORG--NAME/                   locks of downloads
 *
 * Whatever appears under a name of this layout is complete. What is on its way has a name of our own, because other tools
 * write to `blobs/CHECKSUM.incomplete` with locks that Node cannot take.
 */
import { randomUUID } from 'node:crypto'
import { copyFile, link, mkdir, open, readFile, readdir, readlink, rename, rm, stat, symlink } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { systemError, type FaultInjector } from '../../formats/atomic.ts'
import type { RemoteFile } from '../listing.ts'
import { isCommit } from '../names.ts'

/** How a snapshot refers to a blob: by the first of these that the file system allows. */
export interface Links {
  readonly symlink: (target: string, path: string) => Promise<void>
  readonly link: (existing: string, path: string) => Promise<void>
  readonly copyFile: (from: string, to: string) => Promise<void>
}

export const systemLinks: Links = { symlink, link, copyFile }

export interface CacheOptions {
  readonly links?: Links | undefined
  readonly faults?: FaultInjector | undefined
}

const nameOf = (repository: string): string => ['models', ...repository.split('/')].join('--')

export function repositoryFolder(cache: string, repository: string): string {
  return join(cache, nameOf(repository))
}

/** Where the locks of downloads are. */
export function locksFolder(cache: string, repository: string): string {
  return join(cache, '.locks', nameOf(repository))
}

/** How the names of our locks end; huggingface_hub has its own, which Node cannot take. */
export const lockEnding = '.phi.lock'

/** What is held for a moment while a pull begins, and for as long as a repository is being removed. */
export function gateLock(cache: string, repository: string): string {
  return join(locksFolder(cache, repository), `gate${lockEnding}`)
}

/** How the names of what is on its way end, whoever brings it. */
export const partialEnding = '.incomplete'

/** The places of one repository in the cache. */
export class RepositoryCache {
  readonly #root: string
  readonly #locks: string
  readonly #links: Links
  readonly #faults: FaultInjector | undefined

  constructor(cache: string, repository: string, { links = systemLinks, faults }: CacheOptions = {}) {
    this.#root = repositoryFolder(cache, repository)
    this.#locks = locksFolder(cache, repository)
    this.#links = links
    this.#faults = faults
  }

  blob(file: RemoteFile): string {
    return join(this.#root, 'blobs', file.checksum.hex)
  }

  /** Named so that `hf cache prune` takes what is left of it for what it is. */
  partial(file: RemoteFile): string {
    return `${this.blob(file)}.phi${partialEnding}`
  }

  /** Not the lock file of huggingface_hub, which has it under the name without `phi`. */
  lock(file: RemoteFile): string {
    return join(this.#locks, file.checksum.hex + lockEnding)
  }

  /** One for each of the pulls that run at once, of which each holds its own from its first file to its last. */
  pullLock(number: number): string {
    return join(this.#locks, `pull-${number}${lockEnding}`)
  }

  snapshot(commit: string): string {
    return join(this.#root, 'snapshots', commit)
  }

  /** Makes the folder of the locks. */
  async prepareLocks(): Promise<void> {
    await this.#makeFolders([this.#locks])
  }

  /** Makes the folders, so that other tools take this one for a repository. */
  async prepare(commit: string): Promise<void> {
    await this.#makeFolders([join(this.#root, 'blobs'), this.snapshot(commit)])
  }

  async #makeFolders(folders: readonly string[]): Promise<void> {
    try {
      for (const folder of folders) await mkdir(folder, { recursive: true })
    } catch (error) {
      throw systemError(this.#root, error)
    }
  }

  /** Whether the whole content is among the blobs. A blob is complete from the moment that it has its name. */
  async hasBlob(file: RemoteFile): Promise<boolean> {
    return (await sizeOf(this.blob(file))) === file.size
  }

  /** How much of a file an interrupted download left. */
  async partialSize(file: RemoteFile): Promise<number> {
    return Math.min(file.size, (await sizeOf(this.partial(file))) ?? 0)
  }

  /** Whether the snapshot has this file with this content. */
  async isInSnapshot(commit: string, file: RemoteFile): Promise<boolean> {
    const path = join(this.snapshot(commit), file.name)
    if ((await sizeOf(path)) !== file.size) return false
    const target = await readlink(path).catch(() => undefined)
    // No link: a copy, where links are impossible. Then the size is all there is to go by.
    return target === undefined || basename(target) === file.checksum.hex
  }

  /** Gives a verified download the name of its blob. */
  async commitBlob(file: RemoteFile): Promise<void> {
    await this.#rename(this.partial(file), this.blob(file))
    await syncFolder(dirname(this.blob(file)))
  }

  /** Puts a blob into a snapshot, in one step. */
  async addToSnapshot(commit: string, file: RemoteFile): Promise<void> {
    const path = join(this.snapshot(commit), file.name)
    const blob = this.blob(file)
    const temporary = `${blob}.phi.link.incomplete`
    try {
      await mkdir(dirname(path), { recursive: true })
      await rm(temporary, { force: true })
      await this.#faults?.before('write', temporary)
      try {
        // The link lies elsewhere until it is renamed, and its text is right for where it will be.
        await this.#links.symlink(relative(dirname(path), blob), temporary)
      } catch {
        await this.#links.link(blob, temporary).catch(() => this.#links.copyFile(blob, temporary))
      }
    } catch (error) {
      throw systemError(path, error)
    }
    await this.#rename(temporary, path)
  }

  /** Notes which commit a branch or tag is at. The folder of refs must never hold anything else, so the file comes by renaming. */
  async setRef(revision: string, commit: string): Promise<void> {
    if (isCommit(revision) || (await this.ref(revision)) === commit) return
    const path = join(this.#root, 'refs', revision)
    const temporary = join(this.#root, 'blobs', `ref-${randomUUID()}.phi.incomplete`)
    try {
      await mkdir(dirname(path), { recursive: true })
      await this.#faults?.before('write', temporary)
      const handle = await open(temporary, 'w')
      try {
        await handle.writeFile(commit)
        await handle.sync()
      } finally {
        await handle.close()
      }
    } catch (error) {
      throw systemError(path, error)
    }
    await this.#rename(temporary, path)
  }

  /** The commit that a revision was at when it was last asked for. */
  async ref(revision: string): Promise<string | undefined> {
    if (isCommit(revision)) return revision
    const text = await readFile(join(this.#root, 'refs', revision), 'utf8').catch(() => '')
    return isCommit(text.trim()) ? text.trim() : undefined
  }

  /** The files of a snapshot that are whole; parts of names separated by `/`. */
  async snapshotFiles(commit: string): Promise<{ name: string; size: number }[]> {
    const folder = this.snapshot(commit)
    const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
    const files: { name: string; size: number }[] = []
    for (const entry of entries.filter((one) => !one.isDirectory())) {
      const path = join(entry.parentPath, entry.name)
      const size = await sizeOf(path)
      if (size !== undefined) files.push({ name: relative(folder, path).replaceAll('\\', '/'), size })
    }
    return files.sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  async #rename(from: string, to: string): Promise<void> {
    await this.#faults?.before('rename', to)
    await rename(from, to).catch((error: unknown) => {
      throw systemError(to, error)
    })
  }
}

/** The size of a file, through links; undefined when there is none. */
async function sizeOf(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined)
  return found?.isFile() === true ? found.size : undefined
}

/** Makes a rename durable. Windows cannot open folders and needs no such thing. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
