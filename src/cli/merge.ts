/** `phi merge`: adds adapters to the weights of a model. */
import { readFile, mkdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Command } from 'commander'
import { companionsIn } from '../engine/companions.ts'
import { openModelFiles } from '../engine/model-files.ts'
import { cleanTemporariesOf, writeFolderAtomic } from '../formats/atomic.ts'
import { openSafetensors } from '../formats/safetensors.ts'
import { writeCheckpoint } from '../formats/safetensors-writer.ts'
import { localFolder } from '../formats/tree.ts'
import { modelFromConfig } from '../models/index.ts'
import { adapterWeightsFile, readAdapterConfig } from '../train/adapter/adapter-files.ts'
import { mergedTensors } from '../train/adapter/merge.ts'
import { UsageError } from './errors.ts'
import { checkReplace } from './files.ts'
import { interruptible } from './interrupt.ts'
import { folderArgument, modelFolder } from './model-folder.ts'
import { print, printJson, progressOn, StatusLine } from './terminal.ts'

/** Data of a shard, as published checkpoints have it. */
const shardBytes = 5e9

interface MergeCommandOptions {
  /** Replace what is there. */
  readonly force?: boolean
  readonly json?: boolean
}

export function registerMerge(program: Command): void {
  program
    .command('merge')
    .description('Add LoRA adapters to the weights of their model, and write the result as a new model folder.')
    .argument('<model>', folderArgument)
    .argument(
      '<adapters>',
      'folder with adapter_config.json and adapter_model.safetensors, as PEFT and phi train write it',
    )
    .argument('<out>', 'the folder to write')
    .option('--force', 'replace the folder if it is there')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Weights keep their float format; those in 4 and 8 bits become BF16, for phi quantize to pack again.

Examples:
  $ phi merge runs/my-model/final runs/my-adapter/final my-tuned-model
  $ phi quantize my-tuned-model my-tuned-model-4bit`,
    )
    .action(runMerge)
}

async function runMerge(name: string, adapters: string, out: string, options: MergeCommandOptions): Promise<void> {
  const folder = await modelFolder(name)
  if ([folder, adapters].some((path) => resolve(path) === resolve(out))) {
    throw new UsageError('The result cannot take the place of what it is made from.')
  }
  await cleanTemporariesOf(out)
  await checkReplace(out, options.force)
  await interruptible((signal) => writeMerged(folder, adapters, out, options, signal))
  if (options.json === true) printJson({ model: out })
  else print(`The model is in ${out}. Try it: phi chat ${out}`)
}

/** Writes a model with adapters added to its weights, whole or not at all. @throws PocketPhiError as reading both and `mergedTensors` */
export async function writeMerged(
  folder: string,
  adapters: string,
  out: string,
  options: MergeCommandOptions,
  signal: AbortSignal,
): Promise<void> {
  const tree = localFolder(folder)
  const adapterTree = localFolder(adapters)
  const settings = await readAdapterConfig(adapterTree)
  const files = await openModelFiles(tree)
  const tensors = await openSafetensors(adapterTree, adapterWeightsFile)
  const status = new StatusLine(options.json !== true)
  try {
    const model = modelFromConfig(await files.config())
    const progress = { signal, onProgress: progressOn(status) }
    const entries = mergedTensors(model, await files.weights(), tensors, settings, progress)
    await mkdir(dirname(resolve(out)), { recursive: true })
    await writeFolderAtomic(
      out,
      async (into) => {
        for (const each of await companionsIn(tree)) await into.writeFile(each, await readFile(join(folder, each)))
        await writeCheckpoint(entries, { format: 'pt' }, shardBytes, into.writeFile)
      },
      { replace: options.force === true },
    )
  } finally {
    status.clear()
    await tensors.close()
    await files.close()
  }
}
