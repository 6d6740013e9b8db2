import type { Backend, Device } from '../backends/backend.ts'
import { formatType } from '../base/dtype.ts'
import { PocketPhiError, throwIfAborted } from '../base/errors.ts'
import type { OnProgress } from '../base/progress.ts'
import type { FileTree } from '../formats/tree.ts'
import { modelFromConfig, type Model } from '../models/index.ts'
import { checkParameters, type NumberFormats, type ParameterSpec } from '../models/trace.ts'
import type { CacheDType } from '../program/ops/cache.ts'
import { planStore, tensorBytes, type MemoryPlan } from '../program/plan.ts'
import type { Origin, Program } from '../program/program.ts'
import { machineMemory } from './machine-memory.ts'
import { openModelFiles, type ModelFiles } from './model-files.ts'
import { tracePrograms, type CacheOptions, type EnginePrograms } from './programs.ts'
import { Scheduler } from './scheduler.ts'
import { modelType, pieceReader, readsAtOnce, Staging, storeType, type WeightsFile } from './weights.ts'

export interface LoadOptions extends CacheOptions {
  /** Packed weights meet activations as f32 instead of int8: slower, without the rounding of activations. */
  readonly exact?: boolean
  /**
   * What the cache holds keys and values in. f16 takes half of the memory of f32, kv8 a quarter (8 bits, with a scale for each vector; heads of
   * at most 256), kv4 a seventh (4 bits, with a scale for 32 components; heads of a multiple of 32), and each takes less to read from
   * memory than the one before. When left out f16, and in exact mode f32.
   */
  readonly cacheType?: CacheDType
  /** Without `context`: the longest that is tried, at most that of the model (default: 4096). */
  readonly maxContext?: number
  /** Bytes that the model may take in memory; the machine's memory where that is known. */
  readonly memoryLimit?: number
  /** Sees what will be needed before a byte of weights is read; again for a smaller context if the machine refuses the memory. */
  readonly onPlan?: (plan: MemoryPlan) => void
  readonly onProgress?: OnProgress | undefined
  readonly signal?: AbortSignal | undefined
  /** The file of the weights within the folder: where it is not called as usual, or a GGUF file among others. */
  readonly weightsFile?: string
}

/**
 * Opens a model (see `openModelFiles`): traces the programs, plans their memory, allocates it and reads the weights into place.
 *
 * @throws PocketPhiError `out-of-memory` (its cause is the `MemoryPlan` when the plan exceeds the limit); `invalid-config`,
 * `invalid-file`, `not-found`, `not-supported`, `aborted`
 */
export async function loadCheckpoint(tree: FileTree, backend: Backend, options: LoadOptions = {}): Promise<Scheduler> {
  throwIfAborted(options.signal)
  const files = await openModelFiles(tree, options.weightsFile)
  try {
    return await loadEngine(files, backend, options)
  } finally {
    await files.close()
  }
}

/** The same for what is open already. @throws PocketPhiError as `loadCheckpoint` */
export async function loadEngine(files: ModelFiles, backend: Backend, options: LoadOptions = {}): Promise<Scheduler> {
  const { signal } = options
  throwIfAborted(signal)
  const model = modelFromConfig(await files.config())
  const weights = await files.weights()
  const limit = options.memoryLimit ?? wholeMemory()
  const { programs, device } = await firstFitting(model, weights, backend, options, limit, async (fitting) => {
    checkTensors(weights, fitting.programs.parameters, model.isUnused)
    options.onPlan?.(fitting.plan)
    throwIfAborted(signal)
    return { ...fitting, device: await backend.open(fitting.programs.programs) }
  })
  try {
    await fillParameters(device, weights, programs, options)
    return new Scheduler(programs, device)
  } catch (error) {
    await device.dispose()
    throw error
  }
}

/** The same programs and plan as `loadCheckpoint`, from the configuration and the headers of the weights alone. */
export async function measureCheckpoint(
  tree: FileTree,
  backend: Backend,
  options: LoadOptions = {},
): Promise<MemoryPlan & { readonly contextTokens: number }> {
  const files = await openModelFiles(tree, options.weightsFile)
  try {
    const model = modelFromConfig(await files.config())
    // A context that was asked for is measured even if it does not fit: that is what one wants to know.
    const limit = options.memoryLimit ?? (options.context === undefined ? wholeMemory() : Infinity)
    const weights = await files.weights()
    const { programs, plan } = await firstFitting(model, weights, backend, options, limit, (fitting) => fitting)
    return { ...plan, contextTokens: programs.context }
  } finally {
    await files.close()
  }
}

function wholeMemory(): number {
  return machineMemory()?.total ?? Infinity
}

/** Contexts that are tried, the largest first, when none was asked for. */
const usualContexts = [4096, 2048, 1024, 512] as const

/** From the longest that is wanted down. */
function triedContexts({ shape }: Model, most: number = usualContexts[0]): number[] {
  const longest = Math.min(most, shape.maxPositions)
  return [longest, ...usualContexts.filter((context) => context < longest)]
}

interface Fitting {
  readonly programs: EnginePrograms
  readonly plan: MemoryPlan
}

/**
 * Uses the programs for the context that was asked for, or for the largest usual one that fits: into the limit, and into what
 * the machine then gives (a browser may refuse memory that the plan thought there was).
 */
async function firstFitting<T>(
  model: Model,
  weights: WeightsFile,
  backend: Backend,
  options: LoadOptions,
  limit: number,
  use: (fitting: Fitting) => T | Promise<T>,
): Promise<T> {
  const formats = formatsOf(weights, options.exact ?? false, options.cacheType)
  const contexts = options.context === undefined ? triedContexts(model, options.maxContext) : [options.context]
  let refusal: unknown
  for (const context of contexts) {
    const programs = tracePrograms(model, { ...options, context }, formats)
    try {
      const plan = measured(backend, programs.programs, limit)
      checkMemory(plan, limit)
      return await use({ programs, plan })
    } catch (error) {
      if (!(error instanceof PocketPhiError) || error.code !== 'out-of-memory') throw error
      refusal = error
    }
  }
  throw refusal
}

/** Matrices in blocks stay so in the store; floats of any width are f32 there. */
export function formatsOf(
  weights: WeightsFile,
  exact: boolean,
  cache: CacheDType = exact ? 'f32' : 'f16',
): NumberFormats {
  return {
    dtypeOf: (name) => (weights.has(name) ? storeType(weights, name).dtype : 'f32'),
    activations: exact ? 'f32' : 'int8',
    cache,
  }
}

/** Tensors that older converters wrote and that follow from the configuration, or are copies of others. */
const redundant = [/\.rotary_emb\.inv_freq$/, /^lm_head\.weight$/]

/**
 * Checks that a checkpoint holds exactly the tensors that the model asks for, in their shapes.
 *
 * @param isUnused tells the tensors that published checkpoints of the architecture hold and nothing reads
 * @throws PocketPhiError `invalid-file`
 */
export function checkTensors(
  weights: WeightsFile,
  parameters: readonly ParameterSpec[],
  isUnused: (name: string) => boolean = () => false,
): void {
  checkParameters(parameters, (name) => weights.has(name))
  for (const { name, shape } of parameters) {
    const stored = modelType(weights, name)
    if (String(stored.shape) === String(shape)) continue
    throw new PocketPhiError('invalid-file', `The tensor "${name}" does not fit the configuration.`, {
      expected: `the shape [${shape.join(', ')}]`,
      found: formatType(stored),
    })
  }
  const known = new Set(parameters.map(({ name }) => name))
  const isRedundant = (name: string): boolean => isUnused(name) || redundant.some((form) => form.test(name))
  const extra = weights.names().filter((name) => !known.has(name) && !isRedundant(name))
  if (extra.length === 0) return
  throw new PocketPhiError('invalid-file', 'The checkpoint has tensors that this model does not use.', {
    found: `${extra.length}: ${extra.slice(0, 5).join(', ')}${extra.length > 5 ? ' …' : ''}`,
    remedy: 'The configuration is probably that of another model; leaving weights out would change the results.',
  })
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(2)} GB`
}

function tooLarge(limit: number, found: string, cause?: MemoryPlan): PocketPhiError {
  return new PocketPhiError('out-of-memory', 'The model does not fit into memory.', {
    expected: `at most ${gigabytes(limit)}`,
    found,
    remedy: 'Use a smaller context, a cache in fewer bits (kv8, kv4), fewer sequences, or weights of 4 bits.',
    cause,
  })
}

/** Where a backend refuses a single tensor of a model that is far too large anyway, the latter is what is to be said. */
function measured(backend: Backend, programs: readonly Program[], limit: number): MemoryPlan {
  try {
    return backend.measure(programs)
  } catch (error) {
    checkStored(programs, limit)
    throw error
  }
}

function checkStored(programs: readonly Program[], limit: number): void {
  const stored = [...planStore(programs, Infinity).tensors.values()]
  const bytes = (origin: Origin): number =>
    stored.reduce((sum, tensor) => sum + (tensor.origin === origin ? tensorBytes(tensor.type) : 0), 0)
  const [weights, cache] = [bytes('parameter'), bytes('state')]
  if (weights + cache <= limit) return
  throw tooLarge(limit, `${gigabytes(weights)} of weights and ${gigabytes(cache)} of cache`)
}

function checkMemory(plan: MemoryPlan, limit: number): void {
  if (plan.total <= limit) return
  const { parameters, states, scratch, total, memories } = plan
  const parts = `${gigabytes(parameters)} of weights, ${gigabytes(states)} of cache and ${gigabytes(scratch)} of working memory`
  const where = memories.length === 1 ? '' : `, in ${memories.length} memories`
  throw tooLarge(limit, `${gigabytes(total)}: ${parts}${where}`, plan)
}

/**
 * Fills the parameters and buffers of a device, piece by piece (see `pieceReader`).
 *
 * @throws PocketPhiError `aborted`, `invalid-file`, and what the source of the weights throws
 */
export async function fillParameters(
  device: Pick<Device, 'typeOf' | 'fill' | 'write'>,
  weights: WeightsFile,
  { parameters, buffers }: Pick<EnginePrograms, 'parameters' | 'buffers'>,
  options: Pick<LoadOptions, 'onProgress' | 'signal'> = {},
): Promise<void> {
  for (const [name, values] of buffers) device.write(name, values)
  const total = parameters.reduce((sum, { name }) => sum + tensorBytes(device.typeOf(name)), 0)
  let done = 0
  const staging = new Staging()
  for (const { name } of parameters) {
    const reader = pieceReader(weights, name, staging)
    await device.fill(name, async (bytes, offset) => {
      const starts = Array.from({ length: Math.ceil(bytes.length / reader.step) }, (_, index) => index * reader.step)
      const read = (at: number): Promise<() => void> => {
        throwIfAborted(options.signal)
        return reader.readPiece(bytes.subarray(at, at + reader.step), offset + at)
      }
      await inTurn(starts, read, (finish, at) => {
        finish()
        done += Math.min(reader.step, bytes.length - at)
        options.onProgress?.({ stage: 'loading weights', done, total, unit: 'bytes' })
      })
    })
  }
}

/**
 * Uses what is read for each item, in order, while the next ones are being read. No read goes on behind the back of an error.
 */
async function inTurn<Item, Result>(
  items: readonly Item[],
  read: (item: Item) => Promise<Result>,
  use: (result: Result, item: Item) => void,
): Promise<void> {
  const reads: Promise<Result>[] = []
  try {
    for (const [index, item] of items.entries()) {
      for (const ahead of items.slice(index + reads.length, index + readsAtOnce)) reads.push(read(ahead))
      const [first] = reads
      if (first === undefined) throw new Error('defect: nothing is being read')
      const result = await first
      use(result, item)
      void reads.shift()
    }
  } catch (error) {
    await Promise.allSettled(reads)
    throw error
  }
}
