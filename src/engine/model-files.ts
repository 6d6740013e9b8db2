/** What a model is read from: a folder of the published layout, or a GGUF file. Nothing else knows that there are two. */
import { ggufConfig, publishedCheckpoint } from '../formats/gguf-phi3.ts'
import { isGgufName, openGguf } from '../formats/gguf.ts'
import { openSafetensors, type Checkpoint } from '../formats/safetensors.ts'
import type { FileTree } from '../formats/tree.ts'
import { embeddings } from '../models/parts.ts'
import { sharedEmbeddings } from '../models/phi3v.ts'
import type { ChatTemplate, TemplateName } from '../text/templates.ts'
import { readGenerationConfig } from './generation-config.ts'
import { readPictureTiles } from './album.ts'
import { ggufText, loadText, type ModelText } from './load-text.ts'
import type { WeightsFile } from './weights.ts'

/** The parts of a model, each read when it is asked for. */
export interface ModelFiles {
  /**
   * The fields of config.json.
   * @throws PocketPhiError `not-found`, `invalid-config`, `invalid-file`, `not-supported`
   */
  config(): Promise<Readonly<Record<string, unknown>>>
  /** The open weights; `close` closes them. @throws PocketPhiError as `openSafetensors` and `openGguf` */
  weights(): Promise<WeightsFile>
  /** @param wish overrules how conversations are written @throws PocketPhiError `invalid-file`, `not-supported` */
  text(wish?: TemplateName | ChatTemplate): Promise<ModelText>
  /** The parsed generation_config.json; undefined where there is none. */
  generationConfig(): Promise<unknown>
  /** The most tiles that a picture is cut into, as preprocessor_config.json says; undefined where it does not. */
  pictureTiles(): Promise<number | undefined>
  /** Leaves the weights open in the end, for whoever goes on reading them. */
  keepWeights(): void
  close(): Promise<void>
}

/**
 * Whether a model is in a GGUF file: the one that was named, or one in a folder without weights in safetensors.
 * @param weightsFile the file of the weights within the folder, where that was named
 */
export async function isGgufModel(tree: FileTree, weightsFile?: string): Promise<boolean> {
  if (weightsFile !== undefined) return isGgufName(weightsFile)
  // Folders of a web server cannot be listed; they are taken for published ones.
  const names = await tree.list().catch(() => [])
  return names.some(isGgufName) && !names.some((name) => name.endsWith('.safetensors'))
}

/**
 * Opens what a model is read from. A GGUF file is opened here, files of a folder when they are asked for.
 *
 * @param weightsFile the file of the weights within the folder: where it is not called as usual, or a GGUF file (of a split
 *   one any part)
 * @throws PocketPhiError as `openGguf`
 */
export async function openModelFiles(tree: FileTree, weightsFile?: string): Promise<ModelFiles> {
  return (await isGgufModel(tree, weightsFile)) ? await ggufFiles(tree, weightsFile) : folderFiles(tree, weightsFile)
}

/**
 * Opens weights in the published layout. Those of models that see may hold the embeddings under the name of their vision part alone.
 *
 * @throws PocketPhiError as `openSafetensors`
 */
export async function openPublished(tree: FileTree, weightsFile?: string): Promise<Checkpoint> {
  const file = await openSafetensors(tree, weightsFile)
  if (!file.has(sharedEmbeddings) || file.has(embeddings)) return file
  const nameOf = (name: string): string => (name === embeddings ? sharedEmbeddings : name)
  return {
    metadata: file.metadata,
    names: () => file.names().map((name) => (name === sharedEmbeddings ? embeddings : name)),
    has: (name) => file.has(nameOf(name)),
    info: (name) => file.info(nameOf(name)),
    read: (name, options) => file.read(nameOf(name), options),
    readFloat32: (name, options) => file.readFloat32(nameOf(name), options),
    close: () => file.close(),
  }
}

function folderFiles(tree: FileTree, weightsFile: string | undefined): ModelFiles {
  let opened: Promise<WeightsFile> | undefined
  let areKept = false
  return {
    config: async () => (await tree.readJson('config.json')) as Readonly<Record<string, unknown>>,
    weights: () => (opened ??= openPublished(tree, weightsFile)),
    text: (wish) => loadText(tree, wish),
    generationConfig: () => readGenerationConfig(tree),
    pictureTiles: () => readPictureTiles(tree),
    keepWeights() {
      areKept = true
    },
    async close() {
      if (!areKept) await (await opened?.catch(() => undefined))?.close()
    },
  }
}

async function ggufFiles(tree: FileTree, file: string | undefined): Promise<ModelFiles> {
  const gguf = await openGguf(tree, file)
  let areKept = false
  return {
    config: () => ggufConfig(gguf),
    weights: async () => publishedCheckpoint(gguf),
    text: async (wish) => ggufText(gguf.metadata, wish),
    generationConfig: () => Promise.resolve(undefined),
    pictureTiles: () => Promise.resolve(undefined),
    keepWeights() {
      areKept = true
    },
    async close() {
      if (!areKept) await gguf.close()
    },
  }
}
