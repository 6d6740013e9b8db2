/** From the name of a model to its files. */
import { PocketPhiError } from '../base/errors.ts'
import { nodeModule } from '../base/platform.ts'
import { localFolder, type FileTree } from '../formats/tree.ts'

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

/**
 * Finds a model by what a person calls it: the path of its folder or of its weights, or the short name of one that ships. What
 * lies on disk goes before short names.
 *
 * @throws PocketPhiError `not-found`; `not-supported` outside Node
 */
export async function findModel(name: string): Promise<ModelPlace> {
  const files = nodeModule('node:fs/promises')
  const paths = nodeModule('node:path')
  if (files === undefined || paths === undefined) {
    throw new PocketPhiError('not-supported', 'Models can be found by name only in Node.')
  }
  for (const path of [name, shippedFolder(name)]) {
    const found = path === undefined ? undefined : await files.stat(path).catch(() => undefined)
    if (path === undefined || found === undefined) continue
    const [folder, weightsFile] = found.isDirectory() ? [path, undefined] : [paths.dirname(path), paths.basename(path)]
    return { folder, tree: localFolder(folder), weightsFile }
  }
  const isHubId = /^[\w.-]+\/[\w.-]+$/.test(name)
  throw new PocketPhiError('not-found', `There is no model "${name}".`, {
    expected: `the path of a folder or of a file of weights, or a model that ships: ${shippedNames.join(', ')}`,
    remedy: isHubId
      ? 'Ids of the Hugging Face hub are not known here: download the model, and name its folder.'
      : 'Check the path.',
  })
}
