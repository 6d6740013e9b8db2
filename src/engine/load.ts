import type { Backend, Device } from '../backends/backend.ts'
import { elementBytes, formatType, isBlockDType, type DType } from '../base/dtype.ts'
import { PocketPhiError, throwIfAborted } from '../base/errors.ts'
import { nodeModule } from '../base/platform.ts'
import type { OnProgress } from '../base/progress.ts'
import { bf16ToF32, f16ToF32 } from '../blocks/half.ts'
import { checkPackedMatrix, panelBytes, panelRows } from '../blocks/packed.ts'
import { logicalType } from '../formats/packed-checkpoint.ts'
import { openSafetensors, type Checkpoint } from '../formats/safetensors.ts'
import type { FileTree } from '../formats/tree.ts'
import { modelFromConfig, type Model } from '../models/index.ts'
import { checkParameters, type NumberFormats, type ParameterSpec } from '../models/trace.ts'
import { planStore, tensorBytes, type MemoryPlan } from '../program/plan.ts'
import type { Origin, Program } from '../program/program.ts'
import { tracePrograms, type CacheOptions, type EnginePrograms } from './programs.ts'
import { Scheduler } from './scheduler.ts'

export interface LoadOptions extends CacheOptions {
  /** Packed weights meet activations as f32 instead of int8: slower, without the rounding of activations. */
  readonly exact?: boolean
  /** Bytes that the model may take in memory; the machine's memory where that is known. */
  readonly memoryLimit?: number
  /** Sees what will be needed before a byte of weights is read; again for a smaller context if the machine refuses the memory. */
  readonly onPlan?: (plan: MemoryPlan) => void
  readonly onProgress?: OnProgress | undefined
  readonly signal?: AbortSignal | undefined
  /** The file of the weights within the folder, where it is not called as usual. */
  readonly weightsFile?: string
}

/**
 * Opens a folder with config.json and safetensors weights: traces the programs, plans their memory, allocates it and reads
 * the weights into place.
 *
 * @throws PocketPhiError `out-of-memory` (its cause is the `MemoryPlan` when the plan exceeds the limit); `invalid-config`,
 * `invalid-file`, `not-found`, `not-supported`, `aborted`
 */
export async function loadCheckpoint(tree: FileTree, backend: Backend, options: LoadOptions = {}): Promise<Scheduler> {
  const { signal } = options
  throwIfAborted(signal)
  const config = await tree.readJson('config.json')
  const checkpoint = await openSafetensors(tree, options.weightsFile)
  try {
    const limit = options.memoryLimit ?? machineMemory()
    const model = modelFromConfig(config)
    const { programs, device } = await firstFitting(model, checkpoint, backend, options, limit, async (fitting) => {
      checkTensors(checkpoint, fitting.programs.parameters)
      options.onPlan?.(fitting.plan)
      throwIfAborted(signal)
      return { ...fitting, device: await backend.open(fitting.programs.programs) }
    })
    try {
      await fillParameters(device, checkpoint, programs, options)
      return new Scheduler(programs, device)
    } catch (error) {
      await device.dispose()
      throw error
    }
  } finally {
    await checkpoint.close()
  }
}

/** The same programs and plan as `loadCheckpoint`, from the configuration and the headers of the weights alone. */
export async function measureCheckpoint(
  tree: FileTree,
  backend: Backend,
  options: LoadOptions = {},
): Promise<MemoryPlan & { readonly contextTokens: number }> {
  const config = await tree.readJson('config.json')
  const checkpoint = await openSafetensors(tree, options.weightsFile)
  try {
    // A context that was asked for is measured even if it does not fit: that is what one wants to know.
    const limit = options.memoryLimit ?? (options.context === undefined ? machineMemory() : Infinity)
    const model = modelFromConfig(config)
    const { programs, plan } = await firstFitting(model, checkpoint, backend, options, limit, (fitting) => fitting)
    return { ...plan, contextTokens: programs.context }
  } finally {
    await checkpoint.close()
  }
}

/** Contexts that are tried, the largest first, when none was asked for. */
const usualContexts = [4096, 2048, 1024, 512]

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
  checkpoint: Checkpoint,
  backend: Backend,
  options: LoadOptions,
  limit: number,
  use: (fitting: Fitting) => T | Promise<T>,
): Promise<T> {
  const formats = formatsOf(checkpoint, options.exact ?? false)
  const usual = usualContexts.map((context) => Math.min(context, model.shape.maxPositions))
  const contexts = options.context === undefined ? [...new Set(usual)] : [options.context]
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

/** Packed matrices stay packed in the store; floats of any width are f32 there. */
export function formatsOf(checkpoint: Checkpoint, exact: boolean): NumberFormats {
  const dtypeOf = (name: string): DType => {
    if (!checkpoint.has(name)) return 'f32'
    const { dtype } = logicalType(checkpoint, name)
    return isBlockDType(dtype) ? dtype : 'f32'
  }
  return { dtypeOf, activations: exact ? 'f32' : 'int8' }
}

/** Tensors that older converters wrote and that follow from the configuration, or are copies of others. */
const redundant = [/\.rotary_emb\.inv_freq$/, /^lm_head\.weight$/]

/**
 * Checks that a checkpoint holds exactly the tensors that the model asks for, in their shapes.
 *
 * @throws PocketPhiError `invalid-file`
 */
export function checkTensors(checkpoint: Checkpoint, parameters: readonly ParameterSpec[]): void {
  checkParameters(parameters, (name) => checkpoint.has(name))
  for (const { name, shape } of parameters) {
    const stored = logicalType(checkpoint, name)
    if (String(stored.shape) === String(shape)) continue
    throw new PocketPhiError('invalid-file', `The tensor "${name}" does not fit the configuration.`, {
      expected: `the shape [${shape.join(', ')}]`,
      found: formatType(stored),
    })
  }
  const known = new Set(parameters.map(({ name }) => name))
  const extra = checkpoint.names().filter((name) => !known.has(name) && !redundant.some((form) => form.test(name)))
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
    remedy: 'Use a smaller context, fewer sequences, or weights of 4 bits.',
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

function machineMemory(): number {
  return nodeModule('node:os')?.totalmem() ?? Infinity
}

/** Bytes that are read at a time, so that an abort is noticed and progress is seen. */
const pieceBytes = 1 << 24

/**
 * Fills the parameters and buffers of a device: packed bytes and f32 straight into place, bf16, f16 and f64 through a small
 * piece of memory. Packed bytes are checked as they come (scales that are no numbers, integers out of range), since kernels
 * rely on them.
 *
 * @throws PocketPhiError `aborted`, `invalid-file`, and what the source of the checkpoint throws
 */
export async function fillParameters(
  device: Device,
  checkpoint: Checkpoint,
  { parameters, buffers }: Pick<EnginePrograms, 'parameters' | 'buffers'>,
  options: Pick<LoadOptions, 'onProgress' | 'signal'> = {},
): Promise<void> {
  for (const [name, values] of buffers) device.write(name, values)
  const total = parameters.reduce((sum, { name }) => sum + tensorBytes(device.typeOf(name)), 0)
  let done = 0
  for (const { name } of parameters) {
    const reader = pieceReader(checkpoint, name)
    await device.fill(name, async (bytes, offset) => {
      for (let at = 0; at < bytes.length; at += reader.step) {
        throwIfAborted(options.signal)
        const piece = bytes.subarray(at, at + reader.step)
        await reader.readPiece(piece, offset + at)
        done += piece.length
        options.onProgress?.({ stage: 'loading weights', done, total, unit: 'bytes' })
      }
    })
  }
}

interface PieceReader {
  /** Bytes of a piece; the last one may be shorter. */
  readonly step: number
  readonly readPiece: (piece: Uint8Array, offset: number) => Promise<void>
}

/** How a piece of the store is filled from what the checkpoint holds. */
function pieceReader(checkpoint: Checkpoint, name: string): PieceReader {
  const { dtype, shape } = logicalType(checkpoint, name)
  const readRaw = async (piece: Uint8Array, offset: number): Promise<void> => {
    await checkpoint.read(name, { into: piece, range: { offset, length: piece.length } })
  }
  if (dtype === 'f32') return { step: pieceBytes, readPiece: readRaw }
  if (isBlockDType(dtype)) {
    const [rows = 0, columns = 0] = shape
    const panel = panelBytes(dtype, columns)
    const readPiece = async (piece: Uint8Array, offset: number): Promise<void> => {
      await readRaw(piece, offset)
      const first = (offset / panel) * panelRows
      const count = Math.min((piece.length / panel) * panelRows, rows - first)
      checkPackedMatrix(piece, dtype, count, columns, `The tensor "${name}", from row ${first} on,`)
    }
    return { step: Math.max(1, Math.floor(pieceBytes / panel)) * panel, readPiece }
  }
  if (dtype !== 'f16' && dtype !== 'bf16' && dtype !== 'f64') {
    throw new PocketPhiError('not-supported', `The tensor "${name}" holds integers.`, {
      expected: 'f32, f16, bf16, f64 or a packed matrix',
      found: dtype,
    })
  }
  const width = elementBytes(dtype)
  const readPiece = async (piece: Uint8Array, offset: number): Promise<void> => {
    const target = new Float32Array(piece.buffer, piece.byteOffset, piece.length / 4)
    const bytes = new Uint8Array(target.length * width)
    await checkpoint.read(name, { into: bytes, range: { offset: (offset / 4) * width, length: bytes.length } })
    if (dtype === 'f64') target.set(new Float64Array(bytes.buffer))
    else if (dtype === 'f16') f16ToF32(new Uint16Array(bytes.buffer), target)
    else bf16ToF32(new Uint16Array(bytes.buffer), target)
  }
  return { step: pieceBytes, readPiece }
}
