/** What the cache holds, and how it is given back. */
import { randomUUID } from 'node:crypto'
import { readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { PocketPhiError } from '../../base/errors.ts'
import { isGgufName } from '../../formats/gguf.ts'
import type { HubEnvironment } from './environment.ts'
import { cachedRepositories } from './find.ts'
import { isLocked } from './lock.ts'

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
  /** When its newest file came. */
  readonly changed: Date
}

const folderOf = ({ cache }: Cache, repository: string): string =>
  join(cache, ['models', ...repository.split('/')].join('--'))

/** All repositories of models in the cache, those of other tools too, by name. */
export async function keptRepositories(cache: Cache): Promise<KeptRepository[]> {
  const names = await cachedRepositories(cache)
  return await Promise.all(names.sort().map(async (name) => await keptRepository(name, folderOf(cache, name))))
}

async function keptRepository(repository: string, folder: string): Promise<KeptRepository> {
  const blobs = await filesBelow(join(folder, 'blobs'))
  const snapshots = await filesBelow(join(folder, 'snapshots'))
  const isUnfinished = ({ path }: FoundFile): boolean => path.endsWith('.incomplete')
  // Where the system has no links, snapshots hold the files themselves.
  const whole = [...blobs.filter((file) => !isUnfinished(file)), ...snapshots.filter(({ isLink }) => !isLink)]
  const sum = (files: readonly FoundFile[]): number => files.reduce((total, { bytes }) => total + bytes, 0)
  const has = (fits: (name: string) => boolean): boolean => snapshots.some(({ path }) => fits(path))
  return {
    repository,
    bytes: sum(whole),
    unfinishedBytes: sum(blobs.filter(isUnfinished)),
    weights: has((name) => name.endsWith('.safetensors')) ? 'safetensors' : has(isGgufName) ? 'GGUF' : undefined,
    revisions: await revisionsIn(join(folder, 'refs')),
    changed: new Date(Math.max(0, ...[...blobs, ...snapshots].map(({ changed }) => changed))),
  }
}

interface FoundFile {
  readonly path: string
  readonly bytes: number
  readonly isLink: boolean
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
    return [{ path, isLink, bytes: state?.size ?? 0, changed: state?.mtimeMs ?? 0 }]
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
 * Removes a repository with all of its revisions. It is out of sight in one step; what a kill leaves of it goes with the next removal.
 *
 * @returns the bytes that are free again
 * @throws PocketPhiError `not-found`; `not-supported` while it is being downloaded
 */
export async function removeRepository(cache: Cache, repository: string): Promise<number> {
  const kept = (await keptRepositories(cache)).find((one) => one.repository === repository)
  if (kept === undefined) {
    throw new PocketPhiError('not-found', `The cache has no "${repository}".`, {
      remedy: 'phi list shows what it has.',
    })
  }
  await refuseDownloads(cache, repository)
  await rename(folderOf(cache, repository), join(cache.cache, removing + randomUUID()))
  for (const name of await readdir(cache.cache)) {
    if (name.startsWith(removing)) await rm(join(cache.cache, name), { recursive: true, force: true })
  }
  return kept.bytes + kept.unfinishedBytes
}

async function refuseDownloads(cache: Cache, repository: string): Promise<void> {
  const locks = join(cache.cache, '.locks', ['models', ...repository.split('/')].join('--'))
  const names = await readdir(locks).catch(() => [])
  if (!names.some((name) => name.endsWith('.phi.lock') && isLocked(join(locks, name)))) return
  throw new PocketPhiError('not-supported', `"${repository}" is being downloaded.`, {
    remedy: 'End the download first.',
  })
}
