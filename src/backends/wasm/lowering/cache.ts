/** The paged cache of keys and values. */
import { elementCount, type DType } from '../../../base/dtype.ts'
import { blockPatternOf, seenPositions } from '../../../program/ops/block-pattern.ts'
import { cacheDTypes, pageSize } from '../../../program/ops/cache.ts'
import { tensorBytes } from '../../../program/plan.ts'
import { workspaceStride } from '../steps.ts'
import { pagedAttentionWorkspaceBytes } from '../workspace.ts'
import { extent, type Operand } from '../../operands.ts'
import { elementCost, float, workspace, type Argument, type Rule } from './context.ts'

/** The word that tells kernels what the cache holds. */
function formatOf({ type }: Operand): number {
  const format = (cacheDTypes as readonly DType[]).indexOf(type.dtype)
  if (format >= 0) return format
  throw new Error(`defect: a cache was expected, not ${type.dtype}`)
}

export const cacheWrite: Rule = (at) => {
  const [keys, table] = [at.input(0), at.input(2)]
  const [rows, kvHeads, headSize] = [extent(at.input(3), 0), extent(keys, 1), extent(keys, 3)]
  const operands = [at.update(0), at.update(1), ...[2, 3, 4, 5, 6].map((index) => at.read(index))]
  const words = [...operands, rows, kvHeads, headSize, extent(table, 1), formatOf(keys)]
  at.emit('cacheWrite', words, 2 * rows * kvHeads * headSize * elementCost)
}

export const pagedAttention: Rule = (at) => {
  const [rows, pages] = [extent(at.input(3), 0), extent(at.input(2), 1)]
  const [heads, headSize, window] = [at.number('heads'), at.number('headSize'), at.number('window')]
  const operands = [...[0, 1, 2, 3, 4, 5].map((index) => at.read(index)), at.write(0)]
  const shape = [rows, heads, at.number('kvHeads'), headSize, pages, window]
  const words: Argument[] = [
    ...operands,
    ...shape,
    float(at.number('scale')),
    workspace,
    workspaceStride,
    Number(at.options.wide),
    formatOf(at.input(0)),
    ...at.patternWords,
  ]
  const pattern = blockPatternOf(at.operation.attributes)
  const inWindow = window === 0 ? pages * pageSize : Math.min(pages * pageSize, window)
  const keys = pattern === undefined ? inWindow : seenPositions(pattern, inWindow)
  at.emit('pagedAttention', words, 2 * rows * heads * headSize * keys, pagedAttentionWorkspaceBytes(headSize))
}

export const copyPages: Rule = (at) => {
  const pool = at.input(0)
  const count = elementCount(at.input(1).type.shape)
  const pageWords = tensorBytes({ ...pool.type, shape: [1, ...pool.type.shape.slice(1)] }) / 4
  const words = [at.update(0), at.read(1), at.read(2), count, pageWords]
  at.emit('copyPages', words, count * pageWords * elementCost)
}
