/** The files that a recipe names, and what tells them from other files of the same name. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { glob, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { PocketPhiError } from '../../base/errors.ts'
import { httpSource } from '../../formats/http.ts'
import type { DataRecipe, DataSource } from './recipe.ts'
import { formatOf } from './sources/read-file.ts'

export interface InputFile {
  readonly source: DataSource
  /** Absolute, or a URL. */
  readonly path: string
  /** As the recipe's patterns find it: the same wherever the folder of the input is. */
  readonly name: string
  readonly identity: string
}

export const isUrl = (path: string): boolean => /^https?:/.test(path)

/** Where a file is, for workers in any folder: absolute, or a URL. */
export const locate = (name: string, folder: string): string => (isUrl(name) ? name : resolve(folder, name))

/** Files that fit patterns, by name. */
export async function filesOf(patterns: readonly string[], folder: string): Promise<string[]> {
  const names = new Set<string>()
  for (const pattern of patterns) {
    if (isUrl(pattern)) names.add(pattern)
    else for await (const name of glob(pattern, { cwd: folder })) names.add(name.replaceAll('\\', '/'))
  }
  const isFile = await Promise.all(
    [...names].map(async (name) => isUrl(name) || (await stat(resolve(folder, name))).isFile()),
  )
  return [...names].filter((_, index) => isFile[index] === true).sort()
}

/**
 * SHA-256 of a local file; of one on a server its address and size.
 *
 * @throws PocketPhiError `not-found`, and what asking a server throws
 */
export async function identityOf(path: string): Promise<string> {
  if (isUrl(path)) {
    const source = await httpSource(path)
    await source.close()
    return `${path} ${source.size}`
  }
  const hash = createHash('sha256')
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array)
  } catch (cause) {
    throw new PocketPhiError('not-found', `"${path}" cannot be read.`, {
      expected: 'a file that the recipe names',
      cause,
    })
  }
  return hash.digest('hex')
}

/**
 * All files of a recipe, source by source.
 *
 * @param folder that paths are taken from
 * @throws PocketPhiError `not-found` for a source without files
 */
export async function inputFiles(recipe: DataRecipe, folder: string): Promise<InputFile[]> {
  const files: InputFile[] = []
  for (const source of recipe.sources) {
    const all = await filesOf(source.files, folder)
    const known = all.filter((name) => formatOf(name) !== undefined)
    if (known.length === 0) {
      throw new PocketPhiError('not-found', `The source "${source.name}" has no files.`, {
        expected: `${source.files.join(', ')} in "${folder}"`,
        found: all.length === 0 ? 'none' : `none of a format that is read, but ${all.slice(0, 5).join(', ')}`,
        remedy: 'Name another folder with --input, or correct "sources".',
      })
    }
    for (const name of known) {
      const path = locate(name, folder)
      files.push({ source, path, name, identity: await identityOf(path) })
    }
  }
  return files
}
