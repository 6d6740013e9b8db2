import { elementCount } from '../../base/dtype.ts'
import { present } from '../../base/errors.ts'
import type { Tensor } from '../trace.ts'
import { defineOp, floats, operand, require, tensorType } from './definition.ts'

const applySquaredNorm = defineOp({
  kind: 'squaredNorm',
  infer: () => [tensorType('f32', 1)],
  derivative: 'none',
  reference([x], [result]) {
    floats(result)[0] = floats(x).reduce((sum, value) => sum + value * value, 0)
  },
})

/** The sum of the squares of all elements, f32[1]. */
export function squaredNorm(x: Tensor): Tensor {
  return present(applySquaredNorm([x], {})[0], 'squared norm')
}

const applyClipFactor = defineOp({
  kind: 'clipFactor',
  infer(inputs) {
    const [maxNorm, ...squares] = inputs
    operand('clipFactor', 'maxNorm', maxNorm, 'f32', 1)
    for (const square of squares) operand('clipFactor', 'square', square, 'f32', 1)
    return [tensorType('f32', 2)]
  },
  derivative: 'none',
  reference([maxNorm, ...squares], [result]) {
    const limit = present(floats(maxNorm)[0], 'maxNorm')
    const norm = Math.sqrt(squares.reduce((sum, square) => sum + present(floats(square)[0], 'square'), 0))
    floats(result)[0] = limit > 0 && norm > limit ? limit / norm : 1
    floats(result)[1] = norm
  },
})

/**
 * Gradient clipping by the global norm: from the squared norms of all gradients, f32[2] with the factor that brings the
 * norm down to maxNorm f32[1] (1 where it is smaller already, or maxNorm is 0), and the norm before clipping.
 */
export function clipFactor(maxNorm: Tensor, squares: readonly Tensor[]): Tensor {
  return present(applyClipFactor([maxNorm, ...squares], {})[0], 'factor')
}

export interface AdamWAttributes {
  readonly [name: string]: number
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  readonly weightDecay: number
}

const applyAdamW = defineOp<AdamWAttributes>({
  kind: 'adamW',
  infer([parameter, gradient, first, second, clip, schedule]) {
    const count = elementCount(present(parameter, 'parameter').shape)
    for (const other of [gradient, first, second]) {
      require(elementCount(present(other, 'operand').shape) === count, 'adamW', 'operands differ in size')
    }
    operand('adamW', 'clip', clip, 'f32', 2)
    operand('adamW', 'schedule', schedule, 'f32', 3)
    return []
  },
  derivative: 'none',
  mutates: [0, 2, 3],
  reference([parameter, gradient, first, second, clip, schedule], _, attributes) {
    const { beta1, beta2, epsilon, weightDecay } = attributes
    const [rate = 0, correction1 = 1, correction2 = 1] = floats(schedule)
    const factor = present(floats(clip)[0], 'clip factor')
    const [values, means, variances] = [floats(parameter), floats(first), floats(second)]
    floats(gradient).forEach((raw, index) => {
      const slope = raw * factor
      const mean = beta1 * present(means[index], 'mean') + (1 - beta1) * slope
      const variance = beta2 * present(variances[index], 'variance') + (1 - beta2) * slope * slope
      means[index] = mean
      variances[index] = variance
      const decayed = present(values[index], 'value') * (1 - rate * weightDecay)
      values[index] = decayed - (rate * (mean / correction1)) / (Math.sqrt(variance / correction2) + epsilon)
    })
  },
})

/**
 * One step of AdamW (Loshchilov and Hutter, 2019), in place. `clip` is what `clipFactor` gives; `schedule` is f32[3]:
 * learning rate, 1 - beta1^t, 1 - beta2^t.
 */
export function adamW(
  operands: {
    readonly parameter: Tensor
    readonly gradient: Tensor
    readonly first: Tensor
    readonly second: Tensor
    readonly clip: Tensor
    readonly schedule: Tensor
  },
  attributes: AdamWAttributes,
): void {
  const { parameter, gradient, first, second, clip, schedule } = operands
  applyAdamW([parameter, gradient, first, second, clip, schedule], attributes)
}
