/** What the cache holds, and how it is given back. */
import { randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { PocketPhiError } from '../../base/errors.ts'
import { systemError } from '../../formats/atomic.ts'
import { isGgufName } from '../../formats/gguf.ts'
import type { HubEnvironment } from './environment.ts'
import { cachedRepositories } from './find.ts'
import { tryLocks } from './lock.ts'
import { gateLock, lockEnding, locksFolder, partialEnding, repositoryFolder } from './repository-cache.ts'

type Cache = Pick<HubEnvironment, 'cache'>

export interface KeptRepository {
  /** ORG/NAME */
  readonly repository: string
  /** Of whole files, each content once. */
  readonly bytes: number
  /** Of downloads that were interrupted. */
  readonly unfinishedBytes: number
  /** What the weights are in, where there are any. */
  readonly weights: 'safetensors' | 'GGUF' | undefined
  /** Branches and tags, with the commits that they named when they were downloaded. */
  readonly revisions: ReadonlyMap<string, string>
  /** When its newest file came; undefined where there is none. */
  readonly changed: Date | undefined
}

/** All repositories ORG/NAME of models in the cache, those of other tools too, by name. */
export async function keptRepositories(cache: Cache): Promise<KeptRepository[]> {
  const names = await cachedRepositories(cache)
  return await Promise.all(
    names.sort().map(async (name) => await keptRepository(name, repositoryFolder(cache.cache, name))),
  )
}

async function keptRepository(repository: string, folder: string): Promise<KeptRepository> {
  const blobs = await filesBelow(join(folder, 'blobs'))
  const snapshots = await filesBelow(join(folder, 'snapshots'))
  const isUnfinished = ({ path }: FoundFile): boolean => path.endsWith(partialEnding)
  // Where the system has no symbolic links, snapshots hold the files themselves, or links that are files.
  const whole = [...blobs.filter((file) => !isUnfinished(file)), ...snapshots.filter(({ isLink }) => !isLink)]
  const contents = [...new Map(whole.map((file) => [file.content, file])).values()]
  const sum = (files: readonly FoundFile[]): number => files.reduce((total, { bytes }) => total + bytes, 0)
  const newest = [...blobs, ...snapshots].reduce((latest, { changed }) => Math.max(latest, changed), 0)
  const has = (fits: (name: string) => boolean): boolean => snapshots.some(({ path }) => fits(path))
  return {
    repository,
    bytes: sum(contents),
    unfinishedBytes: sum(blobs.filter(isUnfinished)),
    weights: has((name) => name.endsWith('.safetensors')) ? 'safetensors' : has(isGgufName) ? 'GGUF' : undefined,
    revisions: await revisionsIn(join(folder, 'refs')),
    changed: newest === 0 ? undefined : new Date(newest),
  }
}

interface FoundFile {
  readonly path: string
  readonly bytes: number
  readonly isLink: boolean
  /** The same for all names of one content. */
  readonly content: string
  readonly changed: number
}

/** What is no folder below one that may not be there; links are not followed. */
async function filesBelow(folder: string): Promise<FoundFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  const files = entries.filter((entry) => !entry.isDirectory())
  const found = files.map(async (entry): Promise<FoundFile[]> => {
    const path = join(entry.parentPath, entry.name)
    const isLink = entry.isSymbolicLink()
    // Another process may have taken it away.
    const state = isLink ? undefined : await stat(path).catch(() => undefined)
    const content = state === undefined ? path : `${state.dev} ${state.ino}`
    return [{ path, isLink, content, bytes: state?.size ?? 0, changed: state?.mtimeMs ?? 0 }]
  })
  return (await Promise.all(found)).flat()
}

async function revisionsIn(folder: string): Promise<Map<string, string>> {
  const files = await filesBelow(folder)
  const named = files.map(async ({ path }): Promise<[string, string]> => {
    const commit = await readFile(path, 'utf8').catch(() => '')
    return [path.slice(folder.length + 1).replaceAll('\\', '/'), commit.trim()]
  })
  return new Map(await Promise.all(named))
}

/** What is being removed has this name until it is gone. */
const removing = '.phi-removing-'

/**
 * Removes repositories with all of their revisions, all or none where a name is wrong. Each is out of sight in one step;
 * what a kill leaves of it goes with the next removal.
 *
 * @returns for each the bytes that are free again
 * @throws PocketPhiError `not-found`; `not-supported` while it is being downloaded by this package (others are not seen), and
 * on a file system without locks, where that cannot be known; `invalid-argument` where the system refuses
 */
export async function removeRepositories(cache: Cache, repositories: readonly string[]): Promise<number[]> {
  const kept = await Promise.all(repositories.map((one) => keptRepository(one, repositoryFolder(cache.cache, one))))
  for (const { repository, changed } of kept) {
    if (changed !== undefined || (await cachedRepositories(cache)).includes(repository)) continue
    throw new PocketPhiError('not-found', `The cache has no "${repository}".`, {
      remedy: 'phi list shows what it has.',
    })
  }
  for (const { repository } of kept) await removeRepository(cache, repository)
  return kept.map(({ bytes, unfinishedBytes }) => bytes + unfinishedBytes)
}

async function removeRepository({ cache }: Cache, repository: string): Promise<void> {
  const folder = repositoryFolder(cache, repository)
  const locks = locksFolder(cache, repository)
  const byHand = `where its file system has no locks, downloads cannot be seen: end those of it and delete "${folder}" yourself.`
  try {
    await mkdir(locks, { recursive: true })
    // With it no pull can begin, so that there are no other locks than those which are listed then.
    using gate = tryLocks([gateLock(cache, repository)], byHand)
    if (gate === undefined) throw beingDownloaded(repository)
    const names = (await readdir(locks)).filter((name) => name.endsWith(lockEnding))
    const others = names.map((name) => join(locks, name)).filter((path) => path !== gateLock(cache, repository))
    using held = tryLocks(others, byHand)
    if (held === undefined) throw beingDownloaded(repository)
    await rename(folder, join(cache, removing + randomUUID()))
    for (const name of await readdir(cache)) {
      if (name.startsWith(removing)) await rm(join(cache, name), { recursive: true, force: true })
    }
  } catch (error) {
    throw systemError(folder, error)
  }
}

function beingDownloaded(repository: string): PocketPhiError {
  return new PocketPhiError('not-supported', `"${repository}" is being downloaded.`, {
    remedy: 'End the download first.',
  })
}
