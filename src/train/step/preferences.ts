/** Direct preference optimisation (Rafailov et al., 2023): pairs of answers, batches of them, and their loss. */
import { present } from '../../base/errors.ts'
import type { TracedModel } from '../../models/trace.ts'
import {
  add,
  crossEntropy,
  ignoredTarget,
  matmul,
  reshape,
  scale,
  weightedSum,
  type Tensor,
} from '../../program/index.ts'
import { tensorType } from '../../program/ops/definition.ts'
import type { RunOutputs } from '../../backends/backend.ts'
import { emptyRows, placeExample, type Batch, type Example } from './batches.ts'

/** Two answers to one prompt; of each the answer alone is predicted. */
export interface PreferencePair {
  readonly chosen: Example
  readonly rejected: Example
}

/** What the reference model gives the two answers of a pair: sums of log-probabilities of their tokens, in nats. */
export interface ReferenceLogProbabilities {
  readonly chosen: number
  readonly rejected: number
}

/** Pairs by index, as `ExampleSource` has texts. */
export interface PairSource {
  pair(index: number): PreferencePair
  reference(index: number): ReferenceLogProbabilities
  /** Where the pairs end; never when left out. */
  readonly end?: number
}

/** How many pairs a batch of so many rows has room for: few answers with their prompt are shorter than 16 tokens. */
export function pairSlots(rows: number): number {
  return Math.max(1, Math.floor(rows / 32))
}

/** A batch with what compares its pairs. */
export interface PairBatch extends Batch {
  readonly inputs: Batch['inputs'] & {
    /** [2 slots, rows]: 1 where a row belongs to the chosen (even) or the rejected (odd) answer of a pair. */
    readonly owners: Float32Array
    /** [2 slots]: log-probabilities of the answers by the reference model. */
    readonly reference: Float32Array
    /** [slots]: 0, the chosen answer, where there is a pair. */
    readonly preferred: Int32Array
  }
}

/**
 * Packs whole pairs, in order, until the next one does not fit. Each answer is a sequence of its own with its prompt, cut at
 * `context`, as `packBatch` does.
 */
export function packPairs(
  source: PairSource,
  from: number,
  rows: number,
  context: number,
  ropeBorder = Infinity,
): PairBatch {
  const slots = pairSlots(rows)
  const inputs = emptyRows(rows)
  const owners = new Float32Array(2 * slots * rows)
  const reference = new Float32Array(2 * slots)
  const preferred = new Int32Array(slots).fill(ignoredTarget)
  let [row, slot, learnedTokens] = [0, 0, 0]
  for (; slot < slots && from + slot < (source.end ?? Infinity); slot++) {
    const { chosen, rejected } = source.pair(from + slot)
    const lengths = [chosen, rejected].map(({ ids }) => Math.min(ids.length, context))
    if (row + present(lengths[0], 'length') + present(lengths[1], 'length') > rows) break
    const known = source.reference(from + slot)
    reference.set([known.chosen, known.rejected], 2 * slot)
    preferred[slot] = 0
    for (const [side, example] of [chosen, rejected].entries()) {
      const length = present(lengths[side], 'length')
      learnedTokens += placeExample(inputs, row, example, length, ropeBorder)
      const first = (2 * slot + side) * rows + row
      owners.fill(1, first, first + length)
      row += length
    }
  }
  const weights = new Float32Array(slots).fill(1 / Math.max(1, slot))
  return {
    inputs: { ...inputs, weights, owners, reference, preferred },
    pictures: [],
    tokens: row,
    learnedTokens,
    terms: slot,
    next: from + slot,
  }
}

/**
 * Appends the loss over pairs, -log sigmoid(reward of the chosen answer - that of the rejected one), where a reward is beta times how
 * much likelier an answer is than by the reference model. That is the cross-entropy of a choice between the two with their
 * rewards as logits. Inputs as `PairBatch` has them. Outputs: `loss` f32[1], the weighted sum; `rewards` f32[slots, 2]; and
 * `negativeLogLikelihoods` f32[2 slots, 1] of the answers.
 */
export function appendPreferenceLoss({ trace, logits }: TracedModel, rows: number, beta: number): Tensor {
  const slots = pairSlots(rows)
  const targets = trace.bind('input', 'targets', tensorType('i32', rows))
  const owners = trace.bind('input', 'owners', tensorType('f32', 2 * slots, rows))
  const likelihoods = matmul(owners, reshape(crossEntropy(logits, targets), rows, 1))
  const reference = trace.bind('input', 'reference', tensorType('f32', 2 * slots, 1))
  const rewards = reshape(scale(add(likelihoods, reference), -beta), slots, 2)
  const preferred = trace.bind('input', 'preferred', tensorType('i32', slots))
  const weights = trace.bind('input', 'weights', tensorType('f32', slots))
  const loss = weightedSum(crossEntropy(rewards, preferred), weights)
  trace.output('negativeLogLikelihoods', likelihoods)
  trace.output('rewards', rewards)
  trace.output('loss', loss)
  return loss
}

/** What is told of a training by preferences: means over pairs. */
export interface RewardMetrics {
  readonly rewardChosen: number
  readonly rewardRejected: number
  /** By how much the chosen answer's reward exceeds that of the rejected one. */
  readonly rewardMargin: number
  /** The share of pairs of which the chosen answer has the higher reward. */
  readonly rewardAccuracy: number
}

/** The means over the pairs of some batches. */
export function rewardMetrics(batches: readonly Batch[], outputs: readonly RunOutputs[]): RewardMetrics {
  const pairs = batches.flatMap(({ terms }, index) => {
    const rewards = present(outputs[index]?.['rewards'], 'rewards')
    return Array.from({ length: terms }, (_, pair) => ({
      chosen: present(rewards[2 * pair], 'reward'),
      rejected: present(rewards[2 * pair + 1], 'reward'),
    }))
  })
  const mean = (of: (pair: (typeof pairs)[number]) => number): number =>
    pairs.reduce((sum, pair) => sum + of(pair), 0) / Math.max(1, pairs.length)
  return {
    rewardChosen: mean(({ chosen }) => chosen),
    rewardRejected: mean(({ rejected }) => rejected),
    rewardMargin: mean(({ chosen, rejected }) => chosen - rejected),
    rewardAccuracy: mean(({ chosen, rejected }) => Number(chosen > rejected)),
  }
}
