import type { Arithmetic } from '../backends/webgpu/steps.ts'
import { PocketPhiError } from '../base/errors.ts'
import { nearestNames } from '../base/nearest.ts'
import { checkNode, isNode, nodeModule } from '../base/platform.ts'
import { isGgufName } from '../formats/gguf.ts'
import { httpFolder, memoryFolder, type FileTree } from '../formats/tree.ts'
import { modelFromConfig } from '../models/index.ts'
import type { MemoryPlan } from '../program/plan.ts'
import type { ChatTemplate, TemplateName } from '../text/templates.ts'
import { findModel } from './find-model.ts'
import { defaultSampling } from './generation-config.ts'
import { loadEngine, measureCheckpoint, type LoadOptions } from './load.ts'
import { openModelFiles } from './model-files.ts'
import { PhiModel } from './phi-model.ts'
import { selectBackend, withSelected, type BackendName, type SelectedBackend } from './select-backend.ts'
import { stopIdsOf } from './stops.ts'

/**
 * Where a model's files are. In Node the path of a folder, the path of a file of weights in one, or the short name of the model
 * that ships with the package (`phi-nano`); everywhere the URL of a folder or of a GGUF file (in a page, also relative to it),
 * files by name, files that a user chose, a GGUF file that a user chose, or any other tree of files.
 */
export type ModelSource = string | URL | Blob | ReadonlyMap<string, Blob | Uint8Array> | readonly File[] | FileTree

export interface LoadModelOptions extends LoadOptions {
  /**
   * What computes; `auto` is `webgpu` where there is a GPU that takes the model, else `wasm`, and `PhiModel.execution` says why.
   * `ref` is the float64 oracle: exact and very slow.
   */
  readonly backend?: BackendName | SelectedBackend
  /**
   * Worker threads of the wasm backend; the number of cores, at most 8, when left out. Results do not depend on it. Where
   * threads cannot share memory (a page that is not cross-origin isolated) there are none; `PhiModel.execution` says so.
   */
  readonly threads?: number
  /**
   * What the GPU multiplies in where that may be less than exact (docs/guide/webgpu.md); f32 when left out. f16 means the backend `webgpu`,
   * and is refused by a GPU that has it not. Of a backend by name.
   */
  readonly gpuArithmetic?: Arithmetic
  /** How conversations are written, where tokenizer_config.json does not say or is to be overruled. */
  readonly template?: TemplateName | ChatTemplate
}

/** All of them by name; the compiler sees to it that none is missing. */
const optionNames = {
  ...{ context: true, maxSequences: true, cacheTokens: true, maxRows: true },
  ...{ exact: true, cacheType: true, maxContext: true, memoryLimit: true, expertCache: true, weightsFile: true },
  ...{ backend: true, threads: true, gpuArithmetic: true, template: true },
  ...{ onPlan: true, onProgress: true, signal: true },
} satisfies Record<keyof LoadModelOptions, true>

/** Refuses what would be ignored: who writes JavaScript is told of a misspelt option by nobody else. */
function checkNames(options: LoadModelOptions): void {
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(optionNames, name)) continue
    const [near] = nearestNames(name, Object.keys(optionNames))
    throw new PocketPhiError('invalid-argument', `There is no option "${name}".`, {
      expected: Object.keys(optionNames).join(', '),
      remedy: near === undefined ? 'Leave it out.' : `Did you mean "${near}"?`,
    })
  }
}

/**
 * Loads a model: config.json, model.safetensors (or shards, or our packed 4- and 8-bit files) and, where there are,
 * tokenizer.json, tokenizer_config.json and generation_config.json; or a GGUF file, in which all of that is, whole or in
 * parts. A folder with GGUF files and no safetensors is one of the latter.
 *
 * @throws PocketPhiError `not-found`, `invalid-config`, `invalid-file`, `invalid-argument` (an option that there is not, or out of range),
 * `not-supported` (an architecture that is not built, a Node that is too old), `out-of-memory` (before a byte of weights is read), `aborted`
 */
export async function loadModel(source: ModelSource, options: LoadModelOptions = {}): Promise<PhiModel> {
  checkNames(options)
  const { tree, weightsFile } = await findModelFiles(source, options)
  const files = await openModelFiles(tree, weightsFile)
  try {
    const config = await files.config()
    const { tokenizer, template } = await files.text(options.template)
    const generationConfig = await files.generationConfig()
    const stopIds = stopIdsOf(config, generationConfig, tokenizer)
    const sampling = defaultSampling(generationConfig)
    const tiles = modelFromConfig(config).vision === undefined ? undefined : await files.pictureTiles()
    return await withSelected(await backendOf(options), async (backend) => {
      const engine = await loadEngine(files, backend, options)
      return new PhiModel({ engine, config, tokenizer, template, stopIds, sampling, chosen: backend.chosen, tiles })
    })
  } finally {
    await files.close()
  }
}

/**
 * The memory that `loadModel` would take with these options, and the context that it would have; reads the configuration and
 * the headers of the weights only.
 *
 * @throws PocketPhiError as `loadModel`
 */
export async function measureModel(
  source: ModelSource,
  options: LoadModelOptions = {},
): Promise<MemoryPlan & { readonly contextTokens: number }> {
  checkNames(options)
  const { tree, ...named } = await findModelFiles(source, options)
  return await withSelected(await backendOf(options), (backend) =>
    measureCheckpoint(tree, backend, { ...options, ...named }),
  )
}

/** Where the files of a model are. */
export interface FoundFiles {
  readonly tree: FileTree
  /** The file of the weights, where it was named in place of its folder. */
  readonly weightsFile?: string
}

/** @throws PocketPhiError `not-found`, `aborted`; `not-supported` in a Node that is too old */
export async function findModelFiles(
  source: ModelSource,
  options: Pick<LoadOptions, 'weightsFile' | 'signal'>,
): Promise<FoundFiles> {
  checkNode()
  const { tree, weightsFile = options.weightsFile } = await sourceFiles(source, options.signal)
  return weightsFile === undefined ? { tree } : { tree, weightsFile }
}

async function sourceFiles(
  source: ModelSource,
  signal: AbortSignal | undefined,
): Promise<{ readonly tree: FileTree; readonly weightsFile?: string | undefined }> {
  if (source instanceof URL)
    return source.protocol === 'file:' ? await findModel(pathOf(source)) : remote(source.href, signal)
  if (typeof source === 'string') {
    if (isNode() && !/^https?:/.test(source)) return await findModel(source)
    const page = globalThis.document?.baseURI ?? globalThis.location?.href
    return remote(page === undefined ? source : new URL(source, page).href, signal)
  }
  if (source instanceof Blob) {
    const name = 'name' in source ? String(source.name) : 'model.gguf'
    return { tree: memoryFolder(new Map([[name, source]])), weightsFile: name }
  }
  if (Array.isArray(source)) {
    return { tree: memoryFolder(new Map((source as readonly File[]).map((file) => [file.name, file]))) }
  }
  return { tree: 'readJson' in source ? source : memoryFolder(source as ReadonlyMap<string, Blob | Uint8Array>) }
}

/** The folder of a URL; for that of a GGUF file, the folder that it is in. */
function remote(url: string, signal: AbortSignal | undefined): FoundFiles {
  const options = signal === undefined ? {} : { signal }
  if (!URL.canParse(url)) return { tree: httpFolder(url, options) }
  const { pathname, search } = new URL(url)
  const name = pathname.slice(pathname.lastIndexOf('/') + 1)
  if (!isGgufName(name)) return { tree: httpFolder(url, options) }
  return { tree: httpFolder(new URL(`./${search}`, url).href, options), weightsFile: decodeURIComponent(name) }
}

function pathOf(url: URL): string {
  const path = nodeModule('node:url')?.fileURLToPath(url)
  if (path !== undefined) return path
  throw new PocketPhiError('not-supported', 'Files by path can only be read in Node.')
}

async function backendOf(options: LoadModelOptions): Promise<SelectedBackend> {
  const { backend = 'auto', threads, gpuArithmetic, exact, expertCache } = options
  if (typeof backend !== 'string') return backend
  const forWasm = threads === undefined ? {} : { wasm: () => ({ threads }), onlyWasm: 'a number of threads' }
  const forExperts = expertCache === undefined ? {} : { onlyWasm: 'a cache of experts' }
  return await selectBackend(backend, { ...forExperts, ...forWasm, gpuArithmetic, exact })
}
