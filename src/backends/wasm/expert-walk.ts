/** Runs the steps of experts of one run of a program, as their matrices come. */
import { planSegments } from '../../program/plan.ts'
import type { ExpertCache } from './expert-cache.ts'
import type { Location } from './location.ts'
import type { ExpertStep, ExpertSteps, Segment } from './segments.ts'

/** The share of a mixture from which on nearly all of the next one is expected to be chosen. */
const manyChosen = 0.75

/** Runs the steps [from, to). */
export type RunSteps = (from: number, to: number) => Promise<void>

/** What a walk asks of the run that it belongs to. */
export interface RunCalls {
  readonly runSteps: RunSteps
  /** Ends the run where it was aborted or its device is gone. */
  readonly check: () => void
  readonly signal: AbortSignal | undefined
}

/** What steps of experts are run with. */
export interface ExpertSetting extends RunCalls {
  readonly cache: ExpertCache
  readonly buffers: readonly ArrayBufferLike[]
  /** The greatest cost of steps that run without a look at the signal. */
  readonly longest: number
}

/**
 * One run of a program over experts that are not all in memory. Where the table of a mixture has been made, it asks for the matrices of the
 * experts that were chosen, those of later segments too. The steps of a segment depend on each other in nothing, so that those run first whose
 * matrices are there; the others are read meanwhile. Order and moment change no bits.
 */
export class ExpertWalk {
  readonly #setting: ExpertSetting
  readonly #segments: readonly ExpertSteps[]
  /** What the mixture that is being walked has chosen. */
  #mixture: { readonly pool: number; readonly chosen: ReadonlySet<number> } | undefined

  constructor(segments: readonly Segment[], setting: ExpertSetting) {
    this.#setting = setting
    this.#segments = segments.flatMap(({ experts }) => experts ?? [])
  }

  /**
   * Runs the steps of one segment; segments come in order.
   * @throws what a read of a matrix throws, and what `check` does
   */
  async run(segment: ExpertSteps): Promise<void> {
    const { cache, check } = this.#setting
    const steps = this.#chosenSteps(segment)
    const waiting = new Set(steps)
    while (waiting.size > 0) {
      const ready = steps.filter((step) => waiting.has(step) && cache.addressOf(step.matrix) !== undefined)
      if (ready.length === 0) {
        await cache.arrival()
        check()
      }
      for (const group of this.#groups(steps, ready)) {
        await this.#runGroup(group)
        for (const step of group) waiting.delete(step)
      }
    }
  }

  /** After the last segment, or when the run failed: nothing is being read any more. */
  async end(): Promise<void> {
    await this.#setting.cache.settle()
  }

  async #runGroup(group: readonly ExpertStep[]): Promise<void> {
    const { cache, buffers, runSteps, check } = this.#setting
    for (const { matrix, word } of group) writeWord(buffers, word, cache.addressOf(matrix) as number)
    const [first, last] = [group[0] as ExpertStep, group.at(-1) as ExpertStep]
    await runSteps(first.index, last.index + 1)
    for (const { matrix } of group) cache.used(matrix)
    check()
  }

  /** The steps of a segment whose experts some row has chosen; with the first segment of a mixture, asks for the matrices of all. */
  #chosenSteps({ pool, table, steps }: ExpertSteps): ExpertStep[] {
    const { cache, buffers, signal } = this.#setting
    if (this.#mixture?.pool !== pool) {
      const ofMixture = this.#segments.filter((segment) => segment.pool === pool).flatMap((segment) => segment.steps)
      const chosen = chosenExperts(buffers, table, ofMixture)
      this.#mixture = { pool, chosen }
      const wanted = ofMixture.filter(({ expert }) => chosen.has(expert))
      cache.want(
        pool,
        wanted.map(({ matrix }) => matrix),
        signal,
      )
      if (wanted.length >= manyChosen * ofMixture.length) this.#expectNext(pool)
    }
    const { chosen } = this.#mixture
    return steps.filter(({ expert }) => chosen.has(expert))
  }

  /** Where so many rows chose that nearly all experts were, it will be so in the mixture that follows. */
  #expectNext(pool: number): void {
    const next = this.#segments[this.#segments.findLastIndex((segment) => segment.pool === pool) + 1]
    if (next === undefined) return
    const steps = this.#segments.filter((segment) => segment.pool === next.pool).flatMap((segment) => segment.steps)
    this.#setting.cache.expect(
      next.pool,
      steps.map(({ matrix }) => matrix),
    )
  }

  /** Steps that are ready and follow each other, but for steps that have nothing to do, at most so long. */
  #groups(steps: readonly ExpertStep[], ready: readonly ExpertStep[]): ExpertStep[][] {
    const places = new Map(steps.map((step, place) => [step, place]))
    const runs: ExpertStep[][] = []
    for (const step of ready) {
      const run = runs.at(-1)
      const before = run?.at(-1)
      if (run !== undefined && before !== undefined && places.get(before) === (places.get(step) ?? 0) - 1)
        run.push(step)
      else runs.push([step])
    }
    return runs.flatMap((run) =>
      planSegments(
        run.map(({ cost }) => cost),
        this.#setting.longest,
      ).map(({ from, to }) => run.slice(from, to)),
    )
  }
}

function writeWord(buffers: readonly ArrayBufferLike[], { memory, address }: Location, value: number): void {
  new DataView(buffers[memory] as ArrayBufferLike).setUint32(address, value, true)
}

/** The experts of these steps that have places in the table. */
function chosenExperts(
  buffers: readonly ArrayBufferLike[],
  { memory, address }: Location,
  steps: readonly ExpertStep[],
): Set<number> {
  const experts = [...new Set(steps.map(({ expert }) => expert))]
  const starts = new Int32Array(buffers[memory] as ArrayBufferLike, address, Math.max(...experts) + 2)
  return new Set(experts.filter((expert) => (starts[expert + 1] as number) > (starts[expert] as number)))
}
