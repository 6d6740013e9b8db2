import type { Backend, Device } from '../backends/backend.ts'
import { formatType } from '../base/dtype.ts'
import { PocketPhiError, throwIfAborted } from '../base/errors.ts'
import type { OnProgress } from '../base/progress.ts'
import type { FileTree } from '../formats/tree.ts'
import { modelFromConfig } from '../models/index.ts'
import { checkParameters, type ParameterSpec } from '../models/trace.ts'
import type { CacheDType } from '../program/ops/cache.ts'
import { tensorBytes, type MemoryPlan } from '../program/plan.ts'
import { machineMemory } from './machine-memory.ts'
import { openModelFiles, type ModelFiles } from './model-files.ts'
import { heldParameters } from './experts.ts'
import { firstFitting } from './fitting.ts'
import type { CacheOptions, EnginePrograms } from './programs.ts'
import { Scheduler } from './scheduler.ts'
import { readTensor } from './read-tensor.ts'
import { modelType, pieceReader, Staging, type WeightsFile } from './weights.ts'

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
  /**
   * Of a mixture of experts: bytes for matrices of experts. The others stay in the file and are read when they are chosen, with the same results;
   * the weights are packed or f32 for that, and the backend is wasm. When left out, that happens where the model exceeds `memoryLimit` otherwise, with as
   * many in memory as seven eighths of the limit have room for.
   */
  readonly expertCache?: number
  /** Sees what will be needed before a byte of weights is read; again for a smaller context if the machine refuses the memory. */
  readonly onPlan?: (plan: MemoryPlan) => void
  /** Bytes of weights read so far. */
  readonly onProgress?: OnProgress | undefined
  /** Ends the loading, with the error `aborted`. */
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
  const { programs, device, plan } = await firstFitting(
    { model, weights, backend, options, limit },
    async (fitting) => {
      checkTensors(weights, fitting.programs.parameters, model.isUnused)
      options.onPlan?.(fitting.plan)
      throwIfAborted(signal)
      return { ...fitting, device: await fitting.backend.open(fitting.programs.programs) }
    },
  )
  // The device reads experts from them while it runs, and closes them in the end.
  if (plan.experts !== undefined) files.keepWeights()
  try {
    const { buffers } = programs
    await fillParameters(device, weights, { parameters: heldParameters(programs, plan), buffers }, options)
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
    const { programs, plan } = await firstFitting({ model, weights, backend, options, limit }, (fitting) => fitting)
    return { ...plan, contextTokens: programs.context }
  } finally {
    await files.close()
  }
}

function wholeMemory(): number {
  return machineMemory()?.total ?? Infinity
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

/**
 * Fills the parameters and buffers of a device, piece by piece (see `pieceReader`).
 *
 * @throws PocketPhiError `aborted`, `invalid-file`, and what the source of the weights throws
 */
export async function fillParameters(
  device: Pick<Device, 'typeOf' | 'fill' | 'write' | 'repackPanel'>,
  weights: WeightsFile,
  { parameters, buffers }: Pick<EnginePrograms, 'parameters' | 'buffers'>,
  options: Pick<LoadOptions, 'onProgress' | 'signal'> = {},
): Promise<void> {
  for (const [name, values] of buffers) device.write(name, values)
  const total = parameters.reduce((sum, { name }) => sum + tensorBytes(device.typeOf(name)), 0)
  let done = 0
  const staging = new Staging()
  for (const { name } of parameters) {
    const reader = pieceReader(weights, name, staging, device.repackPanel)
    const onPiece = (bytes: number): void => {
      done += bytes
      options.onProgress?.({ stage: 'loading weights', done, total, unit: 'bytes' })
    }
    await device.fill(name, (bytes, offset) => readTensor(reader, bytes, offset, { signal: options.signal, onPiece }))
  }
}
