import { elementCount, isQuantizedDType, type TensorType } from '../../../base/dtype.ts'
import { PocketPhiError, present } from '../../../base/errors.ts'
import { tensorBytes, type StorePlan } from '../../../program/plan.ts'
import { valueOf, type Operation, type Program, type Value } from '../../../program/program.ts'
import {
  workspaceBuffer,
  type BufferId,
  type InputCheck,
  type Place,
  type Step,
  type StepBuffer,
  type StepInput,
  type Word,
} from '../steps.ts'

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

/** A run of rows of an operand that lies in one buffer. */
export interface Piece {
  readonly buffer: BufferId
  /** First row of the operand's outermost axis. */
  readonly row: number
  readonly rows: number
}

/** An operand or result of an operation, and where it lies: in several pieces when it is cut into slabs. */
export interface Operand {
  readonly value: Value
  readonly type: TensorType
  readonly pieces: readonly Piece[]
}

export function float(value: number): { readonly float: number } {
  return { float: value }
}

/** What one element of an element-wise pass costs, in multiply-adds: it is bound by memory. */
export const elementCost = 16
/** The same with an exponential. */
export const exponentialCost = 32

/** Extent of an axis. */
export function extent(operand: Operand, axis: number): number {
  return present(operand.type.shape[axis], `axis ${axis}`)
}

/** Elements of one row of the outermost axis. */
export function rowElements(type: TensorType): number {
  return elementCount(type.shape.slice(1))
}

/** Collects the buffers and steps of one program. */
export class StepBuilder {
  readonly program: Program
  readonly options: LoweringOptions
  readonly buffers: StepBuffer[] = [{ bytes: 0, source: { kind: 'workspace' } }]
  readonly steps: Step[] = []
  readonly inputs: StepInput[] = []
  readonly #checks = new Map<string, InputCheck>()
  readonly #pieces: Piece[][] = []

  constructor(program: Program, store: StorePlan, options: LoweringOptions) {
    this.program = program
    this.options = options
    for (const value of program.values) this.#pieces.push(this.#place(value, store))
  }

  /** What is demanded of the inputs, each once, though every layer may demand it. */
  get checks(): InputCheck[] {
    return [...this.#checks.values()]
  }

  addCheck(check: InputCheck): void {
    this.#checks.set(JSON.stringify(check), check)
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

  /** Demands of an index vector what kernels trust; only inputs can be checked, and only inputs are integers. */
  check(check: InputCheck): void {
    this.builder.addCheck(check)
  }

  /** Indices must lie in [0, high), or be the exception. */
  checkRange(index: number, high: number, exception?: number): void {
    const { origin, name } = this.input(index).value
    if (origin !== 'input') return
    const reason = `${this.operation.kind} reads it as an index`
    this.check({ kind: 'range', input: name, low: 0, high, reason, ...(exception === undefined ? {} : { exception }) })
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

/** A run of elements for which every operand lies in one buffer. */
export interface Run<Operands extends readonly Operand[]> {
  readonly from: number
  readonly count: number
  /** Where the run starts, in the order of the operands. */
  readonly places: { readonly [Index in keyof Operands]: Place }
}

/**
 * Cuts f32 operands of equally many elements at all their slab borders, so that an element-wise kernel can be called run by
 * run.
 */
export function commonRuns<Operands extends readonly Operand[]>(...operands: Operands): Run<Operands>[] {
  const total = elementCount(present(operands[0], 'operand').type.shape)
  const borders = new Set([total])
  for (const { type, pieces } of operands) {
    if (isQuantizedDType(type.dtype)) throw new Error('defect: an element-wise operation over a packed matrix')
    for (const piece of pieces) borders.add(piece.row * rowElements(type))
  }
  const sorted = [...borders].toSorted((left, right) => left - right)
  return sorted.slice(0, -1).map((from, index) => ({
    from,
    count: present(sorted[index + 1], 'border') - from,
    places: operands.map((operand) => placeOf(operand, from)) as { [Index in keyof Operands]: Place },
  }))
}

/** Where an element lies. */
function placeOf({ type, pieces }: Operand, element: number): Place {
  const row = rowElements(type)
  const piece = pieces.findLast((candidate) => candidate.row * row <= element)
  if (piece === undefined) throw new Error('defect: no piece holds the element')
  return { buffer: piece.buffer, offset: (element - piece.row * row) * 4 }
}
