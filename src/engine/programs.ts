import { PocketPhiError } from '../base/errors.ts'
import {
  cacheNames,
  candidatesOf,
  bucketName,
  traceCached,
  type CacheShape,
  type NumberFormats,
} from '../models/trace.ts'
import { traceVision } from '../models/trace-vision.ts'
import type { ParameterSpec } from '../models/trace.ts'
import type { Model, ModelShape } from '../models/model.ts'
import { copyPages, pageSize, Trace, type ActivationFormat, type CacheDType, type Program } from '../program/index.ts'
import { tensorType } from '../program/ops/definition.ts'

/** How much one engine may hold and how many rows it runs at once. */
export interface CacheOptions {
  /**
   * Tokens that one sequence may have, prompt and answer together; at most what the model takes. When left out: 4,096, or
   * the largest of 2,048, 1,024, 512 and 256 that fits into memory.
   */
  readonly context?: number
  /** Sequences that one batch may mix; 1 when left out. */
  readonly maxSequences?: number
  /** Tokens that the cache holds for all sequences together, kept prefixes included; `context` for each sequence. */
  readonly cacheTokens?: number
  /** Rows of the largest batch, a power of two; when left out 512, and fewer for wide models. */
  readonly maxRows?: number
}

/** All programs that serve a model, over one store. */
export interface EnginePrograms {
  readonly model: Model
  readonly context: number
  readonly cache: CacheShape
  /** What meets packed weights: f32 in exact mode. */
  readonly activations: ActivationFormat
  /** Values of a row's hidden state. */
  readonly width: number
  /** Greatest logits that a pass finds of each row. */
  readonly candidates: number
  /** Row counts that a program exists for, ascending: 1, 2, 4 … */
  readonly buckets: readonly number[]
  readonly programs: readonly Program[]
  readonly parameters: readonly ParameterSpec[]
  /** Float64 tensors that follow from the configuration. */
  readonly buffers: ReadonlyMap<string, Float64Array>
}

/** The program that copies one page of every layer: inputs `from` and `to`, i32[1]. */
export const copyProgramName = 'cache.copy'

/** Bytes that the widest activation of a batch may take unless the caller says how many rows there are. */
const widestBytes = 48 * 2 ** 20

/** 512 rows for all models up to the width of Phi-3-mini, 256 for Phi-3-medium: more cost memory and gain no speed. */
function defaultRows({ widest }: ModelShape): number {
  let rows = 512
  while (rows > 32 && rows * widest * 4 > widestBytes) rows /= 2
  return rows
}

function checkedExtent(name: string, value: number, most: number): number {
  if (Number.isSafeInteger(value) && value >= 1 && value <= most) return value
  throw new PocketPhiError('invalid-argument', `The option "${name}" cannot be used.`, {
    expected: `an integer from 1 to ${most}`,
    found: String(value),
  })
}

function checkedContext(value: number, most: number): number {
  if (Number.isSafeInteger(value) && value >= 1 && value <= most) return value
  throw new PocketPhiError('invalid-argument', 'The option "context" cannot be used.', {
    expected: `an integer from 1 to ${most}, the longest that the model was made for (max_position_embeddings)`,
    found: String(value),
    remedy: 'Choose a smaller one, or leave it out.',
  })
}

/**
 * Traces what the engine runs: one pass for each bucket of rows, the copying of cache pages, and of a model that sees the look at a tile. Nothing is allocated.
 *
 * @throws PocketPhiError `invalid-argument` for options out of range
 */
export function tracePrograms(
  model: Model,
  options: CacheOptions & { readonly context: number },
  formats: NumberFormats,
): EnginePrograms {
  const { maxPositions } = model.shape
  const context = checkedContext(options.context, maxPositions)
  const sequences = checkedExtent('maxSequences', options.maxSequences ?? 1, 1024)
  const pagesOfSequence = Math.ceil(context / pageSize)
  const tokens = checkedExtent('cacheTokens', options.cacheTokens ?? sequences * pagesOfSequence * pageSize, 2 ** 31)
  // One page more than sequences may hold, so that the last of them can copy before it writes.
  const pages = Math.max(pagesOfSequence, Math.ceil(tokens / pageSize)) + 1
  const cache: CacheShape = { pages, sequences, pagesOfSequence }
  const mostRows = Math.min(
    checkedExtent('maxRows', options.maxRows ?? defaultRows(model.shape), 4096),
    context * sequences,
  )
  const buckets = bucketsUpTo(mostRows)
  const traced = buckets.map((rows) => traceCached(model, rows, cache, formats))
  const vision = model.vision === undefined ? undefined : traceVision(model.vision, formats)
  const first = traced[0]
  if (first === undefined) throw new Error('defect: there are no buckets')
  return {
    model,
    context,
    cache,
    activations: formats.activations ?? 'int8',
    width: first.traced.hidden.type.shape[1] ?? 0,
    candidates: candidatesOf(model),
    buckets,
    programs: [
      ...traced.map(({ program }) => program),
      traceCopy(model, cache, formats.cache),
      ...(vision === undefined ? [] : [vision.program]),
    ],
    parameters: [...first.traced.parameters, ...(vision?.parameters ?? [])],
    buffers: first.traced.buffers,
  }
}

/** 1, 2, 4 … until `rows` rows fit. */
function bucketsUpTo(rows: number): number[] {
  const buckets = [1]
  while ((buckets.at(-1) ?? rows) < rows) buckets.push((buckets.at(-1) ?? 1) * 2)
  return buckets
}

function traceCopy(model: Model, cache: CacheShape, dtype: CacheDType = 'f32'): Program {
  const { layers, kvHeads, headSize } = model.shape
  const trace = new Trace(copyProgramName)
  const from = trace.bind('input', 'from', tensorType('i32', 1))
  const to = trace.bind('input', 'to', tensorType('i32', 1))
  const pool = tensorType(dtype, cache.pages, kvHeads, pageSize, headSize)
  for (let layer = 0; layer < layers; layer++) {
    const names = cacheNames(layer)
    copyPages(trace.bind('state', names.keys, pool), from, to)
    copyPages(trace.bind('state', names.values, pool), from, to)
  }
  return trace.finish()
}

/** The program for a batch of this many rows or a few more. */
export function bucketFor(buckets: readonly number[], rows: number): { name: string; rows: number } {
  const bucket = buckets.find((candidate) => candidate >= rows)
  if (bucket === undefined) throw new Error(`defect: no bucket holds ${rows} rows`)
  return { name: bucketName(bucket), rows: bucket }
}
