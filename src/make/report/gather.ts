/** What there is to tell of a run, or of a single training or run of data, from its folder alone. */
import { readFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { PocketPhiError } from '../../base/errors.ts'
import { readRun, runFile, type RunState } from '../../data/pipeline/run.ts'
import { currentFolder } from '../../formats/atomic.ts'
import { isJsonObject } from '../../formats/json.ts'
import { listCheckpoints, recordedRecipe } from '../../train/checkpoint.ts'
import { readMetrics, type Metric } from '../../train/metrics.ts'
import { readResults, type ModelResults } from '../evaluation.ts'
import { readMakeRecord, type MadeStage } from '../record.ts'

/** The fields of a recipe that are shown by themselves; the others are shown as they are. */
export interface ShownRecipe {
  readonly description?: string
  readonly seed?: number
  readonly steps?: number
  /** Whether the loss is that of pairs of answers. */
  readonly isOfPairs: boolean
  readonly all: unknown
}

export type StageReport =
  | { readonly kind: 'data'; readonly run: RunState | undefined }
  | { readonly kind: 'train'; readonly recipe: ShownRecipe | undefined; readonly metrics: readonly Metric[] }
  | { readonly kind: 'evaluate'; readonly results: readonly ModelResults[] }
  | { readonly kind: 'merge' | 'quantize' }

/** A stage, and what its folder says. */
export interface ReportedStage {
  readonly name: string
  readonly folder: string
  /** What `phi make` has recorded of it; undefined for what was not begun by that. */
  readonly record: MadeStage | undefined
  readonly report: StageReport
}

export interface RunReport {
  readonly name: string
  readonly description: string | undefined
  readonly stages: readonly ReportedStage[]
  readonly isDone: boolean
}

/**
 * Gathers what the folder of a run says: that of `phi make`, `phi train` or `phi data run`, while it goes on or after it.
 *
 * @throws PocketPhiError `not-found` for a folder of none of these; `invalid-file` for a damaged record
 */
export async function gatherReport(folder: string): Promise<RunReport> {
  const record = await readMakeRecord(folder)
  if (record !== undefined) {
    const stages = await Promise.all(record.stages.map(ofRecord))
    const { name, description } = record
    return { name, description, stages, isDone: record.stages.every(({ state }) => state === 'done') }
  }
  const name = basename(resolve(folder))
  const single = (report: StageReport): ReportedStage => ({ name, folder, record: undefined, report })
  if ((await currentFolder(runFile(folder))) !== undefined) {
    const run = await readRun(folder)
    const isDone = run.records.every((one) => one !== undefined)
    return { name: run.run.name, description: run.run.description, stages: [single({ kind: 'data', run })], isDone }
  }
  const training = await trainingReport(folder, undefined)
  if (training.metrics.length > 0) {
    const isDone = (await currentFolder(join(folder, 'final'))) !== undefined && isAtEnd(training)
    return { name, description: training.recipe?.description, stages: [single(training)], isDone }
  }
  throw new PocketPhiError('not-found', `There is no run in "${folder}".`, {
    expected: 'the folder of a run: of phi make, phi train or phi data run',
    remedy: 'A training has something to report when its first step is done.',
  })
}

type TrainingReport = Extract<StageReport, { readonly kind: 'train' }>

function isAtEnd({ recipe, metrics }: TrainingReport): boolean {
  return recipe?.steps === undefined || metrics.at(-1)?.step === recipe.steps
}

async function ofRecord(record: MadeStage): Promise<ReportedStage> {
  const { name, folder } = record
  return { name, folder, record, report: await reportOf(record) }
}

async function reportOf({ kind, folder, basis, state }: MadeStage): Promise<StageReport> {
  switch (kind) {
    case 'data': {
      const isBegun = state !== 'waiting' && (await currentFolder(runFile(folder))) !== undefined
      return { kind, run: isBegun ? await readRun(folder) : undefined }
    }
    case 'train':
      return await trainingReport(folder, basis.settings['recipe'])
    case 'evaluate':
      return { kind, results: await readResults(folder) }
    case 'merge':
    case 'quantize':
      return { kind }
  }
}

/** @param fields of its recipe, where they are known */
async function trainingReport(folder: string, fields: unknown): Promise<TrainingReport> {
  const recipe = fields ?? (await exportedRecipe(folder)) ?? (await newestRecipe(folder))
  return { kind: 'train', recipe: shownRecipe(recipe), metrics: await readMetrics(join(folder, 'metrics.jsonl')) }
}

/** That of the newest checkpoint. */
async function newestRecipe(folder: string): Promise<unknown> {
  const newest = (await listCheckpoints(join(folder, 'checkpoints'))).at(-1)
  return newest === undefined ? undefined : await recordedRecipe(newest)
}

/** That of a training that was exported, whose folder is within the one that was written. */
async function exportedRecipe(folder: string): Promise<unknown> {
  const text = await readFile(join(folder, '..', 'settings.json'), 'utf8').catch(() => '{}')
  try {
    const settings: unknown = JSON.parse(text)
    return isJsonObject(settings) ? settings['recipe'] : undefined
  } catch {
    return undefined
  }
}

function shownRecipe(recipe: unknown): ShownRecipe | undefined {
  if (!isJsonObject(recipe)) return undefined
  const { description, seed, schedule, objective } = recipe
  const steps = isJsonObject(schedule) ? schedule['steps'] : undefined
  return {
    ...(typeof description === 'string' && { description }),
    ...(typeof seed === 'number' && { seed }),
    ...(typeof steps === 'number' && { steps }),
    isOfPairs: objective !== undefined,
    all: recipe,
  }
}
