import { present } from '../../base/errors.ts'
import type { Tensor } from '../trace.ts'
import { defineOp, floats, operand, require, shapeOf, tensorType } from './definition.ts'

type Limit = { limit: number }

/** The sigmoid approximation of GELU (Hendrycks and Gimpel, 2016) is x * sigmoid(1.702 x). */
const steepness = 1.702

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

const applyGegelu = defineOp<Limit>({
  kind: 'gegelu',
  infer([x]) {
    const [rows, both] = operand('gegelu', 'x', x, 'f32', null, null)
    require(both % 2 === 0, 'gegelu', `gates and values together need an even number of columns, not ${both}`)
    return [tensorType('f32', rows, both / 2)]
  },
  derivative: ({ inputs: [x], attributes }, [gradient]) =>
    gradient === undefined ? [] : applyGegeluGradient([present(x, 'x'), gradient], attributes),
  reference([x], [y], { limit }) {
    floats(y).forEach((_, index) => {
      const gate = Math.min(present(floats(x)[2 * index], 'gate'), limit)
      const value = Math.max(-limit, Math.min(limit, present(floats(x)[2 * index + 1], 'value')))
      floats(y)[index] = gate * sigmoid(steepness * gate) * (value + 1)
    })
  },
})

/**
 * GEGELU of Phi-3-small: of x [R, 2F] the even columns are gates, at most `limit`, the odd ones values, within +-limit; the result
 * [R, F] is gate * sigmoid(1.702 gate) * (value + 1), where the factor is GELU's approximation (the models' published code).
 */
export function gegelu(x: Tensor, limit: number): Tensor {
  return present(applyGegelu([x], { limit })[0], 'product')
}

const applyGegeluGradient = defineOp<Limit>({
  kind: 'gegeluGradient',
  infer([x, gradient]) {
    const [rows, both] = operand('gegeluGradient', 'x', x, 'f32', null, null)
    operand('gegeluGradient', 'gradient', gradient, 'f32', rows, both / 2)
    return [tensorType('f32', rows, both)]
  },
  derivative: 'none',
  reference([x, gradient], [result], { limit }) {
    const [rows = 0, width = 0] = shapeOf(gradient)
    for (let index = 0; index < rows * width; index++) {
      const [gate = 0, value = 0] = floats(x).subarray(2 * index, 2 * index + 2)
      const arriving = present(floats(gradient)[index], 'gradient')
      const held = Math.min(gate, limit)
      const open = sigmoid(steepness * held)
      const slope = open * (1 + steepness * held * (1 - open))
      const factor = Math.max(-limit, Math.min(limit, value)) + 1
      floats(result)[2 * index] = gate < limit ? arriving * factor * slope : 0
      floats(result)[2 * index + 1] = Math.abs(value) < limit ? arriving * held * open : 0
    }
  },
})
