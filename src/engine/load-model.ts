import type { Backend } from '../backends/backend.ts'
import { referenceBackend } from '../backends/ref/index.ts'
import { wasmBackend } from '../backends/wasm/index.ts'
import { PocketPhiError } from '../base/errors.ts'
import { isNode, nodeModule } from '../base/platform.ts'
import { httpFolder, localFolder, memoryFolder, type FileTree } from '../formats/tree.ts'
import type { MemoryPlan } from '../program/plan.ts'
import type { ChatTemplate, TemplateName } from '../text/templates.ts'
import { findModel } from './find-model.ts'
import { defaultSampling, readGenerationConfig } from './generation-config.ts'
import { loadText } from './load-text.ts'
import { loadCheckpoint, measureCheckpoint, type LoadOptions } from './load.ts'
import { PhiModel } from './phi-model.ts'
import { stopIdsOf } from './stops.ts'

/**
 * Where a model's files are. In Node the path of a folder, the path of a file of weights in one, or the short name of the model
 * that ships with the package (`phi-nano`); everywhere the URL of a folder (in a page, also relative to it), files by name,
 * files that a user chose, or any other tree of files.
 */
export type ModelSource = string | URL | ReadonlyMap<string, Blob | Uint8Array> | readonly File[] | FileTree

export interface LoadModelOptions extends LoadOptions {
  /** What computes; `auto` is `wasm`. `ref` is the float64 oracle: exact and very slow. */
  readonly backend?: 'auto' | 'wasm' | 'ref' | Backend
  /**
   * Worker threads of the wasm backend; the number of cores, at most 8, when left out. Results do not depend on it. Where
   * threads cannot share memory (a page that is not cross-origin isolated) there are none; `PhiModel.execution` says so.
   */
  readonly threads?: number
  /** How conversations are written, where tokenizer_config.json does not say or is to be overruled. */
  readonly template?: TemplateName | ChatTemplate
}

/**
 * Loads a model: config.json, model.safetensors (or shards, or our packed 4- and 8-bit files) and, where there are,
 * tokenizer.json, tokenizer_config.json and generation_config.json.
 *
 * @throws PocketPhiError `not-found`, `invalid-config`, `invalid-file`, `not-supported` (an architecture that is not built),
 * `out-of-memory` (before a byte of weights is read), `aborted`
 */
export async function loadModel(source: ModelSource, options: LoadModelOptions = {}): Promise<PhiModel> {
  const { tree, weights } = await filesOf(source, options)
  const config = (await tree.readJson('config.json')) as Readonly<Record<string, unknown>>
  const { tokenizer, template } = await loadText(tree, options.template)
  const generationConfig = await readGenerationConfig(tree)
  const stopIds = stopIdsOf(config, generationConfig, tokenizer)
  const sampling = defaultSampling(generationConfig)
  const engine = await loadCheckpoint(tree, backendOf(options), { ...options, ...weights })
  return new PhiModel({ engine, config, tokenizer, template, stopIds, sampling })
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
  const { tree, weights } = await filesOf(source, options)
  return await measureCheckpoint(tree, backendOf(options), { ...options, ...weights })
}

interface ModelFiles {
  readonly tree: FileTree
  /** The file of the weights, where it was named in place of its folder. */
  readonly weights: Pick<LoadOptions, 'weightsFile'>
}

async function filesOf(source: ModelSource, { signal }: LoadOptions): Promise<ModelFiles> {
  if (typeof source !== 'string' || /^https?:/.test(source) || !isNode()) {
    return { tree: treeOf(source, signal), weights: {} }
  }
  const { tree, weightsFile } = await findModel(source)
  return { tree, weights: weightsFile === undefined ? {} : { weightsFile } }
}

function treeOf(source: ModelSource, signal: AbortSignal | undefined): FileTree {
  const remote = (url: string): FileTree => httpFolder(url, signal === undefined ? {} : { signal })
  if (typeof source === 'string') {
    const page = globalThis.document?.baseURI ?? globalThis.location?.href
    return remote(page === undefined ? source : new URL(source, page).href)
  }
  if (source instanceof URL) return source.protocol === 'file:' ? localFolder(pathOf(source)) : remote(source.href)
  if (Array.isArray(source)) return memoryFolder(new Map((source as readonly File[]).map((file) => [file.name, file])))
  return 'readJson' in source ? source : memoryFolder(source as ReadonlyMap<string, Blob | Uint8Array>)
}

function pathOf(url: URL): string {
  const path = nodeModule('node:url')?.fileURLToPath(url)
  if (path !== undefined) return path
  throw new PocketPhiError('not-supported', 'Files by path can only be read in Node.')
}

function backendOf({ backend = 'auto', threads }: LoadModelOptions): Backend {
  if (typeof backend !== 'string') return backend
  if (backend === 'ref') return referenceBackend()
  if (backend === 'auto' || backend === 'wasm') return wasmBackend(threads === undefined ? {} : { threads })
  throw new PocketPhiError('invalid-argument', 'There is no such backend.', {
    expected: '"auto", "wasm", "ref" or a Backend',
    found: String(backend),
  })
}
