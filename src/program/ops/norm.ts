import { present } from '../../base/errors.ts'
import type { Tensor } from '../trace.ts'
import { defineOp, floats, operand, shapeOf, tensorType } from './definition.ts'

type Epsilon = { epsilon: number }

/** 1 / sqrt(mean(x²) + epsilon) of one row. */
function inverseRms(x: Float64Array, row: number, width: number, epsilon: number): number {
  let squares = 0
  for (let column = 0; column < width; column++) squares += present(x[row * width + column], 'element') ** 2
  return 1 / Math.sqrt(squares / width + epsilon)
}

const applyRmsNorm = defineOp<Epsilon>({
  kind: 'rmsNorm',
  infer([x, weight]) {
    const [rows, width] = operand('rmsNorm', 'x', x, 'f32', null, null)
    operand('rmsNorm', 'weight', weight, 'f32', width)
    return [tensorType('f32', rows, width)]
  },
  derivative({ inputs: [x, weight], attributes }, [gradient]) {
    if (x === undefined || weight === undefined || gradient === undefined) return []
    const [towardsX, inverse] = applyGradientInput([x, weight, gradient], attributes)
    const [towardsWeight] = applyGradientWeight([x, gradient, present(inverse, 'inverse')], {})
    return [towardsX, towardsWeight]
  },
  reference([x, weight], [y], { epsilon }) {
    const [rows = 0, width = 0] = shapeOf(x)
    for (let row = 0; row < rows; row++) {
      const inverse = inverseRms(floats(x), row, width, epsilon)
      for (let column = 0; column < width; column++) {
        const at = row * width + column
        floats(y)[at] = present(floats(x)[at], 'x') * inverse * present(floats(weight)[column], 'weight')
      }
    }
  },
})

/** RMSNorm (Zhang and Sennrich, 2019): x / sqrt(mean(x²) + epsilon) * weight, row by row; x [R, H], weight [H]. */
export function rmsNorm(x: Tensor, weight: Tensor, epsilon: number): Tensor {
  return present(applyRmsNorm([x, weight], { epsilon })[0], 'norm')
}

const applyGradientInput = defineOp<Epsilon>({
  kind: 'rmsNormGradientInput',
  infer([x, weight, gradient]) {
    const [rows, width] = operand('rmsNormGradientInput', 'x', x, 'f32', null, null)
    operand('rmsNormGradientInput', 'weight', weight, 'f32', width)
    operand('rmsNormGradientInput', 'gradient', gradient, 'f32', rows, width)
    return [tensorType('f32', rows, width), tensorType('f32', rows)]
  },
  derivative: 'none',
  reference([x, weight, gradient], [result, inverses], { epsilon }) {
    const [rows = 0, width = 0] = shapeOf(x)
    const [source, factors, arriving] = [floats(x), floats(weight), floats(gradient)]
    for (let row = 0; row < rows; row++) {
      const inverse = inverseRms(source, row, width, epsilon)
      floats(inverses)[row] = inverse
      let projection = 0
      for (let column = 0; column < width; column++) {
        const at = row * width + column
        projection += present(arriving[at], 'gradient') * present(factors[column], 'weight') * present(source[at], 'x')
      }
      const pull = (projection * inverse ** 3) / width
      for (let column = 0; column < width; column++) {
        const at = row * width + column
        const direct = present(arriving[at], 'gradient') * present(factors[column], 'weight') * inverse
        floats(result)[at] = direct - pull * present(source[at], 'x')
      }
    }
  },
})

const applyGradientWeight = defineOp({
  kind: 'rmsNormGradientWeight',
  infer([x, gradient, inverses]) {
    const [rows, width] = operand('rmsNormGradientWeight', 'x', x, 'f32', null, null)
    operand('rmsNormGradientWeight', 'gradient', gradient, 'f32', rows, width)
    operand('rmsNormGradientWeight', 'inverses', inverses, 'f32', rows)
    return [tensorType('f32', width)]
  },
  derivative: 'none',
  reference([x, gradient, inverses], [result]) {
    const [rows = 0, width = 0] = shapeOf(x)
    const into = floats(result)
    for (let row = 0; row < rows; row++) {
      const inverse = present(floats(inverses)[row], 'inverse')
      for (let column = 0; column < width; column++) {
        const at = row * width + column
        const term = present(floats(gradient)[at], 'gradient') * present(floats(x)[at], 'x') * inverse
        into[column] = present(into[column], 'sum') + term
      }
    }
  },
})

/** The sum over rows of gradient * x * inverse: the derivative by the weight of rows that were scaled by `inverses` [R]. */
export function scaledRowSums(x: Tensor, gradient: Tensor, inverses: Tensor): Tensor {
  return present(applyGradientWeight([x, gradient, inverses], {})[0], 'sums')
}
