import { nodeModule } from '../../base/platform.ts'

/** Cores that this process may use. */
export function availableCores(): number {
  return nodeModule('node:os')?.availableParallelism() ?? globalThis.navigator?.hardwareConcurrency ?? 1
}

/** What a sleep at a barrier and the waking from it cost, in milliseconds. */
const sleepCost = 0.04
/** The share of a run that sleeps may take before fewer threads are tried. */
const bearableShare = 0.1
/** Milliseconds below which the waking of threads matters as much as what they do. */
const shortRun = 1
/** Runs over which two numbers of threads are compared. */
const trialRuns = 4
const shortestPatience = 8
const longestPatience = 512

/**
 * Chooses how many threads walk a program. Where another process keeps a core busy, threads that meet every few
 * microseconds mostly sleep, and fewer are faster. When sleeps take too much of a run, or it is very short, half as many
 * are tried; when that does not help, a quarter, and so on. When fewer run, twice as many are tried now and then. Trials
 * that fail become ever rarer. Results have the same bits for any number.
 */
export class ThreadChooser {
  readonly #most: number
  #threads: number
  #trial: number | undefined
  /** Milliseconds of the last runs with the present number of threads, and of those of the trial. */
  readonly #recent: number[] = []
  #tried: number[] = []
  #runsUntilTrial = 0
  #patience = shortestPatience
  #halvings = 1

  constructor(most: number) {
    this.#most = most
    this.#threads = most
  }

  /** Threads for the next run. */
  get threads(): number {
    return this.#trial ?? this.#threads
  }

  /** What a run with `threads` took, and at how many barriers each thread slept on average. */
  report(milliseconds: number, sleeps: number): void {
    if (this.#most === 1) return
    if (this.#trial !== undefined) {
      this.#tried.push(milliseconds)
      if (this.#tried.length === trialRuns) this.#decide(this.#trial)
      return
    }
    this.#recent.push(milliseconds)
    if (this.#recent.length > trialRuns) this.#recent.shift()
    if (this.#runsUntilTrial > 0) this.#runsUntilTrial -= 1
    else if (this.#recent.length === trialRuns)
      this.#startTrial(sleeps * sleepCost > bearableShare * milliseconds || milliseconds < shortRun)
  }

  #startTrial(downwards: boolean): void {
    if (this.#threads > 1 && downwards) this.#trial = Math.max(1, this.#threads >> this.#halvings)
    else if (this.#threads < this.#most) this.#trial = Math.min(this.#most, this.#threads * 2)
  }

  #decide(trial: number): void {
    if (sum(this.#tried) < sum(this.#recent)) {
      this.#threads = trial
      this.#recent.splice(0, trialRuns, ...this.#tried)
      this.#patience = shortestPatience
      this.#halvings = 1
    } else {
      this.#halvings = trial > 1 && trial < this.#threads ? this.#halvings + 1 : 1
      this.#patience = Math.min(longestPatience, this.#patience * 2)
    }
    this.#runsUntilTrial = this.#patience
    this.#trial = undefined
    this.#tried = []
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
