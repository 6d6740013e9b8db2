/** How `phi make` does the stages of a run: as the commands do them. */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { openPipelineQueue } from '../data/pipeline/queue.ts'
import { checkedDataRecipe } from '../data/pipeline/recipe.ts'
import { summarise } from '../eval/world/index.ts'
import { evaluateModels, type Measures } from '../make/evaluation.ts'
import type { StageWorkers } from '../make/make.ts'
import type { DefinitionOf } from '../make/run-file.ts'
import { completeRecipe } from '../train/read-recipe.ts'
import { runDataShown } from './data.ts'
import { candidateOf } from './eval-candidates.ts'
import { answerAll, answerTokens, frozenRows } from './eval-world.ts'
import { planTasks, tasksFor } from './eval-plan.ts'
import { measureTasks } from './eval.ts'
import { meanLoss } from './mean-loss.ts'
import { writeMerged } from './merge.ts'
import { modelPlace } from './model-folder.ts'
import { openModel } from './open-model.ts'
import { chooseBackend, given, type BackendOptions } from './options.ts'
import { writePacked } from './quantize.ts'
import { progressOn, type StatusLine } from './terminal.ts'
import { readTextFiles } from './text-files.ts'
import { TrainingReporter, trainShown } from './training.ts'
import type { WideOptions } from './wide.ts'
import { heldOutSeed, worldText } from './world-text.ts'

export interface MakeWorkerOptions extends BackendOptions, WideOptions {
  /** Switches V8's wide vectors on for trainings, if they are wished for and pass their test. */
  readonly widen: () => boolean
  readonly json: boolean
}

/** Questions at a time. */
const parallel = 4

/** @param status is written over by whatever is at work */
export function makeWorkers(options: MakeWorkerOptions, status: StatusLine): StageWorkers {
  return {
    async data({ stage: { definition, recipe }, signal }) {
      const { folder, input } = definition
      const { threads = Math.max(1, availableParallelism()) } = options
      const queue = await openPipelineQueue({ threads })
      try {
        await runDataShown(checkedDataRecipe(recipe), { folder, input, queue, signal, json: options.json })
      } finally {
        await queue.close()
      }
    },
    async train({ stage: { definition, recipe }, signal }) {
      const { folder } = definition
      const own = { ...options, wide: options.widen(), folder, resume: true, signal }
      await trainShown(await completeRecipe(recipe), new TrainingReporter(options.json, status), own)
    },
    async merge({ stage: { definition }, signal }) {
      const { model, adapters, folder } = definition
      await writeMerged(model, adapters, folder, { ...options, force: true }, signal)
    },
    async quantize({ stage: { definition }, signal }) {
      await writePacked(
        definition.model,
        definition.folder,
        { ...options, ...packing(definition), force: true },
        signal,
      )
    },
    async evaluate({ stage: { definition }, signal }) {
      await evaluateModels(definition, measuresOf(definition, { ...options, status }, signal), signal)
    },
  }
}

/** The options of `phi quantize` that a stage stands for. */
function packing({
  bits,
  group,
  eightBits,
  rounding,
  calibration,
}: DefinitionOf<'quantize'>): Omit<Parameters<typeof writePacked>[2], keyof BackendOptions> {
  const common = { bits, group, eightBits }
  if (calibration === undefined) return { ...common, mode: rounding, calibrationTokens: 0 }
  const { text, tokens } = calibration
  return {
    ...common,
    mode: 'calibrated',
    calibrationTokens: tokens,
    ...(text !== 'world' && { calibration: text.file }),
  }
}

function measuresOf(
  { folder }: DefinitionOf<'evaluate'>,
  { status, ...options }: MakeWorkerOptions & { readonly status: StatusLine },
  signal: AbortSignal,
): Measures {
  // As in other measurements the numbers should not depend on whether there is a GPU.
  const engine = { ...options, backend: options.backend === 'auto' ? ('wasm' as const) : options.backend }
  return {
    async loss(model, { tokens }) {
      const place = await modelPlace(model)
      const { tokenizer } = await readTextFiles(place.folder)
      const backend = await chooseBackend(engine)
      const makeText = (): ReturnType<typeof worldText> => worldText(tokenizer, heldOutSeed)
      const measuring = meanLoss(place, backend, makeText, { tokens, signal, onProgress: progressOn(status) })
      return await measuring.finally(() => status.clear())
    },
    async world(model, { kinds, limit }) {
      const place = await modelPlace(model)
      const rows = await frozenRows(place.folder, given({ kind: kinds, limit }))
      await using opened = await openModel(place, { ...engine, maxSequences: parallel }, signal)
      return summarise(await answerAll(opened, rows, { parallel, maxTokens: answerTokens, json: options.json }, signal))
    },
    async benchmarks(model, { data, tasks, limit }) {
      const planned = await planTasks({ data, ...given({ tasks, limit }) }, signal)
      const candidate = await candidateOf(model, { ...engine, parallel })
      const askable = tasksFor(candidate, planned, tasks !== undefined)
      return (await measureTasks(candidate, askable, { out: join(folder, 'answers'), parallel }, signal)).tasks
    },
  }
}
