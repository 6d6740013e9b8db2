/**
 * One round of training in the engine: the rate of its f32 matmul on one thread and on all, then steps of the model, then
 * where the time of a step goes. Prints one JSON object; a child of train.ts.
 *
 *     node bench/train-round.ts SETTINGS
 */
import { wasmBackend } from '../src/backends/wasm/index.ts'
import { useWideVectors } from '../src/cli/wide.ts'
import { modelFromConfig } from '../src/models/index.ts'
import { matmul, squaredNorm, Trace, type Program } from '../src/program/index.ts'
import { tensorType } from '../src/program/ops/definition.ts'
import { traceTraining, type TrainingPrograms } from '../src/train/step/programs.ts'
import { initializeWeights } from '../src/train/step/weights.ts'
import {
  batch,
  config,
  optimizer,
  rows,
  shape,
  steps,
  tokens,
  type TrainRound,
  type TrainSettings,
} from './train-model.ts'
import { profileStep, type StepProfile } from './train-profile.ts'

/** What the engine says beside a peer's figures. */
export interface EngineTrainRound extends TrainRound {
  /** Multiply-adds a second of the f32 matmul at 1024^3. */
  readonly productsOfOneThread: number
  readonly products: number
  readonly profile: StepProfile
}

const edge = 1024
/** Products of one run, so that what surrounds them does not count. */
const productsOfRun = 4

function traceProducts(): Program {
  const trace = new Trace('products')
  const left = trace.bind('state', 'left', tensorType('f32', edge, edge))
  let product = trace.bind('state', 'right', tensorType('f32', edge, edge))
  for (let index = 0; index < productsOfRun; index++) product = matmul(left, product)
  trace.output('norm', squaredNorm(product))
  return trace.finish()
}

async function rateOfProducts(threads: number, wide: boolean): Promise<number> {
  const device = await wasmBackend({ threads, wide }).open([traceProducts()])
  const values = Float32Array.from({ length: edge * edge }, (_, index) => ((index * 7919) % 4099) / 4099 / edge)
  for (const name of device.names()) device.write(name, values)
  await device.run('products', {})
  const times: number[] = []
  for (let run = 0; run < 3; run++) {
    const begin = performance.now()
    await device.run('products', {})
    times.push((performance.now() - begin) / 1000)
  }
  await device.dispose()
  return (productsOfRun * edge ** 3) / (times.sort((a, b) => a - b)[1] ?? Number.NaN)
}

function batchInputs() {
  const starts = Int32Array.from({ length: rows }, (_, row) => row - (row % batch.tokens))
  const positions = Int32Array.from({ length: rows }, (_, row) => row % batch.tokens)
  const weights = new Float32Array(rows).fill(1 / rows)
  const regimes = new Int32Array(rows)
  return { ...tokens(), positions, regimes, starts, weights, seed: Float32Array.of(1) }
}

function updateInputs(step: number) {
  const { beta1, beta2, clip, rate } = optimizer
  return {
    maxNorm: Float32Array.of(clip),
    schedule: Float32Array.of(rate, 1 - beta1 ** (step + 1), 1 - beta2 ** (step + 1)),
  }
}

async function train({ gradients, update, parameters, buffers }: TrainingPrograms, { threads, wide }: TrainSettings) {
  const device = await wasmBackend({ threads, wide }).open([gradients, update])
  initializeWeights(device, parameters, shape.layers, 1)
  for (const [name, values] of buffers) device.write(name, values)
  const inputs = batchInputs()
  const losses: number[] = []
  let begin = performance.now()
  for (let step = 0; step < steps.untimed + steps.timed; step++) {
    if (step === steps.untimed) begin = performance.now()
    const { loss } = await device.run('gradients', inputs)
    await device.run('update', updateInputs(step))
    losses.push(loss?.[0] ?? Number.NaN)
  }
  const stepSeconds = (performance.now() - begin) / 1000 / steps.timed
  await device.dispose()
  return { stepSeconds, losses }
}

const settings = JSON.parse(process.argv[2] ?? '{}') as TrainSettings
const { threads, wide } = settings
// train.ts has tested them.
if (wide) useWideVectors()
const programs = traceTraining(modelFromConfig(config), rows, optimizer)
const productsOfOneThread = await rateOfProducts(1, wide)
const products = await rateOfProducts(threads, wide)
const trained = await train(programs, settings)
const profile = await profileStep(programs, { gradients: batchInputs(), update: updateInputs(0) }, settings)
const { user, system } = process.cpuUsage()
const round: EngineTrainRound = {
  ...trained,
  productsOfOneThread,
  products,
  profile,
  cpuSeconds: (user + system) / 1e6,
}
console.log(JSON.stringify(round))
