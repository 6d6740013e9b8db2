/** Configurations of models by what was typed. */
import { stat } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { PocketPhiError } from '../base/errors.ts'
import { nearestNames } from '../base/nearest.ts'
import { configFile } from '../engine/companions.ts'
import { findLocalModel } from '../engine/find-model.ts'
import { isJsonObject } from '../formats/json.ts'
import { localFolder, type FileTree } from '../formats/tree.ts'
import { publishedConfig, publishedNames, type ConfigJson } from '../models/published.ts'

/**
 * The configuration in a config.json or in the folder of one, or that of a published model by its short name; what is on disk goes
 * before names.
 *
 * @throws PocketPhiError `not-found`, `invalid-config`
 */
export async function readConfig(name: string): Promise<ConfigJson> {
  const place = await findConfig(name)
  if (place === undefined && publishedNames.includes(name)) return publishedConfig(name)
  if (place === undefined) {
    const near = nearestNames(name, publishedNames)
    throw new PocketPhiError('not-found', `There is no configuration "${name}".`, {
      expected: `a config.json, a folder with one, or one of ${publishedNames.join(', ')}`,
      found: `nothing at ${resolve(name)}`,
      ...(near.length === 0 ? {} : { remedy: `Did you mean ${near.join(' or ')}?` }),
    })
  }
  const config = await place.tree.readJson(place.file)
  if (isJsonObject(config)) return config
  throw new PocketPhiError('invalid-config', `"${name}" is no configuration of a model.`, {
    expected: 'a JSON object, as config.json holds it',
  })
}

async function findConfig(name: string): Promise<{ readonly tree: FileTree; readonly file: string } | undefined> {
  const isJson = name.toLowerCase().endsWith('.json')
  if (isJson && (await stat(name).catch(() => undefined))?.isFile() === true) {
    return { tree: localFolder(dirname(name)), file: basename(name) }
  }
  const place = await findLocalModel(name)
  return place === undefined ? undefined : { tree: place.tree, file: configFile }
}
