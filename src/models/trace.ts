import type { DType } from '../base/dtype.ts'
import { PocketPhiError } from '../base/errors.ts'
import {
  add,
  attention,
  cachedAttention,
  embedding,
  expertMatmul,
  gatherRows,
  linear,
  pageSize,
  replaceRows,
  scale,
  topK,
  type ActivationFormat,
  type CacheDType,
} from '../program/ops/index.ts'
import { tensorType } from '../program/ops/definition.ts'
import type { Program } from '../program/program.ts'
import { Trace, type Tensor } from '../program/trace.ts'
import { adapterNames, isTarget, type AdapterSettings } from './adapter.ts'
import type { Initializer, Model, ModelContext, ProjectorContext } from './model.ts'

/** A parameter that the model asked for while it was traced. */
export interface ParameterSpec {
  readonly name: string
  readonly shape: readonly number[]
  readonly initializer: Initializer
}

/** How the numbers of a model are stored and multiplied. */
export interface NumberFormats {
  /** The dtype of each parameter as the store holds it; f32 unless the checkpoint is packed. */
  readonly dtypeOf?: (name: string, shape: readonly number[]) => DType
  /** Activations that meet packed weights: int8, or f32 in exact mode. */
  readonly activations?: ActivationFormat
  /** What the cache holds keys and values in; f32 when left out. */
  readonly cache?: CacheDType
  /** What is added to the products with some matrices; nothing when left out. */
  readonly adapter?: AdapterSettings
}

export interface TraceOptions extends NumberFormats {
  /** Sees the inner results that the model shows (see `ModelContext.tap`). */
  readonly tap?: (name: string, tensor: Tensor) => void
}

/** What one trace of a model has bound, besides the program itself. */
export interface TracedModel {
  readonly trace: Trace
  readonly logits: Tensor
  /** [selected rows, width]: what the logits are made of, behind the last norm. */
  readonly hidden: Tensor
  readonly parameters: readonly ParameterSpec[]
  /** Matrices of adapters, which are not in the checkpoint. */
  readonly adapters: readonly ParameterSpec[]
  /** Names of the matrices that linear modules multiply with. */
  readonly linearWeights: readonly string[]
  /** Float64 tensors that follow from the configuration, to be written into the store once. */
  readonly buffers: ReadonlyMap<string, Float64Array>
}

/** What models call their last inner result (see `ModelContext.tap`). */
const lastTap = 'norm'

/** What the callers of traceModel differ in. */
interface Bindings extends Pick<ModelContext, 'attention' | 'select'> {
  /** What becomes of the embeddings of the ids. */
  readonly see: (embeddings: Tensor, context: ProjectorContext) => Tensor
}

/** Binds parameters of a trace by name, in the dtype in which the store holds them, and lists them. */
export function parameterBinder(
  trace: Trace,
  { dtypeOf }: NumberFormats,
): { readonly bind: ModelContext['parameter']; readonly parameters: ParameterSpec[] } {
  const parameters: ParameterSpec[] = []
  const known = new Set<string>()
  const bind: ModelContext['parameter'] = (name, shape, initializer) => {
    if (!known.has(name)) parameters.push({ name, shape, initializer })
    known.add(name)
    return trace.bind('parameter', name, { dtype: dtypeOf?.(name, shape) ?? 'f32', shape })
  }
  return { bind, parameters }
}

/** Traces a model's forward pass over `rows` rows. */
function traceModel(
  model: Model,
  trace: Trace,
  rows: number,
  options: TraceOptions,
  { attention: attend, select, see }: Bindings,
): TracedModel {
  const { bind, parameters } = parameterBinder(trace, options)
  const buffers = new Map<string, Float64Array>()
  const adapters = adapterBinder(trace, options)
  const linearWeights: string[] = []
  const index = (name: string): Tensor => trace.bind('input', name, tensorType('i32', rows))
  let hidden: Tensor | undefined
  const context: ModelContext = {
    positions: index('positions'),
    regimes: index('regimes'),
    embed: (name, vocabulary, width) =>
      see(embedding(bind(name, [vocabulary, width], 'normal'), index('ids')), context),
    parameter: bind,
    buffer(name, rowsOfBuffer) {
      buffers.set(name, Float64Array.from(rowsOfBuffer.flat()))
      return trace.bind('parameter', name, tensorType('f64', rowsOfBuffer.length, rowsOfBuffer[0]?.length ?? 0))
    },
    linear(x, name, outputs, initializer = 'normal') {
      const weight = bind(name, [outputs, x.type.shape[1] ?? 0], initializer)
      linearWeights.push(name)
      return adapters.adapted(linear(x, weight, options.activations ?? 'int8'), x, name)
    },
    experts(x, routing, parts, name, outputs, initializer = 'normal') {
      const [experts, inner] = [routing.type.shape[1] ?? 0, x.type.shape[1] ?? 0]
      const matrices = Array.from({ length: parts }, (_, part) =>
        Array.from({ length: experts }, (__, expert) => bind(name(part, expert), [outputs, inner], initializer)),
      )
      return expertMatmul(x, routing, matrices, options.activations ?? 'int8')
    },
    attention: attend,
    select,
    tap(name, tensor) {
      if (name === lastTap) hidden = tensor
      options.tap?.(name, tensor)
    },
    within: (scope, body) => trace.within(scope, body),
  }
  const logits = model.forward(context)
  if (hidden === undefined) throw new Error(`defect: the model shows no "${lastTap}"`)
  return { trace, logits, hidden, parameters, adapters: adapters.parameters, linearWeights, buffers }
}

/** Adds what adapters make of x to the products that have them, and lists their matrices. */
function adapterBinder(
  trace: Trace,
  { adapter }: NumberFormats,
): {
  readonly adapted: (product: Tensor, x: Tensor, name: string) => Tensor
  readonly parameters: readonly ParameterSpec[]
} {
  const { bind, parameters } = parameterBinder(trace, {})
  return {
    parameters,
    adapted(product, x, name) {
      if (adapter === undefined || !isTarget(adapter, name)) return product
      const { rank, alpha } = adapter
      const { down, up } = adapterNames(name)
      const [inputs = 0, outputs = 0] = [x.type.shape[1], product.type.shape[1]]
      const narrow = linear(x, bind(down, [rank, inputs], 'normal'), 'f32')
      return add(product, scale(linear(narrow, bind(up, [outputs, rank], 'zeros'), 'f32'), alpha / rank))
    },
  }
}

/**
 * A pass over whole sequences without a cache, for training and for scoring. Inputs, all i32[rows]: `ids`, `positions`,
 * `regimes`, and `starts`, the row where each row's sequence begins (-1 for padding).
 */
export function traceSequences(model: Model, name: string, rows: number, options: TraceOptions = {}): TracedModel {
  return traceWhole(model, new Trace(name), rows, options, (x) => x)
}

/**
 * The same for a model that may see. Of one that does further inputs say what is in the place of ids: `features` f32[rows, featureWidth],
 * what the tower made of pictures, and i32[rows], each 0 where it holds and -1 elsewhere, `lineEnds` and `viewEnds`, the rows of separators;
 * and `pictureRows`, which is a row's own number where it belongs to a picture, and -1 elsewhere.
 */
export function tracePictured(model: Model, name: string, rows: number, options: TraceOptions = {}): TracedModel {
  const trace = new Trace(name)
  return traceWhole(model, trace, rows, options, (x, context) => {
    const { vision } = model
    if (vision === undefined) return x
    const index = (input: string): Tensor => trace.bind('input', input, tensorType('i32', rows))
    const features = trace.bind('input', 'features', tensorType('f32', rows, vision.featureWidth))
    const { lineEnd, viewEnd } = vision.separators(context)
    const seen = replaceRows(replaceRows(features, lineEnd, index('lineEnds')), viewEnd, index('viewEnds'))
    return replaceRows(x, vision.project(context, seen), index('pictureRows'))
  })
}

function traceWhole(
  model: Model,
  trace: Trace,
  rows: number,
  options: TraceOptions,
  see: Bindings['see'],
): TracedModel {
  const starts = trace.bind('input', 'starts', tensorType('i32', rows))
  return traceModel(model, trace, rows, options, {
    attention: (_, query, key, value, attributes) => attention(query, key, value, starts, attributes),
    select: (x) => x,
    see,
  })
}

/** The pool of cache pages and the page tables that a cached pass reads. */
export interface CacheShape {
  /** Pages in the pool, shared by all sequences. */
  readonly pages: number
  /** Sequences that one batch may mix. */
  readonly sequences: number
  /** Pages that the longest sequence may hold. */
  readonly pagesOfSequence: number
}

/** Names of the cache's states of one layer. */
export function cacheNames(layer: number): { keys: string; values: string } {
  return { keys: `cache.${layer}.keys`, values: `cache.${layer}.values` }
}

/** The name of the program for a bucket of rows. */
export function bucketName(rows: number): string {
  return `forward.${rows}`
}

/** How many rows of a bucket may ask for logits in one pass. */
export function logitRows(rows: number): number {
  return Math.min(rows, 32)
}

/** Outputs of a cached pass. */
export const outputNames = {
  logits: 'logits',
  hidden: 'hidden',
  candidateLogits: 'candidates.logits',
  candidateIds: 'candidates.ids',
} as const

/** More than the 50 that the transformers library samples from unless told otherwise. */
const mostCandidates = 64

/** How many of the greatest logits a cached pass finds. */
export function candidatesOf({ shape: { vocabulary } }: Model): number {
  return Math.min(mostCandidates, vocabulary)
}

/**
 * A pass of `rows` rows over the paged cache: decode, a chunk of a prompt and a mixed batch are all this program. Inputs:
 * `ids`, `positions`, `regimes`, `sequences` i32[rows] (negative sequence for padding rows), `pageTable`
 * i32[sequences, pagesOfSequence], and `selected` i32[min(rows, 32)], the rows whose logits are wanted. Of a model that sees
 * also `pictures` f32[rows, width] and `pictureRows` i32[rows]: the row of `pictures` that takes the place of an embedding, or -1.
 * Outputs: `logits` f32[min(rows, 32), vocabulary]; `hidden` f32[min(rows, 32), width], behind the last norm; of the greatest of them, in descending order, `candidates.logits`
 * f32[min(rows, 32), candidates] and `candidates.ids`.
 */
export function traceCached(
  model: Model,
  rows: number,
  cache: CacheShape,
  options: TraceOptions = {},
): { program: Program; traced: TracedModel } {
  const trace = new Trace(bucketName(rows))
  const input = (name: string, ...shape: number[]): Tensor => trace.bind('input', name, tensorType('i32', ...shape))
  const traced = traceModel(model, trace, rows, options, {
    attention: attentionOver(cache, model, trace, rows, options),
    select: (x) => gatherRows(x, input('selected', logitRows(rows))),
    see(x) {
      if (model.vision === undefined) return x
      const pictures = trace.bind('input', 'pictures', tensorType('f32', rows, model.vision.width))
      return replaceRows(x, pictures, input('pictureRows', rows))
    },
  })
  const { values, ids } = topK(traced.logits, candidatesOf(model))
  trace.output(outputNames.logits, traced.logits)
  trace.output(outputNames.hidden, traced.hidden)
  trace.output(outputNames.candidateLogits, values)
  trace.output(outputNames.candidateIds, ids)
  return { program: trace.finish(), traced }
}

/**
 * A pass of `rows` rows over the paged cache that gives the logits of every row, for scoring texts of any length piece by piece. Inputs
 * as of `traceCached` for a model that does not see, without `selected`.
 */
export function traceCachedRows(
  model: Model,
  name: string,
  rows: number,
  cache: CacheShape,
  options: TraceOptions = {},
): TracedModel {
  const trace = new Trace(name)
  return traceModel(model, trace, rows, options, {
    attention: attentionOver(cache, model, trace, rows, options),
    select: (x) => x,
    see: (x) => x,
  })
}

/** Attention of a layer over its part of the cache. */
function attentionOver(
  cache: CacheShape,
  { shape: { kvHeads, headSize } }: Model,
  trace: Trace,
  rows: number,
  options: TraceOptions,
): ModelContext['attention'] {
  const input = (name: string, ...shape: number[]): Tensor => trace.bind('input', name, tensorType('i32', ...shape))
  const pool = tensorType(options.cache ?? 'f32', cache.pages, kvHeads, pageSize, headSize)
  return (layer, query, key, value, attributes) => {
    const names = cacheNames(layer)
    const paged = {
      keys: trace.bind('state', names.keys, pool),
      values: trace.bind('state', names.values, pool),
      pageTable: input('pageTable', cache.sequences, cache.pagesOfSequence),
      sequences: input('sequences', rows),
      positions: input('positions', rows),
    }
    return cachedAttention(query, key, value, paged, attributes)
  }
}

/** Checks that a checkpoint holds exactly what the model asks for; throws `invalid-file` naming what is missing. */
export function checkParameters(parameters: readonly ParameterSpec[], has: (name: string) => boolean): void {
  const missing = parameters.filter(({ name }) => !has(name)).map(({ name }) => name)
  if (missing.length === 0) return
  throw new PocketPhiError('invalid-file', 'The checkpoint lacks tensors that its configuration asks for.', {
    expected: `${parameters.length} tensors`,
    found: `${missing.length} missing: ${missing.slice(0, 5).join(', ')}${missing.length > 5 ? ' …' : ''}`,
  })
}
