/** From what was typed as MODEL to a folder. */
import { stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PocketPhiError } from '../base/errors.ts'

/** The folder of the package: two above this file, in src/ as in dist/. */
const packageFolder = fileURLToPath(new URL('../..', import.meta.url))

/** The model that ships with the package. */
export const shippedModel = join(packageFolder, 'models', 'phi-nano')

export const modelArgument = 'folder with config.json, tokenizer files and safetensors weights'

async function kindOf(path: string): Promise<'folder' | 'file' | 'nothing'> {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) return 'nothing'
  return found.isDirectory() ? 'folder' : 'file'
}

/**
 * The folder of a model.
 *
 * @param name what was typed; the model that ships when left out
 * @throws PocketPhiError `not-found`, or `not-supported` for what is no folder yet can be a model elsewhere
 */
export async function modelFolder(name: string | undefined): Promise<string> {
  const path = name ?? shippedModel
  const kind = await kindOf(path)
  if (kind === 'folder' && (await kindOf(join(path, 'config.json'))) === 'file') return path
  if (name === undefined) {
    throw new PocketPhiError('not-found', 'The model that ships with the package is not here.', {
      expected: `a model in ${path}`,
      remedy: 'Name the folder of another model, or train one: phi train RECIPE.',
    })
  }
  if (kind === 'folder') {
    throw new PocketPhiError('not-found', `The folder "${name}" is not a model.`, {
      expected: modelArgument,
      found: 'no config.json',
      remedy: 'A finished training run has its model in the folder "final".',
    })
  }
  const later = 'Single files, Hugging Face ids and short names are not supported yet.'
  if (kind === 'file') {
    throw new PocketPhiError('not-supported', `"${name}" is a file.`, {
      expected: `a ${modelArgument}`,
      remedy: `${later} Name the folder that the file is in.`,
    })
  }
  throw new PocketPhiError('not-found', `There is no folder "${name}".`, {
    expected: `the path of a ${modelArgument}`,
    remedy: /^[\w.-]+(?:\/[\w.-]+)?$/.test(name) ? `${later} Download the model first.` : 'Check the path.',
  })
}

/** A short name of a model folder, for headings. */
export function modelName(folder: string): string {
  if (folder === shippedModel) return 'phi-nano'
  const near = relative(process.cwd(), folder)
  return near.startsWith('..') || near === '' ? folder : near
}
