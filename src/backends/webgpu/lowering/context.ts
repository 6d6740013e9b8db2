import { PocketPhiError, present } from '../../../base/errors.ts'
import { tensorBytes, type StorePlan } from '../../../program/plan.ts'
import type { Operation, Program, Value, ValueId } from '../../../program/program.ts'
import { checkedInput } from '../../inputs.ts'
import { OperationLowering, storedPieces } from '../../lowering.ts'
import type { BufferId, Operand, Piece } from '../../operands.ts'
import { elementThreads, mostGroups, type Kernel } from '../kernel.ts'
import type { Arithmetic, ProgramInput, Step, StepBuffer, Upload } from '../steps.ts'

/** What one element of an element-wise pass costs, in multiply-adds: it is bound by memory. */
export const elementCost = 16

/** Rows of an f32 tensor that may be parts of longer ones; `at` and `stride` count elements. */
export interface View {
  readonly buffer: BufferId
  readonly at: number
  readonly stride: number
}

/** Activations as int8. */
export interface Quantized {
  readonly integers: BufferId
  readonly scales: BufferId
}

/** Collects the buffers and steps of one program. */
export class StepBuilder {
  readonly program: Program
  readonly arithmetic: Arithmetic
  readonly buffers: StepBuffer[] = []
  readonly steps: Step[] = []
  readonly inputs: ProgramInput[] = []
  readonly uploads: Upload[] = []
  /** Values that are parts of others and lie nowhere else. */
  readonly views = new Map<ValueId, View>()
  /** Values that are there as int8, by their ids and the columns that share a scale. */
  readonly quantized = new Map<string, Quantized>()
  /** Tables of the places of experts' rows, by the routing that they follow from and how many places there are. */
  readonly tables = new Map<string, BufferId>()
  readonly #operands: Operand[]
  readonly #readers = new Map<ValueId, Operation[]>()

  constructor(program: Program, store: StorePlan, arithmetic: Arithmetic) {
    this.program = program
    this.arithmetic = arithmetic
    for (const operation of program.operations) {
      for (const id of new Set(operation.inputs)) {
        this.#readers.set(id, [...(this.#readers.get(id) ?? []), operation])
      }
    }
    this.#operands = program.values.map((value) => ({ value, type: value.type, pieces: this.#place(value, store) }))
  }

  addBuffer(buffer: StepBuffer): BufferId {
    this.buffers.push(buffer)
    return this.buffers.length - 1
  }

  operand(id: ValueId): Operand {
    return present(this.#operands[id], 'operand')
  }

  /** The operations that read a value; undefined when the caller reads it as well. */
  readersOf(id: ValueId): readonly Operation[] | undefined {
    return Object.values(this.program.outputs).includes(id) ? undefined : (this.#readers.get(id) ?? [])
  }

  /** Lets a computed value lie in another buffer than its own, which is then unused. */
  place(id: ValueId, buffer: BufferId): void {
    const { value, type, pieces } = this.operand(id)
    this.#operands[id] = { value, type, pieces: pieces.map((piece) => ({ ...piece, buffer })) }
  }

  #place(value: Value, store: StorePlan): Piece[] {
    const { name, origin, type } = value
    const rows = type.shape[0] ?? 1
    if (origin === 'computed')
      return [{ buffer: this.addBuffer({ bytes: tensorBytes(type), source: { kind: 'scratch' } }), row: 0, rows }]
    if (origin === 'input') {
      const buffer = this.addBuffer({ bytes: tensorBytes(type), source: { kind: 'uploaded' } })
      this.inputs.push({ name, type, buffer })
      this.uploads.push({ buffer, words: (inputs) => checkedInput(value, inputs) })
      return [{ buffer, row: 0, rows }]
    }
    const stored = present(store.tensors.get(name), `"${name}" in the store`)
    return storedPieces(stored, (bytes, source) => this.addBuffer({ bytes, source }))
  }
}

/** One operation on its way to steps. */
export class Lowering extends OperationLowering<StepBuilder> {
  /**
   * The one buffer of an operand that no rule cuts.
   * @throws PocketPhiError `not-supported` when it lies in several slabs
   */
  whole(operand: Operand): BufferId {
    return this.onePiece(
      operand,
      'webgpu',
      'Use a shorter context or smaller weights, or a device with larger bindings.',
    )
  }

  /** The buffer of an operand, whole. */
  in(index: number): BufferId {
    return this.whole(this.input(index))
  }

  /** The buffer of a result. */
  out(index: number): BufferId {
    return this.whole(this.output(index))
  }

  /** The rows of an operand, which may be parts of longer ones. */
  view(index: number): View {
    const { value } = this.input(index)
    const stride = present(value.type.shape[1], 'columns')
    return this.builder.views.get(value.id) ?? { buffer: this.in(index), at: 0, stride }
  }

  /** Refuses something by the name of the operation. */
  refuse(found: string, remedy: string): PocketPhiError {
    const { kind, scope } = this.operation
    const where = scope || this.builder.program.name
    return new PocketPhiError('not-supported', `The webgpu backend cannot run ${kind} in ${where}.`, { found, remedy })
  }

  /** Scratch memory that only the steps of this operation use. */
  temporary(bytes: number): BufferId {
    return this.builder.addBuffer({ bytes, source: { kind: 'scratch' } })
  }

  /** Lets a result be a buffer that something else has made. */
  replaceOutput(index: number, buffer: BufferId): void {
    this.builder.place(present(this.operation.outputs[index], 'result'), buffer)
  }

  /** A buffer with words that the caller's thread computes before every run. */
  upload(bytes: number, words: Upload['words']): BufferId {
    const buffer = this.builder.addBuffer({ bytes, source: { kind: 'uploaded' } })
    this.builder.uploads.push({ buffer, words })
    return buffer
  }

  /**
   * Appends a dispatch. Buffers and numbers are given by the names that the kernel has for them.
   */
  emit(
    kernel: Kernel,
    buffers: Readonly<Record<string, BufferId>>,
    given: Readonly<Record<string, number>>,
    groups: Step['groups'],
    cost: number,
  ): void {
    const lacking = (name: string): string => `"${name}" of the kernel ${kernel.name}`
    this.builder.steps.push({
      kernel,
      buffers: kernel.bindings.map(({ name }) => present(buffers[name], lacking(name))),
      given: kernel.parameters.map(({ name }) => present(given[name], lacking(name))),
      groups,
      cost: Math.max(1, cost),
      scope: this.operation.scope,
    })
  }

  /** Appends a kernel of which every thread does one of `count` elements. */
  emitElements(
    kernel: Kernel,
    buffers: Readonly<Record<string, BufferId>>,
    count: number,
    given: Readonly<Record<string, number>> = {},
    cost = count * elementCost,
  ): void {
    this.emit(kernel, buffers, { ...given, count }, spread(Math.ceil(count / elementThreads)), cost)
  }
}

/** That many groups, and a few more where they need two dimensions. */
export function spread(groups: number): Step['groups'] {
  const lines = Math.ceil(groups / mostGroups)
  return [Math.ceil(groups / lines), lines, 1]
}

/** Turns one operation into steps. */
export type Rule = (at: Lowering) => void
