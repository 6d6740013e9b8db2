/** A model and its numbers: logits, hidden states, greedy continuations, losses and gradients. */
import type { Device } from '../../src/backends/backend.ts'
import { fillParameters, loadCheckpoint } from '../../src/engine/load.ts'
import { formatsOf } from '../../src/engine/weights.ts'
import { openModelFiles } from '../../src/engine/model-files.ts'
import type { FileTree } from '../../src/formats/tree.ts'
import { modelFromConfig, type Model } from '../../src/models/index.ts'
import { traceSequences, type TracedModel } from '../../src/models/trace.ts'
import { crossEntropy, differentiate, weightedSum, type Program } from '../../src/program/index.ts'
import { tensorType } from '../../src/program/ops/definition.ts'
import { cachedLogits, greedyRun, type CachedLogits, type GreedyRun } from './cached.ts'
import { readGoldenJson, readTasks, type Case, type GoldenJson, type GoldenModel, type Tasks } from './cases.ts'
import {
  largestDifference,
  perturbHead,
  tolerances,
  withTensors,
  type Measured,
  type Row,
  type Settings,
} from './compare.ts'

type Outputs = Record<string, Float32Array>

interface Computed {
  /** Whole sequences: logits and taps by case. */
  readonly whole: ReadonlyMap<string, Outputs>
  readonly cached: ReadonlyMap<string, readonly CachedLogits[]>
  readonly greedy: ReadonlyMap<string, GreedyRun>
  readonly gradients: Outputs | undefined
}

export interface ModelSettings extends Settings {
  /** Packed weights meet activations as they are. */
  readonly exact: boolean
}

/** The rows of one model. Reads the expected values last. */
export async function modelRows(golden: GoldenModel, folder: string, settings: ModelSettings): Promise<Row[]> {
  const { tree, weightsFile } = golden
  const files = await openModelFiles(tree, weightsFile)
  const model = modelFromConfig(await files.config())
  await files.close()
  const tasks = await readTasks(golden)
  const computed = await compute(tree, model, tasks, settings)
  return await compare(golden, folder, model, tasks, computed)
}

async function compute(original: FileTree, plain: Model, tasks: Tasks, settings: ModelSettings): Promise<Computed> {
  const whole = new Map<string, Outputs>()
  const cached = new Map<string, readonly CachedLogits[]>()
  const greedy = new Map<string, GreedyRun>()
  let gradients: Outputs | undefined
  const variantOf = ({ weightsFile, overrides }: Case): string => JSON.stringify([weightsFile, overrides])
  for (const variant of new Set(tasks.cases.map(variantOf))) {
    const cases = tasks.cases.filter((item) => variantOf(item) === variant)
    const [{ weightsFile: file, overrides }] = cases as [Case]
    const isConfigured = Object.keys(overrides).length > 0
    const isPlain = file === undefined && !isConfigured
    const tree = overridden(original, overrides)
    // A GGUF file has no other configuration than its own.
    const model = isConfigured ? modelFromConfig(await tree.readJson('config.json')) : plain
    const lossCase = cases.find(({ name }) => name === tasks.lossCase)
    const device = await openWhole(tree, model, file, cases, lossCase, settings)
    for (const item of cases) whole.set(item.name, await device.run(`whole.${item.name}`, wholeInputs(model, item)))
    if (lossCase !== undefined) gradients = await device.run('gradients', gradientInputs(model, lossCase))
    await device.dispose()

    const runs = isPlain ? tasks.greedy : []
    const lengths = [...cases.map(({ length }) => length), ...runs.map(({ prompt, steps }) => prompt.length + steps)]
    const engine = await loadCheckpoint(tree, settings.backend, {
      context: Math.min(model.shape.maxPositions, Math.max(...lengths)),
      maxSequences: Math.max(...cases.map(({ batch }) => batch)),
      exact: settings.exact,
      cacheType: 'f32',
      ...(file === undefined ? {} : { weightsFile: file }),
    })
    await perturbHead(engine.device, engine.programs.parameters, settings)
    for (const item of cases) cached.set(item.name, await cachedLogits(engine, item))
    for (const run of runs) greedy.set(run.name, await greedyRun(engine, run))
    await engine.dispose()
  }
  return { whole, cached, greedy, gradients }
}

/** A folder whose configuration has other values in some fields. */
function overridden(tree: FileTree, overrides: Readonly<Record<string, unknown>>): FileTree {
  if (Object.keys(overrides).length === 0) return tree
  const readJson = async (file: string): Promise<unknown> => {
    const json = await tree.readJson(file)
    return file === 'config.json' ? { ...(json as object), ...overrides } : json
  }
  return { ...tree, readJson }
}

/** A device with a whole-sequence program for each case, with taps as outputs, and one for the gradients. */
async function openWhole(
  tree: FileTree,
  model: Model,
  file: string | undefined,
  cases: readonly Case[],
  lossCase: Case | undefined,
  settings: ModelSettings,
): Promise<Device> {
  const files = await openModelFiles(tree, file)
  const weights = await files.weights()
  const formats = formatsOf(weights, settings.exact, 'f32')
  const traces = cases.map((item) => {
    const traced = traceSequences(model, `whole.${item.name}`, item.ids.length, {
      ...formats,
      tap: (name, tensor) => tensor.trace.output(name, tensor),
    })
    traced.trace.output('logits', traced.logits)
    return traced
  })
  const programs: Program[] = traces.map(({ trace }) => trace.finish())
  if (lossCase !== undefined) programs.push(gradientProgram(model, lossCase.ids.length))
  const device = await settings.backend.open(programs)
  const first = traces[0] as TracedModel
  await fillParameters(device, weights, first)
  await files.close()
  await perturbHead(device, first.parameters, settings)
  return device
}

function gradientProgram(model: Model, rows: number): Program {
  const { trace, logits, parameters } = traceSequences(model, 'gradients', rows)
  const targets = trace.bind('input', 'targets', tensorType('i32', rows))
  const weights = trace.bind('input', 'weights', tensorType('f32', rows))
  const loss = weightedSum(crossEntropy(logits, targets), weights)
  trace.output('loss', loss)
  const sources = parameters.map(({ name, shape }) => trace.bind('parameter', name, tensorType('f32', ...shape)))
  const seed = trace.bind('input', 'seed', tensorType('f32', 1))
  differentiate(loss, seed, sources).forEach((gradient, index) => {
    if (gradient !== undefined) trace.output(`gradient.${parameters[index]?.name}`, gradient)
  })
  return trace.finish()
}

function wholeInputs(model: Model, item: Case) {
  const { ropeBorder } = model.shape
  const rows = item.ids.length
  const starts = new Int32Array(rows).fill(-1)
  for (const { start, ids } of item.sequences) starts.fill(start, start, start + ids.length)
  const regime = ropeBorder !== undefined && item.longest > ropeBorder ? 1 : 0
  return { ids: item.ids, positions: item.positions, regimes: new Int32Array(rows).fill(regime), starts }
}

function gradientInputs(model: Model, item: Case) {
  const targets = new Int32Array(item.ids.length).fill(-100)
  for (const { start, ids } of item.sequences) targets.set(ids.slice(1), start)
  const count = targets.filter((target) => target >= 0).length
  return {
    ...wholeInputs(model, item),
    targets,
    weights: new Float32Array(targets.length).fill(1 / count),
    seed: Float32Array.of(1),
  }
}

async function compare(
  { tree, goldenFile }: GoldenModel,
  folder: string,
  model: Model,
  tasks: Tasks,
  computed: Computed,
): Promise<Row[]> {
  const json = await readGoldenJson(tree)
  const rows = await withTensors(tree, goldenFile, async (tensors) => {
    const found: Row[] = []
    for (const item of tasks.cases) {
      const counts = (width: number) => (index: number) => item.mask[Math.floor(index / width)] === 1
      const outputs = computed.whole.get(item.name) ?? {}
      const measured: Measured[] = []
      const expected = await tensors.readFloat32(`${item.name}.logits`)
      const width = model.shape.vocabulary
      const measure = (what: string, difference: number): unknown =>
        measured.push({ what, difference, tolerance: tolerances.logits })
      measure('whole', largestDifference(outputs['logits'] ?? [], expected, counts(width)))
      for (const { what, logits, isComputed } of computed.cached.get(item.name) ?? []) {
        measure(
          what,
          largestDifference(logits, expected, (index) => isComputed[Math.floor(index / width)] === 1),
        )
      }
      const hidden: number[] = []
      for (const [key, tap] of hiddenNames(item.name, model.shape.layers)) {
        if (!tensors.has(key)) continue
        const values = await tensors.readFloat32(key)
        hidden.push(largestDifference(outputs[tap] ?? [], values, counts(values.length / item.ids.length)))
      }
      if (hidden.length > 0) measure(`${hidden.length} hidden`, Math.max(...hidden))
      found.push({ folder, name: item.name, measured, usesWeights: true })
    }
    for (const { name } of tasks.greedy) {
      const run = computed.greedy.get(name)
      const { continuation } = json[name] as { continuation: number[] }
      const steps = await tensors.readFloat32(`${name}.step_logits`)
      const measured = [
        { what: 'tokens', difference: largestDifference(run?.ids ?? [], continuation), tolerance: 0 },
        { what: 'steps', difference: largestDifference(run?.logits ?? [], steps), tolerance: tolerances.logits },
      ]
      found.push({ folder, name, measured, usesWeights: true })
    }
    return found
  })
  if (computed.gradients !== undefined) rows.push(await gradientRow(tree, folder, json, tasks, computed.gradients))
  return rows
}

/** Keys of the golden file and the taps that they are. */
function hiddenNames(name: string, layers: number): [key: string, tap: string][] {
  const inner = Array.from({ length: layers - 1 }, (_, layer): [string, string] => [
    `${name}.hidden_states.${layer + 1}`,
    `layer.${layer}`,
  ])
  return [
    [`${name}.hidden_states.0`, 'embeddings'],
    ...inner,
    [`${name}.hidden_states.${layers}`, 'norm'],
    [`${name}.last_layer_output`, `layer.${layers - 1}`],
  ]
}

async function gradientRow(
  tree: FileTree,
  folder: string,
  json: GoldenJson,
  tasks: Tasks,
  gradients: Outputs,
): Promise<Row> {
  const measured: Measured[] = []
  const loss = json.loss?.[tasks.lossCase ?? '']
  if (loss !== undefined) {
    const difference = largestDifference(gradients['loss'] ?? [], [loss])
    measured.push({ what: 'loss', difference, tolerance: tolerances.losses })
  }
  if (await tree.has('grads.safetensors')) {
    const differences = await gradientDifferences(tree, 'grads.safetensors', (name) => gradients[`gradient.${name}`])
    const difference = Math.max(...differences)
    measured.push({ what: `${differences.length} gradients`, difference, tolerance: tolerances.gradients })
  }
  return { folder, name: `${tasks.lossCase} gradients`, measured, usesWeights: true }
}

/** The largest difference of every tensor of a file from what was computed under its name. */
export async function gradientDifferences(
  tree: FileTree,
  file: string,
  computed: (name: string) => ArrayLike<number> | undefined,
): Promise<number[]> {
  return await withTensors(tree, file, async (tensors) => {
    const differences: number[] = []
    for (const name of tensors.names()) {
      differences.push(largestDifference(computed(name) ?? [], await tensors.readFloat32(name)))
    }
    return differences
  })
}
