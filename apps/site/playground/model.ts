/** phi-nano from the site's own server: its engine in a worker, its tokenizer here. */
import { loadTokenizerJson, type Progress, type Tokenizer } from 'pocket-phi'
import { PocketPhiError, startEngine, type RemoteModel } from 'pocket-phi/worker'

export interface PlaygroundModel {
  readonly model: RemoteModel
  readonly tokenizer: Tokenizer
}

const fileNames = [
  'config.json',
  'generation_config.json',
  'model.safetensors',
  'tokenizer.json',
  'tokenizer_config.json',
]

/** A whole file: what keeps the site for later answers no ranges. */
async function fetchFile(name: string): Promise<Blob> {
  const response = await fetch(`../models/phi-nano/${name}`)
  if (response.ok) return await response.blob()
  throw new PocketPhiError('network', `The file "${name}" of phi-nano cannot be had.`, {
    found: `status ${response.status}`,
    remedy: 'Reload the page while the network is there.',
  })
}

/** @throws PocketPhiError `network` where a file is missing, and what `loadModel` throws */
export async function loadPhiNano(onProgress: (progress: Progress) => void): Promise<PlaygroundModel> {
  const files = new Map(await Promise.all(fileNames.map(async (name) => [name, await fetchFile(name)] as const)))
  const model = await startEngine().loadModel(files, { onProgress })
  const tokenizerJson = JSON.parse((await files.get('tokenizer.json')?.text()) ?? '') as unknown
  return { model, tokenizer: loadTokenizerJson(tokenizerJson) }
}
