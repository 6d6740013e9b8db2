/** Losses, gradients, AdamW steps and DPO on a sibling folder's model, through the trainer's own programs. */
import type { Device, RunInputs } from '../../src/backends/backend.ts'
import { elementCount } from '../../src/base/dtype.ts'
import { present } from '../../src/base/errors.ts'
import { checkTensors, fillParameters } from '../../src/engine/load.ts'
import type { FileTree } from '../../src/formats/tree.ts'
import { modelFromConfig, type Model } from '../../src/models/index.ts'
import type { Example } from '../../src/train/step/batches.ts'
import { appendPreferenceLoss, packPairs, type ReferenceLogProbabilities } from '../../src/train/step/preferences.ts'
import { appendLoss, stateNames, traceTraining } from '../../src/train/step/programs.ts'
import {
  perturbHead,
  readIntegers,
  tolerances,
  withTensors,
  type Measured,
  type Row,
  type Settings,
} from './compare.ts'
import { gradientDifferences } from './model-folder.ts'

interface TrainingJson {
  /** The folder and file of the model, beside this folder. */
  readonly model: string
  readonly loss: number
  readonly grad_global_norm: number
  readonly masked_loss: number
  readonly masked_grad_global_norm: number
  readonly adamw: {
    readonly lr: number
    readonly betas: readonly [number, number]
    readonly weight_decay: number
    readonly eps: number
    readonly loss_before_each_step_then_after_step3: readonly number[]
  }
  readonly dpo: {
    readonly beta: number
    readonly prompt: readonly number[]
    readonly chosen: readonly number[]
    readonly rejected: readonly number[]
    readonly policy_chosen_logp: number
    readonly policy_rejected_logp: number
    readonly ref_chosen_logp: number
    readonly ref_rejected_logp: number
    readonly loss: number
    readonly grad_global_norm: number
  }
}

/** The inputs that hold the batch; the loss is the weighted sum of the cross-entropies of the targets. */
type BatchInputs = {
  readonly ids: Int32Array
  readonly positions: Int32Array
  readonly regimes: Int32Array
  readonly starts: Int32Array
  readonly targets: Int32Array
  readonly weights: Float32Array
}

/** Sequences of equal or different lengths in one batch, with the target of every row and the weight of its loss. */
function batchOf(
  sequences: readonly { ids: readonly number[]; targets: readonly number[]; weight: number }[],
): BatchInputs {
  const rows = sequences.reduce((sum, { ids }) => sum + ids.length, 0)
  const inputs = {
    ids: new Int32Array(rows),
    positions: new Int32Array(rows),
    regimes: new Int32Array(rows),
    starts: new Int32Array(rows),
    targets: new Int32Array(rows),
    weights: new Float32Array(rows),
  }
  let at = 0
  for (const { ids, targets, weight } of sequences) {
    inputs.ids.set(ids, at)
    inputs.targets.set(targets, at)
    inputs.positions.set([...ids.keys()], at)
    inputs.starts.fill(at, at, at + ids.length)
    inputs.weights.fill(weight, at, at + ids.length)
    at += ids.length
  }
  return inputs
}

/** A batch whose loss is the mean over all targets; labels are the ids themselves, -100 where they do not count. */
function meanBatch(ids: Int32Array, labels: Int32Array, batch: number): BatchInputs {
  const length = ids.length / batch
  const sequences = Array.from({ length: batch }, (_, row) => {
    const from = row * length
    return {
      ids: [...ids.subarray(from, from + length)],
      targets: [...labels.subarray(from + 1, from + length), -100],
    }
  })
  const count = sequences.flatMap(({ targets }) => targets).filter((target) => target !== -100).length
  return batchOf(sequences.map((sequence) => ({ ...sequence, weight: 1 / count })))
}

/** A model under training, as the trainer runs it. */
interface Trainee {
  readonly device: Device
  readonly names: readonly string[]
  /** Clears the gradients, adds those of the batch; resolves to its loss. */
  gradients(inputs: RunInputs): Promise<number>
  update(step: number): Promise<void>
}

type Opener = (tree: FileTree, file: string, rows: number, append?: typeof appendLoss) => Promise<Trainee>

function openerFor(model: Model, { adamw }: TrainingJson, settings: Settings): Opener {
  const [beta1, beta2] = adamw.betas
  return async (tree, file, rows, append = appendLoss) => {
    const optimizer = { beta1, beta2, epsilon: adamw.eps, weightDecay: adamw.weight_decay, decayVectors: true }
    const traced = traceTraining(model, rows, optimizer, { appendLoss: append })
    const device = await settings.backend.open([traced.gradients, traced.update, traced.evaluate])
    await withTensors(tree, file, async (tensors) => {
      checkTensors(tensors, traced.parameters)
      await fillParameters(device, tensors, traced)
    })
    await perturbHead(device, traced.parameters, settings)
    const names = traced.parameters.map(({ name }) => name)
    return {
      device,
      names,
      async gradients(inputs) {
        for (const name of names) {
          const state = stateNames(name).gradient
          device.write(state, new Float32Array(elementCount(device.typeOf(state).shape)))
        }
        const { loss } = await device.run('gradients', { ...inputs, seed: Float32Array.of(1) })
        return loss?.[0] ?? NaN
      },
      async update(step) {
        const schedule = Float32Array.of(adamw.lr, 1 - beta1 ** step, 1 - beta2 ** step)
        await device.run('update', { maxNorm: Float32Array.of(0), schedule })
      },
    }
  }
}

type Tensors = ReadonlyMap<string, Float32Array>

async function readAll({ device, names }: Trainee, nameOf: (name: string) => string): Promise<Tensors> {
  const tensors = new Map<string, Float32Array>()
  for (const name of names) tensors.set(name, await device.read(nameOf(name)))
  return tensors
}

const gradientsOf = (trainee: Trainee): Promise<Tensors> => readAll(trainee, (name) => stateNames(name).gradient)

function globalNorm(tensors: Tensors): number {
  let sum = 0
  for (const values of tensors.values()) for (const value of values) sum += value * value
  return Math.sqrt(sum)
}

export async function trainingFolder(
  tree: FileTree,
  sibling: (folder: string) => FileTree,
  folder: string,
  settings: Settings,
): Promise<Row[]> {
  const json = (await tree.readJson('training.json')) as TrainingJson
  const modelFile = json.model.slice(json.model.lastIndexOf('/') + 1)
  const modelTree = sibling(json.model.slice(0, -modelFile.length))
  const model = modelFromConfig(await modelTree.readJson('config.json'))
  const open = openerFor(model, json, settings)
  const measured = (what: string, difference: number, tolerance: number): Measured => ({ what, difference, tolerance })
  const loss = (what: string, actual: number, expected: number): Measured =>
    measured(what, Math.abs(actual - expected), tolerances.losses)
  const perToken = (what: string, difference: number, answer: readonly number[]): Measured =>
    measured(`${what} per token`, Math.abs(difference) / answer.length, tolerances.losses)
  const norm = (actual: Tensors, expected: number): Measured =>
    measured('norm', Math.abs(globalNorm(actual) - expected), tolerances.gradients)
  const tensors = async (what: string, file: string, actual: Tensors, tolerance: number): Promise<Measured> =>
    measured(what, Math.max(...(await gradientDifferences(tree, file, (name) => actual.get(name)))), tolerance)

  const batch = await withTensors(tree, 'batch.safetensors', async (file) => {
    const [rows = 1] = file.info('input_ids').shape
    const ids = await readIntegers(file, 'input_ids')
    const masked = await readIntegers(file, 'masked_labels')
    return { ids, plain: meanBatch(ids, ids, rows), masked: meanBatch(ids, masked, rows) }
  })
  const trainee = await open(modelTree, modelFile, batch.ids.length)
  const maskedLoss = await trainee.gradients(batch.masked)
  const maskedGradients = await gradientsOf(trainee)
  const losses = [await trainee.gradients(batch.plain)]
  const gradients = await gradientsOf(trainee)
  const parameters: Tensors[] = []
  for (const step of [1, 2, 3]) {
    await trainee.update(step)
    parameters.push(await readAll(trainee, (name) => name))
    losses.push(await trainee.gradients(batch.plain))
  }
  await trainee.device.dispose()
  const dpo = await runDpo(open, modelTree, modelFile, tree, json.dpo)

  const expectedLosses = json.adamw.loss_before_each_step_then_after_step3
  const row = (name: string, list: readonly Measured[]): Row => ({ folder, name, measured: list, usesWeights: true })
  return [
    row('loss, gradients', [
      loss('loss', losses[0] ?? NaN, json.loss),
      norm(gradients, json.grad_global_norm),
      await tensors('gradients', 'grads.safetensors', gradients, tolerances.gradients),
    ]),
    row('masked labels', [
      loss('loss', maskedLoss, json.masked_loss),
      norm(maskedGradients, json.masked_grad_global_norm),
    ]),
    row('AdamW', [
      ...expectedLosses.map((expected, step) => loss(`loss ${step}`, losses[step] ?? NaN, expected)),
      await tensors('step 1', 'params_after_step1.safetensors', parameters[0] ?? new Map(), tolerances.parameters),
      await tensors('step 3', 'params_after_step3.safetensors', parameters[2] ?? new Map(), tolerances.parameters),
    ]),
    row('DPO', [
      // Sums over an answer's tokens; the tolerance is that of one loss for each token.
      perToken('policy chosen', dpo.policy.chosen - json.dpo.policy_chosen_logp, json.dpo.chosen),
      perToken('policy rejected', dpo.policy.rejected - json.dpo.policy_rejected_logp, json.dpo.rejected),
      perToken('reference chosen', dpo.reference.chosen - json.dpo.ref_chosen_logp, json.dpo.chosen),
      perToken('reference rejected', dpo.reference.rejected - json.dpo.ref_rejected_logp, json.dpo.rejected),
      loss('loss', dpo.loss, json.dpo.loss),
      norm(dpo.gradients, json.dpo.grad_global_norm),
      await tensors('gradients', 'dpo_grads.safetensors', dpo.gradients, tolerances.gradients),
    ]),
  ]
}

/** Direct preference optimisation, as the trainer does it. */
async function runDpo(
  open: Opener,
  modelTree: FileTree,
  modelFile: string,
  tree: FileTree,
  { beta, prompt, chosen, rejected }: TrainingJson['dpo'],
) {
  const answered = (answer: readonly number[]): Example => ({
    ids: [...prompt, ...answer],
    learned: [...prompt.map(() => false), ...answer.map(() => true)],
  })
  const rows = 2 * prompt.length + chosen.length + rejected.length
  const inputs = (reference: ReferenceLogProbabilities): RunInputs => {
    const pair = { chosen: answered(chosen), rejected: answered(rejected) }
    return packPairs({ pair: () => pair, reference: () => reference, end: 1 }, 0, rows, rows).inputs
  }
  const append: typeof appendLoss = (traced, count) => appendPreferenceLoss(traced, count, beta)
  const logProbabilities = async ({ device }: Trainee): Promise<ReferenceLogProbabilities> => {
    const { negativeLogLikelihoods } = await device.run('evaluate', inputs({ chosen: 0, rejected: 0 }))
    const [ofChosen = NaN, ofRejected = NaN] = present(negativeLogLikelihoods, 'likelihoods')
    return { chosen: -ofChosen, rejected: -ofRejected }
  }
  const referenceModel = await open(tree, 'dpo_reference_model.safetensors', rows, append)
  const reference = await logProbabilities(referenceModel)
  await referenceModel.device.dispose()
  const trainee = await open(modelTree, modelFile, rows, append)
  const policy = await logProbabilities(trainee)
  const loss = await trainee.gradients(inputs(reference))
  const gradients = await gradientsOf(trainee)
  await trainee.device.dispose()
  return { policy, reference, loss, gradients }
}
