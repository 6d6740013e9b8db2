import { present } from '../../base/errors.ts'
import type { Tensor } from '../trace.ts'
import { defineOp, floats, integers, operand, shapeOf, tensorType } from './definition.ts'
import { scaleByScalar } from './elementwise.ts'

/** The target that takes no part in the loss, as in the reference library. */
export const ignoredTarget = -100

const applyCrossEntropy = defineOp({
  kind: 'crossEntropy',
  infer([logits, targets]) {
    const [rows] = operand('crossEntropy', 'logits', logits, 'f32', null, null)
    operand('crossEntropy', 'targets', targets, 'i32', rows)
    return [tensorType('f32', rows), tensorType('f32', rows)]
  },
  derivative({ inputs: [logits, targets], outputs: [, logSumExp] }, [gradient]) {
    if (gradient === undefined) return []
    return applyCrossEntropyGradient(
      [present(logits, 'logits'), present(targets, 'targets'), present(logSumExp, 'logSumExp'), gradient],
      {},
    )
  },
  reference([logits, targets], [losses, logSumExps]) {
    const [rows = 0, vocabulary = 0] = shapeOf(logits)
    for (let row = 0; row < rows; row++) {
      const scores = floats(logits).subarray(row * vocabulary, (row + 1) * vocabulary)
      const greatest = scores.reduce((most, score) => Math.max(most, score), -Infinity)
      const total = scores.reduce((sum, score) => sum + Math.exp(score - greatest), 0)
      const target = present(integers(targets)[row], 'target')
      if (target === ignoredTarget) continue
      floats(logSumExps)[row] = greatest + Math.log(total)
      floats(losses)[row] = greatest + Math.log(total) - present(scores[target], 'score of the target')
    }
  },
})

/**
 * Cross-entropy of each row, in nats: logits [R, V] and targets i32[R] to [R]; 0 where the target is `ignoredTarget`.
 */
export function crossEntropy(logits: Tensor, targets: Tensor): Tensor {
  return present(applyCrossEntropy([logits, targets], {})[0], 'losses')
}

const applyCrossEntropyGradient = defineOp({
  kind: 'crossEntropyGradient',
  infer([logits, targets, logSumExps, gradient]) {
    const [rows, vocabulary] = operand('crossEntropyGradient', 'logits', logits, 'f32', null, null)
    operand('crossEntropyGradient', 'targets', targets, 'i32', rows)
    operand('crossEntropyGradient', 'logSumExps', logSumExps, 'f32', rows)
    operand('crossEntropyGradient', 'gradient', gradient, 'f32', rows)
    return [tensorType('f32', rows, vocabulary)]
  },
  derivative: 'none',
  reference([logits, targets, logSumExps, gradient], [result]) {
    const [rows = 0, vocabulary = 0] = shapeOf(logits)
    for (let row = 0; row < rows; row++) {
      const target = present(integers(targets)[row], 'target')
      if (target === ignoredTarget) continue
      const arriving = present(floats(gradient)[row], 'gradient')
      const total = present(floats(logSumExps)[row], 'logSumExp')
      for (let token = 0; token < vocabulary; token++) {
        const at = row * vocabulary + token
        const probability = Math.exp(present(floats(logits)[at], 'logit') - total)
        floats(result)[at] = arriving * (probability - (token === target ? 1 : 0))
      }
    }
  },
})

const applyWeightedSum = defineOp({
  kind: 'weightedSum',
  infer([x, weights]) {
    const [rows] = operand('weightedSum', 'x', x, 'f32', null)
    operand('weightedSum', 'weights', weights, 'f32', rows)
    return [tensorType('f32', 1)]
  },
  derivative: ({ inputs: [, weights] }, [gradient]) =>
    gradient === undefined ? [] : [scaleByScalar(present(weights, 'weights'), gradient)],
  reference([x, weights], [sum]) {
    const factors = floats(weights)
    floats(sum)[0] = floats(x).reduce((total, value, row) => total + value * present(factors[row], 'weight'), 0)
  },
})

/** The sum of x [R] times weights [R], as f32[1]; a mean when every weight is one over the count. */
export function weightedSum(x: Tensor, weights: Tensor): Tensor {
  return present(applyWeightedSum([x, weights], {})[0], 'sum')
}
