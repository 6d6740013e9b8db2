/** Norms, loss and choice, optimiser. */
import { commonRuns, extent } from '../../operands.ts'
import * as norm from '../kernels/norm.ts'
import * as selection from '../kernels/selection.ts'
import * as kernels from '../kernels/training.ts'
import { elementCost, spread, type Lowering, type Rule } from './context.ts'
import { kernelOf, quantizedResult, sharedByReader } from './quantized.ts'

/** What one element costs that is an exponential, in multiply-adds. */
const exponentialCost = 32

function rowsOf(at: Lowering): { rows: number; width: number } {
  return { rows: extent(at.input(0), 0), width: extent(at.input(0), 1) }
}

export const rmsNorm: Rule = (at) => {
  const { rows, width } = rowsOf(at)
  const given = { rows, width, epsilon: at.number('epsilon') }
  const shared = sharedByReader(at)
  if (shared !== undefined) {
    const kernel = kernelOf(`rmsNormQuantized ${shared}`, () => norm.rmsNormQuantized(shared))
    const buffers = { x: at.in(0), weight: at.in(1), ...quantizedResult(at, shared) }
    at.emit(kernel, buffers, given, spread(rows), rows * width * elementCost)
    return
  }
  const buffers = { x: at.in(0), weight: at.in(1), y: at.out(0) }
  at.emit(norm.rmsNorm, buffers, given, spread(rows), rows * width * elementCost)
}

export const rmsNormGradientInput: Rule = (at) => {
  const { rows, width } = rowsOf(at)
  const operands = { x: at.in(0), weight: at.in(1), gradient: at.in(2) }
  const given = { rows, width, epsilon: at.number('epsilon') }
  const buffers = { ...operands, result: at.out(0), inverses: at.out(1) }
  at.emit(norm.rmsNormGradientInput, buffers, given, spread(rows), 2 * rows * width * elementCost)
}

export const rmsNormGradientWeight: Rule = (at) => {
  const { rows, width } = rowsOf(at)
  const buffers = { x: at.in(0), gradient: at.in(1), inverses: at.in(2), result: at.out(0) }
  at.emitElements(norm.rmsNormGradientWeight, buffers, width, { rows }, rows * width * elementCost)
}

export const layerNorm: Rule = (at) => {
  const { rows, width } = rowsOf(at)
  const buffers = { x: at.in(0), weight: at.in(1), bias: at.in(2), y: at.out(0) }
  at.emit(
    norm.layerNorm,
    buffers,
    { rows, width, epsilon: at.number('epsilon') },
    spread(rows),
    2 * rows * width * elementCost,
  )
}

export const layerNormGradientInput: Rule = (at) => {
  const { rows, width } = rowsOf(at)
  const operands = { x: at.in(0), weight: at.in(1), gradient: at.in(2) }
  const buffers = { ...operands, result: at.out(0), centred: at.out(1), inverses: at.out(2) }
  const given = { rows, width, epsilon: at.number('epsilon') }
  at.emit(norm.layerNormGradientInput, buffers, given, spread(rows), 3 * rows * width * elementCost)
}

export const crossEntropy: Rule = (at) => {
  const { rows, width: vocabulary } = rowsOf(at)
  const buffers = { logits: at.in(0), targets: at.in(1), losses: at.out(0), logSumExps: at.out(1) }
  at.emit(kernels.crossEntropy, buffers, { rows, vocabulary }, spread(rows), rows * vocabulary * exponentialCost)
}

export const crossEntropyGradient: Rule = (at) => {
  const { rows, width: vocabulary } = rowsOf(at)
  const operands = { logits: at.in(0), targets: at.in(1), logSumExps: at.in(2), gradient: at.in(3) }
  at.emitElements(kernels.crossEntropyGradient, { ...operands, result: at.out(0) }, rows * vocabulary, { vocabulary })
}

export const topK: Rule = (at) => {
  const { rows, width: columns } = rowsOf(at)
  const buffers = { x: at.in(0), values: at.out(0), ids: at.out(1) }
  at.emit(selection.topK, buffers, { rows, columns, k: at.number('k') }, spread(rows), rows * columns * elementCost)
}

export const weightedSum: Rule = (at) => {
  const count = extent(at.input(0), 0)
  const buffers = { x: at.in(0), weights: at.in(1), sum: at.out(0) }
  at.emit(kernels.weightedSum, buffers, { count }, [1, 1, 1], count * elementCost)
}

export const squaredNorm: Rule = (at) => {
  const runs = commonRuns(at.input(0)).map((run) => ({ ...run, blocks: Math.ceil(run.count / kernels.normBlock) }))
  const total = runs.reduce((sum, { blocks }) => sum + blocks, 0)
  const partials = at.temporary(total * 4)
  let partialsAt = 0
  for (const { count, places, blocks } of runs) {
    const [x] = places
    const given = { count, xAt: x.offset / 4, partialsAt }
    at.emit(kernels.squaredNorm, { x: x.buffer, partials }, given, spread(blocks), count * elementCost)
    partialsAt += blocks
  }
  at.emit(kernels.sum, { x: partials, y: at.out(0) }, { count: total }, [1, 1, 1], total * elementCost)
}

/** The squared norms of all gradients are brought together, added up, and become a factor. */
export const clipFactor: Rule = (at) => {
  const count = at.inputs.length - 1
  const [gathered, total] = [at.temporary(count * 4), at.temporary(4)]
  for (let first = 0; first < count; first += kernels.mostScalars) {
    const kernel = kernels.gatherScalars[Math.min(kernels.mostScalars, count - first)]
    if (kernel === undefined) throw new Error('defect: no kernel gathers so many scalars')
    const scalars = kernel.bindings.slice(0, -1).map(({ name }, index) => [name, at.in(1 + first + index)])
    at.emit(kernel, { ...Object.fromEntries(scalars), gathered }, { first }, [1, 1, 1], elementCost)
  }
  at.emit(kernels.sum, { x: gathered, y: total }, { count }, [1, 1, 1], count * elementCost)
  at.emit(kernels.clipFactor, { total, maxNorm: at.in(0), result: at.out(0) }, {}, [1, 1, 1], elementCost)
}

export const adamW: Rule = (at) => {
  const [beta1, beta2] = [at.number('beta1'), at.number('beta2')]
  const decay = { beta1, beta2, complement1: 1 - beta1, complement2: 1 - beta2 }
  const constants = { ...decay, epsilon: at.number('epsilon'), weightDecay: at.number('weightDecay') }
  for (const { count, places } of commonRuns(at.input(0), at.input(1), at.input(2), at.input(3))) {
    const [parameter, gradient, first, second] = places
    const starts = {
      parameterAt: parameter.offset / 4,
      gradientAt: gradient.offset / 4,
      firstAt: first.offset / 4,
      secondAt: second.offset / 4,
    }
    const state = { parameter: parameter.buffer, first: first.buffer, second: second.buffer }
    const buffers = { ...state, gradient: gradient.buffer, clip: at.in(4), schedule: at.in(5) }
    at.emitElements(kernels.adamW, buffers, count, { ...starts, ...constants }, 2 * count * elementCost)
  }
}
