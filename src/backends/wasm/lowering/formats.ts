/** How kernels are told what a matrix is in. */
import { blockParts, isKDType, isPanelDType } from '../../../base/dtype.ts'
import { activationGroup } from '../../../blocks/matrix.ts'
import type { Operand } from '../../operands.ts'

/** The words that tell kernels the format of a matrix in panels: bits of an integer, and columns that an activation's scale is for. */
export function panelWords(operand: Operand): [bits: number, group: number] {
  const { dtype } = operand.type
  if (!isPanelDType(dtype)) throw new Error(`defect: a matrix in panels was expected, not ${dtype}`)
  return [isKDType(dtype) ? Number(dtype[1]) : blockParts(dtype).bits, activationGroup(dtype)]
}
