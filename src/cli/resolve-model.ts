/** From what was typed as MODEL to its files: on disk, a short name, or a name of the hub whose files are in the cache. */
import { stat } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { PocketPhiError } from '../base/errors.ts'
import { findLocalModel, noSuchModel, shippedFolder, type ModelPlace, type Search } from '../engine/find-model.ts'
import { localFolder } from '../formats/tree.ts'
import type { HubEnvironment } from '../hub/cache/environment.ts'
import { cachedRepositories, findInCache, type CachedModel } from '../hub/cache/find.ts'
import { formatHubName, parseHubName, type HubName } from '../hub/names.ts'
import { planPull, type PullPlan } from '../hub/cache/pull.ts'
import { publishedRepositories } from '../models/published-repositories.ts'
import { quoted } from './shell.ts'

const shippedName = 'phi-nano'

/** The folder of the model that ships with the package. */
export const shippedModel = shippedFolder(shippedName) ?? shippedName

/** A model that was found. */
export interface NamedModel extends ModelPlace {
  /** For headings: the name that it was called by, of what lies on disk the path from here. */
  readonly name: string
}

/** What a search may use beside the disk. */
export interface ModelHost {
  readonly environment: HubEnvironment
  /** Whether the person wants to have it downloaded; left out where there is nobody to ask. */
  readonly ask?: ((name: string, plan: PullPlan) => Promise<boolean>) | undefined
  readonly download: (name: HubName) => Promise<unknown>
}

/**
 * Finds a model by what a person calls it: the path of its folder or of its weights; the short name of one that ships or of a
 * published one; ORG/NAME of the hub, with `@REVISION` or `:FILE` behind it. What lies on disk goes first. Models of the hub
 * come from the cache; what is not there is downloaded only if the person who is asked says so.
 *
 * @throws PocketPhiError `not-found` with the command that downloads it; `invalid-argument` when there are several GGUF files
 * and none was chosen; what `pull` throws
 */
export async function resolveModel(name: string, host: ModelHost): Promise<NamedModel> {
  const local = await findLocalModel(name)
  if (local !== undefined) return { ...local, name: localName(local) }
  const hub = looksLikeFile(name) ? undefined : parseHubName(name, publishedRepositories)
  if (hub === undefined) throw await unknownName(name, host.environment)
  return { ...placeOf(await fromHub(name, hub, host)), name }
}

function localName({ folder, weightsFile }: ModelPlace): string {
  const path = weightsFile === undefined ? folder : resolve(folder, weightsFile)
  if (path === shippedModel) return shippedName
  const near = relative(process.cwd(), path)
  return near.startsWith('..') || near === '' ? path : near
}

/** Names of files are no names of the hub, although they may have their form. */
function looksLikeFile(name: string): boolean {
  return !name.includes(':') && /\.(?:gguf|safetensors|json)$/i.test(name)
}

function placeOf({ folder, weightsFile }: CachedModel): ModelPlace {
  return { folder, tree: localFolder(folder), weightsFile }
}

async function fromHub(typed: string, hub: HubName, host: ModelHost): Promise<CachedModel> {
  const cached = await findInCache(hub, host.environment)
  if (cached.kind === 'found') return cached.model
  const { ask, environment } = host
  // Beside other folders a name of that form is rather that of a folder, misspelt.
  if (ask === undefined || environment.offline || (await isBesideOthers(typed))) {
    throw await notInCache(typed, hub, cached.reason, environment)
  }
  const plan = await planPull(hub.repository, environment, hub).catch(async (cause: unknown) => {
    if (!(cause instanceof PocketPhiError) || cause.code !== 'not-found') throw cause
    throw await notOnHub(typed, hub, cause, environment)
  })
  if (!(await ask(formatHubName(hub), plan))) throw await notInCache(typed, hub, cached.reason, environment)
  await host.download(hub)
  const found = await findInCache(hub, environment)
  if (found.kind === 'found') return found.model
  throw found.reason
}

async function isBesideOthers(name: string): Promise<boolean> {
  if (!name.includes('/')) return false
  const parent = await stat(dirname(name)).catch(() => undefined)
  return parent?.isDirectory() === true
}

const shortNames = [...publishedRepositories.keys()]
const placesOfModels = `the path of a folder or of a file of weights, ORG/NAME of the hub, a short name (${[shippedName, ...shortNames].join(', ')})`

async function unknownName(name: string, environment: HubEnvironment): Promise<PocketPhiError> {
  return await noSuchModel(name, {
    expected: placesOfModels,
    looked: ['no short name, and none that the hub could have'],
    known: [...shortNames, ...(await cachedRepositories(environment))],
  })
}

async function notInCache(
  name: string,
  hub: HubName,
  reason: PocketPhiError,
  environment: HubEnvironment,
): Promise<PocketPhiError> {
  const offline = environment.offline ? ' (without HF_HUB_OFFLINE)' : ''
  return await missing(name, hub, environment, {
    looked: [inCache(hub, environment, reason)],
    remedy: `Download it${offline}: phi pull ${quoted(formatHubName(hub))}`,
    cause: reason,
  })
}

/** Why the cache does not do, with the place that was looked into. */
function inCache({ repository, revision }: HubName, { cache }: HubEnvironment, reason: PocketPhiError): string {
  const folder = join(cache, ['models', ...repository.split('/')].join('--'))
  const at = revision === undefined ? '' : ` at revision ${revision}`
  // Of a repository that is there in part its files are listed, which says what is missing.
  const there = reason.found === undefined ? '' : `: ${reason.found.replaceAll('\n', ', ')}`
  return `no whole model${at} in the cache, ${folder}${there}`
}

async function notOnHub(
  name: string,
  hub: HubName,
  cause: PocketPhiError,
  environment: HubEnvironment,
): Promise<PocketPhiError> {
  const { cache, endpoint } = environment
  const said = cause.message.replaceAll('\n', ', ')
  return await missing(name, hub, environment, {
    looked: [`nothing in the cache, ${cache}`, `at ${endpoint}: ${said}`],
    cause,
  })
}

async function missing(
  name: string,
  { repository }: HubName,
  environment: HubEnvironment,
  search: Pick<Search, 'looked' | 'remedy' | 'cause'>,
): Promise<PocketPhiError> {
  const isPublished = [...publishedRepositories.values()].includes(repository)
  const known = [...shortNames, ...(await cachedRepositories(environment))].filter((other) => other !== repository)
  return await noSuchModel(name, {
    ...search,
    expected: 'a folder or a file of that name, or the model in the cache of the hub',
    known,
    isRight: isPublished,
  })
}
