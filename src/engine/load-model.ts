import type { Backend } from '../backends/backend.ts'
import { referenceBackend } from '../backends/ref/index.ts'
import { wasmBackend } from '../backends/wasm/index.ts'
import { PocketPhiError } from '../base/errors.ts'
import { isNode, nodeModule } from '../base/platform.ts'
import { httpFolder, localFolder, memoryFolder, type FileTree } from '../formats/tree.ts'
import type { MemoryPlan } from '../program/plan.ts'
import { chatTemplate } from '../text/template-detection.ts'
import { builtinTemplate, type ChatTemplate, type TemplateName } from '../text/templates.ts'
import { loadTiktoken } from '../text/tiktoken.ts'
import { readTokenizerConfig, type TokenizerConfig } from '../text/tokenizer-config.ts'
import { loadTokenizerJson } from '../text/tokenizer-json.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { loadCheckpoint, measureCheckpoint, type LoadOptions } from './load.ts'
import { PhiModel } from './phi-model.ts'
import { stopIdsOf } from './stops.ts'

/**
 * Where a model's files are: the path of a folder (Node) or the URL of one (in a page, also relative to it), files by name,
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
  const tree = treeOf(source, options.signal)
  const config = (await tree.readJson('config.json')) as Readonly<Record<string, unknown>>
  const tokenizerConfig = await readIfThere(tree, 'tokenizer_config.json', readTokenizerConfig)
  const tokenizer = await loadTokenizer(tree, tokenizerConfig)
  const generationConfig = await readIfThere(tree, 'generation_config.json', (json) => json)
  const stopIds = stopIdsOf(config, generationConfig, tokenizer)
  const template = await templateOf(tree, options.template, tokenizer, tokenizerConfig)
  const engine = await loadCheckpoint(tree, backendOf(options), options)
  return new PhiModel({ engine, config, tokenizer, template, stopIds })
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
  return await measureCheckpoint(treeOf(source, options.signal), backendOf(options), options)
}

function treeOf(source: ModelSource, signal: AbortSignal | undefined): FileTree {
  const remote = (url: string): FileTree => httpFolder(url, signal === undefined ? {} : { signal })
  if (typeof source === 'string') {
    if (/^https?:/.test(source)) return remote(source)
    const page = isNode() ? undefined : (globalThis.document?.baseURI ?? globalThis.location?.href)
    return page === undefined ? localFolder(source) : remote(new URL(source, page).href)
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

async function readIfThere<T>(tree: FileTree, name: string, parse: (json: unknown) => T): Promise<T | undefined> {
  return (await tree.has(name)) ? parse(await tree.readJson(name)) : undefined
}

/** The file of Phi-3-small's vocabulary. */
const tiktokenFile = 'cl100k_base.tiktoken'

async function loadTokenizer(tree: FileTree, config: TokenizerConfig | undefined): Promise<Tokenizer | undefined> {
  if (await tree.has('tokenizer.json')) return loadTokenizerJson(await tree.readJson('tokenizer.json'))
  if (!(await tree.has(tiktokenFile))) return undefined
  const addedTokens = config?.addedTokens ?? []
  return loadTiktoken(await tree.readText(tiktokenFile), { pattern: 'cl100k', addedTokens })
}

async function templateOf(
  tree: FileTree,
  wish: TemplateName | ChatTemplate | undefined,
  tokenizer: Tokenizer | undefined,
  config: TokenizerConfig | undefined,
): Promise<ChatTemplate | undefined> {
  if (wish !== undefined) return typeof wish === 'string' ? builtinTemplate(wish) : wish
  if (tokenizer === undefined) return undefined
  const source =
    config?.chatTemplate ??
    ((await tree.has('chat_template.jinja')) ? await tree.readText('chat_template.jinja') : undefined)
  if (source === undefined) return familyTemplate(tokenizer)
  return chatTemplate(source, {
    controlTokens: tokenizer.addedTokens.map(({ content }) => content),
    bosToken: config?.bosToken,
    eosToken: config?.eosToken,
  })
}

/** The template of the family whose control tokens the tokenizer has. */
function familyTemplate(tokenizer: Tokenizer): ChatTemplate | undefined {
  const added = new Set(tokenizer.addedTokens.map(({ content }) => content))
  const has = (...tokens: readonly string[]): boolean => tokens.every((token) => added.has(token))
  if (has('<|im_start|>', '<|im_sep|>', '<|im_end|>')) return builtinTemplate('phi-4')
  if (has('<|user|>', '<|assistant|>', '<|end|>', '<|tool|>')) return builtinTemplate('phi-4-mini')
  return has('<|user|>', '<|assistant|>', '<|end|>') ? builtinTemplate('phi-3-mini') : undefined
}
