/**
 * The loss of a model on a text with the weights of one layer in memory: a part of the text goes through one stage of the model
 * after the other, and what a stage hands on waits in memory. Texts that are longer than that go through in several sweeps.
 */
import type { Backend, RunInputs } from '../backends/backend.ts'
import { present, throwIfAborted } from '../base/errors.ts'
import type { OnProgress } from '../base/progress.ts'
import { checkTensors } from '../engine/load.ts'
import { formatsOf } from '../engine/weights.ts'
import type { WeightsFile } from '../engine/weights.ts'
import type { Model } from '../models/index.ts'
import { StageDevice } from './stage-device.ts'
import { hiddenName, lossStages } from './stages.ts'

/** One batch of text: the inputs of a pass over sequences (see `traceSequences`), and `targets` and `weights` of the loss. */
export interface LossBatch {
  readonly inputs: RunInputs
  /** How many targets there are; the weights make the loss of the batch their mean. */
  readonly learnedTokens: number
}

export interface StagedLossOptions {
  readonly backend: Backend
  /** Rows of every batch. */
  readonly rows: number
  /** Do not round activations to int8 where weights are packed. */
  readonly exact?: boolean
  /** Bytes of what waits between two stages; default 256 MiB. One batch goes through in any case. */
  readonly waitingBytes?: number
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: OnProgress | undefined
}

const usualWaitingBytes = 2 ** 28

/**
 * The mean loss over the targets of all batches, in nats.
 * @throws PocketPhiError `aborted`, `invalid-file` when the tensors are not those of the model, and what the backend and the
 * file throw
 */
export async function stagedLoss(
  model: Model,
  weights: WeightsFile,
  batches: readonly LossBatch[],
  options: StagedLossOptions,
): Promise<number> {
  const { rows, backend, exact = false, waitingBytes = usualWaitingBytes } = options
  const { stages, buffers, parameters, handedOn } = lossStages(model, rows, formatsOf(weights, exact))
  checkTensors(weights, parameters)
  const together = Math.max(1, Math.floor(waitingBytes / handedOn))
  await using device = new StageDevice(backend, weights, buffers)
  const total = stages.length * batches.length
  let done = 0
  let sum = 0
  for (let first = 0; first < batches.length; first += together) {
    const sweep = batches.slice(first, first + together)
    const hidden: (Float32Array | undefined)[] = []
    for (const stage of stages) {
      throwIfAborted(options.signal)
      await device.enter(stage, options.signal)
      for (const [index, { inputs, learnedTokens }] of sweep.entries()) {
        const waiting = hidden[index]
        const own = waiting === undefined ? inputs : { ...inputs, [hiddenName]: waiting }
        const { loss, [hiddenName]: next } = await device.advance(own, options.signal)
        hidden[index] = next
        if (next === undefined) sum += present(loss?.[0], 'loss') * learnedTokens
        options.onProgress?.({ stage: `measuring ${stage.name}`, done: ++done, total, unit: 'steps' })
      }
    }
  }
  return (
    sum /
    Math.max(
      1,
      batches.reduce((tokens, { learnedTokens }) => tokens + learnedTokens, 0),
    )
  )
}
