/** Element-wise operations, and those that move whole rows or columns. */
import { elementCount } from '../../../base/dtype.ts'
import { columnRuns } from '../../../program/ops/columns.ts'
import { present } from '../../../base/errors.ts'
import { commonRuns, extent } from '../../operands.ts'
import { elementCost, exponentialCost, float, read, update, write, type Lowering, type Rule } from './context.ts'

export const add: Rule = (at) => {
  for (const { count, places } of commonRuns(at.input(0), at.input(1), at.output(0))) {
    const [left, right, sum] = places
    at.emit('add', [read(left), read(right), write(sum), count], count * elementCost)
  }
}

export const accumulate: Rule = (at) => {
  for (const { count, places } of commonRuns(at.input(0), at.input(1))) {
    const [state, x] = places
    at.emit('accumulate', [update(state), read(x), count], count * elementCost)
  }
}

export const fill: Rule = (at) => {
  for (const { count, places } of commonRuns(at.input(0))) {
    at.emit('fill', [write(places[0]), count, float(at.number('value'))], count * elementCost)
  }
}

export const scale: Rule = (at) => {
  for (const { count, places } of commonRuns(at.input(0), at.output(0))) {
    const [x, y] = places
    at.emit('scale', [read(x), write(y), count, float(at.number('factor'))], count * elementCost)
  }
}

export const scaleByScalar: Rule = (at) => {
  const factor = at.read(1)
  for (const { count, places } of commonRuns(at.input(0), at.output(0))) {
    const [x, y] = places
    at.emit('scaleByScalar', [read(x), factor, write(y), count], count * elementCost)
  }
}

export const siluMultiply: Rule = (at) => {
  const [rows, width] = [extent(at.output(0), 0), extent(at.output(0), 1)]
  at.emit('siluMultiply', [at.read(0), at.write(0), rows, width], rows * width * exponentialCost)
}

export const siluMultiplyGradient: Rule = (at) => {
  const [rows, width] = [extent(at.input(1), 0), extent(at.input(1), 1)]
  const words = [at.read(0), at.read(1), at.write(0), rows, width]
  at.emit('siluMultiplyGradient', words, 2 * rows * width * exponentialCost)
}

export const gelu: Rule = (at) => {
  const count = elementCount(at.output(0).type.shape)
  const words = [at.read(0), at.write(0), count, Number(at.flag('approximate'))]
  at.emit('gelu', words, count * exponentialCost)
}

export const geluGradient: Rule = (at) => {
  const count = elementCount(at.output(0).type.shape)
  const words = [at.read(0), at.read(1), at.write(0), count, Number(at.flag('approximate'))]
  at.emit('geluGradient', words, 2 * count * exponentialCost)
}

export const addBias: Rule = (at) => {
  const [rows, width] = [extent(at.output(0), 0), extent(at.output(0), 1)]
  at.emit('addBias', [at.read(0), at.read(1), at.write(0), rows, width], rows * width * elementCost)
}

export const columnSums: Rule = (at) => {
  const [rows, width] = [extent(at.input(0), 0), extent(at.input(0), 1)]
  at.emit('columnSums', [at.read(0), at.write(0), rows, width], rows * width * elementCost)
}

export const replaceRows: Rule = (at) => {
  const [rows, width] = [extent(at.output(0), 0), extent(at.output(0), 1)]
  const words = [at.read(0), at.read(1), at.read(2), at.write(0), rows, width]
  at.emit('replaceRows', words, rows * width * elementCost)
}

export const replaceRowsGradient: Rule = (at) => {
  const [rows, width] = [extent(at.output(0), 0), extent(at.output(0), 1)]
  at.emit('replaceRowsGradient', [at.read(0), at.read(1), at.write(0), rows, width], rows * width * elementCost)
}

/** What is computed is read where it is, under its other shape. */
export const reshape: Rule = (at) => {
  if (at.input(0).value.origin === 'computed') {
    at.builder.place(at.output(0).value.id, at.read(0).buffer)
    return
  }
  const count = elementCount(at.output(0).type.shape)
  at.emit('copy', [at.read(0), at.write(0), count], count * elementCost)
}

export const gegelu: Rule = (at) => {
  const count = elementCount(at.output(0).type.shape)
  at.emit('gegelu', [at.read(0), at.write(0), count, float(at.number('limit'))], count * exponentialCost)
}

export const gegeluGradient: Rule = (at) => {
  const count = elementCount(at.input(1).type.shape)
  const words = [at.read(0), at.read(1), at.write(0), count, float(at.number('limit'))]
  at.emit('gegeluGradient', words, 2 * count * exponentialCost)
}

export const fillColumns: Rule = (at) => {
  const [rows, width] = [extent(at.input(0), 0), extent(at.input(0), 1)]
  at.emit('copy', [at.read(0), at.write(0), rows * width], rows * width * elementCost)
  const value = float(at.number('value'))
  for (const [from, to] of columnRuns(at.numbers('columns'))) {
    at.emit('fillColumns', [update(at.write(0)), rows, width, from, to, value], rows * (to - from) * elementCost)
  }
}

export const splitColumns: Rule = (at) => {
  const x = at.input(0)
  const [rows, width] = [extent(x, 0), extent(x, 1)]
  let from = 0
  at.operation.outputs.forEach((_, index) => {
    const to = from + extent(at.output(index), 1)
    at.emit('columns', [at.read(0), at.write(index), rows, width, from, to], rows * (to - from) * elementCost)
    from = to
  })
}

export const joinColumns: Rule = (at) => {
  const [rows, width] = [extent(at.output(0), 0), extent(at.output(0), 1)]
  const starts = at.numbers('from')
  const widths = at.inputs.map((part) => extent(part, 1))
  const isCovered = widths.reduce((sum, part) => sum + part, 0) === width
  if (!isCovered) at.emit('fill', [at.write(0), rows * width, float(0)], rows * width * elementCost)
  widths.forEach((part, index) => {
    const target = isCovered && index === 0 ? at.write(0) : update(at.write(0))
    const words = [at.read(index), target, rows, part, width, present(starts[index], 'start')]
    at.emit('placeColumns', words, rows * part * elementCost)
  })
}

export const gatherRows: Rule = (at) => {
  const y = at.output(0)
  const [rows, width] = [extent(y, 0), extent(y, 1)]
  at.emit('gatherRows', [at.read(0), at.read(1), at.write(0), rows, width], rows * width * elementCost)
}

export const scatterRows: Rule = (at) => scatter(at, 'scatterRows', at.read(1), at.read(0), 1)

export const embeddingGradient: Rule = (at) => scatter(at, 'embeddingGradient', at.read(0), at.read(1), 0)

function scatter(
  at: Lowering,
  kernel: string,
  indices: ReturnType<Lowering['read']>,
  gradient: ReturnType<Lowering['read']>,
  indexOperand: number,
): void {
  const [entries, width] = [extent(at.output(0), 0), extent(at.output(0), 1)]
  const rows = elementCount(at.input(indexOperand).type.shape)
  const words = [indices, gradient, at.write(0), rows, width, entries]
  at.emit(kernel, words, (rows + entries) * width * elementCost)
}
