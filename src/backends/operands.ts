/** Where the operands of operations lie: what lowering to steps needs on every backend. */
import { elementCount, isQuantizedDType, type TensorType } from '../base/dtype.ts'
import { present } from '../base/errors.ts'
import type { Value } from '../program/program.ts'

/** A buffer of a program that is being lowered, by its number there. */
export type BufferId = number

/** A byte within a buffer. */
export interface Place {
  readonly buffer: BufferId
  readonly offset: number
}

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

/** Extent of an axis. */
export function extent(operand: Operand, axis: number): number {
  return present(operand.type.shape[axis], `axis ${axis}`)
}

/** Elements of one row of the outermost axis. */
export function rowElements(type: TensorType): number {
  return elementCount(type.shape.slice(1))
}

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
