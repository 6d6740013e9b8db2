/** A training as commands run it: with the backend that was asked for, and shown while it goes on. */
import type { Recipe } from '../train/recipe.ts'
import { train, type TrainingPlan, type TrainingProgress } from '../train/trainer.ts'
import { chooseBackend, type BackendOptions } from './options.ts'
import { bar, formatBytes, formatSeconds, note, printJson, StatusLine } from './terminal.ts'

export interface ShownTraining extends BackendOptions {
  /** Of the run. */
  readonly folder: string
  readonly resume: boolean
  /** Whether V8's wide vectors are on. */
  readonly wide: boolean
  readonly signal: AbortSignal
}

export function tooLongLine(examples: number, { batch }: Recipe): string {
  return `${examples} examples are left out: no answer of them begins within ${batch.context} tokens ("batch.context").`
}

/** Runs a recipe and shows how it goes. @throws PocketPhiError as `train` */
export async function trainShown(
  recipe: Recipe,
  reporter: TrainingReporter,
  { folder, resume, wide, signal, ...options }: ShownTraining,
): Promise<void> {
  try {
    await train(recipe, {
      folder,
      backend: await chooseBackend(options, { wide }),
      resume,
      signal,
      onPlan: (plan) => reporter.plan(plan),
      onPreparation: ({ stage, done, total, unit }) => reporter.prepare(`${stage}: ${done} of ${total} ${unit}`),
      onTooLong: (examples) => reporter.say(tooLongLine(examples, recipe)),
      onProgress: (progress) => reporter.report(progress),
    })
  } finally {
    reporter.end()
  }
}

function formatCount(count: number): string {
  return count.toLocaleString('en')
}

/** Without a terminal a line is printed this often, in seconds, and whenever the held-out loss was measured. */
const lineSeconds = 10

/** Shows how one training goes: a line written over in place, plain lines, or JSON. */
export class TrainingReporter {
  readonly #json: boolean
  readonly #status: StatusLine
  #heldOut: number | undefined
  #lastLine = -Infinity

  constructor(json: boolean, status = new StatusLine(!json)) {
    this.#json = json
    this.#status = status
  }

  say(line: string): void {
    this.#status.clear()
    note(line)
  }

  end(): void {
    this.#status.clear()
  }

  plan({ parameters, frozen, memory }: TrainingPlan): void {
    if (this.#json) return
    const stay = frozen === 0 ? '' : `, ${formatCount(frozen)} stay as they are`
    this.say(
      `${formatCount(parameters)} weights are trained${stay}. Memory: ${formatBytes(memory.total)}, of which ` +
        `weights ${formatBytes(memory.parameters)}, gradients and moments ${formatBytes(memory.states)}, ` +
        `working memory ${formatBytes(memory.scratch)}`,
    )
  }

  prepare(line: string): void {
    this.#status.show(line)
  }

  report(progress: TrainingProgress): void {
    if (this.#json) return printJson(progress)
    const measured = progress.heldOutLoss !== undefined
    this.#heldOut = progress.heldOutLoss ?? this.#heldOut
    const line = this.#line(progress)
    const now = performance.now() / 1000
    const isDue = measured || progress.step === progress.steps || now - this.#lastLine >= lineSeconds
    if (measured || (isDue && !this.#status.enabled)) {
      this.#lastLine = now
      this.say(line)
    }
    const share = progress.step / progress.steps
    this.#status.show(`${bar(share)} ${line}`)
  }

  #line({ step, steps, loss, rewardAccuracy, tokensPerSecond, secondsLeft }: TrainingProgress): string {
    const heldOut = this.#heldOut === undefined ? '' : `  held out ${this.#heldOut.toFixed(4)}`
    const speed = `${Math.round(tokensPerSecond)} tokens/s`
    const accuracy = rewardAccuracy === undefined ? '' : `  preferred ${(100 * rewardAccuracy).toFixed(0)} %`
    return `step ${step} of ${steps}  loss ${loss.toFixed(4)}${heldOut}${accuracy}  ${speed}  ${formatSeconds(secondsLeft)} left`
  }
}
