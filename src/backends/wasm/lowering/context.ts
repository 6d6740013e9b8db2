import { present } from '../../../base/errors.ts'
import { blockPatternOf } from '../../../program/ops/block-pattern.ts'
import { tensorBytes, type StorePlan } from '../../../program/plan.ts'
import { valueOf, type Program, type Value, type ValueId } from '../../../program/program.ts'
import { OperationLowering, storedPieces } from '../../lowering.ts'
import type { BufferId, Operand, Piece, Place } from '../../operands.ts'
import type { PooledStore } from '../expert-pools.ts'
import { workspaceBuffer, type Step, type StepBuffer, type StepInput, type Word } from '../steps.ts'

export interface LoweringOptions {
  /** Ask matmul kernels for their wide tiles (V8 with vector widening only). */
  readonly wide: boolean
  /** Ask packed products for sums of pairs in 16 bits. */
  readonly paired: boolean
}

/** How a step uses the memory behind an address. */
export type Access = 'read' | 'write' | 'update'

export interface Reference extends Place {
  readonly access: Access
}

export type Argument = Exclude<Word, Place> | Reference

export function float(value: number): { readonly float: number } {
  return { float: value }
}

/** What one element of an element-wise pass costs, in multiply-adds: it is bound by memory. */
export const elementCost = 16
/** The same with an exponential. */
export const exponentialCost = 32

/** Collects the buffers and steps of one program. */
export class StepBuilder {
  readonly program: Program
  readonly options: LoweringOptions
  readonly buffers: StepBuffer[] = [{ bytes: 0, source: { kind: 'workspace' } }]
  readonly steps: Step[] = []
  readonly inputs: StepInput[] = []
  readonly #pieces: Piece[][] = []
  /** By matrix the buffer of the pool that it has a slot in. */
  readonly #pooled = new Map<string, BufferId>()

  constructor(program: Program, store: StorePlan | PooledStore, options: LoweringOptions) {
    this.program = program
    this.options = options
    if ('pools' in store) this.#addPools(store)
    for (const value of program.values) this.#pieces.push(this.#place(value, store))
  }

  /** Whether an operand lies in a slot, whose address is not known yet. */
  isPooled({ value: { name } }: Operand): boolean {
    return this.#pooled.has(name)
  }

  addBuffer(buffer: StepBuffer): BufferId {
    this.buffers.push(buffer)
    return this.buffers.length - 1
  }

  operand(id: number): Operand {
    const value = valueOf(this.program, id)
    return { value, type: value.type, pieces: present(this.#pieces[id], 'pieces') }
  }

  /** Lets a computed value lie in another buffer than its own, which is then unused. */
  place(id: ValueId, buffer: BufferId): void {
    this.#pieces[id] = this.operand(id).pieces.map((piece) => ({ ...piece, buffer }))
  }

  #addPools({ pools }: PooledStore): void {
    for (const { name, slots, slotBytes, matrices } of pools) {
      const buffer = this.addBuffer({ bytes: slots * slotBytes, source: { kind: 'store', name, slab: 0 } })
      for (const matrix of matrices.keys()) this.#pooled.set(matrix, buffer)
    }
  }

  #place(value: Value, store: StorePlan): Piece[] {
    const { name, origin, type } = value
    const rows = type.shape[0] ?? 1
    if (origin === 'computed' || origin === 'input') {
      const source = origin === 'computed' ? ({ kind: 'scratch' } as const) : ({ kind: 'input', name } as const)
      const buffer = this.addBuffer({ bytes: tensorBytes(type), source })
      if (origin === 'input') this.inputs.push({ name, type, buffer })
      return [{ buffer, row: 0, rows }]
    }
    const pool = this.#pooled.get(name)
    if (pool !== undefined) return [{ buffer: pool, row: 0, rows }]
    const stored = present(store.tensors.get(name), `"${name}" in the store`)
    return storedPieces(stored, (bytes, source) => this.addBuffer({ bytes, source }))
  }
}

/** One operation on its way to steps. */
export class Lowering extends OperationLowering<StepBuilder> {
  get options(): LoweringOptions {
    return this.builder.options
  }

  /** The words of a pattern of blocks, of which the first is 0 where there is none. */
  get patternWords(): readonly number[] {
    const pattern = blockPatternOf(this.operation.attributes)
    if (pattern === undefined) return [0, 0, 0, 0]
    return [pattern.blockSize, pattern.localBlocks, pattern.verticalStride, pattern.headStep]
  }

  /**
   * The one buffer of an operand that no rule cuts.
   * @throws PocketPhiError `not-supported` when it lies in several slabs
   */
  whole(operand: Operand, access: Access): Reference {
    const remedy = 'Pack its weights, or raise maxSlabBytes or maxMemoryBytes of wasmBackend.'
    return { buffer: this.onePiece(operand, 'wasm', remedy), offset: 0, access }
  }

  read(index: number): Reference {
    return this.whole(this.input(index), 'read')
  }

  update(index: number): Reference {
    return this.whole(this.input(index), 'update')
  }

  write(index: number): Reference {
    return this.whole(this.output(index), 'write')
  }

  /** Scratch memory that only the steps of this operation use. */
  temporary(bytes: number): Place {
    return { buffer: this.builder.addBuffer({ bytes, source: { kind: 'scratch' } }), offset: 0 }
  }

  /** @param matrix what has to be in a slot, if anything */
  emit(kernel: string, words: readonly Argument[], cost: number, workspace = 0, matrix?: string): void {
    const references = words.filter((word) => typeof word === 'object' && 'access' in word)
    const using = (...accesses: Access[]): BufferId[] => {
      const used = references.filter(({ buffer, access }) => buffer !== workspaceBuffer && accesses.includes(access))
      return [...new Set(used.map((reference) => reference.buffer))]
    }
    this.builder.steps.push({
      kernel,
      words: words.map((word) =>
        typeof word === 'object' && 'access' in word ? { buffer: word.buffer, offset: word.offset } : word,
      ),
      reads: using('read', 'update'),
      writes: using('write', 'update'),
      cost: Math.max(1, cost),
      workspace,
      scope: this.operation.scope,
      ...(matrix === undefined ? {} : { matrix }),
    })
  }
}

export function read(place: Place): Reference {
  return { ...place, access: 'read' }
}

export function write(place: Place): Reference {
  return { ...place, access: 'write' }
}

export function update(place: Place): Reference {
  return { ...place, access: 'update' }
}

export const workspace: Reference = { buffer: workspaceBuffer, offset: 0, access: 'update' }

/** Turns one operation into steps. */
export type Rule = (at: Lowering) => void
