/** What was typed as MODEL. */
import { relative, resolve } from 'node:path'
import { PocketPhiError } from '../base/errors.ts'
import { findModel, shippedFolder, type ModelPlace } from '../engine/find-model.ts'
import { isGgufModel } from '../engine/model-files.ts'

const shippedName = 'phi-nano'

/** The model that ships with the package. */
export const shippedModel = shippedFolder(shippedName) ?? shippedName

export const modelArgument =
  'folder with config.json, tokenizer and safetensors weights, a file of weights in one, a GGUF file, or phi-nano, which ships'

/** For commands that need no MODEL. */
export const optionalModelArgument = `${modelArgument} (default: phi-nano)`

/**
 * Where the files of a model are.
 *
 * @param name what was typed; the model that ships when left out
 * @param needs `weights` where a file of safetensors will do that has no config.json beside it
 * @throws PocketPhiError `not-found`
 */
export async function modelPlace(
  name: string | undefined,
  needs: 'config' | 'weights' = 'config',
): Promise<ModelPlace> {
  const place = await findModel(name ?? shippedModel).catch((error: unknown) => {
    if (name !== undefined || !(error instanceof PocketPhiError)) throw error
    throw new PocketPhiError('not-found', 'The model that ships with the package is not here.', {
      expected: `a model in ${shippedModel}`,
      remedy: 'Name the folder of another model, or train one: phi train RECIPE.',
      cause: error,
    })
  })
  if (needs === 'weights' && place.weightsFile !== undefined) return place
  if ((await isGgufModel(place.tree, place.weightsFile)) || (await place.tree.has('config.json'))) return place
  throw new PocketPhiError('not-found', `The folder "${place.folder}" is not a model.`, {
    expected: 'config.json and the other files of a model, or a GGUF file',
    found: 'neither',
    remedy: 'A finished training run has its model in the folder "final".',
  })
}

/**
 * The folder of a model in safetensors, for commands that read more of it than its weights.
 *
 * @throws PocketPhiError `not-found`, or `invalid-argument` for a file and for GGUF
 */
export async function modelFolder(name: string | undefined): Promise<string> {
  const { folder, tree, weightsFile } = await modelPlace(name)
  if (await isGgufModel(tree, weightsFile)) {
    throw new PocketPhiError('invalid-argument', `"${name}" is a GGUF model.`, {
      expected: 'the folder of a model in safetensors',
      remedy: 'This command takes no GGUF files; phi run, chat, tokenize, info and verify do.',
    })
  }
  if (weightsFile === undefined) return folder
  throw new PocketPhiError('invalid-argument', `"${name}" is a file.`, {
    expected: 'the folder of a model',
    remedy: `This command takes no single file of weights; name its folder: ${folder}`,
  })
}

/** A short name of a model, for headings. */
export function modelName(folder: string, weightsFile?: string): string {
  const path = weightsFile === undefined ? folder : resolve(folder, weightsFile)
  if (path === shippedModel) return shippedName
  const near = relative(process.cwd(), path)
  return near.startsWith('..') || near === '' ? path : near
}
