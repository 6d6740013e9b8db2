/** Where the time of a training step goes, by kind of operation. */
import type { ProgramProfile, RunInputs } from '../src/backends/backend.ts'
import { wasmBackend } from '../src/backends/wasm/index.ts'
import { modelFromConfig } from '../src/models/index.ts'
import { traceSequences } from '../src/models/trace.ts'
import { crossEntropy, differentiate, squaredNorm, weightedSum, type Program } from '../src/program/index.ts'
import { tensorType } from '../src/program/ops/definition.ts'
import { initializeWeights } from '../src/train/step/weights.ts'
import type { TrainingPrograms } from '../src/train/step/programs.ts'
import { config, rows, shape, type TrainSettings } from './train-model.ts'

/** Seconds of a step by kind. */
export type StepProfile = Readonly<Record<string, number>>

/** Forward, and the derivatives by all inputs of layers but by no weight: what it lacks of `gradients` are those by weights. */
function traceInputs(): Program {
  const { trace, logits } = traceSequences(modelFromConfig(config), 'inputs', rows)
  const bind = (name: string, count: number) => trace.bind('input', name, tensorType('f32', count))
  const targets = trace.bind('input', 'targets', tensorType('i32', rows))
  const loss = weightedSum(crossEntropy(logits, targets), bind('weights', rows))
  const table = trace.bind('parameter', 'model.embed_tokens.weight', tensorType('f32', shape.vocabulary, shape.width))
  const [gradient] = differentiate(loss, bind('seed', 1), [table])
  if (gradient !== undefined) trace.output('norm', squaredNorm(gradient))
  return trace.finish()
}

const kinds: readonly (readonly [kind: string, kernels: RegExp])[] = [
  ['attention', /^attention/],
  ['cross-entropy', /^(crossEntropy|weightedSum)/],
  ['optimiser', /^accumulate$/],
]

/** Milliseconds of a run spent in kernels of these names. */
function spent({ kernels, runs }: ProgramProfile, names: RegExp): number {
  return kernels.reduce((sum, { name, milliseconds }) => sum + (names.test(name) ? milliseconds / runs : 0), 0)
}

/** Steps before those that are timed, and those: the rounds are repeated. */
const [untimed, timed] = [1, 1]

/** Means over the timed steps. @param inputs of the programs, by name */
export async function profileStep(
  { gradients, update, evaluate, parameters, buffers }: TrainingPrograms,
  inputs: Readonly<Record<'gradients' | 'update', RunInputs>>,
  { threads, wide }: TrainSettings,
): Promise<StepProfile> {
  const device = await wasmBackend({ threads, wide, profile: true }).open([gradients, update, evaluate, traceInputs()])
  initializeWeights(device, parameters, shape.layers, 1)
  for (const [name, values] of buffers) device.write(name, values)
  const { seed: _, ...forward } = inputs.gradients
  for (let step = 0; step < untimed + timed; step++) {
    if (step === untimed) device.takeProfiles()
    await device.run('evaluate', forward)
    await device.run('inputs', inputs.gradients)
    await device.run('gradients', inputs.gradients)
    await device.run('update', inputs.update)
  }
  const profiles = new Map(device.takeProfiles().map((profile) => [profile.program, profile]))
  await device.dispose()
  const of = (program: string): ProgramProfile => {
    const profile = profiles.get(program)
    if (profile === undefined) throw new Error(`defect: no profile of "${program}"`)
    return profile
  }
  const [whole, forwardOnly, noWeights, optimiser] = [of('gradients'), of('evaluate'), of('inputs'), of('update')]
  const product = /^matmul$/
  const milliseconds: Record<string, number> = {
    'matmul forward': spent(forwardOnly, product),
    'matmul, derivative by input': spent(noWeights, product) - spent(forwardOnly, product),
    'matmul, derivative by weight': spent(whole, product) - spent(noWeights, product),
  }
  for (const [kind, kernels] of kinds) milliseconds[kind] = spent(whole, kernels)
  const named = new RegExp([product, ...kinds.map(([, kernels]) => kernels)].map(({ source }) => source).join('|'))
  milliseconds['norms, element-wise'] = spent(whole, /./) - spent(whole, named)
  milliseconds['optimiser'] = (milliseconds['optimiser'] ?? 0) + spent(optimiser, /./)
  milliseconds['barriers, dispatch'] = [whole, optimiser].reduce(
    (sum, { barriers, dispatch, runs }) => sum + (barriers.milliseconds + dispatch.milliseconds) / runs,
    0,
  )
  return Object.fromEntries(Object.entries(milliseconds).map(([kind, time]) => [kind, time / 1000]))
}
