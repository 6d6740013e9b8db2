import { present } from '../../base/errors.ts'
import type { Tensor } from '../trace.ts'
import { columnSums } from './bias.ts'
import { defineOp, floats, operand, shapeOf, tensorType } from './definition.ts'
import { scaledRowSums } from './norm.ts'

type Epsilon = { epsilon: number }

/** Mean and 1 / sqrt(variance + epsilon) of one row. */
function moments(x: Float64Array, row: number, width: number, epsilon: number): { mean: number; inverse: number } {
  const values = x.subarray(row * width, (row + 1) * width)
  const mean = values.reduce((sum, value) => sum + value, 0) / width
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / width
  return { mean, inverse: 1 / Math.sqrt(variance + epsilon) }
}

const applyLayerNorm = defineOp<Epsilon>({
  kind: 'layerNorm',
  infer([x, weight, bias]) {
    const [rows, width] = operand('layerNorm', 'x', x, 'f32', null, null)
    operand('layerNorm', 'weight', weight, 'f32', width)
    operand('layerNorm', 'bias', bias, 'f32', width)
    return [tensorType('f32', rows, width)]
  },
  derivative({ inputs: [x, weight], attributes }, [gradient]) {
    if (x === undefined || weight === undefined || gradient === undefined) return []
    const [towardsX, centred, inverse] = applyLayerNormGradientInput([x, weight, gradient], attributes)
    // What a weight multiplies is the centred row times its inverse deviation: the same sum as that of RMSNorm.
    const towardsWeight = scaledRowSums(present(centred, 'centred'), gradient, present(inverse, 'inverse'))
    return [towardsX, towardsWeight, columnSums(gradient)]
  },
  reference([x, weight, bias], [y], { epsilon }) {
    const [rows = 0, width = 0] = shapeOf(x)
    for (let row = 0; row < rows; row++) {
      const { mean, inverse } = moments(floats(x), row, width, epsilon)
      for (let column = 0; column < width; column++) {
        const at = row * width + column
        const normed = (present(floats(x)[at], 'x') - mean) * inverse
        floats(y)[at] = normed * present(floats(weight)[column], 'weight') + present(floats(bias)[column], 'bias')
      }
    }
  },
})

/**
 * LayerNorm (Ba, Kiros and Hinton, 2016): (x - mean) / sqrt(variance + epsilon) * weight + bias, row by row; x [R, H], weight
 * and bias [H].
 */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: number): Tensor {
  return present(applyLayerNorm([x, weight, bias], { epsilon })[0], 'norm')
}

/** The derivative by x, and of every row what is left without its mean, and its inverse deviation. */
const applyLayerNormGradientInput = defineOp<Epsilon>({
  kind: 'layerNormGradientInput',
  infer([x, weight, gradient]) {
    const [rows, width] = operand('layerNormGradientInput', 'x', x, 'f32', null, null)
    operand('layerNormGradientInput', 'weight', weight, 'f32', width)
    operand('layerNormGradientInput', 'gradient', gradient, 'f32', rows, width)
    return [tensorType('f32', rows, width), tensorType('f32', rows, width), tensorType('f32', rows)]
  },
  derivative: 'none',
  reference([x, weight, gradient], [result, centred, inverses], { epsilon }) {
    const [rows = 0, width = 0] = shapeOf(x)
    const [source, factors, arriving] = [floats(x), floats(weight), floats(gradient)]
    for (let row = 0; row < rows; row++) {
      const { mean, inverse } = moments(source, row, width, epsilon)
      floats(inverses)[row] = inverse
      let [total, projection] = [0, 0]
      for (let column = 0; column < width; column++) {
        const at = row * width + column
        const scaled = present(arriving[at], 'gradient') * present(factors[column], 'weight')
        const distance = present(source[at], 'x') - mean
        floats(centred)[at] = distance
        total += scaled
        projection += scaled * distance
      }
      for (let column = 0; column < width; column++) {
        const at = row * width + column
        const scaled = present(arriving[at], 'gradient') * present(factors[column], 'weight')
        const pull = (projection * inverse ** 2 * present(floats(centred)[at], 'distance')) / width
        floats(result)[at] = inverse * (scaled - total / width - pull)
      }
    }
  },
})
