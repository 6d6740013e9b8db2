/** `phi train`: runs a recipe. */
import { rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { confirm, isCancel } from '@clack/prompts'
import { Option, type Command } from 'commander'
import { PocketPhiError } from '../base/errors.ts'
import { cleanTemporariesOf } from '../formats/atomic.ts'
import { listCheckpoints } from '../train/checkpoint.ts'
import { exportTorch } from '../train/export/export.ts'
import { readRecipe } from '../train/read-recipe.ts'
import type { Recipe } from '../train/recipe.ts'
import { UsageError } from './errors.ts'
import { checkParent, readTextFile } from './files.ts'
import { interruptible } from './interrupt.ts'
import { addBackendOptions, type BackendOptions } from './options.ts'
import { note, print, printJson, progressOn, StatusLine } from './terminal.ts'
import { tooLongLine, TrainingReporter, trainShown } from './training.ts'
import { addWideOptions, enableWideVectors, type WideOptions } from './wide.ts'

interface TrainCommandOptions extends BackendOptions, WideOptions {
  readonly folder?: string
  readonly resume?: boolean
  readonly restart?: boolean
  readonly export?: 'torch'
  readonly json?: boolean
}

export function registerTrain(program: Command): void {
  const command = program
    .command('train')
    .description('Train a model as a recipe says. The finished model is in the folder "final" of the run.')
    .argument('<recipe>', 'YAML file; paths in it are taken from the working folder')
    .option('--folder <path>', 'folder of the run (default: runs/ and the name of the recipe)')
    .option('--resume', 'go on from the newest checkpoint; the result has the bits of an undisturbed run')
    .option(
      '--restart',
      'remove the checkpoints that are there and begin anew; with --export: replace an export that is there',
    )
    .addOption(
      new Option(
        '--export <kind>',
        'do not train: write batches, weights and a launch file to --folder, for PyTorch with accelerate and FSDP',
      ).choices(['torch']),
    )
    .option('--json', 'print one JSON object for each step, and one at the end')
  addWideOptions(addBackendOptions(command), 'yes')
    .addHelpText(
      'after',
      `
Ctrl-C saves a checkpoint and ends; --resume goes on from there. A second Ctrl-C ends at once.

Examples:
  $ phi train recipes/phi-nano/pretrain.yaml
  $ phi train recipes/phi-nano/pretrain.yaml --folder runs/second --threads 2
  $ phi train recipes/phi-nano/pretrain.yaml --resume
  $ phi train recipes/phi-nano/pretrain.yaml --export torch --folder exported`,
    )
    .action(runTraining)
}

async function runTraining(path: string, options: TrainCommandOptions): Promise<void> {
  const recipe = await readRecipe(await readTextFile(path, 'recipe'), path)
  if (options.export !== undefined) return await runExport(recipe, options)
  const folder = options.folder ?? join('runs', recipe.name)
  await prepareFolder(folder, options)
  const wide =
    options.wide !== false &&
    (options.backend === 'auto' || options.backend === 'wasm') &&
    enableWideVectors('training', options.threads)
  const again = `phi train ${path} --folder ${folder} --resume`
  const reporter = new TrainingReporter(options.json === true)
  await interruptible(
    async (signal) => {
      try {
        await trainShown(recipe, reporter, { ...options, folder, resume: options.resume === true, wide, signal })
      } catch (error) {
        throw signal.aborted ? await stopped(folder, again, error) : error
      }
    },
    () => reporter.say('Saving a checkpoint …'),
  )
  const model = join(folder, 'final')
  if (options.json === true) printJson({ done: true, model })
  else if (recipe.adapter === undefined) print(`The model is in ${model}. Try it: phi chat ${model}`)
  else print(`The adapters are in ${model}. Add them to the model: phi merge ${recipe.initial} ${model} MERGED`)
}

/** Writes a training for another program instead of running it. */
async function runExport(recipe: Recipe, { folder, resume, restart, json }: TrainCommandOptions): Promise<void> {
  if (folder === undefined) throw new UsageError('--export needs --folder, the folder to write.')
  if (resume === true) throw new UsageError('An export is written at once: it cannot be resumed.')
  await checkParent(folder)
  await cleanTemporariesOf(folder)
  const status = new StatusLine(json !== true)
  const exporting = interruptible((signal) =>
    exportTorch(recipe, { folder, replace: restart === true, signal, onProgress: progressOn(status) }),
  )
  const { batches, hasWeights, tooLong } = await exporting.finally(() => status.clear())
  if (json === true) return printJson({ folder, batches, hasWeights, tooLong })
  if (tooLong > 0) note(tooLongLine(tooLong, recipe))
  print(`${batches} batches${hasWeights ? ' and weights' : ''} are in ${folder}. README.md there says how it is run.`)
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
