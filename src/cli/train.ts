/** `phi train`: runs a recipe. */
import { rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { confirm, isCancel } from '@clack/prompts'
import type { Command } from 'commander'
import { PocketPhiError } from '../base/errors.ts'
import { listCheckpoints } from '../train/checkpoint.ts'
import { readRecipe } from '../train/read-recipe.ts'
import { train, type TrainingPlan, type TrainingProgress } from '../train/trainer.ts'
import { readTextFile } from './files.ts'
import { interruptible } from './interrupt.ts'
import { addBackendOptions, chooseBackend, type BackendOptions } from './options.ts'
import { bar, formatBytes, formatSeconds, note, print, printJson, StatusLine } from './terminal.ts'
import { addWideOptions, enableWideVectors, type WideOptions } from './wide.ts'

interface TrainCommandOptions extends BackendOptions, WideOptions {
  readonly folder?: string
  readonly resume?: boolean
  readonly restart?: boolean
  readonly json?: boolean
}

export function registerTrain(program: Command): void {
  const command = program
    .command('train')
    .description('Train a model as a recipe says. The finished model is in the folder "final" of the run.')
    .argument('<recipe>', 'YAML file; paths in it are taken from the working folder')
    .option('--folder <path>', 'folder of the run (default: runs/ and the name of the recipe)')
    .option('--resume', 'go on from the newest checkpoint; the result has the bits of an undisturbed run')
    .option('--restart', 'remove the checkpoints that are there and begin anew')
    .option('--json', 'print one JSON object for each step, and one at the end')
  addWideOptions(addBackendOptions(command), 'yes')
    .addHelpText(
      'after',
      `
Ctrl-C saves a checkpoint and ends; --resume goes on from there. A second Ctrl-C ends at once.

Examples:
  $ phi train recipes/phi-nano/pretrain.yaml
  $ phi train recipes/phi-nano/pretrain.yaml --folder runs/second --threads 2
  $ phi train recipes/phi-nano/pretrain.yaml --resume`,
    )
    .action(runTraining)
}

async function runTraining(path: string, options: TrainCommandOptions): Promise<void> {
  const recipe = await readRecipe(await readTextFile(path, 'recipe'), path)
  const folder = options.folder ?? join('runs', recipe.name)
  await prepareFolder(folder, options)
  const wide =
    options.wide !== false &&
    (options.backend === 'auto' || options.backend === 'wasm') &&
    enableWideVectors('training', options.threads)
  const again = `phi train ${path} --folder ${folder} --resume`
  const reporter = new Reporter(options.json === true)
  await interruptible(
    async (signal) => {
      try {
        await train(recipe, {
          folder,
          backend: await chooseBackend(options, { wide }),
          resume: options.resume === true,
          signal,
          onPlan: (plan) => reporter.plan(plan),
          onPreparation: ({ stage, done, total, unit }) => reporter.prepare(`${stage}: ${done} of ${total} ${unit}`),
          onTooLong: (examples) =>
            reporter.say(
              `${examples} examples are left out: no answer of them begins within ${recipe.batch.context} tokens ("batch.context").`,
            ),
          onProgress: (progress) => reporter.report(progress),
        })
      } catch (error) {
        reporter.end()
        if (signal.aborted) throw await stopped(folder, again, error)
        throw error
      }
      reporter.end()
    },
    () => reporter.say('Saving a checkpoint …'),
  )
  const model = join(folder, 'final')
  if (options.json === true) printJson({ done: true, model })
  else if (recipe.adapter === undefined) print(`The model is in ${model}. Try it: phi chat ${model}`)
  else print(`The adapters are in ${model}. Add them to the model: phi merge ${recipe.initial} ${model} MERGED`)
}

/** What is said after Ctrl-C. */
async function stopped(folder: string, again: string, cause: unknown): Promise<unknown> {
  const newest = (await listCheckpoints(join(folder, 'checkpoints'))).at(-1)
  if (newest === undefined) return cause
  return new PocketPhiError('aborted', `The training was stopped and saved in ${newest}.`, {
    remedy: `Go on with: ${again}`,
    cause,
  })
}

/** Refuses to overwrite a run by accident. */
async function prepareFolder(folder: string, { resume, restart, json }: TrainCommandOptions): Promise<void> {
  if (resume === true && restart === true) {
    throw new PocketPhiError('invalid-argument', 'A run is either resumed or restarted.')
  }
  const checkpoints = join(folder, 'checkpoints')
  const newest = (await listCheckpoints(checkpoints)).at(-1)
  if (newest === undefined || resume === true) return
  if (restart !== true && (json === true || !(await mayRemove(newest)))) {
    throw new PocketPhiError('invalid-argument', `"${folder}" holds a run already, up to ${basename(newest)}.`, {
      expected: 'a folder without checkpoints',
      remedy: 'Go on with --resume, choose another --folder, or remove the checkpoints with --restart.',
    })
  }
  await rm(checkpoints, { recursive: true })
}

async function mayRemove(newest: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return false
  const answer = await confirm({
    message: `There is a run up to ${basename(newest)}. Remove its checkpoints and begin anew?`,
    initialValue: false,
    output: process.stderr,
  })
  return !isCancel(answer) && answer
}

function formatCount(count: number): string {
  return count.toLocaleString('en')
}

/** Without a terminal a line is printed this often, in seconds, and whenever the held-out loss was measured. */
const lineSeconds = 10

/** Shows how a training goes: a line written over in place, plain lines, or JSON. */
class Reporter {
  readonly #json: boolean
  readonly #status: StatusLine
  #heldOut: number | undefined
  #lastLine = -Infinity

  constructor(json: boolean) {
    this.#json = json
    this.#status = new StatusLine(!json)
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
