/** Rotary positions and attention over whole sequences. */
import { blockPatternOf, seenPositions } from '../../../program/ops/block-pattern.ts'
import { attentionGradientWorkspaceBytes, attentionWorkspaceBytes } from '../workspace.ts'
import { workspaceStride } from '../steps.ts'
import { extent } from '../../operands.ts'
import {
  elementCost,
  exponentialCost,
  float,
  workspace,
  write,
  type Argument,
  type Lowering,
  type Reference,
  type Rule,
} from './context.ts'

export const ropeTable: Rule = (at) => {
  const [rows, half] = [extent(at.output(0), 0), extent(at.output(0), 1) / 2]
  const scales = [float(at.number('shortScale')), float(at.number('longScale'))]
  const words = [at.read(0), at.read(1), at.read(2), at.write(0), rows, half, ...scales]
  at.emit('ropeTable', words, 2 * rows * half * exponentialCost)
}

export const rope: Rule = (at) => {
  const [rows, width, half] = [extent(at.input(0), 0), extent(at.input(0), 1), extent(at.input(1), 1) / 2]
  const headSize = at.number('headSize')
  const shape = [rows, width / headSize, headSize, half, Number(at.flag('inverse'))]
  at.emit('rope', [at.read(0), at.read(1), at.write(0), ...shape], rows * width * elementCost)
}

/** Rows, heads and what follows them in the words of the attention kernels. */
function geometry(at: Lowering): Argument[] {
  const shape = [extent(at.input(0), 0), at.number('heads'), at.number('kvHeads'), at.number('headSize')]
  const scale = float(at.number('scale'))
  return [...shape, at.number('window'), scale, workspace, workspaceStride, Number(at.options.wide), ...at.patternWords]
}

/** Multiply-adds of one product of all queries with the keys that they may see, were the batch one sequence. */
function productCost(at: Lowering): number {
  const rows = extent(at.input(0), 0)
  const window = at.number('window')
  const pattern = blockPatternOf(at.operation.attributes)
  const inWindow = window === 0 ? rows / 2 : Math.min(rows / 2, window)
  const keys = pattern === undefined ? inWindow : seenPositions(pattern, inWindow)
  return rows * keys * at.number('heads') * at.number('headSize')
}

export const attention: Rule = (at) => {
  const operands = [at.read(0), at.read(1), at.read(2), at.read(3), at.write(0), at.write(1)]
  at.emit(
    'attention',
    [...operands, ...geometry(at)],
    2 * productCost(at),
    attentionWorkspaceBytes(at.number('headSize')),
  )
}

export const attentionDelta: Rule = (at) => {
  const [rows, width, heads] = [extent(at.input(0), 0), extent(at.input(0), 1), at.number('heads')]
  const words = [at.read(0), at.read(1), at.write(0), rows, heads, width / heads]
  at.emit('attentionDelta', words, rows * width * elementCost)
}

/**
 * The kernel makes all three gradients at once: what this operation does not ask for goes to temporaries. Where a program
 * has both operations, a rewrite makes one step of them.
 */
function attentionGradient(at: Lowering, results: (bytes: readonly number[]) => readonly Reference[]): void {
  const bytes = [0, 1, 2].map((index) => extent(at.input(index), 0) * extent(at.input(index), 1) * 4)
  // The kernel takes starts, logSumExp, gradient, delta; the operation gradient, logSumExp, delta, starts.
  const operands = [0, 1, 2, 6, 4, 3, 5].map((index) => at.read(index))
  at.emit(
    'attentionGradient',
    [...operands, ...results(bytes), ...geometry(at)],
    5 * productCost(at),
    attentionGradientWorkspaceBytes(at.number('headSize')),
  )
}

export const attentionGradientQueries: Rule = (at) =>
  attentionGradient(at, ([, key = 0, value = 0]) => [at.write(0), write(at.temporary(key)), write(at.temporary(value))])

export const attentionGradientKeys: Rule = (at) =>
  attentionGradient(at, ([query = 0]) => [write(at.temporary(query)), at.write(0), at.write(1)])
