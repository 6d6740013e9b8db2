/** Norms, loss and choice, optimiser. */
import { commonRuns, extent } from '../../operands.ts'
import { workspaceStride } from '../steps.ts'
import { topKWorkspaceBytes } from '../workspace.ts'
import {
  elementCost,
  exponentialCost,
  float,
  read,
  update,
  workspace,
  write,
  type Argument,
  type Rule,
} from './context.ts'

export const rmsNorm: Rule = (at) => {
  const [rows, width] = [extent(at.input(0), 0), extent(at.input(0), 1)]
  const words = [at.read(0), at.read(1), at.write(0), rows, width, float(at.number('epsilon'))]
  at.emit('rmsNorm', words, rows * width * elementCost)
}

export const rmsNormGradientInput: Rule = (at) => {
  const [rows, width] = [extent(at.input(0), 0), extent(at.input(0), 1)]
  const operands = [at.read(0), at.read(1), at.read(2), at.write(0), at.write(1)]
  at.emit(
    'rmsNormGradientInput',
    [...operands, rows, width, float(at.number('epsilon'))],
    2 * rows * width * elementCost,
  )
}

export const rmsNormGradientWeight: Rule = (at) => {
  const [rows, width] = [extent(at.input(0), 0), extent(at.input(0), 1)]
  const words = [at.read(0), at.read(1), at.read(2), at.write(0), rows, width]
  at.emit('rmsNormGradientWeight', words, rows * width * elementCost)
}

export const layerNorm: Rule = (at) => {
  const [rows, width] = [extent(at.input(0), 0), extent(at.input(0), 1)]
  const operands = [at.read(0), at.read(1), at.read(2), at.write(0)]
  at.emit('layerNorm', [...operands, rows, width, float(at.number('epsilon'))], 2 * rows * width * elementCost)
}

export const layerNormGradientInput: Rule = (at) => {
  const [rows, width] = [extent(at.input(0), 0), extent(at.input(0), 1)]
  const operands = [at.read(0), at.read(1), at.read(2), at.write(0), at.write(1), at.write(2)]
  const words = [...operands, rows, width, float(at.number('epsilon'))]
  at.emit('layerNormGradientInput', words, 3 * rows * width * elementCost)
}

export const crossEntropy: Rule = (at) => {
  const [rows, vocabulary] = [extent(at.input(0), 0), extent(at.input(0), 1)]
  const words = [at.read(0), at.read(1), at.write(0), at.write(1), rows, vocabulary]
  at.emit('crossEntropy', words, rows * vocabulary * exponentialCost)
}

export const crossEntropyGradient: Rule = (at) => {
  const [rows, vocabulary] = [extent(at.input(0), 0), extent(at.input(0), 1)]
  const operands = [at.read(0), at.read(1), at.read(2), at.read(3), at.write(0)]
  at.emit('crossEntropyGradient', [...operands, rows, vocabulary], rows * vocabulary * exponentialCost)
}

export const topK: Rule = (at) => {
  const [rows, columns] = [extent(at.input(0), 0), extent(at.input(0), 1)]
  const k = at.number('k')
  const words: Argument[] = [at.read(0), at.write(0), at.write(1), rows, columns, k, workspace, workspaceStride]
  at.emit('topK', words, rows * columns * elementCost, topKWorkspaceBytes(k))
}

export const weightedSum: Rule = (at) => {
  const count = extent(at.input(0), 0)
  at.emit('weightedSum', [at.read(0), at.read(1), at.write(0), count], count * elementCost)
}

/** Elements under one partial sum of the squaredNorm kernel. */
const blockElements = 16384

export const squaredNorm: Rule = (at) => {
  const runs = commonRuns(at.input(0)).map((run) => ({ ...run, partials: Math.ceil(run.count / blockElements) }))
  const total = runs.reduce((sum, { partials }) => sum + partials, 0)
  const partials = at.temporary(total * 4)
  let offset = 0
  for (const run of runs) {
    const words = [read(run.places[0]), write({ ...partials, offset }), run.count]
    at.emit('squaredNorm', words, run.count * elementCost)
    offset += run.partials * 4
  }
  at.emit('sum', [read(partials), at.write(0), total], total * elementCost)
}

/** The squared norms of all gradients are brought together, added up, and become a factor. */
export const clipFactor: Rule = (at) => {
  const squares = at.operation.inputs.slice(1).map((_, index) => at.read(index + 1))
  const gathered = at.temporary(squares.length * 4)
  const total = at.temporary(4)
  squares.forEach((square, index) =>
    at.emit('copy', [square, write({ ...gathered, offset: index * 4 }), 1], elementCost),
  )
  at.emit('sum', [read(gathered), write(total), squares.length], squares.length * elementCost)
  at.emit('clipFactor', [read(total), at.read(0), at.write(0)], elementCost)
}

export const adamW: Rule = (at) => {
  const [clip, schedule] = [at.read(4), at.read(5)]
  const [beta1, beta2] = [at.number('beta1'), at.number('beta2')]
  const constants = [beta1, beta2, at.number('epsilon'), at.number('weightDecay'), 1 - beta1, 1 - beta2].map(float)
  for (const { count, places } of commonRuns(at.input(0), at.input(1), at.input(2), at.input(3))) {
    const [parameter, gradient, first, second] = places
    const operands = [update(parameter), read(gradient), update(first), update(second), count, clip, schedule]
    at.emit('adamW', [...operands, ...constants], count * elementCost * 2)
  }
}
