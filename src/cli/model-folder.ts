/** What was typed as MODEL. */
import { homedir } from 'node:os'
import { confirm, isCancel } from '@clack/prompts'
import { PocketPhiError } from '../base/errors.ts'
import { hasTokenizer } from '../engine/load-text.ts'
import { isGgufModel } from '../engine/model-files.ts'
import { hubEnvironment } from '../hub/cache/environment.ts'
import type { PullPlan } from '../hub/cache/pull.ts'
import { download } from './download.ts'
import { resolveModel, shippedModel, type ModelHost, type NamedModel } from './resolve-model.ts'
import { formatBytes } from './terminal.ts'

export const modelArgument =
  'folder with config.json, tokenizer and safetensors weights, a file of weights in one, a GGUF file, ' +
  'a name of the Hugging Face hub (ORG/NAME, ORG/NAME:Q4_K_M), a short name such as phi-3-mini, or phi-nano, which ships'

/** For commands that take nothing else. */
export const folderArgument =
  'folder with config.json, tokenizer and safetensors weights, a name of the Hugging Face hub (ORG/NAME), or a short name such as phi-3-mini'

/** For commands that need no MODEL. */
export const optionalModelArgument = `${modelArgument} (default: phi-nano)`

async function modelHost(): Promise<ModelHost> {
  const environment = await hubEnvironment(process.env, homedir())
  return {
    environment,
    ask: process.stdin.isTTY && process.stderr.isTTY ? mayDownload : undefined,
    download: ({ repository, ...options }) => download(repository, environment, options),
  }
}

async function mayDownload(name: string, { files, missingBytes }: PullPlan): Promise<boolean> {
  const count = files.length === 1 ? 'one file' : `${files.length} files`
  const answer = await confirm({
    message: `${name} is not on this machine. Download ${count}, ${formatBytes(missingBytes)}?`,
    initialValue: false,
    output: process.stderr,
  })
  return !isCancel(answer) && answer
}

/**
 * Where the files of a model are. On a terminal it may have been downloaded before.
 *
 * @param name what was typed; the model that ships when left out
 * @param needs what will do without a config.json: `weights` a file of safetensors, `tokenizer` a folder with one
 * @throws PocketPhiError `not-found`; as `resolveModel`
 */
export async function modelPlace(
  name: string | undefined,
  needs: 'config' | 'weights' | 'tokenizer' = 'config',
): Promise<NamedModel> {
  const place = await resolveModel(name ?? shippedModel, await modelHost()).catch((error: unknown) => {
    if (name !== undefined || !(error instanceof PocketPhiError)) throw error
    throw new PocketPhiError('not-found', 'The model that ships with the package is not here.', {
      expected: `a model in ${shippedModel}`,
      remedy: 'Name the folder of another model, or train one: phi train RECIPE.',
      cause: error,
    })
  })
  if (needs === 'weights' && place.weightsFile !== undefined) return place
  if (needs === 'tokenizer' && (await hasTokenizer(place.tree))) return place
  if ((await isGgufModel(place.tree, place.weightsFile)) || (await place.tree.has('config.json'))) return place
  throw new PocketPhiError('not-found', `The folder "${place.folder}" is not a model.`, {
    expected: 'config.json and the other files of a model, or a GGUF file',
    found: 'neither',
    remedy: 'A finished training run has its model in the folder "final".',
  })
}

/**
 * The folder of a model in safetensors, for commands that read more of it than the weights.
 *
 * @throws PocketPhiError `not-found`, or `invalid-argument` for a file and for GGUF; as `resolveModel`
 */
export async function modelFolder(name: string | undefined): Promise<string> {
  const { folder, tree, weightsFile } = await modelPlace(name)
  if (await isGgufModel(tree, weightsFile)) {
    throw new PocketPhiError('invalid-argument', `"${name}" is a GGUF model.`, {
      expected: 'the folder of a model in safetensors',
      remedy: 'Name the folder with the weights that it was made from: rounding twice loses more than it saves.',
    })
  }
  if (weightsFile === undefined) return folder
  throw new PocketPhiError('invalid-argument', `"${name}" is a file.`, {
    expected: 'the folder of a model',
    remedy: `This command takes no single file of weights; name its folder: ${folder}`,
  })
}
