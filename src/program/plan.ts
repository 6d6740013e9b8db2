import { elementBytes, elementCount, isKvDType, isQuantizedDType, type TensorType } from '../base/dtype.ts'
import { PocketPhiError } from '../base/errors.ts'
import { kvBytes } from '../blocks/kv-pool.ts'
import { matrixBytes, rowsTogether } from '../blocks/matrix.ts'
import { boundValues, type Program } from './program.ts'

/** Where every buffer starts, and the size of a vector load. */
export const alignment = 64

export function align(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment
}

/** Bytes that a tensor takes in memory, without alignment. */
export function tensorBytes(type: TensorType): number {
  if (isKvDType(type.dtype)) {
    const size = type.shape.at(-1) ?? 1
    return kvBytes(type.dtype, elementCount(type.shape) / size, size)
  }
  if (!isQuantizedDType(type.dtype)) return elementCount(type.shape) * elementBytes(type.dtype)
  const [rows = 0, columns = 0] = type.shape
  return matrixBytes(type.dtype, rows, columns)
}

/** A buffer that is alive from the step that first writes it to the step that last reads it, both included. */
export interface Lifetime {
  readonly bytes: number
  readonly first: number
  readonly last: number
}

export interface ScratchPlan {
  /** The offset of each buffer, in the order given. */
  readonly offsets: readonly number[]
  readonly bytes: number
}

/**
 * Lays out buffers so that two that are alive at once never overlap. Largest first, each into the lowest gap that holds
 * it: an offline form of best fit (Pisarchyk and Lee, 2020, "greedy by size"), within a few per cent of the lower bound
 * on transformer graphs. The result depends on the list alone.
 */
export function planScratch(lifetimes: readonly Lifetime[]): ScratchPlan {
  const order = lifetimes
    .map((_, index) => index)
    .toSorted((left, right) => {
      const [a, b] = [lifetimes[left], lifetimes[right]]
      return (b?.bytes ?? 0) - (a?.bytes ?? 0) || left - right
    })
  const placed: { offset: number; end: number; lifetime: Lifetime }[] = []
  const offsets = new Array<number>(lifetimes.length).fill(0)
  let bytes = 0
  for (const index of order) {
    const lifetime = lifetimes[index]
    if (lifetime === undefined) continue
    const neighbours = placed
      .filter((other) => other.lifetime.first <= lifetime.last && lifetime.first <= other.lifetime.last)
      .toSorted((left, right) => left.offset - right.offset)
    let offset = 0
    for (const neighbour of neighbours) {
      if (offset + align(lifetime.bytes) <= neighbour.offset) break
      offset = Math.max(offset, neighbour.end)
    }
    const end = offset + align(lifetime.bytes)
    placed.push({ offset, end, lifetime })
    offsets[index] = offset
    bytes = Math.max(bytes, end)
  }
  return { offsets, bytes }
}

/** A run of rows of a tensor of the store that lies in one piece. */
export interface Slab {
  /** First row of the tensor's outermost axis. */
  readonly row: number
  readonly rows: number
  readonly bytes: number
}

export interface StoredTensor {
  readonly name: string
  readonly origin: 'parameter' | 'state'
  readonly type: TensorType
  readonly slabs: readonly Slab[]
}

export interface StorePlan {
  readonly tensors: ReadonlyMap<string, StoredTensor>
}

/** Cuts a tensor into runs of whole rows (whole panels of a matrix in our blocks) of at most `maxSlabBytes`. */
function cutSlabs(type: TensorType, maxSlabBytes: number): Slab[] {
  const rows = type.shape[0] ?? 1
  const grain = isQuantizedDType(type.dtype) ? rowsTogether(type.dtype) : 1
  const grainBytes = tensorBytes({ dtype: type.dtype, shape: [grain, ...type.shape.slice(1)] })
  const rowsOfSlab = Math.max(1, Math.floor(maxSlabBytes / grainBytes)) * grain
  const slabs: Slab[] = []
  for (let row = 0; row < rows; row += rowsOfSlab) {
    const count = Math.min(rowsOfSlab, rows - row)
    const bytes = tensorBytes({ dtype: type.dtype, shape: [count, ...type.shape.slice(1)] })
    slabs.push({ row, rows: count, bytes })
  }
  return slabs
}

/**
 * What several programs share by name: parameters and states, each in slabs of at most `maxSlabBytes`.
 *
 * @throws PocketPhiError `invalid-argument` for two programs of one name, `shape` when two programs give one name different types.
 */
export function planStore(programs: readonly Program[], maxSlabBytes: number): StorePlan {
  checkNames(programs)
  const tensors = new Map<string, StoredTensor>()
  for (const origin of ['parameter', 'state'] as const) {
    for (const program of programs) {
      for (const { name, type } of boundValues(program, origin)) {
        const known = tensors.get(name)
        if (known === undefined) {
          tensors.set(name, { name, origin, type, slabs: cutSlabs(type, maxSlabBytes) })
        } else if (known.type.dtype !== type.dtype || String(known.type.shape) !== String(type.shape)) {
          throw new PocketPhiError('shape', `Programs disagree about the type of "${name}".`, {
            expected: `${known.type.dtype}[${known.type.shape.join(', ')}]`,
            found: `${type.dtype}[${type.shape.join(', ')}] in program "${program.name}"`,
          })
        }
      }
    }
  }
  return { tensors }
}

function checkNames(programs: readonly Program[]): void {
  const names = programs.map((program) => program.name)
  if (new Set(names).size === names.length) return
  throw new PocketPhiError('invalid-argument', 'Programs on one device need different names.', {
    found: names.join(', '),
  })
}

/** What programs need, in bytes, before anything is loaded. */
export interface MemoryPlan {
  /** Bytes of the weights. */
  readonly parameters: number
  /** Bytes of what outlives a run: the cache of keys and values, moments of an optimiser. */
  readonly states: number
  /** Bytes of what a run needs for itself; the largest program counts. */
  readonly scratch: number
  /** Bytes in all. */
  readonly total: number
  /** Where not all matrices of experts are in memory: the bytes of all, and of those that are, which count as parameters. */
  readonly experts?: { readonly total: number; readonly held: number }
  /** Bytes of each memory of its own that the total is made of; one, where one can hold everything. */
  readonly memories: readonly number[]
}

/** Cuts a list of steps into runs whose costs stay below a limit, so that a caller can abort and report between them. */
export function planSegments(costs: readonly number[], limit: number): { from: number; to: number }[] {
  const segments: { from: number; to: number }[] = []
  let from = 0
  let sum = 0
  costs.forEach((cost, index) => {
    if (index > from && sum + cost > limit) {
      segments.push({ from, to: index })
      from = index
      sum = 0
    }
    sum += cost
  })
  if (from < costs.length) segments.push({ from, to: costs.length })
  return segments
}
