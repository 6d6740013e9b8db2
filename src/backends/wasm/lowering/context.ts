import { PocketPhiError, present } from '../../../base/errors.ts'
import { tensorBytes, type StorePlan } from '../../../program/plan.ts'
import { valueOf, type Operation, type Program, type Value } from '../../../program/program.ts'
import type { BufferId, Operand, Piece, Place } from '../../operands.ts'
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

  constructor(program: Program, store: StorePlan, options: LoweringOptions) {
    this.program = program
    this.options = options
    for (const value of program.values) this.#pieces.push(this.#place(value, store))
  }

  addBuffer(buffer: StepBuffer): BufferId {
    this.buffers.push(buffer)
    return this.buffers.length - 1
  }

  operand(id: number): Operand {
    const value = valueOf(this.program, id)
    return { value, type: value.type, pieces: present(this.#pieces[id], 'pieces') }
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
    const stored = present(store.tensors.get(name), `"${name}" in the store`)
    return stored.slabs.map((slab, index) => ({
      buffer: this.addBuffer({ bytes: slab.bytes, source: { kind: 'store', name, slab: index } }),
      row: slab.row,
      rows: slab.rows,
    }))
  }
}

/** One operation on its way to steps. */
export class Lowering {
  readonly operation: Operation
  readonly builder: StepBuilder

  constructor(operation: Operation, builder: StepBuilder) {
    this.operation = operation
    this.builder = builder
  }

  get options(): LoweringOptions {
    return this.builder.options
  }

  get inputs(): Operand[] {
    return this.operation.inputs.map((id) => this.builder.operand(id))
  }

  input(index: number): Operand {
    return this.builder.operand(present(this.operation.inputs[index], `operand ${index}`))
  }

  output(index: number): Operand {
    return this.builder.operand(present(this.operation.outputs[index], `result ${index}`))
  }

  number(name: string): number {
    const value = this.operation.attributes[name]
    if (typeof value !== 'number') throw new Error(`defect: ${this.operation.kind} has no number "${name}"`)
    return value
  }

  numbers(name: string): readonly number[] {
    const value = this.operation.attributes[name]
    if (typeof value !== 'object') throw new Error(`defect: ${this.operation.kind} has no numbers "${name}"`)
    return value
  }

  flag(name: string): boolean {
    return this.operation.attributes[name] === true
  }

  /**
   * The one buffer of an operand that no rule cuts.
   * @throws PocketPhiError `not-supported` when it lies in several slabs
   */
  whole(operand: Operand, access: Access): Reference {
    const [piece] = operand.pieces
    if (piece === undefined || operand.pieces.length > 1) {
      throw new PocketPhiError('not-supported', `The wasm backend cannot run ${this.operation.kind} over slabs.`, {
        expected: `"${operand.value.name}" in one slab`,
        found: `${operand.pieces.length} slabs`,
        remedy: 'Pack its weights, or raise maxSlabBytes or maxMemoryBytes of wasmBackend.',
      })
    }
    return { buffer: piece.buffer, offset: 0, access }
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

  emit(kernel: string, words: readonly Argument[], cost: number, workspace = 0): void {
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
