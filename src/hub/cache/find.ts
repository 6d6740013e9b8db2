/** Models of the hub that are in the cache already. */
import { readdir } from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'
import { PocketPhiError } from '../../base/errors.ts'
import { isGgufName } from '../../formats/gguf.ts'
import type { HubEnvironment } from './environment.ts'
import type { HubName } from '../names.ts'
import { pull } from './pull.ts'

/** Where a model of the hub lies. */
export interface CachedModel {
  readonly folder: string
  /** The GGUF file (of a split one the first part), or the file that was named; undefined for a folder of safetensors. */
  readonly weightsFile: string | undefined
}

/** A name of the hub, in the cache or not. */
export type CacheSearch =
  | { readonly kind: 'found'; readonly model: CachedModel }
  /** The error says what is not there. */
  | { readonly kind: 'missing'; readonly reason: PocketPhiError }

/**
 * Looks for a model in the cache, without the network. It is there when all its weights are.
 *
 * @throws PocketPhiError `invalid-argument` for a revision that cannot be one, and when there are several GGUF files of which
 * none was chosen
 */
export async function findInCache(
  { repository, revision, file }: HubName,
  environment: HubEnvironment,
): Promise<CacheSearch> {
  try {
    const { folder, files } = await pull(repository, { ...environment, offline: true }, { revision, file })
    return {
      kind: 'found',
      model: placeOf(
        folder,
        files.map(({ name }) => name),
        file,
      ),
    }
  } catch (reason) {
    if (reason instanceof PocketPhiError && reason.code === 'not-found') return { kind: 'missing', reason }
    throw reason
  }
}

function placeOf(folder: string, names: readonly string[], chosen: string | undefined): CachedModel {
  const isPlain = names.some((name) => name.endsWith('.safetensors'))
  const weights = chosen !== undefined && names.includes(chosen) ? chosen : isPlain ? undefined : names.find(isGgufName)
  if (weights === undefined) return { folder, weightsFile: undefined }
  return { folder: join(folder, dirname(weights)), weightsFile: posix.basename(weights) }
}

/** The repositories that have a place in the cache, as ORG/NAME, whole or not. */
export async function cachedRepositories({ cache }: Pick<HubEnvironment, 'cache'>): Promise<string[]> {
  const entries = await readdir(cache).catch(() => [])
  return entries.flatMap((entry) => {
    const match = /^models--(.+?)--(.+)$/.exec(entry)
    return match === null ? [] : [`${match[1]}/${match[2]}`]
  })
}
