/** Where the files of a model are that is here: shipped with the page, kept by it, or opened by the user for this visit. */
import { PocketPhiError, type RemoteSource } from 'pocket-phi/worker'
import { shippedModel } from './catalogue.ts'
import { describeStored, openFolder } from './stored.ts'

export type ModelChoice =
  | { readonly kind: 'shipped'; readonly name: string }
  | { readonly kind: 'stored'; readonly name: string }
  | { readonly kind: 'local'; readonly name: string; readonly files: readonly File[] }

export interface ModelFiles {
  readonly files: RemoteSource
  readonly weightsFile: string | undefined
}

/** What the user chose before, by its name. */
export function choiceOf(name: string): ModelChoice {
  return name === shippedModel ? { kind: 'shipped', name } : { kind: 'stored', name }
}

/** @throws PocketPhiError `not-found` for a model that is not here, or not whole; `invalid-file` for files that are no model */
export async function sourceOf(choice: ModelChoice): Promise<ModelFiles> {
  if (choice.kind === 'shipped') return { files: await shippedFiles(choice.name), weightsFile: undefined }
  if (choice.kind === 'local') return localFiles(choice.files)
  const folder = await openFolder(choice.name)
  const stored = folder === undefined ? undefined : await describeStored(folder)
  if (folder === undefined || stored?.isWhole !== true || stored.name !== choice.name) {
    throw new PocketPhiError('not-found', `${choice.name} is not on this device.`, {
      remedy: 'Download it under Models, or choose another model.',
    })
  }
  return { files: folder, weightsFile: stored.weightsFile }
}

const shippedFileNames = [
  'config.json',
  'generation_config.json',
  'model.safetensors',
  'tokenizer.json',
  'tokenizer_config.json',
]

/** Whole files, which the service worker has: it answers no ranges. */
async function shippedFiles(name: string): Promise<ReadonlyMap<string, Blob>> {
  const files = await Promise.all(
    shippedFileNames.map(async (file) => {
      const response = await fetch(`./models/${name}/${file}`)
      if (response.ok) return [file, await response.blob()] as const
      throw new PocketPhiError('network', `The file "${file}" of ${name} cannot be had.`, {
        found: `status ${response.status}`,
        remedy: 'Reload the page while the network is there.',
      })
    }),
  )
  return new Map(files)
}

function localFiles(files: readonly File[]): ModelFiles {
  const weightsFile = files.find(({ name }) => /\.gguf$/i.test(name))?.name
  if (weightsFile === undefined && !files.some(({ name }) => name.endsWith('.safetensors'))) {
    throw new PocketPhiError('invalid-file', 'These files hold no weights of a model.', {
      expected: 'a .gguf file, or a folder with config.json, .safetensors and tokenizer.json',
      found:
        files
          .map(({ name }) => name)
          .slice(0, 5)
          .join(', ') || 'no files',
    })
  }
  return { files, weightsFile }
}
