/** Runs a recipe of data: stage by stage, shard by shard, from wherever an earlier run was stopped. */
import { mkdir, readdir } from 'node:fs/promises'
import { basename, join, relative, resolve } from 'node:path'
import { PocketPhiError, throwIfAborted } from '../../base/errors.ts'
import { cleanTemporaries } from '../../formats/atomic.ts'
import { manifestFile, type ShardPointer } from '../shards/index.ts'
import { readJsonIfThere, writeJson, type ShardName } from './files.ts'
import { lockFolder } from './folder-lock.ts'
import { packedFolder } from './pack.ts'
import { planStages, stagesFolder, type PlannedStage } from './plan.ts'
import type { PipelineQueue } from './queue.ts'
import type { DataRecipe } from './recipe.ts'
import { emptyReport, mergeReports, type Report } from './report.ts'
import { reportFile, type PipelineTask, type TaskReport } from './tasks.ts'

/** How far a run is. */
export interface DataProgress {
  readonly stage: string
  /** Tasks of the stage. */
  readonly done: number
  readonly total: number
  readonly documents: number
  readonly characters: number
  /** What the tasks took so far, all threads together; 0 for a stage that was there already. */
  readonly seconds: number
}

/** A stage that is done, as its folder tells it. */
export interface StageRecord {
  readonly name: string
  readonly shards: readonly ShardName[]
  readonly report: Report
}

/** What a run's folder says of itself. */
export interface RunRecord {
  readonly name: string
  readonly description: string
  /** In their order; folders are names within "stages". */
  readonly stages: readonly {
    readonly name: string
    readonly folder: string
    readonly tasks: number
    /** What its tasks took when they were done, all threads together, and the characters that went through them. */
    readonly seconds?: number
    readonly characters?: number
  }[]
}

export const runFile = (folder: string): string => join(folder, 'run.json')
const recordFile = (folder: string): string => join(folder, 'stage.json')

export interface DataRunOptions {
  readonly folder: string
  /** The folder that the paths of sources are taken from. */
  readonly input: string
  /** Who does the tasks: see `openPipelineQueue`. It stays open. */
  readonly queue: PipelineQueue
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: DataProgress) => void) | undefined
}

export interface DataRunResult {
  readonly stages: readonly StageRecord[]
  /** What a training names as the folder of its shards, if the recipe packs. */
  readonly shards: string | undefined
}

/**
 * Runs a recipe to its end. A stage whose folder is there whole is not made again; of one that was begun, only what is missing. The result has the
 * same bytes whoever does the tasks and however often they were killed.
 *
 * @throws PocketPhiError `not-found` for files that are not there, `invalid-config` where nothing is left to go on with, `aborted`, `invalid-argument`
 * where another run has the folder, and what reading, writing and the queue throw. What is done stays.
 */
export async function runData(recipe: DataRecipe, options: DataRunOptions): Promise<DataRunResult> {
  const { folder, input, signal } = options
  const planned = await planStages(recipe, input)
  throwIfAborted(signal)
  await mkdir(stagesFolder(folder), { recursive: true })
  const lock = await lockFolder(folder)
  try {
    return await runPlanned(recipe, planned, options)
  } finally {
    lock.close()
  }
}

async function runPlanned(
  recipe: DataRecipe,
  planned: readonly PlannedStage[],
  options: DataRunOptions,
): Promise<DataRunResult> {
  const { folder } = options
  await cleanTemporaries(folder)
  const timings = new Map<string, Timing>()
  const before = await readJsonIfThere<RunRecord>(runFile(folder))
  for (const { folder: name, seconds, characters } of before?.stages ?? []) {
    if (seconds !== undefined && characters !== undefined) timings.set(name, { seconds, characters })
  }
  const records: StageRecord[] = []
  await saveRun(recipe, planned, records, timings, folder)
  for (const stage of planned) {
    records.push(await runStage(stage, planned[records.length - 1], records.at(-1), timings, options))
    await saveRun(recipe, planned, records, timings, folder)
  }
  const last = planned.at(-1)
  if (last?.name !== 'pack') return { stages: records, shards: undefined }
  const at = relative(folder, join(stagesFolder(folder), last.folder, packedFolder))
  await writeJson(join(folder, manifestFile), { format: 1, at: at.replaceAll('\\', '/') } satisfies ShardPointer)
  return { stages: records, shards: folder }
}

interface Timing {
  readonly seconds: number
  readonly characters: number
}

async function saveRun(
  { name, description }: DataRecipe,
  planned: readonly PlannedStage[],
  records: readonly StageRecord[],
  timings: ReadonlyMap<string, Timing>,
  folder: string,
): Promise<void> {
  const stages = planned.map((stage, index) => {
    // How many tasks a stage has is known when the one before is done.
    const shards = records[index - 1]?.shards ?? []
    const place = { to: '', from: '', shards }
    const tasks = index > records.length ? 0 : stage.phases.reduce((sum, phase) => sum + phase(place).length, 0)
    return { name: stage.name, folder: stage.folder, tasks, ...timings.get(stage.folder) }
  })
  await writeJson(runFile(folder), { name, description, stages } satisfies RunRecord)
}

async function runStage(
  stage: PlannedStage,
  planBefore: PlannedStage | undefined,
  before: StageRecord | undefined,
  timings: Map<string, Timing>,
  { folder, queue, signal, onProgress }: DataRunOptions,
): Promise<StageRecord> {
  // Absolute, for workers in any folder.
  const stages = stagesFolder(resolve(folder))
  const to = join(stages, stage.folder)
  const made = await readJsonIfThere<StageRecord>(recordFile(to))
  if (made !== undefined) {
    const { documents, characters } = made.report.read
    onProgress?.({ stage: stage.name, done: 1, total: 1, documents, characters, seconds: 0 })
    return made
  }
  if (before?.report.kept.documents === 0) {
    throw new PocketPhiError('invalid-config', `Nothing is left for the stage "${stage.name}".`, {
      expected: 'documents that the stages before kept',
      remedy: 'See why they were dropped: phi data look.',
    })
  }
  await mkdir(to, { recursive: true })
  const from = planBefore === undefined ? '' : join(stages, planBefore.folder)
  const phases = stage.phases.map((phase) => phase({ to, from, shards: before?.shards ?? [] }))
  const total = phases.reduce((sum, tasks) => sum + tasks.length, 0)
  let [done, documents, characters, seconds] = [0, 0, 0, 0]
  for (const tasks of phases) {
    // Not asked for one by one: a shared folder may go on saying that a file is missing for a while after it was asked for it in vain.
    const there = new Set(await readdir(to))
    const missing = tasks.filter((task) => !there.has(basename(reportFile(task))))
    done += tasks.length - missing.length
    await queue.run(
      missing.map((task) => ({ name: reportFile(task), input: task })),
      {
        signal,
        onDone: (_, { read, seconds: took }) => {
          done++
          documents += read.documents
          characters += read.characters
          seconds += took
          onProgress?.({ stage: stage.name, done, total, documents, characters, seconds })
        },
      },
    )
  }
  // Not before: whether the workers on other machines live is not known here, and what they are writing is theirs.
  await cleanTemporaries(to)
  timings.set(stage.folder, { seconds, characters })
  const reported = phases[stage.reported] ?? []
  const record = await recordOf(stage.name, reported, before)
  await writeJson(recordFile(to), record)
  return record
}

/** Adds up the reports of a stage's tasks. */
async function recordOf(
  name: string,
  tasks: readonly PipelineTask[],
  before: StageRecord | undefined,
): Promise<StageRecord> {
  let report = emptyReport
  const shards: ShardName[] = []
  for (const task of tasks) {
    const done = await readJsonIfThere<TaskReport>(reportFile(task))
    if (done === undefined) throw new Error(`defect: ${reportFile(task)} is missing`)
    report = mergeReports(report, done.report)
    shards.push(...(done.shards ?? []))
  }
  return { name, shards: before === undefined ? shards : before.shards, report }
}

/** How a run stands, from its folder alone. */
export interface RunState {
  readonly run: RunRecord
  /** In the order of the run; undefined where a stage is not done. */
  readonly records: readonly (StageRecord | undefined)[]
}

/**
 * Reads what a run left in its folder, while it goes on or after it.
 * @throws PocketPhiError `not-found` where there is no run
 */
export async function readRun(folder: string): Promise<RunState> {
  const run = await readJsonIfThere<RunRecord>(runFile(folder))
  if (run === undefined) {
    throw new PocketPhiError('not-found', `There is no run of data in "${folder}".`, {
      expected: 'the folder that "phi data run" was given',
    })
  }
  const records = await Promise.all(
    run.stages.map(({ folder: name }) => readJsonIfThere<StageRecord>(recordFile(join(stagesFolder(folder), name)))),
  )
  return { run, records }
}
