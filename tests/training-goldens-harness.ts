/** Test support: training against the numbers of the reference implementation; `npm run goldens` compares whole folders of them. */
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { Backend, Device } from '../src/backends/backend.ts'
import { checkTensors, fillParameters } from '../src/engine/load.ts'
import { openSafetensors } from '../src/formats/safetensors.ts'
import { localFolder } from '../src/formats/tree.ts'
import { modelFromConfig } from '../src/models/index.ts'
import { adamW, Trace } from '../src/program/index.ts'
import { tensorType } from '../src/program/ops/definition.ts'
import { packBatch } from '../src/train/step/batches.ts'
import { appendPreferenceLoss, packPairs, rewardMetrics } from '../src/train/step/preferences.ts'
import { appendLoss, stateNames, traceTraining } from '../src/train/step/programs.ts'

const fixture = (name: string) => localFolder(fileURLToPath(new URL(`fixtures/${name}`, import.meta.url)))

async function readTensors(folder: string, file: string): Promise<ReadonlyMap<string, Float32Array>> {
  const checkpoint = await openSafetensors(fixture(folder), file)
  const tensors = new Map<string, Float32Array>()
  for (const name of checkpoint.names()) tensors.set(name, await checkpoint.readFloat32(name))
  await checkpoint.close()
  return tensors
}

function largestDifference(actual: Float32Array, expected: Float32Array | undefined): number {
  expect(actual.length).toBe(expected?.length)
  return actual.reduce((most, value, at) => Math.max(most, Math.abs(value - (expected?.[at] ?? NaN))), 0)
}

interface TinyNumbers {
  readonly masked: {
    readonly ids: readonly number[]
    readonly labels: readonly number[]
    readonly loss: number
    readonly gradientNorm: number
  }
  readonly dpo: Readonly<
    Record<'beta' | 'ref_chosen_logp' | 'ref_rejected_logp' | 'policy_chosen_logp' | 'policy_rejected_logp', number>
  > &
    Readonly<Record<'loss' | 'reward_chosen' | 'reward_rejected', number>> &
    Readonly<Record<'prompt' | 'chosen' | 'rejected', readonly number[]>>
}

const tinyNumbers = async (): Promise<TinyNumbers> =>
  (await fixture('training').readJson('phi3-mini-tiny.json')) as TinyNumbers

/** The Phi-3-mini of these numbers, opened for training with a loss. */
async function openTiny(backend: Backend, rows: number, append: typeof appendLoss): Promise<Device> {
  const tree = fixture('phi3-mini-tiny')
  const model = modelFromConfig(await tree.readJson('config.json'))
  const settings = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, decayVectors: false }
  const programs = traceTraining(model, rows, settings, { appendLoss: append })
  const device = await backend.open([programs.gradients, programs.update])
  const checkpoint = await openSafetensors(tree)
  await fillParameters(device, checkpoint, programs)
  await checkpoint.close()
  return device
}

/** Compares a step of training on a backend with the reference implementation. */
export function trainingGoldenTests(open: () => Backend | Promise<Backend>): void {
  test('the loss and the gradients of a Phi-4-mini, packed as the trainer packs', async () => {
    const tree = fixture('phi4-mini-tiny')
    const model = modelFromConfig(await tree.readJson('config.json'))
    const golden = await openSafetensors(tree, 'golden.safetensors')
    const ids = [...new Int32Array((await golden.read('long.input_ids')).slice().buffer)]
    await golden.close()
    // Longer than LongRoPE's border (32), and not the only sequence: padding and a neighbour change nothing.
    const source = { example: (index: number) => (index === 1 ? { ids } : { ids: [3, 4], learned: [false, false] }) }
    const { inputs, tokens, learnedTokens } = packBatch(source, 0, 73, 70, model.shape.ropeBorder)
    expect([tokens, learnedTokens]).toEqual([72, 69])

    const settings = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, decayVectors: false }
    const programs = traceTraining(model, 73, settings)
    const device = await (await open()).open([programs.gradients, programs.evaluate])
    try {
      const checkpoint = await openSafetensors(tree)
      checkTensors(checkpoint, programs.parameters)
      await fillParameters(device, checkpoint, programs)
      await checkpoint.close()
      const { loss } = await device.run('gradients', { ...inputs, seed: Float32Array.of(1) })
      const gradients = await readTensors('training', 'phi4-mini-tiny-gradients.safetensors')
      for (const [name, expected] of gradients) {
        expect(largestDifference(await device.read(stateNames(name).gradient), expected)).toBeLessThan(2e-5)
      }
      expect(gradients.size).toBe(4)
      expect(loss?.[0]).toBeCloseTo(7.163751243596947, 5)
      expect((await device.run('evaluate', inputs))['loss']).toEqual(loss)
    } finally {
      await device.dispose()
    }
  })

  test('the loss of the words that are learned, of two texts in one batch', async () => {
    const { masked } = await tinyNumbers()
    const length = masked.ids.length / 2
    // The third does not fit any more.
    const source = {
      example: (index: number) => {
        const from = (index % 2) * length
        return {
          ids: masked.ids.slice(from, from + length),
          learned: masked.labels.slice(from, from + length).map((label) => label !== -100),
        }
      },
    }
    const { inputs, learnedTokens } = packBatch(source, 0, masked.ids.length, length)
    expect(learnedTokens).toBe(44)
    const device = await openTiny(await open(), masked.ids.length, appendLoss)
    try {
      const { loss } = await device.run('gradients', { ...inputs, seed: Float32Array.of(1) })
      expect(loss?.[0]).toBeCloseTo(masked.loss, 5)
      const { clip } = await device.run('update', {
        maxNorm: Float32Array.of(0),
        schedule: Float32Array.of(0, 1, 1),
      })
      expect(Math.abs((clip?.[1] ?? NaN) - masked.gradientNorm)).toBeLessThan(2e-5)
    } finally {
      await device.dispose()
    }
  })

  test('direct preference optimisation: rewards, loss and gradients of a pair', async () => {
    const { dpo } = await tinyNumbers()
    const answered = (answer: readonly number[]) => ({
      ids: [...dpo.prompt, ...answer],
      learned: [...dpo.prompt.map(() => false), ...answer.map(() => true)],
    })
    const pair = { chosen: answered(dpo.chosen), rejected: answered(dpo.rejected) }
    const reference = { chosen: dpo.ref_chosen_logp, rejected: dpo.ref_rejected_logp }
    // Room for three pairs, of which one is there, and padding.
    const batch = packPairs({ pair: () => pair, reference: () => reference, end: 1 }, 0, 100, 50)
    expect([batch.terms, batch.tokens, batch.learnedTokens]).toEqual([1, 43, 25])
    const append: typeof appendLoss = (traced, rows) => appendPreferenceLoss(traced, rows, dpo.beta)
    const device = await openTiny(await open(), 100, append)
    try {
      const outputs = await device.run('gradients', { ...batch.inputs, seed: Float32Array.of(1) })
      expect(outputs['loss']?.[0]).toBeCloseTo(dpo.loss, 5)
      const { rewardChosen, rewardRejected, rewardMargin, rewardAccuracy } = rewardMetrics([batch], [outputs])
      expect(rewardChosen).toBeCloseTo(dpo.reward_chosen, 5)
      expect(rewardRejected).toBeCloseTo(dpo.reward_rejected, 5)
      expect(rewardMargin).toBeCloseTo(dpo.reward_chosen - dpo.reward_rejected, 5)
      expect(rewardAccuracy).toBe(1)
      const likelihoods = outputs['negativeLogLikelihoods'] ?? new Float32Array()
      expect(likelihoods[0]).toBeCloseTo(-dpo.policy_chosen_logp, 4)
      expect(likelihoods[1]).toBeCloseTo(-dpo.policy_rejected_logp, 4)
      const gradients = await readTensors('training', 'phi3-mini-tiny-dpo-gradients.safetensors')
      expect(gradients.size).toBe(3)
      for (const [name, expected] of gradients) {
        expect(largestDifference(await device.read(stateNames(name).gradient), expected)).toBeLessThan(2e-5)
      }
    } finally {
      await device.dispose()
    }
  })

  test('a step of AdamW', async () => {
    const golden = await readTensors('training', 'adamw-step.safetensors')
    const names = [...golden.keys()]
      .filter((key) => key.startsWith('before.'))
      .map((key) => key.slice('before.'.length))
    expect(names.length).toBe(2)
    const trace = new Trace('step')
    for (const name of names) {
      const type = tensorType('f32', golden.get(`before.${name}`)?.length ?? 0)
      const { gradient, first, second } = stateNames(name)
      adamW(
        {
          parameter: trace.bind('parameter', name, type),
          gradient: trace.bind('state', gradient, type),
          first: trace.bind('state', first, type),
          second: trace.bind('state', second, type),
          clip: trace.bind('input', 'clip', tensorType('f32', 2)),
          schedule: trace.bind('input', 'schedule', tensorType('f32', 3)),
        },
        { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 },
      )
    }
    const device = await (await open()).open([trace.finish()])
    try {
      for (const name of names) {
        device.write(name, golden.get(`before.${name}`) ?? new Float32Array())
        device.write(stateNames(name).gradient, golden.get(`gradient.${name}`) ?? new Float32Array())
      }
      const [rate, first, second] = [0.001, 1 - 0.9, 1 - 0.95]
      await device.run('step', { clip: Float32Array.of(1, 0), schedule: Float32Array.of(rate, first, second) })
      for (const name of names) {
        const before = golden.get(`before.${name}`) ?? new Float32Array()
        expect(largestDifference(before, golden.get(`after.${name}`))).toBeGreaterThan(9e-4)
        expect(largestDifference(await device.read(name), golden.get(`after.${name}`))).toBeLessThan(1e-6)
      }
    } finally {
      await device.dispose()
    }
  })
}
