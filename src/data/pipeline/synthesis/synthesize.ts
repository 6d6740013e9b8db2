/** Has a model write what a plan asks for, and solve what it wrote; keeps every answer, and of the texts those that hold. */
import { inLanes } from '../../../base/lanes.ts'
import type { Endpoint } from '../../../endpoint/endpoint.ts'
import type { JsonObject } from '../../../formats/json.ts'
import { Asker, type AskingCounts, type AskingOptions } from '../asking/asker.ts'
import { askInFolder } from '../asking/folder.ts'
import type { Journal } from '../asking/journal.ts'
import { filtersOf, type Answered, type Unanswered } from './choose.ts'
import { drawCombinations, type Combination } from './combinations.ts'
import type { Draft } from './forms/index.ts'
import { topicsOf, type SynthesisPlan } from './plan.ts'
import { draftQuestion, readDraft, readSolution, solutionQuestion, type Said } from './prompt.ts'
import { writeSynthesis, type SynthesisManifest, type SynthesisResult } from './result.ts'
import { verdictOn, type Verdict } from './solutions.ts'

export interface SynthesisProgress {
  /** Combinations that need no question any more, or got no answer. */
  readonly done: number
  readonly total: number
  readonly answers: AskingCounts
}

export interface SynthesisOptions extends AskingOptions {
  /** Combinations that are asked about at a time. */
  readonly parallel: number
  /** Solutions of an exercise of which more than half have to come to its answer; 0 leaves exercises unsolved. */
  readonly solutions: number
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: SynthesisProgress) => void) | undefined
}

/**
 * Asks about every combination whose answers are not in the folder yet. Each answer is kept as it comes; whenever the run ends, also when it is
 * stopped, the files have all that is kept of what was answered, in the order of the plan.
 *
 * @throws PocketPhiError `aborted`; `invalid-argument` where another run has the folder; `invalid-config` for a plan that counts on more combinations than there are; `not-found` for files that it names; what
 * `Asker.ask` throws
 */
export async function synthesize(
  plan: SynthesisPlan,
  endpoint: Endpoint,
  folder: string,
  options: SynthesisOptions,
): Promise<SynthesisManifest> {
  const combinations = drawCombinations(plan, await topicsOf(plan))
  const filters = await filtersOf(plan)
  const isValue = ({ said }: JsonObject): boolean => typeof said === 'string'
  return await askInFolder<Said, SynthesisManifest>(
    folder,
    { name: 'The writing', isValue, signal: options.signal },
    (journal) => {
      const run = new SynthesisRun(plan, combinations, endpoint, journal, options)
      return { ask: () => run.askAll(), write: () => writeSynthesis(folder, { ...run.result(), filters }) }
    },
  )
}

/** One run of a plan. */
class SynthesisRun {
  readonly #plan: SynthesisPlan
  readonly #combinations: readonly Combination[]
  readonly #model: string
  readonly #journal: Journal<Said>
  readonly #options: SynthesisOptions
  readonly #asker: Asker<Said>
  readonly #known: number
  /** What was wrong with the last answer. */
  readonly #failures = new Map<Combination, string>()

  constructor(
    plan: SynthesisPlan,
    combinations: readonly Combination[],
    endpoint: Endpoint,
    journal: Journal<Said>,
    options: SynthesisOptions,
  ) {
    this.#plan = plan
    this.#combinations = combinations
    this.#model = endpoint.model
    this.#journal = journal
    this.#options = options
    this.#asker = new Asker(endpoint, journal, options)
    this.#known = combinations.length - this.#open().length
  }

  async askAll(): Promise<void> {
    const total = this.#combinations.length
    let done = this.#known
    const tell = (): void => this.#options.onProgress?.({ done, total, answers: this.#asker.counts() })
    tell()
    await inLanes(
      this.#open(),
      this.#options.parallel,
      async (combination, signal) => {
        await this.#ask(combination, signal)
        done++
        tell()
      },
      this.#options.signal,
    )
  }

  /** What there is so far, in the order of the plan. */
  result(): Omit<SynthesisResult, 'filters'> {
    const answered: Answered[] = []
    const unanswered: Unanswered[] = []
    for (const combination of this.#combinations) {
      const draft = this.#draftOf(combination)
      if (draft !== undefined) answered.push({ combination, draft, verdict: this.#verdictOn(draft) })
      else unanswered.push({ combination, reason: this.#failures.get(combination) ?? 'not asked yet' })
    }
    const answers = { ...this.#asker.counts(), known: this.#known }
    return { plan: this.#plan, model: this.#model, answered, unanswered, answers }
  }

  #open(): Combination[] {
    return this.#combinations.filter((combination) => {
      const draft = this.#draftOf(combination)
      return draft === undefined || this.#verdictOn(draft) === 'open'
    })
  }

  async #ask(combination: Combination, signal: AbortSignal): Promise<void> {
    let draft = this.#draftOf(combination)
    if (draft === undefined) {
      const rejected = await this.#asker.ask(draftQuestion(this.#model, this.#plan, combination), signal)
      if (rejected !== undefined) return void this.#failures.set(combination, rejected.rejected)
      draft = this.#draftOf(combination)
    }
    await this.#solve(draft, signal)
  }

  /** Asks for solutions until it is decided whether they agree. */
  async #solve(draft: Draft | undefined, signal: AbortSignal): Promise<void> {
    if (draft?.exercise === undefined) return
    while (this.#verdictOn(draft) === 'open') {
      const isFirst = this.#solutionsOf(draft.exercise.question).length === 0
      const question = solutionQuestion(this.#model, this.#plan, draft.exercise.question, isFirst)
      if ((await this.#asker.ask(question, signal)) !== undefined) return
    }
  }

  /** What was taken, as it is read today: the last that holds. */
  #draftOf(combination: Combination): Draft | undefined {
    const { key } = draftQuestion(this.#model, this.#plan, combination)
    for (const { said } of this.#journal.taken(key).toReversed()) {
      const draft = readDraft(combination, said)
      if (!('rejected' in draft)) return draft
    }
    return undefined
  }

  #verdictOn({ exercise }: Draft): Verdict | undefined {
    const { solutions } = this.#options
    if (exercise === undefined || solutions === 0) return undefined
    return verdictOn(exercise.answer, this.#solutionsOf(exercise.question), solutions)
  }

  /** Final answers. */
  #solutionsOf(question: string): readonly string[] {
    const { key } = solutionQuestion(this.#model, this.#plan, question, false)
    return this.#journal.taken(key).flatMap(({ said }) => {
      const solution = readSolution(said)
      return 'rejected' in solution ? [] : [solution.answer]
    })
  }
}
