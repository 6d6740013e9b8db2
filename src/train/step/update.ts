/** One update of the weights: gradients of one or several batches, then a step of AdamW. */
import { present } from '../../base/errors.ts'
import type { Device, RunOutputs } from '../../backends/backend.ts'
import type { Batch } from './batches.ts'
import type { OptimizerSettings } from './programs.ts'
import { learningRate, type Schedule } from './schedule.ts'

export interface UpdateSettings extends Pick<OptimizerSettings, 'beta1' | 'beta2'> {
  /** The norm that gradients are clipped to; 0 for no clipping. */
  readonly clip: number
  readonly schedule: Schedule
}

/**
 * Adds the gradients of the batches to the states of the device, which has the programs of `traceTraining` open.
 *
 * @returns the mean loss of the terms, in nats; when it is not finite, the optimiser must not be stepped. `outputs` are those of
 * each batch
 */
export async function accumulateGradients(
  device: Pick<Device, 'run'>,
  batches: readonly Batch[],
): Promise<{ readonly loss: number; readonly outputs: readonly RunOutputs[] }> {
  const terms = batches.reduce((sum, batch) => sum + batch.terms, 0)
  const outputs: RunOutputs[] = []
  for (const { inputs } of batches) {
    const weights = new Float32Array(inputs.weights.length).fill(1 / Math.max(1, terms))
    outputs.push(await device.run('gradients', { ...inputs, weights, seed: Float32Array.of(1) }))
  }
  return { loss: outputs.reduce((sum, { loss }) => sum + present(loss?.[0], 'loss'), 0), outputs }
}

/**
 * Steps AdamW by the gradients that were added up, and clears them.
 *
 * @param step counted from 0
 * @returns the norm of the gradients before clipping, and the learning rate that was used
 */
export async function stepOptimizer(
  device: Pick<Device, 'run'>,
  { clip, beta1, beta2, schedule }: UpdateSettings,
  step: number,
): Promise<{ readonly gradientNorm: number; readonly rate: number }> {
  const rate = learningRate(schedule, step)
  const outputs = await device.run('update', {
    maxNorm: Float32Array.of(clip),
    schedule: Float32Array.of(rate, 1 - beta1 ** (step + 1), 1 - beta2 ** (step + 1)),
  })
  return { gradientNorm: present(outputs['clip']?.[1], 'gradient norm'), rate }
}
