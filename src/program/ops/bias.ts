import { present } from '../../base/errors.ts'
import type { Tensor } from '../trace.ts'
import { defineOp, floats, operand, shapeOf, tensorType } from './definition.ts'

const applyAddBias = defineOp({
  kind: 'addBias',
  infer([x, bias]) {
    const [rows, width] = operand('addBias', 'x', x, 'f32', null, null)
    operand('addBias', 'bias', bias, 'f32', width)
    return [tensorType('f32', rows, width)]
  },
  derivative: (_, [gradient]) => (gradient === undefined ? [] : [gradient, columnSums(gradient)]),
  reference([x, bias], [y]) {
    const [, width = 0] = shapeOf(x)
    floats(x).forEach((value, index) => (floats(y)[index] = value + present(floats(bias)[index % width], 'bias')))
  },
})

/** x [R, H] with bias [H] added to each of its rows. */
export function addBias(x: Tensor, bias: Tensor): Tensor {
  return present(applyAddBias([x, bias], {})[0], 'sum')
}

const applyColumnSums = defineOp({
  kind: 'columnSums',
  infer([x]) {
    const [, width] = operand('columnSums', 'x', x, 'f32', null, null)
    return [tensorType('f32', width)]
  },
  derivative: 'none',
  reference([x], [sums]) {
    const [, width = 0] = shapeOf(x)
    const into = floats(sums)
    floats(x).forEach((value, index) => (into[index % width] = present(into[index % width], 'sum') + value))
  },
})

/** The sum of the rows of x [R, H], in their order: [H]. */
export function columnSums(x: Tensor): Tensor {
  return present(applyColumnSums([x], {})[0], 'sums')
}
