import { isGgmlDType, isQuantizedDType, type PanelDType } from '../../base/dtype.ts'
import { present } from '../../base/errors.ts'
import { activationGroup, matrixGroups } from '../../blocks/matrix.ts'
import { quantizeActivations } from '../../blocks/packed.ts'
import type { Tensor } from '../trace.ts'
import { defineOp, floats, operand, packedBytesOf, require, shapeOf, tensorType } from './definition.ts'
import { matrixValues } from './rows.ts'

type Transposes = { transposeLeft: boolean; transposeRight: boolean }

/** Strides of a [rows, columns] matrix as it is read: transposed or not. */
function strides(stored: readonly number[], transposed: boolean): [row: number, column: number] {
  const width = present(stored[1], 'columns')
  return transposed ? [1, width] : [width, 1]
}

const applyMatmul = defineOp<Transposes>({
  kind: 'matmul',
  infer([left, right], { transposeLeft, transposeRight }) {
    const [leftRows, leftColumns] = operand('matmul', 'left', left, 'f32', null, null)
    const [rightRows, rightColumns] = operand('matmul', 'right', right, 'f32', null, null)
    const [rows, inner] = transposeLeft ? [leftColumns, leftRows] : [leftRows, leftColumns]
    const [innerRight, columns] = transposeRight ? [rightColumns, rightRows] : [rightRows, rightColumns]
    require(inner === innerRight, 'matmul', `inner extents differ: ${inner} and ${innerRight}`)
    return [tensorType('f32', rows, columns)]
  },
  derivative({ inputs: [left, right], attributes }, [gradient]) {
    if (left === undefined || right === undefined || gradient === undefined) return []
    const { transposeLeft, transposeRight } = attributes
    const towardsLeft = transposeLeft
      ? matmul(right, gradient, { transposeLeft: transposeRight, transposeRight: true })
      : matmul(gradient, right, { transposeLeft: false, transposeRight: !transposeRight })
    const towardsRight = transposeRight
      ? matmul(gradient, left, { transposeLeft: true, transposeRight: transposeLeft })
      : matmul(left, gradient, { transposeLeft: !transposeLeft, transposeRight: false })
    return [towardsLeft, towardsRight]
  },
  reference([left, right], [product], { transposeLeft, transposeRight }) {
    const [rows = 0, columns = 0] = shapeOf(product)
    const inner = present(shapeOf(left)[transposeLeft ? 0 : 1], 'inner')
    const [leftRow, leftColumn] = strides(shapeOf(left), transposeLeft)
    const [rightRow, rightColumn] = strides(shapeOf(right), transposeRight)
    const [a, b, c] = [floats(left), floats(right), floats(product)]
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        let sum = 0
        for (let k = 0; k < inner; k++) {
          sum += (a[row * leftRow + k * leftColumn] as number) * (b[k * rightRow + column * rightColumn] as number)
        }
        c[row * columns + column] = sum
      }
    }
  },
})

/** The matrix product of two f32 matrices, either of them transposed as it is read. */
export function matmul(left: Tensor, right: Tensor, transposes: Partial<Transposes> = {}): Tensor {
  const attributes = { transposeLeft: false, transposeRight: false, ...transposes }
  return present(applyMatmul([left, right], attributes)[0], 'product')
}

/** How a packed matmul treats its activations: rounded to int8 by group, or left alone (exact mode, and blocks that lie as in a GGUF file). */
export type ActivationFormat = 'int8' | 'f32'

const applyMatmulPacked = defineOp<{ activations: ActivationFormat }>({
  kind: 'matmulPacked',
  infer([x, weight], { activations }) {
    const [rows, inner] = operand('matmulPacked', 'x', x, 'f32', null, null)
    const [columns] = operand('matmulPacked', 'weight', weight, isQuantizedDType, null, inner)
    const dtype = present(weight, 'weight').dtype
    require(activations === 'f32' || !isGgmlDType(dtype), 'matmulPacked', `${dtype} does not meet int8 activations`)
    return [tensorType('f32', rows, columns)]
  },
  derivative({ inputs: [, weight] }, [gradient]) {
    // Straight through the rounding of the activations; the weight itself is frozen.
    if (weight === undefined || gradient === undefined) return []
    return [matmul(gradient, dequantize(weight))]
  },
  reference([x, weight], [product], { activations }) {
    const [rows = 0, columns = 0] = shapeOf(product)
    const inner = present(shapeOf(x)[1], 'inner')
    if (activations === 'f32') {
      const dense = matrixValues(weight)
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          let sum = 0
          for (let k = 0; k < inner; k++) {
            sum += (floats(x)[row * inner + k] as number) * (dense[column * inner + k] as number)
          }
          floats(product)[row * columns + column] = sum
        }
      }
      return
    }
    const dtype = present(weight, 'weight').type.dtype as PanelDType
    const shared = activationGroup(dtype)
    const left = quantizeActivations(Float32Array.from(floats(x)), rows, inner, shared)
    const { group, integers, scales, offsets } = matrixGroups(packedBytesOf(weight), dtype, columns, inner)
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        let sum = 0
        for (let start = 0; start < inner; start += group) {
          let dot = 0
          let total = 0
          for (let k = start; k < start + group; k++) {
            const activation = left.integers[row * inner + k] as number
            dot += activation * (integers[column * inner + k] as number)
            total += activation
          }
          const at = (column * inner + start) / group
          const value = dot * (scales[at] as number) - total * (offsets?.[at] ?? 0)
          sum += value * (left.scales[Math.floor((row * inner + start) / shared)] as number)
        }
        floats(product)[row * columns + column] = sum
      }
    }
  },
})

const applyDequantize = defineOp({
  kind: 'dequantize',
  infer([weight]) {
    const [rows, columns] = operand('dequantize', 'weight', weight, isQuantizedDType, null, null)
    return [tensorType('f32', rows, columns)]
  },
  derivative: 'none',
  reference([weight], [result]) {
    floats(result).set(matrixValues(weight))
  },
})

/** The float meaning of a packed matrix. */
export function dequantize(weight: Tensor): Tensor {
  return present(applyDequantize([weight], {})[0], 'matrix')
}

/**
 * x [R, K] times the transpose of a weight [N, K] as checkpoints store it, dense or packed. Activations meet packed
 * weights as int8 (rounded by `activationGroup`; see `quantizeActivations`) or, in exact mode, as they are. Blocks that
 * lie as in a GGUF file always meet them as they are.
 */
export function linear(x: Tensor, weight: Tensor, activations: ActivationFormat): Tensor {
  const { dtype } = weight.type
  if (!isQuantizedDType(dtype)) return matmul(x, weight, { transposeRight: true })
  const format = isGgmlDType(dtype) ? 'f32' : activations
  return present(applyMatmulPacked([x, weight], { activations: format })[0], 'product')
}
