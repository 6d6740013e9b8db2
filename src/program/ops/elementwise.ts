import { formatType, type TensorType } from '../../base/dtype.ts'
import { present } from '../../base/errors.ts'
import type { Tensor } from '../trace.ts'
import { defineOp, floats, operand, require, shapeOf, tensorType } from './definition.ts'

function sameShape(kind: string, inputs: readonly TensorType[]): TensorType {
  const [left, right] = inputs
  const fits = left !== undefined && right !== undefined && formatType(left) === formatType(right)
  require(fits, kind, `operands differ: ${inputs.map(formatType).join(' and ')}`)
  return left
}

const applyAdd = defineOp({
  kind: 'add',
  infer: (inputs) => [sameShape('add', inputs)],
  derivative: (_, [gradient]) => [gradient, gradient],
  reference([left, right], [sum]) {
    const b = floats(right)
    floats(left).forEach((value, index) => (floats(sum)[index] = value + present(b[index], 'element')))
  },
})

/** left + right; both of one shape. */
export function add(left: Tensor, right: Tensor): Tensor {
  return present(applyAdd([left, right], {})[0], 'sum')
}

const applyScale = defineOp<{ factor: number }>({
  kind: 'scale',
  infer: ([x]) => [present(x, 'operand')],
  derivative: ({ attributes }, [gradient]) => [gradient && scale(gradient, attributes.factor)],
  reference([x], [y], { factor }) {
    floats(x).forEach((value, index) => (floats(y)[index] = value * factor))
  },
})

/** x times a number that is fixed in the program. */
export function scale(x: Tensor, factor: number): Tensor {
  return present(applyScale([x], { factor })[0], 'product')
}

const applyScaleByScalar = defineOp({
  kind: 'scaleByScalar',
  infer([x, scalar]) {
    operand('scaleByScalar', 'scalar', scalar, 'f32', 1)
    return [present(x, 'operand')]
  },
  derivative: 'none',
  reference([x, scalar], [y]) {
    const factor = present(floats(scalar)[0], 'scalar')
    floats(x).forEach((value, index) => (floats(y)[index] = value * factor))
  },
})

/** x times a number that is computed at run time; scalar is f32[1]. */
export function scaleByScalar(x: Tensor, scalar: Tensor): Tensor {
  return present(applyScaleByScalar([x, scalar], {})[0], 'product')
}

const applySiluMultiply = defineOp({
  kind: 'siluMultiply',
  infer([gateUp]) {
    const [rows, both] = operand('siluMultiply', 'gateUp', gateUp, 'f32', null, null)
    require(both % 2 === 0, 'siluMultiply', `gate and up together need an even number of columns, not ${both}`)
    return [tensorType('f32', rows, both / 2)]
  },
  derivative: ({ inputs: [gateUp] }, [gradient]) =>
    gradient === undefined ? [] : applySiluMultiplyGradient([present(gateUp, 'gateUp'), gradient], {}),
  reference([gateUp], [y]) {
    const [rows = 0, width = 0] = shapeOf(y)
    const source = floats(gateUp)
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < width; column++) {
        const gate = present(source[row * 2 * width + column], 'gate')
        const up = present(source[row * 2 * width + width + column], 'up')
        floats(y)[row * width + column] = (up * gate) / (1 + Math.exp(-gate))
      }
    }
  },
})

/** SwiGLU's product: the first half of the columns is the gate, the second the value. [R, 2F] to [R, F]. */
export function siluMultiply(gateUp: Tensor): Tensor {
  return present(applySiluMultiply([gateUp], {})[0], 'product')
}

const applySiluMultiplyGradient = defineOp({
  kind: 'siluMultiplyGradient',
  infer([gateUp, gradient]) {
    const [rows, both] = operand('siluMultiplyGradient', 'gateUp', gateUp, 'f32', null, null)
    operand('siluMultiplyGradient', 'gradient', gradient, 'f32', rows, both / 2)
    return [tensorType('f32', rows, both)]
  },
  derivative: 'none',
  reference([gateUp, gradient], [result]) {
    const [rows = 0, width = 0] = shapeOf(gradient)
    const source = floats(gateUp)
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < width; column++) {
        const gateAt = row * 2 * width + column
        const gate = present(source[gateAt], 'gate')
        const up = present(source[gateAt + width], 'up')
        const arriving = present(floats(gradient)[row * width + column], 'gradient')
        const sigmoid = 1 / (1 + Math.exp(-gate))
        floats(result)[gateAt] = arriving * up * sigmoid * (1 + gate * (1 - sigmoid))
        floats(result)[gateAt + width] = arriving * gate * sigmoid
      }
    }
  },
})

const applyAccumulate = defineOp({
  kind: 'accumulate',
  infer(inputs) {
    sameShape('accumulate', inputs)
    return []
  },
  derivative: 'none',
  mutates: [0],
  reference([state, x]) {
    const into = floats(state)
    floats(x).forEach((value, index) => (into[index] = present(into[index], 'element') + value))
  },
})

/** state += x, for gradients that are gathered over several batches. */
export function accumulate(state: Tensor, x: Tensor): void {
  applyAccumulate([state, x], {})
}

const applyFill = defineOp<{ value: number }>({
  kind: 'fill',
  infer: () => [],
  derivative: 'none',
  mutates: [0],
  reference([state], _, { value }) {
    floats(state).fill(value)
  },
})

/** Sets every element of a state. */
export function fill(state: Tensor, value: number): void {
  applyFill([state], { value })
}
