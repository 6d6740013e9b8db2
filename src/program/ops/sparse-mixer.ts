import { present } from '../../base/errors.ts'
import type { Tensor } from '../trace.ts'
import { defineOp, floats, operand, require, shapeOf, tensorType } from './definition.ts'

type Jitter = { jitter: number }

/** An expert that a row chose, and the softmax that its weight is of: 0 for experts that were too far away. */
interface Choice {
  readonly expert: number
  readonly weights: Float64Array
}

/** The best expert among those not `taken`, and the softmax over all that are near it. */
function choose(scores: Float64Array, jitter: number, taken: number | undefined): Choice {
  const isOpen = (expert: number): boolean => expert !== taken
  let best = taken === 0 ? 1 : 0
  scores.forEach((score, expert) => {
    if (isOpen(expert) && score > present(scores[best], 'score')) best = expert
  })
  const most = present(scores[best], 'score')
  const weights = scores.map((score, expert) => {
    const isFar = (most - score) / Math.max(Math.abs(score), most) > 2 * jitter
    return isOpen(expert) && !isFar ? Math.exp(score - most) : 0
  })
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return { expert: best, weights: weights.map((weight) => weight / total) }
}

/** The two choices of a row, in their order. */
function chooseTwo(scores: Float64Array, jitter: number): [Choice, Choice] {
  const first = choose(scores, jitter, undefined)
  return [first, choose(scores, jitter, first.expert)]
}

const applySparseMixer = defineOp<Jitter>({
  kind: 'sparseMixer',
  infer([scores]) {
    const [rows, experts] = operand('sparseMixer', 'scores', scores, 'f32', null, null)
    require(experts >= 2, 'sparseMixer', 'two experts are chosen of one')
    return [tensorType('f32', rows, experts)]
  },
  derivative: ({ inputs: [scores], attributes }, [gradient]) =>
    gradient === undefined ? [] : applySparseMixerGradient([present(scores, 'scores'), gradient], attributes),
  reference([scores], [routing], { jitter }) {
    const [rows = 0, experts = 0] = shapeOf(scores)
    for (let row = 0; row < rows; row++) {
      const own = floats(scores).subarray(row * experts, (row + 1) * experts)
      for (const { expert, weights } of chooseTwo(own, jitter)) {
        floats(routing)[row * experts + expert] = present(weights[expert], 'weight')
      }
    }
  },
})

/**
 * The router of Phi-3.5-MoE as it is used for inference (SparseMixer; Liu et al., 2023; the models' published code): of scores [R, E]
 * every row chooses the greatest, then the greatest of the others. The weight of a choice is its share of a softmax over the
 * experts that are near it, those with (greatest - score) / max(|score|, greatest) <= 2 * jitter; the two weights do not add up to 1.
 * Returns [R, E], which is 0 where an expert was not chosen.
 */
export function sparseMixer(scores: Tensor, jitter: number): Tensor {
  return present(applySparseMixer([scores], { jitter })[0], 'routing')
}

const applySparseMixerGradient = defineOp<Jitter>({
  kind: 'sparseMixerGradient',
  infer([scores, gradient]) {
    const [rows, experts] = operand('sparseMixerGradient', 'scores', scores, 'f32', null, null)
    operand('sparseMixerGradient', 'gradient', gradient, 'f32', rows, experts)
    return [tensorType('f32', rows, experts)]
  },
  derivative: 'none',
  reference([scores, gradient], [result], { jitter }) {
    const [rows = 0, experts = 0] = shapeOf(scores)
    for (let row = 0; row < rows; row++) {
      const own = floats(scores).subarray(row * experts, (row + 1) * experts)
      const into = floats(result).subarray(row * experts, (row + 1) * experts)
      for (const { expert, weights } of chooseTwo(own, jitter)) {
        const arriving =
          present(floats(gradient)[row * experts + expert], 'gradient') * present(weights[expert], 'weight')
        weights.forEach((weight, other) => {
          into[other] = present(into[other], 'sum') + arriving * ((other === expert ? 1 : 0) - weight)
        })
      }
    }
  },
})
