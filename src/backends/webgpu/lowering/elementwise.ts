/** Element-wise operations, and those that move whole rows or columns. */
import { elementCount } from '../../../base/dtype.ts'
import { present } from '../../../base/errors.ts'
import { columnRuns } from '../../../program/ops/columns.ts'
import { commonRuns, extent, type Place } from '../../operands.ts'
import * as kernels from '../kernels/elementwise.ts'
import * as geluKernels from '../kernels/gelu.ts'
import type { ValueId } from '../../../program/program.ts'
import { quantizedQuads } from '../kernels/quantize.ts'
import { elementCost, spread, type Lowering, type Rule } from './context.ts'
import { kernelOf, quantizedResult, sharedByReader } from './quantized.ts'

/** The element of its buffer at which a place is. */
function elementOf({ offset }: Place): number {
  return offset / 4
}

export const add: Rule = (at) => {
  for (const { count, places } of commonRuns(at.input(0), at.input(1), at.output(0))) {
    const [left, right, sum] = places
    const starts = { leftAt: elementOf(left), rightAt: elementOf(right), sumAt: elementOf(sum) }
    at.emitElements(kernels.add, { left: left.buffer, right: right.buffer, sum: sum.buffer }, count, starts)
  }
}

export const accumulate: Rule = (at) => {
  for (const { count, places } of commonRuns(at.input(0), at.input(1))) {
    const [state, x] = places
    const starts = { stateAt: elementOf(state), xAt: elementOf(x) }
    at.emitElements(kernels.accumulate, { state: state.buffer, x: x.buffer }, count, starts)
  }
}

export const fill: Rule = (at) => {
  for (const { count, places } of commonRuns(at.input(0))) {
    const [state] = places
    const given = { stateAt: elementOf(state), value: at.number('value') }
    at.emitElements(kernels.fill, { state: state.buffer }, count, given)
  }
}

export const scale: Rule = (at) => {
  for (const { count, places } of commonRuns(at.input(0), at.output(0))) {
    const [x, y] = places
    const given = { xAt: elementOf(x), yAt: elementOf(y), factor: at.number('factor') }
    at.emitElements(kernels.scale, { x: x.buffer, y: y.buffer }, count, given)
  }
}

export const scaleByScalar: Rule = (at) => {
  for (const { count, places } of commonRuns(at.input(0), at.output(0))) {
    const [x, y] = places
    const given = { xAt: elementOf(x), yAt: elementOf(y) }
    at.emitElements(kernels.scaleByScalar, { x: x.buffer, scalar: at.in(1), y: y.buffer }, count, given)
  }
}

export const siluMultiply: Rule = (at) => {
  const [rows, width] = [extent(at.output(0), 0), extent(at.output(0), 1)]
  const shared = sharedByReader(at)
  if (shared !== undefined) {
    const kernel = kernelOf(`siluMultiplyQuantized ${shared}`, () => kernels.siluMultiplyQuantized(shared))
    const quads = (rows * width) / 4
    const buffers = { gateUp: at.in(0), ...quantizedResult(at, shared) }
    at.emit(kernel, buffers, { quads, width }, spread(Math.ceil(quads / quantizedQuads)), rows * width * elementCost)
    return
  }
  at.emitElements(kernels.siluMultiply, { gateUp: at.in(0), y: at.out(0) }, rows * width, { width })
}

export const siluMultiplyGradient: Rule = (at) => {
  const [rows, width] = [extent(at.input(1), 0), extent(at.input(1), 1)]
  const buffers = { gateUp: at.in(0), gradient: at.in(1), result: at.out(0) }
  at.emitElements(kernels.siluMultiplyGradient, buffers, rows * width, { width })
}

export const gelu: Rule = (at) => {
  const approximate = Number(at.flag('approximate'))
  at.emitElements(geluKernels.gelu, { x: at.in(0), y: at.out(0) }, elementCount(at.input(0).type.shape), {
    approximate,
  })
}

export const geluGradient: Rule = (at) => {
  const approximate = Number(at.flag('approximate'))
  const buffers = { x: at.in(0), gradient: at.in(1), result: at.out(0) }
  at.emitElements(geluKernels.geluGradient, buffers, elementCount(at.input(0).type.shape), { approximate })
}

export const addBias: Rule = (at) => {
  const [rows, width] = [extent(at.output(0), 0), extent(at.output(0), 1)]
  at.emitElements(kernels.addBias, { x: at.in(0), bias: at.in(1), y: at.out(0) }, rows * width, { width })
}

export const columnSums: Rule = (at) => {
  const [rows, width] = [extent(at.input(0), 0), extent(at.input(0), 1)]
  at.emitElements(kernels.columnSums, { x: at.in(0), sums: at.out(0) }, width, { rows }, rows * width * elementCost)
}

export const replaceRows: Rule = (at) => {
  const [rows, width] = [extent(at.output(0), 0), extent(at.output(0), 1)]
  const buffers = { x: at.in(0), source: at.in(1), indices: at.in(2), y: at.out(0) }
  at.emitElements(kernels.replaceRows, buffers, rows * width, { width })
}

export const replaceRowsGradient: Rule = (at) => {
  const [rows, width] = [extent(at.output(0), 0), extent(at.output(0), 1)]
  const buffers = { gradient: at.in(0), indices: at.in(1), result: at.out(0) }
  at.emitElements(kernels.replaceRowsGradient, buffers, rows * width, { width })
}

/** All elements of the first operand, as they are. */
function copy(at: Lowering): void {
  const given = { xAt: 0, yAt: 0, factor: 1 }
  at.emitElements(kernels.scale, { x: at.in(0), y: at.out(0) }, elementCount(at.input(0).type.shape), given)
}

/** What is computed is read where it is, under its other shape. */
export const reshape: Rule = (at) => {
  if (at.input(0).value.origin === 'computed') at.replaceOutput(0, at.in(0))
  else copy(at)
}

export const gegelu: Rule = (at) => {
  const count = elementCount(at.output(0).type.shape)
  at.emitElements(kernels.gegelu, { x: at.in(0), y: at.out(0) }, count, { limit: at.number('limit') })
}

export const gegeluGradient: Rule = (at) => {
  const count = elementCount(at.input(1).type.shape)
  const buffers = { x: at.in(0), gradient: at.in(1), result: at.out(0) }
  at.emitElements(kernels.gegeluGradient, buffers, count, { limit: at.number('limit') })
}

export const fillColumns: Rule = (at) => {
  const [rows, width] = [extent(at.input(0), 0), extent(at.input(0), 1)]
  copy(at)
  for (const [first, to] of columnRuns(at.numbers('columns'))) {
    const given = { width, first, part: to - first, value: at.number('value') }
    at.emitElements(kernels.fillColumns, { y: at.out(0) }, rows * (to - first), given)
  }
}

/** Operands that are read as parts of longer rows, where they are. */
const viewed: Readonly<Record<string, readonly number[]>> = { cacheWrite: [5, 6], rope: [0] }

/** Whether all that read a value can read it where it is part of another, which nothing changes meanwhile. */
function isReadInPlace(at: Lowering, id: ValueId): boolean {
  const readers = at.builder.readersOf(id)
  return (
    readers?.every(({ kind, inputs }) =>
      inputs.every((input, index) => input !== id || viewed[kind]?.includes(index) === true),
    ) === true
  )
}

/** Parts that are read where they are are not copied. */
export const splitColumns: Rule = (at) => {
  const x = at.input(0)
  const [rows, width] = [extent(x, 0), extent(x, 1)]
  let first = 0
  at.operation.outputs.forEach((id, index) => {
    const part = extent(at.output(index), 1)
    if (x.value.origin === 'computed' && isReadInPlace(at, id)) {
      at.builder.views.set(id, { buffer: at.in(0), at: first, stride: width })
    } else {
      at.emitElements(kernels.columns, { x: at.in(0), y: at.out(index) }, rows * part, { width, first, part })
    }
    first += part
  })
}

export const joinColumns: Rule = (at) => {
  const [rows, width, y] = [extent(at.output(0), 0), extent(at.output(0), 1), at.out(0)]
  const parts = at.operation.inputs.map((_, index) => extent(at.input(index), 1))
  const isCovered = parts.reduce((sum, part) => sum + part, 0) === width
  if (!isCovered) at.emitElements(kernels.fill, { state: y }, rows * width, { stateAt: 0, value: 0 })
  const starts = at.numbers('from')
  parts.forEach((part, index) => {
    const given = { width, first: present(starts[index], 'start'), part }
    at.emitElements(kernels.placeColumns, { x: at.in(index), y }, rows * part, given)
  })
}

export const gatherRows: Rule = (at) => {
  const [rows, width] = [extent(at.output(0), 0), extent(at.output(0), 1)]
  const buffers = { x: at.in(0), indices: at.in(1), y: at.out(0) }
  at.emitElements(kernels.gatherRows, buffers, rows * width, { width })
}

/** Zeroes the result, then adds the rows to where they belong. */
function scatter(at: Lowering, indices: number, x: number): void {
  const [entries, width] = [extent(at.output(0), 0), extent(at.output(0), 1)]
  const rows = elementCount(at.input(indices).type.shape)
  const y = at.out(0)
  at.emitElements(kernels.fill, { state: y }, entries * width, { stateAt: 0, value: 0 })
  const buffers = { indices: at.in(indices), x: at.in(x), y }
  at.emitElements(kernels.scatterRows, buffers, width, { rows }, rows * width * elementCost)
}

export const scatterRows: Rule = (at) => scatter(at, 1, 0)

export const embeddingGradient: Rule = (at) => scatter(at, 0, 1)

/**
 * The table is made in the caller's thread and goes up with the inputs: the sine of WGSL is off by 2^-11, and angles need
 * float64.
 */
export const ropeTable: Rule = (at) => {
  const [positions, regimes, frequencies] = [at.input(0).value, at.input(1).value, at.input(2).value]
  if (positions.origin !== 'input' || regimes.origin !== 'input' || frequencies.type.dtype !== 'f64') {
    throw at.refuse('positions, regimes or frequencies that are computed', 'Give them as inputs and a parameter.')
  }
  const [rows, half] = [extent(at.output(0), 0), extent(at.output(0), 1) / 2]
  const scales = [at.number('shortScale'), at.number('longScale')]
  const table = at.upload(rows * 2 * half * 4, (inputs, tensors) => {
    const inverse = tensors(frequencies.name)
    const values = new Float32Array(rows * 2 * half)
    for (let row = 0; row < rows; row++) {
      const regime = present(inputs[regimes.name]?.[row], 'regime')
      const position = present(inputs[positions.name]?.[row], 'position')
      const factor = present(scales[regime], 'scale')
      for (let index = 0; index < half; index++) {
        const angle = position * present(inverse[regime * half + index], 'frequency')
        values[row * 2 * half + index] = Math.cos(angle) * factor
        values[row * 2 * half + half + index] = Math.sin(angle) * factor
      }
    }
    return values
  })
  at.replaceOutput(0, table)
}

export const rope: Rule = (at) => {
  const [rows, width, half] = [extent(at.input(0), 0), extent(at.input(0), 1), extent(at.input(1), 1) / 2]
  const x = at.view(0)
  const turn = { headSize: at.number('headSize'), half, direction: at.flag('inverse') ? -1 : 1 }
  const given = { width, xAt: x.at, xStride: x.stride, ...turn }
  at.emitElements(kernels.rope, { x: x.buffer, table: at.in(1), y: at.out(0) }, rows * width, given)
}
