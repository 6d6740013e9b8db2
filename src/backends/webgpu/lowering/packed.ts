/** Products with matrices in blocks: of all rows, or of those of an expert. */
import { isQuantizedDType, type PanelDType, type QuantizedDType } from '../../../base/dtype.ts'
import { activationGroup } from '../../../blocks/matrix.ts'
import { extent, type BufferId, type Operand } from '../../operands.ts'
import type { Kernel } from '../kernel.ts'
import { formatOf, type Format } from '../kernels/formats.ts'
import * as packed from '../kernels/packed.ts'
import { spread, type Lowering } from './context.ts'
import { kernelOf, quantizedOperand } from './quantized.ts'

/** The format of a matrix in blocks. */
export function quantizedType({ type }: Operand): QuantizedDType {
  if (!isQuantizedDType(type.dtype)) throw new Error(`defect: a matrix in blocks was expected, not ${type.dtype}`)
  return type.dtype
}

/** A decoded row is bound by the weights that are read: only for many are weights and activations multiplied in f16. */
function productKernel(
  { builder }: Lowering,
  format: Format,
  exact: boolean,
  tokens: number,
  whose: packed.Tokens,
): Kernel {
  const name = `${format.dtype} ${exact ? 'f32' : 'int8'} ${whose}`
  const room = packed.streamed.find((most) => tokens <= most)
  if (room === undefined) {
    if (!exact) return kernelOf(`tile ${name}`, () => packed.tileIntegers(format, whose))
    // What meets int8 activations otherwise is asked to be exact.
    const arithmetic = format.integers === undefined ? builder.arithmetic : 'f32'
    return kernelOf(`tile ${name} ${arithmetic}`, () => packed.tileFloats(format, arithmetic, whose))
  }
  return kernelOf(`stream ${name} ${room}`, () =>
    exact ? packed.streamFloats(format, room, whose) : packed.streamIntegers(format, room, whose),
  )
}

/** What products in blocks read of the first operand: its rows as they are, or as int8, which are made once. */
export function packedOperands(at: Lowering, matrix: Operand): Readonly<Record<string, BufferId>> {
  if (at.operation.attributes['activations'] === 'f32') return { x: at.whole(at.input(0)) }
  const { integers, scales } = quantizedOperand(at, activationGroup(quantizedType(matrix) as PanelDType))
  return { integers, scales }
}

/** An expert, and the table that says which rows are its own. */
interface ExpertTokens {
  readonly table: BufferId
  readonly expert: number
  readonly experts: number
}

/** One step for each slab of a matrix, whose rows become the columns of the result from `column` on. */
export function emitPacked(
  at: Lowering,
  matrix: Operand,
  activations: Readonly<Record<string, BufferId>>,
  { column = 0, expert }: { readonly column?: number; readonly expert?: ExpertTokens } = {},
): void {
  const [tokens, inner, stride] = [extent(at.input(0), 0), extent(at.input(0), 1), extent(at.output(0), 1)]
  const exact = at.operation.attributes['activations'] === 'f32'
  const whose = expert === undefined ? 'all' : 'expert'
  const kernel = productKernel(at, formatOf(quantizedType(matrix)), exact, tokens, whose)
  for (const piece of matrix.pieces) {
    const extents = { tokens, rows: piece.rows, quads: inner / 4, first: column + piece.row, stride }
    const tile = packed.packedTile
    const groups =
      tokens > Math.max(...packed.streamed)
        ? ([Math.ceil(piece.rows / tile), Math.ceil(tokens / tile), 1] as const)
        : spread(Math.ceil(piece.rows / 8))
    const table = expert === undefined ? {} : { table: expert.table }
    const buffers = { ...activations, ...table, weight: piece.buffer, product: at.whole(at.output(0)) }
    const cost = (tokens * piece.rows * inner) / (expert?.experts ?? 1)
    at.emit(kernel, buffers, { ...extents, expert: expert?.expert ?? 0 }, groups, cost)
  }
}
