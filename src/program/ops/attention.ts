import { present } from '../../base/errors.ts'
import type { Tensor } from '../trace.ts'
import { blockPatternOf, checkPattern, seesPosition, type BlockPattern } from './block-pattern.ts'
import { defineOp, floats, integers, operand, require, shapeOf, tensorType } from './definition.ts'

/** The geometry of an attention layer. Query head h reads key head floor(h * kvHeads / heads). */
export type AttentionAttributes = {
  heads: number
  kvHeads: number
  headSize: number
  /** How many keys a query sees, itself included; 0 for all. */
  window: number
  /** What dot products are multiplied by. */
  scale: number
} & Partial<BlockPattern>

/** The rows of the sequence that row sees, as [first, row]; undefined for padding. */
function visibleFrom(starts: Int32Array, row: number, window: number): number | undefined {
  const start = present(starts[row], 'start')
  if (start < 0) return undefined
  return window === 0 ? start : Math.max(start, row - window + 1)
}

function dot(left: Float64Array, leftAt: number, right: Float64Array, rightAt: number, size: number): number {
  let sum = 0
  for (let index = 0; index < size; index++)
    sum += (left[leftAt + index] as number) * (right[rightAt + index] as number)
  return sum
}

/** target += factor * source, over one head. */
function addScaled(
  target: Float64Array,
  targetAt: number,
  source: Float64Array,
  sourceAt: number,
  size: number,
  factor: number,
): void {
  for (let index = 0; index < size; index++) {
    target[targetAt + index] = (target[targetAt + index] as number) + factor * (source[sourceAt + index] as number)
  }
}

/** The rows that a head of a row sees, ascending. */
function seenRows(starts: Int32Array, row: number, head: number, attributes: AttentionAttributes): number[] {
  const first = visibleFrom(starts, row, attributes.window)
  if (first === undefined) return []
  const rows = Array.from({ length: row - first + 1 }, (_, index) => first + index)
  const pattern = blockPatternOf(attributes)
  return pattern === undefined ? rows : rows.filter((other) => seesPosition(pattern, head, row - first, other - first))
}

/** Softmax of scores in place; returns their log-sum-exp. */
function softmax(scores: Float64Array): number {
  const greatest = scores.reduce((most, score) => Math.max(most, score), -Infinity)
  const total = scores.reduce((sum, score) => sum + Math.exp(score - greatest), 0)
  scores.forEach((score, index) => (scores[index] = Math.exp(score - greatest) / total))
  return greatest + Math.log(total)
}

function checkDense(kind: string, inputs: readonly (Tensor['type'] | undefined)[], at: AttentionAttributes): number {
  const [query, key, value] = inputs
  const [rows] = operand(kind, 'query', query, 'f32', null, at.heads * at.headSize)
  operand(kind, 'key', key, 'f32', rows, at.kvHeads * at.headSize)
  operand(kind, 'value', value, 'f32', rows, at.kvHeads * at.headSize)
  require(at.heads % at.kvHeads === 0, kind, `${at.heads} query heads do not share ${at.kvHeads} key heads evenly`)
  checkPattern(kind, at.window, blockPatternOf(at))
  return rows
}

const applyAttention = defineOp<AttentionAttributes>({
  kind: 'attention',
  infer(inputs, attributes) {
    const rows = checkDense('attention', inputs, attributes)
    operand('attention', 'starts', inputs[3], 'i32', rows)
    return [tensorType('f32', rows, attributes.heads * attributes.headSize), tensorType('f32', rows, attributes.heads)]
  },
  derivative({ inputs, outputs: [output, logSumExp], attributes }, [gradient]) {
    const [query, key, value, starts] = inputs
    if (gradient === undefined || !query || !key || !value || !starts || !output || !logSumExp) return []
    const delta = present(applyAttentionDelta([output, gradient], { heads: attributes.heads })[0], 'delta')
    const operands = [query, key, value, gradient, logSumExp, delta, starts]
    const [towardsQuery] = applyGradientQueries(operands, attributes)
    const [towardsKey, towardsValue] = applyGradientKeys(operands, attributes)
    return [towardsQuery, towardsKey, towardsValue]
  },
  reference([query, key, value, starts], [output, logSumExp], attributes) {
    const { heads, kvHeads, headSize, scale } = attributes
    const rows = present(shapeOf(query)[0], 'rows')
    for (let row = 0; row < rows; row++) {
      for (let head = 0; head < heads; head++) {
        const seen = seenRows(integers(starts), row, head, attributes)
        if (seen.length === 0) continue
        const queryAt = (row * heads + head) * headSize
        const keyAt = seen.map((other) => (other * kvHeads + Math.floor((head * kvHeads) / heads)) * headSize)
        const weights = Float64Array.from(keyAt, (at) => scale * dot(floats(query), queryAt, floats(key), at, headSize))
        floats(logSumExp)[row * heads + head] = softmax(weights)
        keyAt.forEach((at, index) =>
          addScaled(floats(output), queryAt, floats(value), at, headSize, present(weights[index], 'weight')),
        )
      }
    }
  },
})

/**
 * Causal attention over whole sequences, many of them packed in one batch of rows: row r sees the rows from
 * max(starts[r], r - window + 1) to itself. query [R, heads * headSize], key and value [R, kvHeads * headSize],
 * starts i32[R] (negative for padding, whose result is 0). With a pattern of blocks, positions count from starts[r], which is then
 * the row where the sequence begins. Returns [R, heads * headSize].
 */
export function attention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  starts: Tensor,
  attributes: AttentionAttributes,
): Tensor {
  return present(applyAttention([query, key, value, starts], attributes)[0], 'attention')
}

const applyAttentionDelta = defineOp<{ heads: number }>({
  kind: 'attentionDelta',
  infer([output, gradient], { heads }) {
    const [rows, width] = operand('attentionDelta', 'output', output, 'f32', null, null)
    operand('attentionDelta', 'gradient', gradient, 'f32', rows, width)
    return [tensorType('f32', rows, heads)]
  },
  derivative: 'none',
  reference([output, gradient], [delta]) {
    const [rows = 0, heads = 0] = shapeOf(delta)
    const headSize = present(shapeOf(output)[1], 'width') / heads
    for (let at = 0; at < rows * heads; at++) {
      floats(delta)[at] = dot(floats(output), at * headSize, floats(gradient), at * headSize, headSize)
    }
  },
})

/** Calls `visit` for every (query, key) pair that sees each other, with the pair's softmax weight and score gradient. */
function forEachPair(
  inputs: readonly Parameters<typeof floats>[0][],
  attributes: AttentionAttributes,
  visit: (queryAt: number, keyAt: number, weight: number, scoreGradient: number) => void,
): void {
  const { heads, kvHeads, headSize, scale } = attributes
  const [query, key, value, gradient, logSumExp, delta, starts] = inputs
  const rows = present(shapeOf(query)[0], 'rows')
  for (let row = 0; row < rows; row++) {
    for (let head = 0; head < heads; head++) {
      const queryAt = (row * heads + head) * headSize
      for (const other of seenRows(integers(starts), row, head, attributes)) {
        const keyAt = (other * kvHeads + Math.floor((head * kvHeads) / heads)) * headSize
        const score = scale * dot(floats(query), queryAt, floats(key), keyAt, headSize)
        const weight = Math.exp(score - present(floats(logSumExp)[row * heads + head], 'logSumExp'))
        const arriving = dot(floats(gradient), queryAt, floats(value), keyAt, headSize)
        const towardsScore = scale * weight * (arriving - present(floats(delta)[row * heads + head], 'delta'))
        visit(queryAt, keyAt, weight, towardsScore)
      }
    }
  }
}

function checkGradient(kind: string, inputs: readonly Tensor['type'][], attributes: AttentionAttributes): number {
  const [, , , gradient, logSumExp, delta, starts] = inputs
  const rows = checkDense(kind, inputs, attributes)
  operand(kind, 'gradient', gradient, 'f32', rows, attributes.heads * attributes.headSize)
  operand(kind, 'logSumExp', logSumExp, 'f32', rows, attributes.heads)
  operand(kind, 'delta', delta, 'f32', rows, attributes.heads)
  operand(kind, 'starts', starts, 'i32', rows)
  return rows
}

const applyGradientQueries = defineOp<AttentionAttributes>({
  kind: 'attentionGradientQueries',
  infer(inputs, attributes) {
    const rows = checkGradient('attentionGradientQueries', inputs, attributes)
    return [tensorType('f32', rows, attributes.heads * attributes.headSize)]
  },
  derivative: 'none',
  reference(inputs, [result], attributes) {
    forEachPair(inputs, attributes, (queryAt, keyAt, _, towardsScore) =>
      addScaled(floats(result), queryAt, floats(inputs[1]), keyAt, attributes.headSize, towardsScore),
    )
  },
})

const applyGradientKeys = defineOp<AttentionAttributes>({
  kind: 'attentionGradientKeys',
  infer(inputs, attributes) {
    const rows = checkGradient('attentionGradientKeys', inputs, attributes)
    const type = tensorType('f32', rows, attributes.kvHeads * attributes.headSize)
    return [type, type]
  },
  derivative: 'none',
  reference(inputs, [towardsKey, towardsValue], attributes) {
    const [query, , , gradient] = inputs
    forEachPair(inputs, attributes, (queryAt, keyAt, weight, towardsScore) => {
      addScaled(floats(towardsKey), keyAt, floats(query), queryAt, attributes.headSize, towardsScore)
      addScaled(floats(towardsValue), keyAt, floats(gradient), queryAt, attributes.headSize, weight)
    })
  },
})
