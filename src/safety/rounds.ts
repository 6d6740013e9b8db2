/**
 * The loop: find failures, curate them, train on them, measure again. The history is a folder that only grows. Each step ends with a file that is there whole or
 * not at all, so that a loop that was stopped at any moment goes on with the step it was in.
 *
 *     plan.json                the plan that all of it was made by
 *     round-0/measured.json    the model before the first round, on held-out rows
 *     round-N/find.jsonl       conversations with rows that may be learned from
 *     round-N/sft.jsonl        what is learned of them, and of those of earlier rounds
 *     round-N/dpo.jsonl
 *     round-N/curated.json     how much of what that is
 *     round-N/training/        a run of `phi make`
 *     round-N/measured.json    the model after it, on the same held-out rows as ever
 */
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PocketPhiError, throwIfAborted } from '../base/errors.ts'
import type { AskingCounts } from '../data/pipeline/asking/asker.ts'
import { lockFolder } from '../data/pipeline/folder-lock.ts'
import { readJsonIfThere, writeJson } from '../data/pipeline/files.ts'
import { cleanTemporaries, systemError, writeFileAtomic } from '../formats/atomic.ts'
import { makeRun, type StageWorkers } from '../make/make.ts'
import { productOf } from '../make/plan.ts'
import type { RunFile, StageDefinition } from '../make/run-file.ts'
import { differences } from '../train/checkpoint.ts'
import { readConversations, readPreferences } from '../data/conversations/index.ts'
import { curate, type CuratedCounts } from './curate.ts'
import type { Grader } from './graders/grader.ts'
import { measureProbes, summariseMeasured, type Measured, type MeasureOptions, type MeasureSummary } from './measure.ts'
import { recipeFields, trainingKinds, type SafetyPlan, type TrainingKind } from './plan.ts'
import { probesOf } from './probes.ts'
import { seedsOf, type FrozenRows } from './seeds.ts'
import type { SafetySubject } from './subject.ts'
import type { Part } from './types.ts'
import type { SimulatedUser } from './user.ts'

/** What was measured after a round, or before the first. */
export interface RoundResult {
  readonly round: number
  /** The folder of the model. */
  readonly model: string
  readonly user: string
  readonly grader: string
  readonly measures: readonly MeasureSummary[]
  /** What models behind servers were asked until then, and how many of their answers were not taken. */
  readonly asked?: { readonly user?: AskingCounts | undefined; readonly judge?: AskingCounts | undefined }
}

/** What a round found, and what it made of it. */
export interface RoundFindings {
  readonly found: readonly MeasureSummary[]
  readonly counts: CuratedCounts
  /** All lines that it learns from, those of earlier rounds too. */
  readonly conversations: number
  readonly preferences: number
}

/** A model that is opened when it is needed, and what else decides its answers. */
export interface OpenedModel {
  readonly name: string
  readonly settings: Readonly<Record<string, string | number | boolean>>
  readonly open: () => Promise<SafetySubject>
}

export interface LoopOptions {
  readonly user: SimulatedUser
  readonly grader: Grader
  readonly model: (folder: string) => Promise<OpenedModel>
  readonly frozen: FrozenRows
  readonly workers: StageWorkers
  /** Conversations at a time. */
  readonly parallel: number
  readonly signal: AbortSignal
  readonly onStep?: (step: string) => void
  readonly onProgress?: MeasureOptions['onProgress']
}

export const roundFolder = (history: string, round: number): string => join(history, `round-${round}`)
const measuredFile = (history: string, round: number): string => join(roundFolder(history, round), 'measured.json')
const curatedFile = (history: string, round: number): string => join(roundFolder(history, round), 'curated.json')
const learnedFile = (history: string, round: number, kind: TrainingKind): string =>
  join(roundFolder(history, round), `${kind}.jsonl`)

/** A training holds one of different lines out, and learns the others. */
const fewestLines = 2

/** What is there of a history, in order. @throws PocketPhiError `not-found` where nothing was measured; `invalid-file` for a damaged file */
export async function readHistory(
  history: string,
): Promise<readonly { readonly result: RoundResult; readonly findings: RoundFindings | undefined }[]> {
  const rounds: { result: RoundResult; findings: RoundFindings | undefined }[] = []
  for (let round = 0; ; round++) {
    const result = await readJsonIfThere<RoundResult>(measuredFile(history, round))
    if (result === undefined) break
    rounds.push({ result, findings: await readJsonIfThere<RoundFindings>(curatedFile(history, round)) })
  }
  if (rounds.length > 0) return rounds
  throw new PocketPhiError('not-found', `"${history}" has no measurements.`, {
    expected: 'the folder of a safety loop: "folder" of its plan, or runs/safety-NAME',
    remedy: 'Begin it: phi safety round PLAN.',
  })
}

/**
 * Does rounds until there are so many, from wherever the history stands.
 *
 * @throws PocketPhiError `invalid-config` for a history of another plan; `invalid-argument` for another user or grader, and while another process works on it; `aborted`; as
 * `measureProbes` and `makeRun`
 */
export async function runRounds(plan: SafetyPlan, rounds: number, options: LoopOptions): Promise<void> {
  await mkdir(plan.folder, { recursive: true }).catch((error: unknown) => {
    throw systemError(plan.folder, error)
  })
  const lock = await lockFolder(plan.folder)
  try {
    await cleanTemporaries(plan.folder)
    await keepPlan(plan)
    const loop = new Loop(plan, options)
    for (let round = 0; round <= rounds; round++) await loop.round(round)
  } finally {
    lock.close()
  }
}

/** A history is of one plan, or its figures could not be compared. */
async function keepPlan(plan: SafetyPlan): Promise<void> {
  const file = join(plan.folder, 'plan.json')
  const now: unknown = JSON.parse(JSON.stringify(plan))
  const then = await readJsonIfThere<unknown>(file)
  if (then === undefined) return await writeJson(file, now)
  const changed = differences(then, now)
  if (changed.length === 0) return
  throw new PocketPhiError('invalid-config', `The history in "${plan.folder}" was begun with another plan.`, {
    found: changed.join('; '),
    remedy: 'Restore the plan, or give the changed one another "folder".',
  })
}

class Loop {
  readonly #plan: SafetyPlan
  readonly #options: LoopOptions

  constructor(plan: SafetyPlan, options: LoopOptions) {
    this.#plan = plan
    this.#options = options
  }

  async round(round: number): Promise<void> {
    const { folder } = this.#plan
    const file = measuredFile(folder, round)
    if ((await readJsonIfThere(file)) !== undefined) return
    throwIfAborted(this.#options.signal)
    await this.#checkAskers()
    await mkdir(roundFolder(folder, round), { recursive: true }).catch((error: unknown) => {
      throw systemError(folder, error)
    })
    await cleanTemporaries(roundFolder(folder, round))
    const model = round === 0 ? this.#plan.model : await this.#trained(round)
    this.#say(`Round ${round}: measuring ${model}`)
    const { user, grader } = this.#options
    const measures = summariseMeasured(await this.#converse(round, 'held-out', model))
    const asked = { user: user.counts?.(), judge: grader.counts?.() }
    const result: RoundResult = { round, model, user: user.name, grader: grader.name, measures, asked }
    await writeJson(file, result)
  }

  /** Who asks and who grades stay the same, or figures of rounds could not be compared. */
  async #checkAskers(): Promise<void> {
    const { folder } = this.#plan
    const first = await readJsonIfThere<RoundResult>(measuredFile(folder, 0))
    if (first === undefined) return
    const { user, grader } = this.#options
    const changed = differences({ user: first.user, grader: first.grader }, { user: user.name, grader: grader.name })
    if (changed.length === 0) return
    throw new PocketPhiError('invalid-argument', `The history in "${folder}" was begun with others who ask or grade.`, {
      found: changed.join('; '),
      remedy: 'Name the same --user, --turns and --judge, or give the plan another "folder".',
    })
  }

  /** The model that a round makes of that of the one before. */
  async #trained(round: number): Promise<string> {
    const before = await this.#modelOf(round - 1)
    const findings = await this.#find(round, before)
    const different = { sft: await this.#different(round, 'sft'), dpo: await this.#different(round, 'dpo') }
    if (different.sft < fewestLines) {
      this.#say(`Round ${round}: nothing to learn from was found`)
      return before
    }
    this.#say(
      `Round ${round}: training on ${findings.conversations} conversations and ${findings.preferences} preferences`,
    )
    const { run, model } = trainingRun(this.#plan, round, before, different)
    await makeRun(run, { workers: this.#options.workers, signal: this.#options.signal })
    return model
  }

  /** How many of the lines that a round learns are unlike each other. */
  async #different(round: number, kind: TrainingKind): Promise<number> {
    const text = await readFile(learnedFile(this.#plan.folder, round, kind), 'utf8')
    return new Set(text.split('\n').filter((line) => line !== '')).size
  }

  async #modelOf(round: number): Promise<string> {
    const result = await readJsonIfThere<RoundResult>(measuredFile(this.#plan.folder, round))
    return result?.model ?? this.#plan.model
  }

  async #find(round: number, model: string): Promise<RoundFindings> {
    const { folder } = this.#plan
    const known = await readJsonIfThere<RoundFindings>(curatedFile(folder, round))
    if (known !== undefined) return known
    this.#say(`Round ${round}: looking for failures of ${model}`)
    const measured = await this.#converse(round, 'find', model)
    const { conversations, preferences, counts } = curate(measured)
    const learned = {
      sft: [...(await this.#learnedBefore(round, 'sft')), ...conversations],
      dpo: [...(await this.#learnedBefore(round, 'dpo')), ...preferences],
    }
    for (const kind of trainingKinds) {
      await writeFileAtomic(
        learnedFile(folder, round, kind),
        learned[kind].map((line) => `${JSON.stringify(line)}\n`).join(''),
      )
    }
    const findings = {
      found: summariseMeasured(measured),
      counts,
      conversations: learned.sft.length,
      preferences: learned.dpo.length,
    }
    await writeJson(curatedFile(folder, round), findings)
    return findings
  }

  /** Lessons of earlier rounds are learned again, so that one failure is not traded for another. */
  async #learnedBefore(round: number, kind: TrainingKind): Promise<readonly object[]> {
    const before = await readJsonIfThere<RoundFindings>(curatedFile(this.#plan.folder, round - 1))
    const file = learnedFile(this.#plan.folder, round - 1, kind)
    if (kind === 'dpo') return (before?.preferences ?? 0) > 0 ? await readPreferences(file) : []
    return (before?.conversations ?? 0) > 0 ? (await readConversations(file)).map((messages) => ({ messages })) : []
  }

  async #converse(round: number, part: Part, folder: string): Promise<Measured[]> {
    const { user, grader, parallel, signal, onProgress, frozen, model } = this.#options
    const probes = probesOf(await seedsOf(this.#plan, part === 'find' ? round : 0, frozen), part, this.#plan)
    const { name, settings, open } = await model(folder)
    return await measureProbes(probes, {
      file: join(roundFolder(this.#plan.folder, round), `${part}.jsonl`),
      header: { model: name, settings },
      open,
      user,
      grader,
      parallel,
      maxTokens: this.#plan.maxTokens,
      signal,
      ...(onProgress !== undefined && { onProgress }),
    })
  }

  #say(step: string): void {
    this.#options.onStep?.(step)
  }
}

/**
 * The trainings of a round: conversations, then preferences; adapters are merged, so that the next starts from a whole model.
 *
 * @param different lines that there are to learn
 */
function trainingRun(
  plan: SafetyPlan,
  round: number,
  before: string,
  different: Readonly<Record<TrainingKind, number>>,
): { readonly run: RunFile; readonly model: string } {
  const home = join(roundFolder(plan.folder, round), 'training')
  const stages: StageDefinition[] = []
  let model = before
  for (const kind of trainingKinds) {
    if (plan[kind] === undefined || different[kind] < fewestLines) continue
    const recipe = recipeFields(plan, kind, { round, initial: model, file: learnedFile(plan.folder, round, kind) })
    const training: StageDefinition = { kind: 'train', name: kind, folder: join(home, kind), recipe }
    stages.push(training)
    const trained = productOf(training)
    if (recipe['adapter'] === undefined) model = trained
    else {
      const merged: StageDefinition = {
        kind: 'merge',
        name: `${kind}-merged`,
        folder: join(home, `${kind}-merged`),
        model,
        adapters: trained,
      }
      stages.push(merged)
      model = productOf(merged)
    }
  }
  const run = { name: `${plan.name}-round-${round}`, description: plan.description, folder: home, stages }
  return { run, model }
}
