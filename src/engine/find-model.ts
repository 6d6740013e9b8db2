/** From the name of a model to its files. */
import { PocketPhiError } from '../base/errors.ts'
import { nearestNames } from '../base/nearest.ts'
import { nodeModule } from '../base/platform.ts'
import { localFolder, type FileTree } from '../formats/tree.ts'
import { publishedRepositories } from '../models/published-repositories.ts'

/** Where the files of a model are. */
export interface ModelPlace {
  readonly folder: string
  /** The files of that folder. */
  readonly tree: FileTree
  /** The file of the weights within the folder, where that was named. */
  readonly weightsFile: string | undefined
}

/** Models that ship with the package, by their short names. */
const shippedNames: readonly string[] = ['phi-nano']

/** The folder of a model that ships with the package; undefined for other names, and outside Node. */
export function shippedFolder(name: string): string | undefined {
  const urls = nodeModule('node:url')
  const paths = nodeModule('node:path')
  if (urls === undefined || paths === undefined || !shippedNames.includes(name)) return undefined
  // Two above this file, in src/ as in dist/. A bundler takes `new URL(…, import.meta.url)` for a file to carry along.
  return paths.join(paths.dirname(urls.fileURLToPath(import.meta.url)), '..', '..', 'models', name)
}

function modulesOfNode() {
  const files = nodeModule('node:fs/promises')
  const paths = nodeModule('node:path')
  if (files !== undefined && paths !== undefined) return { files, paths }
  throw new PocketPhiError('not-supported', 'Models can be found by name only in Node.')
}

/**
 * A model on this disk: the path of its folder or of its weights, or the short name of one that ships. What lies on disk goes
 * before short names. Undefined when there is none.
 *
 * @throws PocketPhiError `invalid-argument` for a file whose name is not that of weights; `not-supported` outside Node
 */
export async function findLocalModel(name: string): Promise<ModelPlace | undefined> {
  const { files, paths } = modulesOfNode()
  for (const path of [name, shippedFolder(name)]) {
    const found = path === undefined ? undefined : await files.stat(path).catch(() => undefined)
    if (path === undefined || found === undefined) continue
    if (found.isFile() && !/\.(?:gguf|safetensors|index\.json)$/i.test(path)) throw notWeights(name)
    const [folder, weightsFile] = found.isDirectory() ? [path, undefined] : [paths.dirname(path), paths.basename(path)]
    return { folder, tree: localFolder(folder), weightsFile }
  }
  return undefined
}

function notWeights(name: string): PocketPhiError {
  return new PocketPhiError('invalid-argument', `"${name}" is no file of weights.`, {
    expected: 'a folder with config.json, or a file that ends in .safetensors, .safetensors.index.json or .gguf',
    found: 'another ending',
    ...(name.endsWith('.json') && { remedy: 'Name its folder, if that is a model.' }),
  })
}

/**
 * The same for those who cannot do without.
 *
 * @throws PocketPhiError `not-found`, `invalid-argument`; `not-supported` outside Node
 */
export async function findModel(name: string): Promise<ModelPlace> {
  const place = await findLocalModel(name)
  if (place !== undefined) return place
  const repository = publishedRepositories.get(name) ?? (/^[\w.-]+\/[\w.-]+$/.test(name) ? name : undefined)
  throw await noSuchModel(name, {
    expected: `the path of a folder or of a file of weights, or a model that ships: ${shippedNames.join(', ')}`,
    known: publishedRepositories.keys(),
    isRight: publishedRepositories.has(name),
    ...(repository === undefined
      ? {}
      : { remedy: `Download it with "phi pull ${repository}", and name the folder that it prints.` }),
  })
}

/** What a search for a model knew, beside what lies on this disk. */
export interface Search {
  /** What else the name could have been, as a phrase. */
  readonly expected: string
  /** Where else it was looked for, as phrases after "nothing at PATH". */
  readonly looked?: readonly string[]
  /** Other names that may have been meant. */
  readonly known?: Iterable<string>
  /** Whether the name is that of a model, so that nothing near it was meant. */
  readonly isRight?: boolean
  /** What to do if the name is right. */
  readonly remedy?: string
  readonly cause?: unknown
}

/** Whether a text can only have been meant as a path, so that nothing is to be said of names. */
function looksLikePath(name: string): boolean {
  return /^(?:\.{0,2}[\\/]|~|[A-Za-z]:\\)/.test(name) || /\.(?:gguf|safetensors|json)$/i.test(name)
}

/** The error for a name that is that of no model: what was looked for, where, and which names are near; of a path, the path alone. */
export async function noSuchModel(
  name: string,
  { expected, looked = [], known = [], isRight = false, remedy, cause }: Search,
): Promise<PocketPhiError> {
  const { paths } = modulesOfNode()
  const isPath = looksLikePath(name)
  const names = isPath ? [] : nearestNames(name, [...shippedNames, ...known])
  const near = isRight ? [] : [...(await nearOnDisk(name)), ...names]
  const meant = [...new Set(near)].slice(0, 3).join(' or ')
  const remedies = [
    ...(meant === '' ? [] : [`Did you mean ${meant}?`]),
    ...(remedy === undefined || isPath ? [] : [remedy]),
  ]
  return new PocketPhiError('not-found', `There is no model "${name}" here.`, {
    ...(isPath ? {} : { expected }),
    found: [`nothing at ${paths.resolve(name)}`, ...(isPath ? [] : looked)].join('\n'),
    remedy: remedies.length === 0 ? 'Check the path.' : remedies.join('\n'),
    cause,
  })
}

/** Paths whose last part is near to that of a path which is not there. */
async function nearOnDisk(name: string): Promise<string[]> {
  const { files, paths } = modulesOfNode()
  const entries = await files.readdir(paths.dirname(paths.resolve(name))).catch(() => [])
  return nearestNames(paths.basename(name), entries).map((entry) => paths.join(paths.dirname(name), entry))
}
