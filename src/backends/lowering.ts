/** What lowering operations to steps takes on every backend. */
import { PocketPhiError, present } from '../base/errors.ts'
import type { StoredTensor } from '../program/plan.ts'
import type { Operation, ValueId } from '../program/program.ts'
import type { BufferId, Operand, Piece } from './operands.ts'

/** The pieces of a tensor of the store; `addSlab` makes the buffer of a slab known to the program. */
export function storedPieces(
  { name, slabs }: StoredTensor,
  addSlab: (
    bytes: number,
    source: { readonly kind: 'store'; readonly name: string; readonly slab: number },
  ) => BufferId,
): Piece[] {
  return slabs.map(({ bytes, row, rows }, slab) => ({
    buffer: addSlab(bytes, { kind: 'store', name, slab }),
    row,
    rows,
  }))
}

/** Who knows where the values of a program lie. */
interface Operands {
  operand(id: ValueId): Operand
}

/** One operation on its way to steps: its operands and attributes. */
export class OperationLowering<Builder extends Operands> {
  readonly operation: Operation
  readonly builder: Builder

  constructor(operation: Operation, builder: Builder) {
    this.operation = operation
    this.builder = builder
  }

  /** All operands, in order. */
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
   *
   * @param backend its name, for the message
   * @throws PocketPhiError `not-supported` when it lies in several slabs
   */
  protected onePiece({ value, pieces }: Operand, backend: string, remedy: string): BufferId {
    const [piece] = pieces
    if (piece !== undefined && pieces.length === 1) return piece.buffer
    throw new PocketPhiError('not-supported', `The ${backend} backend cannot run ${this.operation.kind} over slabs.`, {
      expected: `"${value.name}" in one slab`,
      found: `${pieces.length} slabs`,
      remedy,
    })
  }
}
