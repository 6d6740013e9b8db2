/** Makes a run: stage after stage, from wherever it was stopped, and no stage twice of the same. */
import { mkdir, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { resourceUsage } from 'node:process'
import { PocketPhiError, throwIfAborted } from '../base/errors.ts'
import { tryLock } from '../base/file-lock.ts'
import { cleanTemporaries, cleanTemporariesOf, currentFolder, systemError } from '../formats/atomic.ts'
import { planMake, type PlannedMake } from './plan.ts'
import { readMakeRecord, writeMakeRecord, type MadeStage } from './record.ts'
import type { DefinitionOf, RunFile, StageDefinition, StageKind } from './run-file.ts'
import { inStage, resolveStages, type Stage } from './stages.ts'

/** What a stage is done with. */
export interface StageWork<Definition extends StageDefinition = StageDefinition> {
  readonly stage: Stage<Definition>
  readonly signal: AbortSignal
}

/**
 * Does a stage of each kind into its folder. What an interrupted call left there is gone on from, or thrown away; when it returns, all of the result
 * is there.
 */
export type StageWorkers = { readonly [Kind in StageKind]: (work: StageWork<DefinitionOf<Kind>>) => Promise<void> }

export interface MakeOptions {
  readonly workers: StageWorkers
  readonly signal: AbortSignal
  /** Begin stages anew that were made of something else; what they have made is kept beside their folders. */
  readonly again?: boolean
  /** Hears of every stage when it is its turn. */
  readonly onStage?: (planned: PlannedMake) => void
  /** Hears where the former result of a stage is kept. */
  readonly onKept?: (stage: string, folder: string) => void
  /** In seconds since 1970; tests replace it. */
  readonly now?: () => number
}

/** What is there of a run, and what there is to do. @throws PocketPhiError as `makeRun` */
export async function planRun(run: RunFile): Promise<PlannedMake[]> {
  return await planMake(await resolveStages(run), await readMakeRecord(run.folder))
}

/**
 * Makes a run. A stage that was done with the same recipe, files and input stages is not done again; one that was interrupted goes on by its own means.
 *
 * @throws PocketPhiError `invalid-config` where something has changed under stages that are done or begun, and `again` is not set;
 * `invalid-argument` while another process makes the run; `invalid-file` for a damaged record; `aborted`; with the name of the stage, what its work throws
 */
export async function makeRun(run: RunFile, options: MakeOptions): Promise<void> {
  const { folder } = run
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw systemError(folder, error)
  })
  const lock = tryLock(join(folder, 'make.lock'), 'or give the run another "folder".')
  if (lock === undefined) {
    throw new PocketPhiError('invalid-argument', `Another process makes the run in "${folder}".`, {
      remedy: 'Wait for it, end it, or give the run another "folder".',
    })
  }
  try {
    await cleanTemporaries(folder)
    for (const stage of run.stages) await cleanTemporariesOf(stage.folder)
    const planned = await planRun(run)
    if (options.again !== true) refuseChanges(planned)
    await new Making(run, planned, options).toTheEnd()
  } finally {
    lock.close()
  }
}

/** Hours of work are not thrown away without being asked for it. */
function refuseChanges(planned: readonly PlannedMake[]): void {
  const changed = planned.filter(({ status }) => status === 'changed')
  if (changed.length === 0) return
  const names = changed.map(({ stage }) => `"${stage.definition.name}"`).join(', ')
  throw new PocketPhiError('invalid-config', `What is there was made of something else: ${names}.`, {
    expected: 'the recipes, files and stages that they were made of',
    found: changed.map(({ stage, reasons }) => `${stage.definition.name}: ${reasons.join('; ')}`).join('\n'),
    remedy:
      'Do these stages again with --again, which keeps what they have made beside their folders; or restore what has changed.',
  })
}

class Making {
  readonly #run: RunFile
  readonly #planned: readonly PlannedMake[]
  readonly #options: MakeOptions
  readonly #records: MadeStage[]
  readonly #now: () => number

  constructor(run: RunFile, planned: readonly PlannedMake[], options: MakeOptions) {
    this.#run = run
    this.#planned = planned
    this.#options = options
    this.#now = options.now ?? (() => Date.now() / 1000)
    this.#records = planned.map(({ stage: { definition }, basis, record, status }) => {
      const { name, kind, folder } = definition
      if (record !== undefined && status !== 'new' && status !== 'changed') return { ...record, kind, folder }
      // Until its turn comes a changed stage is what it was.
      if (record !== undefined && status === 'changed') return record
      return { name, kind, folder, state: 'waiting', basis }
    })
  }

  async toTheEnd(): Promise<void> {
    await this.#save()
    for (const [index, planned] of this.#planned.entries()) {
      throwIfAborted(this.#options.signal)
      this.#options.onStage?.(planned)
      if (planned.status !== 'done') await this.#make(index, planned)
    }
  }

  async #make(index: number, { stage, basis, status, record }: PlannedMake): Promise<void> {
    const { name, kind, folder } = stage.definition
    if (status === 'changed') {
      const kept = await setAside(folder)
      this.#options.onKept?.(name, kept)
    }
    const before = status === 'begun' ? record : undefined
    const start = this.#now()
    const common = { name, kind, folder, basis, began: before?.began ?? isoTime(start) }
    await this.#note(index, { ...common, state: 'begun', seconds: before?.seconds ?? 0 })
    const worked = (): Pick<MadeStage, 'ended' | 'seconds' | 'peakBytes'> => ({
      ended: isoTime(this.#now()),
      seconds: (before?.seconds ?? 0) + this.#now() - start,
      peakBytes: 1024 * resourceUsage().maxRSS,
    })
    try {
      await mkdir(dirname(folder), { recursive: true })
      await inStage(name, () => this.#work(stage))
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      await this.#note(index, { ...common, ...worked(), state: 'begun', error: message })
      if (this.#options.signal.aborted) throw stopped(name, error)
      throw error
    }
    await this.#note(index, { ...common, ...worked(), state: 'done' })
  }

  async #work(stage: Stage): Promise<void> {
    const { workers, signal } = this.#options
    // Whose work it is the kind decides, which TypeScript cannot follow through an index.
    const worker = workers[stage.definition.kind] as (work: StageWork) => Promise<void>
    await worker({ stage, signal })
  }

  async #note(index: number, record: MadeStage): Promise<void> {
    this.#records[index] = record
    await this.#save()
  }

  async #save(): Promise<void> {
    const { folder, name, description } = this.#run
    await writeMakeRecord(folder, { format: 1, name, description, stages: this.#records })
  }
}

function isoTime(seconds: number): string {
  return new Date(1000 * seconds).toISOString()
}

/** Gives what is in a folder the next free name beside it. @returns that name */
async function setAside(folder: string): Promise<string> {
  for (let number = 1; ; number++) {
    const kept = `${folder}.before-${number}`
    if ((await currentFolder(kept)) !== undefined) continue
    await rename(folder, kept).catch((error: unknown) => {
      throw systemError(folder, error)
    })
    return kept
  }
}

function stopped(stage: string, cause: unknown): PocketPhiError {
  return new PocketPhiError('aborted', `The run was stopped in the stage "${stage}".`, {
    remedy: 'The same command goes on from there.',
    cause,
  })
}
