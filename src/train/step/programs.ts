import { tensorType } from '../../program/ops/definition.ts'
import {
  accumulate,
  adamW,
  clipFactor,
  crossEntropy,
  differentiate,
  fill,
  recompute,
  squaredNorm,
  Trace,
  weightedSum,
  type Program,
  type Tensor,
} from '../../program/index.ts'
import { targetModules } from '../../models/adapter.ts'
import type { Model } from '../../models/model.ts'
import { traceVision } from '../../models/trace-vision.ts'
import { tracePictured, type NumberFormats, type ParameterSpec, type TracedModel } from '../../models/trace.ts'

export interface OptimizerSettings {
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  readonly weightDecay: number
  /** Whether vectors (norm weights) decay as well; matrices always do. */
  readonly decayVectors: boolean
}

/** The states that training adds to a parameter. */
export function stateNames(parameter: string): { gradient: string; first: string; second: string } {
  return { gradient: `gradient.${parameter}`, first: `moment1.${parameter}`, second: `moment2.${parameter}` }
}

export interface TrainingPrograms {
  /** Adds the gradients of one batch to the gradient states. Output: `loss` f32[1], its weighted sum. */
  readonly gradients: Program
  /** Clips, steps AdamW and clears the gradients. Output: `clip` f32[2], the factor and the norm before clipping. */
  readonly update: Program
  /** The weighted loss alone, without gradients, for held-out text. */
  readonly evaluate: Program
  /** Of a model that sees, what the tower makes of a tile: `tokens` f32[tokens, featureWidth] (see `traceVision`). */
  readonly tower: Program | undefined
  /** What is trained. */
  readonly parameters: readonly ParameterSpec[]
  /** What stays as it is: the tower, whose attention has no derivative, and all that has adapters. */
  readonly frozen: readonly ParameterSpec[]
  readonly buffers: ReadonlyMap<string, Float64Array>
}

/** Everything that a training run opens. */
export function openedPrograms({ gradients, update, evaluate, tower }: TrainingPrograms): Program[] {
  return [gradients, update, evaluate, ...(tower === undefined ? [] : [tower])]
}

/** Appends the loss: inputs `targets` i32[rows] (-100 ignored) and `weights` f32[rows]. */
export function appendLoss({ trace, logits }: TracedModel, rows: number): Tensor {
  const targets = trace.bind('input', 'targets', tensorType('i32', rows))
  const weights = trace.bind('input', 'weights', tensorType('f32', rows))
  const loss = weightedSum(crossEntropy(logits, targets), weights)
  trace.output('loss', loss)
  return loss
}

/**
 * The programs of a training run over batches of `rows` rows; of a model that sees, projector and decoder are trained, with
 * adapters those alone. A gradient step may run several times before an update:
 * gradients add up in states, and the caller's weights make their sum a mean.
 *
 * @throws PocketPhiError `invalid-config` for adapters of modules that the model has not
 */
export function traceTraining(
  model: Model,
  rows: number,
  settings: OptimizerSettings,
  options: NumberFormats & {
    readonly recompute?: boolean
    /** Appends what is minimised; the cross-entropy of the text when left out. */
    readonly appendLoss?: (traced: TracedModel, rows: number) => Tensor
  } = {},
): TrainingPrograms {
  const { recompute: lean = false, appendLoss: append = appendLoss, ...formats } = options
  const traced = tracePictured(model, 'gradients', rows, formats)
  const { trace, parameters, buffers } = traced
  const trained = formats.adapter === undefined ? parameters : traced.adapters
  const kept = formats.adapter === undefined ? [] : parameters
  if (formats.adapter !== undefined) targetModules(formats.adapter, traced.linearWeights)
  const loss = append(traced, rows)
  const seed = trace.bind('input', 'seed', tensorType('f32', 1))
  const weights = trained.map(({ name, shape }) => trace.bind('parameter', name, tensorType('f32', ...shape)))
  differentiate(loss, seed, weights).forEach((gradient, index) => {
    const parameter = trained[index]
    if (parameter === undefined || gradient === undefined) return
    const { name, shape } = parameter
    accumulate(trace.bind('state', stateNames(name).gradient, tensorType('f32', ...shape)), gradient)
  })
  const evaluate = tracePictured(model, 'evaluate', rows, formats)
  append(evaluate, rows)
  const gradients = trace.finish()
  const tower = traceTower(model, formats)
  return {
    gradients: lean ? recompute(gradients) : gradients,
    update: traceUpdate(trained, settings),
    evaluate: evaluate.trace.finish(),
    tower: tower?.program,
    parameters: trained,
    frozen: [...kept, ...(tower?.parameters ?? [])],
    buffers,
  }
}

function traceTower({ vision }: Model, formats: NumberFormats): ReturnType<typeof traceVision> | undefined {
  if (vision === undefined) return undefined
  return traceVision({ ...vision, forward: (context) => ({ tokens: vision.features(context) }) }, formats)
}

/** Inputs: `maxNorm` f32[1] (0 for no clipping) and `schedule` f32[3] (learning rate, 1 - beta1^t, 1 - beta2^t). */
function traceUpdate(parameters: readonly ParameterSpec[], settings: OptimizerSettings): Program {
  const { beta1, beta2, epsilon, weightDecay, decayVectors } = settings
  const trace = new Trace('update')
  const bound = parameters.map(({ name, shape }) => {
    const type = tensorType('f32', ...shape)
    const states = stateNames(name)
    return {
      decays: shape.length > 1 || decayVectors,
      parameter: trace.bind('parameter', name, type),
      gradient: trace.bind('state', states.gradient, type),
      first: trace.bind('state', states.first, type),
      second: trace.bind('state', states.second, type),
    }
  })
  const squares = bound.map(({ gradient }) => squaredNorm(gradient))
  const clip = clipFactor(trace.bind('input', 'maxNorm', tensorType('f32', 1)), squares)
  const schedule = trace.bind('input', 'schedule', tensorType('f32', 3))
  for (const { decays, ...tensors } of bound) {
    adamW({ ...tensors, clip, schedule }, { beta1, beta2, epsilon, weightDecay: decays ? weightDecay : 0 })
    fill(tensors.gradient, 0)
  }
  trace.output('clip', clip)
  return trace.finish()
}
